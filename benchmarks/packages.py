"""A list of packages for the source `packages`: pins of the newest wheels, those that are permissive.

    python -m benchmarks.packages NAME... > packages.txt
    python -m benchmarks.packages $(cat names.txt) > packages.txt

In: names of packages. Each is asked of the index that pip is configured for: name what the list is to hold, and no
more. Out: on standard output a line for each package with a wheel for any machine and a permissive licence, by name,
with its hash, its licence and its megabytes of Python; on standard error why the others are left out. Wheels stay in
the cache folder, so that a recipe that reads the list fetches none again.
"""

import hashlib
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from curate.errors import UserError
from curate.sources.fetching import folder, keep, run_pip
from curate.sources.pins import Pin
from curate.sources.wheels import contents
from curate.text.licenses import ALLOWED, is_allowed

ANY_MACHINE = ("--platform", "any", "--implementation", "py", "--abi", "none")
HEAD = "# Made by `python -m benchmarks.packages`: name, version, wheel; licence by its metadata, MB of Python.\n"


def line_of(name: str) -> tuple[str, int]:
    """Return the line that pins a package's newest wheel, and its bytes of Python. Raises UserError where there is none
    for any machine, or none that is permissive."""
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".made-", dir=folder()) as part:
        done = run_pip([*ANY_MACHINE, name], Path(part))
        wheel = next(Path(part).glob("*.whl"), None)
        if wheel is None:
            errors = [line for line in done.errors.splitlines() if line.startswith("ERROR:")]
            raise UserError(f"no wheel for any machine: {(errors or ['pip fell silent'])[-1]}")
        with wheel.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        found = contents(wheel)
        if found.license is None or not is_allowed(found.license, ALLOWED):
            raise UserError(f"not permissive by its metadata: {found.license or 'none stated'}")
        pin = Pin(found.name, found.version, sha256)
        keep(wheel, pin)
    size = sum(file.size for file in found.files)
    return f"{pin}  # {found.license}, {size / 1e6:.2f} MB", size


def main(names: Sequence[str]) -> None:
    """Print the list, and beside it what is left out."""
    lines: dict[str, str] = {}
    total = 0
    for name in dict.fromkeys(names):
        try:
            line, size = line_of(name)
        except UserError as error:
            print(f"{name}: left out: {error}", file=sys.stderr)
            continue
        total += size
        lines[line.partition("==")[0]] = line
    print(HEAD + "\n".join(lines[name] for name in sorted(lines)))
    print(f"{len(lines)} packages, {total / 1e6:,.1f} MB of Python", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
