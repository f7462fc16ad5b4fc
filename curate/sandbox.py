"""Runs programs that nobody trusts: judges them against tests, or calls their functions and returns the values.

In: whole programs, with a test or with arguments. Out: a `Judgement` a trial or a `CallOutcome` a call, in input order,
whatever the program does. Each trial gets two new processes: a judge, which holds the test, and the sample, which gets
calls and returns plain values (`curate.jail.judge`, `curate.jail.sample`). How far the sample is walled in is
`isolation_level()`, the strongest that works here: see `curate.jail.isolation`. Linux only.

Verdicts: pass, wrong, error (an exception), syntax, missing (entry point not defined), timeout, memory, output (printed,
stored or returned too much), crash (died or left without an answer), forbidden (a blocked call decided it), infra (the
sandbox itself failed, or the test is no test; never the program's fault).

Not covered: a test that checks how its candidate is written; programs that need a network, a display or a keyboard.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from curate.errors import UserError
from curate.jail.isolation import LEVELS, RLIMITS
from curate.jail.pool import run
from curate.jail.values import encode


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
    """Python source of the value (see `curate.jail.values.literal`), or the name of the exception's type."""
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
) -> Iterator[Judgement]:
    """Judge trials in input order, a few ahead of the reader; `workers` 0 is one a core, `level` None the strongest.

    Raises UserError where nothing but resource limits would hold a program and `allow_weak` does not accept that.
    """
    requests = (
        _request(trial.limits or limits, source=trial.source, entry_point=trial.entry_point)
        | {"test": trial.test, "setup": trial.setup}
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
    programs: Iterable[tuple[str, str, Sequence[tuple[Any, ...]]]],
    limits: Limits = Limits(),
    *,
    workers: int = 0,
    allow_weak: bool = False,
) -> Iterator[list[CallOutcome]]:
    """Do `call` for many programs (source, entry point, arguments), in input order. CPU limits are for a program.

    Every call gets its own copy of its arguments. Raises `curate.jail.values.NotPlain` for arguments that are not plain.
    """
    requests = (
        _request(limits, source=source, entry_point=entry_point)
        | {"arguments": [encode(tuple(values)) for values in arguments]}
        for source, entry_point, arguments in programs
    )
    for request, reply in run(requests, _accepted(None, allow_weak), workers):
        ended = [(reply["verdict"], "", "", reply["detail"])] * len(request["arguments"])
        yield [CallOutcome(*outcome) for outcome in reply.get("outcomes", ended)]


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


def _request(limits: Limits, *, source: str, entry_point: str) -> dict[str, Any]:
    wall_s = 3 * limits.cpu_s + 5 if limits.wall_s is None else limits.wall_s
    return {"limits": asdict(limits) | {"wall_s": wall_s}, "source": source, "entry_point": entry_point}
