"""From a function's statements to few steps over expressions: values take the place of names, loops become expressions.

In: the syntax tree of a function without docstring. Out: Steps (forms.py), or Unsayable. That the steps do the same as
the function is not taken on trust: whoever says them runs both (`forms.program`). Not covered: `while`, `try`, `with`,
functions within functions, a function that calls itself, loops that change what they go through.
"""

import ast
from collections.abc import Sequence

from curate.synth.words.forms import (
    Branch,
    Let,
    Loop,
    Raise,
    Return,
    Search,
    Steps,
    Unsayable,
    either,
    name,
    names_in,
    negated,
    reads,
    replaced,
    same,
)
from curate.synth.words.loops import both, folded
from curate.synth.words.statements import (
    ByElement,
    ends,
    in_a_loop,
    is_docstring,
    is_set,
    leaves_early,
    skips,
    stops,
    touched,
)
from curate.text.trees import copied

Env = dict[str, ast.expr]


NEXT_ROUND = "next round"


MOST_STEPS = 40


PLAIN = (ast.Name, ast.Constant)


SHORT = 6
"""Constants of a list that takes no name."""


def steps_of(function: ast.FunctionDef, *, named: bool = False) -> Steps:
    """Return a function's steps; `named`: whatever the function gives a name to keeps it."""
    body = [each for each in function.body if not is_docstring(each)]
    arguments = function.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or reads(body, function.name):
        raise Unsayable("parameters of another kind, or a call of itself")
    if any(isinstance(part, ast.Lambda | ast.NamedExpr | ast.Await | ast.Yield) for part in _parts_not_keys(body)):
        raise Unsayable("a function within it")
    body = [ByElement().visit(copied(each)) for each in body]
    return _Reader({each.arg for each in [*arguments.posonlyargs, *arguments.args]}, named).block(body, {})


def _parts_not_keys(body: list[ast.stmt]) -> list[ast.AST]:
    """Return all nodes but the functions that only say by what to compare."""
    keys = {id(each.value) for part in body for each in ast.walk(part) if isinstance(each, ast.keyword)}
    return [part for each in body for part in ast.walk(each) if id(part) not in keys]


