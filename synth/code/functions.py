"""Functions of real code that run by themselves: found by reading the syntax tree, nothing is run.

In: the text of a Python file. Out: its functions and, beside them, why others cannot stand alone. One stands alone
where every name that it reads is a builtin without side effects, a module of the standard library without any, a
constant of the file, or another such function of the file. Looked at are functions at the left margin, static methods,
and methods that never use what they belong to.
"""

import ast
import builtins
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from textwrap import dedent

from curate.text.trees import nodes_below, parse

_MODULES = (
    "base64 binascii bisect calendar cmath collections colorsys copy datetime decimal difflib enum fnmatch fractions "
    "functools hashlib heapq html itertools json keyword math numbers operator posixpath re statistics string struct "
    "textwrap types typing unicodedata urllib.parse zlib"
)
PURE = frozenset(_MODULES.split())
"""Modules whose functions give the same for the same arguments."""
CHANGING = frozenset({"now", "today", "utcnow", "fromtimestamp"})
"""Attributes of those modules that do not."""
_UNSAFE = (
    "__build_class__ __debug__ __import__ __loader__ __spec__ breakpoint classmethod compile copyright credits delattr "
    "dir eval exec exit globals hash help id input license locals memoryview object open print property quit setattr "
    "staticmethod super vars"
)
SAFE = frozenset(dir(builtins)) - frozenset(_UNSAFE.split())
CACHES = {"cache", "functools.cache", "lru_cache", "functools.lru_cache", "lru_cache()", "functools.lru_cache()"}
"""Decorators that may be left out."""
_CHANGING = "add append clear discard extend insert pop popitem remove reverse setdefault sort update"
CHANGERS = frozenset(_CHANGING.split())
"""Methods that change what they belong to."""
LONGEST = 45
"""Lines of a function."""
OBJECTIONABLE = {
    frozenset({ast.Yield, ast.YieldFrom, ast.Await}): "yields or waits",
    frozenset({ast.Global, ast.Nonlocal}): "changes what is outside",
    frozenset({ast.Import, ast.ImportFrom}): "imports inside",
}
FUNCTION = re.compile(r"^[ \t]*def ", re.MULTILINE)


@dataclass(frozen=True)
class Found:
    """One function that stands alone."""

    name: str
    node: ast.FunctionDef
    source: str
    """Dedented, without decorator."""
    method: bool
    """Whether the first parameter is what it belonged to, and is to go."""
    before: str
    """What it needs: imports, constants, other functions."""
    docstring: str


@dataclass(frozen=True)
class Refused:
    """One function that does not, and why."""

    name: str
    source: str
    reason: str


@dataclass
class _Names:
    """What the names of a file at its left margin stand for."""

    imports: dict[str, str] = field(default_factory=dict)
    """Name -> the import line that gives it alone; only of PURE modules."""
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    constants: dict[str, ast.Assign | ast.AnnAssign] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)


@dataclass
class _File:
    """A file as it is read, each part once and only where a function asks for it: most are refused before."""

    tree: ast.Module
    lines: list[str]
    walked: dict[ast.AST, list[ast.AST]] = field(default_factory=dict)

    @cached_property
    def names(self) -> _Names:
        """What its names stand for."""
        return _read(self)

    def below(self, node: ast.AST) -> list[ast.AST]:
        """Return a node of it and all below."""
        if node not in self.walked:
            self.walked[node] = nodes_below(node)
        return self.walked[node]

    def source(self, node: ast.stmt) -> str:
        """Return the lines of a statement, dedented, without its decorators."""
        return dedent("\n".join(self.lines[node.lineno - 1 : node.end_lineno]))


def functions(text: str) -> list[Found | Refused]:
    """Return the functions of a file, in order; none where it is no Python."""
    tree = parse(text) if FUNCTION.search(text) else None
    if tree is None:
        return []
    file = _File(tree, text.splitlines())
    return [_judge(file, node, owner) for node, owner in _candidates(tree)]


