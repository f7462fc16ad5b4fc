"""Keys, tokens and passwords in a text, by their own form: what an issuer marks, private keys, passwords in URLs.

In: the bytes of a text and of the same with its escapes blanked (filters/private/addresses.py). Out: spans.

    issued     the forms of Yelp's detect-secrets, of issuers whose keys carry a mark, and those in MARKED
    private    the body of keys in PEM, PGP, SSH2 and PuTTY's form, whatever the length of lines, with or without an end
    in URLs    `scheme://user:password@host`; words that only stand for a password are left

A secret that only its name tells is a matter of filters/private/secrets.py; whether its value may be one,
`may_be_secret` says.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module

import numpy as np
import numpy.typing as npt

from curate.filters.private.addresses import Span
from curate.text.compiled import compiled

DETECTORS = (
    ("aws", "AWSKeyDetector"),
    ("azure_storage_key", "AzureStorageKeyDetector"),
    ("discord", "DiscordBotTokenDetector"),
    ("github_token", "GitHubTokenDetector"),
    ("gitlab_token", "GitLabTokenDetector"),
    ("jwt", "JwtTokenDetector"),
    ("mailchimp", "MailchimpDetector"),
    ("npm", "NpmDetector"),
    ("openai", "OpenAIDetector"),
    ("pypi_token", "PypiTokenDetector"),
    ("sendgrid", "SendGridDetector"),
    ("slack", "SlackDetector"),
    ("square_oauth", "SquareOAuthDetector"),
    ("stripe", "StripeDetector"),
    ("telegram_token", "TelegramBotTokenDetector"),
    ("twilio", "TwilioKeyDetector"),
)
"""Modules and classes of detect-secrets. Left out: those that look for words instead of marks (KeywordDetector and the
two of random strings, which alone report 20 to 30 strings a megabyte of tests) and those of services that ended."""
MARKED = re.compile(
    rb"(?<![A-Za-z0-9])(?:"
    rb"(?:hf_|api_org_)[A-Za-z]{34}|AIza[\w-]{35}|ya29\.[\w-]{30,}|GOCSPX-[\w-]{28}|sk-ant-[\w-]{24,}"
    rb"|sk-(?:proj|svcacct|admin|or-v1|lf)-[\w-]{24,}|sk-[A-Za-z0-9]{48}|github_pat_\w{22,}|npm_[A-Za-z0-9]{36}"
    rb"|pypi-[\w-]{85,}|xapp-\d-[\w-]{20,}|xox[a-z]-[\w-]{20,}|[rs]k_test_[A-Za-z0-9]{24,}|whsec_[A-Za-z0-9+/=]{32,}"
    rb"|do[opr]_v1_[a-f0-9]{64}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|dapi[a-f0-9]{32}|key-[0-9a-f]{32}"
    rb"|lin_api_[A-Za-z0-9]{32,}|(?:secret|ntn)_[A-Za-z0-9]{40,}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|ATATT3[\w=-]{40,}"
    rb"|hv[sbr]\.[\w-]{24,}|dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9.]{40,}|gl(?:c|sa)_[A-Za-z0-9+/_=]{32,}"
    rb"|NRAK-[A-Z0-9]{27}|gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{60,}|r8_[A-Za-z0-9]{37}|pplx-[A-Za-z0-9]{48}"
    rb"|figd_[\w-]{40}|sq0(?:atp|idp)-[\w-]{22,}|sbp_[a-f0-9]{40}|sntrys_[\w+/=-]{40,}|dckr_pat_[\w-]{27}"
    rb"|rubygems_[a-f0-9]{48}|cio[A-Za-z0-9]{32}|[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,}|AGE-SECRET-KEY-1[0-9A-Z]{58}"
    rb"|EAAC[A-Za-z0-9]{60,}|EAAA[\w-]{60}|AKC[A-Za-z0-9]{64,}|tfp_[\w-]{40,}|nvapi-[\w-]{60,}|tskey-[a-z]+-[\w-]{20,}"
    rb"|(?:b\.AAAAAQ|bkua_)[\w-]{30,}|pscale_(?:tkn|pw)_[\w.-]{32,}|pat[A-Za-z0-9]{14}\.[a-f0-9]{64}|AKIA[A-Z0-9]{16}"
    rb"|discord(?:app)?\.com/api/webhooks/\d{17,20}/[\w-]{60,})"
)
"""Forms that the issuers document, beside those of detect-secrets."""
REST_OF_KEY = re.compile(rb"[A-Za-z0-9_=+/-]*")
UNKNOWN_TO_RE2 = re.compile(r"\(\?<?[!=][^)]*\)")
MANY = re.compile(r"\{(?:9|\d\d+)(?:,\d*)?\}")
ISSUED = (
    r"A3T[A-Z0-9]{9}|ABIA|ACCA|AKIA|ASIA|AccountKey=|glpat-|gl(?:dt|ft|soat|rt|cbt|imt|ptt|agent|oas)-|GR1348941|eyJ|-us[0-9]"
    r"|_authToken|sk-|pypi-A|SG\.|[xX][oO][xX]|hooks\.slack|sq0|k_live_|AC[a-z0-9]{8}|SK[a-z0-9]{8}",
    r"[aA][wW][sS].{0,60}[0-9a-zA-Z/+]{40}",
    r"\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{20}",
    r"[0-9]:[A-Za-z0-9_-]{20}",
    r"(?:hf_|api_org_|AIza|ya29\.|GOCSPX-|github_pat_|npm_|xapp-[0-9]-|xox[a-z]-|k_test_|whsec_|do[opr]_v1_|_pat_"
    r"|shp(?:at|ca|pa|ss)_|dapi|key-|lin_api_|secret_|ntn_|PMAK-|ATATT3|hv[sbr]\.|dp\.(?:pt|st|ct|sa|scim|audit)\."
    r"|gl(?:c|sa)_|NRAK-|gsk_|xai-|r8_|pplx-|figd_|sbp_|sntrys_|rubygems_|cio|atlasv1\.|AGE-SECRET-KEY-1|EAA[CA]|AKC|tfp_"
    r"|nvapi-|tskey-[a-z]+-|AAAAAQ|bkua_|pscale_(?:tkn|pw)_|pat|webhooks/|gh[pousr]_|pypi-|sq0[a-z]+-|sk-)[A-Za-z0-9_=-]{16}",
)
"""What an issued key begins with or holds: one of these is in every document with one. For Arrow's fast engine, which
reads all of them in a third of the time that the forms themselves take: those are then tried on what is left."""

PRIVATE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----|---- BEGIN SSH2 (?:[A-Z]+ )?PRIVATE KEY ----"
    rb"|PuTTY-User-Key-File-\d+: ?[\w-]+"
)
KEY_END = re.compile(rb"----[ -]?END ")
HEADER = re.compile(rb"(?<![^\n\"' #\t])[A-Z][A-Za-z]*(?:-[A-Za-z0-9]+)*:[^\n]*?(?=  |[\n\"']|\Z)")
"""`Proc-Type: 4,ENCRYPTED`, `Version: GnuPG v1`, `Comment: ...`: but PuTTY's `Private-MAC:` they say nothing secret."""
WORD = re.compile(rb"(?<![A-Za-z0-9+/=])(?![rbuRBU]{1,2}[\"'])[A-Za-z0-9+/=]+")
LEAST_LINE = 16
"""Characters of a line that may be a key's; RFC 7468 writes 64, some 32."""
LAST_LINE = re.compile(rb"(?![a-z]+\b)[A-Za-z0-9+/=]+(?=[\n\r\"'\\]|  |\Z)")
LONGEST_KEY = 200_000