class _Reader:
    """Goes through statements, with what each name stands for."""

    def __init__(self, parameters: set[str], named: bool) -> None:
        self.parameters, self.named = parameters, named
        self.left = MOST_STEPS

    def block(self, body: Sequence[ast.stmt], env: Env) -> Steps:
        """Return the steps of statements of which the last returns."""
        self.left -= 1
        if not body or self.left < 0:
            raise Unsayable("no end, or too many")
        first, rest = body[0], list(body[1:])
        match first:
            case ast.Return(value=ast.expr() as value):
                return Return(replaced(value, env))
            case ast.Raise(exc=ast.Call(func=ast.Name(id=error)) | ast.Name(id=error)):
                return Raise(error)
            case ast.Continue():
                return Return(name(NEXT_ROUND))
            case ast.Assign(targets=[ast.Name(id=text)], value=value):
                return self._named(text, replaced(value, env), rest, env)
            case ast.If(test=test, body=then, orelse=other) if leaves_early(first):
                condition = replaced(test, env)
                one = self.block([*then, *([] if ends(then) else rest)], dict(env))
                return Branch(condition, one, self.block([*other, *([] if ends(other) else rest)], dict(env)))
            case ast.For() if leaves_early(first):
                return self._search(first, rest, env)
            case _:
                before = dict(env)
                self.effect(first, env)
                for text, value in sorted(env.items()):
                    fresh = text not in self.parameters and before.get(text) is not value
                    worth_it = isinstance(value, ast.IfExp) or (self.named and not _is_plain(value))
                    if worth_it and fresh and not touched(rest, text) and reads(rest, text):
                        del env[text]
                        return Let(text, value, self.block(rest, env))
                return self.block(rest, env)

    def _named(self, text: str, value: ast.expr, rest: list[ast.stmt], env: Env) -> Steps:
        """Let a name stand for its value; by a step of its own, where the rest speaks of it more than once."""
        known = text in env or text in self.parameters
        often = self.named or reads(rest, text) > 1 or in_a_loop(rest, text)
        worth_it = (often and reads(rest, text) and not _is_plain(value)) or (
            isinstance(value, ast.IfExp) and reads(rest, text)
        )
        if worth_it and not known and not touched(rest, text):
            inner = {key: each for key, each in env.items() if key != text}
            return Let(text, value, self.block(rest, inner))
        return self.block(rest, env | {text: value})

    def effect(self, statement: ast.stmt, env: Env) -> None:
        """Change what names stand for as a statement does that does not return."""
        match statement:
            case ast.Assign(targets=[target], value=value):
                self._assign(target, replaced(value, env), env)
            case ast.AnnAssign(target=ast.Name() as target, value=ast.expr() as value):
                self._assign(target, replaced(value, env), env)
            case ast.AugAssign(target=ast.Name(id=text), op=sign, value=value):
                old = env.get(text, name(text))
                env[text] = ast.BinOp(old, sign, replaced(value, env))
            case ast.AugAssign(target=ast.Subscript(value=ast.Name(id=text), slice=key), op=sign, value=value):
                key = replaced(key, env)
                old = _at(self._own(text, env), key)
                env[text] = _put(self._own(text, env), key, ast.BinOp(old, sign, replaced(value, env)))
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=value, attr=method), args=args, keywords=[])):
                self._method(value, method, [replaced(each, env) for each in args], env)
            case ast.If(test=test, body=then, orelse=other):
                self._both_ways(replaced(test, env), then, other, env)
            case ast.For():
                self._loop(statement, env)
            case ast.Pass():
                pass
            case _:
                raise Unsayable(f"a statement: {type(statement).__name__}")

    def _own(self, text: str, env: Env) -> ast.expr:
        if text not in env:
            raise Unsayable("changes what it was given")
        return env[text]

    def _assign(self, target: ast.expr, value: ast.expr, env: Env) -> None:
        match target, value:
            case ast.Name(id=text), _:
                env[text] = value
            case ast.Tuple(elts=names), ast.Tuple(elts=values) if len(names) == len(values):
                for one, each in zip(names, values, strict=True):
                    self._assign(one, each, env)
            case ast.Tuple(elts=names), _ if not any(isinstance(each, ast.Starred) for each in names):
                for place, one in enumerate(names):
                    self._assign(one, ast.Subscript(value, ast.Constant(place), ast.Load()), env)
            case ast.Subscript(value=ast.Name(id=text), slice=key), _:
                env[text] = _put(self._own(text, env), replaced(key, env), value)
            case _:
                raise Unsayable("something else is given a value")

    def _method(self, owner: ast.expr, method: str, args: list[ast.expr], env: Env) -> None:
        match owner, method, args:
            case ast.Name(id=text), "append", [item]:
                env[text] = ast.BinOp(self._own(text, env), ast.Add(), ast.List([item], ast.Load()))
            case ast.Name(id=text), "extend", [items]:
                env[text] = ast.BinOp(self._own(text, env), ast.Add(), items)
            case ast.Name(id=text), "add", [item]:
                env[text] = ast.BinOp(self._own(text, env), ast.BitOr(), ast.Set([item]))
            case ast.Name(id=text), "sort", []:
                env[text] = ast.Call(name("sorted"), [self._own(text, env)], [])
            case ast.Name(id=text), "reverse", []:
                backwards = ast.Slice(None, None, ast.UnaryOp(ast.USub(), ast.Constant(1)))
                env[text] = ast.Subscript(self._own(text, env), backwards, ast.Load())
            case ast.Subscript(value=ast.Name(id=text), slice=key), "append", [item]:
                key = replaced(key, env)
                more = ast.BinOp(_at(self._own(text, env), key), ast.Add(), ast.List([item], ast.Load()))
                env[text] = _put(self._own(text, env), key, more)
            case (
                ast.Call(
                    func=ast.Attribute(value=ast.Name(id=text), attr="setdefault"),
                    args=[key, ast.List(elts=[])],
                ),
                "append",
                [item],
            ):
                key, own = replaced(key, env), self._own(text, env)
                old = ast.Call(ast.Attribute(own, "get", ast.Load()), [key, ast.List([], ast.Load())], [])
                env[text] = _put(own, key, ast.BinOp(old, ast.Add(), ast.List([item], ast.Load())))
            case _:
                raise Unsayable(f"a method: {method}")

    def _both_ways(self, test: ast.expr, then: list[ast.stmt], other: list[ast.stmt], env: Env) -> None:
        one, two = dict(env), dict(env)
        for statement in then:
            self.effect(statement, one)
        for statement in other:
            self.effect(statement, two)
        for text in sorted(one.keys() | two.keys()):
            first = one.get(text) or two[text]
            env[text] = either(test, first, two.get(text) or first)

    def _loop(self, loop: ast.For, env: Env) -> None:
        """Put what a loop makes of names in their place."""
        self.left -= 1
        if loop.orelse or self.left < 0:
            raise Unsayable("an else of a loop")
        if stops(loop):
            self._stopped(loop, env)
            return
        loops, body = [loop], loop.body
        while len(body) == 1 and isinstance(body[0], ast.For) and not body[0].orelse and not stops(body[0]):
            loops, body = [*loops, body[0]], body[0].body
        targets = {text for each in loops for text in names_in(each.target)}
        held = {text for text in env.keys() | self.parameters if is_set(body, text)} - targets
        inner = {text: value for text, value in env.items() if text not in targets | held}
        over = Loop(
            tuple((each.target, replaced(each.iter, inner if place else env)) for place, each in enumerate(loops))
        )
        if any(names_in(each) & held for _, each in over.rounds[1:]):
            raise Unsayable("changes what it goes through")
        inner |= {text: name(text) for text in held}
        self._round(body, inner)
        if held - inner.keys():
            raise Unsayable("a loop that takes the name of something else")
        updates = {text: inner[text] for text in sorted(held) if not _is_same(inner[text], text)}
        before = {text: env.get(text, name(text)) for text in held}
        for text, update in updates.items():
            others = {key: value for key, value in updates.items() if key != text}
            try:
                made = folded(text, update, before[text], over, others)
            except Unsayable:  # which is no trouble where nothing speaks of it any more
                env[text] = name(f"{text} after a loop")
                continue
            env[text] = replaced(made, {f"{key} before": before[key] for key in updates})
        for text in set(inner) - set(env):
            env.pop(text, None)
        for text in targets:
            env.pop(text, None)

    def _round(self, body: Sequence[ast.stmt], env: Env) -> None:
        """Go through the body of a loop, as far as `continue` lets it."""
        for place, statement in enumerate(body):
            if isinstance(statement, ast.Continue):
                return
            if isinstance(statement, ast.If) and skips(statement):
                rest = list(body[place + 1 :])
                test = replaced(statement.test, env)
                one, two = dict(env), dict(env)
                self._round([*statement.body, *([] if ends(statement.body) else rest)], one)
                self._round([*statement.orelse, *([] if ends(statement.orelse) else rest)], two)
                for text in sorted(one.keys() | two.keys()):
                    first = one.get(text) or two[text]
                    env[text] = either(test, first, two.get(text) or first)
                return
            self.effect(statement, env)

    def _stopped(self, loop: ast.For, env: Env) -> None:
        """Put in the place of names what the first round that fits gives them, behind which the loop stops."""
        match loop.body:
            case [ast.If(test=test, body=[*given, ast.Break()], orelse=[])]:
                pass
            case _:
                raise Unsayable("a loop that stops")
        targets = names_in(loop.target)
        inner = {text: value for text, value in env.items() if text not in targets}
        [over] = Loop(((loop.target, replaced(loop.iter, env)),)).over([replaced(test, inner)])
        for statement in given:
            match statement:
                case ast.Assign(targets=[ast.Name(id=text)], value=value) if text in env:
                    item = replaced(value, inner)
                    if names_in(item) & targets:
                        found = ast.GeneratorExp(item, [over])
                        env[text] = ast.Call(name("next"), [found, env[text]], [])
                    else:
                        some = ast.Call(name("any"), [_tested(over, over.ifs[0])], [])
                        env[text] = either(some, item, env[text])
                case _:
                    raise Unsayable("a loop that stops")

    def _search(self, loop: ast.For, rest: list[ast.stmt], env: Env) -> Steps:
        """Return the step of a loop that returns."""
        targets = names_in(loop.target)
        if loop.orelse or stops(loop) or any(is_set(loop.body, text) for text in env):
            raise Unsayable("a loop that returns and does more")
        inner = {text: value for text, value in env.items() if text not in targets}
        found = _hit(self.block([*loop.body, ast.Continue()], inner))
        after = self.block(rest, dict(env))
        if found is None:
            return after
        test, value = found
        [over] = Loop(((loop.target, replaced(loop.iter, env)),)).over([test])
        outcomes = (value, after.value if isinstance(after, Return) else None)
        match outcomes:
            case ast.Constant(value=True), ast.Constant(value=False):
                return Return(ast.Call(name("any"), [_tested(over, test)], []))
            case ast.Constant(value=False), ast.Constant(value=True):
                return Return(ast.Call(name("all"), [_tested(over, negated(test))], []))
        return Search(over, value, after)


