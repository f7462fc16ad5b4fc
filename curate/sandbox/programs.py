"""Runs programs that nobody trusts: judges them against tests, or calls their functions and returns the values.

In: whole programs, with a test or with arguments. Out: a `Judgement` a trial or a `CallOutcome` a call, in input order,
whatever the program does. Each trial gets two new processes: a judge, which holds the test, and the sample, which gets
calls and returns plain values (`curate.sandbox.judge`, `curate.sandbox.sample`). How far the sample is walled in is
`isolation_level()`, the strongest that works here: see `curate.sandbox.walls.isolation`. Linux only.

Verdicts: pass, wrong, error (an exception), syntax, missing (entry point not defined), timeout, memory, output (printed,
stored or returned too much), crash (died or left without an answer), forbidden (a blocked call decided it), infra (the
sandbox itself failed, or the test is no test; never the program's fault).

Calls judge nobody, and most programs that are called can reach nothing but their own values: those share a process, one
after the other (`curate.sandbox.together`).

Not covered: a test that checks how its candidate is written; programs that need a network, a display or a keyboard.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

from curate.errors import UserError
from curate.sandbox.pool import EACH, Pool, run
from curate.sandbox.together import may_run_together
from curate.sandbox.values import encode
from curate.sandbox.walls.isolation import LEVELS, RLIMITS
from curate.sandbox.zygote import WARM

Program = tuple[str, str, Sequence[tuple[Any, ...]]]
"""Source, entry point, and the arguments of each call."""
IMPORTED = re.compile(r"^\s*(?:from\s+([\w.]+)\s+import|import\s+([\w., \t]+))", re.MULTILINE)
QUICK = frozenset(
    {*WARM, "collections", "__future__", "array", "enum", "abc", "numbers", "textwrap", "time", "sys", "os"}
)
"""Modules whose import takes no time worth speaking of."""
MOST_LOST = 10
"""Programs with which the sandbox may fail, beside one in a hundred, before it is the machine that is at fault."""
EACH_CPU_S = 0.1
"""The most that a program gets among others in one process."""
CLOSE = 0.25
"""Share of its CPU seconds from which on a program might run out of them elsewhere."""


@dataclass(frozen=True)
class Limits:
    """What one program may use."""

    cpu_s: float = 5.0
    """CPU seconds of the sample; decides."""
    wall_s: float | None = None
    """Backs it up; None is 3 * cpu_s + 5."""
    memory_mb: int = 1024
    """Address space of a process."""
    output_kb: int = 1024
    """What it may print."""
    file_mb: int = 16
    """The largest file it may write; all together four times that."""
    processes: int = 16
    """Processes and threads at once (at the weaker levels: threads)."""
    leash_s: float | None = None
    """For calls: CPU seconds of a program that imports nothing slow to import, in the place of `cpu_s`. An endless loop
    then costs little more than the leash; whether the few right programs that need longer are worth asking for again
    is the caller's to say, by another request without a leash."""


@dataclass(frozen=True)
class Trial:
    """One generated program and the test that judges it."""

    source: str
    """The whole program of the sample."""
    entry_point: str
    """The function that must exist."""
    test: str
    """Trusted Python that defines check(candidate). Names that it does not define itself are looked up in the sample,
    so a helper that the test relies on is safe from the sample only where the test brings its own."""
    setup: str = ""
    """Trusted code that runs in the sample's namespace after `source`."""
    limits: Limits | None = None
    """Other limits for this trial alone."""


@dataclass(frozen=True)
class Judgement:
    """The verdict on one trial; the figures are the sample's."""

    verdict: str
    detail: str
    cpu_s: float
    wall_s: float
    peak_mb: float


@dataclass(frozen=True)
class CallOutcome:
    """What one call gave."""

    status: str
    """`value`, `raised`, or the verdict that ended the program (then also of the calls that were still to come);
    `error` also stands for a value that is not plain."""
    value: str
    """Python source of the value (see `curate.sandbox.values.literal`), or the name of the exception's type."""
    type: str
    """Name of the value's type."""
    detail: str


def judge(
    trials: Iterable[Trial],
    limits: Limits = Limits(),
    *,
    workers: int = 0,
    allow_weak: bool = False,
    level: str | None = None,
    together: bool = False,
) -> Iterator[Judgement]:
    """Judge trials in input order, a few ahead of the reader; `workers` 0 is one a core, `level` None the strongest.

    `together` lets programs share a process that can reach nothing but their own values: a quarter of the time.

    Raises UserError where nothing but resource limits would hold a program and `allow_weak` does not accept that.
    """
    requests = (
        _request(trial.limits or limits, source=trial.source, entry_point=trial.entry_point)
        | {"test": trial.test, "setup": trial.setup}
        | (_shared(trial.source, trial.limits or limits) if together and not trial.setup else {})
        for trial in trials
    )
    for _, reply in run(requests, _accepted(level, allow_weak), workers):
        figures = {name: float(reply.get(name, 0.0)) for name in ("cpu_s", "wall_s", "peak_mb")}
        yield Judgement(reply["verdict"], reply["detail"], **figures)


def call(
    source: str,
    entry_point: str,
    arguments: Sequence[tuple[Any, ...]],
    limits: Limits = Limits(),
    *,
    allow_weak: bool = False,
) -> list[CallOutcome]:
    """Call a function once for each tuple of plain arguments. Starts a sandbox; for many programs use `call_many`."""
    return next(call_many([(source, entry_point, arguments)], limits, workers=1, allow_weak=allow_weak))


