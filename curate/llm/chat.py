"""Whether a model is one to chat with, told from its files: nothing is loaded but, for names on the hub, a tokenizer.

In: a ModelSpec. Out: yes or no. Chat models carry a template that turns messages into a prompt; base models do not.
"""

import json
import mmap
from functools import cache
from pathlib import Path

from curate.llm.places import Place, locate
from curate.llm.types import ModelSpec

KEY = "chat_template"
HEAD = 64 << 20
"""Bytes of a GGUF file in which its metadata stands, vocabulary included."""


def chats(spec: ModelSpec) -> bool:
    """Tell whether a model has a chat template. An endpoint takes chats; a call log is taken to hold them."""
    return spec.backend in ("openai", "replay") or _has_template(locate(spec.model))


@cache
def _has_template(place: Place) -> bool:
    folder = Path(place.name)
    if place.gguf_file:
        with (folder / place.gguf_file).open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return data.find(f"tokenizer.{KEY}".encode(), 0, HEAD) >= 0
    if folder.is_dir():
        return any((folder / f"{KEY}.{kind}").exists() for kind in ("jinja", "json")) or _configured(folder)
    from transformers import AutoTokenizer

    return bool(AutoTokenizer.from_pretrained(place.name).chat_template)


def _configured(folder: Path) -> bool:
    """Look into a folder's `tokenizer_config.json`, where templates stood before they had a file of their own."""
    try:
        return bool(json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8")).get(KEY))
    except (OSError, ValueError, AttributeError):
        return False
