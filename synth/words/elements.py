"""What a comprehension gives, in words: "the numbers in `xs` that are even", "the length of each string in `xs`".

In: an element, and the loops that it comes from. Out: a phrase for all of them; for counting, one without an article.
"""

import ast
import re
from typing import Literal

from curate.synth.words.clauses import relative
from curate.synth.words.forms import Unsayable, names_in, reads
from curate.synth.words.kinds import NUMBERS
from curate.synth.words.plainer import itemised
from curate.synth.words.sources import Source, flattened, noun, source
from curate.synth.words.speaker import Speaker, plural

Form = Literal["", "counted", "listed", "summed", "averaged"]


def where(say: Speaker, loop: ast.comprehension, src: Source | None = None) -> str:
    """Return the condition on a loop's element that was named; as a relative clause, where one can follow `src`."""
    if not loop.ifs:
        return ""
    rel = relative(say, loop.ifs, loop, False) if src and src.of and not src.value else None
    if rel is not None:
        return rel
    tests = loop.ifs[0] if len(loop.ifs) == 1 else ast.BoolOp(ast.And(), loop.ifs)
    return f" for which {say.clause(tests, tail=True)}"


def collection(say: Speaker, element: ast.expr, loops: list[ast.comprehension], *, form: Form = "") -> str:
    """Return what a comprehension gives, as "the numbers in `xs` that are even" or "the length of each string in `xs`".

    Where they are `counted` it has no article: "numbers in `xs` that are even". Where they are `listed`, what is done
    to each may follow: "the numbers in `xs`, each multiplied by 2". Where they are `summed`, it is over all of them;
    where `averaged` too, but then sums of lists stay what they are: there are as many as lists, not as numbers.
    """
    if len(loops) == 2:
        first, second = loops
        [element, over, *ifs], first = itemised(say, [element, second.iter, *second.ifs], first)
        return _double(say, element, [first, ast.comprehension(second.target, over, ifs, 0)], form == "counted")
    if len(loops) != 1:
        raise Unsayable("loops within loops")
    [element], loop = itemised(say, [element], loops[0])
    used = {each for node in [element, *loop.ifs] for each in names_in(node)}
    src, inner = source(say, loop, used)
    changed = _changed(inner, element, loop, src) if form == "listed" else None
    return changed or _told(inner, element, loop, src, form)


CHANGES = {
    ast.Mult: "multiplied by", ast.Div: "divided by", ast.Add: "increased by", ast.Sub: "reduced by",
}  # fmt: skip


def _changed(say: Speaker, element: ast.expr, loop: ast.comprehension, src: Source) -> str | None:
    """Return the elements with what is done to each, where that is one calculation with a number or a name."""
    match element, loop.target:
        case ast.BinOp(left=ast.Name(id=one), op=sign, right=ast.Name() | ast.Constant() as by), ast.Name(id=own) if (
            one == own and type(sign) in CHANGES and src.of and say.kind(element).name in ("int", "float")
        ):
            if own in names_in(by) or say.kind(by).name not in ("int", "float"):
                return None
        case _:
            return None
    rel = relative(say, loop.ifs, loop, True) if loop.ifs else ""
    if rel is None:
        return None
    return f"the {src.many} {src.of}{rel}, each {CHANGES[type(sign)]} {say.np(by, tail=False)}"


def _squared(say: Speaker, element: ast.expr, own: str) -> bool:
    """Tell whether an element is the square of the loop's own name, a number."""
    match element:
        case ast.BinOp(left=ast.Name(id=one), op=ast.Pow(), right=ast.Constant(value=2)):
            return one == own and say.kind(element).name in ("int", "float")
        case ast.BinOp(left=ast.Name(id=one), op=ast.Mult(), right=ast.Name(id=other)):
            return one == other == own and say.kind(element).name in ("int", "float")
        case _:
            return False


