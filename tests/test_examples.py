"""What the docstrings show is what comes out."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("curate", "filters", "synth", "train", "eval")
SHOWN = sorted(
    path.relative_to(ROOT)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if re.search(r"^ *>>> ", path.read_text(), re.MULTILINE)
)


@pytest.mark.parametrize("path", SHOWN, ids=str)
def test_the_examples_in_the_docstrings_are_true(path: Path) -> None:
    inside = path if path.parts[0] == "curate" else Path("curate", path)
    done = doctest.testmod(importlib.import_module(".".join(inside.with_suffix("").parts)))
    assert done.attempted > 0
    assert done.failed == 0
