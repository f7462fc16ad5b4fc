"""What today's checks say of exercises that somebody has read, when their recorded solutions run on today's inputs.

    python -m benchmarks.described READ.jsonl STAGE...

In: rows of `id` and `verdict` (`true`, or what is wrong), and the directories of the stages of `synth.exercise` or
`synth.evolve` with `first_comes: code` that made them (`kept/`, `calls.jsonl`, its own or under `calls/`). Of each the
function as the teacher wrote it and the solutions that agreed with it then are taken from the log.
Out: for each verdict how many exercises are refused today, and by what: the description leaves something out, a
solution gives something else on an input, a parameter decides nothing; and how many pass. What another request would
give (a solution written without the function's name) no log can tell.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from curate.sandbox.programs import CallOutcome, Limits, call_many
from curate.stage import derive_seed
from curate.synth.exercise.agreement import gave, speaks_of_floats
from curate.synth.exercise.clauses import Shown
from curate.synth.exercise.complete import left_out
from curate.synth.exercise.exercise import Exercise
from curate.synth.exercise.probes import Row, different, idle, probes, standard, varied
from curate.synth.exercise.signature import spelled_out
from curate.synth.teacher.answers import Program, Stub, read_function, read_solution

INPUTS = int(Exercise.model_fields["inputs"].default)
LIMITS = Limits(cpu_s=2.0, memory_mb=512)


@dataclass(frozen=True)
class Recorded:
    """One exercise: its stub with the description that was kept, its code, and the solutions that agreed with it."""

    name: str
    stub: Stub
    code: Program
    solutions: tuple[Program, ...]

    def rows(self) -> list[Row]:
        """Return today's inputs."""
        seed = derive_seed(0, self.name, "inputs")
        own = probes(self.stub, INPUTS, seed, self.code.source(self.stub)) or []
        return different([*own, *standard(self.stub)[1]])


def main(read: Path, stages: Sequence[Path]) -> None:
    """Print a table of verdicts and reasons."""
    verdicts = {row["id"]: row["verdict"] for row in map(json.loads, read.read_text(encoding="utf-8").splitlines())}
    found = list(_recorded(set(verdicts), stages))
    table: dict[str, Counter[str]] = {verdict: Counter() for verdict in sorted(set(verdicts.values()))}
    for each, reason in zip(found, map(_refused, found), strict=True):
        table[verdicts[each.name]][reason or "passes"] += 1
    reasons = sorted(
        {reason for counts in table.values() for reason in counts}, key=lambda name: (name == "passes", name)
    )
    print(f"{'':<44}" + "".join(f"{verdict:>12}" for verdict in table))
    for reason in reasons:
        print(f"{reason:<44}" + "".join(f"{counts[reason]:>12}" for counts in table.values()))
    if len(found) < len(verdicts):
        print(f"{len(verdicts) - len(found)} are not in the logs, or were not made from code")


def _refused(each: Recorded) -> str | None:
    """Say why an exercise would be refused today, if it would be."""
    rows = each.rows()
    first, *others = _run(each, [each.code, *each.solutions], rows)
    if idle(rows, gave(first)):
        more = different([*rows, *(row for place in idle(rows, gave(first)) for row in varied(rows, place))])
        if idle(more, gave(_run(each, [each.code], more)[0])):
            return "a parameter decides nothing"
    shown = [Shown(row, outcome) for row, outcome in zip(rows, first, strict=True)]
    wanting = left_out(each.stub.prose, each.stub.parameters, each.code.source(each.stub), shown)
    floats = speaks_of_floats(each.stub)
    if wanting is None and any(gave(other, floats=floats) != gave(first, floats=floats) for other in others):
        return "a solution gives something else"
    return wanting


def _run(each: Recorded, programs: Sequence[Program], rows: Sequence[Row]) -> list[list[CallOutcome]]:
    work = [(program.source(each.stub), each.stub.name, rows) for program in programs]
    return list(call_many(work, LIMITS, workers=1))


def _recorded(names: set[str], stages: Sequence[Path]) -> Iterator[Recorded]:
    for stage in stages:
        tables = [
            pq.read_table(path, columns=["id", "description"]) for path in sorted((stage / "kept").glob("*.parquet"))
        ]
        kept = {row["id"]: row for table in tables for row in table.to_pylist() if row["id"] in names}
        calls = _calls(stage, set(kept))
        for name, row in kept.items():
            text = calls[f"{name}/stub"]["text"]
            whole = text if "```py" in text or text.lstrip().startswith(("def ", "import ", "from ")) else f"def{text}"
            function = read_function(whole)
            if isinstance(function, str):
                continue
            stub = replace(spelled_out(function[0]), prose=row["description"])
            turn = next((each for each in ("2/", "1/", "") if f"{name}/{each}solution/2" in calls), "")
            replies = [calls.get(f"{name}/{turn}solution/{number}") for number in (1, 2, 3)]
            read = [
                read_solution(each["text"], stub, cut_off=each["finish_reason"] == "length") for each in replies if each
            ]
            yield Recorded(name, stub, function[1], tuple(filter(None, read)))


def _calls(stage: Path, names: set[str]) -> dict[str, dict[str, Any]]:
    """Return the calls of those attempts by id."""
    log = next(path for path in (stage / "calls.jsonl", stage / "calls" / "calls.jsonl") if path.exists())
    found: dict[str, dict[str, Any]] = {}
    with log.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            name = row["id"]
            while "/" in name and name not in names:
                name = name.rpartition("/")[0]
            if name in names:
                found[row["id"]] = row
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(each) for each in sys.argv[2:]])
