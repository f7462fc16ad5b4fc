"""What the parameters are called in running text: `light_color` is "the light color", the strings in `cats` "the cats".

In: a text in which each parameter stands in backticks, and their kinds. Out: the same text, in which some of them are
called by the noun that their name is, or by their type ("the given list"): only where the text reads as exactly, that
is where no formula names the parameter and no other one could be meant.
"""

import re
from collections.abc import Mapping
from random import Random

from curate.synth.words.kinds import Kind
from curate.synth.words.sources import NOUNS
from curate.synth.words.speaker import plural

_OF_THINGS = (
    "level text threshold name length target word distance width size price sequence message limit duration "
    "version speed weight color pattern number sentence score amount age depth status capacity date total voltage "
    "day step scale description path report hour condition key cost area unit direction angle line location "
    "volume prefix suffix address content query mass power title term celsius humidity money interval action "
    "quantity fare letter balance reference root month keyword note order period city percentage increment "
    "expression language password animal difficulty domain minute question phrase mileage label destination delay "
    "page beat pace statement country income thickness username group rule zone operator goal radius seat task "
    "platform secret weather velocity template currency street fruit diameter pressure resistance tolerance "
    "product method average progress budget recipient position policy preference category subject signal "
    "adjustment dimension rank ticket degree meter queue headline source ingredient weekday phone mode crate "
    "density puzzle rainfall rhythm species margin reading replacement resolution song warning ratio altitude "
    "equation operation multiplier answer grade branch topic difference criterion penalty session measurement "
    "image industry object character effort winner game discipline class temperature height rate time separator "
    "delimiter char digit vowel year season brightness discount hours minutes seconds days miles kilometers "
    "degrees meters years weeks months calories points apples string frequency tag channel room floor tax fee tip "
    "offset count food shape material event recipe item stop "
)
OF_THINGS = frozenset(_OF_THINGS.split())
"""Nouns at the end of a name that "the" can stand before."""
_MANY = "hours minutes seconds days miles kilometers degrees meters years weeks months calories points apples "
MANY = frozenset(_MANY.split())
"""Of these, those of which "is" cannot be said."""
_VAGUE = (
    "value element key index item data status thing object number integer float string word character piece pair "
    "tuple list array set dict dictionary matrix vector sequence result output input option arg argument param "
    "parameter num val char digit int str text content stat news series class "
)
VAGUE = frozenset(_VAGUE.split())
"""Nouns that say something about the type, which the elements of a list that is called so need not have."""
TYPES = {
    "list": "list", "set": "set", "dict": "dictionary", "str": "string", "int": "number", "float": "number",
    "tuple": "tuple",
}  # fmt: skip
IRREGULAR = {
    "movies": "movie", "cookies": "cookie", "calories": "calorie", "leaves": "leaf", "shelves": "shelf",
    "hives": "hive",
    "knives": "knife", "indices": "index", "vertices": "vertex", "matrices": "matrix", "buses": "bus", "shoes": "shoe",
    "heroes": "hero", "potatoes": "potato", "tomatoes": "tomato", "houses": "house", "courses": "course",
}  # fmt: skip
AS_NAMED, BY_TYPE = 0.45, 0.5
"""How often a parameter is called by its name's noun, and by its type, where it can be."""
AGAIN = re.compile(r"\bthat different\b|\b(?:it|they) occurs? there\b")
"""What takes up a noun, or where it came from: not to be understood any more under another noun."""
THE_SAME = re.compile(r"\b(the) given (list|string|number|set|dictionary|tuple)\b")


