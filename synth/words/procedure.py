"""What a function does step after step, for loops that carry something on from one round to the next.

In: a function's syntax tree. Out: sentences in the order of its statements ("Let `run` be 0. For each number `x` in
`xs`: if `x` is 0, set `run` to 0; otherwise, add 1 to `run`."), and the statements that they say; or Unsayable. It is
what is left to say where steps.py finds no expression that a loop comes to. How several statements are joined decides
what belongs to which condition: behind a choice follows "in any case", behind a loop within a loop "after that loop",
and a condition within a condition is none that could take the next "otherwise" for its own.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, replace

from curate.synth.words.clauses import clause
from curate.synth.words.forms import Unsayable, name, names_in, reads, same
from curate.synth.words.kinds import NUMBERS, TEXTS, UNKNOWN, annotated
from curate.synth.words.names import own_kinds
from curate.synth.words.phrases import phrase
from curate.synth.words.plain import plain
from curate.synth.words.shown import Names, Words
from curate.synth.words.sources import source
from curate.synth.words.speaker import QUOTED, Speaker, article, listed
from curate.synth.words.statements import AWAY, after_loop, changes, ends, is_docstring, that_apply

UNORDERED = ("set", "frozenset")
CHANGES: dict[type[ast.operator], str] = {
    ast.Add: "add {1} to {0}", ast.Sub: "subtract {1} from {0}", ast.Mult: "multiply {0} by {1}",
    ast.Div: "divide {0} by {1}", ast.FloorDiv: "floor-divide {0} by {1}",
}  # fmt: skip
FEWEST_STEPS = 2


def ordered(function: ast.FunctionDef, *, unrolled: bool = False) -> tuple[list[str], list[ast.stmt]]:
    """Return a function's sentences and the statements that they say."""
    body = plain([each for each in function.body if not is_docstring(each)], unrolled=unrolled)
    loops = any(isinstance(part, ast.For | ast.While) for each in body for part in ast.walk(each))
    if not loops and len(body) < FEWEST_STEPS:
        raise Unsayable("one step")
    if not ends(body) or _outlives(body):
        raise Unsayable("no end, or a loop's name behind it")
    strange = (ast.Lambda, ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom, ast.FunctionDef, ast.Global, ast.Starred)
    if reads(body, function.name) or any(isinstance(part, strange) for each in body for part in ast.walk(each)):
        raise Unsayable("a function within it, or a call of itself")
    arguments = [*function.args.posonlyargs, *function.args.args]
    parameters = {each.arg: annotated(each.annotation) for each in arguments}
    rebound = {part.id for each in body for part in ast.walk(each)
               if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}  # fmt: skip
    if any(changes(part, text) for text in parameters.keys() - rebound for each in body for part in ast.walk(each)):
        raise Unsayable("changes what it was given")
    teller = _Teller(Speaker(own_kinds(body, parameters), phrase, clause), Names(set(parameters)))
    return [*teller.sentences(body), *that_apply(teller.say.notes, body)], body


