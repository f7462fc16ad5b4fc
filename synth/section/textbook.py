"""`synth.textbook`: sections of prose with code, whose outputs come from running and whose claims were checked.

In: seeds. For each, one attempt: the teacher writes a section; one that was cut off is finished; its fenced Python
blocks run in the sandbox, one after the other, as a reader would run them. What they print is put behind them; what the
prose claims of the code is held against it (synth/section/section.py). Out: one row an attempt, kept or rejected with a
reason.
Not checked: whether an explanation without results, names and techniques is right; for that the teacher may be asked
(`truth`).
"""

import ast
import re
from collections import Counter
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from curate.llm import Request
from curate.sandbox.programs import CallOutcome, Limits
from curate.stage import Columns, Context, Made, Metrics
from curate.synth.item.proof import HASH_SEED
from curate.synth.section.section import (
    Section,
    fault_of_code,
    fault_of_output,
    fault_of_prose,
    read_section,
    true_prose,
    uses_sets,
)
from curate.synth.teacher.asking import Asking, Voice, made_columns, sort_out
from curate.synth.teacher.effects import Ask, Attempt, Claim, Run
from curate.synth.teacher.faults import guarded

REFUSAL = re.compile(
    r"\b(i'm sorry|i am sorry|i cannot|i can't|as an ai|as a language model|i am unable)\b", re.IGNORECASE
)
STOPS = ("\n# ",)
PROBE = "section_runs"
MOST_GONE = 2
"""Sentences with a wrong result that a section may lose; one with more is about something else than its code."""
COLUMNS = {"removed": pa.int64(), "truth": pa.float64()}
"""Sentences that went for a wrong result; the teacher's probability that all is true, null where it was not asked."""


class Textbook(Asking):
    """Let the teacher write textbook sections and keep those whose code runs and whose text is true of it."""

    VERSION: ClassVar[int] = 5
    NEEDED: ClassVar[tuple[str, ...]] = (
        "function_name", "concept", "setting", "technique", "audience", "topic", "wording",
    )  # fmt: skip

    temperature: float = Field(default=0.7, ge=0)
    max_tokens: int = Field(default=420, ge=32)
    """Of a section; one that needs more may go on for half of that."""
    min_words: int = Field(default=60, ge=1)
    """Words of prose and code together, at least."""
    max_repeats: float = Field(default=0.3, gt=0, le=1)
    """Share of the section's 4-word sequences that may be repeats of earlier ones."""
    truth: bool = False
    """Ask the teacher whether the text is true of the code; its probability of Yes is the column `truth`."""
    min_truth: float = Field(default=0.0, ge=0, le=1)
    """Reject what the teacher gives less; needs `truth`."""
    cpu_s: float = Field(default=2.0, gt=0)
    """CPU seconds for all code of a section."""

    def adds(self) -> Columns:
        """List where a section comes from, and what was found about it."""
        return made_columns(COLUMNS)

    def attempts(self, seeds: Sequence[dict[str, Any]], voice: Voice, context: Context) -> list[Attempt]:
        """Begin an attempt a seed."""
        return [Writing(self, voice, seed, context.name).attempt() for seed in seeds]

    def limits(self) -> Limits:
        """Return what the code of a section may use."""
        return Limits(cpu_s=self.cpu_s, memory_mb=512)

    def finish(self, rows: list[dict[str, Any]], metrics: Metrics) -> Made:
        """Sort the rows of a shard."""
        return sort_out(rows, COLUMNS, metrics)

    def objection(self, text: str, section: Section) -> str | None:
        """Say what is wrong with a section before its code is run, if anything is."""
        words = text.split()
        faults = {
            "refusal": REFUSAL.search(text) is not None,
            "cut off inside code": text.count("```") % 2 == 1,
            "too short": len(words) < self.min_words,
            "repetition": repeats(words) > self.max_repeats or len(set(section.blocks)) < len(section.blocks),
            "not English": sum(map(str.isascii, text)) < 0.97 * len(text),
        }
        return next((reason for reason, is_so in faults.items() if is_so), None) or fault_of_code(section)


OTHER_ORDER = "other values under another hash seed"


def ran(program: str, code: str) -> Generator[Run, Any, tuple[CallOutcome, bool]]:
    """Run a section's program; return what came of it, and whether that is the same where sets have another order."""
    programs = ((program, PROBE, [()]),)
    [[outcome]] = yield Run(programs)
    if outcome.status != "value" or not uses_sets(code):
        return outcome, True
    [[again]] = yield Run(programs, hash_seed=HASH_SEED)
    return outcome, again.status == "infra" or again.value == outcome.value


