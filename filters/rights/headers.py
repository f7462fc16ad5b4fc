"""Which licence the header of a file gives, by the words that people give licences with.

In: a text. Out: an SPDX expression; UNCLEAR where the header claims rights that are not understood; None where it says
nothing. A header is the comments and the docstring above the code, and `__license__ = "..."`. A licence is given by

    SPDX-License-Identifier: ...
    its text, or the notice that it asks for (TEXTS)
    a name (NAMES) after `under`, `governed by`, `copy of`, `License:`, before `licensed`, on a line of its own, or in a
    line with a copyright

A name elsewhere is only spoken of, and so is one after `no` or `not`. Several that are given hold together. Rights are
claimed by `all rights reserved`, `confidential`, `for research use only` and the like (RIGHTS), and by `licensed under`
words that are no name known here; but what points to a LICENSE file says what the repository says. No legal advice.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from curate.text.licenses import spdx

UNCLEAR = "unclear"
HEADER = re.compile(
    r"(?:\ufeff|\s+|#[^\r\n]*|[rRuU]?\"\"\"[\s\S]*?(?:\"\"\"|\Z)|[rRuU]?'''[\s\S]*?(?:'''|\Z)"
    r"|[rRuU]?\"[^\"\n]*\"\s*(?=\n))*"
)
IDENTIFIER = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9().+-]+(?:[ \t]+[A-Za-z0-9().+-]+)*)")
DUNDER = re.compile(r"^__licen[cs]e__\s*(?::\s*str\s*)?=\s*[\"']([^\"'\n]{2,80})[\"']", re.MULTILINE)
SUSPICION = (
    "(?i)licen[cs]e|permission|redistribut|public domain|GPL|confidential|copying|BSD|rights|proprietary|commercial"
    "|use only|purposes only|prohibited|EUPL|unencumbered|distribute|copyright.{0,80}MIT|property of"
    r"|\b(?:CDDL|MPL|EPL|SSPL|OSL|CC[- ]BY|CC0|CeCILL)\b|OpenRAIL|Commons Clause|Apache 2"
)
WORTH_READING = re.compile(SUSPICION)
TEXTS = (
    (r"Permission is hereby granted, free of charge, to any person or organization obtaining a copy of the"
     r" software", "BSL-1.0"),
    (r"Permission is hereby granted, free of charge, to any person", "MIT"),
    (r"Permission to use, copy, modify,? and(?:/or)? distribute this software for any purpose", "ISC"),
    (r"Permission to use, copy, modify,? and distribute this software and its documentation", "HPND"),
    (r"Redistribution and use in source and binary forms[\s\S]{0,1200}All advertising materials", "BSD-4-Clause"),
    (r"Redistribution and use in source and binary forms[\s\S]{0,1200}(?:Neither|nor"
     r"|The) the names?\b", "BSD-3-Clause"),
    (r"Redistribution and use in source and binary forms[\s\S]{0,1200}(?:[Nn]either|nor"
     r"|may not be used to endorse)", "BSD-3-Clause"),
    (r"Redistribution and use in source and binary forms", "BSD-2-Clause"),
    (r"provided 'as-is', without any express or implied warranty[\s\S]{0,400}misrepresented", "Zlib"),
    (r"free and unencumbered software released into the public domain", "Unlicense"),
    (r"DO WHAT THE F\W*\w*CK YOU WANT TO", "WTFPL"),
    (r"(?:released|placed|put|dedicated|donated|is) (?:in|into|to) the public domain", "LicenseRef-Public-Domain"),
    (r"Licensed to PSF under a Contributor Agreement", "PSF-2.0"),
    (r"free software[;:,]? you can redistribute it and/or modify it under the (?:same )?terms as (?:Python"
     r"|Perl)", UNCLEAR),
)  # fmt: skip
GNU = r"(?:GNU(?:'s)?\s+)?"
VERSION = (
    r"(?:,?\s*(?:as published by[^.;]{0,60}?[,;]\s*)?(?:either\s+)?(?:the\s+)?\(?"
    r"(?:version|ver\.?|v\.?)?\s*-?(\d(?:\.\d)?)\b)?"
)
NAMES = (
    (GNU + r"Affero\s+(?:GNU\s+)?General\s+Public\s+Licen[cs]ed?|A-?GPL(?:ed)?(?:(?=v\.?\s?\d)|(?![a-z]))", "AGPL"),
    (GNU + r"(?:Lesser|Library)\s+(?:or Lesser\s+)?General\s+Public\s+Licen[cs]ed?|L-?GPL(?:ed)?(?:(?=v\.?\s?\d)"
     r"|(?![a-z]))", "LGPL"),
    (GNU + r"General\s+Public\s+Licen[cs]ed?|GNU\s+GPL|(?<![A-Za-z])GPL(?:ed)?(?:(?=v\.?\s?\d)|(?![a-z]))"
     r"|GNU\s+(?:public\s+)?licen[cs]e", "GPL"),
    (r"European\s+Union\s+Public\s+Licen[cs]e|EUPL", "EUPL-1.2"),
    (r"Mozilla\s+Public\s+Licen[cs]e|(?<![A-Za-z])MPL(?![a-z])", "MPL-2.0"),
    (r"Eclipse\s+Public\s+Licen[cs]e|(?<![A-Za-z])EPL(?![a-z])", "EPL-2.0"),
    (r"Common\s+Development\s+and\s+Distribution\s+Licen[cs]e|CDDL", "CDDL-1.0"),
    (r"Server\s+Side\s+Public\s+Licen[cs]e|SSPL", "SSPL-1.0"),
    (r"Business\s+Source\s+Licen[cs]e|BUSL|Elastic\s+Licen[cs]e|Commons\s+Clause"
     r"|Polyform\s+\w+", "LicenseRef-Source-Available"),
    (r"CeCILL(?:-?[BC])?", "CECILL-2.1"), (r"Open\s+Software\s+Licen[cs]e", "OSL-3.0"),
    (r"(?:\w+\s+)?Open\s?RAIL(?:[-+]+\w+)?|RAIL\s+Licen[cs]e"
     r"|Llama\s*\d?(?:\.\d)?\s+Community\s+Licen[cs]e", "LicenseRef-RAIL"),
    (r"Creative\s+Commons[^.;\n]{0,60}(?:Non-?Commercial|Share-?Alike|NoDerivat)[^.;\n]{0,40}|CC[- ]BY[- ](?:NC|ND"
     r"|SA)[-\w. ]*", "LicenseRef-CC-BY-NC"),
    (r"Creative\s+Commons\s+Zero[^.;\n]{0,30}|CC0(?:[- ]1\.0)?", "CC0-1.0"),
    (r"Creative\s+Commons\s+Attribution(?:\s+\d\.0)?(?:\s+\w+)?|CC[- ]BY(?:[- ]\d\.0)?", "CC-BY-4.0"),
    (r"Apache\s+(?:Software\s+)?Licen[cs]e(?:,?\s+Version)?(?:\s*v?\.?2(?:\.0)?)?|(?<![A-Za-z])(?:Apache"
     r"|ASL)[- ]?(?:v\.?)?\s?2(?:\.0)?|Apache(?=[- ]licen)|apache\.org/licenses/LICENSE-2\.0", "Apache-2.0"),
    (r"(?:(?:the|a)\s+)?(?:3-Clause|New|Modified|Revised)[\s-]+(?:\"?New\"?\s+)?BSD(?:\s+Licen[cs]e)?"
     r"|BSD[- ]3(?:[- ]Clause)?(?:\s+[\w\"' ]{0,30}?Licen[cs]e)?", "BSD-3-Clause"),
    (r"(?:2-Clause|Simplified|FreeBSD)[\s-]+BSD(?:\s+Licen[cs]e)?"
     r"|BSD[- ]2(?:[- ]Clause)?(?:\s+[\w\"' ]{0,30}?Licen[cs]e)?|FreeBSD\s+Licen[cs]e", "BSD-2-Clause"),
    (r"(?:Zero-Clause\s+BSD|0BSD)", "0BSD"),
    (r"(?<![A-Za-z])BSD(?:[- ](?:style|type|like))?(?:\s+Licen[cs]e)?", "LicenseRef-BSD"),
    (r"MIT\s+No\s+Attribution|MIT-0", "MIT-0"),
    (r"(?<![A-Za-z])(?:MIT|Expat)(?:/X11|[- ]style|[- ]like)?(?:\s+Licen[cs]e)?(?![A-Za-z])", "MIT"),
    (r"(?<![A-Za-z])ISC(?:\s+Licen[cs]e)?(?![A-Za-z])", "ISC"), (r"zlib(?:/libpng)?(?:\s+Licen[cs]e)?", "Zlib"),
    (r"Boost\s+Software\s+Licen[cs]e|BSL-1\.0", "BSL-1.0"), (r"Zope\s+Public\s+Licen[cs]e|ZPL", "ZPL-2.1"),
    (r"(?:Python\s+Software\s+Foundation|PSF)\s+Licen[cs]e|Python\s+(?:2\.0\s+)?Licen[cs]e", "PSF-2.0"),
    (r"The\s+Unlicense|Unlicense", "Unlicense"), (r"WTFPL", "WTFPL"), (r"PostgreSQL\s+Licen[cs]e", "PostgreSQL"),
    (r"Artistic\s+Licen[cs]e", "Artistic-2.0"),
    (r"(?:University\s+of\s+Illinois/)?NCSA(?:\s+Open\s+Source)?\s+Licen[cs]e", "NCSA"),
    (r"Universal\s+Permissive\s+Licen[cs]e", "UPL-1.0"), (r"Blue\s?Oak\s+Model\s+Licen[cs]e", "BlueOak-1.0.0"),
    (r"Academic\s+Free\s+Licen[cs]e", "AFL-3.0"),
    (r"Mulan\s?PSL|Mulan\s+Permissive\s+Software\s+Licen[cs]e", "MulanPSL-2.0"),
    (r"(?:the\s+)?public\s+domain", "LicenseRef-Public-Domain"),
)  # fmt: skip
"""Names as people write them and what they mean, those of which another is a part first. A family of GNU's gets its
version from the words behind it."""
NAME = re.compile("|".join(f"({words})" for words, _ in NAMES), re.IGNORECASE)
ANCHOR = re.compile(
    r"[Ll]icen[cs]|LICEN[CS]|GPL|GNU|BSD|MIT|Apache|APACHE|apache|E?UPL|[EM]PL|CDDL|SSPL|CC[0-]|Creative|ISC"
    r"|[zZ]lib|PSF|ZPL|WTFPL"
    r"|[Dd]omain|DOMAIN|ASL|RAIL|Clause|gpl|bsd|\bmit\b|Expat|CeCILL|Mulan|Polyform|OSL"
)
AROUND = 40
APACHE = re.compile(r"[Ll]icensed under the Apache License,? [Vv](?:ersion|\.)? ?2(?:\.0)?\b")
OTHERS = re.compile(
    r"GPL|GNU|BSD|MIT|UPL|[EM]PL|CDDL|SSPL|CC[0-]|Creative|ISC|[zZ]lib|PSF|ZPL|WTFPL|[Dd]omain|DOMAIN|RAIL|Clause"
    r"|gpl|bsd|Expat"
    r"|CeCILL|Mulan|Polyform|OSL|Mozilla|Eclipse|Boost|Zope|Python Soft|Unlicense|Artistic|Academic|European"
    r"|Business|Elastic"
)
GIVEN = re.compile(
    r"(?i)(?:\bunder|\bgoverned by|\bsubject to|\bcovered by|\baccording to|\bterms? of|\bcopy of"
    r"|\blicen[cs]ed (?:as|with|by)"
    r"|\bis|\bare|(?:^|[\n.;@*-])\W*licen[cs](?:es?|ing)(?: information)?\s*(?:::|[:=-]|is|are))"
    r"(?:\s+(?:the|an?|either|both|terms?|and|conditions|of|version|open|source|free|software|permissive|following"
    r"|is|standard"
    r"|same|as|all|OSI Approved ::|License ::))*[\s:\"'(<]*\Z"
)
"""What stands before a name that is given."""
BEFORE, ALONE_CHARACTERS = 90, 60
NOT = re.compile(
    r"(?i)\b(?:no|not|never|non|without|unlike|instead of|incompatible|compatible|than|isn't|aren't|avoids?|whether"
    r"|if)\b[^.;\n]*\Z"
)
LINE_BEFORE = re.compile(r"(?:^|[\n.;])[\s#*\"'=(<-]*(?:the|this (?:file|code|module) is)?\s*\Z", re.IGNORECASE)
LINE_AFTER = re.compile(
    r"[\s,)>\"']*(?:licen[cs]ed?)?[\s,(]*(?:version|v)?\.?\s*\d*(?:\.\d+)*[^\w\n.;]*(?:or (?:later|newer)"
    r"|\([^)\n]{0,30}\)|only)?"
    r"[^\w\n.;]*(?:\Z|[\n.;])", re.IGNORECASE
)  # fmt: skip
LICENSED = re.compile(r"[ v\d.+]{0,8}[- ]licen[cs]ed\b", re.IGNORECASE)
COPYRIGHT = re.compile(r"(?i)copyright|\(c\)|©|\bauthors?:")
POINTS = re.compile(
    r"(?:[Ss]ee|in|with|the|for)\b[^.\n]{0,40}\b(?:LICEN[CS]E|COPYING|NOTICE)\b|[Ll]icen[cs]e [Ff]ile|[Aa]ccompanying"
    r"|[Ss]ame (?:licen[cs]e|terms) (?:as|of)"
)
LICENSED_UNDER = re.compile(
    r"(?i)\b(?:licen[cs]ed|released|distributed|available|published|provided"
    r"|redistribut\w+)\b[^.;\n]{0,40}?\bunder\s+[^.;]{3,100}"
    r"|(?:^|\n)\W*licen[cs]e\s*[:=]\s*\S[^\n]{1,80}"
)
RIGHTS = re.compile(
    r"(?i)all rights (?:are )?reserved|retains? all (?:\w+ )?(?:intellectual|rights)|\bproprietary (?:and|rights"
    r"|information|software|licen[cs]e|to)\b"
    r"|\bunauthori[sz]ed (?:copying|use|reproduction|distribution)|\btrade secrets?\b|strictly prohibited"
    r"|may not be (?:used|copied|reproduced|distributed|disclosed|shared)|(?:do not|not to be) (?:re)?(?:distribute"
    r"|copy|share)d?\b"
    r"|without (?:the )?(?:express|prior|written|explicit)[^.]{0,40}(?:permission|consent|authori[sz]ation)"
    r"|no licen[cs]e is granted|\b(?:is|are) (?:the )?(?:sole |exclusive )?property of\b|redistribution is (?:not"
    r"|prohibited)"
)
STRONG = re.compile(
    r"(?i)\bnon-?\s?commercial\b[^.;]{0,40}\b(?:use|purposes?)\b[^.;]{0,12}\bonly|\bonly (?:for"
    r"|be used for) (?:non-?\s?commercial|research|academic)"
    r"|\b(?:non-?commercial|research|internal|academic|educational|evaluation|personal)(?:[ /,]+\w+){0,3} (?:use"
    r"|purposes?) only"
    r"|\bnot for commercial use|commercial (?:use|licen[cs]e) (?:is |are )?(?:not |requires?|prohibited|forbidden"
    r"|must)"
    r"|\bproprietary and confidential|\bconfidential and proprietary|(?:^|[\n.;])\W*(?:strictly "
    r"|company )?confidential\W*(?:\Z|[\n.;])"
)
"""Bounds that hold beside any licence that is named."""


MARGINS = re.compile(r"^[ \t#*>|]+|[ \t#*|]+$", re.MULTILINE)


def header_license(text: str) -> str | None:
    """Return the licence that a text gives itself in its header, UNCLEAR if its words are not understood, or None.

    >>> header_license("# SPDX-License-Identifier: mit OR Apache-2.0\\nx = 1")
    'MIT OR Apache-2.0'
    >>> header_license("# Licensed under the GPL\\nx = 1"), header_license("# Parses the GPL\\nx = 1")
    ('LicenseRef-GPL', None)
    """
    head = HEADER.match(text)
    raw = head[0] if head else ""
    own = next((license for name in DUNDER.findall(text) if (license := spdx(name))), None)
    return _said(raw, own) if WORTH_READING.search(raw) else own


@lru_cache(maxsize=10_000)
def _said(raw: str, own: str | None) -> str | None:
    """Return what a header says; `own` is what the module's variable says. Many files of a repository have the same."""
    identifiers = [found.strip() for found in IDENTIFIER.findall(raw)]
    if identifiers:
        return spdx("; ".join(identifiers))
    lines = MARGINS.sub("", "\n".join(raw.splitlines()))
    words = re.sub(r"(?<=[^\n.;:])\n(?=[^\n])", " ", lines)
    given = _given(words, lines) or ([own] if own else [])
    if STRONG.search(words) or UNCLEAR in given:
        return UNCLEAR
    if given:
        return spdx("; ".join(dict.fromkeys(given)))
    claims = (found[0] for found in LICENSED_UNDER.finditer(words))
    unknown = any(not POINTS.search(claim) and not NAME.search(claim) for claim in claims)
    claimed = bool(RIGHTS.search(words)) and not POINTS.search(words)
    secret = bool(re.search(r"(?i)\bconfidential\b", words)) and bool(COPYRIGHT.search(words))
    return UNCLEAR if unknown or claimed or secret else None


