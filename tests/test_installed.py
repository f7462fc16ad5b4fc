"""The distribution installs one package, which works beside folders of any name; so does a copy of the checkout."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.terminal import END, SEVERAL

RECIPE = """
name: beside
sources: {code: {folder: code}}
stages:
  exact: {use: dedup.exact}
  free:  {use: filter.license, unknown: keep}
  mined: {use: synth.mined}
  shown: {use: synth.render}
"""
"""Stages of several folders, without compiled loops: an installation compiles its own, which takes a minute."""
FUNCTION = '''def area_{0}(width: float, height: float) -> float:
    """Return the area of a rectangle with sides of {0} times these lengths."""
    return {0} * width * {0} * height
'''
STAGE_PACKAGES = ("filters", "synth", "train", "eval")


def copied(place: Path, **how: bool) -> Path:
    """Copy what is installed of the checkout."""
    for name in ("curate", *STAGE_PACKAGES, "recipes"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"), **how)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place)
    return place


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    source = copied(place / "source", symlinks=True)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", place, source], check=True, capture_output=True)
    (found,) = place.glob("*.whl")
    return found


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with modules of the user's own, which end whoever imports them, and a recipe over some code."""
    for name in STAGE_PACKAGES[:2]:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the folder of the user was imported')\n")
    for name in STAGE_PACKAGES[2:]:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the module of the user was imported')\n")
    (tmp_path / "code").mkdir()
    for number in range(2, 6):
        (tmp_path / f"code/area_{number}.py").write_text(FUNCTION.format(number))
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def test_the_wheel_holds_the_one_package_whole(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"curate", "curate_textbooks"}
    folders = [ROOT / "curate", *(ROOT / "curate" / name for name in (*STAGE_PACKAGES, "recipes"))]
    files = [
        path for folder in folders for path in folder.rglob("*") if path.suffix in (".py", ".jinja", ".json", ".yaml")
    ]
    missing = {path.relative_to(ROOT).as_posix() for path in files} - names
    assert len(files) > 300
    assert not missing


def test_the_installed_tool_works_in_a_folder_with_modules_of_the_same_names(wheel: Path, beside: Path) -> None:
    installed = beside / "installed"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", installed], check=True)
    (site,) = installed.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    (site / "others.pth").write_text("".join(f"{path}\n" for path in sys.path if path.endswith("-packages")))
    python = installed / "bin/python"
    environment = {**os.environ, "PYTHONPATH": "."}

    def call(*words: str) -> str:
        done = subprocess.run(
            [python, *words], cwd=beside, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    place = call("-P", "-c", "import curate.eval; print(curate.eval.__file__)").strip()
    assert Path(place).is_relative_to(site)
    call("-m", "curate", "run", "recipe.yaml", "--workers", "2", "--until", "shown")
    assert list(beside.glob("runs/beside/stages/shown-*/kept/*.parquet"))
    stages = ("train.lm", "eval.code", "select.target")
    lines = [["plan", "recipe.yaml"], *(["stages", stage] for stage in stages), ["init", "phi1-small"]]
    planned, *shown, _ = call("-c", SEVERAL, json.dumps(lines)).split(f"{END}0{END}")[:-1]
    assert "mined" in planned
    assert all(stage in said for stage, said in zip(stages, shown, strict=True))
    assert (beside / "phi1-small.yaml").read_text() == (ROOT / "recipes/phi1-small.yaml").read_text()


@pytest.mark.parametrize("links", ["kept", "followed", "lost"])
def test_a_bare_copy_of_the_checkout_works_whatever_became_of_its_links(links: str, beside: Path) -> None:
    copy = copied(beside / "copy", symlinks=links != "followed")
    if links == "lost":
        for path in (copy / "curate").iterdir():
            if path.is_symlink():
                path.unlink()
    done = subprocess.run(
        [sys.executable, "-m", "curate", "run", "recipe.yaml", "--workers", "1", "--until", "shown"],
        cwd=beside,
        env={**os.environ, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(beside.glob("runs/beside/stages/shown-*/kept/*.parquet"))
