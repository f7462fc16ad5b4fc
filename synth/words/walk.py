"""A function's code gone through line by line, in English: "For each number `x` in `xs`, if `x` is even, ..."

In: a function's syntax tree. Out: sentences in the order of its lines, and after them what a reader should know of the
builtins and methods that it uses; or Unsayable. Each statement is said as it stands: nothing is worked into anything
else, so `while` and names that depend on each other are no trouble here.
"""

import ast
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import TypeGuard

from curate.synth.words.clauses import clause
from curate.synth.words.forms import Unsayable, names_in
from curate.synth.words.kinds import UNKNOWN, Kind, annotated
from curate.synth.words.phrases import phrase
from curate.synth.words.sources import source
from curate.synth.words.speaker import QUOTED, Speaker, bare, is_long, listed
from curate.synth.words.statements import AWAY, after_loop, is_docstring

MOST_FACTS = 2
FACTS = {
    "sorted": "`sorted` gives a new list and leaves what it was given as it is",
    "enumerate": "`enumerate` gives each element together with its index, which starts at 0",
    "zip": "`zip` stops where the shorter of the two ends",
    "sum": "`sum` gives 0 where there is nothing to add up",
    "max": "`max` takes the first of several that are equally large",
    "min": "`min` takes the first of several that are equally small",
    "any": "`any` stops at the first that holds, and gives False where there are none",
    "all": "`all` stops at the first that does not hold, and gives True where there are none",
    "set": "a set holds each value once, in no certain order",
    "range": "`range` stops before the end that it is given",
    "len": "`len` counts elements, the characters of a string, or the keys of a dictionary",
    "round": "`round` takes a half to the even neighbour",
    ".get": "`get` gives its second argument where the key is missing, and raises no KeyError",
    ".items": "`items` gives each key together with its value, in the order in which they were put in",
    ".values": "`values` gives the values without their keys",
    ".split": "`split` cuts a string into a list of strings",
    ".join": "`join` puts its own string between the parts, and not behind the last one",
    ".append": "`append` puts one more value at the end of the list itself and returns None",
    ".lower": "`lower` gives a new string, since strings never change",
    ".upper": "`upper` gives a new string, since strings never change",
    ".strip": "`strip` takes whitespace away at both ends, and not within",
    ".replace": "`replace` gives a new string, since strings never change",
    ".count": "`count` gives 0 where there is none",
}
"""What is true of a builtin or a method wherever it stands; the first that a function uses are said."""
ARGUMENTS = {"get": 2, "strip": 0, "zip": 2}
"""With how many arguments what is said of a function or method is true, where there may be others."""
OF_KINDS: dict[type[ast.AST], str] = {
    ast.ListComp: "a list comprehension builds the list in one expression, in place of a loop that appends",
    ast.DictComp: "a dictionary comprehension builds the dictionary in one expression, key by key",
    ast.SetComp: "a set comprehension builds the set in one expression",
    ast.GeneratorExp: "a generator expression gives its elements one at a time, without a list of them in between",
    ast.IfExp: "a conditional expression chooses one of two values, and works out no more than that one",
    ast.JoinedStr: "an f-string puts values into a text where the braces stand",
    ast.FloorDiv: "`//` divides and rounds down, for negative numbers too",
}
GROWS = {ast.Sub: "{1} is subtracted from {0}", ast.Mult: "{0} is multiplied by {1}", ast.Div: "{0} is divided by {1}"}


def walked(function: ast.FunctionDef, seed: int | None = None, *, facts: bool = True) -> str:
    """Return a paragraph that goes through a function; a seed draws among several wordings.

    With `facts`, it ends with what a reader should know of what the function calls.
    """
    arguments = [*function.args.posonlyargs, *function.args.args]
    kinds = {each.arg: annotated(each.annotation) for each in arguments}
    say = Speaker(kinds, phrase, clause, random=None if seed is None else Random(seed))
    sentences, _ = _block(say, [each for each in function.body if not is_docstring(each)])
    texts = [f"{text[0].upper()}{text[1:]}." for text in sentences]
    known = [f"{fact[0].upper()}{fact[1:]}." for fact in _facts(function)] if facts else []
    return " ".join([*texts, *say.notes, *known])


def _facts(function: ast.FunctionDef) -> list[str]:
    found: list[str] = []
    for node in ast.walk(function):
        if type(node) in OF_KINDS:
            found.append(OF_KINDS[type(node)])
        match node:
            case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name == "range" or (
                len(args) == ARGUMENTS.get(name, 1)
            ):
                found.append(FACTS.get(name, ""))
            case ast.Call(func=ast.Attribute(attr=method), args=args, keywords=[]) if len(args) == ARGUMENTS.get(
                method, len(args)
            ):
                found.append(FACTS.get(f".{method}", ""))
    return list(dict.fromkeys(filter(None, found)))[:MOST_FACTS]


