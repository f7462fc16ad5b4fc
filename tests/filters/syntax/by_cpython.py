"""What CPython's syntax tree and symbol table say of a module, to hold filters/syntax/facts.py against.

In: an `ast.Module`. Out: `Structure`, plain counts. Statements are walked, expressions only where a fact needs them:
the whole walk costs a third of the parse.
"""

import ast
import builtins
import symtable
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from curate.filters.syntax.plain import BYTE_ORDER_MARK, REFUSALS, parse
from curate.filters.syntax.scopes import MODULE_NAMES

Definition = ast.FunctionDef | ast.AsyncFunctionDef
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")
LOOPS = (ast.For, ast.AsyncFor, ast.While, ast.AugAssign)
DECISIONS = (ast.If, ast.Match)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
CONTAINERS = (ast.List, ast.Tuple, ast.Set, ast.Dict)


@dataclass(frozen=True)
class Function:
    """One function or method, nested ones included."""

    name: str
    lines: int
    """From `def` to the end, without the docstring; at least 1."""
    documentation: int
    """Words of the docstring."""
    examples: bool
    """Whether the docstring holds a doctest."""
    parameters: tuple[str, ...]
    """Without `self` and `cls`."""
    loops: int
    """Its own loops and accumulating assignments, and comprehensions that it assigns or returns."""
    decisions: int
    """Its own `if` and `match` statements."""
    checks: int
    """Its own `assert` statements and calls of something named `assert...`."""
    returns: bool
    """Whether it gives a value back."""


@dataclass
class Structure:
    """Counts over one module."""

    documentation: int = 0
    """Words of the module's docstring."""
    lines: int = 0
    functions: list[Function] = field(default_factory=list)
    classes: int = 0
    tests: int = 0
    """Functions and classes named as tests, and functions that check three things or more."""
    data_lines: int = 0
    """Lines of literal containers and long strings outside functions."""
    setting_lines: int = 0
    """Lines of other assignments and bare calls outside functions."""
    imports_foreign: int = 0
    """Imports of what is not in the standard library."""
    imports_private: int = 0
    """Relative imports and underscored modules: the reader cannot see what they hold."""


def structure(module: ast.Module) -> Structure:
    """Collect the facts of a module."""
    facts = Structure(documentation=_words(ast.get_docstring(module, clean=False)))
    facts.lines = max((statement.end_lineno or 0 for statement in module.body), default=0)
    _visit(_undocumented(module.body), facts, inside=False)
    return facts


def _visit(statements: Sequence[ast.AST], facts: Structure, inside: bool) -> None:
    """Count statements and those below them; `inside` a function only definitions and imports matter."""
    for statement in statements:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                own = list(_own_statements(_undocumented(statement.body)))
                function = _function(statement, own)
                facts.functions.append(function)
                facts.tests += function.name.startswith("test") or function.checks >= 3
                _visit([inner for inner in own if isinstance(inner, INNER)], facts, inside=True)
            case ast.ClassDef():
                facts.classes += 1
                facts.tests += statement.name.startswith("Test")
                _visit(_undocumented(statement.body), facts, inside)
            case ast.Import() | ast.ImportFrom():
                _count_import(statement, facts)
            case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.Expr() if not inside:
                _count_outside(statement, facts)
            case _:
                for block in BLOCKS:
                    _visit(getattr(statement, block, ()), facts, inside)


def _count_import(statement: ast.Import | ast.ImportFrom, facts: Structure) -> None:
    if isinstance(statement, ast.ImportFrom):
        modules = [statement.module or ""]
        hidden = statement.level > 0
    else:
        modules = [alias.name for alias in statement.names]
        hidden = False
    for module in modules:
        if hidden or any(part.startswith("_") and part != "__future__" for part in module.split(".")):
            facts.imports_private += 1
        elif module.split(".")[0] not in sys.stdlib_module_names:
            facts.imports_foreign += 1


def _count_outside(statement: ast.Assign | ast.AnnAssign | ast.AugAssign | ast.Expr, facts: Structure) -> None:
    lines = _height(statement)
    if isinstance(statement.value, (*CONTAINERS, ast.Constant, ast.JoinedStr)) and lines > 1:
        facts.data_lines += lines
    else:
        facts.setting_lines += lines


