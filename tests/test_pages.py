"""Every line that a page of docs/ shows to be typed is one that the command line knows."""

import re

import pytest

from tests.conftest import ROOT
from tests.test_readme import must_parse

PAGES = sorted((ROOT / "docs").glob("*.md"))
FENCED = re.compile(r"^```(?:sh|console)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_the_commands_of_a_page_parse(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    joined = "\n".join(FENCED.findall(text)).replace("\\\n", " ")
    for line in joined.splitlines():
        if line.startswith("curate ") and "…" not in line:
            must_parse(line.partition(" > ")[0])


def test_the_pages_show_such_lines() -> None:
    found = {page.stem for page in PAGES if re.search(r"^curate ", "\n".join(FENCED.findall(page.read_text())), re.M)}
    assert {"before-a-run", "export", "ray", "write-a-stage"} <= found
