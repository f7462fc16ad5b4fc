"""Programs that share a process: what they give is what they give apart, and who could touch another runs apart."""

from collections import Counter
from typing import Any

import pytest

from curate.sandbox import pool, programs
from curate.sandbox.programs import CallOutcome, Limits, call_many
from curate.sandbox.together import may_run_together

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
    "def f(:",
]


def outcomes_of(sources: list[str], rows: list[tuple[Any, ...]]) -> list[list[CallOutcome]]:
    limits = Limits(cpu_s=0.4, memory_mb=256)
    return list(call_many([(source, "f", rows) for source in sources], limits, workers=1, allow_weak=True))


def test_programs_give_in_one_process_what_they_give_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = [
        *ORDINARY[:6],
        "def f(x):\n    while x: pass\n    return 0",
        "def f(x): return bytearray(x << 29)",
        *ORDINARY[6:],
    ]
    asked = Counter[str]()

    def ask(server: pool.Zygote, request: dict[str, Any], plain: Any = pool.Zygote.ask) -> dict[str, Any]:
        asked.update(f"together: {each['source']}" for each in request.get("together", ()))
        asked[request.get("source", "")] += 1
        reply: dict[str, Any] = plain(server, request)
        return reply

    monkeypatch.setattr(pool.Zygote, "ask", ask)
    together = outcomes_of(sources, [(0,), (1,), (2,), (11,)])
    assert all(asked[f"together: {source}"] for source in sources), "all of them share a process at first"
    assert sorted(set(asked) & set(sources)) == sorted(sources[6:8]), "those that end it run apart then"
    monkeypatch.setattr(programs, "may_run_together", lambda source: False)
    assert together == outcomes_of(sources, [(0,), (1,), (2,), (11,)])
    assert [outcome.status for outcome in together[6]] == ["value", "timeout", "timeout", "timeout"]


def test_a_program_that_could_reach_what_others_see_runs_apart() -> None:
    assert [source for source in TOUCHING if may_run_together(source)] == []
    assert [source for source in ORDINARY if not may_run_together(source)] == []
