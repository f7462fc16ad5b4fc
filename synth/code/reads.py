"""Which names a piece of code reads before it gives them a value of its own: a parameter of another name is ignored.

In: a syntax tree. Out: names. `for day, heat in days` gives `day` a value, whatever the parameter `day` was, and so
does a comprehension, inside of it. What only some branch or round of a loop sets counts as not set behind it. Not
covered: functions within functions; whatever they read counts.
"""

import ast
from collections.abc import Iterable, Iterator, Sequence


def read_first(tree: ast.AST) -> set[str]:
    """Return the names that are read, somewhere, before they are given a value there.

    >>> sorted(read_first(ast.parse("for day, heat in days: print(day)")))
    ['days', 'print']
    """
    found: set[str] = set()
    _walk([tree], frozenset(), found)
    return found


def _walk(nodes: Iterable[ast.AST], bound: frozenset[str], found: set[str]) -> frozenset[str]:
    """Add what is read to `found`; return what is bound behind the nodes, which run one after the other."""
    for node in nodes:
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                found |= {name} - bound
            case ast.Name(id=name):
                bound |= {name}
            case ast.Assign(targets=targets, value=value):
                bound = _walk([value, *targets], bound, found)
            case ast.NamedExpr(target=target, value=value):
                bound = _walk([value, target], bound, found)
            case ast.AugAssign(target=ast.Name(id=name), value=value):
                found |= {name} - bound
                bound = _walk([value], bound, found) | {name}
            case _:
                alone = list(_alone(node))
                for part in alone:
                    _walk(part, bound, found)
                bound = bound if alone else _walk(ast.iter_child_nodes(node), bound, found)
    return bound


def _alone(node: ast.AST) -> Iterator[Sequence[ast.AST]]:
    """Yield the parts of a node behind which nothing of it is certainly bound, each in the order in which it runs."""
    match node:
        case ast.For(iter=given, target=target, body=body, orelse=other):
            yield [given, target, *body]
            yield list(other)
        case ast.If(test=test, body=body, orelse=other) | ast.While(test=test, body=body, orelse=other):
            yield [test, *body]
            yield list(other)
        case ast.Try(body=body, handlers=handlers, orelse=other, finalbody=last):
            yield [*body, *other]
            yield from ([handler] for handler in handlers)
            yield list(last)
        case ast.match_case(pattern=pattern, body=body):
            yield [pattern, *body]
        case ast.ListComp(elt=made) | ast.SetComp(elt=made) | ast.GeneratorExp(elt=made):
            yield [*_rounds(node), made]
        case ast.DictComp(key=key, value=value):
            yield [*_rounds(node), key, value]
        case ast.FunctionDef(body=body):
            yield list(body)


def _rounds(node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Iterator[ast.AST]:
    for each in node.generators:
        yield from (each.iter, each.target, *each.ifs)