def _given(words: str, lines: str) -> list[str]:
    """Return the licences that a header gives, in order."""
    squeezed = " ".join(words.split())
    text = next((license for pattern, license in TEXTS if re.search(pattern, squeezed)), None)
    found = [text] if text else []
    if found or OTHERS.search(lines) or not APACHE.search(squeezed):
        found += [_license(lines, name) for name in _names(lines) if _is_given(lines, name)]
    else:  # the header of every other file
        found.append("Apache-2.0")
    specific = {license.removeprefix("LicenseRef-") for license in found}
    return [
        license for license in dict.fromkeys(found)
        if not (license == "LicenseRef-BSD" and any(other.startswith("BSD-") for other in specific))
        and not any(other != license and other.startswith(license.removeprefix("LicenseRef-") + "-") for other in found)
    ]  # fmt: skip


def _names(text: str) -> Iterator[re.Match[str]]:
    """Yield the names in a text: they are looked for around the words of which each has one."""
    windows: list[list[int]] = []
    for word in ANCHOR.finditer(text):
        first, last = max(0, word.start() - AROUND), word.end() + AROUND
        if windows and first <= windows[-1][1]:
            windows[-1][1] = last
        else:
            windows.append([first, last])
    for first, last in windows:
        yield from NAME.finditer(text, first, last)