URL_PASSWORD = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s/:@\"'<>]{0,64}:([^\s/@\"'<>]{3,128})@[\w.\[{%$-]")
NO_PASSWORD = re.compile(
    rb"(?i)(?:(?:my|your|the|some|user|db|api|auth|admin|root|mysql|postgres|super)?[_-]?(?:passw(?:or)?d|pass|pwd|pw|secret|"
    rb"token|key|word|user|name|credentials?)\d?|[x*.]+|(?:foo|bar|baz|spam|test|tiger|guest|admin|root|postgres|mysql|"
    rb"redis|rabbitmq|sa|demo|example|changeme|default|none|null|abc|123|1234|12345|123456)+\d{0,3}|p+|[a-z])$"
)
TEMPLATE = re.compile(rb"[{}<>]|\$[{(]|\A\$[A-Z_]+\Z|\A%[sd]|%[sd]\Z|%\(\w+\)|\.\.\.|\*\*\*|\A\[.*\]\Z|\(\?|\)\.\w+\(")
"""What is filled in later, and code or expressions inside of a string."""

SHORTEST, LONG, LETTERS = 8, 16, 20
"""Characters of a password, of what may be a key, and of one without a digit."""
LEAST_ENTROPY, LEAST_ENTROPY_SHORT = 3.0, 2.75
"""Bits a byte; 32 hexadecimal digits at random have 3.2 to 3.9. detect-secrets asks 3.0 of them, 4.5 of base64."""
WORDS = re.compile(
    rb"(?i)example|placeholder|changeme|your[_-]?|dummy|xxxx|0000|1234567|abcdef(?!\d)|qwerty|://|\\[dwsbDWSB]"
)
"""What tells that a value is made up, or no value."""
SMALL, CAPITAL, DIGIT, SIGN, SEPARATOR = range(5)
CLASSES = np.full(256, SIGN, np.uint8)
CLASSES[97:123], CLASSES[65:91], CLASSES[48:58] = SMALL, CAPITAL, DIGIT
CLASSES[list(b"_.:/ -")] = SEPARATOR


