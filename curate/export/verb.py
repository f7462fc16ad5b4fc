"""`curate export`: what is checked before any work, what is written, what is said."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from curate.errors import UserError, did_you_mean
from curate.export.choice import Goods, choose
from curate.export.files import FORMATS, is_as_written, read_manifest, refuse_existing
from curate.progress import Progress
from curate.terminal import display
from curate.terminal.screen import open_progress


def export(
    run: Path,
    stages: Sequence[str],
    to: Path,
    *,
    kind: str | None = None,
    columns: str = "",
    shard_mb: float = 256,
    push: str | None = None,
    public: bool = False,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Export stages of a run into a folder, and push it. Returns its manifest, with the `folder` and the `commit`.

    Raises UserError for what the user can mend: before work where it can be known before.
    """
    kind = kind or ("hub" if push else "parquet")
    if kind not in FORMATS:
        raise UserError(f"--format {kind!r}: it must be {', '.join(FORMATS)}{did_you_mean(kind, FORMATS)}")
    if public and not push:
        raise UserError("--public goes with --push; name what to push to")
    from curate.export.corpus import asked_for

    goods = choose(run, stages)
    wanted = [name.strip() for name in columns.split(",") if name.strip()]
    asked = asked_for(goods, kind, wanted, shard_mb) if not goods.is_model else asked_for(goods, "model", [], 0)
    if push:
        from curate.export.push import check_push

        check_push(push)
    manifest = _standing(to, asked) if push and not overwrite else None
    with open_progress("export") as progress:
        if manifest is None:
            refuse_existing(to, overwrite=overwrite)
            manifest = _write(goods, to, asked, progress)
    found = {**manifest, "folder": str(to), "commit": None}
    if push:
        from curate.export.push import push as send

        with open_progress("push") as progress:
            found["commit"] = send(to, push, manifest["kind"], public=public, progress=progress)
    return found


def _standing(to: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """Return the manifest of an earlier export that is this very one, whole: it need only be pushed."""
    manifest = read_manifest(to)
    return manifest if manifest and manifest["asked"] == asked and is_as_written(to, manifest) else None


def _write(goods: Goods, to: Path, asked: dict[str, Any], progress: Progress) -> dict[str, Any]:
    from curate.export.card import data_card, model_card
    from curate.export.corpus import write_corpus
    from curate.export.model import write_model

    if goods.is_model:
        return write_model(goods, to, asked, partial(model_card, goods), progress)
    return write_corpus(goods, to, asked, partial(data_card, goods), progress)


def told(found: dict[str, Any], *, as_json: bool) -> str:
    """Return what is printed of an export."""
    if as_json:
        return json.dumps(found, indent=2, ensure_ascii=False)
    size = display.size(sum(file["bytes"] for file in found["files"]))
    count = len(found["files"])
    rows = f"{found['rows']:,} documents, " if found["kind"] == "dataset" else ""
    lines = [f"{rows}{size} in {count} file{'s' if count != 1 else ''}: {found['folder']}"]
    if found["kind"] == "dataset":
        lines.append(f'load it: datasets.load_dataset({json.dumps(found["folder"])}, split="train")')
    else:
        lines.append(f"serve it: vllm serve {found['folder']}")
    if found["commit"]:
        lines.append(f"pushed: {found['commit']}")
    return "\n".join(lines)
