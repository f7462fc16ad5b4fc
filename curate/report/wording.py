"""What figures are called in the report: names in full, values with their units.

In: a figure's name as stages write it, such as `train_seconds` or `signal_max_line_length`, and its value. Out: words
and a text with the unit. A name that is not listed keeps its words; the unit follows from its last part.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from curate.terminal import display

NAMES = {
    # training
    "tokens_seen": "tokens seen in training",
    "unique_tokens": "unique tokens",
    "dataset_tokens": "tokens in the data set",
    "tokens_per_s": "training rate",
    "train_seconds": "training time",
    "seconds": "time of this start",
    "held_out_documents": "documents held out",
    "first_held_out_loss": "held-out loss at the start",
    "held_out_loss": "held-out loss at the end",
    "model_flops_utilisation": "share of the device's peak FLOP/s",
    "block_length": "context length",
    "init": "continues the model",
    # quality
    "f1": "F1 of kept or not, on held-out grades",
    "held_out_f1": "F1 of kept or not, on held-out grades",
    "precision": "precision on held-out grades",
    "recall": "recall on held-out grades",
    "rank_correlation": "rank correlation with held-out grades",
    "calibration_error": "calibration error on held-out grades",
    "average_precision": "average precision on held-out grades",
    "labels": "graded documents learnt from",
    "positive": "of these graded good",
    "held_out": "of these held out",
    "cut": "cut",
    # duplicates
    "bucket_pairs": "pairs in a common bucket",
    "candidate_pairs": "candidate pairs",
    "verified_pairs": "pairs verified on their text",
    "planted_pairs": "planted pairs, to measure recall",
    "planted_recall": "share of planted pairs found",
    "classes": "groups of equal documents",
    "largest_class": "documents in the largest group",
    "largest_cluster": "documents in the largest cluster",
    "split_clusters": "clusters that keep more than one document",
    # decontamination
    "trials": "functions tried on a task's tests",
    "passes": "of these passed",
    "vague": "of these passed tests that prove nothing",
    "infra": "trials that could not be judged",
    # inputs of a mix
    "visits": "visits (tokens seen)",
    "epochs": "epochs",
    "share": "share of all tokens seen",
    # rejected documents
    "detail": "what went wrong",
    # LLM calls
    "requests": "requests",
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "tokens written",
    "usd": "cost",
    # signals of the rules
    "bytes": "size",
    "mean_line_length": "mean line length",
    "max_line_length": "longest line",
    "alphanumeric_share": "letters and digits",
    "encoded_share": "encoded data",
    "encoded_run": "longest encoded piece",
    "markup_head": "begins as markup",
    "generated_line": "says that it was generated",
    "python_2_line": "Python 2",
    "syntax_error_line": "first syntax error",
    "comment_share": "comments",
    "statements": "simple statements",
    "import_share": "imports among the statements",
    "pass_share": "pass among the statements",
    "print_share": "print among the statements",
    "data_share": "literals among the leaves of the tree",
    "string_share": "text inside strings",
    "statements_per_line": "statements a line",
    "name_length": "mean length of names",
    "duplicate_line_share": "text in repeated lines",
    "repeated_ngram_share": "repeated sequences of ten words",
}
VERDICTS = {
    "passed": "passed",
    "syntax_errors": "syntax errors",
    "name_errors": "name errors",
    "other": "failed otherwise",
    "stopped": "ended at a stop string",
    "pass": "passed",
    "wrong": "wrong answer",
    "error": "raised an exception",
    "syntax": "syntax error",
    "missing": "function missing",
    "timeout": "out of time",
    "memory": "out of memory",
    "output": "too much output",
    "crash": "crashed",
    "forbidden": "forbidden call",
    "infra": "not judged (fault of the machine)",
    "cut_off": "cut off at the length limit",
    "ended": "ended by themselves",
}


def bare(name: str) -> str:
    """Return a column's name without the prefix of signals."""
    return name.removeprefix("signal_")


def title(name: str) -> str:
    """Return the words for a figure's name.

    >>> title("train_seconds"), title("signal_encoded_share"), title("humaneval_pass_at_1"), title("clean.visits")
    ('training time', 'encoded data', 'humaneval pass@1', 'clean: visits (tokens seen)')
    >>> title("detection_at_0.6"), title("planted_recall_below_0.9")
    ('chance to be compared at similarity 0.6', 'share found of those below 0.9')
    """
    *owners, name = _parts(name)
    if owners:
        return f"{'.'.join(owners)}: {title(name)}"
    if name in NAMES:
        return NAMES[name]
    words = name.replace("pass_at_", "pass@").replace("detection_at_", "chance to be compared at similarity ")
    words = words.replace("planted_recall_below_", "share found of those below ")
    for part in ("_seconds", "_share", "_per_s", "_s", "_mb"):
        words = words.removesuffix(part)
    return words.replace("_", " ")


def value(name: str, figure: Any) -> str:
    """Return a figure as text with its unit.

    >>> value("train_seconds", 93.4), value("encoded_share", 0.42), value("max_line_length", 1834.0)
    ('1 min 33 s', '42 %', '1,834 characters')
    >>> value("syntax_error_line", 12.0), value("tokens_per_s", 5406.2), value("documents", 12)
    ('line 12', '5,406 tokens/s', '12')
    """
    if isinstance(figure, bool) or not isinstance(figure, int | float):
        return display.one_line(figure)
    return next(
        (show(figure) for pattern, show in UNITS if pattern.search(_parts(name)[-1])),
        display.number(figure),
    )


def _parts(name: str) -> list[str]:
    """Return whose figure it is and its name; a point before a digit belongs to a number."""
    return re.split(r"\.(?!\d)", bare(name))


def _percent(share: float) -> str:
    return f"{display.number(float(f'{100 * share:.3g}'))} %"


UNITS: list[tuple[re.Pattern[str], Callable[[float], str]]] = [
    (re.compile(pattern), show)
    for pattern, show in (
        (r"^tokens_per_s$", lambda rate: f"{rate:,.0f} tokens/s"),
        (r"^block_length$", lambda count: f"{count:,.0f} tokens"),
        (r"_per_line$", display.number),
        (r"^usd$", lambda dollars: f"${dollars:,.2f}"),
        (r"pass_at_|recall|^detection_at|_share$|^share$|_utilisation$", _percent),
        (r"seconds$|(?<!per)_s$", display.duration),
        (r"bits_per_byte$", lambda bits: f"{bits:.3f}"),
        (r"bytes$|^encoded_run$", display.size),
        (r"joules$", display.energy),
        (r"_line$", lambda line: f"line {line:,.0f}"),
        (r"_length$", lambda count: f"{display.number(count)} characters"),
        (r"loss", lambda loss: f"{display.number(loss)} nats a token"),
    )
]
"""Patterns of names, the first that fits decides, and how a figure so named is shown."""


def told(figures: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return figures as (words, text), each once."""
    return list(dict.fromkeys((title(name), value(name, figure)) for name, figure in figures.items()))


def verdict(name: str) -> str:
    """Return the words for a verdict.

    >>> verdict("wrong"), verdict("no such word")
    ('wrong answer', 'no such word')
    """
    return VERDICTS.get(name, name.replace("_", " "))
