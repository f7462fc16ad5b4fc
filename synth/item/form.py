"""What an Item must be like to be shown: formatted, with one margin, with nothing unused, and true on any machine.

In: Items as they were verified. Out: for each the Item tidied, or the reason why it cannot be. The rules are fixed, so
the same Item always looks the same:

    code       as `ruff format` sets it on lines of 88 characters; imports sorted, star imports spelt out, unused ones
               gone; no comments, for nobody checked what they say; a string that is too long rejects the Item
    prose      one margin, filled to the docstring's width; what stands under a heading (`Args:`) or an item of a list
               is indented; no examples, for those come from execution
    cases      integers in decimal, everything as repr writes it; inf, nan and what has no literal are left out
    solutions  a second one that needs other imports than the first is left out

Formatting is ruff's: it runs twice for a whole list of Items, not for each.
"""

import ast
import doctest
import inspect
import io
import json
import re
import subprocess
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

from ruff import find_ruff_bin

from curate.synth.item.item import MARGIN, WIDTH, Case, Item
from curate.synth.item.prose import tidy_prose

SENTINEL = '"""."""'
"""Stands for the docstring while code is formatted, so that it is known where the body begins."""
STARRED = frozenset(
    {"bisect", "collections", "functools", "heapq", "itertools", "math", "operator", "re", "string", "typing"}
)
"""Modules of which `import *` is spelt out."""
CHECKS = "F401,I001,F811,F821,F403"


def tidy(items: Sequence[Item]) -> list[Item | str]:
    """Return each Item tidied, or the reason why it cannot be shown."""
    cleaned = [_clean(item) for item in items]
    sources = [_source(item, number) for item in cleaned for number in range(len(item.solutions))]
    formatted = iter(format_code(sources))
    return [_assemble(item, [next(formatted) for _ in item.solutions]) for item in cleaned]


def format_items(items: Sequence[Item]) -> list[Item | None]:
    """Return each Item with its first solution formatted, None where that cannot be; nothing else is asked of it."""
    made: list[Item | None] = []
    for item, source in zip(items, format_code([_source(item, 0) for item in items]), strict=True):
        part = _apart(source, item.name)
        made.append(replace(item, before=part.before, header=part.header, solutions=(part.body,)) if part else None)
    return made


def format_code(sources: Sequence[str]) -> list[str]:
    """Return programs formatted, their imports sorted and none of them unused; where that fails, an empty text.

    It fails where a program does not parse or uses a name that is defined nowhere.
    """
    if not sources:
        return []
    with TemporaryDirectory() as place:
        files = [Path(place, f"{number:06}.py") for number in range(len(sources))]
        for file, source in zip(files, sources, strict=True):
            file.write_text(source, encoding="utf-8", errors="surrogateescape")
        found = _ruff("check", place, "--select", CHECKS, "--fix", "--exit-zero", "--output-format", "json")
        broken = {Path(problem["filename"]).name for problem in json.loads(found)}
        _ruff("format", place, "--line-length", str(WIDTH), "--quiet")
        return ["" if file.name in broken else file.read_text(encoding="utf-8") for file in files]


def _ruff(command: str, place: str, *options: str) -> str:
    run = [find_ruff_bin(), command, "--isolated", "--no-cache", "--target-version", "py311", *options, place]
    return subprocess.run(run, capture_output=True, text=True, check=command == "check").stdout


def _clean(item: Item) -> Item:
    """Return the Item with its prose and cases tidied and the star imports spelt out."""
    cases = dict.fromkeys(case for given in item.cases if (case := plain(given)))
    code = "\n".join([item.before, item.header, *item.solutions])
    return replace(
        item, before=_spell_out(item.before, code), description=tidy_prose(item.description), cases=tuple(cases)
    )


def _source(item: Item, number: int) -> str:
    return _uncommented(f"{item.stub(MARGIN + SENTINEL)}\n{item.solutions[number]}\n")