def _block(say: Speaker, body: Sequence[ast.stmt]) -> tuple[list[str], Speaker]:
    """Return a sentence for each statement, without its full stop, and a speaker that knows the names given."""
    said: list[str] = []
    for place, statement in enumerate(body):
        text, say = _statement(say, statement)
        behind = place and isinstance(body[place - 1], ast.If) and _returns(body[place - 1])
        ends = isinstance(statement, ast.Return | ast.Raise)
        said.append(f"in every other case, {text}" if behind and ends else f"{after_loop(body, place)}{text}")
    return said, say


def _within(say: Speaker, body: Sequence[ast.stmt], loops: int) -> tuple[str, Speaker]:
    """Return what is done one after the other within `loops` loops, as part of a sentence, and a speaker as above.

    Where a part ends is said: behind a choice follows "in any case", or "otherwise" if what it chose leads away;
    behind a loop "after that loop".
    """
    first, *rest = body
    if all(not isinstance(each, BRANCHING) for each in body):
        said = []
        for each in body:
            text, say = _statement(say, each, loops)
            said.append(text)
        return _together(said), say
    text, after = _statement(say, first, loops)
    if not rest:
        return text, after
    behind, last = _within(after, rest, loops)
    if _goes_away(first):
        if isinstance(rest[0], ast.If) and len(rest) > 1 and not isinstance(rest[0].body[-1], AWAY):
            raise Unsayable('"in any case" within "otherwise"')
        return f"{text}; otherwise, {behind}", last
    if isinstance(first, ast.If) and any(isinstance(node, AWAY) for node in ast.walk(first)):
        raise Unsayable('"in any case" behind what may lead away')
    before = "in any case, " if isinstance(first, ast.If) else "then, "
    return f"{text}; {'after that loop, ' if isinstance(first, ast.For | ast.While) else before}{behind}", last


BRANCHING = (ast.If, ast.For, ast.While)


def _goes_away(statement: ast.stmt) -> TypeGuard[ast.If]:
    """Tell whether a condition without an `else` leaves what stands around it."""
    return isinstance(statement, ast.If) and not statement.orelse and isinstance(statement.body[-1], AWAY)


def _returns(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and any(isinstance(node, ast.Return) for node in ast.walk(statement))


def _statement(say: Speaker, statement: ast.stmt, loops: int = 0) -> tuple[str, Speaker]:
    match statement:
        case ast.Return(value=ast.expr() as value):
            return _returned(say, value), say
        case ast.Assign(targets=[ast.Name(id=text)], value=value):
            return _named(say, text, value)
        case ast.AnnAssign(target=ast.Name(id=text), value=ast.expr() as value):
            return _named(say, text, value)
        case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)) if len(targets) == len(values):
            return _named_together(say, targets, values)
        case ast.If(test=test, body=then, orelse=other):
            return _choice(say, test, then, other, loops)
        case ast.For(target=target, iter=over, body=body, orelse=[]):
            return _loop(say, target, over, body, loops)
        case ast.While(test=test, body=body, orelse=[]):
            text, after = _rounds(say, body, loops)
            return f"as long as {say.clause(test, tail=False)}{text}", after
        case ast.Continue():
            return f"the {'inner ' * (loops > 1)}loop goes on with the next round", say
        case ast.Break():
            return f"the {'inner ' * (loops > 1)}loop stops", say
        case ast.Raise(exc=ast.Call(func=ast.Name(id=error)) | ast.Name(id=error)):
            return f"{error} is raised", say
        case ast.Pass():
            return "nothing happens", say
        case _:
            return _change(say, statement), say


def _rounds(say: Speaker, body: Sequence[ast.stmt], loops: int) -> tuple[str, Speaker]:
    """Return what a loop's rounds do, behind what it goes through."""
    if loops > 1:
        raise Unsayable("loops within loops")
    text, after = _within(say, body, loops + 1)
    many = ";" in QUOTED.sub("x", text) and not (len(body) == 1 and isinstance(body[0], ast.For | ast.While))
    return f"{':' if many else ','} {text}", after


def _returned(say: Speaker, value: ast.expr) -> str:
    if say.kind(value).name == "bool" and not isinstance(value, ast.Name | ast.Subscript | ast.Constant):
        return f"the function returns True if {say.clause(value)}, otherwise False"
    return f"the function returns {say.np(value)}"


def _named(say: Speaker, text: str, value: ast.expr) -> tuple[str, Speaker]:
    known, kind = say.kinds.get(text), say.kind(value)
    kinds = {**say.kinds, text: _joined(known, kind)}
    empty = isinstance(value, ast.List | ast.Dict) and not ast.unparse(value).strip("[]{}")
    zero = isinstance(value, ast.Constant) and value.value in ("", 0, 1, False, None)
    first = text not in say.kinds and (zero or empty)
    verb = "starts as" if first else "becomes" if text in say.kinds else "is"
    return f"`{text}` {verb} {say.np(value)}", replace(say, kinds=kinds)


def _joined(known: Kind | None, kind: Kind) -> Kind:
    """Return the kind of a name that is given a value once more."""
    if known is None or known == kind:
        return kind
    return known if kind == UNKNOWN or known.name == kind.name else UNKNOWN