def _candidates(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, bool]]:
    """Yield functions and whether a class holds them."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node, False
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and not inner.name.startswith("__"):
                    yield inner, True


def _read(file: _File) -> _Names:
    names = _Names()
    for node in file.tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            _read_import(names, node)
        elif isinstance(node, ast.FunctionDef):
            names.functions[node.name] = node
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            names.constants[node.targets[0].id] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            names.constants[node.target.id] = node
        else:
            named = (each for each in file.below(node) if isinstance(each, ast.Name))
            bound = {each.id for each in named if isinstance(each.ctx, ast.Store)}
            names.foreign |= bound | {getattr(node, "name", "")}
    return names


def _read_import(names: _Names, node: ast.Import | ast.ImportFrom) -> None:
    for alias in node.names:
        given = f" as {alias.asname}" if alias.asname else ""
        name = alias.asname or alias.name.split(".")[0]
        if isinstance(node, ast.Import):
            pure = alias.name in PURE and (bool(alias.asname) or "." not in alias.name or alias.name == "urllib.parse")
            line = f"import {alias.name}{given}"
        else:
            pure = not node.level and node.module in PURE and alias.name not in CHANGING
            line = f"from {node.module} import {alias.name}{given}"
        if pure and alias.name != "*":
            names.imports[name] = line
        else:
            names.foreign.add(name)


def _judge(file: _File, node: ast.FunctionDef, in_class: bool) -> Found | Refused:
    source = file.source(node)
    reason = _objection(file, node, in_class)
    if reason is None:
        needed: dict[str, str] = {}
        reason = _need(file, node, node.name, needed, _names_of_candidate(file, node, in_class))
    if reason is not None:
        return Refused(node.name, source, reason)
    method = in_class and not any(ast.unparse(each) == "staticmethod" for each in node.decorator_list)
    return Found(node.name, node, source, method, _laid_out(file, needed), ast.get_docstring(node) or "")


def _objection(file: _File, node: ast.FunctionDef, in_class: bool) -> str | None:
    """Say what is wrong with a function taken by itself: with its header, else with what it holds."""
    decorators = {ast.unparse(each) for each in node.decorator_list}
    static = decorators == {"staticmethod"}
    given = node.args
    plain = [*given.posonlyargs, *given.args]
    checks = {
        "a test": node.name.startswith(("test", "_test")),
        "decorated": bool(decorators - CACHES) and not (static and in_class),
        "too long": (node.end_lineno or 0) - node.lineno >= LONGEST,
        "stars or keywords alone": bool(given.vararg or given.kwarg or given.posonlyargs or None in given.kw_defaults),
        "a method": in_class and not static and (not plain or plain[0].arg not in ("self", "cls")),
        "no parameters": len(plain) <= (in_class and not static),
    }
    return next((reason for reason, holds in checks.items() if holds), None) or _objection_inside(file.below(node))


def _objection_inside(nodes: list[ast.AST]) -> str | None:
    there = set(map(type, nodes))
    if ast.Return not in there or not any(isinstance(each, ast.Return) and each.value is not None for each in nodes):
        return "no value"
    return next((reason for kinds, reason in OBJECTIONABLE.items() if kinds & there), None)


def _need(file: _File, node: ast.AST, own: str, needed: dict[str, str], names: set[str]) -> str | None:
    """Add what a function or constant needs of its file to `needed`; say what it needs that is not to be had.

    `names` are those that it reads and does not bind.
    """
    reason, known = None, file.names
    for name in sorted(names - {own, *needed}):
        if name in known.imports and name not in known.foreign:
            needed[name] = "import"
        elif inner := known.functions.get(name) or known.constants.get(name):
            needed[name] = "function" if isinstance(inner, ast.FunctionDef) else "constant"
            free = _free_names(inner, file.below(inner))
            reason = reason or _unfit(inner) or _need(file, inner, name, needed, free)
        elif name not in SAFE or name in known.foreign:
            reason = reason or "uses a name that is not plain"
    walked = file.below(node)
    if any(isinstance(each, ast.Attribute) and each.attr in CHANGING for each in walked):
        return reason or "depends on the time"
    return reason or ("changes what is outside" if any(_changes(each, known.constants) for each in walked) else None)


def _changes(node: ast.AST, constants: Collection[str]) -> bool:
    """Tell whether this may change a constant of the file: a cache, a list of what was seen, a counter."""
    match node:
        case ast.Subscript(value=ast.Name(name), ctx=ast.Store() | ast.Del()):
            return name in constants
        case ast.Call(func=ast.Attribute(value=ast.Name(name), attr=method)) if name in constants:
            return method in CHANGERS or method.startswith("__")
        case ast.Call(func=ast.Name("next"), args=[ast.Name(name), *_]):
            return name in constants
        case _:
            return False


def _unfit(inner: ast.stmt) -> str | None:
    """Say why a function cannot bring this along."""
    if isinstance(inner, ast.FunctionDef) and {ast.unparse(each) for each in inner.decorator_list} - CACHES:
        return "uses a decorated function"
    return "uses much else" if (inner.end_lineno or 0) - inner.lineno >= LONGEST else None


def _names_of_candidate(file: _File, node: ast.FunctionDef, in_class: bool) -> set[str]:
    """Return what a function reads and does not bind, less its annotations, which are written anew.

    What a method belongs to counts as read where it is used, and is then found nowhere.
    """
    names = _free_names(node, file.below(node), set(map(id, _annotations(node))))
    if in_class and not any(ast.unparse(each) == "staticmethod" for each in node.decorator_list):
        owner = node.args.args[0].arg
        names |= {each.id for each in file.below(node) if isinstance(each, ast.Name) and each.id == owner}
    return names - {"staticmethod"}


def _free_names(node: ast.AST, below: list[ast.AST], skipped: Collection[int] = ()) -> set[str]:
    bound: set[str] = set()
    used: set[str] = set()
    for each in below:
        if id(each) in skipped:
            continue
        if isinstance(each, ast.Name):
            (used if isinstance(each.ctx, ast.Load) else bound).add(each.id)
        elif isinstance(each, ast.arg):
            bound.add(each.arg)
        elif isinstance(each, ast.ExceptHandler | ast.FunctionDef | ast.ClassDef) and each is not node:
            bound.add(each.name or "")
    return used - bound


def _annotations(node: ast.FunctionDef) -> Iterator[ast.AST]:
    for each in [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]:
        if each.annotation:
            yield from nodes_below(each.annotation)
    if node.returns:
        yield from nodes_below(node.returns)


def _laid_out(file: _File, needed: Mapping[str, str]) -> str:
    """Return the code that stands above the function: imports, then constants and functions in the file's order."""
    known = file.names
    lines = [known.imports[name] for name, kind in needed.items() if kind == "import"]
    nodes: list[ast.stmt] = [known.constants[name] for name, kind in needed.items() if kind == "constant"]
    nodes += [known.functions[name] for name, kind in needed.items() if kind == "function"]
    code = [file.source(node) for node in sorted(nodes, key=lambda node: node.lineno)]
    return "\n".join(sorted(lines)) + ("\n\n\n" if lines and code else "") + "\n\n\n".join(code)
