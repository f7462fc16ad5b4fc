"""A recipe takes a stage of one's own, and says in one line what is wrong with it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

import curate
from curate.errors import UserError
from curate.plugins.finding import stage_class
from curate.recipe import Recipe, keys, load
from tests.conftest import ROOT, Run, shard_digests

STAGE = '''
import pyarrow as pa
from curate import DocumentFilter, Drop
{imports}

class Long(DocumentFilter):
    """Drop long documents."""

    most: int = 2000
    """Characters."""

    def judge_document(self, document, context):
        size = len(document["text"])
        {line}
        return Drop("long", score=size, cut=self.most) if size > self.most else None
'''
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a module and a recipe that uses its stage; return the recipe."""

    def to_files(module: str = "mine_long", imports: str = "", line: str = "", **stage: object) -> Path:
        folder = tmp_path / "place"
        (folder / "code").mkdir(parents=True, exist_ok=True)
        for number in range(12):
            (folder / "code" / f"f{number:02}.py").write_text(f"x = {number}\n" * (100 * number + 1))
        (folder / f"{module}.py").write_text(STAGE.format(imports=imports, line=line))
        recipe = {
            "name": "own",
            "sources": {"code": {"folder": str(folder / "code"), "shard_rows": 4}},
            "stages": {"long": {"use": f"{module}:Long", **stage}},
        }
        (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
        return folder / "recipe.yaml"

    return to_files


def test_a_module_beside_the_recipe_works_in_processes_too_and_gives_the_same_bytes(
    write: Write, curate: Run, tmp_path: Path
) -> None:
    """And on Ray: tests/test_engines.py."""
    path, found = write(), []
    for number, options in enumerate([("--workers", 1), ("--workers", 2)]):
        done = curate("run", path, "--runs", tmp_path / str(number), *options)
        assert done.returncode == 0, done.stderr
        assert "long: 12 in, 4 kept, 8 dropped" in done.stderr
        found.append(shard_digests(tmp_path / str(number) / "own"))
    assert found[0] == found[1]
    listed = curate("stages", path)
    assert listed.stdout.splitlines()[1].split() == ["long", "mine_long:Long", "Drop", "long", "documents"]
    assert "most: 2000  # Characters." in curate("stages", "tests.curate.plugins.an_own_stage:Long").stdout


def test_an_edited_stage_has_another_key_and_an_untouched_one_its_own(write: Write) -> None:
    path = write(imports="import mine_long_part")
    part = path.parent / "mine_long_part.py"
    part.write_text("FACTOR = 1\n")
    before = keys(load(path))
    assert keys(load(path)) == before
    (path.parent / "unrelated_part.py").write_text("x = 1\n")
    assert keys(load(path)) == before
    part.write_text("FACTOR = 20\n")
    edited = keys(load(path))
    assert (edited["code"], edited["long"] == before["long"]) == (before["code"], False)
    write(imports="import mine_long_part", line="size += 100")
    assert keys(load(path))["long"] not in (before["long"], edited["long"])
    stage = load(path).node("long").stage
    assert "size += 100" in (path.parent / "mine_long.py").read_text()
    assert type(stage) is sys.modules["mine_long"].Long, "the class is that of the edited file"


@pytest.mark.parametrize(
    ("use", "said"),
    [
        ("nowhere_to_be_found:Long", "no module 'nowhere_to_be_found' in"),
        ("mine_long:Longer", "has no 'Longer'; did you mean 'Long'?"),
        ("mine_long:pa", "pa is no stage; let it be a class that extends curate.DocumentFilter"),
        ("os:system", "system is no stage"),
        ("mine_long:Drop", "Drop is no stage"),
        ("curate:DocumentFilter", "DocumentFilter lacks `judge_document`"),
        ("mine_long:", "names no class; write it as module:Class"),
        ("../mine_long:Long", "names no class; write it as module:Class"),
        ("curate.sources.kinds:Folder", "Folder is a source"),
        ("mine_lang", "unknown stage 'mine_lang'"),
    ],
)
def test_what_is_no_stage_is_refused_by_name(use: str, said: str, write: Write) -> None:
    path = write()
    with pytest.raises(UserError) as error:
        stage_class(use, path.parent)
    assert said in str(error.value) and "\n" not in str(error.value)


def test_a_plan_tells_what_is_wrong_in_one_line_with_the_place(write: Write, curate: Run) -> None:
    cases = {
        "broken_import": ({"imports": "import no_such_package_at_all"}, "broken_import.py:4"),
        "broken_value": (
            {"imports": "1 / 0"},
            "ZeroDivisionError: division by zero (",
        ),
        "broken_syntax": ({"imports": "def ("}, "SyntaxError"),
        "unknown_parameter": ({"mots": 5}, "stages.long: unknown key 'mots'; did you mean 'most'?"),
        "wrong_parameter": ({"most": "many"}, "stages.long.most: 'many' will not do"),
    }
    for module, (changes, said) in cases.items():
        done = curate("plan", write(module, **changes))
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert said in done.stderr and "recipe.yaml: stages.long" in done.stderr


def test_a_file_that_has_the_name_of_a_part_of_python_hides_nothing_and_is_refused(write: Write) -> None:
    import statistics

    path = write("statistics")
    with pytest.raises(UserError, match=r"the name 'statistics' is that of .*statistics.py; rename .*place/statistics"):
        load(path)
    assert sys.modules["statistics"] is statistics


def test_an_error_on_a_document_fails_its_shard_and_names_the_line_and_the_document(
    write: Write, curate: Run, tmp_path: Path
) -> None:
    path = write("fails_once", line='assert "x = 5" not in document["text"], "no fives"')
    done = curate("run", path, "--runs", tmp_path, "--workers", 2)
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert "long: 1 of 3 shards failed" in line and "AssertionError: no fives" in line
    assert "fails_once.py:14, document 'code/f05.py'" in line
    assert "Traceback" not in done.stderr and "Traceback" in (tmp_path / "own/run.log").read_text()


def test_an_error_in_what_a_whole_stage_does_is_one_line_and_the_rest_is_in_the_log(
    write: Write, curate: Run, tmp_path: Path
) -> None:
    path = write("fails_whole")
    (path.parent / "fails_whole.py").write_text(
        "import pyarrow as pa\nfrom curate import GlobalFilter, Verdict\n\n\nclass Long(GlobalFilter):\n"
        "    def sketch(self, shard, context):\n        return pa.table({'n': [shard.num_rows]})\n\n"
        "    def plan(self, context, map):\n        return {'x': [][0]}\n\n"
        "    def judge(self, shard, context):\n        return Verdict(pa.nulls(shard.num_rows, pa.string()))\n"
    )
    done = curate("run", path, "--runs", tmp_path)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr
    assert "long: IndexError: list index out of range" in done.stderr and "fails_whole.py:10" in done.stderr
    assert "Traceback" in (tmp_path / "own/run.log").read_text()


def test_an_installed_distribution_offers_stages_by_name(write: Write, tmp_path: Path) -> None:
    site = tmp_path / "site"
    metadata = site / "mine_dist-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: mine-dist\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[curate.stages]\nmine.long = mine_dist:Long\nmine.gone = no_such_module_x:Long\n"
    )
    (site / "mine_dist.py").write_text(STAGE.format(imports="", line=""))
    env = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}

    def call(*arguments: object) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "curate", *map(str, arguments)]
        return subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False)

    listed = call("stages").stdout
    assert "mine.long" in listed and "Drop long documents (of mine-dist)" in listed
    assert "cannot be used: stage 'mine.gone' of mine-dist: no module 'no_such_module_x'" in listed
    path = write()
    path.write_text(path.read_text().replace("mine_long:Long", "mine.long"))
    done = call("run", path, "--workers", 2)
    assert done.returncode == 0, done.stderr
    assert "long: 12 in, 4 kept, 8 dropped" in done.stderr


def test_importing_the_tool_imports_nothing_else() -> None:
    code = "import sys, curate; print(sorted({'pyarrow', 'pydantic', 'numpy', 'curate.recipe'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert callable(curate.run) and isinstance(curate.Recipe, type) and Recipe is curate.Recipe
