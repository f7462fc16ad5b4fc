"""What a function's code looks like: whether it counts, collects, searches, decides, and how often its loop goes round.

In: a function's syntax tree. Out: answers by its form alone, each only for forms of which it is sure.
"""

import ast
from collections.abc import Callable, Sequence

Function = ast.FunctionDef
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp


def loops_in(function: Function) -> list[ast.For]:
    """Return the `for` loops."""
    return [each for each in ast.walk(function) if isinstance(each, ast.For)]


def has(*kinds: type[ast.AST]) -> Callable[[Function], bool]:
    """Return a test for nodes of some kinds."""
    return lambda function: any(isinstance(each, kinds) for each in ast.walk(function))


def returned(function: Function) -> ast.expr | None:
    """Return what the last line returns."""
    last = function.body[-1]
    return last.value if isinstance(last, ast.Return) else None


def results(function: Function) -> list[ast.expr]:
    """Return what stands behind `return`, and what names that are returned are once given."""
    given = {
        each.targets[0].id: each.value for each in function.body
        if isinstance(each, ast.Assign) and len(each.targets) == 1 and isinstance(each.targets[0], ast.Name)
    }  # fmt: skip
    values = [each.value for each in ast.walk(function) if isinstance(each, ast.Return) and each.value]
    return [given.get(each.id, each) if isinstance(each, ast.Name) else each for each in values]


def comprehends(kind: type[ast.AST], tested: bool) -> Callable[[Function], bool]:
    """Return a test for a result that is such a comprehension, with a condition or without."""

    def holds(function: Function) -> bool:
        found = [each for each in results(function) if isinstance(each, kind)]
        return any(bool(each.generators[0].ifs) == tested and len(each.generators) == 1 for each in found)  # type: ignore[attr-defined]

    return holds


def calls(*names: str) -> Callable[[Function], bool]:
    """Return a test for calls of builtins."""
    return lambda function: any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in names
        for each in ast.walk(function)
    )


def uses_method(*names: str) -> Callable[[Function], bool]:
    """Return a test for calls of methods."""
    return lambda function: any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr in names
        for each in ast.walk(function)
    )


def calls_with_one(*names: str) -> Callable[[Function], bool]:
    """Return a test for calls of builtins with a single argument."""
    return lambda function: any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in names and len(each.args) == 1
        and not each.keywords
        for each in ast.walk(function)
    )  # fmt: skip


def slices(function: Function) -> bool:
    """Tell whether there are slices, all without steps."""
    found = [each for each in ast.walk(function) if isinstance(each, ast.Slice)]
    return bool(found) and not any(each.step for each in found)


def compares(function: Function) -> bool:
    """Tell whether what is returned is a comparison, or several."""
    value = returned(function)
    parts = value.values if isinstance(value, ast.BoolOp) else [value]
    return all(isinstance(each, ast.Compare) for each in parts)


def calls_with_generator(*names: str) -> Callable[[Function], bool]:
    """Return a test for builtins that get a generator expression."""
    return lambda function: any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in names and each.args
        and isinstance(each.args[0], ast.GeneratorExp)
        for each in ast.walk(function)
    )  # fmt: skip


def begins(function: Function) -> dict[str, ast.expr]:
    """Return the names that are given a value before a loop, and that value."""
    found: dict[str, ast.expr] = {}
    for each in function.body:
        match each:
            case ast.Assign(targets=[ast.Name(id=text)], value=value):
                found[text] = value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(names) == len(values):
                found |= {
                    name.id: value for name, value in zip(names, values, strict=True) if isinstance(name, ast.Name)
                }
    return found


def started(function: Function, zero: float = 0) -> set[str]:
    """Return the names that begin as zero before a loop."""
    return {
        text for text, value in begins(function).items()
        if isinstance(value, ast.Constant) and type(value.value) in (int, float) and value.value == zero
    }  # fmt: skip


def counts(function: Function) -> bool:
    """Tell whether a name that begins as 0 grows by 1 on a condition in a loop."""
    names = started(function)
    return any(
        isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name) and each.target.id in names
        and isinstance(each.op, ast.Add) and isinstance(each.value, ast.Constant) and each.value.value == 1
        for loop in loops_in(function) for choice in ast.walk(loop) if isinstance(choice, ast.If)
        for each in ast.walk(choice)
    )  # fmt: skip


def adds_up(function: Function) -> bool:
    """Tell whether a loop adds to a name that begins as 0."""
    names = started(function)
    return any(
        isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name) and each.target.id in names
        and isinstance(each.op, ast.Add) and not isinstance(each.value, ast.Constant)
        for loop in loops_in(function) for each in ast.walk(loop)
    )  # fmt: skip


def grows(function: Function) -> bool:
    """Tell whether a loop adds to a string that begins empty."""
    empty = {text for text, value in begins(function).items() if isinstance(value, ast.Constant) and value.value == ""}
    return any(
        isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name) and each.target.id in empty
        for loop in loops_in(function) for each in ast.walk(loop)
    )  # fmt: skip


def starts_empty(function: Function, kind: type[ast.List] | type[ast.Dict]) -> set[str]:
    """Return the names that begin as an empty list or dictionary."""
    return {
        text for text, value in begins(function).items()
        if isinstance(value, kind) and not ast.unparse(value).strip("[]{}")
    }  # fmt: skip