def _tested(over: ast.comprehension, test: ast.expr) -> ast.expr:
    return ast.GeneratorExp(test, [ast.comprehension(over.target, over.iter, [], 0)])


def _hit(steps: Steps) -> tuple[ast.expr, ast.expr] | None:
    """Return when a round of a loop returns, and what; None if never."""
    match steps:
        case Return(ast.Name(id=text)) if text == NEXT_ROUND:
            return None
        case Return(value):
            return ast.Constant(True), value
        case Branch(test, then, otherwise):
            one, two = _hit(then), _hit(otherwise)
            if one is None or two is None:
                found = one or two
                return found and (both(test if one else negated(test), found[0]), found[1])
            if same(one[1], two[1]) and isinstance(one[0], ast.Constant):
                return ast.BoolOp(ast.Or(), [test, two[0]]), one[1]
            raise Unsayable("a loop that returns this or that")
        case Search(loop, ast.Constant() as value, Return(ast.Name(id=text))) if text == NEXT_ROUND:
            return ast.Call(name("any"), [_tested(loop, loop.ifs[0])], []), value
        case _:
            raise Unsayable("a loop that returns in another way")


def _is_plain(value: ast.expr) -> bool:
    """Tell whether a value is as short as a name for it: a name, a number, an empty list, a part of a name."""
    match value:
        case ast.Name() | ast.Constant():
            return True
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            return len(elements) <= SHORT and all(isinstance(each, ast.Constant) for each in elements)
        case ast.Dict(keys=elements):
            return not elements
        case ast.Subscript(value=ast.Name(), slice=ast.Constant()):
            return True
        case ast.Call(args=[], keywords=[], func=ast.Name()):
            return True
        case _:
            return False


def _at(own: ast.expr, key: ast.expr) -> ast.expr:
    """Return the expression for a value in a dictionary; the one just put there where it is that."""
    match own:
        case ast.Call(func=ast.Name(id="_with"), args=[_, put, value]) if same(put, key):
            return value
        case ast.IfExp(test=test, body=body, orelse=other):
            return either(test, _at(body, key), _at(other, key))
        case _:
            return ast.Subscript(own, key, ast.Load())


def _put(own: ast.expr, key: ast.expr, value: ast.expr) -> ast.expr:
    base = own
    match own:
        case ast.IfExp(
            test=_, body=ast.Call(func=ast.Name(id="_with"), args=[inner, put, _]), orelse=ast.Name() as old
        ) if same(put, key) and same(inner, old):
            base = old
        case ast.Call(func=ast.Name(id="_with"), args=[inner, put, _]) if same(put, key):
            base = inner
    return ast.Call(name("_with"), [base, key, value], [])


def _is_same(value: ast.expr, text: str) -> bool:
    return isinstance(value, ast.Name) and value.id == text
