"""Wheels from the index that pip is configured for, into the user's cache folder, each under the digest of its bytes.

In: Pins. Out: for each the path `packages/SHA256.whl` in the cache folder. pip does the fetching, with all that its
own configuration says (indexes, links, proxies, certificates, credentials); of its results only what has the digest is
taken. Wheels alone are fetched, without what they depend on, and no code of a package is run. What is there already
needs no network. A run that is killed goes on from the wheels that it had.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from curate.errors import Trouble, UserError
from curate.files.cache import folder as cache_folder
from curate.files.stores import is_plain_file
from curate.progress import Progress
from curate.sources.pins import Pin

AT_ONCE = 8
"""Wheels that one pip fetches: it takes half a second to start."""
DOWNLOAD = (
    "download", "--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-input", "--no-cache-dir",
    "--disable-pip-version-check", "--progress-bar=off",
)  # fmt: skip
PARTS = ".part-"
TOLD_EVERY_S = 0.5
UNREACHED = re.compile(r"Could not fetch URL (\S+): (?!404|410)(.*?)(?: - skipping)?$", re.MULTILINE)
OTHER_BYTES = re.compile(r"\bGot\s+([0-9a-f]{64})\b")
MISSING = re.compile(r"No matching distribution found|Could not find a version that satisfies")
VERSIONS = re.compile(r"\(from versions: (.*)\)")


def folder() -> Path:
    """Return where wheels are kept."""
    return cache_folder() / "packages"


def place(pin: Pin) -> Path:
    """Return where a pin's wheel is, or is to be."""
    return folder() / f"{pin.sha256}.whl"


def missing(pins: Sequence[Pin]) -> list[Pin]:
    """Return the pins whose wheels must be fetched: they are not there, or not whole."""
    return [pin for pin in pins if not _stands(place(pin), pin.sha256)]


def batches(pins: Sequence[Pin]) -> list[Sequence[Pin]]:
    """Return pins in groups that one pip fetches."""
    return [pins[start : start + AT_ONCE] for start in range(0, len(pins), AT_ONCE)]


def check_pip() -> None:
    """Raise UserError where this interpreter has no pip."""
    if find_spec("pip") is None:
        raise UserError(f"packages are fetched by pip, which is not installed; run {sys.executable} -m ensurepip")


def fetch(pins: Sequence[Pin], progress: Progress) -> None:
    """Bring the wheels of pins into the cache folder.

    Raises UserError for a package, version or digest that the index does not have, and for a cache folder that cannot
    be written; Trouble where the index does not answer.
    """
    wanted = missing(pins)
    if not wanted:
        return
    check_pip()
    with _alone():
        wanted = missing(wanted)  # another run may have fetched them meanwhile
        done, size = 0, 0

        def tell(more: int = 0) -> None:
            progress.update(done, len(wanted), f"packages, {(size + more) / 1e6:,.1f} MB fetched")

        tell()
        for batch in batches(wanted):
            if len(batch) == 1 or not _download(batch, tell):
                for pin in batch:
                    _download_one(pin, tell)
            done += len(batch)
            size += sum(place(pin).stat().st_size for pin in batch)
            tell()


@dataclass(frozen=True)
class Said:
    """What a pip said: the log of all that it did, and what it told people."""

    log: str
    errors: str


def run_pip(arguments: Sequence[str], folder: Path, tell: Callable[[int], None] = lambda _: None) -> Said:
    """Let pip download into a folder; `tell` hears now and then how many bytes are there."""
    log, errors = folder / "pip.log", folder / "pip.errors"
    command = [sys.executable, "-P", "-m", "pip", *DOWNLOAD, "--log", str(log), "--dest", str(folder), *arguments]
    # A constraint says which version to install; here that is fixed, and nothing is installed.
    environment = {**os.environ, "PIP_CONSTRAINT": os.devnull, "TMPDIR": str(folder)}
    none = subprocess.DEVNULL
    with errors.open("wb") as stream:
        pip = subprocess.Popen(command, stdin=none, stdout=none, stderr=stream, env=environment)
        try:
            while pip.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    pip.wait(TOLD_EVERY_S)
                tell(_bytes_of_wheels(folder))
        finally:
            pip.kill()
            pip.wait()
    return Said(_text(log), _text(errors))


