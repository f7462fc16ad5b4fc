"""What answers behind the one door: an endpoint, vLLM on GPUs here, `transformers`.

In: Requests. Out: Completions as they come, an error in those that have none. Each backend is loaded when a model of
its kind is opened, and by nobody else.
"""