def _named_together(say: Speaker, targets: list[ast.expr], values: list[ast.expr]) -> tuple[str, Speaker]:
    names = [each.id for each in targets if isinstance(each, ast.Name)]
    if len(names) != len(targets):
        raise Unsayable("something else is given a value")
    kinds = {**say.kinds, **{text: say.kind(value) for text, value in zip(names, values, strict=True)}}
    verb = "become" if set(names) & say.kinds.keys() else "are"
    said = [say.np(value, False) for value in values]
    if any(" and " in bare(each) for each in said):
        raise Unsayable("which belongs to which")
    return (
        f"{'in one step, ' if verb == 'become' else ''}{listed([f'`{text}`' for text in names])} {verb} {listed(said)}",
        replace(say, kinds=kinds),
    )


def _choice(
    say: Speaker, test: ast.expr, then: list[ast.stmt], other: list[ast.stmt], loops: int
) -> tuple[str, Speaker]:
    match then, other:
        case [ast.If(orelse=[]) as inner], []:
            first, after = _statement(say, inner, loops)
        case _:
            first, after = _then(say, then, loops)
    text = f"if {say.clause(test, tail=False)}, {first}"
    if not other:
        return text, replace(say, kinds={**after.kinds, **say.kinds})
    match other:
        case [ast.If() as more]:
            second, behind = _statement(say, more, loops)
        case _:
            second, behind = _then(say, other, loops)
    kinds = {**behind.kinds, **after.kinds, **say.kinds}
    return f"{text}; otherwise, {second}", replace(say, kinds=kinds)


def _then(say: Speaker, body: Sequence[ast.stmt], loops: int) -> tuple[str, Speaker]:
    """Return what is done on a condition: no conditions or loops within, so that its end is plain."""
    if any(isinstance(each, BRANCHING) for each in body):
        raise Unsayable("a condition within a condition")
    said = []
    for each in body:
        text, say = _statement(say, each, loops)
        said.append(text)
    return _together(said, ", and then "), say


def _loop(say: Speaker, target: ast.expr, over: ast.expr, body: list[ast.stmt], loops: int) -> tuple[str, Speaker]:
    own = names_in(target)
    used = {text for each in body for text in names_in(each)} | own
    around = replace(say, kinds={key: kind for key, kind in say.kinds.items() if key not in own})
    if own & say.kinds.keys() & names_in(over):
        raise Unsayable("one name for two things")
    src, inner = source(around, ast.comprehension(target, over, [], 0), used)
    text, after = _rounds(inner, body, loops)
    return f"for each {src.named}{text}", replace(say, kinds=after.kinds)


def _together(texts: list[str], behind: str = "; then, ") -> str:
    """Return what happens one after the other as one sentence."""
    if len(texts) == 1:
        return texts[0]
    if any("," in QUOTED.sub("x", text) or " and " in QUOTED.sub("x", text) for text in texts):
        return behind.join(texts)
    return f"{', '.join(texts[:-1])}, and then {texts[-1]}"


def _change(say: Speaker, statement: ast.stmt) -> str:
    match statement:
        case ast.AugAssign(target=ast.Name(id=text), op=ast.Add(), value=value):
            kind = say.kinds.get(text, UNKNOWN).name
            if say.kind(value).name == "bool":
                raise Unsayable("a condition that is added")
            if kind in ("int", "float"):
                return f"{say.np(value)} is added to `{text}`"
            if kind == "str":
                return f"{say.np(value, False)} is put behind what `{text}` holds"
            raise Unsayable("an addition to something else")
        case ast.AugAssign(target=ast.Name(id=text), op=sign, value=value) if type(sign) in GROWS and say.kinds.get(
            text, UNKNOWN
        ).name in ("int", "float"):
            return GROWS[type(sign)].format(f"`{text}`", say.np(value, False))
        case ast.AugAssign(target=ast.Name(id=text), op=ast.FloorDiv(), value=value) if "float" not in (
            say.kinds.get(text, UNKNOWN).name, say.kind(value).name,
        ):  # fmt: skip
            return f"`{text}` is divided by {say.np(value, False)}, rounded down"
        case ast.AugAssign(target=ast.Subscript(value=ast.Name(id=text), slice=key), op=ast.Add(), value=value) if (
            say.kinds.get(text, UNKNOWN).name == "dict" and say.kind(value).name in ("int", "float")
        ):
            return f"{say.np(value, False)} is added to what `{text}` holds under the key {say.np(key, False)}"
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=text), slice=key)], value=value) if (
            say.kinds.get(text, UNKNOWN).name == "dict"
        ):
            under, held = f"under the key {say.np(key, False)}", say.np(value, False)
            return (
                f"{under}, `{text}` gets {held}"
                if is_long(held) or " in " in bare(held)
                else f"`{text}` gets {held} {under}"
            )
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=text), attr="append"), args=[item])):
            return f"{say.np(item, False)} is appended to `{text}`"
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=text), attr="add"), args=[item])):
            return f"{say.np(item, False)} is added to the set `{text}`"
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=text), attr="extend"), args=[items])):
            return f"all elements of {say.np(items, False)} are appended to `{text}`"
        case _:
            raise Unsayable(f"a statement: {type(statement).__name__}")