def _told(say: Speaker, element: ast.expr, loop: ast.comprehension, src: Source, form: Form) -> str:
    rel = relative(say, loop.ifs, loop, True, src.value, src.value_is) if loop.ifs else ""
    own = _only_name(loop.target, src)
    if form == "counted":
        if rel is not None and src.of and (isinstance(loop.target, ast.Name) or own):
            return src.qualified(rel, many=True)
        return f"{_plural_named(src)}{where(say, loop) if rel is None or not src.of else rel}"
    if isinstance(element, ast.Name) and element.id == own and src.of:
        if rel is not None:
            return f"the {src.qualified(rel, many=True)}"
        return f"every {src.named}{where(say, loop, src)}"
    placed = src.value_is == "index" and isinstance(element, ast.Name) and element.id == src.value and src.of
    if placed and rel is not None and "whose index" not in rel:
        return f"the indices of the {src.qualified(rel, many=True)}"
    over_all = form in ("summed", "averaged")
    if over_all and own and src.of and isinstance(loop.target, ast.Name) and rel is not None:
        match element:
            case ast.Call(func=ast.Name(id="sum"), args=[ast.Name(id=text)]) if text == own and form == "averaged":
                return f"the sums of the {src.qualified(rel, many=True)}"
            case ast.Call(func=ast.Name(id="sum"), args=[ast.Name(id=text)]) if text == own:
                return f"all {plural(noun(say.kind(ast.Name(own))))} in the {src.qualified(rel, many=True)}"
            case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=text)]) if text == own and say.kind(
                ast.Name(own)
            ).name in ("str", "list", "tuple"):
                return f"the lengths of the {src.qualified(rel, many=True)}"
    if own and src.of and isinstance(loop.target, ast.Name) and rel is not None and _squared(say, element, own):
        return f"the squares of the {src.qualified(rel, many=True)}"
    if (
        isinstance(element, ast.Name) and isinstance(loop.target, ast.Tuple) and not isinstance(loop.iter, ast.Call)
        and element.id in names_in(loop.target) and not over_all
    ):  # fmt: skip
        return f"the `{element.id}` of each {src.named}{where(say, loop, src)}"
    if (
        isinstance(element, ast.Name)
        and src.value
        and element.id == src.value
        and src.value_is == "value"
        and not loop.ifs
    ):
        return f"the values {src.of}"
    if (
        isinstance(element, ast.Tuple)
        and isinstance(loop.target, ast.Tuple)
        and _same_names(element, loop.target)
        and src.of
        and not src.value
    ):
        return f"every {src.named}{where(say, loop, src)}"
    plain = not isinstance(element, ast.BinOp) or say.kind(element).name not in NUMBERS
    if plain and own and isinstance(loop.target, ast.Name) and reads(element, own) == 1 and rel is not None and src.of:
        single = relative(say, loop.ifs, loop, False) if loop.ifs else ""
        try:
            text = say.standing(own, f"each {src.qualified(str(single), many=False)}").np(element)
            if text.endswith(str(single)) and "`" not in text.split("each ")[0] and "if" not in text.split():
                return text
        except Unsayable:
            pass
    if isinstance(element, ast.IfExp):
        said = f"{say.np(element)},"
    elif say.kind(element).name == "bool" and not isinstance(element, ast.Name | ast.Subscript | ast.Constant):
        said = f"True if {say.clause(element, tail=False)}, otherwise False,"
    else:
        said = say.rounds(element)
        if over_all and not said.endswith(","):
            which = rel if rel is not None and src.of and not src.value else where(say, loop)
            return f"{said} over all {_plural_named(src)}{which}"
    if src.value_is == "index" and isinstance(element, ast.Name) and element.id == src.value:
        bare = src.named.removesuffix(f" with its index `{element.id}`")
        which = where(say, loop)
        spoken = re.search(rf"\b{element.id}\b", " ".join(re.findall(r"`([^`]*)`", which)))
        if not spoken and bare != src.named and "`_`" not in bare:
            return f"the index of each {bare}{which}"
    return f"{said} for each {src.named}{where(say, loop, src)}"


