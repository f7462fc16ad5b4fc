"""What compiled code cannot say in Python: many bytes of a text at once.

A mask that `bytes_among` makes classifies 64 bytes with a few vector instructions, and `load_eight` reads 8 bytes as
one number. They are emitted as LLVM's own vectors, so that each machine gets the instructions it has (AVX-512, AVX2,
SSE2, NEON). Nothing is checked: whoever calls them must own the bytes they read, up to `MARGIN` behind the last one.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from curate.text.compiled import compiled

Bytes = npt.NDArray[np.uint8]
BIT, WORD = ir.IntType(1), ir.IntType(64)
LANES = ir.VectorType(ir.IntType(8), 64)
MARGIN = 64
"""Bytes behind a text that may be read, though not used; the last text of a buffer is copied to have them."""
ZERO, ONE, ALL = np.uint64(0), np.uint64(1), np.uint64(2**64 - 1)


def _load(context: Any, builder: Any, signature: Any, arguments: Any, kind: Any) -> Any:
    """Emit the load of a value of this kind from `data[position:]`, at any address."""
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    return builder.load(builder.bitcast(builder.gep(data, [arguments[1]]), kind.as_pointer()), align=1)


def _load_eight(_: Any, data: Any, position: Any) -> Any:  # noqa: ARG001 - numba calls it by these names
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(context, builder, signature, arguments, WORD)

    return types.uint64(data, types.int64), emit


def bytes_among(*ranges: str) -> Callable[[Bytes, int], np.uint64]:
    """Return a function that tells which of `data[position : position + 64]` are in a range, lowest bit first.

    A range is its first and its last byte, as two characters up to U+00FF.
    """

    def mask(_: Any, data: Any, position: Any) -> Any:  # noqa: ARG001
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            text = _load(context, builder, signature, arguments, LANES)

            def inside(first: str, last: str) -> Any:
                low, span = (ir.Constant(LANES, [value] * 64) for value in (ord(first), ord(last) - ord(first)))
                return builder.icmp_unsigned("<=", builder.sub(text, low), span)

            return builder.bitcast(reduce(builder.or_, [inside(*bounds) for bounds in ranges]), WORD)

        return types.uint64(data, types.int64), emit

    return intrinsic(mask)  # type: ignore[no-any-return]


def _counter(instruction: str, *options: Any) -> Callable[[np.uint64], int]:
    """Return a function that counts bits by one of LLVM's instructions."""

    def count(_: Any, bits: Any) -> Any:  # noqa: ARG001
        def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
            return getattr(builder, instruction)(arguments[0], *options)

        return types.int64(types.uint64), emit

    return intrinsic(count)  # type: ignore[no-any-return]


load_eight: Callable[[Bytes, int | np.int64], np.uint64] = intrinsic(_load_eight)
"""Return `data[position : position + 8]`, the first byte lowest."""
word_mask = bytes_among("09", "AZ", "__", "az", "\x80\xff")
"""The bytes of words: ASCII letters, digits, `_` and bytes above 127."""
heads = bytes_among("\x00\x7f", "\xc0\xff")
"""The first bytes of characters."""
feeds, returns = bytes_among("\n\n"), bytes_among("\r\r")
"""What ends a line: LF, and CR."""
popcount = _counter("ctpop")
"""Return how many bits are set."""
trailing_zeros = _counter("cttz", ir.Constant(BIT, 0))
"""Return the number of the lowest bit that is set, or 64."""
leading_zeros = _counter("ctlz", ir.Constant(BIT, 0))
"""Return how many bits above the highest that is set are not, or 64."""


@compiled
def lowest(count: int) -> np.uint64:
    """Return a mask of the `count` lowest bits; of all where there are not so many."""
    return ALL if count >= 64 else (ONE << np.uint64(count)) - ONE


@compiled
def with_margin(data: Bytes, start: int, stop: int) -> tuple[Bytes, int]:
    """Return an array with a margin behind `data[start:stop]`, and where this text begins there."""
    if stop + MARGIN <= len(data):
        return data, start
    copy = np.zeros(stop - start + MARGIN, dtype=np.uint8)
    for place in range(stop - start):  # assigning a slice takes 2.6 s longer to compile
        copy[place] = data[start + place]
    return copy, 0
