"""A clone of this project as git would make it, and README's lines as a stranger types them there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from curate.text.loops import cache_folder
from tests.terminal import DARK, ROOT, command_in_terminal, plain

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
LINES = [line for language, block in BLOCKS if language == "sh" for line in block.splitlines() if line.strip()]
NEEDS_GPU = "# needs a GPU"
MINE = next(block for language, block in BLOCKS if language == "yaml")

# The clone's inputs, made small: the same demo over fewer files with a smaller model, a test suite of one test.
SMALLER: dict[str, Any] = {
    "sources": {"code": {"limit": 600, "shard_rows": 200}},
    "stages": {
        "seeds": {"count": 4},
        "exercises": {"count": 1, "solutions": 2, "stub_tokens": 32, "max_tokens": 48},
        "textbook": {"count": 1, "max_tokens": 48},
        "model": {
            "steps": 20,
            "measure_every": 20,
            "hidden": 48,
            "layers": 2,
            "heads": 2,
            "feed_forward": 96,
            "learning_rate": 5e-3,
        },
        "score": {"limit": 4},
    },
}
ONE_TEST = "def test_the_clone_has_its_tests():\n    import curate\n\n    assert curate.__version__\n"


def copy_of_the_project(place: Path) -> Path:
    """Return a clone as git would make it, with small inputs and this interpreter's environment as its `.venv`."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    clone = place / "clone"
    for name in filter(None, listed.split("\0")):
        if name.startswith("tests/") or not (ROOT / name).exists():
            continue
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clone / name, follow_symlinks=False)
    recipe = yaml.safe_load((clone / "recipes/quickstart.yaml").read_text())
    for section, parts in SMALLER.items():
        for name, settings in parts.items():
            recipe[section][name] |= settings
    (clone / "recipes/quickstart.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    (clone / "tests").mkdir()
    (clone / "tests/test_one.py").write_text(ONE_TEST)
    (clone / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".ready":
            (clone / ".venv" / part.name).symlink_to(part)
    (clone / ".venv/.ready").touch()
    return clone


def _share_loops(cache: Path) -> None:
    """Put this project's compiled loops into an empty cache: they are the clone's too, and take minutes to compile."""
    loops = cache_folder()
    loops.mkdir(parents=True, exist_ok=True)
    (cache / "curate").mkdir(parents=True, exist_ok=True)
    (cache / "curate" / loops.name).symlink_to(loops)


def type_the_lines(clone: Path, cache: Path) -> dict[str, str]:
    """Type README's lines in order, in one shell on a terminal of 80 columns where nothing was activated or exported
    before; return what each drew. A line that fails ends it, by an assertion that says which."""
    (clone / "mine.yaml").write_text(MINE)
    _share_loops(cache)
    typed = [line for line in LINES if NEEDS_GPU not in line]
    steps = [f"echo '@@ {number} @@'\n{line}" for number, line in enumerate(typed)]
    dropped = ("PYTEST", "CURATE", "MAKE", "VIRTUAL_ENV", "PYTHONPATH")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    environment |= {"XDG_CACHE_HOME": str(cache), "PIP_NO_BUILD_ISOLATION": "0", "COLORFGBG": DARK}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    own = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join(p for p in environment["PATH"].split(os.pathsep) if p != own)
    code, screen = command_in_terminal(["bash", "-e", "-c", "\n".join(steps)], 80, clone, environment, 900)
    parts = re.split(r"@@ (\d+) @@\r?\n", screen)[1:]
    drawn = {typed[int(number)]: said for number, said in zip(parts[::2], parts[1::2], strict=True)}
    last = list(drawn)[-1] if drawn else "nothing"
    assert code == 0 and len(drawn) == len(typed), f"{last!r}: {plain(drawn.get(last, screen))[-3000:]}"
    return drawn
