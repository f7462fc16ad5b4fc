"""From a teacher's answer to code: stubs (signature and docstring) and solutions (the body), read leniently.

In: text as models write it: fenced or bare, cut off, with examples and chatter around. Out: a Stub or a Program, or a
word on what is missing. Nothing here runs the code.
"""

import ast
import inspect
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from textwrap import dedent
from typing import Any

from curate.sandbox.values import NotPlain, encode
from curate.synth.code.functions import PURE
from curate.text.trees import nodes_below, parse

HEADING = re.compile(
    r"(Args|Arguments|Param(?:eters?|s)?|Inputs?|Returns?|Yields?|Raises|Examples?|Notes?|Constraints?):\s*(.*)",
    re.IGNORECASE,
)
FIELD = re.compile(r"^:(param|return)[^:]*:\s*")
TYPED = re.compile(r"^`?[\w.]+(?:\[[^:]*\])?`?\s*:\s+")
"""A type before the description of a result."""
FENCE = re.compile(r"^[ \t]*```[ \t]*(\S*)[^\n]*\n(.*?)(?:^[ \t]*```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
PYTHON = frozenset({"python", "py", "python3"})
TYPING_NAMES = "Any Callable Dict FrozenSet Iterable Iterator List Mapping Optional Sequence Set Tuple Union"
TYPING = frozenset(TYPING_NAMES.split())
MODULES = frozenset({"collections", "functools", "heapq", "itertools", "math", "operator", "re", "string"})

_HOMES = {
    "collections": "Counter OrderedDict defaultdict deque namedtuple",
    "functools": "cache lru_cache partial reduce",
    "heapq": "heapify heappop heappush nlargest nsmallest",
    "itertools": "accumulate chain combinations groupby islice pairwise permutations product takewhile zip_longest",
    "math": "ceil comb factorial floor gcd isqrt lcm pi prod sqrt",
    "operator": "attrgetter itemgetter",
    "string": "ascii_letters ascii_lowercase ascii_uppercase",
}
HOMES = {name: module for module, names in _HOMES.items() for name in names.split()}
"""Names that teachers use as if they had imported them, and where they are at home."""
IMPORTABLE = re.compile(rf"\b(?:{'|'.join(sorted(TYPING | MODULES | set(HOMES)))})\b")


ODD = "stars or keywords among its parameters"


@dataclass(frozen=True)
class Stub:
    """A function without its body."""

    name: str
    header: str
    """`def name(...) -> type:`, as written."""
    parameters: ast.arguments
    returns: ast.expr | None
    prose: str
    """The docstring without its examples, which are often wrong."""
    examples: tuple[tuple[Any, ...], ...]
    """The arguments of its examples: natural inputs."""


@dataclass(frozen=True)
class Program:
    """A solution: the function's body, and what must stand before the function."""

    before: str
    body: str

    @property
    def is_plain(self) -> bool:
        """Whether it imports nothing but modules that give the same for the same arguments, which load at once."""
        return imports_only("\n".join([self.before, "if True:", self.body]), PURE)

    def source(self, stub: Stub, docstring: str = "") -> str:
        """Return the whole program."""
        inside = f"{docstring}\n{self.body}" if docstring else self.body
        return "\n\n\n".join(filter(None, [self.above(stub), f"{stub.header}\n{inside}\n"]))

    def above(self, stub: Stub) -> str:
        """Return what must stand above the function: the imports that it lacks, then what the answer had there."""
        return "\n".join(filter(None, [_missing_imports(f"{self.before}\n{stub.header}\n{self.body}"), self.before]))


def code_blocks(text: str) -> list[str]:
    """Return the Python blocks of a Markdown text: those marked as Python, or, where none is, the unmarked ones.

    >>> code_blocks("```python\\nf(1)\\n```\\nprints\\n```\\n1\\n```")
    ['f(1)']
    """
    blocks = [(mark.lower(), dedent(code).strip("\n")) for mark, code in FENCE.findall(text)]
    return [code for mark, code in blocks if mark in PYTHON] or [code for mark, code in blocks if not mark]


def imports_only(code: str, modules: Collection[str]) -> bool:
    """Tell whether code imports nothing but these modules and their parts.

    >>> imports_only("import os.path\\nfrom math import pi", {"math"})
    False
    """
    module = parse(code)
    named: list[str] = []
    for node in nodes_below(module) if module else ():
        if isinstance(node, ast.Import):
            named += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            named.append(node.module or "")
    return all(name in modules or name.partition(".")[0] in modules for name in named)


def odd_parameters(parameters: ast.arguments) -> bool:
    """Tell whether there are some for which no inputs are drawn: stars, or such as are given by keyword alone."""
    return bool(parameters.vararg or parameters.kwarg or parameters.kwonlyargs)


def read_stub(text: str, *, cut_off: bool = False) -> Stub | str:
    """Return the first stub of an answer, or the reason why there is none.

    The docstring of an answer that was cut off must be whole.
    """
    blocks = code_blocks(text)
    lines = (next((block for block in blocks if "def " in block), text)).splitlines()
    start = next((index for index, line in enumerate(lines) if line.startswith("def ")), None)
    if start is None:
        return "no code"
    for end in range(start + 1, min(start + 8, len(lines)) + 1):
        header = "\n".join(line.rstrip() for line in lines[start:end])
        module = parse(f"{header}\n    pass")
        if module and isinstance(module.body[0], ast.FunctionDef):
            return _stub(module.body[0], header, "\n".join(lines[end:]), cut_off)
    return "stub does not parse"


def read_function(text: str, *, cut_off: bool = False) -> tuple[Stub, Program] | str:
    """Return the last function at the left margin of an answer, as a Stub without prose and its Program, or the reason
    why there is none. What stands above it goes along; a docstring that it has does not.

    >>> stub, program = read_function("```python\\ndef twice(a: int) -> int:\\n    return 2 * a\\n```")
    >>> stub.header, program.body
    ('def twice(a: int) -> int:', '    return 2 * a')
    """
    blocks = code_blocks(text)
    code = next((block for block in blocks if "def " in block), blocks[0] if blocks else text)
    module = parse(code)
    if module is None:
        return "cut off" if cut_off else "code does not parse"
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    if not functions:
        return "no code"
    last = functions[-1]
    if odd_parameters(last.args):
        return ODD
    program = _whole(code, last.name)
    if program is None:
        return "returns nothing"
    header = "\n".join(line.rstrip() for line in code.splitlines()[last.lineno - 1 : last.body[0].lineno - 1])
    header = header[: header.rindex(":") + 1] if ":" in header else header
    if parse(f"{header}\n    pass") is None:
        return "code does not parse"
    return Stub(last.name, header, last.args, last.returns, "", ()), program


def read_solution(text: str, stub: Stub, *, cut_off: bool) -> Program | None:
    """Return the body that an answer gives to a stub, or None if it holds no complete one that returns a value.

    A bare answer continues the stub; a fenced one, or one that defines the function again, is a program of its own.
    An answer that was cut off loses its last lines until it parses.
    """
    if text.count("```") == 1 and "```py" not in text.lower():
        text = text.partition("```")[0]  # the end of a fence that the prompt opened
    blocks = code_blocks(text)
    code = next((block for block in blocks if f"def {stub.name}" in block), blocks[0] if blocks else text)
    if re.search(rf"^def {stub.name}\b", code, re.MULTILINE):
        return _whole(code, stub.name)
    lines = code.strip("\n").splitlines()
    end = next((index for index, line in enumerate(lines) if line.strip() and line[0] not in " \t"), len(lines))
    lines = [line.rstrip() for line in lines[:end]]
    while lines:
        body = "\n".join(lines).rstrip()
        module = parse(f"{stub.header}\n{body}\n")
        if module:
            return Program("", body) if _gives_a_value(module.body[0]) else None
        if not cut_off:
            return None
        lines.pop()
    return None


def _stub(function: ast.FunctionDef, header: str, rest: str, cut_off: bool) -> Stub | str:
    if odd_parameters(function.args):
        return ODD
    opening = re.match(r"\s*r?(\"\"\"|''')", rest)
    if not opening:
        return "no docstring"
    docstring, closing, _ = rest[opening.end() :].partition(opening.group(1))
    if cut_off and not closing:
        return "cut off"
    prose, examples = _split_docstring(docstring, function.name)
    prose = plain_prose(prose)
    if len(prose.split()) < 4:
        return "no docstring"
    return Stub(function.name, header, function.args, function.returns, prose, examples)


def _split_docstring(docstring: str, name: str) -> tuple[str, tuple[tuple[Any, ...], ...]]:
    """Separate prose and examples. Prose ends at the first example; lines that say what a call returns are examples."""
    prose: list[str] = []
    examples: list[tuple[Any, ...]] = []
    ended = False
    for line in docstring.expandtabs(4).splitlines():
        text = line.strip()
        ended = ended or text.startswith(">>>") or f"{name}(" in text
        arguments = _call_arguments(text, name) if ended else None
        if arguments is not None and arguments not in examples:
            examples.append(arguments)
        if not ended:
            prose.append(line.rstrip() if prose else text)
    while prose and (not prose[-1] or prose[-1].endswith(":")):
        prose.pop()
    return "\n".join(prose), tuple(examples)


def plain_prose(prose: str) -> str:
    """Return the prose of a docstring as paragraphs at one margin. Lists of arguments, which say what the header says
    or something else, are left out; what a heading for the result holds becomes a sentence.

    >>> plain_prose("Count the words.\\n\\n    Args:\\n    text: some.\\n\\n    Returns:\\n    int: how many.")
    'Count the words.\\n\\nReturns how many.'
    """
    kept: list[str] = []
    section, depth, gap = "", 0, False
    for line in inspect.cleandoc(prose).splitlines():
        text, indented = FIELD.sub(r"\1: ", line.strip()), len(line) - len(line.lstrip())
        if heading := HEADING.fullmatch(text):
            section, depth, gap, text = heading[1].lower(), indented, False, heading[2]
        elif section and text and indented <= depth and gap:
            section = ""
        gap = gap or not line.strip()
        if section.startswith(("ret", "yield")) and text:
            text, section = f"Returns {_uncapitalised(TYPED.sub('', text))}", "more"
        if section in ("", "more"):
            kept.append(text)
        elif not text and kept and kept[-1]:
            kept.append("")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip()


def _uncapitalised(text: str) -> str:
    """Lower a capital that only began a sentence."""
    text = re.sub(r"^Returns?\s+", "", text)
    return text[:1].lower() + text[1:] if re.match(r"(?:The|An?|Number|How)\b", text) else text


def _call_arguments(line: str, name: str) -> tuple[Any, ...] | None:
    """Return the literal arguments of the call to `name` in a line, if there is one."""
    for length in [match.end() for match in re.finditer(r"\)", line)]:
        start = line.find(f"{name}(")
        module = parse(line[start:length]) if 0 <= start < length else None
        match module and module.body:
            case [ast.Expr(ast.Call(func=ast.Name(), args=args, keywords=[]))] if args:
                try:
                    values = tuple(ast.literal_eval(argument) for argument in args)
                    encode(values, plain=True)  # an Ellipsis is a literal, but no value that the sandbox takes
                    return values
                except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError, NotPlain):
                    return None
    return None


