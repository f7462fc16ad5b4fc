"""What answers behind the one door: an endpoint, vLLM, `transformers`."""
