"""Loading a GGUF file through `transformers`, without paying for its header four times.

`transformers` 5.23 reads Llama-type files with the `gguf` package: the tokenizer, the configuration and the weights
each parse the whole header (98,000 strings through `numpy.memmap`, 5 s a time), and the table of tensor names is built
once for each module of the model (397 times, 15 s). `quick_gguf` remembers both while a model loads, and makes a string
of its bytes at once: 45 s become 7 s for SmolLM2-135M, imports aside. The weights are the same to the bit; nothing
stays patched afterwards.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any
from unittest.mock import patch

import gguf
import numpy as np
from transformers import modeling_gguf_pytorch_utils as loader


class PlainReader(gguf.GGUFReader):  # type: ignore[misc]
    """A GGUFReader whose bytes are a plain array view: slicing a `memmap` costs five times as much."""

    @property
    def data(self) -> Any:
        """The bytes of the file."""
        return self._data

    @data.setter
    def data(self, mapped: np.memmap[Any, Any]) -> None:
        self._data = mapped.view(np.ndarray)


STRINGS = [gguf.GGUFValueType.ARRAY, gguf.GGUFValueType.STRING]


def _value(parse: Callable[[Any, Any], Any], part: Any, kinds: list[int]) -> Any:
    """Return what a part of the header says; each of 98,000 strings would go through a list of bytes, three times."""
    return part.tobytes().decode() if kinds == STRINGS else parse(part, kinds)


@contextmanager
def quick_gguf() -> Iterator[None]:
    """Share one parsed header and one table of tensor names between all loads inside the block; draw no bar."""
    reader = lru_cache(maxsize=1)(PlainReader)
    names = lru_cache(maxsize=1)(gguf.get_tensor_name_map)
    silent = partial(loader.tqdm, disable=True)
    with (
        patch.object(gguf, "GGUFReader", reader),
        patch.object(gguf, "get_tensor_name_map", names),
        patch.object(loader, "tqdm", silent),
        patch.object(loader, "_gguf_parse_value", partial(_value, loader._gguf_parse_value)),
    ):
        yield
