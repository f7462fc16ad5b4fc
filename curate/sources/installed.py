"""The Python files that come with the running interpreter and its installed packages.

Out: `InstalledFile`s in id order, each with the package, version and licence that its metadata state. The standard
library counts as the package `python` under PSF-2.0. Not covered: files that no wheel lists (editable installs,
leftovers, packages of the operating system), and packages of other interpreters.
"""

import csv
import os
import platform
import site
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageMetadata, distributions

from curate.files.stores import is_plain_file
from curate.text.licenses import field_name

OWN_DISTRIBUTION = "curate-textbooks"
"""Left out: a corpus must not change because this tool's own code did."""


@dataclass(frozen=True)
class InstalledFile:
    """One Python file: its id (`package@version/path`), where it is, and what its package says of itself."""

    id: str
    location: str
    path: str
    package: str
    version: str
    license: str | None
    size: int


@cache
def installed_files() -> tuple[InstalledFile, ...]:
    """List all installed Python files in id order; a file that several paths lead to stands once."""
    files: list[InstalledFile] = []
    seen: set[object] = set()
    found = sorted([*_standard_library(), *_packages()], key=lambda entry: entry[0])
    for identity, location, path, package, version, license in found:
        status = is_plain_file(location)
        if status is None or identity in seen or (status.st_dev, status.st_ino) in seen:
            continue
        seen.update((identity, (status.st_dev, status.st_ino)))
        files.append(InstalledFile(identity, location, path, package, version, license, status.st_size))
    return tuple(files)


Entry = tuple[str, str, str, str, str, str | None]


def _standard_library() -> Iterator[Entry]:
    version = platform.python_version()
    root = sysconfig.get_path("stdlib")
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in ("site-packages", "dist-packages", "__pycache__")]
        for name in names:
            if name.endswith(".py"):
                location = f"{folder}/{name}"
                path = os.path.relpath(location, root).replace(os.sep, "/")
                yield f"python@{version}/{path}", location, path, "python", version, "PSF-2.0"


def _packages() -> Iterator[Entry]:
    for distribution in distributions(path=_site_folders()):
        metadata = distribution.metadata  # parsed anew each time it is asked for
        package = metadata["Name"]
        if package is None or package.lower().replace("_", "-") == OWN_DISTRIBUTION:
            continue
        version, license = metadata["Version"], license_of(metadata)
        for path, location in _python_files(distribution):
            yield f"{package}@{version}/{path}", location, path, package, version, license


def _site_folders() -> list[str]:
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib"), *site.getsitepackages()]
    return [folder for folder in dict.fromkeys(folders) if folder in sys.path]


def _python_files(distribution: Distribution) -> Iterator[tuple[str, str]]:
    """Yield (path, location). Reads RECORD itself: four times as fast as `Distribution.files`, which parses paths."""
    root = str(distribution.locate_file("")).rstrip("/")
    for row in csv.reader((distribution.read_text("RECORD") or "").splitlines()):
        path = row[0].replace(os.sep, "/")
        if path.endswith(".py") and not path.startswith(("../", "/")):
            yield path, f"{root}/{path}"


def license_of(metadata: PackageMetadata) -> str | None:
    """Return a package's licence: its SPDX expression, else a short `License` line, else its licence classifier."""
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    if stated := field_name(next(iter(metadata.get_all("License") or []), None)):
        return stated
    marks = [mark for mark in metadata.get_all("Classifier") or [] if mark.startswith("License :: ")]
    return str(marks[0]).rpartition(" :: ")[2] if marks else None