@dataclass(frozen=True)
class _Teller(Words):
    """Says statements; `loops` are those around them."""

    loops: int = 0

    def sentences(self, body: Sequence[ast.stmt]) -> list[str]:
        """Return a sentence for each statement of a function, one for names that are given one after the other."""
        found: list[str] = []
        place = 0
        while place < len(body):
            after = "" if isinstance(body[place], ast.Return) else after_loop(body, place)
            lets = self._lets(body[place:])
            if lets:
                found.append(f"{after}let {listed(lets)}")
                place += len(lets)
                continue
            found.append(after + self.statement(body[place], last=True))
            place += 1
        return [f"{text[0].upper()}{text[1:]}." for text in found]

    def _lets(self, body: Sequence[ast.stmt]) -> list[str]:
        """Return "`x` be 0" for each of the statements at the beginning that give a new name a plain value."""
        found: list[str] = []
        for each in body:
            match each:
                case ast.Assign(targets=[ast.Name(id=text)], value=value) if text not in self.names.told and _is_plain(
                    value
                ):
                    found.append(f"`{text}` be {self.value(value)}")
                    self.names.told.add(text)
                case _:
                    break
        return found

    def block(self, body: Sequence[ast.stmt]) -> str:
        """Return what is done one after the other, as part of a sentence."""
        lets = self._lets(body)
        if lets:
            text = f"let {listed(lets)}"
            return f"{text}; then, {self.block(body[len(lets) :])}" if body[len(lets) :] else text
        first, rest = body[0], body[1:]
        if isinstance(first, ast.If) and not first.orelse and rest and ends_round(first.body):
            then = self._then(first.body)
            if isinstance(rest[0], ast.If) and len(rest) > 1 and not ends_round(rest[0].body):
                raise Unsayable('"in any case" within "otherwise"')
            return f"if {self.test(first.test)}, {then}; otherwise, {self.block(rest)}"
        simple = [each for each in body if not isinstance(each, ast.If | ast.For | ast.While)]
        if len(simple) == len(body):
            return _together([self.statement(each) for each in body])
        text = self.statement(first)
        if not rest:
            return text
        before = "in any case, " if isinstance(first, ast.If) else "then, "
        if isinstance(first, ast.For | ast.While):
            before = "after that loop, "
        return f"{text}; {before}{self.block(rest)}"

    def statement(self, node: ast.stmt, last: bool = False) -> str:
        """Return what a statement does; `last`: nothing follows in the sentence."""
        match node:
            case ast.Return(value=ast.expr() as value):
                return self._returned(value, last)
            case ast.Raise(exc=ast.Call(func=ast.Name(id=error)) | ast.Name(id=error)) if error.endswith("Error"):
                return f"raise {article(error)}"
            case ast.Continue():
                return "go on with the next round"
            case ast.Break():
                return f"leave {'the inner' if self.loops > 1 else 'the'} loop"
            case ast.If():
                return self._choice(node)
            case ast.For(orelse=[]):
                return self._for(node)
            case ast.While(test=test, body=body, orelse=[]) if not _is_true(test):
                return f"while {self.test(test)}{self.inner(self, body)}"
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                return self._assigned(target, value, last)
            case ast.AugAssign(target=target, op=sign, value=value):
                return self._changed(target, sign, value)
            case ast.Expr(value=ast.Call(func=ast.Attribute(value=owner, attr=method), args=args, keywords=[])):
                return self._method(owner, method, args)
            case _:
                raise Unsayable(f"a statement: {type(node).__name__}")

    def inner(self, within: "_Teller", body: Sequence[ast.stmt]) -> str:
        """Return the rounds of a loop, behind what it goes through."""
        if self.loops > 1:
            raise Unsayable("loops within loops")
        text = replace(within, loops=self.loops + 1).block(body)
        if len(body) == 1 and isinstance(body[0], ast.For | ast.While):
            return f", {text}"
        return f": {text}" if ";" in QUOTED.sub("x", text) else f", {text}"

    def _for(self, node: ast.For) -> str:
        own = names_in(node.target)
        if self.say.kind(node.iter).name in UNORDERED:
            raise Unsayable("the order of a set")
        if own & names_in(node.iter):
            raise Unsayable("one name for two things")
        around = replace(self.say, kinds={key: kind for key, kind in self.say.kinds.items() if key not in own})
        used = {text for each in node.body for text in names_in(each)}
        src, said = source(around, ast.comprehension(node.target, node.iter, [], 0), used | own)
        self.names.told |= own
        said = replace(said, kinds={**said.kinds, **{key: self.say.kinds.get(key, UNKNOWN) for key in own}})
        return f"for each {src.named}{self.inner(replace(self, say=said), node.body)}"

    def _choice(self, node: ast.If) -> str:
        before = set(self.names.told)
        text = f"if {self.test(node.test)}, {self._then(node.body)}"
        if not node.orelse:
            return text
        behind, self.names.told = self.names.told, before
        match node.orelse:
            case [ast.If() as other]:
                text = f"{text}; otherwise, {self._choice(other)}"
            case other_body:
                text = f"{text}; otherwise, {self._then(other_body)}"
        self.names.told |= behind
        return text

    def _then(self, body: Sequence[ast.stmt]) -> str:
        """Return what is done on a condition: no conditions or loops within, so that its end is plain."""
        if any(isinstance(each, ast.If | ast.For | ast.While) for each in body):
            raise Unsayable("conditions within conditions")
        return _together([self.statement(each) for each in body], ", and then ")

    def _returned(self, value: ast.expr, last: bool) -> str:
        claims = isinstance(value, ast.Compare | ast.BoolOp) or (
            isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)
        )
        if self.say.kind(value).name == "bool" and claims:
            return f"return whether {self.test(value)}"
        return f"return {self.value(value, last)}"

    def _assigned(self, target: ast.expr, value: ast.expr, last: bool) -> str:
        match target, value:
            case ast.Name(id=text), ast.Call(
                func=ast.Attribute(value=ast.Name(id=stack), attr="pop"), args=[] | [ast.Constant(value=0)] as args
            ) if self.say.kind(name(stack)).name == "list" and text != stack and stack in self.names.told:
                said = f"the {'first' if args else 'last'} element of `{stack}`, and remove it from there"
                return self._named(text, said)
            case ast.Name(id=text), _:
                return self._named(text, self.value(value, last))
            case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
                names = [each.id for each in targets if isinstance(each, ast.Name)]
                said_values = [self.value(each) for each in values]
                if len(names) != len(targets):
                    raise Unsayable("something else is given a value")
                new = not set(names) & self.names.told
                self.names.told |= set(names)
                if new:
                    pairs = [f"`{text}` be {each}" for text, each in zip(names, said_values, strict=True)]
                    return f"let {listed(pairs)}"
                return f"in one step, set {listed([f'`{text}`' for text in names])} to {listed(said_values)}"
            case ast.Tuple(elts=targets), _ if all(isinstance(each, ast.Name) for each in targets):
                names = [each.id for each in targets if isinstance(each, ast.Name)]
                if self.say.kind(value).name not in ("tuple", "list") or set(names) & self.names.told:
                    raise Unsayable("something else is given a value")
                self.names.told |= set(names)
                return f"let {listed([f'`{text}`' for text in names])} be the elements of {self.value(value)}"
            case ast.Subscript(value=ast.Name(id=text), slice=key), ast.BinOp(
                left=ast.Call(
                    func=ast.Attribute(value=ast.Name(id=owner), attr="get"), args=[same_key, ast.Constant() as zero]
                ),
                op=ast.Add(), right=more,
            ) if owner == text and same(key, same_key):  # fmt: skip
                place = self.formula(_read(target))
                return f"add {self.value(more)} to {place}, or to {self.value(zero)} where it is missing"
            case ast.Subscript(value=ast.Name(id=text)), _ if text in self.names.told:
                return f"set {self.formula(_read(target))} to {self.value(value, last)}"
            case _:
                raise Unsayable("something else is given a value")

    def _named(self, text: str, said: str) -> str:
        """Return that a name, new or known, is given a value."""
        new = text not in self.names.told
        self.names.told.add(text)
        return f"let `{text}` be {said}" if new else f"set `{text}` to {said}"

    def _changed(self, target: ast.expr, sign: ast.operator, value: ast.expr) -> str:
        place = f"`{target.id}`" if isinstance(target, ast.Name) else self.formula(_read(target))
        kind, added = self.say.kind(_read(target)), self.say.kind(value)
        if isinstance(sign, ast.Add) and kind.name in TEXTS and added.name in TEXTS:
            return f"add {self.value(value)} to the end of {place}"
        if isinstance(sign, ast.Add) and kind.name == added.name == "list":
            return f"append each element of {self.value(value)} to {place}"
        if isinstance(sign, ast.BitOr) and kind.name == added.name == "set":
            return f"add the elements of {self.value(value)} to {place}"
        if added.name == "bool":
            raise Unsayable("whether one is equal to the other to a third")
        if kind.name in NUMBERS and added.name in NUMBERS and type(sign) in CHANGES:
            return CHANGES[type(sign)].format(place, self.value(value))
        if kind.name in NUMBERS and added.name in NUMBERS:
            return f"set {place} to {self.formula(ast.BinOp(_read(target), sign, value))}"
        raise Unsayable("a change of something else")

    def _method(self, owner: ast.expr, method: str, args: list[ast.expr]) -> str:
        if not isinstance(owner, ast.Name | ast.Subscript) or not names_in(owner) <= self.names.told:
            raise Unsayable("a method of something else")
        place = f"`{owner.id}`" if isinstance(owner, ast.Name) else self.formula(owner)
        kind = self.say.kind(owner)
        match kind.name, method, args:
            case "list" | "", "append", [item]:
                return f"append {self.value(item)} to {place}"
            case "set", "add", [item]:
                return f"add {self.value(item)} to {place}"
            case "list", "extend", [items] if self.say.kind(items).name in ("list", "tuple", "range"):
                return f"append each element of {self.value(items)} to {place}"
            case "list", "insert", [ast.Constant(value=0), item]:
                return f"insert {self.value(item)} at the front of {place}"
            case "list", "pop", []:
                return f"remove the last element of {place}"
            case "list", "pop", [ast.Constant(value=0)]:
                return f"remove the first element of {place}"
            case "list", "reverse", []:
                return f"reverse {place}"
            case "list", "sort", [] if kind.element.name in ("int", "float", "str"):
                return f"sort {place} in ascending order"
            case "list" | "set" | "dict", "clear", []:
                return f"empty {place}"
            case _:
                raise Unsayable(f"a method: {method}")


