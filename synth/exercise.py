"""`synth.exercise`: functions with a docstring, tests and a solution, each believed only after running.

In: seeds. For each, one attempt: the teacher writes a signature and a docstring for the seed's topic; it writes several
solutions; all of them run in the sandbox on inputs made from the signature; if a majority agrees on every input, the
attempt becomes a Document. Its asserts and the docstring's examples are printed from execution, never taken from the
teacher. Out: one row an attempt, kept or rejected with a reason.
"""

import ast
from dataclasses import dataclass, field
from textwrap import indent
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from curate.llm import Completion, Model, Request
from curate.sandbox import CallOutcome, Limits, call_many
from curate.stage import Context, Made, derive_seed
from synth.agreement import Agreed, agree
from synth.answers import Program, Stub, read_solution, read_stub
from synth.asking import Asking, Style, answers, request, sort_out, source_of
from synth.inputs import argument_rows
from synth.item import Case

STUB_STOPS = ('"""\n', "\n# ", "\n```\n")
SOLUTION_STOPS = ("\ndef ", "\nclass ", "\nif ", "\nprint", "\nassert", "\n#", "\n@", "\n```", '\n"""', "\n>>>")
LONGEST_CASE = 200
"""Characters of an assert; longer ones teach nothing."""
COLUMNS = {
    "function_name": pa.string(),
    "tests": pa.string(),
    "agreement": pa.float64(),
    "distinct": pa.int64(),
}
"""`tests` are assert lines; `agreement` is the share of solutions that agree; `distinct` counts different ones among
these."""


@dataclass
class Attempt:
    """One seed on its way to an exercise."""

    id: str
    seed: dict[str, Any]
    text: str = ""
    """The teacher's stub."""
    stub: Stub | None = None
    inputs: list[tuple[Any, ...]] = field(default_factory=list)
    programs: list[Program] = field(default_factory=list)
    outcomes: list[list[CallOutcome]] = field(default_factory=list)
    reason: str | None = None


