"""How samples ended and how they failed: what a pass@1 of 0 or of 4 per cent consists of.

In: samples as a model wrote them, and their verdicts. Out: counts, as facts for a row of scores and as a line for a
person. A model that never ends by itself has not learnt where a document ends; one whose samples are no Python writes
in a form that it does not know; one with wrong answers fails at the task. Not covered: pass@k (eval/judging/passk.py).
"""

from collections.abc import Sequence
from typing import Any

from curate.eval.asking.generation import Generated
from curate.eval.judging.scoring import Result

NAMES = {
    "passed": "passed",
    "wrong": "wrong answers",
    "syntax_errors": "syntax errors",
    "name_errors": "name errors",
    "other": "others",
}


def count(results: Sequence[Result], generated: Sequence[Generated]) -> dict[str, Any]:
    """Return how many samples ended by themselves, at a stop string or cut off, and how many failed how.

    `ended` and `stopped` are None where the backend does not tell the one from the other. `wrong` also counts answers
    that the tests refuse by an exception of their own; `name_errors` stand apart from other exceptions.
    """
    whole = [sample for sample in generated if sample.finish_reason != "length"]
    told = all(sample.ended is not None for sample in whole)
    ended = sum(bool(sample.ended) for sample in whole)
    verdicts = [result.verdict for result in results]
    failed = {
        "passed": verdicts.count("pass"),
        "wrong": verdicts.count("wrong"),
        "syntax_errors": verdicts.count("syntax"),
        "name_errors": sum(result.verdict == "error" and result.detail.startswith("NameError") for result in results),
    }
    return {
        "samples": len(generated),
        "ended": ended if told else None,
        "stopped": len(whole) - ended if told else None,
        "cut_off": len(generated) - len(whole),
        **failed,
        "other": len(results) - sum(failed.values()),
    }


def text(counted: dict[str, Any]) -> str:
    """Return the counts as a line."""
    if counted["ended"] is None:
        endings = f"{counted['samples'] - counted['cut_off']} ended by themselves or at a stop string"
    else:
        endings = f"{counted['ended']} ended by themselves, {counted['stopped']} at a stop string"
    failures = ", ".join(f"{counted[name]} {words}" for name, words in NAMES.items())
    return f"{counted['samples']} samples: {endings}, {counted['cut_off']} cut off; {failures}"