def _whole(code: str, name: str) -> Program | None:
    """Take a program apart: definitions before, the body of the function, everything else left out."""
    module = parse(code)
    if module is None:
        return None
    before, body = [], None
    for node in module.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            body = _body(code, node) if _gives_a_value(node) else None
        elif isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign):
            before.append(ast.get_source_segment(code, node) or "")
    return Program("\n".join(before), body) if body else None


def _body(code: str, function: ast.FunctionDef) -> str | None:
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    if not statements or statements[0].lineno == function.lineno:
        return None
    lines = code.splitlines()[statements[0].lineno - 1 : function.end_lineno]
    return "\n".join(line.rstrip() for line in lines)


def _gives_a_value(function: ast.AST) -> bool:
    return any(
        (isinstance(node, ast.Return) and node.value is not None) or isinstance(node, ast.Yield)
        for node in nodes_below(function)
    )


@lru_cache(maxsize=1 << 14)  # a program is put together for every question about it
def _missing_imports(code: str) -> str:
    """Return import lines for typing names, plain modules and names of theirs that code uses without importing them."""
    module = parse(code) if IMPORTABLE.search(code) else None  # walking the tree takes a hundred times longer
    if module is None:
        return ""
    used = {node.id for node in nodes_below(module) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    given = {node.id for node in nodes_below(module) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    given |= {node.arg for node in nodes_below(module) if isinstance(node, ast.arg)}
    given |= {node.name for node in nodes_below(module) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for node in nodes_below(module):
        if isinstance(node, ast.Import | ast.ImportFrom):
            given |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
    names = sorted((used - given) & TYPING)
    lines = [f"import {name}" for name in sorted((used - given) & MODULES)]
    homeless = sorted((used - given) & set(HOMES))
    for home in sorted({HOMES[name] for name in homeless}):
        lines.append(f"from {home} import {', '.join(name for name in homeless if HOMES[name] == home)}")
    return "\n".join([*lines, *([f"from typing import {', '.join(names)}"] if names else [])])