def called(text: str, kinds: Mapping[str, Kind], random: Random | None) -> str:
    """Return a text with nouns for some parameters; without chance, as it is."""
    if random is None:
        return text
    given = text.startswith("Given ")  # which names all of them
    ticked = re.findall(r"`([^`]*)`", text)
    formulas = " ".join(each for each in ticked if not each.isidentifier())
    by_type = random.random() < BY_TYPE and not given
    by_name = random.random() < AS_NAMED
    for name, kind in kinds.items():
        if (
            re.search(rf"\b{re.escape(name)}\b", formulas)
            or f"`{name}` times" in text
            or f"{{{name}}}" in text
            or _in_brackets(name, text)
        ):
            continue
        if kind.name in ("list", "set", "tuple", "frozenset") and by_name:
            text = _elements(text, name, kind, random)
        noun = TYPES.get(kind.name, "")
        alone = [other for other in kinds.values() if TYPES.get(other.name) == noun] == [kind]
        words = name.replace("_", " ")
        if by_type and noun and alone and not given and f"`{name}`" in text:
            text = _by_type(text, name, noun)
        elif by_name and kind.name in ("str", "int", "float") and not given and _is_noun(name):
            text = text.replace(f"`{name}`", f"the {words}")
    return text[0].upper() + text[1:]


def _in_brackets(name: str, text: str) -> bool:
    """Tell whether a name stands in a tuple that is written out."""
    return re.search(rf"[(\[][^()\[\]]*`{re.escape(name)}`[^()\[\]]*[)\]]", text) is not None


def _by_type(text: str, name: str, noun: str) -> str:
    """Call a parameter by its type; "given" where it comes first, or where another could be meant."""
    first, *others = text.split(f"`{name}`")
    another = re.search(rf"\b(?:an?|the|inner|every|each|no|of) (?:\w+ )?{noun}s?\b", " ".join([first, *others]))
    again = f"the given {noun}" if another else f"the {noun}"
    return first + f"the given {noun}" + again.join(others) if others else text


def _is_noun(name: str) -> bool:
    words = name.split("_")
    last = words[-1]
    whole = all(each.isalpha() and len(each) > 2 for each in words)
    return (
        whole
        and last in OF_THINGS
        and last not in MANY
        and words[0] not in ("is", "has", "num", "the", "max", "min", "str")
    )


def _elements(text: str, name: str, kind: Kind, random: Random) -> str:
    """Call the elements of a parameter by the noun that its name is the plural of."""
    if kind.element.name in ("list", "set", "dict") or AGAIN.search(text):
        return text
    noun, one = NOUNS.get(kind.element.name, "element"), singular(name)
    if not one or one.split()[-1] in VAGUE or (kind.element.name in ("int", "float") and not _measured(one)):
        return text
    many, own = plural(one), re.escape(f"`{name}`")
    others = [each for each in re.findall(r"`([^`]*)`", text) if each != name]

    def named(found: re.Match[str]) -> str:
        loop = found[1]
        spoken = sum(re.search(rf"\b{re.escape(loop)}\b", each) is not None for each in others)
        if loop.replace("_", " ") != one:
            return f"{one} `{loop}`"
        return one if spoken == 1 else f"`{loop}` in `{name}`"

    before = text
    text = re.sub(rf"\b{noun} `(\w+)` in {own}", named, text)
    text = re.sub(rf"\b{re.escape(plural(noun))} in {own}", many, text)
    text = re.sub(rf"\b{noun} in {own}", one, text)
    text = re.sub(rf"\belements of {own}", many, text)
    if text != before and f"`{name}`" not in text and random.random() < BY_TYPE:
        text = text.replace(f"the {many}", f"the given {many}", 1)
    return text


def _measured(noun: str) -> bool:
    """Tell whether numbers can be called so: a price is a number, a cat is none."""
    return noun.rsplit(maxsplit=1)[-1] in OF_THINGS | {
        "point",
        "mark",
        "sale",
        "coin",
        "temperature",
        "salary",
        "reading",
        "reward",
    }


def singular(name: str) -> str:
    """Return the noun of which a name is the plural, or an empty text.

    >>> singular("city_names"), singular("status"), singular("boxes")
    ('city name', '', 'box')
    """
    *words, last = name.split("_")
    if not all(each.isalpha() and len(each) > 2 for each in [*words, last]):
        return ""
    if last in IRREGULAR:
        one = IRREGULAR[last]
    elif last.endswith("ies") and len(last) > 4:
        one = f"{last[:-3]}y"
    elif last.endswith(("sses", "xes", "ches", "shes")):
        one = last[:-2]
    elif last.endswith("s") and not last.endswith(("ss", "us", "is", "as")):
        one = last[:-1]
    else:
        return ""
    return " ".join([*words, one]) if len(one) > 2 else ""
