"""Calculations in words: "the average of `xs`", "`a` times 2"; what has more signs than that is shown as it is written.

In: an operation on numbers. Out: a phrase, or a formula in backticks.
"""

import ast
import re

from curate.synth.words.elements import collection, elements_of
from curate.synth.words.forms import Unsayable, same
from curate.synth.words.speaker import Speaker, bare, code, is_long, number

SIGNS = {ast.Add: "plus", ast.Sub: "minus", ast.Mult: "times", ast.Div: "divided by", ast.BitXor: "XOR"}


def arithmetic(say: Speaker, node: ast.BinOp, tail: bool) -> str:
    """Return what a calculation comes to."""
    if "bool" in (say.kind(node.left).name, say.kind(node.right).name):
        return code(say, node)
    if isinstance(node.op, ast.FloorDiv) and "float" in (say.kind(node.left).name, say.kind(node.right).name):
        return code(say, node)  # 1.0 // 0.1 is 9.0, though 1.0 / 0.1 is 10.0
    average = _average(say, node)
    if isinstance(average, ast.GeneratorExp):
        return f"the average of {collection(say, average.elt, average.generators, form='averaged')}"
    if average is not None:
        numbers = isinstance(average, ast.Name) and say.kind(average).name in ("list", "tuple", "set", "dict")
        return f"the average of {elements_of(say, average, 'the ') if numbers else say.np(average, tail=False)}"
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
        if is_long(long) or _goes_on(long):
            return f"{long}, {SIGNS[type(node.op)]} {_operand(say, node.right)}"
    one, other = (_operand(say, each) for each in (node.left, node.right))
    match node.op:
        case ast.Pow() if number(node.right) == 2:
            return f"the square of {one}"
        case ast.Pow():
            return f"{one} to the power of {other}"
        case ast.Add() if isinstance(node.left, ast.Name) and isinstance(node.right, ast.Name):
            return f"the sum of {one} and {other}"
        case ast.FloorDiv() if _goes_on(one):
            return f"{one}, divided by {other} and rounded down"
        case ast.FloorDiv():
            return f"{one} divided by {other}, rounded down"
        case ast.Mod():
            return f"the remainder of {one} divided by {other}"
        case _ if type(node.op) in SIGNS:
            return f"{one} {SIGNS[type(node.op)]} {other}"
        case _:
            return code(say, node)


ENDS_PLAINLY = re.compile(r"the (?:length|number of (?:elements|keys|words)|[a-z]+ (?:element|character)) ")


def _goes_on(text: str) -> bool:
    """Tell whether what follows could be taken for a part of a phrase: "the sum of the numbers in `xs` plus 1"."""
    return ENDS_PLAINLY.match(text) is None and " " in bare(text)


def _operand(say: Speaker, node: ast.expr) -> str:
    text = say.np(node, tail=False)
    if " to an integer" in text:
        raise Unsayable("what is done to a part could be done to all")
    if not text.startswith("`") and isinstance(node, ast.BinOp):
        raise Unsayable("sums within sums")
    return text


def _average(say: Speaker, node: ast.BinOp) -> ast.expr | None:
    """Return the numbers of which a quotient is the average: their sum is divided by how many they are."""
    match node:
        case ast.BinOp(
            left=ast.Call(func=ast.Name(id="sum"), args=[whole], keywords=[]), op=ast.Div(),
            right=ast.Call(func=ast.Name(id="len"), args=[of], keywords=[]),
        ) if same(whole, of) or (
            isinstance(whole, ast.GeneratorExp) and len(whole.generators) == 1 and not whole.generators[0].ifs
            and same(whole.generators[0].iter, of)
        ):  # fmt: skip
            return whole if say.kind(whole).element.name in ("int", "float") else None
        case _:
            return None
