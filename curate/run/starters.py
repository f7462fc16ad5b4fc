"""`curate init`: the recipes that come with the tool, one of them written out to be edited.

In a wheel they lie inside the package, in a checkout beside it, in `recipes/`.
"""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import curate
from curate.errors import UserError, did_you_mean


def write_starter(name: str, path: Path) -> str:
    """Write the recipe `name` to `path` and return what to do with it. Raises UserError if `path` is there already."""
    recipes = starters()
    if name not in recipes:
        raise UserError(f"no recipe {name!r} comes with curate{did_you_mean(name, recipes)}")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(recipes[name].read_text(encoding="utf-8"))
    except FileExistsError as error:
        raise UserError(f"{path} is there already and stays as it is; give another name with --out FILE") from error
    return f"{path}: edit it, then see what it would do: curate plan {path}"


def starters() -> dict[str, Traversable]:
    """Return the recipes by name."""
    inside = files(curate) / "recipes"
    folder = inside if inside.is_dir() else files(curate) / ".." / "recipes"
    found = {file.name.removesuffix(".yaml"): file for file in folder.iterdir() if file.name.endswith(".yaml")}
    return dict(sorted(found.items()))
