"""Recipes that nobody would write, or nobody with good intentions: one line, and no traceback."""

from pathlib import Path

import pytest

from curate.errors import UserError
from curate.recipe import load, parse_override

GOOD = "name: x\nsources: {code: {folder: curate}}\nstages:\n  a: {use: dedup.exact}\n"
DEEP = "[" * 1_000
RECIPES = {
    "open brackets": (f"name: {DEEP}", "nested too deeply"),
    "brackets in a stage": (f"{GOOD}  b: {{use: dedup.exact, from: {DEEP}{DEEP.replace('[', ']')}}}\n", "nested too"),
    "maps": ("{a: " * 1_000, "nested too deeply"),
    "a key null": (f"null: 1\n{GOOD}", "unknown key None"),
    "a source null": ("name: x\nsources: {null: {folder: a}}\n", "sources: None must be a name"),
    "null in a source": ("name: x\nsources: {a: {null: 1, folder: b}}\n", "sources.a: the key None must be a word"),
    "null in a stage": (f"{GOOD}  b: {{use: dedup.exact, null: 1}}\n", "stages.b: the key None must be a word"),
    "a number in the engine": (f"engine: {{1: 1}}\n{GOOD}", "engine: the key 1 must be a word"),
    "yes in a model": (f"models: {{a: {{yes: 1}}}}\n{GOOD}", "models.a: the key True must be a word"),
    "a list as a key": (f"? [a]\n: b\n{GOOD}", "line 1: the key ['a'] must be a word"),
    "from an empty list of lists": (f"{GOOD}  b: {{use: dedup.exact, from: [[]]}}\n", "stages.b.from: [[]] must be"),
    "from maps": (f"{GOOD}  b: {{use: dedup.exact, from: [{{}}]}}\n", "stages.b.from: [{}] must be"),
    "a stage within itself": (f"{GOOD}  b: &b {{use: dedup.exact, from: [*b]}}\n", "stages.b.from: "),
    "a number of 5,000 digits": (f"seed: {'9' * 5000}\n{GOOD}", "not valid YAML"),
    "a 13th month": (f"seed: 2020-13-45\n{GOOD}", "not valid YAML"),
    "an object of Python": ("name: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
    "an endless size": ("name: x\nsources: {a: {folder: curate, max_mb: .inf}}\n", "sources.a.max_mb: inf will not do"),
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_hostile_recipe_is_refused_in_one_line(recipe: str, tmp_path: Path) -> None:
    text, line = RECIPES[recipe]
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(UserError) as caught:
        load(tmp_path / "r.yaml")
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("setting", [f"a={DEEP}", "a={[]: 1}", "a=2020-13-45"])
def test_and_so_is_a_setting(setting: str) -> None:
    with pytest.raises(UserError, match="--set a="):
        parse_override(setting)


def test_what_is_shared_by_an_anchor_is_read_and_may_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(
        "name: x\nsources:\n  a: &a {folder: curate, pattern: '*.py'}\n  b: {<<: *a, pattern: '*.txt'}\nstages: {}\n"
    )
    stages = [node.stage.model_dump() for node in load(tmp_path / "r.yaml").nodes]
    assert [(stage["folder"], stage["pattern"]) for stage in stages] == [("curate", "*.py"), ("curate", "*.txt")]