@dataclass
class Writing:
    """One attempt."""

    stage: Textbook
    voice: Voice
    seed: dict[str, Any]
    source: str

    def attempt(self) -> Attempt:
        """Begin it."""
        return guarded(self._known(), self.run())

    @property
    def told_by_rule(self) -> bool:
        """Whether the prose comes from rules, and needs none that look for what a teacher gets wrong."""
        return False

    def run(self) -> Generator[Ask | Run | Claim, Any, dict[str, Any]]:
        """Go the whole way and return the row."""
        text, reason = yield from self._written()
        section = read_section(text)
        reason = reason or self._fault(text) or self.stage.objection(text, section)
        if reason:
            return self._row(text, reason)
        outcome, steady = yield from ran(section.program(), section.code)
        if outcome.status != "value":
            return self._row(text, _reason(outcome))
        if not steady:
            return self._row(text, OTHER_ORDER)
        printed, values = ast.literal_eval(outcome.value)
        reason, gone = fault_of_output(printed), 0
        if not self.told_by_rule:
            section, gone = true_prose(section, printed, dict(zip(section.calls, values, strict=True)))
            reason = reason or fault_of_prose(section)
        reason = reason or ("states wrong results" if gone > MOST_GONE else None)
        text = section.text(printed)
        if reason is None and len(text.split()) < self.stage.min_words:
            reason = "too short"
        if reason or not self.stage.truth:
            return self._row(text, reason, removed=gone)
        [told] = yield Ask(
            (self._asked("truth", "section_truth", {"section": text}, max_tokens=1, choices=("Yes", "No")),)
        )
        sure = sum(told.probabilities or ())
        truth = told.probabilities[0] / sure if told.probabilities and sure else None
        untrue = self.stage.min_truth > (truth or 0.0)
        return self._row(text, "the teacher finds it untrue" if untrue else None, removed=gone, truth=truth)

    def _written(self) -> Generator[Ask | Run | Claim, Any, tuple[str, str | None]]:
        """Let the section be written, and finished where it was cut off; return it and why it is none, if it is."""
        stage, chat = self.stage, self.voice.style == "chat"
        options = {"temperature": stage.temperature, "top_p": stage.top_p, "stop": () if chat else STOPS}
        begun = "# " if chat else self._title()
        [reply] = yield Ask(
            (self._asked("section", "textbook", self.seed, begun=begun, max_tokens=stage.max_tokens, **options),)
        )
        if reply.finish_reason == "error":
            return "", "no answer"
        text = self.voice.whole(reply, begun) if not reply.text.lstrip().startswith("# ") else reply.text
        if reply.finish_reason == "length" and chat and self.voice.continues:
            more = self._asked("rest", "textbook", self.seed, begun=text, max_tokens=stage.max_tokens // 2, **options)
            [reply] = yield Ask((more,))
            text += reply.text
        return (whole_sentences(text) if reply.finish_reason == "length" else text.strip()), None

    def _fault(self, text: str) -> str | None:
        """Say what of the seed is in the text and should not be, if anything is."""
        leaked = "_" in self.seed["function_name"] and self.seed["function_name"] in text
        return "names the seed's function" if leaked else None

    def _asked(self, what: str, template: str, values: dict[str, Any], **options: Any) -> Request:
        return self.voice.request(f"{self.seed['id']}/{self.source}/{what}", template, values, **options)

    def _title(self) -> str:
        technique = self.seed["technique"]
        return f"# {technique[0].upper()}{technique[1:]} in {self.seed['setting']}\n"

    def _row(self, text: str, reason: str | None, *, removed: int = 0, truth: float | None = None) -> dict[str, Any]:
        return self._known() | {"text": text, "reason": reason, "removed": removed, "truth": truth}

    def _known(self) -> dict[str, Any]:
        known = {"id": f"{self.seed['id']}/{self.source}", "source": self.source, "seed_id": self.seed["id"]}
        return known | {"topic": self.seed.get("topic")}


def whole_sentences(text: str) -> str:
    """Return a text that ran out of tokens up to its last whole sentence after its code; inside code, as it is."""
    if text.count("```") % 2:
        return text
    tail = text.rfind("```")
    end = max(text.rfind(mark, tail) for mark in (". ", ".\n", ".")) if tail >= 0 else -1
    return text[: end + 1] if end >= 0 else text[: tail + 3] if tail >= 0 else text


def repeats(words: list[str], n: int = 4) -> float:
    """Return the share of n-word sequences that stood in the text before; 0 for shorter texts.

    >>> repeats(["la"] * 8)
    0.8
    """
    counts = Counter(zip(*(words[start:] for start in range(n)), strict=False))
    total = sum(counts.values())
    return 1 - len(counts) / total if total else 0.0


def _reason(outcome: CallOutcome) -> str:
    return "code fails" if outcome.status in ("error", "raised", "missing", "syntax") else f"code: {outcome.status}"
