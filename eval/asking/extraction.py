"""Reading a program out of a model's text, by the rules of EvalPlus 0.3.1's sanitiser.

In: text, be it code or prose around code, and the function that is wanted. Out: the longest run of lines that is
Python, and of its top level the imports and whatever the function needs: the first definition of each name, no loose
statements (examples and asserts that a model adds would run, and fail, before the tests do), and of functions only
those with a `return` and without a decorator. The last rule drops honest helpers too, but published scores have it.
"""

import ast
import warnings
from collections.abc import Iterator

MOST_LINES = 400
"""Of longer texts only so many lines are looked at: no answer of 768 tokens has more worth reading."""


def sanitised(text: str, entry_point: str) -> str:
    """Return the imports and what `entry_point` needs; where there is nothing of the kind, the longest Python found."""
    code = longest_python(text)
    try:
        body = _parse(code).body
    except ValueError:
        return code
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    wanted = _needed(_definitions(body), entry_point)
    segments = (ast.get_source_segment(code, node) or "" for node in [*imports, *wanted])
    return "\n".join(segments).strip() or code


def longest_python(text: str) -> str:
    """Return the run of lines with the most lines that are not blank and that parses; the first of equals."""
    lines = text.split("\n")[:MOST_LINES]
    filled = [0]
    for line in lines:
        filled.append(filled[-1] + bool(line.strip()))
    best, most = (0, 1), 0
    for first in range(len(lines)):
        if filled[-1] - filled[first] <= most:
            break
        for last in range(len(lines), first, -1):
            if filled[last] - filled[first] <= most:
                break
            if _is_python("\n".join(lines[first:last])):
                best, most = (first, last), filled[last] - filled[first]
    return "\n".join(lines[slice(*best)])


def _definitions(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    """Return what the top level defines: classes, functions that return, variables; the first of each name."""
    found: dict[str, ast.stmt] = {}
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() if node.decorator_list or not _returns(node):
                continue
            case ast.ClassDef() if node.decorator_list:
                continue
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.setdefault(node.name, node)
            case ast.Assign() | ast.AnnAssign():
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
                if names:
                    found.setdefault(names[0], node)
    return found


def _returns(node: ast.AST) -> bool:
    return any(isinstance(part, ast.Return) for part in ast.walk(node))


def _needed(definitions: dict[str, ast.stmt], entry_point: str) -> list[ast.stmt]:
    """Return the definitions that the entry point reaches by name, in their order."""
    reached, waiting = {entry_point}, [entry_point]
    while waiting:
        node = definitions.get(waiting.pop())
        for name in set(_names(node)) - reached if node else ():
            reached.add(name)
            waiting.append(name)
    return [node for name, node in definitions.items() if name in reached]


def _names(node: ast.AST) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.Attribute):
            yield part.attr


def _is_python(source: str) -> bool:
    try:
        _parse(source)
    except ValueError:
        return False
    return True


def _parse(source: str) -> ast.Module:
    """Parse without warnings. Raises ValueError for anything that is not Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, RecursionError, MemoryError, UnicodeError) as error:
        raise ValueError(f"not Python: {error}") from error
