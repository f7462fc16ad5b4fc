"""What a call does step by step, as its run shows it: the values of the names after each round of a loop.

In: a function's source, and a call. Out: expressions that run beside the section's code (`HIDDEN` holds what they
need), and a table made of what they give: a row a round, with the values as they were then. Comprehensions are
rounds.py's.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from curate.synth.words.kinds import annotated, kind_of
from curate.synth.words.names import own_kinds

HIDDEN = """
def _traced_(function, arguments):
    import sys

    seen = []

    def tracer(frame, event, arg):
        if frame.f_code is not function.__code__:
            return None
        if event == "line" and len(seen) <= 80:
            seen.append((frame.f_lineno - frame.f_code.co_firstlineno, {k: repr(v) for k, v in frame.f_locals.items()}))
        return tracer

    sys.settrace(tracer)
    try:
        function(*arguments)
    finally:
        sys.settrace(None)
    return seen if len(seen) <= 80 else None
"""
"""Defines `_traced_`: the lines that a call came to, from the function's own on, and all values before each; None for a
call that comes to more than 80."""
FEWEST, MOST = 2, 6
"""Rounds of a table."""
WIDEST = 76
MOST_PARTS, LONGEST_PART = 4, 50
"""Parts of an expression that are told, and characters of one."""


@dataclass(frozen=True)
class Rounds:
    """A loop whose rounds can be shown: its lines, counted from the function's, the header's first, and its names."""

    line: int
    last: int
    target: str
    held: tuple[str, ...]


SURE = {
    "startswith", "endswith", "isalpha", "isdigit", "isalnum", "isspace", "isupper", "islower", "issubset",
    "isinstance", "any", "all",
}  # fmt: skip
"""Functions and methods that give True or False."""


def is_truth(test: ast.expr) -> bool:
    """Tell whether a condition is True or False itself, and not only counts as it, as a list does."""
    match test:
        case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.Constant(value=True | False):
            return True
        case ast.BoolOp(values=values):
            return all(map(is_truth, values))
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in SURE
        case _:
            return False


def unordered(function: ast.FunctionDef) -> bool:
    """Tell whether a loop goes through a set: another run may come to its elements in another order."""
    arguments = {each.arg: annotated(each.annotation) for each in function.args.args}
    kinds = own_kinds(function.body, arguments)
    loops = [each.iter for each in ast.walk(function) if isinstance(each, ast.For | ast.comprehension)]
    wholes = [part for each in loops for part in ast.walk(each) if isinstance(part, ast.expr)]
    return any(kind_of(part, kinds).name in ("set", "frozenset") for part in wholes)


def rounds_of(function: ast.FunctionDef) -> Rounds | None:
    """Return the one loop of a function in which names get other values, if it has one on its own."""
    loops = [each for each in ast.walk(function) if isinstance(each, ast.For | ast.While)]
    if len(loops) != 1 or loops[0] not in function.body or unordered(function):
        return None
    [loop] = loops
    changed = {
        part.id for part in ast.walk(loop) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    } | {
        part.func.value.id for part in ast.walk(loop)
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and isinstance(part.func.value, ast.Name)
        and part.func.attr in ("append", "extend", "add", "update", "pop", "remove", "insert")
    } | {
        part.value.id for part in ast.walk(loop)
        if isinstance(part, ast.Subscript) and isinstance(part.ctx, ast.Store) and isinstance(part.value, ast.Name)
    }  # fmt: skip
    own = (
        {part.id for part in ast.walk(loop.target) if isinstance(part, ast.Name)}
        if isinstance(loop, ast.For)
        else set()
    )
    given = {
        part.id for each in function.body[: function.body.index(loop)] for part in ast.walk(each)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }  # fmt: skip
    parameters = {each.arg for each in function.args.args}
    held = tuple(sorted(changed & (given | parameters) - own))
    target = ast.unparse(loop.target).strip("()") if isinstance(loop, ast.For) else ""
    first = function.lineno
    return Rounds(loop.lineno - first, (loop.end_lineno or 0) - first, target, held) if held else None


START = "(start)"
"""Marks the one row of a table that is no round."""


def table_of_rounds(rounds: Rounds, seen: list[tuple[int, dict[str, str]]]) -> str | None:
    """Return a row marked as the start, and one for each round, as the run came to the loop's line again and again.

    A loop without names of its own has its rounds numbered. A round that leaves the loop ends on the line behind it;
    one that returns has no end that the run shows, and no table.
    """
    headers = [place for place, (line, _) in enumerate(seen) if line == rounds.line]
    if not headers:
        return None
    behind = seen[headers[-1] + 1 :]
    states = [seen[place][1] for place in headers]
    if behind and rounds.line < behind[0][0] <= rounds.last:  # one more round was begun, and left
        after = [values for line, values in behind if not rounds.line <= line <= rounds.last]
        if not after:
            return None
        states.append(after[0])
    if not FEWEST < len(states) <= MOST + 1:
        return None
    targets = [each.strip() for each in rounds.target.split(",")] if rounds.target else []
    own = [*targets, *rounds.held]
    rows = [[state.get(name, "") for name in own] for state in states]
    if all(row[len(targets) :] == rows[0][len(targets) :] for row in rows):
        return None
    if not targets:
        numbered = [[str(number), *row] for number, row in enumerate(rows)]
        return table(["round", *own], [[START, *numbered[0][1:]], *numbered[1:]])
    rows[0] = [START, *("" for _ in targets[1:]), *rows[0][len(targets) :]]
    return table(own, rows)


def changes_something(function: ast.FunctionDef) -> bool:
    """Tell whether a call in it may change something, so that working it out again gives something else."""
    return any(isinstance(each, ast.Attribute) and each.attr in CHANGING for each in ast.walk(function))


CHANGING = {"add", "append", "clear", "extend", "insert", "pop", "popitem", "remove", "setdefault", "sort", "update"}


def parts_of(function: ast.FunctionDef, source: str) -> tuple[str, list[str]] | None:
    """Return a function's source that gives what the parts of the returned expression come to, and these parts.

    In the order in which they are worked out; only of a function that does nothing else but give names before.
    """
    *before, last = function.body
    plain = all(isinstance(each, ast.Assign) for each in before)
    if changes_something(function) or not plain or not isinstance(last, ast.Return) or last.value is None:
        return None
    parts = [ast.get_source_segment(source, each) or "\n" for each in _worked_out(last.value)][:-1]
    parts = list(dict.fromkeys(each for each in parts if len(each) <= LONGEST_PART))
    if not 1 <= len(parts) <= MOST_PARTS or any("\n" in each or "`" in each for each in parts):
        return None
    names = ", ".join(each.arg for each in function.args.args)
    lines = [*(ast.unparse(each) for each in before), f"return [{', '.join(f'repr({each})' for each in parts)}]"]
    body = "\n".join(lines).replace("\n", "\n    ")
    return f"def _parts_({names}):\n    {body}\n", parts


def _worked_out(node: ast.expr) -> Iterator[ast.expr]:
    """Yield the calls, parts and calculations in an expression, inner ones first; not those that may not be reached."""
    match node:
        case ast.Call(func=ast.Attribute(value=owner), args=args, keywords=[]):
            inner = [owner, *args]
        case ast.Call(func=ast.Name(), args=args, keywords=[]):
            inner = list(args)
        case ast.BinOp(left=left, right=right):
            inner = [left, right]
        case ast.Compare(left=left, comparators=[right]):
            inner = [left, right]
        case ast.Subscript(value=value):
            inner = [value]
        case _:
            return
    for each in inner:
        yield from _worked_out(each)
    yield node


def table(head: list[str], rows: list[list[str]]) -> str | None:
    """Return a table in plain text; None where it is too wide to read.

    >>> print(table(["x", "total"], [["(start)", "0"], ["3", "3"]]))
    x        total
    (start)  0
    3        3
    """
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    if sum(widths) + 2 * len(widths) > WIDEST or not all(cell.isprintable() for row in rows for cell in row):
        return None
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in [head, *rows]]
    return "\n".join(line.rstrip() for line in lines)


SIGNS = {">": ">=", ">=": ">", "<": "<=", "<=": "<", "==": "!=", "!=": "==", "and": "or", "or": "and"}
CHANGED = "_changed_"
"""The name of a function of which one sign is another."""


def changed_at(function: ast.FunctionDef, source: str) -> tuple[str, str, str] | None:
    """Return a function's source with one sign of it changed, the condition as it was, and as it is now."""
    for part in ast.walk(function):
        if not isinstance(part, ast.Compare | ast.BoolOp):
            continue
        before = ast.get_source_segment(source, part) or ""
        signs = [sign for sign in SIGNS if f" {sign} " in before]
        if len(signs) != 1 or before.count(f" {signs[0]} ") != 1 or "\n" in before or source.count(before) != 1:
            continue
        after = before.replace(f" {signs[0]} ", f" {SIGNS[signs[0]]} ")
        made = source.replace(before, after).replace(f"def {function.name}(", f"def {CHANGED}(", 1)
        return made, before, after
    return None


def literal_rows(value: str) -> Any:
    """Return what an expression gave that ran beside the code; None where it failed."""
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return None
