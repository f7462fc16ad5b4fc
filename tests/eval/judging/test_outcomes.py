"""How samples ended and failed, counted beside pass@1."""

from curate.eval.asking.generation import Generated
from curate.eval.judging.outcomes import count, text
from curate.eval.judging.scoring import Result


def sample(ended: bool | None, reason: str = "stop") -> Generated:
    return Generated("t", 0, "", "", "", reason, 3, ended)


def result(verdict: str, detail: str = "") -> Result:
    return Result("t", 0, verdict, detail, 0.0, 0.0, 0.0)


def test_every_sample_ends_in_one_way_and_fails_in_one() -> None:
    generated = [sample(True), sample(True), sample(False), sample(False, "length"), sample(True)]
    results = [
        result("pass"),
        result("wrong"),
        result("syntax"),
        result("error", "NameError: name 'x' is not defined"),
        result("error", "ValueError: no"),
    ]
    counted = count(results, generated)
    assert text(counted) == (
        "5 samples: 3 ended by themselves, 1 at a stop string, 1 cut off; "
        "1 passed, 1 wrong answers, 1 syntax errors, 1 name errors, 1 others"
    )
    assert counted["ended"] + counted["stopped"] + counted["cut_off"] == counted["samples"]


def test_where_a_backend_does_not_tell_how_samples_ended_nobody_guesses() -> None:
    counted = count([result("pass")] * 2, [sample(None), sample(None, "length")])
    assert (counted["ended"], counted["stopped"], counted["cut_off"]) == (None, None, 1)
    assert text(counted).startswith("2 samples: 1 ended by themselves or at a stop string, 1 cut off; 2 passed")
