"""Strings put together from parts, in words: "'Total: ' followed by `price`", "the string '{X} of {Y}', where X ...".

In: an f-string, or an addition of strings. Out: a phrase. Up to two parts are told one behind the other, more of them
as a string with gaps, where it can be shown; what a format writes is said.
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from curate.synth.words.forms import Unsayable
from curate.synth.words.speaker import Speaker, constant, is_long, listed

LETTERS = "XYZ"
TRAILS = re.compile(r" (?:stripped of|in (?:lower|upper|reverse)|with (?:every|its|the|upper))\b")
"""What is done to a part and stands behind it."""
TWO = 2
"""Parts that are told one behind the other."""


@dataclass(frozen=True)
class Part:
    """A part of a string: a text that is written out, or a value in words."""

    text: str | None
    said: str
    name: str = ""
    """The name that the value has, if it is one."""


def template(say: Speaker, node: ast.JoinedStr, tail: bool) -> str:
    """Return an f-string."""
    parts = [_part(say, each) for each in node.values]
    if len(parts) == 1:
        said = parts[0].said
        return said if parts[0].text is not None or " written with" in said else f"{said} as a string"
    return _together(say, parts, tail)


def in_a_row(say: Speaker, node: ast.BinOp, tail: bool) -> str:
    """Return strings that are added up."""
    parts = []
    for each in _added(node):
        match each:
            case ast.Constant(value=str() as text):
                parts.append(Part(text, constant(text)))
            case ast.Call(func=ast.Name(id="str"), args=[ast.Name(id=text)]) if text not in say.stands:
                parts.append(Part(None, say.np(each), text))
            case ast.Name(id=text) if text not in say.stands:
                parts.append(Part(None, say.np(each), text))
            case _:
                parts.append(Part(None, say.np(each)))
    return _together(say, parts, tail)


def _part(say: Speaker, node: ast.expr) -> Part:
    match node:
        case ast.Constant(value=str() as text):
            return Part(text, constant(text))
        case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
            named = value.id if isinstance(value, ast.Name) and value.id not in say.stands else ""
            return Part(None, say.np(value, tail=False), named)
        case ast.FormattedValue(value=value, conversion=-1, format_spec=ast.JoinedStr(values=[ast.Constant(value=f)])):
            digits = str(f)
            if not (digits.startswith(".") and digits.endswith("f") and digits[1:-1].isdigit()):
                raise Unsayable("a format of another kind")
            return Part(None, f"{say.np(value, tail=False)} {_decimals(int(digits[1:-1]))}")
        case _:
            raise Unsayable("a format of another kind")


def _together(say: Speaker, parts: Sequence[Part], tail: bool) -> str:
    """Return parts as one string: with gaps where it is plain what goes into them, else one behind the other."""
    named = all(each.text is not None or each.name for each in parts)
    texts = [each.text for each in parts if each.text is not None]
    plain = all(text.isprintable() and not set(text) & set("'\\`{}") for text in texts)
    gaps = [each for each in parts if each.text is None]
    if not gaps:
        return constant("".join(texts))
    if plain and texts and named and len(parts) > TWO:
        shown = "".join(each.text if each.text is not None else f"{{{each.name}}}" for each in parts)
        filled = listed(list(dict.fromkeys(f"`{each.name}`" for each in gaps)))
        how = say.pick(f"with the value{'s' * (' and ' in filled)} of {filled} put in", f"with {filled} filled in")
        return f"the string '{shown}' {how}"
    trailing = any(TRAILS.search(each.said) for each in parts[1:] if each.text is None)
    if (
        plain
        and (texts or trailing)
        and tail
        and say.random
        and (len(parts) > TWO or trailing)
        and len({each.said for each in gaps}) <= len(LETTERS)
    ):
        letters = dict(zip(dict.fromkeys(each.said for each in gaps), LETTERS, strict=False))
        clear = not any(re.search(rf"\b[{LETTERS}]\b", text) for text in texts)
        if clear and not any(is_long(_formed(said)) for said in letters):
            shown = "".join(each.text if each.text is not None else f"{{{letters[each.said]}}}" for each in parts)
            where = _in_order(letters) or listed(
                [f"{letter} is {said.removesuffix(' as a string')}" for said, letter in letters.items()]
            )
            return f"the string '{shown}', where {where}"
    if trailing:
        raise Unsayable("what is done to a part could be done to all")
    return " followed by ".join(_row(each.said) for each in parts)


def _in_order(letters: dict[str, str]) -> str:
    """Return "X and Y are the first two elements of `pair`", where gaps hold just these, one after the other."""
    found = [re.fullmatch(r"the (\w+) element of (`\w+`)", said) for said in letters]
    if len(found) < TWO or not all(found) or len({each[2] for each in found if each}) > 1:
        return ""
    if [each[1] for each in found if each] != ["first", "second", "third"][: len(found)]:
        return ""
    whole = next(each[2] for each in found if each)
    return f"{listed(list(letters.values()))} are the first {('two', 'three')[len(found) - TWO]} elements of {whole}"


def _formed(said: str) -> str:
    """Return a phrase without what says how it is written, which ends where it stands."""
    return re.sub(r" (?:as a string|written with(?:out|) (?:\d+ )?decimals?)$", "", said)


def _row(text: str) -> str:
    """Return one of several texts in a row."""
    if is_long(re.sub(r" repeated (?:`[^`]*`|\d+) times$", "", _formed(text))):
        raise Unsayable("too long a phrase within another")
    return text


def _decimals(count: int) -> str:
    if count == 0:
        return "written without decimals"
    return f"written with {count} decimals" if count > 1 else "written with 1 decimal"


def _added(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return [*_added(node.left), *_added(node.right)]
    return [node]
