"""A model from start to end: the folder that training published, its recipe, and a card with the scores of the run.

In: a training stage that is done. Out: a folder that `transformers` and vLLM load, whole or not at all. Samples and
verdicts of benchmarks stay in the run.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curate.errors import UserError
from curate.export.choice import Goods
from curate.export.corpus import digest_of
from curate.export.files import MANIFEST, whole_folder
from curate.files.shards import write_json, write_text
from curate.progress import Progress
from curate.records.standing import sha256

Card = Callable[[dict[str, Any]], str]


def write_model(goods: Goods, to: Path, asked: dict[str, Any], card: Card, progress: Progress) -> dict[str, Any]:
    """Write the folder and return its manifest. Raises UserError where the stage holds no model."""
    [stage] = goods.stages
    model = stage.directory / "model"
    paths = sorted(path for path in model.rglob("*") if path.is_file()) if model.is_dir() else []
    if not paths:
        raise UserError(f"stage {stage.name!r} holds no model/; make it again with `curate run RECIPE`")
    sizes = [path.stat().st_size for path in paths]
    with whole_folder(to) as folder:
        files = []
        for number, path in enumerate(paths):
            name = path.relative_to(model).as_posix()
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            files.append({"path": name, "bytes": sizes[number], "sha256": sha256(target)})
            progress.update(sum(sizes[: number + 1]), sum(sizes), "bytes")
        recipe = goods.recipe()
        manifest = {
            "kind": "model",
            "asked": asked,
            "recipe_sha256": hashlib.sha256(recipe.encode()).hexdigest(),
            "files": files,
            "digest": digest_of(files),
        }
        write_text(recipe, folder / "recipe.yaml")
        write_json(manifest, folder / MANIFEST)
        write_text(card(manifest), folder / "README.md")
    return manifest
