"""Dictionaries that are made key by key, in words: "a dictionary that maps each string in `words` to its length".

In: a dictionary comprehension of one loop. Out: a phrase; a note follows on keys that come up more than once.
"""

import ast

from curate.synth.words.clauses import relative
from curate.synth.words.elements import where
from curate.synth.words.forms import Unsayable, names_in, reads
from curate.synth.words.plainer import itemised
from curate.synth.words.pronouns import with_it
from curate.synth.words.sources import Source, source
from curate.synth.words.speaker import Speaker, is_long


def mapping(say: Speaker, key: ast.expr, value: ast.expr, loop: ast.comprehension, tail: bool) -> str:
    """Return a dictionary that is made key by key."""
    [key, value], loop = itemised(say, [key, value], loop)
    used = {each for node in [key, value, *loop.ifs] for each in names_in(node)}
    src, inner = source(say, loop, used)
    told = _mapped(inner, key, value, loop, src) if tail else None
    if told:
        return told
    rel = where(inner, loop, src)
    of_pairs = src.value and src.value_is == "value"
    match loop.target:
        case ast.Tuple(elts=[ast.Name(id=one), ast.Name(id=other)]) if (
            of_pairs
            and isinstance(key, ast.Name)
            and isinstance(value, ast.Name)
            and (key.id, value.id) == (one, other)
        ):
            return f"a dictionary of the entries {src.of}{_entries(inner, loop, src)}"
        case ast.Name(id=one) if (
            isinstance(key, ast.Name) and key.id == one and reads(value, one) == 0 and not loop.ifs
        ):
            return f"a dictionary that gives each {src.one} {src.of} {_under(inner, value)}"
    placed = src.value_is == "index" and isinstance(key, ast.Name) and key.id == src.value
    match key, value:
        case ast.Name(id=own), ast.Name(id=place) if (
            src.value_is == "index" and place == src.value and f"{src.one} `{own}` " in src.named and src.of and not rel
        ):
            say.note("For one that comes up more than once, its last index counts.")
            return f"a dictionary that maps each {src.one} {src.of} to its index"
    once = placed or (
        isinstance(key, ast.Name) and f"{src.one} `{key.id}`" in src.named and src.one in ("key", "index", "integer")
    )
    if not once and not (isinstance(key, ast.Name) and isinstance(loop.target, ast.Name) and key.id == loop.target.id):
        say.note(say.pick(
            "Where several come to the same key, the last one counts.",
            "If a key comes up more than once, the last value for it is kept.",
            "Later values replace earlier ones under the same key.",
        ))  # fmt: skip
    mapped = inner.np(key)
    if is_long(mapped.removesuffix(" as a string")):
        raise Unsayable("too long a key")
    try:
        return f"a dictionary that maps {mapped} to {inner.rounds(value)} for each {src.named}{rel}"
    except Unsayable:
        if not tail:
            raise
    return f"a dictionary that, for each {src.named}{rel}, maps {mapped} to {inner.np(value)}"


def _mapped(say: Speaker, key: ast.expr, value: ast.expr, loop: ast.comprehension, src: Source) -> str | None:
    """Return a dictionary whose keys are what the loop goes through, each with a value that follows from it."""
    match loop.target, key:
        case ast.Name(id=own), ast.Name(id=text) if own == text and src.of:
            rel = relative(say, loop.ifs, loop, False) if loop.ifs else ""
            said = with_it(say, own, value, src.one) if rel is not None else None
            if said:
                return f"a dictionary that maps each {src.qualified(str(rel), many=False)} to {said}"
            which = where(say, loop, src)
            try:
                return (
                    f"a dictionary that maps each {src.named}{which} to {say.np(value)}" if reads(value, own) else None
                )
            except Unsayable:
                return None
        case ast.Tuple(elts=[ast.Name(id=one), ast.Name(id=other)]), ast.Name(id=text) if (
            one == text and src.value == other and src.value_is == "value" and not reads(value, one)
        ):
            rel = relative(say, loop.ifs, loop, False, src.value) if loop.ifs else ""
            said = (
                with_it(say, other, value, src.one, "its value")
                if rel is not None and not isinstance(value, ast.Name)
                else None
            )
            return said and f"a dictionary that maps each key {src.of}{rel} to {said}"
        case _:
            return None


def _under(say: Speaker, value: ast.expr) -> str:
    return f"the value {say.np(value, tail=False)}"


def _entries(say: Speaker, loop: ast.comprehension, src: Source) -> str:
    if not loop.ifs:
        return ""
    rel = relative(say, loop.ifs, loop, False, src.value)
    if rel is not None and rel.startswith(" whose value") and " and " not in rel and " or " not in rel:
        return rel
    if rel is not None and rel.startswith(" that") and " and " not in rel and " or " not in rel:
        return f" whose key{rel.removeprefix(' that')}"
    raise Unsayable("entries by more than one part")