def _only_name(target: ast.expr, src: Source) -> str:
    """Return the name of what the source's noun stands for."""
    if isinstance(target, ast.Name):
        return target.id
    names = [each.id for each in getattr(target, "elts", []) if isinstance(each, ast.Name)]
    marked = [each for each in names if f"`{each}`" in src.named and each != src.value]
    return marked[0] if len(marked) == 1 and src.one not in ("pair", "tuple") else ""


def _same_names(element: ast.Tuple, target: ast.Tuple) -> bool:
    return [ast.unparse(each) for each in element.elts] == [ast.unparse(each) for each in target.elts]


def _plural_named(src: Source) -> str:
    if not src.of and src.one == "pair":
        return f"pairs of {src.named}"
    named = src.named.removeprefix(src.one)
    named = named.replace(" with its value ", " with their values ").replace(" with its index ", " with their indices ")
    return f"{src.many}{named}"


def _double(say: Speaker, element: ast.expr, loops: list[ast.comprehension], counted: bool) -> str:
    first, second = loops
    if flattened(loops, [element]):
        outer, inner = source(say, first, set())
        one = inner.kind(second.iter)
        said = inner.knows(second.target, one.element)
        if isinstance(second.target, ast.Name):
            rel = relative(said, second.ifs, second, True) if second.ifs else ""
            plain = isinstance(element, ast.Name) and element.id == second.target.id
            held = f"the {outer.many} {outer.of}"
            if isinstance(second.iter, ast.Call):
                held = f"the values of {held}"
            if rel is not None and (counted or plain):
                inside = Source(noun(one), f"in {held}", "")
                return f"{'' if counted else 'the '}{inside.qualified(rel, many=True)}"
            named = f"{noun(one)} `{second.target.id}` in {held}"
            condition = where(said, second)
            if counted:
                return f"{named.replace(' ', 's ', 1)}{condition}"
            return f"{said.rounds(element)} for each {named}{condition}"
    used = {each for node in [element, second.iter, *first.ifs, *second.ifs] for each in names_in(node)}
    outer, inner = source(say, first, used)
    src, said = source(inner, second, used)
    if first.ifs or counted:
        raise Unsayable("loops within loops")
    return f"{said.rounds(element)} for each {outer.named} and each {src.named}{where(said, second)}"


def elements_of(say: Speaker, whole: ast.expr, article: str = "") -> str:
    """Return the elements of a container: "numbers in `xs`"."""
    match whole:
        case ast.Call(func=ast.Attribute(value=owner, attr="values"), args=[]):
            return f"{article}values of {say.np(owner, False)}"
        case ast.Call(func=ast.Attribute(value=owner, attr="split"), args=[], keywords=[]):
            say.note("Words are separated by whitespace.")
            return f"{article}words in {say.within(owner)}"
        case ast.Call(func=ast.Attribute(value=owner, attr="split"), args=[at], keywords=[]):
            return f"{article}pieces of {say.within(owner)} split at {say.np(at, False)}"
        case ast.Call(func=ast.Name(id="set"), args=[inner]):
            return f"{article}different {elements_of(say, inner)}"
        case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
            text = say.np(whole if not isinstance(whole, ast.ListComp) else _bare(whole), False)
            return text if article else text.removeprefix("the ")
    kind = say.kind(whole)
    if kind.name not in ("str", "char", "list", "dict", "set", "tuple", "frozenset"):
        raise Unsayable("elements of something unknown")
    return f"{article}{noun(kind)}s {'of' if kind.name == 'dict' else 'in'} {say.within(whole)}"


def _bare(items: ast.ListComp) -> ast.GeneratorExp:
    return ast.GeneratorExp(items.elt, items.generators)
