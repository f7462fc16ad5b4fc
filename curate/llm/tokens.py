"""From a Request to token ids, the same way for every backend that holds the tokenizer itself."""

from typing import Any

from curate.errors import UserError
from curate.llm.types import Request


def prompt_ids(tokenizer: Any, request: Request, model: str) -> list[int]:
    """Return the token ids of a request's prompt, or of its chat rendered with the model's template.

    Raises UserError for a chat with a model that has no template (a base model): it takes prompts only.
    """
    if request.messages is None:
        return list(tokenizer(request.prompt)["input_ids"])
    if not tokenizer.chat_template:
        raise UserError(f"model {model!r} has no chat template; use a chat model, or a style that sends plain prompts")
    turns = [{"role": message.role, "content": message.content} for message in request.messages]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def continuation(tokenizer: Any, prompt: list[int], ids: list[int]) -> str:
    """Return the text that `ids` add to the prompt.

    Decoded together with the prompt's end, since some tokenizers drop the leading blank of a text that stands alone,
    and in Python a blank is syntax.
    """
    before = decode(tokenizer, prompt[-4:])
    together = decode(tokenizer, prompt[-4:] + ids)
    return together[len(before) :] if together.startswith(before) else decode(tokenizer, ids)


def decode(tokenizer: Any, ids: list[int]) -> str:
    """Decode without special tokens and without any tidying of blanks."""
    return str(tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))
