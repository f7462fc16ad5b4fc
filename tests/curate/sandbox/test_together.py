"""Programs that share a process: what they give is what they give apart, and who could touch another runs apart."""

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from curate.sandbox import pool, programs
from curate.sandbox.programs import CallOutcome, Limits, Trial, call_many, judge, what_is_missing
from curate.sandbox.together import may_run_together
from curate.sandbox.walls.isolation import LEVELS
from tests.curate.sandbox import hostile_programs as hostile

ORDINARY = [
    "import math\nfrom collections import Counter\ndef f(x): return Counter(str(x)).most_common(1) * math.gcd(x, 6)",
    "SEEN = []\ndef f(x):\n    SEEN.append(x)\n    return list(SEEN)",
    "from functools import lru_cache\n@lru_cache(maxsize=None)\ndef f(x): return x if x < 2 else f(x - 1) + f(x - 2)",
    "import re\ndef f(x):\n    found = re.search(r'(\\d)', str(x))\n    return found.group(1) if found else None",
    "def f(x):\n try: return 10 // (x - 1)\n except ZeroDivisionError as problem: raise ValueError('no') from problem",
    "def f(x):\n    id = {x: x}\n    return (id, sorted({x, 1}), 1e999, float('nan'))",
    "def len(x):\n    return 99\ndef f(x):\n    return len(x)",
    "def f(x):\n    yield x",
    "def f(x):\n    return len([x])",
    "def f(x):\n    return f(x)",
    "def g(x):\n    return x",
    "raise ValueError('at once')",
]
TOUCHING = [
    "def f(x):\n    (x for x in ()).gi_frame.f_builtins['len'] = f",
    "import math\nmath.pi = 3\ndef f(x): return x",
    "import math\nfor math.pi in [3]: pass\ndef f(x): return x",
    "import math\ndel math.pi\ndef f(x): return x",
    "def f(x): return __builtins__",
    "def f(x): return \uff3f\uff3fbuiltins\uff3f\uff3f",
    "def f(x): return ().__class__",
    "def f(x): return eval(x)",
    "def f(x): return getattr(x, 'a' + 'b')",
    "import sys\ndef f(x): return x",
    "import random\ndef f(x): return random.seed(x)",
    "from functools import wraps\ndef f(x): return x",
    "from operator import attrgetter\ndef f(x): return x",
    "import functools\ndef f(x): return functools.update_wrapper(x, f)",
    "from math import *\ndef f(x): return x",
    "from . import math\ndef f(x): return x",
    "import os.path\ndef f(x): return x",
    "class A:\n    pass\ndef f(x): return x",
    "async def f(x): return x",
    "def f(x): return open(x)",
    "def f(x):\n    match x:\n        case int(real=a): return a",
    "def f(x): return x.register(int)",
    "def g():\n try: yield 1\n finally:\n  while True: pass\nKEPT = g()\nnext(KEPT)\ndef f(x): return x",
    "def f(:",
    "def f(x): return x\n" * 4000,
]
LIMITS = Limits(cpu_s=0.4, memory_mb=256)
LEASHED = replace(LIMITS, leash_s=0.2)
STOPPING = {
    "loops": "def f(x):\n    while True:\n        x += 1",
    "gives a value in the place of the end": "def f(x):\n    try:\n        while True: pass\n    except: return x",
    "raises in the place of the end": "def f(x):\n    try:\n        while True: pass\n    finally: 1 / 0",
    "holds much": "def f(x):\n    y = []\n    while True: y.append(x)",
    "sorts by what never ends": "def g(x):\n    while True: pass\ndef f(x): return sorted([x, 1], key=g)",
    "backtracks": "import re\ndef f(x): return re.match('(a|a)*b', 'a' * 40)",
}
"""Endless calls that stop when they are asked to, whatever they make of it."""
OUTLASTING = {
    "goes on": "def f(x):\n    while True:\n        try:\n            while True: pass\n        except: pass",
    "runs no bytecode": "import itertools\ndef f(x): return sum(itertools.repeat(x))",
    "loops while it is loaded": "while True: pass\ndef f(x): return x",
}
"""Those that have to be killed."""
SLOW = {"returns an integer of a million digits", "takes memory bit by bit", "returns too much", "is 20 MB long"}
"""Hostile programs that may end before a leash does, or after."""


