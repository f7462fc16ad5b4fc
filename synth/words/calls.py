"""Calls of builtins and methods as phrases: "the length of `text`", "the largest number in `xs`".

In: a call. Out: a phrase. Which functions there are words for, and what they mean for the types at hand, is all here.
"""

import ast

from curate.synth.words.elements import collection, elements_of
from curate.synth.words.forms import Unsayable
from curate.synth.words.methods import method_call
from curate.synth.words.orders import extreme, in_order
from curate.synth.words.searches import first_of, helper_call
from curate.synth.words.speaker import Speaker


def call(say: Speaker, node: ast.Call, tail: bool) -> str:
    """Return what a call gives."""
    match node.func:
        case ast.Name(id=name):
            if name.startswith("_"):
                return helper_call(say, name, node.args, tail)
            return _builtin(say, name, node, tail)
        case ast.Attribute(value=owner, attr=method) if not node.keywords:
            return method_call(say, owner, method, node.args, tail)
        case _:
            raise Unsayable("a call of another kind")


def _builtin(say: Speaker, name: str, node: ast.Call, tail: bool) -> str:
    args, options = node.args, {each.arg: each.value for each in node.keywords}
    if options and name not in ("max", "min", "sorted"):
        raise Unsayable("an option")
    match name, args:
        case "len", [ast.Call(func=ast.Name(id="set"), args=[whole])] if not options:
            return f"the number of different {elements_of(say, whole)}"
        case "len", [ast.Call(func=ast.Attribute(value=owner, attr="split"), args=[], keywords=[])] if not options:
            say.note("Words are separated by whitespace.")
            return f"the number of words in {say.np(owner, False)}"
        case "len", [ast.ListComp(elt=element, generators=loops)] if not options:
            return f"the number of {collection(say, element, loops, form='counted')}"
        case "len", [whole] if not options:
            what = say.kind(whole).name
            if what not in ("str", "char", "list", "dict", "set", "tuple", "frozenset"):
                raise Unsayable("the length of something unknown")
            return (
                f"the {'length' if what in ('str', 'char') else 'number of elements'} of {say.np(whole, False)}"
                if (what != "dict")
                else f"the number of keys of {say.np(whole, False)}"
            )
        case "sum", [ast.GeneratorExp() | ast.ListComp() as items] if not options:
            return _sum(say, items)
        case "sum", [ast.GeneratorExp() | ast.ListComp() as items, ast.Constant(value=0.0)]:
            return _sum(say, items)
        case "sum", [whole] if say.kind(whole).element.name == "bool" and not options:
            return f"the number of True values in {say.np(whole, False)}"
        case "sum", [whole] if not options:
            return f"the sum of {elements_of(say, whole, 'the ')}"
        case (("max" | "min"), _):
            return extreme(say, name, args, options, tail)
        case "any" | "all", _:
            return f"whether {say.clause(node, tail)}"
        case "sorted", [whole]:
            return in_order(say, whole, options)
        case "next", [ast.GeneratorExp(elt=element, generators=[loop]), default]:
            if not tail:
                raise Unsayable("a search within a phrase")
            return f"{first_of(say, element, loop)}, or {say.np(default, False)} if there is none"
        case "abs", [ast.BinOp(left=left, op=ast.Sub(), right=right)]:
            return f"the absolute difference of {say.np(left, False)} and {say.np(right, False)}"
        case "abs", [value]:
            return f"the absolute value of {say.np(value, False)}"
        case "round", [value, ast.Constant(value=int() as digits)] if digits > 0:
            return f"{_whole(say, value)} rounded to {digits} decimal{'s' * (digits > 1)}"
        case "round", [value]:
            say.note(say.pick("A half is rounded to the even integer.", "Halves are rounded to the even neighbour."))
            return f"{_whole(say, value)} rounded to an integer"
        case "set" | "frozenset", [] if not options:
            return "an empty set"
        case (("list" | "tuple" | "set" | "dict" | "str" | "int" | "float"), [value]):
            return _made(say, name, value)
        case "reversed", [whole]:
            return say.reverse(whole)
        case _:
            raise Unsayable(f"a call of {name}")


def _whole(say: Speaker, value: ast.expr) -> str:
    """Return what is rounded or converted: a formula in ticks, or one thing; what is done could else be done to a part.

    "each level plus 0.5 truncated to an integer" could mean two things.
    """
    text = say.np(value, False)
    if isinstance(value, ast.BinOp) and not text.startswith("`"):
        raise Unsayable("what is done to all could be done to a part")
    return text


def _sum(say: Speaker, items: ast.GeneratorExp | ast.ListComp) -> str:
    loops = items.generators
    if isinstance(items.elt, ast.Constant) and items.elt.value == 1:
        if not any(loop.ifs for loop in loops) and len(loops) == 1 and isinstance(loops[0].target, ast.Name):
            raise Unsayable("counts all")
        return f"the number of {collection(say, items.elt, loops, form='counted')}"
    inner_kind = say.kind(items).element.name
    if inner_kind == "bool":
        last = loops[-1]
        counted = ast.comprehension(last.target, last.iter, [*last.ifs, items.elt], 0)
        return f"the number of {collection(say, ast.Constant(1), [*loops[:-1], counted], form='counted')}"
    return f"the sum of {collection(say, items.elt, loops, form='summed')}"


def _made(say: Speaker, name: str, value: ast.expr) -> str:
    kind = say.kind(value)
    match name, value:
        case (("list" | "tuple" | "set"), ast.GeneratorExp(elt=element, generators=loops)):
            article = "the" if name == "set" else "a"
            return f"{article} {name} of {collection(say, element, loops)}"
        case "list" | "tuple", ast.Call(func=ast.Name(id="reversed"), args=[whole]):
            return f"a {name} of {elements_of(say, whole, 'the ')} in reverse order"
        case "set", _:
            return f"the set of the different {elements_of(say, value)}"
        case "list", ast.Call(func=ast.Attribute(value=owner, attr="keys" | "values" as view), args=[]):
            return f"a list of the {view} of {say.np(owner, False)}"
        case "list", ast.Call(func=ast.Name(id="set"), args=[_]):
            raise Unsayable("the order of a set")
        case (("list" | "tuple"), _) if kind.name in ("str", "dict", "list", "tuple"):
            return f"a {name} of {elements_of(say, value, 'the ')}"
        case "str", _ if kind.name in ("int", "str", "float", "bool", "list", "dict", "tuple"):
            return f"{_whole(say, value)} as a string"
        case "int", _ if kind.name == "float":
            return f"{_whole(say, value)} truncated to an integer"
        case "int", _ if kind.name == "bool":
            return f"1 if {say.clause(value, False)} and 0 if not"
        case "int", _ if kind.name in ("str", "char"):
            return f"{_whole(say, value)} as an integer"
        case "float", _ if kind.name in ("int", "float"):
            return f"{_whole(say, value)} as a float"
        case _:
            raise Unsayable(f"a {name} of something")
