"""Finding a stage by its `use:`: one of the tool's, an installed one (entry point), or `module:Class`.

A module is looked for where Python looks, then beside the recipe, then in the working directory: these two come last,
so that no file there hides a part of Python, of this tool or of what is installed. Where one has the name of such a
part it is refused. Importing a module runs it: a recipe with `module:Class` is to be trusted like a program.
"""

import importlib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from pydantic import ValidationError

from curate.errors import Trouble, UserError, did_you_mean
from curate.plugins.digest import is_ours, sources
from curate.plugins.faults import told
from curate.stage import Filter, Job, Maker, Source, Stage
from curate.stages import STAGES, find

GROUP = "curate.stages"
"""Of entry points: in pyproject.toml, `[project.entry-points."curate.stages"]`, then `"mine.tabs" = "mine:NoTabs"`."""
NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_added: list[str] = []
"""The folders that this module has put into `sys.path`."""
_imported: dict[str, dict[str, bytes]] = {}
"""The source of the modules as this process imported them."""


def stage_class(use: str, folder: Path | None = None) -> type[Stage]:
    """Return the class behind a `use:` of a recipe in `folder` (default: the working directory).

    Raises UserError, one line, for what is not there, cannot be imported, or is no stage.
    """
    if use in STAGES:
        return find(use)
    if ":" in use:
        if not NAME.fullmatch(use):
            raise UserError(f"use: {use[:100]!r} names no class; write it as module:Class, such as mine:NoTabs")
        return _checked(*use.split(":"), use=f"use: {use!r}", folder=folder or Path.cwd())
    points = installed()
    if use not in points:
        near = did_you_mean(use, [*STAGES, *points])
        raise UserError(f"unknown stage {use!r}{near}" if near.startswith("; did") else _unknown(use, points))
    return from_entry_point(points[use])


def _unknown(use: str, points: Iterable[str]) -> str:
    known = ", ".join(sorted([*STAGES, *points]))
    return f"unknown stage {use!r}; known: {known}; one of your own is written module:Class"


def installed() -> dict[str, EntryPoint]:
    """Return the stages that installed distributions offer, by name; the tool's own names are not theirs to give."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in STAGES:
            continue
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            givers = " and ".join(getattr(p.dist, "name", "a distribution") for p in (other, point))
            raise UserError(f"stage {point.name!r} is given by {givers}; uninstall one, or write `use: {point.value}`")
    return found


def from_entry_point(point: EntryPoint) -> type[Stage]:
    """Return the class of an installed stage. Raises UserError."""
    giver = getattr(point.dist, "name", "a distribution")
    return _checked(point.module, point.attr, use=f"stage {point.name!r} of {giver}", folder=None)


def importable_from(folders: Iterable[str]) -> None:
    """Let Python look for modules in folders too, after all others, and in these before those of earlier calls."""
    wanted = [folder for folder in dict.fromkeys(folders) if folder in _added or folder not in sys.path]
    others = [folder for folder in sys.path if folder not in _added]
    _added[:] = [*wanted, *(folder for folder in _added if folder not in wanted)]
    sys.path[:] = [*others, *_added]


@contextmanager
def answerable(kind: type[Stage]) -> Iterator[None]:
    """Turn what the code of somebody's own stage raises into one line; the tool's own faults pass as they are."""
    try:
        yield
    except (UserError, Trouble, OSError, ValidationError):
        raise
    except Exception as error:
        if is_ours(kind):
            raise
        raise UserError(told(error)) from error


def _checked(module: str, name: str, *, use: str, folder: Path | None) -> type[Stage]:
    """Import a module and return its class, if that is a stage."""
    loaded = _import(module, use, [] if folder is None else [folder.resolve(), Path.cwd()])
    kind = getattr(loaded, name, None)
    if kind is None:
        stages = [key for key, value in vars(loaded).items() if isinstance(value, type) and issubclass(value, Stage)]
        raise UserError(f"{use}: {_file(loaded)} has no {name!r}{did_you_mean(name, stages)}")
    bases = "curate.DocumentFilter, curate.DocumentMaker or another shape of curate/stage.py"
    if not isinstance(kind, type) or not issubclass(kind, Stage):
        raise UserError(f"{use}: {name} is no stage; let it be a class that extends {bases}")
    if issubclass(kind, Source):
        raise UserError(f"{use}: {name} is a source, and `use:` takes stages; write files and read them with `path:`")
    if not issubclass(kind, Filter | Maker | Job):
        raise UserError(f"{use}: {name} is no filter, maker or job; let it extend {bases}")
    if inspect.isabstract(kind):
        missing = ", ".join(f"`{method}`" for method in sorted(kind.__abstractmethods__))
        raise UserError(f"{use}: {name} lacks {missing}; define it in {_file(loaded)}")
    return kind


def _import(module: str, use: str, folders: list[Path]) -> object:
    importable_from(map(str, folders))
    importlib.invalidate_caches()
    _forget_if_edited(module, folders)
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name and (module == error.name or module.startswith(f"{error.name}.")):
            where = "".join(f"{folder}, " for folder in dict.fromkeys(folders))
            raise UserError(
                f"{use}: no module {error.name!r} in {where}or installed; mend the name or move it there"
            ) from None
        raise UserError(f"{use}: {told(error)}; install or mend that") from error
    except (Exception, SystemExit) as error:
        raise UserError(f"{use}: importing it fails: {told(error)}") from error
    _refuse_hidden(module, use, folders)
    if module.partition(".")[0] != "curate" and getattr(loaded, "__file__", None) and module != "__main__":
        _imported[module] = {name: path.read_bytes() for name, path in sources(module).items()}
    return loaded


def _forget_if_edited(module: str, folders: list[Path]) -> None:
    """Let a module whose source changed since this process imported it be imported anew (in a notebook), and one that
    another recipe's folder gave, where this one's has its own."""
    known = _imported.get(module)
    if known is None or module not in sys.modules:
        return
    found = sources(module)
    elsewhere = found.get(module, Path()).parent
    strange = str(elsewhere) in _added and elsewhere not in folders
    if strange or known != {name: path.read_bytes() for name, path in found.items()}:
        for name in known:
            sys.modules.pop(name, None)


def _refuse_hidden(module: str, use: str, folders: list[Path]) -> None:
    """Raise UserError where a file beside the recipe has the name of something else that was imported in its place."""
    top = module.partition(".")[0]
    file = getattr(sys.modules[top], "__file__", None)
    for folder in folders if top != "curate" else []:
        for path in (folder / f"{top}.py", folder / top / "__init__.py"):
            if path.is_file() and (file is None or Path(file).resolve() != path.resolve()):
                raise UserError(f"{use}: the name {top!r} is that of {file or 'a part of Python'}; rename {path}")
            if path.is_file():
                return


def _file(module: object) -> str:
    return str(getattr(module, "__file__", None) or getattr(module, "__name__", module))
