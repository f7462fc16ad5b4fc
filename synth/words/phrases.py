"""Expressions as noun phrases: "the sum of the numbers in `xs` that are even".

In: an expression whose value matters. Out: a phrase that says just that value, or Unsayable. Sums of more than two
parts are shown as they are written, in backticks; calls are calls.py's.
"""

import ast

from curate.synth.words.calls import call
from curate.synth.words.clauses import relative
from curate.synth.words.elements import collection, where
from curate.synth.words.forms import Unsayable, names_in
from curate.synth.words.kinds import NUMBERS
from curate.synth.words.mappings import mapping
from curate.synth.words.plainer import itemised
from curate.synth.words.pronouns import with_it
from curate.synth.words.sources import ORDINALS, noun, source
from curate.synth.words.speaker import Speaker, code, constant, listed, number
from curate.synth.words.sums import arithmetic
from curate.synth.words.texts import in_a_row, template

MOST_SHOWN = 72
"""Characters of a dictionary of constants that is shown as it is written."""
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
            return template(say, node, tail)
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
            held = [say.np(each, tail=False) for each in items]
            if any(each.startswith("each ") for each in held):
                raise Unsayable("one set for all, or one for each")
            return f"the set of {listed(held)}"
        case ast.Dict(keys=keys, values=values) if (
            all(isinstance(each, ast.Constant) for each in [*keys, *values])
            and len(ast.unparse(node)) <= MOST_SHOWN
            and "`" not in ast.unparse(node)
        ):
            return f"the dictionary `{ast.unparse(node)}`"
        case ast.Dict(keys=keys, values=values) if all(isinstance(key, ast.Constant) for key in keys):
            entries = [
                f"{say.np(value, tail=False)} under {say.np(key)}"
                for key, value in zip(keys, values, strict=True) if key
            ]  # fmt: skip
            return f"a dictionary that holds {listed(entries)}"
        case ast.ListComp(elt=element, generators=loops):
            if any(say.kind(loop.iter).name in ("set", "frozenset") for loop in loops):
                raise Unsayable("the order of a set")
            return _filled_or_holding(say, element, loops, tail)
        case ast.GeneratorExp(elt=element, generators=loops):
            return collection(say, element, loops)
        case ast.SetComp(elt=element, generators=loops):
            return _filled("the set", collection(say, element, loops))
        case ast.DictComp(key=key, value=value, generators=[loop]):
            return mapping(say, key, value, loop, tail)
        case _:
            raise Unsayable(f"no words for {type(node).__name__}")


def _filled_or_holding(say: Speaker, element: ast.expr, loops: list[ast.comprehension], tail: bool) -> str:
    """Return a list; where its element takes more words than can stand before "for each", these come behind."""
    notes = list(say.notes)
    said, nested = "", False
    is_truth = say.kind(ast.ListComp(element, loops)).element.name == "bool" and not isinstance(element, PARTS)
    try:
        said = _filled("a list", collection(say, element, loops, form="listed" if tail else ""))
        nested = said.startswith("a list with a list ")  # one list with all of them, or a list of lists
        if " for each " not in said and not is_truth and not nested:
            return said
    except Unsayable:
        if not tail or len(loops) != 1:
            raise
    if len(loops) == 1 and tail:
        told, noted = say.notes[:], say.notes
        noted[:] = notes
        holding = _holding(say, element, loops[0], is_truth, bool(said))
        if holding:
            return holding
        noted[:] = told
    if nested:
        raise Unsayable("a list with a list")
    return said


PARTS = (ast.Name, ast.Subscript, ast.Constant)


def _holding(say: Speaker, element: ast.expr, loop: ast.comprehension, is_truth: bool, plain: bool) -> str | None:
    """Return a list by what it holds for each; None where a `plain` way of saying it reads as well."""
    [element], loop = itemised(say, [element], loop)
    used = {each for node in [element, *loop.ifs] for each in names_in(node)}
    src, inner = source(say, loop, used)
    own = loop.target.id if isinstance(loop.target, ast.Name) else ""
    verb = "tells" if is_truth else "holds"
    single = relative(inner, loop.ifs, loop, False) if loop.ifs and own else ""
    if own and src.of and single is not None:
        text = with_it(inner, own, element, src.one, whether=is_truth)
        if text:
            return f"a list that {verb}, for each {src.qualified(single, many=False)}, {text}"
    if plain and not is_truth:
        return None
    which = where(inner, loop, src)
    said = f"whether {inner.clause(element)}" if is_truth else inner.np(element)
    return f"a list that, for each {src.named}{which}, {verb} {said}"


def _filled(container: str, what: str) -> str:
    """Return a container of some elements, or with something for each."""
    many = (
        what.startswith(("every ", "the "))
        and " for each " not in what
        and " each " not in what.split(",", maxsplit=1)[0]
    )
    return f"{container} {'of' if many else 'with'} {what}"