def _outlives(body: Sequence[ast.stmt]) -> bool:
    """Tell whether a name that only a loop gives is read behind that loop: which round it is from nobody would say."""
    for node in (each for statement in body for each in ast.walk(statement)):
        if isinstance(node, ast.For):
            own = names_in(node.target)
            inside = {id(part) for part in ast.walk(node)}
            others = [part for each in body for part in ast.walk(each) if id(part) not in inside]
            given = {id(part) for other in others if isinstance(other, ast.For | ast.comprehension | ast.Assign)
                     for part in ast.walk(other)}  # fmt: skip
            if any(isinstance(part, ast.Name) and part.id in own and id(part) not in given for part in others):
                return True
    return False


def ends_round(body: Sequence[ast.stmt]) -> bool:
    """Tell whether statements never come to what stands behind them."""
    return ends(body) or isinstance(body[-1], AWAY)


def _together(parts: list[str], behind: str = "; then, ") -> str:
    if len(parts) == 1:
        return parts[0]
    if any("," in QUOTED.sub("x", part) or " and " in QUOTED.sub("x", part) for part in parts):
        return behind.join(parts)
    return listed(parts)


def _is_plain(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) or ast.unparse(value) in ("[]", "{}", "set()", "''")


def _is_true(test: ast.expr) -> bool:
    return isinstance(test, ast.Constant)


def _read(target: ast.expr) -> ast.expr:
    """Return what a target holds."""
    match target:
        case ast.Name(id=text):
            return ast.Name(text, ast.Load())
        case ast.Subscript(value=value, slice=key):
            return ast.Subscript(value, key, ast.Load())
        case _:
            raise Unsayable("something else is given a value")
