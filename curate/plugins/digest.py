"""What a stage of your own is made of: the files of its module and of those that it imports from the same home.

In: a class. Out: module name -> file, and one digest of their bytes, which is a part of the stage's key, so that an
edited stage runs again. Home is the package of an installed module; of a module beside the recipe it is the folder.
Imports are read from the syntax tree, also those within functions. Not covered: other packages (raise VERSION when
theirs matter), names put together at run time, and files that are read as data (say those in `fingerprint`).
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from curate.errors import UserError
from curate.plugins.faults import OTHERS
from curate.stage import Stage


def source_digest(kind: type[Stage]) -> str:
    """Return the digest of a class's source; empty for the stages of this tool, whose VERSION tells.

    Raises UserError for a class that no file holds: a worker could not import it.
    """
    if is_ours(kind):
        return ""
    found: dict[str, Path] = {}
    for base in kind.__mro__:
        if issubclass(base, Stage) and not is_ours(base):
            found |= sources(base.__module__)
    lines = [f"{name}\t{sha256(path.read_bytes()).hexdigest()}" for name, path in sorted(found.items())]
    return sha256("\n".join(lines).encode()).hexdigest()


def is_ours(kind: type) -> bool:
    """Tell whether a class belongs to this tool."""
    return kind.__module__.partition(".")[0] == "curate"


def sources(module: str) -> dict[str, Path]:
    """Return the files that an imported module is made of, by module name."""
    home = _home(module)
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or not home.holds(name):
            continue
        path = home.file(name)
        if path is None:
            continue
        found[name] = path
        parent = name.rpartition(".")[0]
        waiting += [parent] if parent else []
        waiting += _imports(path, name) if path.suffix == ".py" else []
    return found


@dataclass(frozen=True)
class _Home:
    root: Path
    """The folder in which top-level names are looked for."""
    only: str | None
    """The one top-level name that counts, of what is installed."""

    def holds(self, name: str) -> bool:
        return self.only is None or name.partition(".")[0] == self.only

    def file(self, name: str) -> Path | None:
        place = self.root.joinpath(*name.split("."))
        compiled = sorted(place.parent.glob(f"{place.name}.*.so")) if place.parent.is_dir() else []
        choices = [place / "__init__.py", place.with_name(f"{place.name}.py"), *compiled]
        return next((path for path in choices if path.is_file()), None)


def _home(module: str) -> _Home:
    loaded = sys.modules[module]
    file = getattr(loaded, "__file__", None)
    if module == "__main__" or file is None:
        raise UserError(f"{module} is no file that a worker could import; put the stage into a module, such as mine.py")
    path = Path(file).resolve()
    depth = len(module.split(".")) + (path.name == "__init__.py")
    root = path.parents[depth - 1]
    installed = any(root.is_relative_to(known) for known in OTHERS)
    return _Home(root, module.partition(".")[0] if installed else None)


def _imports(path: Path, name: str) -> Iterator[str]:
    """Yield the names that a file may import; not all of them are modules."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join(filter(None, [*above, node.module or ""]))
            yield from filter(None, [base, *(f"{base}.{alias.name}".strip(".") for alias in node.names)])
