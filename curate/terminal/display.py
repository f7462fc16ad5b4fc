"""How numbers and untrusted text are shown to people: one spelling in the terminal and in the report."""

import re
from typing import Any

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but newline and tab: they move the cursor, ring, recolour
    "\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"  # invisible and bidirectional marks: they reorder code
    "\ud800-\udfff\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f]"  # surrogates, non-characters, tags
)


def printable(text: str) -> str:
    r"""Return text that cannot drive a terminal or disguise its order: such characters become visible escapes.

    Newline and tab stay; a carriage return before a newline goes, as it marks the line's end and no more.

    >>> printable("red: \x1b[31m")
    'red: \\x1b[31m'
    """
    return UNSAFE.sub(_escape, text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def one_line(value: Any, width: int = 100) -> str:
    """Return a value as one printable line of at most `width` characters."""
    text = printable(number(value) if isinstance(value, float) else str(value)[: 20 * width])
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def number(value: float | None) -> str:
    """Return a number with thousands separators and at most four significant decimals; absent is a dash.

    >>> number(12345), number(0.01834567), number(3.0), number(None)
    ('12,345', '0.01835', '3', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.1f}"
    return f"{value:,.0f}"


def amount(count: float | None) -> str:
    """Return a large count in short, to three digits.

    >>> amount(15_500_000_000), amount(1e12), amount(820), amount(None)
    ('15.5B', '1T', '820', '–')
    """
    if count is None:
        return "–"
    for scale, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= scale:
            return f"{count / scale:.3g}{unit}"
    return f"{count:.0f}"


def percent(part: float, whole: float) -> str:
    """Return a share such as `38 %`, with one decimal below ten; of nothing it is a dash.

    >>> percent(38, 100), percent(1, 300), percent(1, 9000), percent(0, 0)
    ('38 %', '0.3 %', '<0.1 %', '–')
    """
    if not whole:
        return "–"
    share = 100 * part / whole
    if 0 < share < 0.1:
        return "<0.1 %"
    return f"{share:.0f} %" if share >= 10 or not share else f"{share:.1f} %"


def size(count_bytes: float | None) -> str:
    """Return bytes in decimal units.

    >>> size(512), size(12_345_678), size(7.1e9)
    ('512 B', '12.3 MB', '7.1 GB')
    """
    if count_bytes is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if count_bytes < 1000:
            return f"{count_bytes:.0f} B" if unit == "B" else f"{count_bytes:.1f} {unit}"
        count_bytes /= 1000
    return f"{count_bytes:.1f} TB"


def duration(seconds: float | None) -> str:
    """Return a time span in its two largest units.

    >>> duration(0.25), duration(42.3), duration(3 * 60 + 7), duration(2 * 3600 + 40 * 60)
    ('0.25 s', '42 s', '3 min 07 s', '2 h 40 min')
    """
    if seconds is None:
        return "–"
    if seconds < 10:
        return f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def energy(joules: float | None) -> str:
    """Return energy in joules, or in watt hours from 3,600 J.

    >>> energy(12.4), energy(7200), energy(None)
    ('12 J', '2 Wh', '–')
    """
    if joules is None:
        return "–"
    return f"{joules:.0f} J" if joules < 3600 else f"{joules / 3600:,.3g} Wh"
