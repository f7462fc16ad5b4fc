"""The source `packages` with the real pip and an index on loopback: fetched once, resumed, refused in one line."""

import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from benchmarks.packages import main as list_of
from curate.errors import Trouble, UserError
from curate.files import cache
from curate.progress import Progress
from curate.sources import fetching
from curate.sources.fetching import fetch, missing, place
from curate.sources.kinds import Packages
from curate.sources.pins import read_pins
from tests.conftest import ROOT, Run, shard_digests
from tests.curate.sources.test_sources import ids, read_all
from tests.curate.sources.wheelhouse import Index, make_wheel, pin_of, serving, sha256_of, write_list

NAMES = [f"kit{number}" for number in range(10)]
SIX = "six==1.17.0 --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten wheels of three files each, and one that is not permissive."""
    folder = tmp_path_factory.mktemp("house")
    for name in NAMES:
        make_wheel(folder, name, "1.0", {f"{name}/m{n}.py": f"# {name}\nx = {n}\n" for n in range(3)})
    make_wheel(folder, "kit0", "2.0", {"kit0/m0.py": "x = 2\n"})
    make_wheel(folder, "free", "1.0", {"free.py": "x = 1\n"}, ["License: GPL-3.0-or-later"])
    return folder


@pytest.fixture
def index(house: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """An index with those wheels, which pip is configured for, and a cache folder that has the compiled loops alone."""
    (tmp_path / "cache").mkdir()
    for loops in cache.folder().glob("loops-*"):
        (tmp_path / "cache" / loops.name).symlink_to(loops)
    with serving(house) as index:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            monkeypatch.delenv(name)
        settings = {
            "PIP_INDEX_URL": index.url,
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_RETRIES": "0",
            "NO_PROXY": "127.0.0.1",
        }
        for name, value in {**settings, "CURATE_CACHE": str(tmp_path / "cache")}.items():
            monkeypatch.setenv(name, value)
        yield index


def pins(house: Path, *names: str) -> list[str]:
    return [pin_of(house / f"{name}-1.0-py3-none-any.whl") for name in names]


def recipe_of(folder: Path, *lines: str, **settings: object) -> Path:
    """Write a recipe that reads the packages of a list."""
    code = {"packages": str(write_list(folder / "list.txt", *lines)), **settings}
    path = folder / "recipe.yaml"
    value = {"name": "kits", "sources": {"code": code}}
    path.write_text(yaml.safe_dump(value))
    return path


def test_packages_are_fetched_once_and_the_same_for_any_number_of_workers(
    house: Path, index: Index, tmp_path: Path, curate: Run
) -> None:
    recipe = recipe_of(tmp_path, *pins(house, *reversed(NAMES)), shard_rows=7)
    planned = curate("plan", recipe, "--runs", tmp_path / "one")
    assert "will run: 10 packages, 10 to fetch" in planned.stdout
    done = curate("run", recipe, "--runs", tmp_path / "one", "--workers", 1)
    assert done.returncode == 0, done.stderr
    assert "code: 30 in, 30 kept, 0 dropped" in done.stderr
    assert len(index.asked) == 10
    assert [path.name for path in (tmp_path / "cache/packages").glob(".part-*")] == []
    index.broken = True
    planned = curate("plan", recipe, "--runs", tmp_path / "two")
    assert "will run: 10 packages, 30 files, " in planned.stdout
    done = curate("run", recipe, "--runs", tmp_path / "two", "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert shard_digests(tmp_path / "one/kits") == shard_digests(tmp_path / "two/kits")


def test_an_index_that_does_not_answer_is_trouble_and_tried_again(
    house: Path, index: Index, tmp_path: Path, curate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(tmp_path, *pins(house, "kit1"))
    index.broken = True
    done = curate("run", recipe, "--runs", tmp_path)
    assert done.returncode == 2
    assert "code: kit1==1.0 cannot be fetched: http://127.0.0.1:" in done.stderr
    assert "Traceback" not in done.stderr
    source = Packages(packages=tmp_path / "list.txt")
    with monkeypatch.context() as patch:
        patch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
        with pytest.raises(Trouble, match=r"kit1==1\.0 cannot be fetched: .* connection error"):
            source.parts()
    index.broken, index.cuts = False, 1
    assert len(ids(read_all(source))) == 3


@pytest.mark.parametrize(
    ("beside", "line", "told"),
    [
        ([], "kit1==9.9 --hash=sha256:" + "0" * 64, r"kit1==9\.9 has no wheel .*\(there are 1\.0\)"),
        ([], "nobody==1.0 --hash=sha256:" + "0" * 64, r"nobody==1\.0 has no wheel .* at the index that pip uses; mend"),
        (
            ["kit0"],
            "kit1==1.0 --hash=sha256:" + "0" * 64,
            r"kit1==1\.0 has another hash at the index, sha256:[1-9a-f].* than in the",
        ),
    ],
    ids=["version", "name", "hash"],
)
def test_what_the_index_does_not_have_is_named_and_what_it_has_is_kept(
    beside: list[str], line: str, told: str, house: Path, index: Index, tmp_path: Path
) -> None:
    path = write_list(tmp_path / "list.txt", *pins(house, *beside), line)
    source = Packages(packages=path)
    source.check({})
    with pytest.raises(UserError, match=told):
        source.parts()
    assert [pin.name for pin in missing(read_pins(path))] == [line.partition("=")[0]]


def test_a_package_that_is_not_permissive_is_refused_when_it_is_fetched_and_before_the_next_time(
    house: Path, index: Index, tmp_path: Path, curate: Run
) -> None:
    recipe = recipe_of(tmp_path, *pins(house, "kit1", "free"))
    done = curate("run", recipe, "--runs", tmp_path)
    assert done.returncode == 1
    assert "not permissive by what their metadata state: free (GPL-3.0-or-later); take them out" in done.stderr
    assert not list(tmp_path.glob("kits/stages/*/kept/*"))
    assert curate("plan", recipe, "--runs", tmp_path).returncode == 1


def test_a_run_that_is_killed_while_it_fetches_goes_on_from_what_it_had(
    house: Path, index: Index, tmp_path: Path, curate: Run
) -> None:
    recipe = recipe_of(tmp_path, *pins(house, *NAMES))
    command = [sys.executable, "-m", "curate", "run", str(recipe), "--runs", str(tmp_path)]
    index.held = "kit9"  # the last of the second pip's wheels
    run = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not index.waiting.wait(0.1):
        assert run.poll() is None
    run.send_signal(signal.SIGKILL)
    run.wait()
    index.held = ""
    index.release.set()
    assert sorted(name.partition("-")[0] for name in index.asked) == NAMES
    index.asked.clear()
    assert curate("run", recipe, "--runs", tmp_path).returncode == 0
    assert sorted(name.partition("-")[0] for name in index.asked) == NAMES[fetching.AT_ONCE :]
    assert not list((tmp_path / "cache/packages").glob(".part-*"))


def test_fetching_tells_how_far_it_is_and_mends_a_wheel_that_was_damaged(
    house: Path, index: Index, tmp_path: Path
) -> None:
    told: list[tuple[float, float, str]] = []

    class Heard(Progress):
        def update(self, done: float, total: float, note: str = "") -> None:
            told.append((done, total, note))

    path = write_list(tmp_path / "list.txt", *pins(house, *NAMES))
    wanted = read_pins(path)
    fetch(wanted, Heard())
    size = sum(place(pin).stat().st_size for pin in wanted)
    assert list(dict.fromkeys(line[:2] for line in told)) == [(0, 10), (fetching.AT_ONCE, 10), (10, 10)]
    assert told[0][2] == "packages, 0.0 MB fetched"
    assert told[-1][2] == f"packages, {size / 1e6:,.1f} MB fetched"
    place(wanted[0]).write_bytes(place(wanted[0]).read_bytes()[:-1])
    place(wanted[1]).unlink()
    assert missing(wanted) == wanted[:2]
    assert len(ids(read_all(Packages(packages=path)))) == 30
    assert [sha256_of(place(pin)) for pin in wanted] == [pin.sha256 for pin in wanted]
    assert len(index.asked) == 12


def test_a_limit_fetches_no_more_packages_than_hold_so_many_files(house: Path, index: Index, tmp_path: Path) -> None:
    source = Packages(packages=write_list(tmp_path / "list.txt", *pins(house, *NAMES)), limit=4)
    assert source.extent() == "10 packages, 10 to fetch, 4 files at most"
    first = read_all(source)
    assert len(ids(first)) == 4
    assert ids(first) == sorted(ids(first))
    assert len({name.partition("/")[0] for name in ids(first)}) == 2
    assert len(index.asked) == fetching.AT_ONCE
    index.broken = True
    assert source.extent().startswith("10 packages, 4 files, ")
    assert ids(read_all(source)) == ids(first)


def test_a_worker_without_the_wheel_fetches_it(house: Path, index: Index, tmp_path: Path) -> None:
    source = Packages(packages=write_list(tmp_path / "list.txt", *pins(house, "kit1")))
    [pin] = read_pins(source.packages)
    place(pin).parent.mkdir()
    place(pin).write_bytes((house / "kit1-1.0-py3-none-any.whl").read_bytes())
    [part] = source.parts()
    place(pin).unlink()
    source.packages.unlink()
    assert source.read(part).documents.num_rows == 3


def test_without_pip_the_command_that_brings_it_is_named(
    house: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "find_spec", lambda _: None)
    source = Packages(packages=write_list(tmp_path / "list.txt", *pins(house, "kit1")))
    with pytest.raises(UserError, match=r"fetched by pip, which is not installed; run .* -m ensurepip"):
        source.check({})


def test_a_cache_folder_that_cannot_be_made_is_named(
    house: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path / "file"))
    source = Packages(packages=write_list(tmp_path / "list.txt", *pins(house, "kit1")))
    with pytest.raises(UserError, match=r"packages are kept in .*Not a directory; set CURATE_CACHE"):
        source.parts()


def test_a_list_is_made_of_the_packages_that_are_named_and_permissive(
    house: Path, index: Index, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    list_of(["kit0", "free", "nobody"])
    made, told = capsys.readouterr()
    path = write_list(tmp_path / "list.txt", made)
    assert made.splitlines()[1:] == [f"{pin_of(house / 'kit0-2.0-py3-none-any.whl')}  # MIT, 0.00 MB"]
    assert "free: left out: not permissive by its metadata: GPL-3.0-or-later" in told
    assert "nobody: left out: no wheel for any machine: ERROR: No matching distribution" in told
    assert missing(read_pins(path)) == []


def test_the_list_that_is_shipped_pins_wheels_that_no_name_stands_twice_for() -> None:
    text = (ROOT / "recipes/packages.txt").read_text()
    assert len(read_pins(ROOT / "recipes/packages.txt")) == text.count("--hash=") > 0


def test_a_package_of_the_real_index_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURATE_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_RETRIES", "0")
    source = Packages(packages=write_list(tmp_path / "list.txt", SIX))
    try:
        made = read_all(source)
    except Trouble as error:
        pytest.skip(f"no index: {error}")
    assert ids(made) == ["six/1.17.0/six.py"]
    assert made.documents["license"].to_pylist() == ["MIT"]
    assert "def with_metaclass" in made.documents["text"][0].as_py()
    with zipfile.ZipFile(place(read_pins(source.packages)[0])) as archive:
        assert made.documents["text"][0].as_py().encode() == archive.read("six.py")