class Exercise(Asking):
    """Let the teacher write exercises and keep those whose solutions agree when they run."""

    ALONE: ClassVar[bool] = True

    solutions: int = Field(default=4, ge=2)
    """Solutions asked for each exercise."""
    agreement: float = Field(default=0.75, gt=0, le=1)
    """Share of the solutions that must agree on every input."""
    inputs: int = Field(default=14, ge=6)
    """Inputs that the solutions run on."""
    stub_temperature: float = Field(default=0.6, ge=0)
    temperature: float = Field(default=0.4, ge=0)
    """Of the solutions: low enough to be right, high enough to differ where the teacher is unsure."""
    stub_tokens: int = Field(default=96, ge=16)
    max_tokens: int = Field(default=96, ge=16)
    """Of one solution."""
    cpu_s: float = Field(default=2.0, gt=0)
    """CPU seconds of one solution over all its inputs."""

    def make(self, shard: pa.Table, context: Context) -> Made:
        """Try every seed of the shard that is drawn."""
        attempts = [Attempt(f"{seed['id']}/{context.name}", seed) for seed in self.seeds(shard, context)]
        model, style = self.teacher(context)
        self._write_stubs(attempts, model, style, context)
        self._solve([attempt for attempt in attempts if attempt.stub], model, style, context)
        self._run([attempt for attempt in attempts if attempt.programs])
        rows = [self._judge(attempt, context) for attempt in attempts]
        return sort_out(rows, COLUMNS, model.usage.metrics())

    def _write_stubs(self, attempts: list[Attempt], model: Model, style: Style, context: Context) -> None:
        options = {"max_tokens": self.stub_tokens, "temperature": self.stub_temperature, "top_p": self.top_p}
        asked = [
            request(
                f"{attempt.id}/stub", "stub", style, attempt.seed, run_seed=context.seed, **options,
                stop=STUB_STOPS if style == "completion" else (),
            )
            for attempt in attempts
        ]  # fmt: skip
        replies = answers(model, asked)
        for attempt in attempts:
            self._read_stub(attempt, replies[f"{attempt.id}/stub"], style, context)

    def _read_stub(self, attempt: Attempt, reply: Completion, style: Style, context: Context) -> None:
        """Take the stub from the reply and make inputs for it, or note the reason why not."""
        attempt.text = f"def{reply.text}" if style == "completion" else reply.text
        if reply.finish_reason == "error":
            attempt.reason = "no answer"
            return
        stub = read_stub(attempt.text)
        if isinstance(stub, str):
            attempt.reason = stub
            return
        if f"def {stub.name}(" in source_of("stub", style) + source_of("solution", style):
            attempt.reason = "copied from the prompt"
            return
        drawn = argument_rows(stub.parameters, self.inputs, derive_seed(context.seed, attempt.id, "inputs"))
        if drawn is None:
            attempt.reason = "no inputs for its types"
            return
        own = [row for row in stub.examples if len(row) == len(drawn[0])]
        attempt.stub, attempt.inputs = stub, [*own, *(row for row in drawn if row not in own)][: self.inputs]

    def _solve(self, attempts: list[Attempt], model: Model, style: Style, context: Context) -> None:
        asked: list[Request] = []
        for attempt in attempts:
            assert attempt.stub
            values = {"header": attempt.stub.header, "docstring": indent(attempt.stub.prose, "    ").strip()}
            asked += [
                request(
                    f"{attempt.id}/solution/{index}", "solution", style, values, run_seed=context.seed,
                    max_tokens=self.max_tokens, temperature=self.temperature, top_p=self.top_p,
                    stop=SOLUTION_STOPS if style == "completion" else (),
                )
                for index in range(self.solutions)
            ]  # fmt: skip
        replies = answers(model, asked)
        for attempt in attempts:
            assert attempt.stub
            mine = [replies[f"{attempt.id}/solution/{index}"] for index in range(self.solutions)]
            read = [read_solution(r.text, attempt.stub, cut_off=r.finish_reason == "length") for r in mine]
            attempt.programs = [program for program in read if program]

    def _run(self, attempts: list[Attempt]) -> None:
        """Run every program on its attempt's inputs."""
        work = [
            (program.source(attempt.stub), attempt.stub.name, attempt.inputs)
            for attempt in attempts
            if attempt.stub
            for program in attempt.programs
        ]
        results = call_many(work, Limits(cpu_s=self.cpu_s, memory_mb=512))
        for attempt in attempts:
            attempt.outcomes = [next(results) for _ in attempt.programs]

    def _judge(self, attempt: Attempt, context: Context) -> dict[str, Any]:
        row = {
            "id": attempt.id,
            "text": attempt.text,
            "source": context.name,
            "seed_id": attempt.seed["id"],
            "topic": attempt.seed.get("topic"),
            "reason": attempt.reason,
        }
        if attempt.stub is None:
            return row
        found = agree(
            attempt.stub, attempt.programs, attempt.outcomes, attempt.inputs, asked=self.solutions, share=self.agreement
        )
        if isinstance(found, str):
            tried = (program.source(attempt.stub, _docstring(attempt.stub, ())) for program in attempt.programs)
            return row | {"text": next(tried, attempt.text), "reason": found}
        return row | _exercise(attempt.stub, found, self.solutions)


def _exercise(stub: Stub, agreed: Agreed, asked: int) -> dict[str, Any]:
    """Return the columns of an accepted exercise. The shortest of the agreeing solutions stands for them."""
    program = min(agreed.programs, key=lambda program: (len(program.body), program.body))
    short = [case for case in agreed.cases if len(case.arguments) + len(case.value) <= LONGEST_CASE]
    return {
        "text": program.source(stub, _docstring(stub, tuple(short))),
        "function_name": stub.name,
        "tests": "\n".join(f"assert {stub.name}({case.arguments}) == {case.value}" for case in short),
        "agreement": len(agreed.programs) / asked,
        "distinct": len({program.body for program in agreed.programs}),
    }


def _docstring(stub: Stub, cases: tuple[Case, ...]) -> str:
    """Print the docstring: the teacher's prose, then up to three examples from execution."""
    shown: dict[str, Case] = {}
    for case in sorted(cases, key=lambda case: len(case.arguments) + len(case.value) > 60):
        if _prints_as_written(case.value):
            shown.setdefault(case.value, case)
    examples = "\n".join(f">>> {stub.name}({case.arguments})\n{case.value}" for case in list(shown.values())[:3])
    quote = 'r"""' if "\\" in examples else '"""'
    prose = stub.prose.replace("\\\\", "\\") if quote.startswith("r") else stub.prose
    lines = f"{quote}{prose}\n\n{examples}\n" if examples else f"{quote}{prose}\n"
    return indent(lines.rstrip("\n"), "    ") + '\n    """'


def _prints_as_written(value: str) -> bool:
    """Tell whether the interpreter prints the value as this text: not None, no sets, whose order varies."""
    try:
        tree = ast.parse(value, mode="eval")
        return (
            value != "None"
            and not any(isinstance(n, ast.Set) for n in ast.walk(tree))
            and (repr(ast.literal_eval(tree)) == value)
        )
    except (ValueError, SyntaxError):
        return False
