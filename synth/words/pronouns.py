"""What was just spoken of, as "it": "a list that holds, for each string in `words`, its length".

In: an expression in which a loop's own name is read. Out: a phrase in which it is called "it", or None where that would
take a formula or a name.
"""

import ast
import re

from curate.synth.words.forms import Unsayable, reads
from curate.synth.words.speaker import Speaker

IT = "\ue000"
"""Stands for "it" until a phrase is whole, so that no other word is taken for it."""
OF_SEVERAL = "sum|set|product|larger|smaller|largest|smallest|difference|list|tuple"
OF_IT = re.compile(rf"\bthe (?!(?:[\w-]+ )?(?:{OF_SEVERAL}) of)((?:[\w-]+ ){{0,2}}[\w-]+) of {IT}")
"""Not "the set of it and 2", which is not "its set and 2"."""
NO_SUBJECT = re.compile(rf"(?<!\bin ){IT}(?! (?:is|does|equals|differs|contains|starts|ends|reads|holds)\b)")
MOST = 2
"""How often one can say it."""


def with_it(say: Speaker, own: str, node: ast.expr, one: str, called: str = IT, *, whether: bool = False) -> str | None:
    """Return an expression, or `whether` one holds, with a name `called` it, or "that number" if it is `one`."""
    if not 1 <= reads(node, own) <= MOST:
        return None
    notes = list(say.notes)
    speaker = say.standing(own, called)
    try:
        text = f"whether {speaker.clause(node)}" if whether else speaker.np(node)
    except Unsayable:
        say.notes[:] = notes
        return None
    if OF_IT.sub("", text).count(IT) > 1 and " if " not in text:
        return None
    text = OF_IT.sub(r"its \1", text)
    return NO_SUBJECT.sub(f"that {one}", text).replace(IT, "it")
