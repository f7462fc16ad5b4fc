"""The course of one exercise: from the request for a stub to the row of an Item, or the reason why there is none.

Written as a generator for synth/teacher/flow.py, which keeps thousands under way: it yields requests to the teacher,
programs
for the sandbox and claims, and goes on with their answers. What is cheap comes first: a stub is refused by its words
and its name before solutions are asked for; two solutions are held against the description and against what stands
already before a third is.
"""

import ast
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from textwrap import indent
from typing import Any

import pyarrow as pa

from curate.llm import Completion, Request
from curate.stage import derive_seed
from curate.synth.exercise.agreement import (
    Agreed,
    changes_its_parameters,
    gave,
    speaks_of_floats,
    uses_its_parameters,
)
from curate.synth.exercise.probes import Row, probes
from curate.synth.exercise.trial import Settings, Steps, Trial
from curate.synth.exercise.unverified import unverified
from curate.synth.item.item import COLUMNS as ITEM_COLUMNS
from curate.synth.item.item import Item, row
from curate.synth.teacher.answers import Program, Stub, read_solution, read_stub
from curate.synth.teacher.asking import FENCE, Voice
from curate.synth.teacher.effects import Ask, Claim, Run

COLUMNS = {
    **ITEM_COLUMNS, "asked": pa.int64(), "truth": pa.float64(), "round_trip": pa.float64(), "described_by": pa.string(),
}  # fmt: skip
"""Beside an Item's: how many solutions were asked for, the teacher's probability that all statements are true, and
whether a description written anew from the code was solved to the same results (1 or 0), both null where not asked; and
who described it, `teacher` or `rule`."""
SOLUTION_STOPS = ("\ndef ", "\nclass ", "\nif ", "\nprint", "\nassert", "\n#", "\n@", "\n```", '\n"""', "\n>>>")
OUTSIDE = re.compile(
    r"\b(prints?|printed|random(ly)?|shuffled?|user input|standard input|current (date|time)|today|downloads?|"
    r"reads? (a|the) file|database|in place|modif(y|ies) the)\b",
    re.IGNORECASE,
)
"""What a description of a pure function does not speak of."""
MOST_WORDS = 90
LONGEST_CASE = 300
"""Characters of a case; longer ones teach nothing."""
MOST_CASES = 12
"""Cases that are kept of those that were run: three are shown, the others become asserts."""