def _display(say: Speaker, items: list[ast.expr], kind: str) -> str:
    if all(isinstance(each, ast.Constant) for each in items) and len(items) > 1:
        shown = ast.List(items, ast.Load()) if kind == "list" else ast.Tuple(items, ast.Load())
        return f"the {kind} `{ast.unparse(shown)}`"
    parts = []
    if len(items) > 1 and all(isinstance(each, ast.Name) for each in items):
        named = [say.np(each, tail=False) for each in items]
        if all(each.startswith("`") for each in named):
            if kind == "list":
                return f"the list [{', '.join(named)}]"
            return f"the {'pair' if len(items) == 2 else 'tuple'} ({', '.join(named)})"
    for each in items:
        if isinstance(each, ast.Starred):
            parts.append(f"the {noun(say.kind(each.value))}s of {say.np(each.value, tail=False)}")
        else:
            text = say.np(each, tail=False) if len(items) > 1 else say.np(each)
            parts.append(text)
    if len(items) == 1 and isinstance(items[0], ast.Starred):
        return f"a {kind} of {parts[0]}"
    return f"a {kind} of {listed(parts)}" if len(parts) > 1 else f"a {kind} that holds only {parts[0]}"


def _operation(say: Speaker, node: ast.BinOp, tail: bool) -> str:
    left, right = say.kind(node.left), say.kind(node.right)
    if left.name in NUMBERS and right.name in NUMBERS:
        return arithmetic(say, node, tail)
    if isinstance(node.op, ast.Add) and {left.name, right.name} <= {"str", "char"}:
        return in_a_row(say, node, tail)
    if isinstance(node.op, ast.Add) and left.name in ("list", "tuple") and left.name == right.name:
        if isinstance(node.left, ast.List | ast.Tuple) and not node.left.elts:
            return say.np(node.right, tail)
        return f"{_part_of_list(say, node.left)} followed by {_part_of_list(say, node.right)}"
    if left.name == right.name == "set" and type(node.op) in OF_SETS:
        one, other = (say.np(_held(each), tail=False) for each in (node.left, node.right))
        return f"the set of {OF_SETS[type(node.op)].format(one, other)}"
    if isinstance(node.op, ast.Mult) and "int" in (left.name, right.name):
        whole, times = (node.left, node.right) if right.name == "int" else (node.right, node.left)
        if say.kind(whole).name in ("str", "char"):
            often = say.np(times, tail=False)
            if often.startswith("each "):
                raise Unsayable("one number of times for each")
            return f"{say.np(whole, tail=False)} repeated {often} times"
        if isinstance(whole, ast.List) and len(whole.elts) == 1:
            held = say.np(whole.elts[0], tail=False)
            if held.startswith("each "):
                raise Unsayable("a list in a list, or one for all")
            if isinstance(times, ast.Call) and ast.unparse(times.func) == "len":
                return f"a list that holds {held} once for each element of {say.np(times.args[0], tail=False)}"
            return f"a list that holds {held} {say.np(times, tail=False)} times"
    raise Unsayable("an operation on other types")


def _held(node: ast.expr) -> ast.expr:
    """Return what a set was made of, for its elements are the same."""
    match node:
        case ast.Call(func=ast.Name(id="set"), args=[whole]) if isinstance(whole, ast.Name):
            return whole
        case _:
            return node


def _part_of_list(say: Speaker, node: ast.expr) -> str:
    if isinstance(node, ast.List) and len(node.elts) == 1 and not isinstance(node.elts[0], ast.Starred):
        return f"{say.np(node.elts[0], tail=False)}"
    return f"the elements of {say.np(node, tail=False)}" if isinstance(node, ast.Name) else say.np(node, tail=False)


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
    match whole:
        case ast.Call(func=ast.Attribute(value=text, attr="split"), args=[] | [_] as at, keywords=[]) if (
            say.kind(text).name == "str" and isinstance(place, int) and -1 <= place < len(ORDINALS)
        ):
            which = ORDINALS[place] if place >= 0 else "last"
            if not at:
                say.note("Words are separated by whitespace.")
                return f"the {which} word in {say.within(text)}"
            own = say.within(text)
            if " piece" in own:
                raise Unsayable("pieces of pieces")
            return f"the {which} piece of {own} split at {say.np(at[0], tail=False)}"
    if place == -1:
        return f"the last {what} of {say.within(whole)}"
    if isinstance(place, int) and 0 <= place < len(ORDINALS):
        return f"the {ORDINALS[place]} {what} of {say.within(whole)}"
    return code(say, node)


def _slice(say: Speaker, whole: ast.expr, key: ast.Slice, kind: str) -> str:
    if kind not in ("str", "list", "tuple", "char"):
        raise Unsayable("a part of something unknown")
    parts = "characters" if kind in ("str", "char") else "elements"
    low, high, step = (number(each) if each is not None else None for each in (key.lower, key.upper, key.step))
    of = say.np(whole, tail=False)
    match key.lower, key.upper, key.step:
        case None, None, ast.expr() if step == -1:
            return say.reverse(whole)
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