def _bytes_of_wheels(folder: Path) -> int:
    """Return the bytes of the wheels below a folder in which another process makes and removes files and folders."""
    paths = (f"{place}/{name}" for place, _, names in os.walk(folder) for name in names if name.endswith(".whl"))
    return sum(status.st_size for path in paths if (status := is_plain_file(path)))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def _download(pins: Sequence[Pin], tell: Callable[[int], None]) -> bool:
    """Fetch wheels with one pip, and tell whether all came; pip brings all or none."""
    return _asked(pins, tell) is None


def _download_one(pin: Pin, tell: Callable[[int], None]) -> None:
    """Fetch one wheel. Raises UserError or Trouble with the reason why it did not come."""
    said = _asked([pin], tell) if missing([pin]) else None
    if said is not None and OTHER_BYTES.search(said.log):  # what was cut on the way has another hash too
        said = _asked([pin], tell)
    if said is not None:
        raise _told(pin, said)


def _asked(pins: Sequence[Pin], tell: Callable[[int], None]) -> Said | None:
    """Let one pip fetch wheels, and keep those that it brought. Returns what it said where some are missing."""
    with _part() as part:
        wanted = part / "wanted.txt"
        wanted.write_text("".join(f"{pin}\n" for pin in pins), encoding="utf-8")
        said = run_pip(["--require-hashes", "--requirement", str(wanted)], part, tell)
        found = {_sha256(path): path for path in part.glob("*.whl")}
        for pin in pins:
            if pin.sha256 in found:
                keep(found[pin.sha256], pin)
        return None if all(pin.sha256 in found for pin in pins) else said


def keep(wheel: Path, pin: Pin) -> None:
    """Put a wheel that was fetched where it belongs, whole or not at all."""
    with wheel.open("rb") as file:
        os.fsync(file.fileno())
    wheel.replace(place(pin))


def _told(pin: Pin, said: Said) -> UserError | Trouble:
    """Return what to raise where pip could not fetch a wheel, by what it logged."""
    log, errors = said.log, said.errors
    what = f"{pin.name}=={pin.version}"
    if other := OTHER_BYTES.search(log):
        return UserError(
            f"{what} has another hash at the index, sha256:{other[1]}, than in the list; find out "
            f"which is right, and mend the list"
        )
    if gap := UNREACHED.search(log):
        return Trouble(
            f"{what} cannot be fetched: {gap[1]}: {' '.join(gap[2].split())[:200]}; run again when it can be reached"
        )
    if MISSING.search(log):
        versions = VERSIONS.search(log)
        there = f" (there are {versions[1][-100:]})" if versions and versions[1] != "none" else ""
        return UserError(
            f"{what} has no wheel for this machine at the index that pip uses{there}; mend the list, or "
            f"pip's configuration (pip config list)"
        )
    lines = (
        [line for line in errors.splitlines() if line.startswith("ERROR:")] or errors.splitlines() or ["it fell silent"]
    )
    return Trouble(f"{what} cannot be fetched: pip says: {' '.join(lines[-1].split())[:300]}; mend that and run again")


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the cache folder, so that two runs do not fetch the same; what killed ones left there is removed."""
    try:
        folder().mkdir(parents=True, exist_ok=True)
        lock = (folder() / ".lock").open("w")
    except OSError as error:
        raise UserError(
            f"packages are kept in {folder()}: {error.strerror}; set CURATE_CACHE to a folder that can be written"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left in folder().glob(f"{PARTS}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield


@contextmanager
def _part() -> Iterator[Path]:
    """Yield a folder beside the wheels, for what is not whole yet."""
    with tempfile.TemporaryDirectory(prefix=PARTS, dir=folder()) as name:
        yield Path(name)


def _stands(path: Path, sha256: str) -> bool:
    """Tell whether a file is there and has its digest; its bytes are read once, as long as its size and time stay."""
    try:
        status = path.stat()
    except OSError:
        return False
    return _digest(path, status.st_size, status.st_mtime_ns) == sha256


@cache
def _digest(path: Path, size: int, time_ns: int) -> str:  # noqa: ARG001 - the marks of a version
    return _sha256(path)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
