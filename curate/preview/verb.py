"""`curate preview`: one stage on a few documents, in a folder that is gone afterwards."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from curate.llm import close_models
from curate.preview.bench import open_bench, work
from curate.preview.looked import Preview, looked_at
from curate.preview.telling import render_preview
from curate.progress import Progress
from curate.recipe import load
from curate.text.loops import noticing

MOST = 200
"""Documents read of each source, unless told otherwise: a few seconds of deduplication and filters."""


def preview(
    recipe: Path,
    stage: str,
    *,
    count: int = 5,
    most: int = MOST,
    runs: Path = Path("runs"),
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Preview:
    """Try one stage of a recipe on at most `most` documents of each source, or of each stage of the run that it reads,
    and return `count` of them before and after.

    A stage that asks a model asks about `count` documents. Raises UserError for what cannot be tried.
    """
    checked = load(recipe, settings)
    with TemporaryDirectory(prefix="curate-preview-") as folder:
        bench = open_bench(recipe, checked, stage, runs, Path(folder), most)
        told = progress or Progress()
        try:
            with noticing(lambda: told.update(0, 0, "compiling loops for this machine, once; that takes a while")):
                work(bench, stage, told, count)
        finally:
            close_models()
        return looked_at(bench, checked.node(stage), count)


def told(found: Preview, *, as_json: bool) -> str:
    """Return a preview as text for a terminal, or as JSON."""
    return json.dumps(asdict(found), indent=2, ensure_ascii=False) if as_json else render_preview(found)
