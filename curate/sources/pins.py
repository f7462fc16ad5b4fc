"""Lists of packages: pip's requirements format, with one version and the digest of one wheel for each.

    networkx==3.4.2 \
        --hash=sha256:df5d4365b724cf81b8c6a7312509d0c22386097011ad1abe274afd5e9d3bbc5f  # a comment

In: a text file. Out: Pins in the order of their names. A version and a digest fix the bytes, so that a list means the
same anywhere. Not covered: what else pip reads in such files (options, other files, URLs, extras, markers, ranges of
versions, several digests).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from curate.errors import UserError

PIN = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*==\s*(?P<version>[^\s=;,\[]+)(?P<rest>.*)")
HASH = re.compile(r"sha256:([0-9a-f]{64})")
LIKE = "name==version --hash=sha256:..., the digest of one wheel"


@dataclass(frozen=True, order=True)
class Pin:
    """One wheel: the package's name as indexes compare it, its version, and the sha256 of the file."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"


def read_pins(path: Path) -> list[Pin]:
    """Return the pins of a list, by name. Raises UserError for a file that cannot be read, is empty or names a package
    twice, and, with its number, for a line that is no pin."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"cannot read the list of packages {path}: {why}; write it as lines of {LIKE}") from error
    found: dict[str, tuple[int, Pin]] = {}
    for number, line in _lines(text):
        try:
            pin = read_pin(line)
        except ValueError as error:
            raise UserError(f"{path}, line {number}: {line[:200]!r} {error}") from error
        if pin.name in found:
            raise UserError(
                f"{path}, line {number}: {pin.name} stands in line {found[pin.name][0]} already; keep one of them"
            )
        found[pin.name] = (number, pin)
    if not found:
        raise UserError(f"{path} names no packages; write lines of {LIKE}")
    return sorted(pin for _, pin in found.values())


def read_pin(line: str) -> Pin:
    """Return the pin that a line holds, without its comment. Raises ValueError with what is wrong and would do.

    >>> read_pin("Zope.Interface==7.0.1 --hash=sha256:" + 64 * "0").name
    'zope-interface'
    """
    if line.startswith("-"):
        raise ValueError(f"is an option; give pip's options in its own configuration, and here lines of {LIKE}")
    found = PIN.fullmatch(line)
    if found is None:
        raise ValueError(f"is no pin; write it as {LIKE}")
    try:
        version = str(Version(found["version"]))
    except InvalidVersion as error:
        raise ValueError(f"has no version: {found['version']!r}; write it as {LIKE}") from error
    given = found["rest"].split()
    if not all(word.startswith("--hash=") for word in given):
        raise ValueError(f"has more than a version and a hash; write it as {LIKE}")
    if len(given) != 1:
        raise ValueError(f"has {len(given) or 'no'} hash{'es' if given else ''}; write it as {LIKE}")
    sha256 = HASH.fullmatch(given[0].removeprefix("--hash="))
    if sha256 is None:
        raise ValueError(
            "has a hash that is none; write it as --hash=sha256: and 64 hexadecimal digits in small letters"
        )
    return Pin(str(canonicalize_name(found["name"])), version, sha256[1])


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield what stands in a list, with the numbers of the lines: without comments, lines that go on joined."""
    begun, whole = 0, ""
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        bare = re.sub(r"(?:^|\s)#.*", "", line).strip()
        begun = begun if whole else number
        if bare.endswith("\\"):
            whole += bare[:-1] + " "
            continue
        whole = " ".join((whole + bare).split())
        if whole:
            yield begun, whole
        whole = ""