def outcomes_of(
    sources: list[str], rows: list[tuple[Any, ...]], limits: Limits = LIMITS, workers: int = 1
) -> list[list[CallOutcome]]:
    return list(call_many([(source, "f", rows) for source in sources], limits, workers=workers, allow_weak=True))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each program is sent to run, by its source; those that share a process after `together: `."""
    asked = Counter[str]()

    def ask(server: pool.Zygote, request: dict[str, Any], plain: Any = pool.Zygote.ask) -> dict[str, Any]:
        asked.update(f"together: {each['source']}" for each in request.get("together", ()))
        asked[request.get("source", "")] += 1
        reply: dict[str, Any] = plain(server, request)
        return reply

    monkeypatch.setattr(pool.Zygote, "ask", ask)
    return asked


def test_programs_give_in_one_process_what_they_give_apart(
    asked: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = [
        *ORDINARY[:6],
        "def f(x):\n    while x: pass\n    return 0",
        "def f(x): return bytearray(x << 29)",
        *ORDINARY[6:],
    ]
    together = outcomes_of(sources, [(0,), (1,), (2,), (11,)])
    assert all(asked[f"together: {source}"] for source in sources), "all of them share a process at first"
    assert sorted(set(asked) & set(sources)) == sorted(sources[6:8]), "those that end it run apart then"
    monkeypatch.setattr(programs, "may_run_together", lambda source: False)
    assert together == outcomes_of(sources, [(0,), (1,), (2,), (11,)])
    assert [outcome.status for outcome in together[6]] == ["value", "timeout", "timeout", "timeout"]


def test_a_program_that_could_reach_what_others_see_runs_apart() -> None:
    assert [source for source in TOUCHING if may_run_together(source)] == []
    assert [source for source in ORDINARY if not may_run_together(source)] == []


@pytest.mark.parametrize("level", [level for level in LEVELS if not what_is_missing(level)])
def test_an_endless_call_is_stopped_and_its_neighbours_go_on_in_the_same_process(
    level: str, asked: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "isolation_level", lambda: level)
    neighbours = [f"def f(x): return [x, {n}]" for n in range(2 * len(STOPPING))]
    sources = [source for pair in zip(STOPPING.values(), neighbours, strict=False) for source in pair]
    sources += neighbours[len(STOPPING) :]
    outcomes = dict(zip(sources, outcomes_of(sources, [(0,), (1,)], LEASHED), strict=True))
    late = "more than 0.04 s of CPU time"
    assert {each: outcomes[source] for each, source in STOPPING.items()} == {
        each: [CallOutcome("timeout", "", "", late)] * 2 for each in STOPPING
    }
    assert [[row.value for row in outcomes[source]] for source in neighbours] == [
        [f"[0, {n}]", f"[1, {n}]"] for n in range(len(neighbours))
    ]
    assert [source for source in sources if asked[f"together: {source}"] != 1 or asked[source]] == []


def test_an_endless_call_that_does_not_stop_is_killed_and_its_neighbours_have_their_values() -> None:
    sources = [source for endless in OUTLASTING.values() for source in (*ORDINARY[:3], endless)]
    statuses = [{row.status for row in rows} for rows in outcomes_of(sources, [(1,), (2,)], LEASHED)]
    assert statuses == [{"value"}, {"value"}, {"value"}, {"timeout"}] * len(OUTLASTING)


def test_hostile_programs_give_beside_others_what_they_give_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [name for name, (source, _) in hostile.HOSTILE.items() if name not in SLOW and may_run_together(source)]
    sources = [*STOPPING.values(), *(hostile.HOSTILE[name][0] for name in names), *OUTLASTING.values(), *ORDINARY]

    def given(workers: int) -> list[list[tuple[str, str]]]:
        every = outcomes_of(sources, [(1,), (2,)], LEASHED, workers)
        return [[(row.status, row.value) for row in rows] for rows in every]

    beside = given(1), given(3)
    monkeypatch.setattr(programs, "may_run_together", lambda source: False)
    assert beside == (given(2),) * 2
    assert len(names) > 15


def test_a_test_that_catches_everything_does_not_hide_an_endless_call_beside_others() -> None:
    test = "def check(candidate):\n    try:\n        candidate(1)\n    except:\n        pass\n"
    trials = [Trial(source, "f", test) for source in (ORDINARY[0], STOPPING["loops"], ORDINARY[1])]
    verdicts = [judgement.verdict for judgement in judge(trials, LIMITS, workers=1, allow_weak=True, together=True)]
    assert verdicts == ["pass", "timeout", "pass"]
