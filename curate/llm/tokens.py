"""From a Request to token ids, the same way for every backend that holds the tokenizer itself."""

from functools import cache
from typing import Any

from curate.errors import UserError
from curate.llm.types import Request


def prompt_ids(tokenizer: Any, request: Request, model: str) -> list[int]:
    """Return the token ids of a request's prompt, or of its chat rendered with the model's template.

    Where the last turn is the assistant's, the answer goes on from there.

    Raises UserError for a chat with a model that has no template (a base model): it takes prompts only.
    """
    if request.messages is None:
        return list(tokenizer(request.prompt)["input_ids"])
    if not tokenizer.chat_template:
        raise UserError(f"model {model!r} has no chat template; use a chat model, or a style that sends plain prompts")
    begun = request.messages[-1].content if request.messages[-1].role == "assistant" else ""
    asked = request.messages[:-1] if begun else request.messages
    turns = [{"role": message.role, "content": message.content} for message in asked]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text + begun, add_special_tokens=False)["input_ids"])


@cache
def choice_ids(tokenizer: Any, choices: tuple[str, ...], model: str) -> list[list[int]]:
    """Return, per choice, the tokens that read as it, with a blank before it or without.

    Raises UserError for a choice that takes more than one token: the first would not tell it from others.
    """
    found = []
    for choice in choices:
        spellings = (tokenizer(text, add_special_tokens=False)["input_ids"] for text in (choice, f" {choice}"))
        ids = {ids[-1] for ids in spellings if ids and decode(tokenizer, [ids[-1]]).strip() == choice}
        if not ids:
            raise UserError(f"{choice!r} is not one token of model {model!r}; offer choices that are")
        found.append(sorted(ids))
    return found


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
