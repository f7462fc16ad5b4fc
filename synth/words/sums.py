"""Calculations in words: "the average of `xs`", "`a` times 2"; what has more signs than that is shown as it is written.

In: an operation on numbers. Out: a phrase, or a formula in backticks.
"""

import ast

from curate.synth.words.elements import collection, elements_of
from curate.synth.words.forms import Unsayable, same
from curate.synth.words.speaker import Speaker, code, is_long, number

SIGNS = {ast.Add: "plus", ast.Sub: "minus", ast.Mult: "times", ast.Div: "divided by", ast.BitXor: "XOR"}


def arithmetic(say: Speaker, node: ast.BinOp, tail: bool) -> str:
    """Return what a calculation comes to."""
    if "bool" in (say.kind(node.left).name, say.kind(node.right).name):
        return code(say, node)
    average = _average(node)
    if isinstance(average, ast.GeneratorExp):
        return f"the average of {collection(say, average.elt, average.generators, form='summed')}"
    if average is not None:
        numbers = isinstance(average, ast.Name) and say.kind(average).name in ("list", "tuple", "set")
        return f"the average of {elements_of(say, average, 'the ') if numbers else say.np(average, tail=False)}"
    nested = any(isinstance(each, ast.BinOp) for each in (node.left, node.right))
    atoms = all(
        isinstance(each, ast.Name | ast.Constant) or number(each) is not None for each in (node.left, node.right)
    )
    if tail and nested and say.random:
        terms = _terms(say, node)
        if terms and say.random.random() < IN_WORDS:
            return terms
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


IN_WORDS = 0.5
"""How often a sum of products is told in words, and not shown."""


def _terms(say: Speaker, node: ast.expr) -> str | None:
    """Return a sum or difference of two terms in words, each a name, a number or a product of two of these."""
    if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Add | ast.Sub):
        return None
    parts = [_term(say, each) for each in (node.left, node.right)]
    return f"{parts[0]} {SIGNS[type(node.op)]} {parts[1]}" if all(parts) else None


def _term(say: Speaker, node: ast.expr) -> str | None:
    match node:
        case ast.Name() | ast.Constant(value=int() | float()):
            return say.np(node, tail=False)
        case ast.BinOp(
            left=ast.Name() | ast.Constant() as one, op=ast.Mult(), right=ast.Name() | ast.Constant() as two
        ):
            return f"{say.np(one, tail=False)} times {say.np(two, tail=False)}"
        case _:
            return None


def _operand(say: Speaker, node: ast.expr) -> str:
    text = say.np(node, tail=False)
    if " to an integer" in text:
        raise Unsayable("what is done to a part could be done to all")
    if not text.startswith("`") and isinstance(node, ast.BinOp):
        raise Unsayable("sums within sums")
    return text


def _average(node: ast.BinOp) -> ast.expr | None:
    match node:
        case ast.BinOp(
            left=ast.Call(func=ast.Name(id="sum"), args=[whole], keywords=[]), op=ast.Div(),
            right=ast.Call(func=ast.Name(id="len"), args=[of], keywords=[]),
        ) if same(whole, of) or (
            isinstance(whole, ast.GeneratorExp) and len(whole.generators) == 1 and not whole.generators[0].ifs
            and same(whole.generators[0].iter, of)
        ):  # fmt: skip
            return whole
        case _:
            return None
