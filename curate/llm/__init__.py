"""The one door to language models: `open_model(spec, log)` and the nouns of a call."""

from curate.llm.door import Model, check_model, close_models, open_model
from curate.llm.log import Usage
from curate.llm.types import LLM, Completion, Message, ModelSpec, Request

__all__ = [
    "LLM",
    "Completion",
    "Message",
    "Model",
    "ModelSpec",
    "Request",
    "Usage",
    "check_model",
    "close_models",
    "open_model",
]
