"""What a comprehension does round by round: what it goes through, whether its condition holds, what it makes of that.

In: a function's source. Out: an expression that gives a row for each round, run beside the section's code, and the head
of the table; and, of these rows, those that are come to.
"""

import ast
from collections.abc import Iterator

from curate.synth.section.trace import changes_something, is_truth, unordered


def comprehension(function: ast.FunctionDef, source: str) -> tuple[str, list[str]] | None:
    """Return a function's source that gives a row for each element of the comprehension that is returned, and the head.

    Only of one loop, in a function that does nothing else but give names to values before.
    """
    *before, last = function.body
    if not isinstance(last, ast.Return) or not all(isinstance(each, ast.Assign | ast.AnnAssign) for each in before):
        return None
    made = [
        part
        for part in ast.walk(last)
        if isinstance(part, ast.ListComp | ast.GeneratorExp | ast.SetComp | ast.DictComp)
    ]
    if len(made) != 1 or len(made[0].generators) != 1 or made[0] not in _always(last):
        return None
    if changes_something(function) or unordered(function):
        return None
    [loop] = made[0].generators
    what = made[0]
    results = [what.key, what.value] if isinstance(what, ast.DictComp) else [what.elt]
    own = [part for part in ast.walk(loop.target) if isinstance(part, ast.Name)]
    plain = {ast.unparse(each) for each in own} | {"1"}
    parts: list[ast.expr] = [*own, *loop.ifs, *(each for each in results if ast.unparse(each) not in plain)]
    if len(parts) == len(own):
        return None
    tests = list(map(ast.unparse, loop.ifs))
    cells = [f"repr({each.id})" for each in own]
    for place, test in enumerate(tests):
        cells.append(f"repr(bool({test})) if {' and '.join(f'({each})' for each in [*tests[:place], 'True'])} else ''")
    held = " and ".join(f"({each})" for each in [*tests, "True"])
    cells += [f"repr({ast.unparse(each)}) if {held} else ''" for each in parts[len(own) + len(tests) :]]
    rows = f"[[{', '.join(cells)}] for {ast.unparse(loop.target)} in {ast.unparse(loop.iter)}]"
    body = "\n".join(ast.unparse(each) for each in before)
    names = ", ".join(each.arg for each in function.args.args)
    lines = "\n    ".join([*body.splitlines(), f"return {rows}"])
    head = [ast.get_source_segment(source, each) or ast.unparse(each) for each in parts]
    for place, condition in enumerate(loop.ifs, len(own)):
        if not is_truth(condition):
            head[place] = f"bool({head[place]})"
    return (f"def _rounds_({names}):\n    {lines}\n", head) if not any("\n" in each for each in head) else None


TAKES_ALL = {"all", "any", "dict", "frozenset", "list", "max", "min", "next", "set", "sorted", "sum", "tuple", "join"}
"""What goes through a generator expression; `any`, `all` and `next` may stop (`reached`)."""


def _always(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is worked out whenever a node is; of generator expressions those that a known builtin goes through."""
    yield node
    if isinstance(node, ast.IfExp | ast.BoolOp | ast.Lambda):
        return
    takes = isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] in TAKES_ALL
    for each in ast.iter_child_nodes(node):
        if not isinstance(each, ast.GeneratorExp) or takes:
            yield from _always(each)


def reached(function: ast.FunctionDef, rows: list[list[str]]) -> list[list[str]]:
    """Return the rows that are looked at: `any`, `all` and `next` stop at the one that decides. None if that is unsure.

    A row holds the loop's names, whether its conditions hold, and what it gives, as `comprehension` makes them.
    """
    for node in ast.walk(function):
        match node:
            case ast.Call(
                func=ast.Name(id="any" | "all" | "next" as name),
                args=[ast.GeneratorExp(generators=[loop]), *_],
            ):
                break
    else:
        return rows
    own = sum(isinstance(part, ast.Name) for part in ast.walk(loop.target))
    tests = slice(own, own + len(loop.ifs))
    shown = all(len(row) > tests.stop for row in rows)  # what it gives is no mere name
    for place, row in enumerate(rows):
        if name == "next":
            decides = all(cell == "True" for cell in row[tests])
        elif not shown or row[-1] not in ("True", "False", ""):
            return []
        else:
            decides = row[-1] == ("True" if name == "any" else "False")
        if decides:
            return rows[: place + 1]
    return rows
