"""Expressions as noun phrases: "the sum of the numbers in `xs` that are even".

In: an expression whose value matters. Out: a phrase that says just that value, or Unsayable. Sums of more than two
parts are shown as they are written, in backticks; calls are calls.py's.
"""

import ast
import re

from curate.synth.words.calls import call
from curate.synth.words.clauses import relative
from curate.synth.words.elements import collection, where
from curate.synth.words.forms import Unsayable, names_in, reads, same
from curate.synth.words.kinds import NUMBERS
from curate.synth.words.sources import ORDINALS, Source, noun, source
from curate.synth.words.speaker import Speaker, code, constant, is_long, listed, number

SIGNS = {ast.Add: "plus", ast.Sub: "minus", ast.Mult: "times", ast.Div: "divided by", ast.BitXor: "XOR"}
OF_SETS = {
    ast.Sub: "the elements of {} that are not in {}", ast.BitAnd: "the elements that {} and {} have in common",
    ast.BitOr: "the elements of {} and {} together", ast.BitXor: "the elements that are in one of {} and {} only",
}  # fmt: skip


def phrase(say: Speaker, node: ast.expr, tail: bool) -> str:
    """Return what an expression is."""
    match node:
        case ast.Constant(value=value):
            return constant(value)
        case ast.Name(id=text):
            if text in say.stands:
                return say.stands[text]
            if text not in say.kinds:
                raise Unsayable("a name that is not told")
            return f"`{text}`"
        case ast.JoinedStr():
            return _template(say, node)
        case ast.BinOp():
            return _operation(say, node, tail)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = number(node)
            return repr(value) if value is not None else f"minus {say.np(operand, tail=False)}"
        case ast.Compare() | ast.UnaryOp(op=ast.Not()):
            return f"whether {say.clause(node, tail)}"
        case ast.BoolOp() if say.kind(node).name == "bool":
            return f"whether {say.clause(node, tail)}"
        case ast.IfExp(test=test, body=ast.Constant(value=True), orelse=ast.Constant(value=False)):
            return say.np(test, tail)
        case ast.IfExp(test=test, body=body, orelse=other):
            if not tail:
                raise Unsayable("a choice within a phrase")
            said = f"{say.np(body, tail=False)} if {say.clause(test, tail=False)}, "
            return said + (say.np(other) if isinstance(other, ast.IfExp) else f"otherwise {say.np(other, tail=False)}")
        case ast.Subscript(value=whole, slice=key):
            return _part(say, node, whole, key)
        case ast.Call():
            return call(say, node, tail)
        case _:
            return _container(say, node, tail)


def _container(say: Speaker, node: ast.expr, tail: bool) -> str:
    match node:
        case ast.List(elts=[]):
            return "an empty list"
        case ast.Dict(keys=[]):
            return "an empty dictionary"
        case ast.Tuple(elts=[]):
            return "an empty tuple"
        case ast.List(elts=items) | ast.Tuple(elts=items):
            return _display(say, items, "list" if isinstance(node, ast.List) else "tuple")
        case ast.Set(elts=items):
            return f"the set of {listed([say.np(each, tail=False) for each in items])}"
        case ast.Dict(keys=keys, values=values) if all(isinstance(key, ast.Constant) for key in keys):
            held = [
                f"{say.np(value, tail=False)} under {say.np(key)}"
                for key, value in zip(keys, values, strict=True) if key
            ]  # fmt: skip
            return f"a dictionary that holds {listed(held)}"
        case ast.ListComp(elt=element, generators=loops):
            if any(say.kind(loop.iter).name in ("set", "frozenset") for loop in loops):
                raise Unsayable("the order of a set")
            return _filled_or_holding(say, element, loops, tail)
        case ast.GeneratorExp(elt=element, generators=loops):
            return collection(say, element, loops)
        case ast.SetComp(elt=element, generators=loops):
            return _filled("the set", collection(say, element, loops))
        case ast.DictComp(key=key, value=value, generators=[loop]):
            return _mapping(say, key, value, loop, tail)
        case _:
            raise Unsayable(f"no words for {type(node).__name__}")


