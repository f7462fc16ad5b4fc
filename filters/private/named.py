"""Secrets that their name tells: words that look random, given to a name such as `api_key` or `password`.

In: the bytes of a text and the class of each (filters/signals/lexical.py). Out: spans. In code the syntax tree says
which names a literal is given to (filters/syntax/names.py). In comments, in strings of more than LONGEST bytes and in
what is no Python there is no tree: there a name counts that stands before the word in its line.
"""

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from curate.filters.private.addresses import Span
from curate.filters.private.keys import LONG, may_be_secret
from curate.filters.signals.lexical import TEXT
from curate.filters.syntax.names import Names
from curate.filters.syntax.nodes import read_nodes
from curate.text.compiled import compiled

NAMES = (
    r"(?i)passw|passphrase|passcode|\bpass\b|pwd|secret|token|credential|bearer|authoriz|\bauth\b|_auth\b|jwt|apikey"
    r"|(?:api|access|private|auth|sign|signing|encrypt|encryption|master|service|account|consumer|client|app|application"
    r"|session|shared|storage|subscription|license|deploy|hmac|crypt|aes|fernet|cipher|cookie|admin|webhook)[_ -]?key"
)
"""What a text must hold to have such a name in it; for Arrow's engine."""
STRONG = frozenset(
    ["password", "passwd", "passphrase", "passcode", "pass", "pwd", "passwort", "secret", "secrets", "token", "apikey",
     "credential", "credentials", "authtoken", "accesskey", "secretkey", "privatekey", "accesstoken", "bearer",
     "authorization", "auth", "jwt", "userpass", "dbpass", "pat", "clientsecret", "masterkey", "authkey", "cookie"]
)  # fmt: skip
KEYS_OF = frozenset(
    ["api", "access", "private", "secret", "auth", "sign", "signing", "encrypt", "encryption", "master", "service",
     "account", "consumer", "client", "app", "application", "session", "shared", "storage", "subscription", "license",
     "deploy", "hmac", "crypt", "aes", "fernet", "cipher", "cookie", "admin", "webhook"]
)  # fmt: skip
"""A `key` is a secret after one of these."""
ABOUT = frozenset(
    ["name", "names", "url", "uri", "urls", "file", "filename", "path", "dir", "type", "types", "field", "fields",
     "label", "prefix", "suffix", "format", "regex", "pattern", "param", "parameter", "hash", "hashes", "digest",
     "fingerprint", "checksum", "id", "ids", "index", "len", "length", "size", "count", "expiry", "expires", "timeout",
     "ttl", "version", "class", "cls", "model", "form", "hint", "message", "msg", "error", "algorithm", "alg", "policy",
     "validator", "endpoint", "mask", "placeholder", "description", "doc", "help", "title", "pos", "start", "end",
     "scope", "scopes", "uuid", "guid", "etag", "table", "column", "query", "sql", "salt", "public", "sha1", "sha256",
     "md5"]
)  # fmt: skip
"""A name that ends so says something about a secret."""
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
LINE_NAME = re.compile(rb"[A-Za-z][\w-]{1,60}(?=[\"')\]]{0,3}(?:\s{0,3}[:=,]|\s*(?:is|are)\b|\s*\()|\s+[A-Za-z0-9])")
LINE_BYTES, NEAR_BYTES = 120, 1000
PARTS = (b"pass", b"pwd", b"secret", b"token", b"credential", b"bearer", b"auth", b"jwt", b"key", b"cookie")
LONGEST, SHORTEST, LETTERS = 400, 8, 20
"""Bytes of a string with its quotes, of a word, of a word without a digit."""
PAIR = re.compile(rb"([\w.-]{2,60}?)(?:=|:=?)(?=[^=])([\s\S]+)")
"""Name and value without a blank between them, as in a file of settings."""
NAME_BEFORE = re.compile(
    rb"([A-Za-z_][\w.-]{1,60})[\"'`]?\]?(?::[ \t]?[\w.\[\]|]{1,30})?[ \t]{0,3}(?:=|:|=>|:=|==)[ \t]{0,3}"
    rb"(?:[Bb]earer |[Bb]asic |[Tt]oken )?[rbu]?[\"'`]{0,3}\Z"
)
SMALL, CAPITAL, DIGIT, SIGN, SEPARATOR, END, ESCAPE = range(7)
CLASSES = np.full(256, SIGN, np.uint8)
CLASSES[97:123], CLASSES[65:91], CLASSES[48:58] = SMALL, CAPITAL, DIGIT
CLASSES[list(b"_.:/-")] = SEPARATOR
CLASSES[list(b" \t\r\n\f\v\"'{}<>,;")] = END
CLASSES[92] = ESCAPE
EQUALS, COLON, GREATER = 61, 58, 62
"""What a byte of a string is; of an f-string the values are left out with their braces."""


def named(text: bytes, kinds: npt.NDArray[np.uint8]) -> Iterator[Span]:
    """Yield where words stand that look random and that a name calls secret."""
    literals = []
    for start, stop, in_short_string, after_sign in _words(text, kinds):
        value, end = _in_prose(text, start, stop) if after_sign else (stop, stop)
        if value < end:
            yield value, end
        elif in_short_string and may_be_secret(text[start:stop], "password") and _is_near_name(text, start, stop):
            literals.append((start, stop))
    nodes = read_nodes(text) if literals else None
    names = Names(nodes) if nodes else None
    for start, stop in literals:
        if any(_tells(group, text[start:stop]) for group in _groups(text, start, names)):
            yield start, stop