def collects(function: Function) -> bool:
    """Tell whether a loop appends to a list that begins empty."""
    names = starts_empty(function, ast.List)
    return any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == "append"
        and isinstance(each.func.value, ast.Name) and each.func.value.id in names
        for loop in loops_in(function) for each in ast.walk(loop)
    )  # fmt: skip


def tallies(function: Function) -> bool:
    """Tell whether a loop puts values into a dictionary that begins empty."""
    names = starts_empty(function, ast.Dict)
    return any(
        isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store) and isinstance(each.value, ast.Name)
        and each.value.id in names
        for loop in loops_in(function) for each in ast.walk(loop)
    )  # fmt: skip


def searches(function: Function) -> bool:
    """Tell whether a loop returns."""
    return any(isinstance(each, ast.Return) for loop in loops_in(function) for each in ast.walk(loop))


def is_chain(function: Function) -> bool:
    """Tell whether the function is a row of conditions, each with a value to return, and nothing else."""
    ways = sum(isinstance(each, ast.If) for each in ast.walk(function))
    return ways > 1 and _is_row(function.body)


def _is_row(body: Sequence[ast.stmt]) -> bool:
    match body:
        case [ast.Return()]:
            return True
        case [ast.If(body=[ast.Return()], orelse=other), *rest]:
            return _is_row([*other, *rest]) if not (other and rest and isinstance(other[-1], ast.Return)) else False
        case _:
            return False


def decides_once(function: Function) -> bool:
    """Tell whether one condition decides between two results."""
    plain = all(isinstance(each, ast.If | ast.Return | ast.Assign) for each in function.body)
    plain = plain and not any(isinstance(each, COMPREHENSIONS | ast.Raise) for each in ast.walk(function))
    ways = sum(isinstance(each, ast.If | ast.IfExp) for each in ast.walk(function))
    ends = [each.value for each in ast.walk(function) if isinstance(each, ast.Return)]
    told = len(ends) == 2 and all(isinstance(each, ast.Constant) for each in ends)
    return plain and ways == 1 and (told or isinstance(ends[-1], ast.IfExp))


def nests(function: Function) -> bool:
    """Tell whether a loop stands in another."""
    return any(
        isinstance(inner, ast.For) and inner is not loop for loop in loops_in(function) for inner in ast.walk(loop)
    )


def looks_up(function: Function) -> bool:
    """Tell whether `get` with a default is called on a dictionary that is written out."""
    tables = {
        each.targets[0].id for each in function.body
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name) and isinstance(each.value, ast.Dict)
        and each.value.keys and all(isinstance(key, ast.Constant) for key in each.value.keys)
    }  # fmt: skip
    return any(
        isinstance(each, ast.Call) and len(each.args) > 1
        and isinstance(each.func, ast.Attribute) and each.func.attr == "get"
        and isinstance(each.func.value, ast.Name) and each.func.value.id in tables
        for each in ast.walk(function)
    )  # fmt: skip


def unpacks(function: Function) -> bool:
    """Tell whether several names are given a value in one line."""
    return any(isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Tuple) for each in function.body)


def is_formula(function: Function) -> bool:
    """Tell whether a calculation is all there is."""
    return all(isinstance(each, ast.Assign | ast.Return) for each in function.body) and not has(
        ast.For, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp, ast.IfExp, ast.Call, ast.JoinedStr
    )(function) and isinstance(returned(function), ast.BinOp)  # fmt: skip


def rounds_cost(function: Function) -> str:
    """Return how much a function has to do, where that follows from its loops; empty elsewhere.

    One loop over a parameter, by a `for` or a comprehension, with nothing in it that goes through something itself.
    """
    parameters = {each.arg for each in function.args.args}
    loops: list[tuple[ast.expr, Sequence[ast.AST]]] = []
    for node in ast.walk(function):
        if isinstance(node, ast.For):
            loops.append((node.iter, node.body))
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            loops += [(each.iter, [node.elt, *each.ifs]) for each in node.generators]
        elif isinstance(node, ast.DictComp):
            loops += [(each.iter, [node.key, node.value, *each.ifs]) for each in node.generators]
        elif isinstance(node, ast.While):
            return ""
    if len(loops) != 1 or not isinstance(loops[0][0], ast.Name) or loops[0][0].id not in parameters:
        return ""
    over = loops[0][0].id
    if any(isinstance(each, ast.If) and _goes(each) for each in function.body):
        return ""
    body = [part for each in loops[0][1] for part in ast.walk(each)]
    leaves = any(isinstance(part, ast.Return | ast.Break) for part in body) or calls_with_generator(
        "any", "all", "next"
    )(function)
    read = [part for each in function.body for part in ast.walk(each) if isinstance(part, ast.Name) and part.id == over]
    again = len(read) > 1  # its elements may be looked at elsewhere too
    if again or any(isinstance(part, ast.Call) and not _is_quick(part) for part in body):
        return f"There is one round for each element of `{over}`" + (
            ", or fewer where it stops early." if leaves else "."
        )
    if leaves:
        return f"In the worst case every element of `{over}` is looked at once; the loop may stop before."
    return (
        f"Each element of `{over}` is looked at exactly once, so the number of rounds grows in step with the "
        f"number of "
        "elements."
    )


def _goes(statement: ast.If) -> bool:
    return any(isinstance(each, ast.Return | ast.Raise) for each in ast.walk(statement))


def _is_quick(call: ast.Call) -> bool:
    quick = ("append", "get", "add")
    return (isinstance(call.func, ast.Attribute) and call.func.attr in quick) or (
        isinstance(call.func, ast.Name) and call.func.id in ("len", "abs")
    )