@lru_cache(maxsize=1)
def key_patterns() -> tuple[re.Pattern[bytes], ...]:
    """Return the forms of issued keys, for bytes. Importing detect-secrets is left until they are needed."""
    kinds = [getattr(import_module(f"detect_secrets.plugins.{module}"), name) for module, name in DETECTORS]
    patterns = [pattern for kind in kinds for pattern in kind.denylist]
    return (*(re.compile(pattern.pattern.encode(), pattern.flags & ~re.UNICODE) for pattern in patterns), MARKED)


def form(pattern: re.Pattern[bytes]) -> str:
    """Return a form for Arrow's fast engine, which does not look around and must not count far: it only finds more."""
    flags = "(?i)" if pattern.flags & re.IGNORECASE else ""
    return flags + MANY.sub("{8,}", UNKNOWN_TO_RE2.sub("", pattern.pattern.decode()))


def issued(pattern: re.Pattern[bytes], text: bytes) -> Iterator[Span]:
    """Yield where keys of a form stand that carry their issuer's mark."""
    end = 0
    for found in pattern.finditer(text):
        if found.start() < end:  # a mark within a key; reading on from each would be quadratic
            continue
        start, stop = found.span(found.lastindex or 0)
        if start == found.start():  # the group is but the issuer's mark
            stop = found.end()
        rest = REST_OF_KEY.match(text, stop)
        end = rest.end() if rest else stop
        yield start, end


def private(blanked: bytes, quoted: npt.NDArray[np.bool_]) -> Iterator[Span]:
    """Yield the lines of private keys; `quoted` tells which bytes stand in strings and comments."""
    end = 0
    for head in PRIVATE_KEY.finditer(blanked):
        if head.start() >= end and quoted[head.start()]:
            words, has_end = _words(blanked, head.end(), quoted)
            if has_end and any(_is_line(blanked[start:stop]) for start, stop in words):
                lines = words
            else:
                lines = list(_lines(blanked, words))
            end = lines[-1][1] if lines else head.end()
            yield from lines


