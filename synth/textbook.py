"""`synth.textbook`: sections of prose with code, kept only if the code runs.

In: seeds. For each, one attempt: the teacher writes a section on the seed's topic; its fenced Python blocks are run in
the sandbox, one after the other, as a reader would. Out: one row an attempt, kept or rejected with a reason.
Whether the prose is true is not checked; that it is no refusal, no loop and not cut off is.
"""

import re
from collections import Counter
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from curate.llm import Completion
from curate.sandbox import CallOutcome, Limits, call_many
from curate.stage import Context, Made
from synth.answers import code_blocks, parse
from synth.asking import Asking, Style, answers, request, sort_out

REFUSAL = re.compile(
    r"\b(i'm sorry|i am sorry|i cannot|i can't|as an ai|as a language model|i am unable)\b", re.IGNORECASE
)
HEADING = "# "
STOPS = ("\n# ",)
PROBE = "_section_runs"
"""A function put behind a section's code: calling it tells whether the code before it ran."""


class Textbook(Asking):
    """Let the teacher write textbook sections and keep those whose code runs."""

    ALONE: ClassVar[bool] = True

    temperature: float = Field(default=0.7, ge=0)
    max_tokens: int = Field(default=200, ge=32)
    min_words: int = Field(default=40, ge=1)
    """Words of prose and code together, at least."""
    max_repeats: float = Field(default=0.3, gt=0, le=1)
    """Share of the section's 4-word sequences that may be repeats of earlier ones."""
    cpu_s: float = Field(default=2.0, gt=0)
    """CPU seconds for all code of a section."""

    def make(self, shard: pa.Table, context: Context) -> Made:
        """Try every seed of the shard that is drawn."""
        seeds = {f"{seed['id']}/{context.name}": seed for seed in self.seeds(shard, context)}
        model, style = self.teacher(context)
        asked = [
            request(
                name, "textbook", style, seed, run_seed=context.seed, max_tokens=self.max_tokens,
                temperature=self.temperature, top_p=self.top_p, stop=STOPS if style == "completion" else (),
            )
            for name, seed in seeds.items()
        ]  # fmt: skip
        replies = answers(model, asked)
        texts = {name: section(replies[name], seed, style) for name, seed in seeds.items()}
        reasons = {name: self.objection(texts[name], replies[name]) for name in seeds}
        reasons |= self._run({name: texts[name] for name, reason in reasons.items() if reason is None})
        rows = [
            {
                "id": name,
                "text": texts[name],
                "source": context.name,
                "seed_id": seed["id"],
                "topic": seed.get("topic"),
                "reason": reasons[name],
            }
            for name, seed in seeds.items()
        ]
        return sort_out(rows, {}, model.usage.metrics())

    def objection(self, text: str, reply: Completion) -> str | None:
        """Say what is wrong with a section before its code is run, if anything is."""
        words, blocks = text.split(), code_blocks(text)
        faults = {
            "no answer": reply.finish_reason == "error",
            "refusal": REFUSAL.search(text) is not None,
            "too short": len(words) < self.min_words,
            "repetition": repeats(words) > self.max_repeats or len(set(blocks)) < len(blocks),
            "cut off inside code": text.count("```") % 2 == 1,
            "no code": not blocks,
            "code does not parse": not all(parse(block) for block in blocks),
        }
        return next((reason for reason, is_so in faults.items() if is_so), None)

    def _run(self, texts: dict[str, str]) -> dict[str, str | None]:
        """Run the code of sections; return a reason for each whose code does not end well, None for the others."""
        programs = [
            ("\n\n".join([*code_blocks(text), f"def {PROBE}():\n    return True\n"]), PROBE, [()])
            for text in texts.values()
        ]
        results = call_many(programs, Limits(cpu_s=self.cpu_s, memory_mb=512))
        return {name: _reason(outcome) for name, [outcome] in zip(texts, results, strict=True)}


def section(reply: Completion, seed: dict[str, Any], style: Style) -> str:
    """Return the section's text. A reply that ran out of tokens in the prose after its code ends with a sentence."""
    text = reply.text.strip()
    if style == "completion":
        text = f"{HEADING}{str(seed.get('topic', '')).capitalize()}\n\n{text}"
    if reply.finish_reason == "length" and text.count("```") % 2 == 0:
        tail = text.rfind("```")
        end = max(text.rfind(mark, tail) for mark in (". ", ".\n", ".")) if tail >= 0 else -1
        text = text[: end + 1] if end >= 0 else text[: tail + 3] if tail >= 0 else text
    return text


def repeats(words: list[str], n: int = 4) -> float:
    """Return the share of n-word sequences that stood in the text before; 0 for shorter texts.

    >>> repeats(["la"] * 8)
    0.8
    """
    counts = Counter(zip(*(words[start:] for start in range(n)), strict=False))
    total = sum(counts.values())
    return 1 - len(counts) / total if total else 0.0


def _reason(outcome: CallOutcome) -> str | None:
    if outcome.status == "value":
        return None
    return "code fails" if outcome.status in ("error", "raised", "missing", "syntax") else f"code: {outcome.status}"
