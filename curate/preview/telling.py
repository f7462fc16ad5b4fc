"""A preview as text for a terminal. Texts of documents are not trusted: control characters are shown, never sent."""

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from curate.preview.looked import Looked, Preview
from curate.report.documents.duplicates import coloured
from curate.report.documents.showing import facts, reason
from curate.terminal import display
from curate.terminal import drawing as terminal

LINES, LINES_OF_ONE, LINES_BEFORE = 12, 60, 6
"""Of a text after the stage, of one that was asked for alone, and of what a new text was made from."""
FATES = {"kept": "good", "changed": "news", "made": "good", "read": "good", "dropped": "bad", "rejected": "bad"}
WORDS = {"kept": ("kept", "dropped", " of"), "made": ("made", "rejected", " from"), "read": ("read", "rejected", " of")}
REASONS = 4


def render_preview(found: Preview) -> str:
    """Return a preview for a terminal: what came of all documents, how they were come by, then a few of them."""
    parts: list[RenderableType] = [_counts(found), *(Text(line, "quiet") for line in _origin(found)), Text("")]
    for each in found.shown:
        parts += [_heading(each), *_texts(each, LINES if len(found.shown) > 1 else LINES_OF_ONE), *_below(each)]
        parts.append(Text(""))
    return terminal.render(Group(*parts))


def _counts(found: Preview) -> Text:
    line = Text.assemble((found.stage, "bold"), f"  {found.use}: ")
    words = WORDS["read" if found.stage in found.read else "made" if found.makes else "kept"]
    line.append(f"{found.kept:,} {words[0]}, {found.dropped:,} {words[1]}{words[2]} {found.documents_in:,}")
    reasons = [f"{count:,} {display.one_line(why)}" for why, count in found.dropped_by_reason.items()]
    more = f", {len(reasons) - REASONS} more reasons" if len(reasons) > REASONS else ""
    return line.append(f" ({', '.join(reasons[:REASONS])}{more})" if reasons else "")


def _origin(found: Preview) -> list[str]:
    """Say where the documents come from, and what a run would do otherwise."""
    came = [f"{count:,} read of {name}" for name, count in found.read.items()]
    came += [f"{part['documents']:,} of the {part['of']:,} that {name} kept" for name, part in found.taken.items()]
    above = [name for name in found.worked if name not in found.read]
    lines = [f"documents: {', '.join(came)}" + (f"; through {', '.join(above)}" if above else "")]
    if found.learnt_from_few:
        verb = "learn" if len(found.learnt_from_few) > 1 else "learns"
        lines.append(f"{', '.join(found.learnt_from_few)} {verb} from all documents of a run; here from these alone")
    for name, what in found.asked.items():
        tokens = sum(found.usage.get(kind, 0) for kind in ("prompt_tokens", "completion_tokens"))
        usd = found.usage.get("usd")
        lines.append(f"asked {name} ({what}): {tokens:,.0f} tokens" + (f", ${usd:,.4f}" if usd else ""))
    return lines


def _heading(each: Looked) -> Text:
    line = Text.assemble(("── ", "bold"), (display.one_line(each.id), "bold"), "  ", (each.fate, FATES[each.fate]))
    return line.append(f" from {display.one_line(each.made_from)}" if each.made_from else "")


def _texts(each: Looked, lines: int) -> list[RenderableType]:
    """Return a text that stayed as it is once, a changed one as what changed, a new one after what it was made from."""
    if each.diff is not None:
        return [coloured(each.diff)]
    if each.fate in ("made", "rejected") and each.before is not None:
        return [
            Text("before", "quiet"), terminal.code(each.before, LINES_BEFORE),
            Text("after", "quiet"), terminal.code(each.after or "", lines),
        ]  # fmt: skip
    return [terminal.code(each.after if each.after is not None else each.before or "", lines)]


def _below(each: Looked) -> list[RenderableType]:
    shown: list[RenderableType] = [reason(each.why, None)] if each.why else []
    told: dict[str, Any] = {name: value for name, value in each.gained.items() if not name.startswith("signal")}
    if "survivor" in each.why:
        told = {"survivor": each.why["survivor"], **told}
    hidden = len(each.gained) - sum(not name.startswith("signal") for name in each.gained)
    shown += [facts(told)] if told else []
    return shown + ([Text(f"and {hidden} signals (--json prints all)", "quiet")] if hidden else [])
