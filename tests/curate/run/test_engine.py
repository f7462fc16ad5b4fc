"""Engines: one outcome for each item, whatever happens to a worker."""

import os
import signal
import time
from pathlib import Path

import pytest

from curate.errors import UserError
from curate.run.engine import ordered
from curate.run.engines import open_engine
from curate.run.local_engine import LocalEngine, ThreadEngine


def double(number: int) -> int:
    return 2 * number


def stumble(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    if number == 4:
        raise UserError("four will not do")
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


THREE = f"ValueError: three ({Path(__file__).relative_to(Path.cwd())}:{stumble.__code__.co_firstlineno + 2})"


def mark(path: Path) -> None:
    """Leave a trace, slowly."""
    time.sleep(0.01)
    path.touch()


def die_once(path: str) -> str:
    """Kill the worker the first time, live the second."""
    marker = Path(path)
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_has_one_outcome(workers: int) -> None:
    with LocalEngine(workers) as engine:
        outcomes = list(engine.map(double, range(20)))
    assert sorted((outcome.item, outcome.value) for outcome in outcomes) == [(n, 2 * n) for n in range(20)]


def test_every_item_has_one_outcome_in_threads_and_an_error_costs_only_its_own() -> None:
    with ThreadEngine(2) as engine:
        outcomes = {outcome.item: outcome for outcome in engine.map(stumble, [1, 2, 3, 4, 6])}
        assert ordered(engine, double, range(20)) == [2 * number for number in range(20)]
    assert {item for item, outcome in outcomes.items() if outcome.value == item} == {1, 2, 6}
    assert outcomes[3].error == THREE
    assert outcomes[4].mistake


def test_items_that_wait_are_left_out_when_the_run_in_threads_is_given_up(tmp_path: Path) -> None:
    with ThreadEngine(1) as engine:
        outcomes = engine.map(mark, [tmp_path / str(number) for number in range(50)])
        next(outcomes)
        outcomes.close()  # type: ignore[attr-defined]
    assert len(list(tmp_path.iterdir())) < 50


def test_an_error_or_a_dead_worker_costs_only_its_own_item() -> None:
    with LocalEngine(2) as engine:
        outcomes = {outcome.item: outcome for outcome in engine.map(stumble, range(8))}
    assert sorted(outcomes) == list(range(8))
    assert {item for item, outcome in outcomes.items() if outcome.error is None} == {0, 1, 2, 6, 7}
    assert outcomes[3].error == THREE
    assert outcomes[4].mistake
    assert "died" in str(outcomes[5].error)


def test_an_item_whose_worker_died_once_is_tried_again(tmp_path: Path) -> None:
    with LocalEngine(2) as engine:
        outcomes = list(engine.map(die_once, [str(tmp_path / name) for name in "ab"]))
    assert [outcome.value for outcome in outcomes] == ["lived", "lived"]


def test_results_come_in_order_where_a_plan_asks_for_them_and_errors_are_raised() -> None:
    with open_engine("local", 2) as engine:
        assert ordered(engine, double, range(10)) == [2 * n for n in range(10)]
        with pytest.raises(UserError, match="four"):
            ordered(engine, stumble, [4])


def test_workers_end_with_the_engine() -> None:
    with LocalEngine(2) as engine:
        processes = {outcome.value for outcome in engine.map(worker, range(8))}
    assert os.getpid() not in processes
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{process}").exists() for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("in_flight", [False, True])
def test_a_worker_that_dies_while_it_has_nothing_to_do_costs_nothing(in_flight: bool) -> None:
    with LocalEngine(2) as engine:
        first = [outcome.value for outcome in engine.map(worker, range(8))]
        os.kill(first[0], signal.SIGKILL)
        deadline = time.monotonic() + 10
        while not in_flight and getattr(engine._pool, "_broken", True) is False:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        outcomes = list(engine.map(double, range(20)))
        assert sorted(outcome.value for outcome in outcomes) == [2 * n for n in range(20)]
        assert engine._alone(double, 4).value == 8


def worker(_: int) -> int:
    return os.getpid()
