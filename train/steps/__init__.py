"""Steps of training: the model, its loss and optimiser, the loop, checkpoints."""
