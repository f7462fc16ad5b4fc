"""Shared by the tests of filters: small shards and a context to judge them in."""

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from curate.files.shards import documents
from curate.stage import Context


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(name="stage", seed=17, directory=tmp_path / "stage")


@pytest.fixture
def shard() -> Callable[..., pa.Table]:
    """Build a shard from texts."""

    def build(*texts: str) -> pa.Table:
        return documents({"id": f"d{n}", "text": text, "source": "test"} for n, text in enumerate(texts))

    return build
