"""A text column as the two buffers that compiled code reads."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def text_buffers(texts: pa.ChunkedArray) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return (UTF-8 bytes, offsets) of a large_string column: text i is `data[offsets[i] : offsets[i + 1]]`.

    The offsets hold one more than there are texts and need not start at 0. A null text is an empty one. Nothing is
    copied where the column is one chunk.
    """
    array = texts.combine_chunks().cast(pa.large_string())
    _, offsets, data = array.buffers()
    if len(array) == 0 or offsets is None:
        return np.zeros(1, dtype=np.uint8), np.zeros(len(array) + 1, dtype=np.int64)
    window = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
    return np.frombuffer(data, dtype=np.uint8) if data else np.zeros(1, dtype=np.uint8), window
