"""What a function's comprehension looks like: what it goes through, and what it makes of that.

In: a function's syntax tree. Out: answers by its form alone, each only for forms of which it is sure.
"""

import ast
from collections.abc import Callable

from curate.synth.section.patterns import COMPREHENSIONS, Function, results
from curate.synth.words.forms import names_in


def the_comprehension(function: Function) -> ast.ListComp | None:
    """Return the list comprehension of one loop that is the result, where the function has no other comprehension."""
    [*found] = (each for each in ast.walk(function) if isinstance(each, COMPREHENSIONS))
    made = found[0] if len(found) == 1 and found[0] in results(function) else None
    return made if isinstance(made, ast.ListComp) and len(made.generators) == 1 else None


def comprehends(tested: bool | None = None) -> Callable[[Function], bool]:
    """Return a test for a result that is a list comprehension, with a condition or without; `None`: either."""

    def holds(function: Function) -> bool:
        made = the_comprehension(function)
        return made is not None and tested in (None, bool(made.generators[0].ifs))

    return holds


def maps(function: Function) -> bool:
    """Tell whether a list comprehension makes something else of each element of a name's value."""
    made = the_comprehension(function)
    match made:
        case ast.ListComp(elt=element, generators=[ast.comprehension(target=ast.Name(id=own), iter=ast.Name())]):
            return not isinstance(element, ast.Name) and own in names_in(element)
        case _:
            return False


def keys_may_repeat(function: Function) -> bool:
    """Tell whether a dictionary comprehension may come to a key again, as its rounds may."""
    kinds = {each.arg: ast.unparse(each.annotation) for each in function.args.args if each.annotation}
    for made in results(function):
        match made:
            case ast.DictComp(key=key, generators=[ast.comprehension(iter=ast.Name(id=whole))]):
                return kinds.get(whole, "").startswith(("list", "str", "tuple")) and not isinstance(key, ast.Constant)
            case ast.DictComp(generators=[ast.comprehension(iter=ast.Call(func=ast.Name(id="zip")))]):
                return True
            case ast.DictComp(
                key=ast.Name(id=text),
                generators=[
                    ast.comprehension(
                        target=ast.Tuple(elts=[_, ast.Name(id=second)]),
                        iter=ast.Call(func=ast.Name(id="enumerate") | ast.Attribute(attr="items")),
                    )
                ],
            ):
                return text == second
    return False
