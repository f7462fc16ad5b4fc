"""Loops over keys or indices that only look things up, as loops over what they look up.

In: a loop of a comprehension and the expressions in it. Out: the same as a loop over a dictionary's values, its keys
and values, or over the elements of a list with their indices, where that has plainer words.
"""

import ast

from curate.synth.words.forms import names_in
from curate.synth.words.speaker import Speaker
from curate.text.trees import copied

VALUE = "value"
"""What a dictionary holds under a key is called where nothing else has a name for it."""


class _Looked(ast.NodeTransformer):
    """Puts a name in the place of what a dictionary holds under the key that a loop is at."""

    def __init__(self, whole: str, own: str) -> None:
        self.whole, self.own, self.found = whole, own, False

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        match node:
            case ast.Subscript(value=ast.Name(id=whole), slice=ast.Name(id=own)) if (whole, own) == (
                self.whole, self.own,
            ):  # fmt: skip
                self.found = True
                return ast.Name(VALUE, ast.Load())
        return self.generic_visit(node)


def itemised(say: Speaker, parts: list[ast.expr], loop: ast.comprehension) -> tuple[list[ast.expr], ast.comprehension]:
    """Return a loop over a dictionary's keys that looks each of them up as one over its keys and values."""
    whole = loop.iter
    read = {text for each in [*parts, *loop.ifs] for text in names_in(each)}
    match loop.target, whole:
        case ast.Tuple(elts=[ast.Name(id=one) as key, ast.Name(id=other) as value]), ast.Call(
            func=ast.Attribute(value=ast.Name() as owner, attr="items"), args=[]
        ) if say.kind(owner).name == "dict":
            if one not in read and other in read:
                views = ast.Call(ast.Attribute(owner, "values", ast.Load()), [], [])
                return parts, ast.comprehension(value, views, loop.ifs, 0)
            return parts, ast.comprehension(key, owner, loop.ifs, 0) if other not in read else loop
        case ast.Name(id=index), ast.Call(
            func=ast.Name(id="range"), args=[ast.Call(func=ast.Name(id="len"), args=[ast.Name() as owner])]
        ) if parts and all(isinstance(each, ast.Name) and each.id == index for each in parts) and VALUE not in read:
            looked = _Looked(owner.id, index)
            ifs = [looked.visit(copied(each)) for each in loop.ifs]
            if looked.found and not any(index in names_in(each) for each in ifs) and VALUE not in say.kinds:
                both = ast.Tuple([loop.target, ast.Name(VALUE, ast.Store())], ast.Store())
                return parts, ast.comprehension(both, ast.Call(ast.Name("enumerate"), [owner], []), ifs, 0)
    match whole:
        case ast.Call(func=ast.Attribute(value=ast.Name() as owner, attr="keys"), args=[]):
            whole = owner
    named = isinstance(whole, ast.Name) and isinstance(loop.target, ast.Name) and say.kind(whole).name == "dict"
    if not named or VALUE in say.kinds or any(VALUE in names_in(each) for each in [*parts, *loop.ifs]):
        return parts, loop
    assert isinstance(whole, ast.Name)
    assert isinstance(loop.target, ast.Name)
    looked = _Looked(whole.id, loop.target.id)
    parts, ifs = ([looked.visit(copied(each)) for each in these] for these in (parts, loop.ifs))
    if not looked.found:
        return parts, loop
    pairs = ast.Call(ast.Attribute(whole, "items", ast.Load()), [], [])
    both = ast.Tuple([loop.target, ast.Name(VALUE, ast.Store())], ast.Store())
    return parts, ast.comprehension(both, pairs, ifs, 0)
