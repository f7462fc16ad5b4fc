"""What a function of real code does, in prose: its docstring's first paragraph, without markup.

In: a docstring. Out: up to three sentences, or nothing where it says nothing in English, or speaks of what does not
come with the function: its class, other code, the history of its project.
"""

import builtins
import inspect
import re
from collections.abc import Collection

MARKUP = (
    (re.compile(r":\w+(?::\w+)*:`~?([^`<]*?)(?: *<[^>]*>)?`"), r"`\1`"),  # :class:`~a.b`
    (re.compile(r"``([^`]+)``"), r"`\1`"),
    (re.compile(r"\{@\w+ ([^}]*)\}"), r"\1"),
    (re.compile(r"</?\w+[^>]*>"), ""),
    (re.compile(r"`([^`_]+?) <[^>]+>`_+"), r"\1"),
    (re.compile(r"\[([^\]]+)\]\(https?:[^)]*\)"), r"\1"),
    (re.compile(r"\*\*(\w[^*]*)\*\*"), r"\1"),
    (re.compile(r"\s*\[\d+\]_"), ""),
    (re.compile(r"\b[A-Z]\{([^}]*)\}"), r"`\1`"),
)
SECTION = re.compile(
    r"(:\w+|@\w+|Args?|Arguments|Param(eter)?s|Returns?|Yields?|Raises|Examples?|Notes?|[-=~]{3,})\b.*:|[:@]\w+|>>>|[-=~]{3,}"
)
UNFIT = re.compile(
    r"\b(self|instance|this (class|method|object|module)|deprecated|todo|fixme|xxx|internal|helper|wrapper|https?|"
    r"issue|pep|rfc|override\w*|subclass\w*|callback|see also|copyright|backward\w*|workaround|hack)\b|"
    r"\w\.\w+\.\w|\w\(\)|(?-i:\b[A-Z][a-z]+[A-Z]\w*)",
    re.IGNORECASE,
)
PLAIN = dir(builtins)
SENTENCES = 3
LONGEST = 320


def description_of(docstring: str, names: Collection[str]) -> str:
    """Return what a function does; empty where nothing says it, or where it speaks of code other than these `names`.

    >>> description_of("Return the first ``word`` of some words, joined", ["word"])
    'Return the first `word` of some words, joined.'
    """
    lines: list[str] = []
    for line in inspect.cleandoc(docstring).splitlines():
        if lines and (not line.strip() or SECTION.match(line.strip())):
            break
        if line.strip() and not SECTION.match(line.strip()):
            lines.append(line.strip())
    text = " ".join(lines)
    for pattern, plain in MARKUP:
        text = pattern.sub(plain, text)
    sentences = re.split(r"(?<=[^.][.!?])\s+(?=[A-Z`])", text)[:SENTENCES]
    while len(sentences) > 1 and len(" ".join(sentences)) > LONGEST:
        sentences.pop()
    text = " ".join(" ".join(sentences).split()).rstrip(" :;,-")
    words = re.findall(r"[A-Za-z]{2,}", text)
    fit = text.isascii() and len(words) >= 3 and len(text) <= LONGEST and not UNFIT.search(text)
    spoken_of = {quoted for quoted in re.findall(r"`([^`]*)`", text) if re.fullmatch(r"[A-Za-z_][\w.]*", quoted)}
    if not fit or text[0] in "-*#|>" or text.count("(") != text.count(")") or not spoken_of <= {*names, *PLAIN}:
        return ""
    text = text[0].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