def _is_given(text: str, name: re.Match[str]) -> bool:
    """Tell whether a name is given to the file, and not only spoken of."""
    before = text[max(0, name.start() - BEFORE) : name.start()]
    joined = before.replace("\n", " ")
    after = text[name.end() : name.end() + ALONE_CHARACTERS]
    if NOT.search(joined) or before[-1:] in ("@", ".") or re.match(r"\.[a-z]{2}|@", after):
        return False
    line = text[text.rfind("\n", 0, name.start()) + 1 : name.end()]
    return bool(
        GIVEN.search(before)
        or GIVEN.search(joined)
        or LICENSED.match(after)
        or (LINE_BEFORE.search(before) and LINE_AFTER.match(after))
        or (COPYRIGHT.search(line) and len(line) < 160 and (name[0].upper() != "MIT" or LINE_AFTER.match(after)))
        or name[0].startswith("apache.org")
    )


def _license(text: str, name: re.Match[str]) -> str:
    license = NAMES[(name.lastindex or 1) - 1][1] if name.lastindex else ""
    if license not in ("GPL", "LGPL", "AGPL"):
        return license
    after = text[name.end() : name.end() + 160]
    version = re.match(VERSION + r"(?=\D|\Z)", after, re.IGNORECASE) or re.match(r"()", after)
    number = version[1] if version and version[1] else ""
    close = re.match(r"[- ]?v?(\d(?:\.\d)?)", after, re.IGNORECASE)
    number = number or (close[1] if close else "")
    if number not in ("1", "2", "3", "2.0", "2.1", "3.0"):
        return f"LicenseRef-{license}"
    number = number if "." in number else f"{number}.0"
    later = re.match(r"[^.;]{0,20}(?:\+|[^;]{0,110}later)", after[after.find(number[0]) + 1 :], re.IGNORECASE)
    found = spdx(f"{license}-{number}-{'or-later' if later else 'only'}") or ""
    return found if not found.startswith("LicenseRef") else f"LicenseRef-{license}"