def _filled_or_holding(say: Speaker, element: ast.expr, loops: list[ast.comprehension], tail: bool) -> str:
    """Return a list; where its element takes more words than can stand before "for each", these come behind."""
    notes = list(say.notes)
    try:
        return _filled("a list", collection(say, element, loops))
    except Unsayable:
        if not tail or len(loops) != 1:
            raise
    say.notes[:] = notes
    used = {each for node in [element, *loops[0].ifs] for each in names_in(node)}
    src, inner = source(say, loops[0], used)
    return f"a list that, for each {src.named}{where(inner, loops[0])}, holds {inner.np(element)}"


def _filled(container: str, what: str) -> str:
    """Return a container of some elements, or with something for each."""
    return f"{container} {'of' if what.startswith(('every ', 'the ')) and ' for each ' not in what else 'with'} {what}"


def _display(say: Speaker, items: list[ast.expr], kind: str) -> str:
    if all(isinstance(each, ast.Constant) for each in items) and len(items) > 1:
        shown = ast.List(items, ast.Load()) if kind == "list" else ast.Tuple(items, ast.Load())
        return f"the {kind} `{ast.unparse(shown)}`"
    parts = []
    for each in items:
        if isinstance(each, ast.Starred):
            parts.append(f"the {noun(say.kind(each.value))}s of {say.np(each.value, tail=False)}")
        else:
            text = say.np(each, tail=False) if len(items) > 1 else say.np(each)
            parts.append(text)
    if len(items) == 1 and isinstance(items[0], ast.Starred):
        return f"a {kind} of {parts[0]}"
    return f"a {kind} of {listed(parts)}" if len(parts) > 1 else f"a {kind} that holds only {parts[0]}"


def _template(say: Speaker, node: ast.JoinedStr) -> str:
    """Return an f-string: as a template where only names stand in it, else part by part."""
    parts, holes, plain = [], [], True
    shown = ""
    for each in node.values:
        match each:
            case ast.Constant(value=str() as text):
                parts.append(constant(text))
                shown += text
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                said = say.np(value, tail=False)
                plain = plain and isinstance(value, ast.Name) and value.id not in say.stands
                holes.append(said)
                parts.append(said)
                shown += f"{{{ast.unparse(value)}}}"
            case ast.FormattedValue(
                value=value, conversion=-1, format_spec=ast.JoinedStr(values=[ast.Constant(value=f)])
            ):
                digits = str(f)
                if not (digits.startswith(".") and digits.endswith("f") and digits[1:-1].isdigit()):
                    raise Unsayable("a format of another kind")
                parts.append(f"{say.np(value, tail=False)} {_decimals(int(digits[1:-1]))}")
                plain = False
            case _:
                raise Unsayable("a format of another kind")
    if plain and holes and "'" not in shown and "\\" not in shown and "`" not in shown and shown.isprintable():
        filled = listed(list(dict.fromkeys(holes)))
        if len(parts) > 1:
            return f"the string '{shown}' with the value{'s' * (len(set(holes)) > 1)} of {filled} put in"
    if len(parts) == 1:
        return parts[0] if " written with" in parts[0] else f"{parts[0]} as a string"
    return " followed by ".join(parts)


def _decimals(count: int) -> str:
    if count == 0:
        return "written without decimals"
    return f"written with {count} decimals" if count > 1 else "written with 1 decimal"