def _words(text: bytes, start: int, quoted: npt.NDArray[np.bool_]) -> tuple[list[Span], bool]:
    """Return what may be parts of a key: the words up to its end mark, or to code; and whether there is such a mark."""
    limit = min(len(text), start + LONGEST_KEY)
    mark = KEY_END.search(text, start, limit)
    stop = mark.start() if mark else limit
    headers = [found for found in HEADER.finditer(text, start, stop) if b"Private-MAC" not in found[0]]
    kept = quoted[start:stop].copy()
    for found in headers:
        kept[found.start() - start : found.end() - start] = False
    words: list[Span] = []
    for found in WORD.finditer(text, start, stop):
        if not quoted[found.start()]:
            if found[0] not in (b"b", b"r", b"u", b"f", b"+"):
                return words, False
        elif kept[found.start() - start]:
            words.append(found.span())
    return words, mark is not None and bool(quoted[mark.start()])


def _lines(text: bytes, words: list[Span]) -> Iterator[Span]:
    """Yield the words of a key without an end mark: long ones, and one short one behind them that ends its line."""
    after_long = False
    for start, stop in words:
        if _is_line(text[start:stop]):
            after_long = True
            yield start, stop
        elif text[start:stop] in (b"Private", b"MAC"):
            continue
        elif after_long and LAST_LINE.match(text, start, stop + 2):
            after_long = False
            yield start, stop
        else:
            return


def _is_line(word: bytes) -> bool:
    return len(word) >= LEAST_LINE and not (word.islower() and word.isalpha())


def url_passwords(text: bytes) -> Iterator[Span]:
    """Yield where passwords stand in URLs."""
    for found in URL_PASSWORD.finditer(text):
        password = found[1]
        user = found[0].rpartition(b"://")[2].partition(b":")[0]
        if not (NO_PASSWORD.match(password) or TEMPLATE.search(password) or password.lower() == user.lower()):
            yield found.span(1)


def may_be_secret(value: bytes, name: str = "") -> bool:
    """Tell whether a word looks as if it was drawn at random, so that one who knows it has something.

    From one character of a random word to the next the class (small, capital, digit, sign) changes in 47 of 100 places
    in hexadecimal, in 62 in base64. In what people write it seldom does. Separators between words do not count.
    """
    size, present, changes, in_order, bits = figures(np.frombuffer(value, np.uint8))
    if size < SHORTEST or in_order > 0.4 or present & (present - 1) == 0:
        return False
    if not present & 1 << DIGIT:
        fits = size >= LETTERS and changes >= 0.35 and present & 1 << SMALL and present & 1 << CAPITAL
    elif size < LONG:
        fits = present.bit_count() >= 3 and changes >= 0.3 and "pass" in name.lower()
    else:
        fits = changes >= 0.25 and bits >= (LEAST_ENTROPY if size > 24 else LEAST_ENTROPY_SHORT)
    return bool(fits) and not TEMPLATE.search(value) and not WORDS.search(value)


@compiled
def figures(value: npt.NDArray[np.uint8]) -> tuple[int, int, float, float, float]:
    """Return figures of a word's characters, separators left out.

    How many there are, bits for the classes that occur, the share of places where the class changes, that of places
    where a character is next to the one before (abc, 321, 000), and the entropy.
    """
    seen = np.zeros(256, np.int64)
    size = present = changes = in_order = 0
    before = 0
    for byte in value:
        kind = int(CLASSES[byte])
        if kind == SEPARATOR:
            continue
        if size > 0:
            changes += kind != CLASSES[before]
            in_order += abs(int(byte) - before) <= 1
        before = int(byte)
        present |= 1 << kind
        seen[byte] += 1
        size += 1
    bits = 0.0
    for count in seen:
        if count > 0:
            bits -= count / size * np.log2(count / size)
    places = max(size - 1, 1)
    return size, present, changes / places, in_order / places, bits
