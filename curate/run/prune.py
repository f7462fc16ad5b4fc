"""Room made in a run: what no present stage has a use for is removed, once it was listed.

In: a run directory that nobody works on. Out: what goes, with its size, and then its absence. It goes:

    stages/<name>-<key>/   that the recipe, as it last ran, no longer has
    .<file>.tmp, .model    what a killed run left half written, in any stage

Of a stage that goes, two things stay. `calls/` was paid for: it answers again if the recipe goes back, and budgets
count it (`calls` removes it too). `outside.parquet` says which bytes outside files had: the key of a present stage of
the same name may rest on it (curate/files/contents.py).
"""

import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from curate.errors import UserError, from_os_error
from curate.files.contents import FILE as OUTSIDE
from curate.records.status import RunFiles, read_run
from curate.run.runner import locked
from curate.terminal import display

CALLS = "calls"
FIRST = ("stage.json", "stats.json", "done")
"""What says that a stage is done goes before what it did, so that a kill between leaves nothing that seems whole."""
GONE = "the recipe has it no more"
TORN = "half written by a run that was killed"


@dataclass(frozen=True)
class Scrap:
    """One thing that goes."""

    path: str
    """Relative to the run's directory."""
    why: str
    files: int
    bytes: int


def scraps(run: Path, *, calls: bool = False) -> list[Scrap]:
    """List what no present stage has a use for. Raises UserError for a directory that is no run."""
    files = read_run(run)
    return [_scrap(run, why, paths, place) for place, why, paths in _found(files, calls=calls)]


def prune(run: Path, *, calls: bool = False) -> list[Scrap]:
    """Remove it and return what went. Raises UserError while a run is live there."""
    read_run(run)
    try:
        with locked(run):
            files = read_run(run)
            found = list(_found(files, calls=calls))
            gone = [_scrap(run, why, paths, place) for place, why, paths in found]
            for place, _, paths in found:
                _remove(place, paths)
    except OSError as error:
        raise from_os_error(error) from error
    return gone


def _found(files: RunFiles, *, calls: bool) -> Iterator[tuple[Path, str, list[Path]]]:
    """Yield (place, why, what of it goes)."""
    present = {stage.directory.name for stage in files.stages}
    names = {stage.name for stage in files.stages}
    for place in sorted((files.directory / "stages").glob("*")):
        if place.is_symlink() or not place.is_dir():
            continue  # nothing that a run makes
        if place.name in present:
            yield from ((path, TORN, [path]) for path in sorted(_torn(place)))
            continue
        stays = {OUTSIDE} if place.name.rpartition("-")[0] in names else set()
        stays |= set() if calls else {CALLS}
        paths = sorted((path for path in place.iterdir() if path.name not in stays), key=lambda path: path.name)
        if paths or not any(place.iterdir()):
            yield place, GONE, paths


def _torn(place: Path) -> Iterator[Path]:
    yield from (path for path in place.rglob(".*.tmp") if path.is_file())
    yield from (place / name for name in (".model", ".tokenizer") if (place / name).is_dir())


def _scrap(run: Path, why: str, paths: Sequence[Path], place: Path) -> Scrap:
    inner = [file for path in paths for file in ([path] if not path.is_dir() else path.rglob("*"))]
    sizes = [file.lstat().st_size for file in inner if file.is_symlink() or file.is_file()]
    return Scrap(place.relative_to(run).as_posix(), why, len(sizes), sum(sizes))


def _remove(place: Path, paths: Sequence[Path]) -> None:
    for path in sorted(paths, key=lambda path: path.name not in FIRST):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    if place.is_dir() and not any(place.iterdir()):
        place.rmdir()


def listed(found: Sequence[Scrap]) -> str:
    """Return a line for each thing, the largest first, and one for all."""
    lines = [
        f"{display.size(scrap.bytes):>9}  {display.one_line(scrap.path, 60)}"
        + (f"  ({scrap.why})" if scrap.why != GONE else "")
        for scrap in sorted(found, key=lambda scrap: (-scrap.bytes, scrap.path))
    ]
    return "\n".join([*lines, f"{_total(found)} that no present stage needs"])


def _total(found: Sequence[Scrap]) -> str:
    return f"{display.size(sum(scrap.bytes for scrap in found))} in {sum(scrap.files for scrap in found):,} files"


def told(run: Path, found: Sequence[Scrap], *, removed: bool, as_json: bool) -> str:
    """Return what is printed when all is done."""
    if as_json:
        value: dict[str, Any] = {"run": str(run), "removed": removed, "bytes": sum(scrap.bytes for scrap in found)}
        return json.dumps({**value, "scraps": [asdict(scrap) for scrap in found]}, indent=2, ensure_ascii=False)
    if not found:
        return f"nothing to remove: {run} holds what its recipe has and no more"
    return f"removed {_total(found)}" if removed else f"{listed(found)}; nothing was removed"


def refuse_unasked(run: Path, found: Sequence[Scrap]) -> None:
    """Raise UserError where nobody is there to be asked."""
    raise UserError(
        f"{run}: {_total(found)} would be removed and nobody is there to ask; --yes removes it, --dry-run lists it"
    )
