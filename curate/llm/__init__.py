"""The one door to language models: `open_model(spec, log)` and the nouns of a call."""

from curate.llm.types import LLM, Completion, Message, ModelSpec, Request

__all__ = ["LLM", "Completion", "Message", "ModelSpec", "Request"]
