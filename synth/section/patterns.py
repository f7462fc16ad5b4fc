"""What a function's code looks like: whether it counts, collects, searches, decides.

In: a function's syntax tree. Out: answers by its form alone, each only for forms of which it is sure.
"""

import ast
from collections.abc import Callable, Sequence

from curate.synth.words.forms import names_in

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


def calls(*names: str) -> Callable[[Function], bool]:
    """Return a test for calls of builtins."""
    return lambda function: any(
        isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in names
        for each in ast.walk(function)
    )


def uses_method(*names: str) -> Callable[[Function], bool]:
    """Return a test for calls of methods."""
    return lambda function: any(
        isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and each.func.attr in names
        and ast.unparse(each.func.value) != "re"
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
    """Tell whether there are slices, all of them read and without steps."""
    found = [
        each for each in ast.walk(function) if isinstance(each, ast.Subscript) and isinstance(each.slice, ast.Slice)
    ]
    plain = all(isinstance(each.ctx, ast.Load) and not getattr(each.slice, "step", None) for each in found)
    return bool(found) and plain


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


def set_in_loops(function: Function) -> set[str]:
    """Return the names that a loop gives a value, and does not only add to."""
    return {
        part.id for loop in ast.walk(function) if isinstance(loop, ast.For | ast.While)
        for each in ast.walk(loop) if isinstance(each, ast.Assign | ast.AnnAssign)
        for part in ast.walk(each) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)
    }  # fmt: skip


def counters(function: Function) -> set[str]:
    """Return the names that begin as 0 and grow by 1 on a condition in a loop, and are given no other value there."""
    return {
        each.target.id
        for loop in loops_in(function) for choice in ast.walk(loop) if isinstance(choice, ast.If)
        for each in ast.walk(choice)
        if isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name) and isinstance(each.op, ast.Add)
        and isinstance(each.value, ast.Constant) and each.value.value == 1
    } & started(function) - set_in_loops(function)  # fmt: skip


def adds_up(function: Function) -> bool:
    """Tell whether a loop adds to a name that begins as 0, and gives it no other value."""
    names = started(function) - set_in_loops(function)
    return any(
        isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name) and each.target.id in names
        and isinstance(each.op, ast.Add) and not isinstance(each.value, ast.Constant)
        for loop in loops_in(function) for each in ast.walk(loop)
    )  # fmt: skip


def grows(function: Function) -> bool:
    """Tell whether a loop adds to a string that begins empty."""
    empty = {text for text, value in begins(function).items() if isinstance(value, ast.Constant) and value.value == ""}
    return any(
        isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name)
        and each.target.id in empty - set_in_loops(function)
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


def only_used_behind(function: Function) -> bool:
    """Tell whether the lists that loops append to are read behind these loops, and nowhere before."""
    names = starts_empty(function, ast.List)
    last = max(place for place, each in enumerate(function.body) if isinstance(each, ast.For | ast.While))
    before = [part for each in function.body[: last + 1] for part in ast.walk(each)]
    appends = {id(each.func.value) for each in before if isinstance(each, ast.Call)
               and isinstance(each.func, ast.Attribute) and each.func.attr == "append"}  # fmt: skip
    read = [part for part in before if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load)]
    early = {part.id for part in read if id(part) not in appends}
    return not names & early and names <= {text for each in function.body[last + 1 :] for text in names_in(each)}


def tallies(function: Function) -> bool:
    """Tell whether a loop puts values into a dictionary that begins empty."""
    names = starts_empty(function, ast.Dict)
    return any(
        isinstance(each, ast.Subscript) and isinstance(each.ctx, ast.Store) and isinstance(each.value, ast.Name)
        and each.value.id in names
        for loop in loops_in(function) for each in ast.walk(loop)
    )  # fmt: skip


def searches(function: Function) -> bool:
    """Tell whether the only loop returns where one condition holds, and something stands behind it."""
    loops = [each for each in ast.walk(function) if isinstance(each, ast.For | ast.While)]
    if len(loops) != 1 or loops[0] not in function.body[:-1] or not isinstance(loops[0], ast.For):
        return False
    [loop] = loops
    ends = [each for each in ast.walk(loop) if isinstance(each, ast.Return)]
    on_condition = {id(part) for each in loop.body if isinstance(each, ast.If) for part in ast.walk(each)}
    return len(ends) == 1 and id(ends[0]) in on_condition


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
    return any(
        isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Tuple)
        and all(isinstance(part, ast.Name) for part in each.targets[0].elts)
        for each in function.body
    )  # fmt: skip


def has_record(function: Function) -> bool:
    """Tell whether a dictionary of several fixed keys is written out behind `return`."""
    return any(
        isinstance(each, ast.Return) and isinstance(each.value, ast.Dict) and len(each.value.keys) > 1
        and all(isinstance(key, ast.Constant) and isinstance(key.value, str) for key in each.value.keys)
        for each in ast.walk(function)
    )  # fmt: skip


def only_tuples(function: Function) -> bool:
    """Tell whether all that is returned are tuples of several values that are written out."""
    found = results(function)
    return bool(found) and all(
        isinstance(each, ast.Tuple) and len(each.elts) > 1 and not any(isinstance(e, ast.Starred) for e in each.elts)
        for each in found
    )


def is_formula(function: Function) -> bool:
    """Tell whether a calculation with numbers is all there is."""
    numbers = isinstance(function.returns, ast.Name) and function.returns.id in ("int", "float")
    return numbers and all(isinstance(each, ast.Assign | ast.Return) for each in function.body) and not has(
        ast.For, ast.ListComp, ast.GeneratorExp, ast.DictComp, ast.SetComp, ast.IfExp, ast.Call, ast.JoinedStr,
        ast.Compare, ast.BoolOp,
    )(function) and isinstance(returned(function), ast.BinOp)  # fmt: skip
