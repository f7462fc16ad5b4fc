"""curate: from a heap of source code to a small, textbook-quality corpus and a scored model.

In Python: `from curate import Recipe, run` (docs/python.md); for a stage of your own, `from curate import
DocumentFilter, Drop, Keep` (docs/write-a-stage.md). What these need is imported when they are first used.

In a checkout `filters`, `synth`, `train`, `eval` and `recipes` are links from here to the folders beside this one, so
that what is imported and what is installed is one package. A copy that lost its links finds the folders beside it.
"""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if not (Path(__file__).parent / "filters").is_dir():
    __path__.append(str(Path(__file__).parents[1]))

if TYPE_CHECKING:
    from curate.api import run
    from curate.errors import Trouble, UserError
    from curate.plugins.documents import Document, DocumentFilter, DocumentMaker, Drop, Keep, New
    from curate.recipe import Recipe
    from curate.run.trying import try_stage
    from curate.stage import Context, Filter, GlobalFilter, Made, Maker, Verdict, derive_seed

_PLACES = {
    "curate.api": ("run",),
    "curate.errors": ("Trouble", "UserError"),
    "curate.plugins.documents": ("Document", "DocumentFilter", "DocumentMaker", "Drop", "Keep", "New"),
    "curate.recipe": ("Recipe",),
    "curate.run.trying": ("try_stage",),
    "curate.stage": ("Context", "Filter", "GlobalFilter", "Made", "Maker", "Verdict", "derive_seed"),
}
_PLACE_OF = {name: module for module, names in _PLACES.items() for name in names}

__all__ = [
    "Context",
    "Document",
    "DocumentFilter",
    "DocumentMaker",
    "Drop",
    "Filter",
    "GlobalFilter",
    "Keep",
    "Made",
    "Maker",
    "New",
    "Recipe",
    "Trouble",
    "UserError",
    "Verdict",
    "derive_seed",
    "run",
    "try_stage",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACE_OF:
        raise AttributeError(f"module 'curate' has no attribute {name!r}")
    return getattr(import_module(_PLACE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
