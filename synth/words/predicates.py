"""What a condition says of what: "is greater than 3", of `x`.

In: a condition without `and` and `or`. Out: a Predicate, or None where it says something else than one thing of one
subject. Each wording says one operation on known types.
"""

import ast
from dataclasses import dataclass

from curate.synth.words.kinds import NUMBERS, SIZED
from curate.synth.words.speaker import Speaker, constant, listed, number

ORDERS = {
    ast.Gt: ("greater than", "at most"), ast.GtE: ("at least", "less than"),
    ast.Lt: ("less than", "at least"), ast.LtE: ("at most", "greater than"),
}  # fmt: skip
WORDINGS = {
    "greater than": ("greater than", "larger than", "greater than"),
    "at least": ("at least", "at least", "no less than"),
    "less than": ("less than", "smaller than", "below"), "at most": ("at most", "at most", "no more than"),
}  # fmt: skip
OF_ZERO = {
    "greater than": (False, "positive"), "less than": (False, "negative"), "at least": (True, "negative"),
    "at most": (True, "positive"),
}  # fmt: skip
"""What a comparison with zero says: whether it denies it, and of what."""


OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.Lt, ast.Lt: ast.Gt, ast.GtE: ast.LtE, ast.LtE: ast.GtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq,
}  # fmt: skip


OF_TEXTS = {
    "isdigit": ("a digit", "not empty and consists of digits"),
    "isalpha": ("a letter", "not empty and consists of letters"),
    "isalnum": ("a letter or a digit", "not empty and consists of letters and digits"),
    "isupper": ("an upper-case letter", ""),
    "islower": ("a lower-case letter", ""),
    "isspace": ("whitespace", "not empty and consists of whitespace"),
}  # fmt: skip


@dataclass(frozen=True)
class Predicate:
    """What is said of a subject: "is", "even"."""

    subject: ast.expr
    verb: tuple[str, str]
    """For one and for many."""
    rest: str

    def text(self, many: bool = False) -> str:
        """Return verb and rest."""
        return f"{self.verb[many]} {self.rest}"


IS, IS_NOT = ("is", "are"), ("is not", "are not")


def _does(verb: str, negative: bool) -> tuple[str, str]:
    if negative:
        return f"does not {verb}", f"do not {verb}"
    return f"{verb}s", verb


def _is(negative: bool) -> tuple[str, str]:
    return IS_NOT if negative else IS


