"""The compiled loops of line deduplication: from Arrow text buffers to hashes of blocks of lines, and back to lines.

In: `data` and `offsets` as in curate/text/words.py. A line ends at a newline; blanks around it do not count, blank
lines are passed over. A block is `width` lines in a row, all of them comment lines (`#` or `//` first) where only
comments are asked for. Its hash is 64 bits mixed from its lines' bytes.
"""

import numpy as np

from curate.text.compiled import compiled
from curate.text.words import Bytes, Hashes, Offsets

NEWLINE, BLANK, HASH, SLASH = (np.uint8(ord(char)) for char in "\n #/")
BASE, SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)
NONE, ONE = np.uint64(0), np.uint64(1)


@compiled
def count_blocks(data: Bytes, offsets: Offsets, width: int, comments: bool) -> Hashes:
    """Return the distinct blocks of each document, one document after another."""
    numbers, runs, hashes = room(offsets)
    found = np.empty(1024, dtype=np.uint64)
    count = 0
    for document in range(len(offsets) - 1):
        lines = find_lines(data, offsets[document], offsets[document + 1], comments, numbers, runs, hashes)
        blocks = fold_blocks(runs, hashes, lines, width)
        blocks = np.unique(blocks[blocks != NONE])
        while count + len(blocks) > len(found):
            found = np.concatenate((found, np.empty_like(found)))
        found[count : count + len(blocks)] = blocks
        count += len(blocks)
    return found[:count].copy()


@compiled
def repeated_lines(
    data: Bytes, offsets: Offsets, width: int, comments: bool, repeated: Hashes
) -> tuple[Offsets, Offsets]:
    """Return (documents, lines): each line of each document that stands in a repeated block. `repeated` is sorted."""
    numbers, runs, hashes = room(offsets)
    documents, found = np.empty(1024, dtype=np.int64), np.empty(1024, dtype=np.int64)
    count = 0
    for document in range(len(offsets) - 1):
        lines = find_lines(data, offsets[document], offsets[document + 1], comments, numbers, runs, hashes)
        blocks = fold_blocks(runs, hashes, lines, width)
        free = 0  # the first line that no block has taken
        for index in range(len(blocks)):
            place = np.searchsorted(repeated, blocks[index])
            if place == len(repeated) or repeated[place] != blocks[index]:
                continue
            stop = numbers[index + width - 1] + 1
            for line in range(max(free, numbers[index]), stop):
                if count == len(found):
                    documents = np.concatenate((documents, np.empty_like(documents)))
                    found = np.concatenate((found, np.empty_like(found)))
                documents[count], found[count] = document, line
                count += 1
            free = stop
    return documents[:count].copy(), found[:count].copy()


@compiled
def room(offsets: Offsets) -> tuple[Offsets, Offsets, Hashes]:
    """Return places for the lines of the longest document. Pages never written cost no memory."""
    longest = 0
    for document in range(len(offsets) - 1):
        longest = max(longest, offsets[document + 1] - offsets[document])
    places = longest + 1
    return np.empty(places, dtype=np.int64), np.empty(places, dtype=np.int64), np.empty(places, dtype=np.uint64)


@compiled
def find_lines(
    data: Bytes, start: int, stop: int, comments: bool, numbers: Offsets, runs: Offsets, hashes: Hashes
) -> int:
    """Write the number, the run and the hash of each line that counts; return how many. Other lines part runs."""
    count = run = number = 0
    position = start
    while position < stop:
        end = position
        while end < stop and data[end] != NEWLINE:
            end += 1
        first, last = position, end
        while first < last and data[first] <= BLANK:
            first += 1
        while first < last and data[last - 1] <= BLANK:
            last -= 1
        if first < last:
            slashes = data[first] == SLASH and first + 1 < last and data[first + 1] == SLASH
            if comments and data[first] != HASH and not slashes:
                run += 1
            else:
                value = BASE
                for place in range(first, last):
                    value = (value ^ np.uint64(data[place])) * BASE
                    value ^= value >> SHIFT
                numbers[count], runs[count], hashes[count] = number, run, value
                count += 1
        number += 1
        position = end + 1
    return count


@compiled
def fold_blocks(runs: Offsets, hashes: Hashes, lines: int, width: int) -> Hashes:
    """Return the hash of the block that begins at each line but the last few; NONE where it would leave the run."""
    blocks = np.full(max(0, lines - width + 1), NONE, dtype=np.uint64)
    for index in range(len(blocks)):
        if runs[index] == runs[index + width - 1]:
            value = hashes[index]
            for place in range(index + 1, index + width):
                value = (value ^ (value >> SHIFT) ^ hashes[place]) * BASE
            blocks[index] = value | ONE
    return blocks
