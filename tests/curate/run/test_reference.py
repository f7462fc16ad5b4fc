"""docs/recipes-and-stages.md is what the code says."""

import re

from curate.recipe import TOP_LEVEL
from curate.run.reference import OF_A_RECIPE, markdown
from curate.stages import SOURCES, STAGES, find
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "recipes-and-stages.md").read_text()


def test_the_page_is_up_to_date() -> None:
    assert markdown() == PAGE, "run: curate stages --markdown > docs/recipes-and-stages.md"


def test_it_has_every_key_every_stage_and_every_setting_with_what_it_means() -> None:
    assert set(OF_A_RECIPE) == set(TOP_LEVEL)
    sections = dict(re.findall(r"^### `([\w.]+)`\n(.*?)(?=^##|\Z)", PAGE, flags=re.MULTILINE | re.DOTALL))
    assert list(sections) == [*(f"source.{name}" for name in SOURCES), *STAGES]
    for name, section in sections.items():
        source = name.startswith("source.")
        kind = find(name.removeprefix("source."), SOURCES) if source else find(name)
        rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| .* \|$", section, flags=re.MULTILINE)
        assert [row[0] for row in rows] == [field for field in kind.model_fields if not (source and field == "name")]
        for field, type_, default in rows:
            assert type_ and (default == "required") == kind.model_fields[field].is_required(), (name, field)