def predicate(say: Speaker, test: ast.expr, negative: bool) -> Predicate | None:
    """Return what a condition says of what, or None where it says something else."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return predicate(say, inner, not negative)
        case ast.Compare(left=left, ops=[sign], comparators=[right]):
            return _compared(say, left, sign, right, negative)
        case ast.Compare(ops=[_, _]) if not negative:
            return between(say, test)
        case ast.Call(func=ast.Attribute(value=owner, attr=method), args=args, keywords=[]):
            return _method(say, owner, method, args, negative)
        case ast.Name() | ast.Subscript() | ast.Attribute() | ast.Call():
            return _truth(say, test, negative)
        case _:
            return None


def _truth(say: Speaker, node: ast.expr, negative: bool) -> Predicate | None:
    kind = say.kind(node).name
    match node:
        case ast.Call(func=ast.Name(id="any" | "all" as which), args=[whole]) if not negative:
            if isinstance(whole, ast.GeneratorExp | ast.ListComp) or say.kind(whole).element.name != "bool":
                return None
            verb = ("holds", "hold")
            return Predicate(whole, verb, "at least one True" if which == "any" else "only True values, or nothing")
        case ast.Call(func=ast.Name(id=called)) if called != "next":
            return None
    if kind == "bool":
        return Predicate(node, IS, "False" if negative else "True")
    if kind in SIZED:
        return Predicate(node, _is(not negative), "empty")
    if kind in NUMBERS:
        return Predicate(node, _is(not negative), "0")
    return None


def _compared(say: Speaker, left: ast.expr, sign: ast.cmpop, right: ast.expr, negative: bool) -> Predicate | None:
    if isinstance(left, ast.Constant) and type(sign) in OPPOSITES:
        left, sign, right = right, OPPOSITES[type(sign)](), left
    if isinstance(sign, ast.NotEq | ast.NotIn | ast.IsNot):
        plain = {ast.NotEq: ast.Eq, ast.NotIn: ast.In, ast.IsNot: ast.Is}[type(sign)]
        return _compared(say, left, plain(), right, not negative)
    if any(_has_index(side) for side in (left, right)):
        return None
    if isinstance(sign, ast.In):
        return _in(say, left, right, negative)
    if isinstance(sign, ast.Is):
        is_none = isinstance(right, ast.Constant) and right.value is None
        return Predicate(left, _is(negative), "None") if is_none else None
    if type(sign) in ORDERS:
        return _ordered(say, left, sign, right, negative)
    return _equal(say, left, right, negative)


def _has_index(node: ast.expr) -> bool:
    """Tell whether there is a part by an index that is worked out: that is best shown as it is written."""
    return any(
        isinstance(part, ast.Subscript)
        and not isinstance(part.slice, ast.Constant | ast.Slice)
        and number(part.slice) is None
        for part in ast.walk(node)
    )


def _ordered(say: Speaker, left: ast.expr, sign: ast.cmpop, right: ast.expr, negative: bool) -> Predicate | None:
    one, other = say.kind(left).name, say.kind(right).name
    if one not in NUMBERS or other not in NUMBERS:
        return None
    bound = number(right)
    whole = ORDERS[type(sign)][negative]
    counted = isinstance(left, ast.Call) and isinstance(left.func, ast.Name) and left.func.id == "len"
    if counted and isinstance(left, ast.Call) and (whole, bound) in (("greater than", 0), ("at least", 1)):
        return Predicate(left.args[0], IS_NOT, "empty")
    if counted and isinstance(left, ast.Call) and (whole, bound) in (("at most", 0), ("less than", 1)):
        return Predicate(left.args[0], IS, "empty")
    if bound == 0 and not counted and say.random:
        denied, sign_of = OF_ZERO[whole]
        if not denied or one != "float":  # nan is not positive, and not 0 or less
            return Predicate(left, _is(denied), sign_of)
    return Predicate(left, IS, f"{say.pick(*WORDINGS[whole])} {say.np(right, tail=False)}")


def _equal(say: Speaker, left: ast.expr, right: ast.expr, negative: bool) -> Predicate | None:
    match left, right:
        case ast.BinOp(left=whole, op=ast.Mod(), right=by), ast.Constant(value=0 | 1 as rest) if (
            say.kind(whole).name == "int" and say.kind(by).name == "int"
        ):
            if number(by) == 2:
                return Predicate(whole, IS, "odd" if (rest == 1) != negative else "even")
            if rest == 0 and (number(by) or isinstance(by, ast.Name)):
                return Predicate(whole, _is(negative), f"divisible by {say.np(by, tail=False)}")
        case ast.Call(func=ast.Name(id="len"), args=[whole]), ast.Constant(value=0):
            return Predicate(whole, _is(negative), "empty")
        case _, ast.Constant(value=None):
            return Predicate(left, _is(negative), "None")
        case _, ast.Constant(value="") | ast.List(elts=[]) | ast.Dict(keys=[]):
            return Predicate(left, _is(negative), "empty")
        case _, ast.Subscript(value=whole, slice=ast.Slice(lower=None, upper=None, step=step)) if (
            step is not None and number(step) == -1 and ast.dump(whole) == ast.dump(left)
        ):
            return Predicate(left, _does("read", negative), "the same backwards")
    if isinstance(right, ast.Constant):
        if isinstance(right.value, bool) and say.kind(left).name != "bool":
            return None  # 0.0 equals False, and is none
        return Predicate(left, _is(negative), constant(right.value))
    if isinstance(left, ast.Tuple):
        return None
    other = say.np(right, tail=False)
    if negative and say.pick("is not", "differs") == "differs":
        return Predicate(left, ("differs", "differ"), f"from {other}")
    if negative or say.pick("equals", "is equal to") != "equals":
        return Predicate(left, _is(negative), f"equal to {other}")
    return Predicate(left, _does("equal", negative), other)


def _in(say: Speaker, left: ast.expr, right: ast.expr, negative: bool) -> Predicate | None:
    kind = say.kind(right).name
    match right:
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items) if items:
            return Predicate(left, _is(negative), listed([say.np(each, tail=False) for each in items], "or"))
        case ast.Constant(value=str() as text) if say.kind(left).name == "char" and text and text.isprintable():
            return Predicate(left, _is(negative), f"{say.pick('one of', 'among')} the characters {constant(text)}")
        case ast.Call(func=ast.Attribute(value=owner, attr="values"), args=[]):
            return Predicate(left, _is(negative), f"a value of {say.np(owner, tail=False)}")
    if kind == "dict":
        return Predicate(left, _is(negative), f"a key of {say.np(right, tail=False)}")
    if kind in ("list", "set", "tuple", "frozenset"):
        if isinstance(left, ast.Constant) or (isinstance(right, ast.Name) and right.id not in say.stands):
            pass
        if isinstance(left, ast.Constant):
            return Predicate(right, _does("hold", negative), say.np(left, tail=False))
        return Predicate(left, _is(negative), f"in {say.np(right, tail=False)}")
    if kind in ("str", "char"):
        if say.kind(left).name == "char" and not isinstance(left, ast.Constant):
            return Predicate(left, _is(negative), f"a character of {say.np(right, tail=False)}")
        return Predicate(right, _does("contain", negative), say.np(left, tail=False))
    return None


def between(say: Speaker, test: ast.Compare) -> Predicate | None:
    """Return what `low <= middle <= high` says of the middle, where all are numbers."""
    [one, other], [middle, high] = test.ops, test.comparators
    if not all(say.kind(each).name in NUMBERS for each in (test.left, middle, high)):
        return None
    low, top = say.np(test.left, tail=False), say.np(high, tail=False)
    match one, other:
        case ast.LtE(), ast.LtE():
            return Predicate(middle, IS, f"at least {low} and at most {top}")
        case ast.Lt(), ast.Lt():
            return Predicate(middle, IS, f"greater than {low} and less than {top}")
        case ast.LtE(), ast.Lt():
            return Predicate(middle, IS, f"at least {low} and less than {top}")
        case ast.Lt(), ast.LtE():
            return Predicate(middle, IS, f"greater than {low} and at most {top}")
        case _:
            return None


def _method(say: Speaker, owner: ast.expr, method: str, args: list[ast.expr], negative: bool) -> Predicate | None:
    kind = say.kind(owner).name
    match method, args:
        case (("startswith" | "endswith"), [what]) if kind in ("str", "char"):
            parts = what.elts if isinstance(what, ast.Tuple) else [what]
            verb = method.removesuffix("swith")
            return Predicate(
                owner, _does(verb, negative), f"with {listed([say.np(p, tail=False) for p in parts], 'or')}"
            )
        case _, [] if method in OF_TEXTS and kind in ("str", "char"):
            of_char, of_text = OF_TEXTS[method]
            if kind == "char":
                return Predicate(owner, _is(negative), of_char)
            return Predicate(owner, IS, of_text) if of_text and not negative else None
        case "issubset", [other] if kind == "set":
            return Predicate(owner, _is(negative), f"a subset of {say.np(other, tail=False)}")
        case "isdisjoint", [other] if kind == "set" and not negative:
            return Predicate(owner, _does("have", True), f"any element in common with {say.np(other, tail=False)}")
        case "get", _:
            return _truth(say, ast.Call(ast.Attribute(owner, method, ast.Load()), args, []), negative)
        case _:
            return None
