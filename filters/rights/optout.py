"""`filter.optout`: documents whose authors do not want them used are dropped, and so is the trace of the wish.

In: Documents, and lists that name what is to go, one wish a line (`#` begins a comment):

    repo: owner/name            or owner/*; with or without https://github.com/ in front and .git behind
    path: tests/data/*          a pattern for the whole path, * for any characters
    id: package@1.0/module.py   one document
    author: jane@example.org    or @example.org, a domain with all below it

An author is found in the columns AUTHORS and in e-mail addresses that stand in the first 5,000 characters of a text.
Letter case does not matter, except in ids. Out: dropped rows carry `wish`, the list, line and words that named them.
Lists are read when the recipe is checked, so that a mistake in one is told before anything runs; their contents are
part of the stage's key.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.errors import UserError, did_you_mean
from curate.filters.private.addresses import addresses, blanked
from curate.llm.types import ModelSpec
from curate.stage import Columns, Context, Filter, Need, Verdict

COLUMNS = {
    "repo": ("repo", "repository", "repo_name", "repository_name", "max_stars_repo_name", "package", "project"),
    "path": ("path", "file_path", "filename", "max_stars_repo_path"),
    "id": ("id",),
}
AUTHORS = ("author", "author_email", "email", "authors", "committer_email", "maintainer_email")
HEADER_CHARACTERS = 5000
REDACTED = "secret_email"
"""How many addresses filter.secrets took out of a text, in which authors can no longer be found."""
KINDS = (*COLUMNS, "author")
AUTHOR = re.compile(r"[^@\s]*@(?:[a-z0-9-]+\.)+[a-z]{2,}")
HOST = re.compile(r"^(?:https?://|git@)[^/:]+[/:]|\.git$|/$")


@dataclass(frozen=True)
class Wish:
    """One line of a list."""

    kind: str
    value: str
    place: str
    """List and line, for people."""

    def __str__(self) -> str:
        return f"{self.place}: {self.kind}: {self.value}"


class OptOut(Filter):
    """Drop the documents that opt-out lists name by repository, path, id or author."""

    VERSION: ClassVar[int] = 3

    lists: list[Path] = Field(min_length=1)
    """Text files, one wish a line: `repo: owner/name`, `path: pattern`, `id: id`, `author: e-mail or @domain`."""

    def needs(self) -> list[Need]:
        """List the columns in which the names of the lists could stand."""
        first = {wish.kind: wish for wish in reversed(self.wishes()) if wish.kind in COLUMNS}
        return [Need(COLUMNS[kind], str(first[kind])) for kind in COLUMNS if kind in first]

    def adds(self) -> Columns:
        """Nothing: what is dropped carries the evidence."""
        return {}

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Read the lists."""
        self.wishes()

    def fingerprint(self) -> str:
        """Digest of what the lists say."""
        return hashlib.sha256("\n".join(f"{wish.kind}:{wish.value}" for wish in self.wishes()).encode()).hexdigest()

    def wishes(self) -> list[Wish]:
        """Return all lines of all lists. Raises UserError for a line that is none."""
        return [wish for path in self.lists for wish in read_wishes(path)]

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Drop every row that a wish names; the first wish is the evidence."""
        found: list[Wish | None] = [None] * shard.num_rows
        wishes = self.wishes()
        for kind in KINDS:
            of_kind = [wish for wish in wishes if wish.kind == kind]
            if of_kind:
                find = finder(of_kind)
                for row, names in enumerate(_names(shard, kind, of_kind[0])):
                    found[row] = found[row] or next((wish for name in names if (wish := find(name))), None)
        reasons = [f"opted out: {wish.kind}" if wish else None for wish in found]
        wish = pa.array([str(wish) if wish else None for wish in found], pa.string())
        return Verdict(pa.array(reasons, pa.string()), evidence={"wish": wish})


def read_wishes(path: Path) -> Iterator[Wish]:
    """Yield the wishes of one list. Raises UserError with the line for what is none."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the opt-out list {path}: {error}") from error
    for number, line in enumerate(lines, start=1):
        text = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if not text:
            continue
        kind, separator, value = (part.strip() for part in text.partition(":"))
        place = f"{path.name}, line {number}"
        if not separator or not value or kind not in KINDS:
            hint = did_you_mean(kind, KINDS) if separator else "; write it as `repo: owner/name`"
            raise UserError(f"{path}, line {number}: {text!r} is no wish{hint}")
        value = normal(kind, value)
        if kind == "author" and not AUTHOR.fullmatch(value):
            raise UserError(
                f"{path}, line {number}: {value!r} is no e-mail address; write jane@example.org or @example.org"
            )
        if kind in ("repo", "path") and not value.strip("*?/"):
            raise UserError(f"{path}, line {number}: {value!r} would name every document; name some of them")
        yield Wish(kind, value, place)


def normal(kind: str, value: str) -> str:
    """Return a name in the form in which it is compared.

    >>> normal("repo", "https://github.com/Owner/Name.git")
    'owner/name'
    """
    return value if kind == "id" else HOST.sub("", value.lower()) if kind == "repo" else value.lower()


def finder(wishes: list[Wish]) -> Callable[[str], Wish | None]:
    """Return a function from a name to the first wish, of one kind, that means it: exact names, then patterns."""
    kind = wishes[0].kind
    exact = {wish.value: wish for wish in reversed(wishes)}
    patterned = [wish for wish in wishes if kind in ("repo", "path") and re.search(r"[*?\[]", wish.value)]
    pattern = re.compile("|".join(f"({translate(wish.value)})" for wish in patterned) or r"(?!)")

    def find(name: str) -> Wish | None:
        value = normal(kind, name)
        if value in exact:
            return exact[value]
        if kind == "author":
            labels = value.partition("@")[2].split(".")
            domains = ("@" + ".".join(labels[start:]) for start in range(len(labels)))
            return next((exact[domain] for domain in domains if domain in exact), None)
        matched = pattern.match(value)
        return patterned[(matched.lastindex or 1) - 1] if matched else None

    return find


def _names(shard: pa.Table, kind: str, wish: Wish) -> Iterator[list[str]]:
    """Yield what each row is called in one kind of name. Raises UserError if the shard does not know."""
    if kind == "author":
        if REDACTED in shard.column_names and pc.any(pc.greater(shard.column(REDACTED), 0)).as_py():
            raise UserError(f"{wish}: filter.secrets has taken e-mail addresses out; put filter.optout before it")
        yield from _authors(shard)
        return
    column = next((name for name in COLUMNS[kind] if name in shard.column_names), None)
    if column is None:
        raise UserError(
            f"{wish}: there is no column that could tell, such as {COLUMNS[kind][0]!r}; "
            f"keep it in the source: the columns are {', '.join(shard.column_names)}"
        )
    for value in shard.column(column).cast(pa.string()).to_pylist():
        yield [value] if value else []


def _authors(shard: pa.Table) -> Iterator[list[str]]:
    """Yield the e-mail addresses in the author columns and in the beginning of each text."""
    columns = [shard.column(name).to_pylist() for name in AUTHORS if name in shard.column_names]
    heads = pc.utf8_slice_codeunits(shard.column("text"), 0, HEADER_CHARACTERS).to_pylist()
    for row, head in enumerate(heads):
        text = "\n".join([*(str(column[row]) for column in columns), head or ""])
        data = blanked(text.encode("utf-8", "replace")) if "@" in text else b""
        yield [data[start:stop].decode() for start, stop in addresses(data)]
