"""Which programs may run one after the other in one process: those that can reach nothing but values of their own.

In: the source of a program. Out: whether all of its names and attributes are among those listed here. A process of its
own takes some 15 ms of CPU time, which is many times what most functions take for all their calls; what they could do
to each other in one process is what this excludes. The walls around the process are the same.

A program passes that is short, is ASCII, parses, has no name with two underscores in it, defines no class, waits for
nothing, imports by name what is listed here, sets no attribute, reads only attributes that values of the built-in types
and those modules have, and uses only builtins that change nothing. So it holds no frame, no namespace and no object
that another program sees: `len`, `math.pi` and `collections.Counter` stay what they are. No code of it runs once it is
left: it has no class with `__del__`, and no generator that catches its own end. An endless call is stopped by an
exception; what else a program does within itself (all memory, a loop that runs no bytecode) ends the process, and those
behind it begin again in another.
"""

import ast
import builtins
import itertools
import math
import warnings
from collections import Counter, OrderedDict, defaultdict, deque
from functools import lru_cache

_IMPORTED = {
    "bisect": "bisect bisect_left bisect_right insort insort_left insort_right",
    "collections": "ChainMap Counter OrderedDict defaultdict deque namedtuple",
    "copy": "copy deepcopy",
    "functools": "cache cmp_to_key lru_cache partial reduce",
    "heapq": "heapify heappop heappush heappushpop heapreplace merge nlargest nsmallest",
    "itertools": " ".join(name for name in dir(itertools) if name[0] != "_"),
    "math": " ".join(name for name in dir(math) if name[0] != "_"),
    "operator": "add and_ concat contains countOf eq floordiv ge gt index itemgetter le lt mod mul ne neg not_ or_ pow "
    "sub truediv xor",
    "re": "A ASCII DOTALL I IGNORECASE M MULTILINE S VERBOSE X compile escape findall finditer fullmatch match search "
    "split sub subn",
    "statistics": "fmean mean median median_high median_low mode multimode pstdev pvariance stdev variance",
    "string": "ascii_letters ascii_lowercase ascii_uppercase digits hexdigits octdigits printable punctuation "
    "whitespace",
    "typing": "Any Callable DefaultDict Deque Dict FrozenSet Generator Hashable Iterable Iterator List Mapping "
    "NamedTuple Optional Sequence Set Tuple Union",
}
"""What may be imported of a module, and read off it. Not among them is what sets attributes of what it is given
(`functools.wraps`), reads them by name (`operator.attrgetter`), or keeps what it is told (`re.purge`)."""
IMPORTED = {module: frozenset(names.split()) for module, names in _IMPORTED.items()}
_KINDS: tuple[type, ...] = (
    str, bytes, bytearray, int, float, complex, list, tuple, dict, set, frozenset, range, slice, Counter, OrderedDict,
    defaultdict, deque, type(math.nan), type({}.items()), BaseException,
)  # fmt: skip
_OF_MATCHES = "end endpos expand group groupdict groups lastgroup lastindex pattern pos span start string"
ATTRIBUTES = frozenset(name for kind in _KINDS for name in dir(kind) if name[0] != "_") | frozenset(
    [*_OF_MATCHES.split(), "cache_clear", "cache_info", *(name for names in IMPORTED.values() for name in names)]
)  # fmt: skip
_LONGEST = 1 << 16
"""Characters of a program that is looked into: the tree of 20 MB takes many seconds, here in the parent."""
_CHANGING = frozenset({"with_traceback", "add_note"})
_HARMLESS = """
abs all any ascii bin bool bytearray bytes callable chr complex dict divmod enumerate filter float format frozenset
hasattr hash hex id int isinstance issubclass iter len list map max min next object oct ord pow print range repr reversed
round set slice sorted str sum tuple type zip Ellipsis NotImplemented
"""
HARMLESS = frozenset(_HARMLESS.split()) | {
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)
}
REFUSED = frozenset(dir(builtins)) - HARMLESS
_NODES = (ast.ClassDef, ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await, ast.With, ast.MatchClass)
_TRYING, _YIELDING = (ast.Try, ast.TryStar), (ast.Yield, ast.YieldFrom)


@lru_cache(maxsize=1 << 12)  # a function is run several times on its way
def may_run_together(source: str) -> bool:
    """Tell whether a program may run behind others in one process.

    >>> may_run_together("def f(x): return sorted(x)"), may_run_together("def f(x): return x.gi_frame.f_builtins")
    (True, False)
    """
    source = source.removeprefix("from __future__ import annotations\n")
    tree = _parsed(source) if len(source) <= _LONGEST and source.isascii() and "__" not in source else None
    if tree is None:
        return False
    waiting: list[ast.AST] = [tree]
    kinds: set[type] = set()
    while waiting:
        node = waiting.pop()
        kinds.add(type(node))
        if not _is_harmless(node):
            return False
        for value in vars(node).values():
            if type(value) is list:
                waiting += [each for each in value if isinstance(each, ast.AST)]
            elif isinstance(value, ast.AST):
                waiting.append(value)
    return kinds.isdisjoint(_TRYING) or kinds.isdisjoint(_YIELDING)


def _parsed(source: str) -> ast.Module | None:
    """Return a source's tree; with nothing but Python, since the sandbox runs for users who have no more."""
    try:
        with warnings.catch_warnings(action="ignore"):
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _is_harmless(node: ast.AST) -> bool:
    kind = type(node)
    if kind is ast.Name:
        return node.id not in REFUSED  # type: ignore[attr-defined]
    if kind is ast.Attribute:
        assert isinstance(node, ast.Attribute)
        return node.attr in ATTRIBUTES and node.attr not in _CHANGING and type(node.ctx) is ast.Load
    if kind is ast.Import:
        return all(alias.name in IMPORTED for alias in node.names)  # type: ignore[attr-defined]
    if kind is ast.ImportFrom:
        assert isinstance(node, ast.ImportFrom)
        allowed = IMPORTED.get(node.module or "", frozenset())
        return not node.level and all(alias.name in allowed for alias in node.names)
    return kind not in _NODES
