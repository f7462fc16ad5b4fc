from pathlib import Path
from typing import Any

import pytest

from curate.errors import UserError
from curate.files.shards import documents
from curate.filters.private.secrets import Secrets
from curate.filters.rights.optout import OptOut
from curate.stage import Context


@pytest.fixture
def wishes(tmp_path: Path) -> Any:
    def build(*lines: str) -> OptOut:
        path = tmp_path / "optout.txt"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return OptOut(lists=[path])

    return build


ROWS = [
    {"id": "a", "repo": "Owner/Name", "path": "src/main.py", "text": "x = 1\n"},
    {"id": "b", "repo": "owner/other", "path": "tests/data/x.py", "text": "# by Jane <jane@mail.corp.io>\n"},
    {"id": "c", "repo": None, "path": None, "text": "x = 'nobody@corp.io.example'\n"},
    {"id": "D", "repo": "some/thing", "path": "Setup.py", "text": "", "author": "Joe Doe <JOE@uni.edu>, Al <al@x.org>"},
]
CASES = {
    "repo: owner/name": "a",
    "repo: https://github.com/OWNER/name.git": "a",
    "repo: owner/*": "ab",
    "path: tests/*": "b",
    "path: setup.py": "D",
    "path: *.py": "abD",
    "path: main.py": "",
    "id: D": "D",
    "id: d": "",
    "author: jane@mail.corp.io": "b",
    "author: @corp.io": "b",
    "author: @io": None,
    "author: joe@uni.edu": "D",
    "author: oe@uni.edu": "",
    "author: @x.org": "D",
    "  id:c  # as asked on Monday": "c",
    "# id: c": "",
}


@pytest.mark.parametrize("line", CASES)
def test_a_wish_names_documents(line: str, wishes: Any, context: Context) -> None:
    table = documents({"source": "test", "author": None, **row} for row in ROWS)
    if CASES[line] is None:
        with pytest.raises(UserError, match="'@io' is no e-mail address"):
            wishes(line).judge(table, context)
        return
    _, dropped = wishes(line).judge(table, context).split(table)
    assert "".join(dropped.column("id").to_pylist()) == CASES[line]


def test_the_first_wish_is_the_evidence(wishes: Any, context: Context) -> None:
    table = documents({"source": "test", "author": None, **row} for row in ROWS)
    stage = wishes("# the list", "", "path: src/*", "repo: x/y", "repo: owner/[mn]ame", "id: c")
    _, dropped = stage.judge(table, context).split(table)
    assert dropped.select(["id", "reason", "wish"]).to_pylist() == [
        {"id": "a", "reason": "opted out: repo", "wish": "optout.txt, line 5: repo: owner/[mn]ame"},
        {"id": "c", "reason": "opted out: id", "wish": "optout.txt, line 6: id: c"},
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("owner/name", "write it as `repo: owner/name`"),
        ("repos: owner/name", "'repo'"),
        ("repo:", "is no wish"),
        ("author: jane", "'jane' is no e-mail address"),
        ("path: *", "every document"),
    ],
)
def test_a_line_that_is_no_wish_is_named_before_anything_runs(line: str, words: str, wishes: Any) -> None:
    with pytest.raises(UserError, match="line 2: ") as caught:
        wishes("id: a", line).check({})
    assert words in str(caught.value)


def test_a_list_that_is_not_there_or_no_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"missing\.txt"):
        OptOut(lists=[tmp_path / "missing.txt"]).check({})
    (tmp_path / "bytes.txt").write_bytes(b"id: \xff\n")
    with pytest.raises(UserError, match=r"bytes\.txt"):
        OptOut(lists=[tmp_path / "bytes.txt"]).check({})


def test_a_wish_that_no_column_could_fulfil_is_a_mistake_and_not_silence(wishes: Any, context: Context) -> None:
    table = documents([{"id": "a", "source": "test", "text": ""}])
    with pytest.raises(UserError, match=r"optout\.txt, line 1: repo: a/b: there is no column"):
        wishes("repo: a/b").judge(table, context)


def test_authors_are_not_looked_for_in_texts_without_their_addresses(wishes: Any, context: Context) -> None:
    row = {"id": "a", "text": "# by Jane <jane@corp.io>\n", "source": "test"}
    redacted, _ = Secrets().judge(documents([row]), context).split(documents([row]))
    with pytest.raises(UserError, match=r"put filter\.optout before it"):
        wishes("author: @corp.io").judge(redacted, context)
    assert wishes("id: z").judge(redacted, context).reasons.null_count == 1


def test_the_key_depends_on_what_the_lists_say_and_not_on_comments(wishes: Any) -> None:
    first = wishes("id: a", "# a comment").fingerprint()
    assert wishes("", "id: a  # another").fingerprint() == first
    assert wishes("id: b").fingerprint() != first


@pytest.mark.parametrize(
    "text",
    [
        "# Author:jane@mail.corp.io\n", "# <mailto:jane@mail.corp.io>\n", "# by /jane@mail.corp.io/\n",
        "A = 'mailto:%3Cjane@mail.corp.io%3E'\n", "A = 'by\\njane@mail.corp.io\\n'\n", "# %jane@mail.corp.io\n",
        "# (c) JANE@mail.corp.io.\n", "# .jane@mail.corp.io\n", "# https://jane@mail.corp.io/\n",
    ],
)  # fmt: skip
def test_nothing_before_an_address_hides_an_author(text: str, wishes: Any, context: Context) -> None:
    table = documents([{"id": "a", "source": "test", "text": text}])
    assert wishes("author: jane@mail.corp.io").judge(table, context).reasons.to_pylist() == ["opted out: author"]
    assert wishes("author: ane@mail.corp.io").judge(table, context).reasons.to_pylist() == [None]
