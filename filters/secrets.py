"""`filter.secrets`: keys, e-mail addresses and IP addresses of others are replaced by placeholders, or drop a document.

In: Documents. Out: the same with `secret_email`, `secret_ip_address` and `secret_key`, how many of each were found; the
text holds `<EMAIL>`, `<IP_ADDRESS>` and `<KEY>` in their place, as StarCoder's does (Li et al. 2023, section 4).
Forms of keys are those of Yelp's detect-secrets, of the issuers whose keys carry a mark; no key is ever tried out. A
random string counts as a key only where its line names one. Only strings and comments are searched and changed, so a
text that parsed still does; it is checked, and dropped if it does not.

Left alone: private, reserved and documentation addresses (`ipaddress` knows them), public DNS servers, what may as well
be a version number, domains that RFC 2606 reserves for examples, and users such as `git` and `noreply`. Names of people
are not searched for: that needs a model (StarPII).
"""

import ipaddress
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.parser import LARGEST_BYTES, parse
from curate.stage import Columns, Context, Filter, Verdict
from filters.heuristics import STAMP
from filters.lexical import regions

Action = Literal["redact", "drop", "keep"]
Span = tuple[int, int]
KINDS = ("email", "ip_address", "key")

EMAIL = re.compile(rb"(?<![\w.+/:%-])[A-Za-z0-9_.+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z]{2,24}(?![\w-])")
IP_ADDRESS = re.compile(
    rb"(?<![\w.:-])(?:\d{1,3}(?:\.\d{1,3}){3}(?!\.?[\w-])|(?:[0-9A-Fa-f]{1,4}:){2,7}(?::|[0-9A-Fa-f]{1,4})[0-9A-Fa-f:]*(?![\w.]))"
)
RESERVED_DOMAINS = re.compile(
    rb"(?i)(?:^|\.)(?:example|invalid|test|localhost|local|example\.\w+|(?:openssh|libssh)\.(?:com|org)"
    rb"|(?:your|my|some)?-?(?:domain|company|email|mail|host|server|site|foo|bar|baz|spam|[a-z])\.\w+)$"
)
"""RFC 2606's, those in the names of SSH's algorithms, and words that stand for a domain."""
FILES = re.compile(
    rb"(?i)\.(?:png|jpe?g|gif|svg|ico|py|js|css|html?|json|so|txt|md|rst|whl|zip|gz|lock|service|conf|sls|ya?ml)$"
)
NOBODY = re.compile(
    rb"(?i)(?:git|svn|hg|user(?:name)?|no-?reply|nobody|your?(?:[._-]?(?:name|e?mail))?|root|postmaster)$"
)
DNS_SERVERS = {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220"}
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
PRIVATE_KEY = re.compile(rb"-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----")
KEY_LINE = re.compile(rb"[A-Za-z0-9+/=]{40,}")
REST_OF_KEY = re.compile(rb"[A-Za-z0-9_=+/-]*")
KEY_LINES_BYTES = 8000
"""How far behind its head a private key reaches at most."""
NAMED = re.compile(
    rb"(?i)(?:api_?key|secret(?:_?key)?|access_?key|private_?key|auth_?token|access_?token|\btoken|passw(?:or)?d|credentials?)"
    rb"[\"']?\]?\s{0,3}(?::|=|=>)\s{0,3}b?[\"']([A-Za-z0-9+/=_-]{16,256})[\"']"
)
MIXED = re.compile(rb"(?=.*\d)(?=.*[A-Za-z])")
UNKNOWN_TO_RE2 = re.compile(r"\(\?[!=][^)]*\)|(?<=,)\d{4,}(?=\})")
LEAST_ENTROPY = 3.3
"""Bits a byte; detect-secrets asks 3.0 of hexadecimal and 4.5 of base64 strings."""


class Secrets(Filter):
    """Replace keys, e-mail and IP addresses in strings and comments, or drop the documents that hold them."""

    VERSION: ClassVar[int] = 2

    email: Action = "redact"
    """What is done about e-mail addresses; `keep` does not search for them."""
    ip_address: Action = "redact"
    """What is done about IP addresses that are routed on the internet."""
    key: Action = "redact"
    """What is done about keys, tokens and passwords."""
    max_bytes: int = Field(default=LARGEST_BYTES, ge=1)
    """A longer document is dropped as `too large to search` (UTF-8 bytes)."""

    def adds(self) -> Columns:
        """List how many of each kind were found."""
        return dict.fromkeys([f"secret_{kind}" for kind in KINDS], pa.int64())

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Return the texts without secrets and the number of each kind."""
        texts = shard.column("text")
        sizes = pc.fill_null(pc.binary_length(texts), 0).to_numpy()
        counts = {kind: np.zeros(shard.num_rows, np.int64) for kind in KINDS}
        reasons: list[str | None] = ["too large to search" if size > self.max_bytes else None for size in sizes]
        changed: dict[int, str] = {}
        wanted = [kind for kind in KINDS if getattr(self, kind) != "keep"]
        suspects = {kind: pc.match_substring_regex(texts, suspicion(kind)).fill_null(False) for kind in wanted}
        for row in np.flatnonzero(np.any([*suspects.values(), np.zeros(shard.num_rows, bool)], axis=0)).tolist():
            if reasons[row]:
                continue
            text = texts[row].as_buffer().to_pybytes()
            found = secrets(text, [kind for kind in wanted if suspects[kind][row].as_py()])
            for kind, spans in found.items():
                counts[kind][row] = len(spans)
            guilty = next((kind for kind, spans in found.items() if spans and getattr(self, kind) == "drop"), None)
            if guilty:
                reasons[row] = f"holds {'a key' if guilty == 'key' else 'an ' + guilty.replace('_', ' ')}"
            elif any(found.values()):
                clean = redact(text, found)
                if parse(clean)[0] and not parse(text)[0]:
                    reasons[row] = "cannot be redacted"
                changed[row] = clean.decode("utf-8", "replace")
        return _verdict(shard, reasons, counts, changed)


def _verdict(
    shard: pa.Table, reasons: list[str | None], counts: dict[str, np.ndarray], changed: dict[int, str]
) -> Verdict:
    columns = {f"secret_{kind}": pa.array(values, pa.int64()) for kind, values in counts.items()}
    if changed:
        mask = np.zeros(shard.num_rows, bool)
        mask[list(changed)] = True
        clean = pa.array([changed[row] for row in sorted(changed)], pa.large_string())
        columns["text"] = pc.replace_with_mask(shard.column("text").combine_chunks(), pa.array(mask), clean)
        if STAMP in shard.column_names:  # the signals are those of the old text
            stamps = shard.column(STAMP).combine_chunks()
            columns[STAMP] = pc.if_else(pa.array(mask), pa.scalar(None, stamps.type), stamps)
    total = sum(counts.values(), start=np.zeros(shard.num_rows, np.int64))
    return Verdict(
        reasons=pa.array(reasons, pa.string()),
        columns=columns,
        evidence={"score": pa.array(total.astype(np.float64))},
        metrics={f"secrets_{kind}": float(values.sum()) for kind, values in counts.items()},
    )


def secrets(text: bytes, kinds: Sequence[str] = KINDS) -> dict[str, list[Span]]:
    """Return where the secrets of each kind stand in strings and comments, in order, none within another.

    >>> {kind: len(spans) for kind, spans in secrets(b"# me@mine.org, not x@example.org nor 10.0.0.1").items()}
    {'email': 1, 'ip_address': 0, 'key': 0}
    """
    found: dict[str, list[Span]] = {kind: [] for kind in kinds}
    spans = [(start, stop, kind) for kind in kinds for start, stop in FINDERS[kind](text)]
    quoted = regions(text) > 0 if spans else np.empty(0, bool)
    end = 0
    for start, stop, kind in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= end and quoted[start:stop].all():
            found[kind].append((start, stop))
            end = stop
    return found


def redact(text: bytes, found: dict[str, list[Span]]) -> bytes:
    """Return the text with a placeholder in the place of each secret."""
    pieces, at = [], 0
    for start, stop, kind in sorted((*span, kind) for kind, spans in found.items() for span in spans):
        pieces += [text[at:start], f"<{kind.upper()}>".encode()]
        at = stop
    return b"".join([*pieces, text[at:]])


def emails(text: bytes) -> Iterator[Span]:
    """Yield where e-mail addresses stand that may be somebody's."""
    for found in EMAIL.finditer(text):
        user, _, domain = found[0].partition(b"@")
        if not (RESERVED_DOMAINS.search(domain) or FILES.search(domain) or NOBODY.match(user)):
            yield found.span()


def ip_addresses(text: bytes) -> Iterator[Span]:
    """Yield where addresses stand that are routed on the internet."""
    for found in IP_ADDRESS.finditer(text):
        name = found[0].decode()
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            continue
        if address.is_global and not address.is_multicast and name not in DNS_SERVERS and not _is_fancied(address):
            yield found.span()


def _is_fancied(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Tell whether an address is none that is given out (1:2::3:4), or more likely a number or an example.

    Versions have small parts (2.0.11.1), object identifiers begin with 1.3, examples have equal parts or digits in
    order (12.34.56.78).
    """
    parts = address.packed
    if address.version == 6:
        return parts[0] >> 5 != 1
    small = sum(part < 30 for part in parts) >= 3
    return small or len(set(parts)) == 1 or tuple(parts[:2]) == (1, 3) or tuple(parts) == (12, 34, 56, 78)


def keys(text: bytes) -> Iterator[Span]:
    """Yield where keys stand."""
    for pattern in key_patterns():
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
    for head in PRIVATE_KEY.finditer(text):
        end = text.find(b"-----END", head.end(), head.end() + KEY_LINES_BYTES)
        for line in KEY_LINE.finditer(text, head.end(), max(end, head.end())):
            yield line.span()
    for found in NAMED.finditer(text):
        if MIXED.match(found[1]) and entropy(found[1]) >= LEAST_ENTROPY:
            yield found.span(1)


def entropy(word: bytes) -> float:
    """Return the bits that a byte of a word carries, if each is as likely as it is frequent in the word."""
    shares = np.unique(np.frombuffer(word, np.uint8), return_counts=True)[1] / len(word)
    return float(-(shares * np.log2(shares)).sum())


@lru_cache(maxsize=1)
def key_patterns() -> tuple[re.Pattern[bytes], ...]:
    """Return the forms of issued keys, for bytes. Importing detect-secrets is left until they are needed."""
    from importlib import import_module

    kinds = [getattr(import_module(f"detect_secrets.plugins.{module}"), name) for module, name in DETECTORS]
    patterns = [pattern for kind in kinds for pattern in kind.denylist]
    return tuple(re.compile(pattern.pattern.encode(), pattern.flags & ~re.UNICODE) for pattern in patterns)


@lru_cache(maxsize=3)
def suspicion(kind: str) -> str:
    """Return an expression for Arrow's fast engine; a document without it holds no secret of the kind.

    That engine neither looks ahead nor counts beyond 1,000; without that a form only finds more.
    """
    if kind == "email":
        return r"[A-Za-z0-9_.+-]@[A-Za-z0-9-]+\.[A-Za-z]"
    if kind == "ip_address":
        return r"\d\.\d+\.\d+\.\d|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:"
    patterns = [*key_patterns(), PRIVATE_KEY, NAMED]
    return "|".join(UNKNOWN_TO_RE2.sub("", pattern.pattern.decode()) for pattern in patterns)


FINDERS: dict[str, Callable[[bytes], Iterator[Span]]] = {"email": emails, "ip_address": ip_addresses, "key": keys}