def _is_near_name(text: bytes, start: int, stop: int) -> bool:
    """Tell whether anything near a word may be such a name: only then the text is parsed."""
    around = text[max(0, start - NEAR_BYTES) : stop + LINE_BYTES].lower()
    return b"pass" in around or (stop - start >= LONG and any(part in around for part in PARTS))


def _in_prose(text: bytes, start: int, stop: int) -> Span:
    """Return the secret in a word, if it follows its name within one comment or string; an empty span if none."""
    around = text[max(0, start - LINE_BYTES) : stop].lower()
    if not any(part in around for part in PARTS):
        return stop, stop
    pair = PAIR.fullmatch(text, start, stop)
    if pair:
        start = pair.start(2)
    before = pair or NAME_BEFORE.search(text, max(0, start - LINE_BYTES), start)
    name = before[1].decode("utf-8", "replace") if before else ""
    if text[stop - 1 : stop] == b")" and b"(" not in text[start:stop]:
        stop -= 1
    return (start, stop) if is_secret(name) and may_be_secret(text[start:stop], name) else (stop, stop)


def _tells(group: list[str], value: bytes) -> bool:
    """Tell whether the names say that a value is secret, and whether it may be for such a name."""
    if WORD.findall(group[-1]) and WORD.findall(group[-1])[-1].lower() in ABOUT:
        return False
    return any(is_secret(name) and may_be_secret(value, name) for name in group)


def _groups(text: bytes, start: int, names: Names | None) -> Iterator[list[str]]:
    if names is None:
        line = text[max(text.rfind(b"\n", 0, start) + 1, start - LINE_BYTES) : start]
        found = [name.decode("utf-8", "replace") for name in LINE_NAME.findall(line)]
        yield from ([name] for name in found)
        return
    literal = names.nodes.literal_at(start)
    if literal is not None:
        yield from names.of(literal)


def _words(text: bytes, kinds: npt.NDArray[np.uint8]) -> Iterator[tuple[int, int, bool, bool]]:
    """Yield the words of strings and comments whose characters change as those of random ones may.

    The third value tells whether the word stands in a string that is not long, the fourth whether a `=` or `:` stands
    in it or before it.
    """
    room = np.empty((len(text) // SHORTEST + 1, 4), np.int32)
    count = _changing_words(np.frombuffer(text, np.uint8), kinds, room)
    for start, stop, short, after_sign in room[:count].tolist():
        yield start, stop, bool(short), bool(after_sign)


@compiled
def _changing_words(text: npt.NDArray[np.uint8], kinds: npt.NDArray[np.uint8], words: npt.NDArray[np.int32]) -> int:
    """Write where such words begin and end, and return how many there are."""
    count, at = 0, 0
    while at < len(text):
        if kinds[at] == 0:
            at += 1
            continue
        stop, is_string = at, kinds[at] >= TEXT
        while stop < len(text) and kinds[stop] > 0 and (kinds[stop] >= TEXT) == is_string:
            stop += 1
        short = is_string and stop - at <= LONGEST
        while at < stop:
            kind = CLASSES[text[at]]
            if kind >= END:
                at += 1 if kind == END else 2
                continue
            first, before, changes, signs, digits, equals = at, SEPARATOR, -1, 0, 0, False
            while at < stop and CLASSES[text[at]] < END:
                kind = CLASSES[text[at]]
                equals |= text[at] == EQUALS or text[at] == COLON
                if kind < SEPARATOR:
                    changes += kind != before
                    before = kind
                    signs += 1
                    digits += kind == DIGIT
                at += 1
            if signs >= SHORTEST and 5 * changes >= signs - 1 and (digits > 0 or signs >= LETTERS):
                equals |= _follows_sign(text, first)
                words[count, 0], words[count, 1], words[count, 2], words[count, 3] = first, at, short, equals
                count += 1
        at = stop
    return count


@compiled
def _follows_sign(text: npt.NDArray[np.uint8], at: int) -> bool:
    """Tell whether a `=` or `:` stands before a word, with quotes, blanks and one short word (`Bearer`) between."""
    letters = 0
    for place in range(at - 1, max(at - 14, -1), -1):
        byte = text[place]
        kind = CLASSES[byte]
        if byte in (EQUALS, COLON, GREATER):
            return True
        if kind <= CAPITAL:
            letters += 1
            if letters > 6:
                return False
        elif byte not in (32, 9, 34, 39, 96):
            return False
    return False


def is_secret(name: str) -> bool:
    """Tell whether a name says that what it names is secret.

    >>> is_secret("AWS_SECRET_ACCESS_KEY"), is_secret("dbPassword"), is_secret("token_type"), is_secret("key")
    (True, True, False, False)
    """
    words = [word.lower() for word in WORD.findall(name)]
    if not words or words[-1] in ABOUT:
        return False
    if any(word in STRONG for word in words):
        return True
    return any(word == "key" and words[place - 1] in KEYS_OF for place, word in enumerate(words) if place)
