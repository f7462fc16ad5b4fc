"""Code taken apart: the ways out of a chain of conditions, the parts of a comprehension.

In: a function's tree and its source. Out: sentences that quote the code; empty where it has another form.
"""

import ast
from random import Random

NUMBERS = ("no", "one", "two", "three", "four", "five", "six")


def ways_out(function: ast.FunctionDef, source: str) -> str:
    """Return the ways out of a function that is a chain of conditions, each to a value that is written out."""
    body: list[ast.stmt] = list(function.body)
    ways: list[str] = []
    while body and isinstance(body[0], ast.If):
        first = body[0]
        test = ast.get_source_segment(source, first.test) or "\n"
        match first.body:
            case [ast.Return(value=ast.Constant() as value)] if "\n" not in test and "`" not in test:
                ways.append(f"`{test}` leads to `{ast.unparse(value)}`")
            case _:
                return ""
        body = [*first.orelse, *body[1:]]
    if len(ways) < 2 or len(ways) > 5 or len(body) != 1:
        return ""
    match body[0]:
        case ast.Return(value=ast.Constant() as value):
            last = f"Where none of these holds, the result is `{ast.unparse(value)}`."
        case _:
            return ""
    first_one = f"There are {NUMBERS[len(ways) + 1]} ways out. "
    return f"{first_one}First, {ways[0]}; {'; '.join(f'then, {each}' for each in ways[1:])}. {last}"


def anatomy(value: ast.expr | None, source: str, random: Random) -> str:
    """Return the parts of a comprehension that is all that a function does."""
    match value:
        case ast.ListComp(elt=element, generators=[loop]):
            pass
        case _:
            return ""
    parts = [ast.get_source_segment(source, each) or "\n" for each in (element, loop.target, loop.iter, *loop.ifs)]
    if any("\n" in part or "`" in part for part in parts) or len(loop.ifs) > 1:
        return ""
    front, target, whole, *tests = parts
    if tests:
        return random.choice((
            f"The comprehension has three parts: `for {target} in {whole}` says what is gone through, `if "
            f"{tests[0]}` "
            f"lets pass only that for which it holds, and `{front}`, at the front, is what goes into the new list.",
            f"Read it from the middle: `for {target} in {whole}` makes one round after the other; `if {tests[0]}` "
            f"decides whether a round counts; `{front}` is what is put into the list if it does.",
        ))  # fmt: skip
    return random.choice((
        f"The comprehension has two parts: `for {target} in {whole}` says what is gone through, and `{front}`, at "
        f"the "
        "front, is what each round puts into the new list.",
        f"Read it from the back: `for {target} in {whole}` makes one round after the other, and `{front}` is what "
        "each of them puts into the list.",
    ))  # fmt: skip
