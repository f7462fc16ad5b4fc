"""What the machine has and does: energy, GPUs, cores, and whether anything answers on the network."""