def _function(node: Definition, body: Sequence[ast.AST]) -> Function:
    """Collect the facts of a function from its node and the statements of its own."""
    docstring = ast.get_docstring(node, clean=False)
    parameters = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
    own = [argument for argument in parameters if argument.arg not in ("self", "cls")]
    first = node.body[0]
    return Function(
        name=node.name,
        lines=max(_height(node) - (_height(first) if docstring is not None else 0), 1),
        documentation=_words(docstring),
        examples=docstring is not None and ">>>" in docstring,
        parameters=tuple(argument.arg for argument in own),
        loops=sum(isinstance(statement, LOOPS) or _comprehends(statement) for statement in body),
        decisions=sum(isinstance(statement, DECISIONS) for statement in body),
        checks=sum(_checks(statement) for statement in body),
        returns=any(_gives(statement) for statement in body),
    )


def _own_statements(statements: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Yield statements and those below them, not those of nested functions and classes."""
    for statement in statements:
        yield statement
        if not isinstance(statement, Definition | ast.ClassDef):
            for block in BLOCKS:
                yield from _own_statements(getattr(statement, block, ()))


def _comprehends(statement: ast.AST) -> bool:
    return isinstance(getattr(statement, "value", None), COMPREHENSIONS)


def _checks(statement: ast.AST) -> bool:
    call = statement.value if isinstance(statement, ast.Expr) else None
    if isinstance(call, ast.Call):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        return str(name).startswith("assert")
    return isinstance(statement, ast.Assert)


def _gives(statement: ast.AST) -> bool:
    value = getattr(statement, "value", None)
    if isinstance(statement, ast.Return):
        return value is not None and not (isinstance(value, ast.Constant) and value.value is None)
    return isinstance(value, ast.Yield | ast.YieldFrom)


def _undocumented(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return a body without its docstring."""
    first = body[0] if body else None
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return body[1:] if documented and isinstance(first.value.value, str) else body  # type: ignore[union-attr]


def _height(statement: ast.stmt) -> int:
    return (statement.end_lineno or statement.lineno) - statement.lineno + 1


def _words(docstring: str | None) -> int:
    return len(docstring.split()) if docstring else 0


def cannot_run(text: str) -> bool:
    """Tell whether a text that parses cannot run as it stands.

    Python refuses more than its grammar says (an argument named twice, `nonlocal` without a binding, a future that it
    does not know), and names may be undefined.
    """
    try:
        return bool(undefined_names(text))
    except REFUSALS:
        return True


def undefined_names(text: str) -> set[str]:
    """Return the names that a valid text uses and neither it nor Python defines: it cannot run as it stands.

    Names that a star import might bring count as undefined too; the reader does not see them either.
    """
    tables = [symtable.symtable(text.removeprefix(BYTE_ORDER_MARK), "<document>", "exec")]
    used: set[str] = set()
    defined: set[str] = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table.get_type() == "module" or symbol.is_global():
                bound = symbol.is_assigned() or symbol.is_imported()
                (defined if bound else used).add(symbol.get_name())
    return {name for name in used - defined - {*MODULE_NAMES} if not hasattr(builtins, name)}


def sums(text: str) -> list[float] | None:
    """Return what `curate.filters.syntax.facts.Sums` must hold; None for what is no Python or holds no function."""
    module = parse(text)
    facts = structure(module) if module else None
    if facts is None or not facts.functions:
        return None
    functions = facts.functions
    names = [name for function in functions for name in (function.name, *function.parameters)]
    weights = [
        1.0 if function.loops + function.decisions else 0.5 if function.documentation else 0.25
        for function in functions
    ]
    return [
        len(functions), facts.classes, facts.tests, facts.lines, facts.documentation, facts.data_lines,
        facts.setting_lines, facts.imports_foreign, facts.imports_private, len(names),
        sum(1.0 if len(name.strip("_")) > 2 else 0.5 for name in names),
        sum(min(1.0, function.documentation / 8) for function in functions),
        sum(function.examples for function in functions),
        sum(min(1.0, (each.loops + each.decisions / 2 + each.returns / 2) / 2) for each in functions),
        sum(
            each.lines / 4 if each.lines < 4 else min(1.0, max(0.0, (120 - each.lines) / 90)) for each in functions
        ),
        sum(function.lines for function in functions),
        sum(function.lines * weight for function, weight in zip(functions, weights, strict=True)),
        float(cannot_run(text)),
    ]  # fmt: skip
