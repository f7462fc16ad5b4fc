"""What compiled code cannot say in Python: many bytes of a text at once.

`word_mask` classifies 64 bytes with a few vector instructions, `load_eight` reads 8 bytes as one number, and
`trailing_zeros` finds the lowest set bit. They are emitted as LLVM's own vectors, so that each machine gets the
instructions it has (AVX-512, AVX2, SSE2, NEON). Nothing is checked: whoever calls them must own the bytes they read.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

Bytes = npt.NDArray[np.uint8]
BIT, WORD = ir.IntType(1), ir.IntType(64)
LANES = ir.VectorType(ir.IntType(8), 64)


def _load(context: Any, builder: Any, signature: Any, arguments: Any, kind: Any) -> Any:
    """Emit the load of a value of this kind from `data[position:]`, at any address."""
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    return builder.load(builder.bitcast(builder.gep(data, [arguments[1]]), kind.as_pointer()), align=1)


def _load_eight(_: Any, data: Any, position: Any) -> Any:  # noqa: ARG001 - numba calls it by these names
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _load(context, builder, signature, arguments, WORD)

    return types.uint64(data, types.int64), emit


def _word_mask(_: Any, data: Any, position: Any) -> Any:  # noqa: ARG001
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        text = _load(context, builder, signature, arguments, LANES)

        def all_lanes(value: int) -> Any:
            return ir.Constant(LANES, [value] * 64)

        def among(lanes: Any, first: str, count: int) -> Any:
            return builder.icmp_unsigned("<", builder.sub(lanes, all_lanes(ord(first))), all_lanes(count))

        letter = among(builder.or_(text, all_lanes(0x20)), "a", 26)
        others = builder.or_(among(text, "0", 10), among(text, "_", 1))
        above = builder.icmp_signed("<", text, all_lanes(0))
        return builder.bitcast(builder.or_(builder.or_(letter, others), above), WORD)

    return types.uint64(data, types.int64), emit


def _trailing_zeros(_: Any, bits: Any) -> Any:  # noqa: ARG001
    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(BIT, 1))

    return types.int64(types.uint64), emit


load_eight: Callable[[Bytes, int | np.int64], np.uint64] = intrinsic(_load_eight)
"""Return `data[position : position + 8]`, the first byte lowest."""
word_mask: Callable[[Bytes, int], np.uint64] = intrinsic(_word_mask)
"""Return which of `data[position : position + 64]` are letters, digits, `_` or above 127, lowest bit first."""
trailing_zeros: Callable[[np.uint64], int] = intrinsic(_trailing_zeros)
"""Return the number of the lowest bit that is set; some must be."""