@dataclass
class Course:
    """One attempt. `known` are the columns of its row that are known before it begins."""

    known: dict[str, Any]
    ask: Callable[[], Request]
    """Returns the first request; it is put into words when its turn comes."""
    begun: str
    """The beginning of the answer, which the teacher did not write."""
    copied: str
    """What the teacher has seen: functions in it are no answer."""
    settings: Settings
    voice: Voice
    top_p: float

    def run(self) -> Generator[Ask | Run | Claim, Any, dict[str, Any]]:
        """Go the whole way and return the row."""
        [reply] = yield Ask((self.ask(),))
        begins_anew = "```py" in reply.text  # instead of going on
        text = reply.text if begins_anew else self.voice.whole(reply, self.begun)
        stub = self._stub(reply, text)
        if isinstance(stub, str):
            return self._rejected(text, stub)
        if not self.settings.verify:
            row: dict[str, Any] = yield from self._unverified(stub, text)
            return row
        inputs = probes(stub, self.settings.inputs, derive_seed(self.voice.seed, self.known["id"], "inputs"))
        if inputs is None:
            return self._rejected(text, "no inputs for its types")
        if not (yield self._name(stub)):
            return self._rejected(text, "its name is taken")
        row = yield from self._tried(Trial(self, stub, inputs))
        return row

    def _unverified(self, stub: Stub, text: str) -> Steps:
        """Return the row of a stub with the first solution of it, neither of which was run."""
        if not (yield self._name(stub)):
            return self._rejected(text, "its name is taken")
        [reply] = yield Ask((self.solution(stub, stub.prose, f"{self.known['id']}/solution/0"),))
        program = self.read(reply, stub)
        if program is None:
            return self._rejected(text, "no answer" if reply.finish_reason == "error" else "no solution parses")
        if not (yield Trial(self, stub, []).tree(program)):
            return self._rejected(text, "is written like another")
        return unverified(self.known, stub, program, "teacher")

    def _name(self, stub: Stub) -> Claim:
        """Return the claim of a name: its words in any order."""
        words = " ".join(sorted(stub.name.split("_")))
        return Claim(self.settings.key(words), self.settings.per_name, "name")

    def _tried(self, trial: Trial) -> Steps:
        """Let a trial decide; return the row."""
        found = yield from trial.run()
        row: dict[str, Any] = yield from self._ended(trial, found)
        return row

    def _ended(self, trial: Trial, found: Agreed | str) -> Steps:
        """Return the row of what a trial found, after the checks that were asked for."""
        stub = trial.stub
        docstring = _quoted(stub.prose)
        shown = trial.programs[0].source(stub, docstring) if trial.programs else f"{stub.header}\n{docstring}\n"
        if isinstance(found, str):
            return self._rejected(shown, found, agree=trial.agree, detail=trial.explained())
        made: dict[str, Any] = self._row(stub, found, trial)
        checks: dict[str, Any] = yield from self._checks(stub, found, trial.inputs, made["text"])
        if self.settings.truth and (checks["truth"] or 0.0) < self.settings.min_truth:
            return self._rejected(made["text"], "the teacher finds it untrue", agree=trial.agree)
        return made | checks

    def _stub(self, reply: Completion, text: str) -> Stub | str:
        """Read the stub, or say why it is refused."""
        if reply.finish_reason == "error":
            return "no answer"
        stub = read_stub(text, cut_off=reply.finish_reason == "length")
        if isinstance(stub, str):
            return stub
        if stub.prose[-1].isalnum():  # a stop string may have taken the full stop
            stub = replace(stub, prose=f"{stub.prose}.")
        if f"def {stub.name}(" in self.copied:
            return "copied from the prompt"
        wrong = objection(stub) if self.settings.verify else None
        return wrong or self.settings.avoid.objection(stub) or stub

    def _row(self, stub: Stub, found: Agreed, trial: Trial) -> dict[str, Any]:
        pure = [program for program in found.programs if not changes_its_parameters(stub, program)]
        whole = [program for program in pure if uses_its_parameters(stub, program)] or pure
        bodies = sorted({program.body for program in whole}, key=lambda body: (len(body), body))
        program = next(each for each in found.programs if each.body == bodies[0])
        alike = [body for body in bodies[1:] if trial.above(body) == program.above(stub)]
        cases = [case for case in found.cases if len(case.arguments) + len(case.value) <= LONGEST_CASE][:MOST_CASES]
        item = Item(stub.name, program.above(stub), stub.header, stub.prose, tuple(cases), (bodies[0], *alike[-1:]))
        share = len(found.programs) / trial.asked
        made = row(
            item,
            id=self.known["id"],
            source=self.known["source"],
            seed_id=self.known["seed_id"],
            topic=self.known["topic"],
            agreement=share,
            distinct=len({program.body for program in found.programs}),
            tier="gold" if share == 1 and trial.asked > 2 else "silver",
        )
        return made | {
            "reason": None, "asked": trial.asked, "agree": trial.agree, "truth": None, "round_trip": None,
            "described_by": "teacher",
        }  # fmt: skip

    def _checks(self, stub: Stub, found: Agreed, inputs: list[Row], text: str) -> Steps:
        """Ask for the probability that all is true, and for the way round: description anew, solved blind."""
        name, checks = self.known["id"], {"truth": None, "round_trip": None}
        if self.settings.truth:
            values = {"program": text.strip()}
            [told] = yield Ask(
                (self.voice.request(f"{name}/truth", "truth", values, max_tokens=1, choices=("Yes", "No")),)
            )
            if told.probabilities and sum(told.probabilities) > 0:
                checks["truth"] = told.probabilities[0] / sum(told.probabilities)
        if self.settings.round_trip:
            program = min(found.programs, key=lambda program: (len(program.body), program.body))
            bare = text.replace(stub.prose, "", 1) if "\n" not in stub.prose else program.source(stub)
            checks["round_trip"] = yield from self._round_trip(stub, program, bare, inputs)
        return checks

    def _round_trip(self, stub: Stub, program: Program, shown: str, inputs: list[Row]) -> Steps:
        name = self.known["id"]
        asked = self.voice.request(
            f"{name}/description",
            "describe",
            {"program": shown.strip()},
            begun="Return",
            max_tokens=100,
            temperature=0.0,
        )
        [reply] = yield Ask((asked,))
        prose = " ".join(self.voice.whole(reply, "Return").split())
        [reply] = yield Ask((self.solution(stub, prose, f"{name}/blind"),))
        blind = self.read(reply, stub)
        if blind is None:
            return 0.0
        both = yield Run(tuple((each.source(stub), stub.name, inputs) for each in (program, blind)))
        floats = speaks_of_floats(stub)
        return float(gave(both[0], floats=floats) == gave(both[1], floats=floats))

    def blind(self, stub: Stub) -> Stub:
        """Return a stub as those who solve it see it."""
        return stub

    def read(self, reply: Completion, stub: Stub) -> Program | None:
        """Read a solution, if it is one."""
        return read_solution(reply.text, self.blind(stub), cut_off=reply.finish_reason == "length")

    def solution(self, stub: Stub, prose: str, request_id: str) -> Request:
        """Return the request for one solution."""
        stub = self.blind(stub)
        values = {"header": stub.header, "docstring": indent(prose, "    ").strip()}
        return self.voice.request(
            request_id, "solution", values, begun=f"{FENCE}{stub.header}\n{_quoted(prose)}\n",
            max_tokens=self.settings.max_tokens, temperature=self.settings.temperature, top_p=self.top_p,
            stop=SOLUTION_STOPS if self.voice.style == "completion" or self.voice.continues else (),
        )  # fmt: skip

    def _rejected(self, text: str, reason: str, agree: str = "", detail: str | None = None) -> dict[str, Any]:
        return {**self.known, "text": text, "reason": reason, "agree": agree, "detail": detail}


def objection(stub: Stub, *, whole: bool = True) -> str | None:
    """Say what is wrong with a stub's words, if anything is; one that is not `whole` may lack its result's type."""
    words = stub.prose.split()
    letters = [letter for letter in stub.prose if letter.isalpha()]
    pairs = [tuple(words[start : start + 3]) for start in range(len(words) - 2)]
    faults = {
        "not English": sum(letter.isascii() for letter in letters) < 0.95 * len(letters),
        "too long": len(words) > MOST_WORDS,
        "repetition": len(pairs) > 8 and len(set(pairs)) < 0.7 * len(pairs),
        "speaks of more than a result": OUTSIDE.search(stub.prose) is not None,
        "types are missing": (whole and stub.returns is None) or any(
            parameter.annotation is None for parameter in [*stub.parameters.posonlyargs, *stub.parameters.args]
        ),
        "returns nothing": isinstance(stub.returns, ast.Constant) and stub.returns.value is None,
    }  # fmt: skip
    return next((reason for reason, is_so in faults.items() if is_so), None)


def _quoted(prose: str) -> str:
    """Return a docstring with its quotes, indented; as item.docstring does, without examples."""
    quotes = 'r"""' if "\\" in prose else '"""'
    return indent(f'{quotes}{prose}\n"""', "    ")
