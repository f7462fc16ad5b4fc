"""A mistake in our own code costs one attempt and is counted; trouble of the machine is no verdict."""

import pytest

from curate.errors import UserError
from curate.synth.teacher.asking import sort_out
from curate.synth.teacher.effects import Attempt, Row, Run
from curate.synth.teacher.faults import FEW, guarded

KNOWN = {"id": "a", "source": "made", "seed_id": "s", "topic": None}


def ends_with(error: Exception | None) -> Attempt:
    yield Run(())
    if error:
        raise error
    return KNOWN | {"text": "whole", "reason": None}


def row_of(attempt: Attempt) -> Row:
    next(attempt)
    with pytest.raises(StopIteration) as ended:
        attempt.send(())
    row: Row = ended.value.value
    return row


def test_an_attempt_whose_check_raises_is_dropped_with_the_error_as_its_reason_and_where_it_was() -> None:
    row = row_of(guarded(KNOWN, ends_with(KeyError("found"))))
    assert (row["id"], row["reason"]) == ("a", "fault in a check (KeyError)")
    assert "raise error\nKeyError: " in row["detail"]
    made = sort_out([row, row_of(guarded(KNOWN, ends_with(None)))], {}, {})
    assert (made.documents.num_rows, made.rejected.num_rows, made.metrics) == (1, 1, {"faults": 1.0})


@pytest.mark.parametrize("error", [UserError("the teacher is gone"), OSError(28, "No space left"), MemoryError()])
def test_trouble_of_the_machine_and_what_the_user_is_told_go_through(error: Exception) -> None:
    attempt = guarded(KNOWN, ends_with(error))
    next(attempt)
    with pytest.raises(type(error)):
        attempt.send(())


def test_many_faults_end_the_stage_and_show_the_first() -> None:
    whole = KNOWN | {"text": "whole", "reason": None}
    fault = row_of(guarded(KNOWN, ends_with(IndexError("out of range"))))
    assert sort_out([whole] * 10 + [fault] * FEW, {}, {}).metrics == {"faults": FEW}
    with pytest.raises(RuntimeError, match=r"(?s)11 of 21 attempts ended in faults.*IndexError: out of range"):
        sort_out([whole] * 10 + [fault] * (FEW + 1), {}, {})
