"""Mapped files have their room on disk before they are written to, or are refused with their name."""

import resource
from pathlib import Path

import numpy as np
import pytest

from curate.dedup.near.mapped import make_array, make_plain
from curate.errors import from_os_error

MEGABYTES = 8


def test_their_room_is_taken_at_once(tmp_path: Path) -> None:
    make_array(tmp_path / "a.npy", np.uint64, (MEGABYTES, 1 << 17))
    make_plain(tmp_path / "plain", np.uint64, MEGABYTES << 17)
    for name in ("a.npy", "plain"):
        status = (tmp_path / name).stat()
        assert status.st_blocks * 512 >= status.st_size >= MEGABYTES << 20
    assert not np.load(tmp_path / "a.npy", mmap_mode="r").any()
    assert np.memmap(tmp_path / "plain", np.uint64, "r").shape == (MEGABYTES << 17,)


def test_without_room_the_file_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    """A limit on the size of files stands for a full disk: it refuses the same call."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            make_plain(tmp_path / "plain", np.uint64, MEGABYTES << 17)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(from_os_error(caught.value)).startswith(f"{tmp_path / 'plain'}: File too large")
    assert not list(tmp_path.iterdir())
