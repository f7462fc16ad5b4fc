"""E-mail and IP addresses in a text: where they stand, and which may be somebody's.

In: the bytes of a text; `blanked`, the same with the escapes of its strings made blanks, so that the letter of a `\\n`
neither hides the word behind it nor becomes a part of it. Out: spans. What is in front of an address, such as
`mailto:`, `Author:`, a slash or a bracket, does not hide it.

No address, though it has an `@` and a dot: what ends in no domain of the internet (`X@beta.hat`, `hero@2x.webp`), the
user and host of a URL, products of matrices (`W@self.name`), domains that RFC 2606 reserves for examples, users such as
`git` and `noreply`. Not searched for by its last part: domains younger than TOP_LEVEL, and those in other scripts.
"""

import ipaddress
import re
from collections.abc import Iterator

Span = tuple[int, int]

ESCAPE = re.compile(rb"\\+(?:[abfnrtv0]|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8})")
"""Any number of backslashes: a string in a string has two."""
ENCODED = re.compile(rb"%[0-9A-Fa-f]{2}")
"""A byte as URLs write it."""
ADDRESS = re.compile(
    rb"(?<![\w+])[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.)+[A-Za-z]{2,24}(?![\w-]|<KEY>)"
)
USER_OF_URL = re.compile(rb"(?<!mailto)://[^\s/@\"'<>]*$")
LONGEST_USER = 200
PRODUCT = re.compile(rb"[A-Z][A-Z0-9_]{0,2}@|[\w.]+@(?:self|cls|np|numpy|jnp|torch|tf|this|[0-9]+x)\.")
"""`W@self.name` and `icon@2x.ai`."""
TOP_LEVEL = frozenset(
    b"""
ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt bw by bz ca cc cd cf cg
ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi
gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw
ky kz la lb lc li lk lr ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng
ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd se sg sh si sj sk sl sm
sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw tz ua ug uk us uy uz va vc ve vg vi vn vu wf
ws ye yt za zm zw
com org net edu gov mil int info biz name pro aero coop museum jobs mobi travel tel cat asia arpa post xxx
academy agency app army art associates band bank berlin best bio blog build builders business cafe camp capital care
careers center chat church city click clinic cloud club coach codes coffee college community company computer consulting
contact cool courses dance data dental design dev digital directory doctor domains earth education email energy
engineer engineering enterprises estate events exchange expert family farm fashion film finance financial fitness fm
foundation fun fund fyi gallery games garden gay global gmbh gold google graphics group guide guru hamburg health help
hiv holdings homes hospital host house icu immo inc ink institute international jetzt koeln kim land law lawyer legal
life limited link live llc lol london love ltd ltda luxe management market marketing mba media men moe money museum
music network news ngo ngos nyc one ong online ooo page paris partners pet photo photography photos pizza place plus
press productions pub quebec realty recipes report reviews rip rocks ruhr run sale saarland school science scot services
sexy shop shopping site social software solar solutions space store studio style sucks supply support swiss sydney
systems taxi team tech technology tips today tokyo tools top town trade training university vc ventures versicherung
video vin vip vision vote wales watch website wedding wien wiki win work works world wtf xin xyz yoga zone
""".split()
)
"""Top-level domains: all of countries, and those of IANA's others that people have addresses under."""
RESERVED_DOMAINS = re.compile(
    rb"(?i)(?:^|\.)(?:example|invalid|test|localhost|local|example\.\w+|(?:openssh|libssh)\.(?:com|org)"
    rb"|(?:your|my|some)?-?(?:domain|company|email|mail|host|server|site|foo|bar|baz|spam|[a-z])\.\w+)$"
)
"""RFC 2606's, those in the names of SSH's algorithms, and words that stand for a domain."""
FILES = re.compile(rb"(?i)\.(?:py|so|md|rs|sh|ps|pl|cc|js|ts)$")
"""Endings of files that are domains of countries too."""
NOBODY = re.compile(
    rb"(?i)(?:git|svn|hg|user(?:name)?|no-?reply|nobody|your?(?:[._-]?(?:name|e?mail))?|root|postmaster)$"
)
IPV4 = re.compile(rb"(?<![\w.])(?<![A-Za-z]-)\d{1,3}(?:\.\d{1,3}){3}(?!\.?\w|-[A-Za-z])")
IPV6 = re.compile(rb"(?<![\w.:-])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::|[0-9A-Fa-f]{1,4})[0-9A-Fa-f:]*(?![\w.])")
COLONS = re.compile(rb":[0-9A-Fa-f]{0,4}:")
"""What an IPv6 address holds behind its first four digits; rare, so that looking for it is quick."""
DNS_SERVERS = {"8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220"}


def blanked(text: bytes) -> bytes:
    """Return a text with blanks for the escapes of its strings; all else stays where it is.

    >>> blanked(b"To:\\\\nJo")
    b'To:  Jo'
    """
    return ESCAPE.sub(lambda found: b" " * len(found[0]), text) if b"\\" in text else text


def addresses(blanked: bytes) -> Iterator[Span]:
    """Yield where there is what looks like an e-mail address, whoever it may be of."""
    plain = ENCODED.sub(b"   ", blanked) if b"%" in blanked else blanked
    for found in ADDRESS.finditer(plain):
        yield found.span()


def emails(blanked: bytes) -> Iterator[Span]:
    """Yield where e-mail addresses stand that may be somebody's."""
    for start, stop in addresses(blanked):
        user, _, domain = blanked[start:stop].partition(b"@")
        if domain.rpartition(b".")[2].lower() not in TOP_LEVEL or PRODUCT.match(blanked, start, stop):
            continue
        if RESERVED_DOMAINS.search(domain) or FILES.search(domain) or NOBODY.match(user):
            continue
        if not USER_OF_URL.search(blanked, max(0, start - LONGEST_USER), start):
            yield start, stop


def ip_addresses(blanked: bytes) -> Iterator[Span]:
    """Yield where addresses stand that are routed on the internet."""
    for found in [*IPV4.finditer(blanked), *_ipv6(blanked)]:
        name = found[0].decode()
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            continue
        if address.is_global and not address.is_multicast and name not in DNS_SERVERS and not _is_fancied(address):
            yield found.span()


def _ipv6(blanked: bytes) -> Iterator[re.Match[bytes]]:
    end = 0
    for colons in COLONS.finditer(blanked):
        for start in range(max(end, colons.start() - 4), colons.start()):
            found = IPV6.match(blanked, start)
            if found:
                end = found.end()
                yield found
                break


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