def _operation(say: Speaker, node: ast.BinOp, tail: bool) -> str:
    left, right = say.kind(node.left), say.kind(node.right)
    if left.name in NUMBERS and right.name in NUMBERS:
        return _arithmetic(say, node, tail)
    if isinstance(node.op, ast.Add) and {left.name, right.name} <= {"str", "char"}:
        return " followed by ".join(_row(say, each) for each in _added(node))
    if isinstance(node.op, ast.Add) and left.name in ("list", "tuple") and left.name == right.name:
        return f"{_part_of_list(say, node.left)} followed by {_part_of_list(say, node.right)}"
    if left.name == right.name == "set" and type(node.op) in OF_SETS:
        one, other = say.np(node.left, tail=False), say.np(node.right, tail=False)
        return f"the set of {OF_SETS[type(node.op)].format(one, other)}"
    if isinstance(node.op, ast.Mult) and "int" in (left.name, right.name):
        whole, times = (node.left, node.right) if right.name == "int" else (node.right, node.left)
        if say.kind(whole).name in ("str", "char"):
            return f"{say.np(whole, tail=False)} repeated {say.np(times, tail=False)} times"
        if isinstance(whole, ast.List) and len(whole.elts) == 1:
            held = say.np(whole.elts[0], tail=False)
            if isinstance(times, ast.Call) and ast.unparse(times.func) == "len":
                return f"a list that holds {held} once for each element of {say.np(times.args[0], tail=False)}"
            return f"a list that holds {held} {say.np(times, tail=False)} times"
    raise Unsayable("an operation on other types")


def _row(say: Speaker, node: ast.expr) -> str:
    """Return one of several texts in a row."""
    text = say.np(node)
    if is_long(re.sub(r" repeated (?:`[^`]*`|\d+) times$", "", text)):
        raise Unsayable("too long a phrase within another")
    return text


def _part_of_list(say: Speaker, node: ast.expr) -> str:
    if isinstance(node, ast.List) and len(node.elts) == 1 and not isinstance(node.elts[0], ast.Starred):
        return f"{say.np(node.elts[0], tail=False)}"
    return f"the elements of {say.np(node, tail=False)}" if isinstance(node, ast.Name) else say.np(node, tail=False)


def _added(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_added(node.left), *_added(node.right)]
    return [node]


def _arithmetic(say: Speaker, node: ast.BinOp, tail: bool) -> str:
    if "bool" in (say.kind(node.left).name, say.kind(node.right).name):
        return code(say, node)
    average = _average(node)
    if average is not None:
        return f"the average of {say.np(average, tail=False)}"
    nested = any(isinstance(each, ast.BinOp) for each in (node.left, node.right))
    atoms = all(
        isinstance(each, ast.Name | ast.Constant) or number(each) is not None for each in (node.left, node.right)
    )
    if nested or not tail:
        try:
            return code(say, node)
        except Unsayable:
            if not tail and not atoms:
                raise
    if tail and not nested and type(node.op) in (ast.Add, ast.Sub, ast.Mult, ast.Div):
        long = say.np(node.left)
        if is_long(long):
            return f"{long}, {SIGNS[type(node.op)]} {_operand(say, node.right)}"
    one, other = (_operand(say, each) for each in (node.left, node.right))
    match node.op:
        case ast.Pow() if number(node.right) == 2:
            return f"the square of {one}"
        case ast.Pow():
            return f"{one} to the power of {other}"
        case ast.Add() if isinstance(node.left, ast.Name) and isinstance(node.right, ast.Name):
            return f"the sum of {one} and {other}"
        case ast.FloorDiv():
            return f"{one} divided by {other}, rounded down"
        case ast.Mod():
            return f"the remainder of {one} divided by {other}"
        case _ if type(node.op) in SIGNS:
            return f"{one} {SIGNS[type(node.op)]} {other}"
        case _:
            return code(say, node)


def _operand(say: Speaker, node: ast.expr) -> str:
    text = say.np(node, tail=False)
    if not text.startswith("`") and isinstance(node, ast.BinOp):
        raise Unsayable("sums within sums")
    return text


def _average(node: ast.BinOp) -> ast.expr | None:
    match node:
        case ast.BinOp(
            left=ast.Call(func=ast.Name(id="sum"), args=[whole], keywords=[]), op=ast.Div(),
            right=ast.Call(func=ast.Name(id="len"), args=[of], keywords=[]),
        ) if same(whole, of):  # fmt: skip
            return whole
        case _:
            return None