def call_many(
    programs: Iterable[Program],
    limits: Limits = Limits(),
    *,
    workers: int = 0,
    allow_weak: bool = False,
    hash_seed: int = 0,
) -> Iterator[list[CallOutcome]]:
    """Do `call` for many programs (source, entry point, arguments), in input order. CPU limits are for a program.

    `hash_seed` decides the order of sets of strings: what differs between two of them is true of no Python in general.
    Every call gets its own copy of its arguments. Raises `curate.sandbox.values.NotPlain` for arguments that are not plain.
    """
    requests = (_call(limits, *program) for program in programs)
    for request, reply in run(requests, _accepted(None, allow_weak), workers, hash_seed):
        yield _outcomes(request, reply)


class Caller:
    """A pool that calls functions as `call_many` does, takes programs at any time and answers in any order.

    Owned by one thread; `close` it. `programs` counts those answered, `timeouts` those of them that ran out of time.
    """

    def __init__(self, workers: int = 0, *, allow_weak: bool = False, hash_seed: int = 0) -> None:
        level = _accepted(None, allow_weak)
        count = workers or len(os.sched_getaffinity(0))
        self._pool = Pool(level, count, together=count // 4, hash_seed=hash_seed)
        self.programs = self.timeouts = self._lost = 0

    @property
    def outstanding(self) -> int:
        """How many programs have no answer yet."""
        return self._pool.outstanding

    def submit(self, key: Any, program: Program, limits: Limits, rank: int = 0) -> None:
        """Add a program; `key` comes back with its outcomes. A lower rank goes before what waits already.

        Raises NotPlain for arguments that are not plain.
        """
        self._pool.submit(key, _call(limits, *program), rank)

    def take(self, wait_s: float) -> list[tuple[Any, list[CallOutcome], bool]]:
        """Return the outcomes that are there, and whether a clock or the machine's memory had a say in them.

        Waits about so long for a first one.

        Raises UserError where the sandbox itself keeps failing: that is no verdict on any program. A single program
        with which it fails again and again has the status `infra`.
        """
        answered = self._pool.take(wait_s)
        for _, _, reply in answered:
            self.programs += 1
            self.timeouts += reply["verdict"] == "timeout"
            self._lost += reply["verdict"] == "infra"
            if self._lost > MOST_LOST + self.programs // 100:
                raise UserError(
                    f"the sandbox failed {self._lost} times in {self.programs} programs, last: {reply['detail'][:200]}; "
                    "mend the machine and run again, what is done is kept"
                )
        return [(key, _outcomes(request, reply), _is_close(request, reply)) for key, request, reply in answered]

    def close(self) -> None:
        """End the pool and all that runs in it."""
        self._pool.close()


@cache
def isolation_level() -> str:
    """Return the strongest level that works on this machine, by trying."""
    problems = (what_is_missing(level) for level in LEVELS)
    for level, problem in zip(LEVELS, problems, strict=True):
        if not problem:
            return level
    raise UserError(f"the sandbox does not work on this machine: {problem}; it needs Linux")


def what_is_missing(level: str) -> str:
    """Say why a level does not work on this machine, by trying; nothing where it does."""
    request = _request(Limits(), source="def one(): return 1", entry_point="one") | {"arguments": [["t"]]}
    (_, reply), *_ = run([request], level, workers=1)
    return "" if reply["verdict"] == "pass" else str(reply["detail"])


def _accepted(level: str | None, allow_weak: bool) -> str:
    level = level or isolation_level()
    if level == RLIMITS and not allow_weak:
        raise UserError(
            f"isolation here is {level!r} alone, which does not hold hostile code; "
            "enable user namespaces or Landlock, or accept it with --allow-weak-sandbox"
        )
    return level


def _call(limits: Limits, source: str, entry_point: str, arguments: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    leashed = limits.leash_s is not None and limits.leash_s < limits.cpu_s and not _imports_slowly(source)
    if leashed and limits.leash_s is not None:
        limits = replace(limits, cpu_s=limits.leash_s, wall_s=limits.wall_s or 10 * limits.leash_s)
    # No grace on a leash: what needs longer is the caller's to ask for.
    called = {"arguments": [encode(tuple(values), plain=True) for values in arguments], "leashed": leashed}
    return _request(limits, source=source, entry_point=entry_point) | called | _shared(source, limits)


def _shared(source: str, limits: Limits) -> dict[str, float]:
    """Return what lets a program share a process, if it may; who needs more CPU time runs apart."""
    return {EACH: min(CLOSE * limits.cpu_s, EACH_CPU_S)} if may_run_together(source) else {}


def _imports_slowly(source: str) -> bool:
    """Tell whether a program may import more than what the fork server has loaded already: numpy alone takes 0.1 s."""
    named = (part.split() for match in IMPORTED.finditer(source) for part in (match[1] or match[2]).split(","))
    return not {words[0] for words in named if words} <= QUICK


def _outcomes(request: dict[str, Any], reply: dict[str, Any]) -> list[CallOutcome]:
    ended = [(reply["verdict"], "", "", reply["detail"])] * len(request["arguments"])
    return [CallOutcome(*outcome) for outcome in reply.get("outcomes", ended)]


def _is_close(request: dict[str, Any], reply: dict[str, Any]) -> bool:
    """Tell whether another machine might have said otherwise: a program was ended by, or came close to, a limit."""
    share = float(reply.get("cpu_s", 0.0)) / float(request["limits"]["cpu_s"])
    return reply["verdict"] in ("timeout", "memory", "crash") or share > CLOSE


def _request(limits: Limits, *, source: str, entry_point: str) -> dict[str, Any]:
    wall_s = 3 * limits.cpu_s + 5 if limits.wall_s is None else limits.wall_s
    return {"limits": asdict(limits) | {"wall_s": wall_s}, "source": source, "entry_point": entry_point}