def plain(case: Case) -> Case | None:
    """Return a case as repr writes it, integers in decimal, or None where it holds what repr cannot write.

    >>> plain(Case("0x10,'a'", '"b"'))
    Case(arguments="16, 'a'", value="'b'")
    """
    try:
        call = ast.parse(f"f({case.arguments})", mode="eval").body
        value = ast.parse(case.value, mode="eval").body
        assert isinstance(call, ast.Call)
        if not all(map(_is_plain, [*call.args, value])):
            return None
        return Case(ast.unparse(call)[2:-1], ast.unparse(value))
    except (SyntaxError, ValueError, RecursionError):  # ValueError: more digits than repr writes
        return None


def _is_plain(tree: ast.expr) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value in (1e999, -1e999):
            return False
        if isinstance(node, ast.Call) and not (
            isinstance(node.func, ast.Name) and node.func.id in ("set", "frozenset")
        ):
            return False
    return True


def _spell_out(before: str, code: str) -> str:
    """Replace `from math import *` by the names that the code uses."""
    used = set(re.findall(r"[A-Za-z_]\w*", code))

    def named(found: re.Match[str]) -> str:
        names = sorted(used & _exported(found[1]))
        return f"from {found[1]} import {', '.join(names)}" if names else ""

    return re.sub(r"^from (\w+) import \*[ \t]*$", lambda m: named(m) if m[1] in STARRED else m[0], before, flags=re.M)


@cache
def _exported(module: str) -> frozenset[str]:
    loaded = import_module(module)
    return frozenset(getattr(loaded, "__all__", [name for name in dir(loaded) if not name.startswith("_")]))


@dataclass(frozen=True)
class _Parts:
    before: str
    header: str
    body: str


def _assemble(item: Item, sources: Sequence[str]) -> Item | str:
    if not item.cases:
        return "no case is the same everywhere"
    if not re.search(r"\w", item.description):
        return "no description"
    parts = [found for source in sources if (found := _apart(source, item.name))]
    if not sources[0] or not parts:
        return "does not parse or uses a name that is not there"
    first, *others = parts
    bodies = dict.fromkeys([first.body, *(each.body for each in others if each.before == first.before)])
    made = replace(item, before=first.before, header=first.header, solutions=tuple(bodies))
    return objection(made) or made


def _apart(source: str, name: str) -> _Parts | None:
    """Take a formatted program apart at the function and its sentinel; it stands last."""
    if not source:
        return None
    module = ast.parse(source)
    function = module.body[-1]
    if not isinstance(function, ast.FunctionDef) or function.name != name or len(function.body) < 2:
        return None
    lines = source.splitlines()
    start = min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])
    sentinel = function.body[0].lineno
    return _Parts(
        "\n".join(lines[: start - 1]).strip("\n"),
        "\n".join(lines[start - 1 : sentinel - 1]),
        "\n".join(lines[sentinel:]).strip("\n"),
    )


def _uncommented(source: str) -> str:
    """Return a program without comments: what they say of the code was checked by nobody."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return source
    begins = {token.start[0]: token.start[1] for token in tokens if token.type == tokenize.COMMENT}
    found: list[str] = []
    gone = False
    for number, line in enumerate(source.split("\n"), 1):
        code = line[: begins[number]].rstrip() if number in begins else line
        gone = not code.strip() and (number in begins or gone)  # a blank line behind a comment goes with it
        if not gone:
            found.append(code)
    return "\n".join(found)


def objection(item: Item) -> str | None:
    """Say what is wrong with the text of a tidied Item, if anything is."""
    text = item.text
    if max(map(len, "\n".join([text, *item.solutions]).splitlines())) > WIDTH:
        return f"a line of more than {WIDTH} characters"
    if not text.replace("\n", "").isprintable():
        return "unprintable characters"
    examples = list(item.doctests())
    if not examples:
        return "no example can be shown"
    try:
        function = ast.parse(text).body[-1]
        assert isinstance(function, ast.FunctionDef)
        written = inspect.cleandoc(ast.get_docstring(function, clean=False) or "")
        read = doctest.DocTestParser().get_examples(written)
    except (SyntaxError, ValueError):
        return "its docstring does not parse"
    shown = [f">>> {each.source}{each.want}".rstrip("\n") for each in read]
    return None if shown == examples else "its docstring does not parse"
