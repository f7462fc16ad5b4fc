"""Functions as sequences of labels that renaming, reformatting and documenting leave as they are.

In: source text. Out: for a function one hash a node of its syntax tree, in preorder, without docstring, annotations and
decorators. Builtins, attributes and operators are themselves; any other name is the number of name occurrences since it
last stood (Baker 1995, "On finding duplication and near-duplication in large software systems"), so that renaming
changes nothing and one edit changes little. Constants are their type, or where asked their value.
"""

import ast
import builtins
import hashlib
import warnings
from functools import cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.uint64]
Function = ast.FunctionDef | ast.AsyncFunctionDef
Tree = TypeVar("Tree", bound=ast.AST)
BUILTINS = frozenset(dir(builtins))


def parse(source: str) -> ast.Module | None:
    """Return the syntax tree, or None where the source is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # escapes that Python no longer likes, such as "\\d", are not ours to mend
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def nodes_below(node: ast.AST) -> list[ast.AST]:
    """Return a node and all below it in the order of `ast.walk`, in a third of its time: without what an expression is
    there for (`Load`, `Store`), of which there is one for each name."""
    found = [node]
    for each in found:  # which grows meanwhile
        for name in each._fields:
            value = getattr(each, name, None)
            if value.__class__ is list:
                found += [item for item in value if isinstance(item, ast.AST)]
            elif name != "ctx" and isinstance(value, ast.AST):
                found.append(value)
    return found


def copied(tree: Tree) -> Tree:
    """Copy a tree, in a sixth of the time of `copy.deepcopy`; a node that stands there twice becomes two."""
    made = type(tree).__new__(type(tree))
    into = vars(made)
    for name, value in vars(tree).items():
        if isinstance(value, ast.AST):
            into[name] = copied(value)
        elif type(value) is list:
            into[name] = [copied(each) if isinstance(each, ast.AST) else each for each in value]
        else:
            into[name] = value
    return made


def function_in(source: str) -> Function | None:
    """Return the first function of a text that begins with the line of its `def`, however that is indented."""
    indented = source[:1] in (" ", "\t")
    tree = parse(f"if True:\n{source}" if indented else source)
    body = tree.body if tree else []
    if indented and body and isinstance(body[0], ast.If):
        body = body[0].body
    return body[0] if body and isinstance(body[0], Function) else None


def labels(function: Function, *, values: bool = False) -> Labels:
    """Return the sequence of a function, one hash a label; with `values` constants are their values."""
    labeller = _Labels(values, _own_names(function))
    stack: list[ast.AST | str] = [*reversed(_body(function)), *reversed(_parameters(function))]
    found: list[str] = []
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            found.append(node)
            continue
        found.append(labeller.label(node))
        stack.extend(reversed(_children(node)))
    return np.array([_hash(label) for label in found], dtype=np.uint64)


class _Labels:
    """Labels of nodes; of names by where they last stood."""

    def __init__(self, values: bool, own: set[str]) -> None:
        self.values, self.own = values, own
        self.last: dict[str, int] = {}
        self.count = 0

    def label(self, node: ast.AST) -> str:
        match node:
            case ast.Name(id=name):
                return name if name in BUILTINS and name not in self.own else self._distance(name)
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                return type(node).__name__ + self._distance(name)
            case ast.ExceptHandler(name=str(name)):
                return "except" + self._distance(name)
            case ast.Attribute(attr=name) | ast.keyword(arg=str(name)) | ast.alias(name=name):
                return f"{type(node).__name__} {name}"
            case ast.Constant(value=value):
                return repr(value) if self.values or value is None or isinstance(value, bool) else _type(value)
            case _:
                return type(node).__name__

    def _distance(self, name: str) -> str:
        self.count += 1
        distance = self.count - self.last.get(name, self.count)
        self.last[name] = self.count
        return f"#{distance}"


def _type(value: object) -> str:
    return "number" if isinstance(value, int | float | complex) else type(value).__name__


def _own_names(function: Function) -> set[str]:
    """Return the parameters and the names that are assigned to."""
    found = set()
    for node in ast.walk(function):
        if isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def _parameters(function: Function) -> list[ast.AST]:
    given = function.args
    extra = [name for name in (given.vararg, given.kwarg) if name]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *extra]


def _body(function: Function) -> list[ast.AST]:
    """Return the statements without strings that stand alone and without type annotations."""
    return [node for node in function.body if not _is_text(node)]


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _children(node: ast.AST) -> list[ast.AST | str]:
    """Return what counts below a node, in order; the ends of blocks are marked."""
    if isinstance(node, ast.arg):
        return []
    if isinstance(node, Function):
        return [*_parameters(node), *_body(node), "end"]
    if isinstance(node, ast.AnnAssign):
        return [node.target, *([node.value] if node.value else [])]
    found: list[ast.AST | str] = []
    for name, value in ast.iter_fields(node):
        if isinstance(value, list):
            inner = [item for item in value if isinstance(item, ast.AST) and not _is_text(item)]
            found += [*inner, f"end {name}"] if name in ("body", "orelse", "finalbody") and inner else inner
        elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context):
            found.append(value)
    return found


@cache
def _hash(label: str) -> int:
    return int.from_bytes(hashlib.blake2b(label.encode("utf-8", "surrogatepass"), digest_size=8).digest())
