"""The solutions of one stub: asked for, run on the same inputs, and held against each other and the description.

In: a course (what is asked, and how), a stub, its inputs; a solution that stood before the stub was described, where
the code came first. Out: what the majority agrees on, or the reason why the stub makes no exercise. What a function
does, and how it is written, is claimed on the way.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from curate.llm import Completion, Request
from curate.sandbox.programs import CallOutcome
from curate.synth.exercise.agreement import Agreed, agree, gave, speaks_of_floats, tells_its_type, values_of
from curate.synth.exercise.avoid import Avoid
from curate.synth.exercise.clauses import Shown, untrue
from curate.synth.exercise.complete import bare
from curate.synth.exercise.disagreement import explain
from curate.synth.exercise.probes import Row, different, idle, standard, telling_rows, varied
from curate.synth.exercise.signature import with_result
from curate.synth.teacher.answers import Program, Stub
from curate.synth.teacher.effects import Ask, Claim, Run
from curate.text.trees import function_in, labels

FEW = 4
"""Values that tell a function from others; with fewer it is known by its tree alone."""
Steps = Generator[Ask | Run | Claim, Any, Any]


@dataclass(frozen=True)
class Settings:
    """The parameters of a stage that an attempt needs; see `synth.exercise`."""

    solutions: int
    first: int
    agreement: float
    inputs: int
    descriptions: int
    described_by: str
    per_name: int
    truth: bool
    min_truth: float
    round_trip: bool
    temperature: float
    max_tokens: int
    verify: bool
    distinct: bool
    avoid: Avoid

    def key(self, key: str | None) -> str | None:
        """Return what is claimed: nothing where several may do, be written or be called the same."""
        return key if self.distinct else None


class Course(Protocol):
    """What a trial needs of the attempt that it belongs to."""

    known: dict[str, Any]
    settings: Settings

    def solution(self, stub: Stub, prose: str, request_id: str) -> Request:
        """Return the request for one solution."""
        ...

    def read(self, reply: Completion, stub: Stub) -> Program | None:
        """Read a solution, if it is one."""
        ...


class Trial:
    """The solutions of one stub, and what they gave.

    `given` is one that stood before the stub was described; `turn` counts the descriptions that were tried of it.
    """

    def __init__(
        self, course: Course, stub: Stub, inputs: list[Row], given: Program | None = None, turn: int = 0
    ) -> None:
        self.course, self.settings, self.stub, self.inputs = course, course.settings, stub, inputs
        self.types, self.standard = standard(stub)
        self.rows = different([*inputs, *self.standard])
        self.asked = 0
        self.programs: list[Program] = []
        self.outcomes: list[Sequence[CallOutcome]] = []
        self.agree = ""
        self.foreign = 0
        """Solutions left out for what they import."""
        self.given = given
        self.shown: list[Row] = []
        """Inputs that show what a parameter decides which decides nothing on the others."""
        self.asked_as = f"{course.known['id']}/{turn}/solution" if turn else f"{course.known['id']}/solution"

    def stands(self) -> Steps:
        """Run the given solution alone and claim what it does; return the reason why it is no exercise, if it is."""
        assert self.given
        self.programs = [self.given]
        self.outcomes = yield Run(((self.given.source(self.stub), self.stub.name, self.rows),))
        found = self._alone()
        if not isinstance(found, str) and (places := idle(self.rows, gave(self.outcomes[0]))):
            yield from self._vary(places)
            found = "a parameter decides nothing" if idle(self.rows, gave(self.outcomes[0])) else self._alone()
        return found if isinstance(found, str) else (yield from self._claims(found))

    def _alone(self) -> Agreed | str:
        """Return what the given solution makes alone, its result declared as it came, or why it is no exercise."""
        values = values_of(self.outcomes[0])
        if not tells_its_type(self.stub, values):
            self.stub = with_result(self.stub, values)
        if self.stub.returns is None or bare(self.stub.parameters, self.stub.returns):
            return "types do not say what they hold"
        return agree(self.stub, self.programs, self.outcomes, self.rows, asked=1, share=1.0, fewest=1)

    def _vary(self, places: list[int]) -> Steps:
        """Run the given solution on rows in which arguments vary that changed nothing; rows that tell become inputs."""
        assert self.given
        known = set(map(repr, self.rows))
        tried = different(row for place in places for row in varied(self.inputs, place))
        new = [row for row in tried if repr(row) not in known]
        [outcomes] = yield Run(((self.given.source(self.stub), self.stub.name, new),))
        rows = [*self.rows, *new]
        results = [*self.outcomes[0], *outcomes]
        told = telling_rows(rows, gave(results), places)
        kept = {repr(row): result for row, result in zip(rows, results, strict=True)}
        self.shown = [row for row in told if repr(row) not in known]
        self.inputs = [*self.inputs, *self.shown]
        self.rows = different([*self.inputs, *self.standard])
        self.outcomes = [[kept[repr(row)] for row in self.rows]]

    def run(self) -> Steps:
        """Ask and run until it is decided; return Agreed or a reason."""
        claimed = self.given is not None
        while True:
            more = self.settings.first if not self.asked else self.settings.solutions - self.asked
            yield from self._solve(min(more, self.settings.solutions))
            found = self._found()
            if isinstance(found, str) and not (found == "no majority" and self._undecided()):
                return found
            if not isinstance(found, str) and not claimed:
                claimed = True
                taken = yield from self._claims(found)
                if taken:
                    return taken
            if self.asked >= self.settings.solutions:
                return found

    def _solve(self, count: int) -> Steps:
        """Ask for solutions until there are `count` more, the given one the first of all, and run them."""
        given = [self.given] if self.given and not self.asked else []
        numbers = range(self.asked + len(given), self.asked + count)
        replies = yield Ask(
            tuple(self.course.solution(self.stub, self.stub.prose, f"{self.asked_as}/{number}") for number in numbers)
        )
        self.asked += count
        read = [self.course.read(reply, self.stub) for reply in replies]
        # One that loads numpy or torch costs a hundred times the time of one that does not, and teaches other things.
        written = [program for program in read if program and program.is_plain]
        self.foreign += sum(program is not None for program in read) - len(written)
        programs = [*given, *written]
        outcomes = yield Run(tuple((program.source(self.stub), self.stub.name, self.rows) for program in programs))
        self.programs += programs
        self.outcomes += outcomes

    def _found(self) -> Agreed | str:
        """Return the majority among the solutions so far, if it is one to believe."""
        groups = [gave(each, floats=speaks_of_floats(self.stub)) for each in self.outcomes]
        most = max((groups.count(group) for group in groups), default=0)
        self.agree = f"{most}_of_{self.asked}"
        share = 1.0 if self.asked < self.settings.solutions else self.settings.agreement
        if not self.programs and self.foreign:
            return "imports more than an exercise may"
        found = agree(self.stub, self.programs, self.outcomes, self.rows, asked=self.asked, share=share)
        if isinstance(found, str):
            return found
        shortest = min(found.programs, key=lambda program: (len(program.body), program.body))
        outcomes = self.outcomes[self.programs.index(found.programs[0])]
        shown = [Shown(arguments, outcome) for arguments, outcome in zip(self.rows, outcomes, strict=True)]
        wrong = untrue(self.stub.prose, shortest.source(self.stub), self.stub.name, shown)
        return wrong or Agreed(found.programs, found.cases[: max(len(self.inputs), 1)])

    def _undecided(self) -> bool:
        """Tell whether the solutions that are left could make a majority."""
        most, left = int(self.agree.split("_")[0]), self.settings.solutions - self.asked
        return left > 0 and most + left >= max(2, self.settings.agreement * self.settings.solutions)

    def _claims(self, found: Agreed) -> Steps:
        """Claim what the function does and how it is written; return the reason where another holds either."""
        outcomes = self.outcomes[self.programs.index(found.programs[0])]
        if not (yield Claim(self.settings.key(self._behaviour(outcomes)), 1, "behaviour")):
            return "does what another does"
        shortest = min(found.programs, key=lambda program: (len(program.body), program.body))
        if not (yield self.tree(shortest)):
            return "is written like another"
        return None

    def tree(self, program: Program) -> Claim:
        """Return the claim of how a program is written."""
        function = function_in(f"{self.stub.header}\n{program.body}\n")
        tree = labels(function, values=True).tobytes().hex() if function else None
        return Claim(self.settings.key(tree), 1, "tree")

    def _behaviour(self, outcomes: Sequence[CallOutcome]) -> str | None:
        """Return what the function gives on the standard rows, or None where that tells little."""
        given = {repr(row): outcome for row, outcome in zip(self.rows, outcomes, strict=True)}
        results = [given[repr(row)] for row in self.standard]
        values = [result.value for result in results if result.status == "value"]
        telling = len(values) >= FEW and len(set(values)) > 1
        return f"{self.types}: {gave(results)}" if telling else None

    def explained(self) -> str:
        """Return the calls that tell most of how the solutions fared."""
        return explain(self.stub.name, self.rows, self.outcomes)

    def above(self, body: str) -> str:
        """Return what stands above a body in its own program."""
        return next(program.above(self.stub) for program in self.programs if program.body == body)
