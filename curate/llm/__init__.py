"""The one door to language models: `open_model(spec, log)` and the nouns of a call.

In: Requests and a ModelSpec (types.py). Out: Completions in any order, each logged before it is given (log.py), within
what may be spent (budget.py). door.py puts the log before what answers, in backends/; tokens.py and answers.py say for
all of them what a prompt's tokens are and what counts as an answer; places.py where a model's name points.
"""

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