def _part(say: Speaker, node: ast.expr, whole: ast.expr, key: ast.expr) -> str:
    kind = say.kind(whole).name
    if isinstance(key, ast.Slice):
        return _slice(say, whole, key, kind)
    if kind == "dict":
        return f"the value of {say.np(key, tail=False)} in {say.np(whole, tail=False)}"
    if kind not in ("str", "list", "tuple", "char"):
        raise Unsayable("a part of something unknown")
    what = "character" if kind in ("str", "char") else "element"
    place = number(key)
    if place == -1:
        return f"the last {what} of {say.np(whole, tail=False)}"
    if isinstance(place, int) and 0 <= place < len(ORDINALS):
        return f"the {ORDINALS[place]} {what} of {say.np(whole, tail=False)}"
    return code(say, node)


def _slice(say: Speaker, whole: ast.expr, key: ast.Slice, kind: str) -> str:
    if kind not in ("str", "list", "tuple", "char"):
        raise Unsayable("a part of something unknown")
    parts = "characters" if kind in ("str", "char") else "elements"
    low, high, step = (number(each) if each is not None else None for each in (key.lower, key.upper, key.step))
    of = say.np(whole, tail=False)
    match key.lower, key.upper, key.step:
        case None, None, ast.expr() if step == -1:
            return f"{of} in reverse order"
        case None, None, ast.expr() if step == 2:
            return (
                f"every second element of {of} from the first on"
                if parts == "elements"
                else (f"every second character of {of} from the first on")
            )
        case None, ast.expr(), None if isinstance(high, int) and high > 0:
            if high == 1:
                return code(say, ast.Subscript(whole, key, ast.Load()))
            return f"the first {high} {parts} of {of}"
        case None, ast.expr(), None if high == -1:
            return f"{of} but for the last {parts[:-1]}"
        case ast.expr(), None, None if isinstance(low, int) and low > 0:
            return f"{of} from index {low} on"
        case ast.expr(), None, None if isinstance(low, int) and low < -1:
            return f"the last {-low} {parts} of {of}"
        case _:
            return code(say, ast.Subscript(whole, key, ast.Load()))


def _mapping(say: Speaker, key: ast.expr, value: ast.expr, loop: ast.comprehension, tail: bool) -> str:
    """Return a dictionary that is made key by key."""
    used = {each for node in [key, value, *loop.ifs] for each in names_in(node)}
    src, inner = source(say, loop, used)
    rel = where(inner, loop)
    of_pairs = src.value and src.value_is == "value"
    match loop.target:
        case ast.Tuple(elts=[ast.Name(id=one), ast.Name(id=other)]) if (
            of_pairs
            and isinstance(key, ast.Name)
            and isinstance(value, ast.Name)
            and (key.id, value.id) == (one, other)
        ):
            return f"a dictionary of the entries {src.of}{_entries(inner, loop, src)}"
        case ast.Name(id=one) if (
            isinstance(key, ast.Name) and key.id == one and reads(value, one) == 0 and not loop.ifs
        ):
            return f"a dictionary that gives each {src.one} {src.of} {_under(inner, value)}"
    once = isinstance(key, ast.Name) and f"{src.one} `{key.id}`" in src.named and src.one in ("key", "index", "integer")
    if not once and not (isinstance(key, ast.Name) and isinstance(loop.target, ast.Name) and key.id == loop.target.id):
        say.note("Where several come to the same key, the last one counts.")
    mapped = inner.np(key, tail=False)
    try:
        return f"a dictionary that maps {mapped} to {inner.rounds(value)} for each {src.named}{rel}"
    except Unsayable:
        if not tail:
            raise
    return f"a dictionary that, for each {src.named}{rel}, maps {mapped} to {inner.np(value)}"


def _under(say: Speaker, value: ast.expr) -> str:
    return f"the value {say.np(value, tail=False)}"


def _entries(say: Speaker, loop: ast.comprehension, src: Source) -> str:
    if not loop.ifs:
        return ""
    rel = relative(say, loop.ifs, loop, False, src.value)
    if rel is not None and rel.startswith(" whose value") and " and " not in rel and " or " not in rel:
        return rel
    if rel is not None and rel.startswith(" that") and " and " not in rel and " or " not in rel:
        return f" whose key{rel.removeprefix(' that')}"
    raise Unsayable("entries by more than one part")
