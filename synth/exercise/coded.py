"""The course of an exercise whose code comes first: what it does is described by rule, or by the teacher.

A function that runs needs no majority to say what it gives; what is in doubt is the description. So the teacher writes
a function; it is refused by its words, by what it gives and where another does the same, before more is asked for;
then it is described by rule (told.py), or the teacher, who is not told its name, says what it returns (Zhao et al.
2026, BatCoder); and only where solutions of that description, written without the code in sight, give the same on every
input is the description believed. Where they do not, it is described again: a function that stands has cost more than a
description and a solution of it.
For what an attempt yields and returns see synth/exercise/attempt.py, whose later steps these are.
"""

import re
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Any

from curate.llm import Completion
from curate.sandbox.programs import CallOutcome
from curate.sandbox.values import literal
from curate.stage import derive_seed
from curate.synth.exercise.attempt import Course, objection
from curate.synth.exercise.clauses import Shown
from curate.synth.exercise.complete import bare, left_out
from curate.synth.exercise.probes import Row, different, probes
from curate.synth.exercise.signature import spelled_out
from curate.synth.exercise.told import Told, by_rule
from curate.synth.exercise.trial import Steps, Trial
from curate.synth.exercise.unverified import unverified
from curate.synth.teacher.answers import Program, Stub, plain_prose, read_function
from curate.synth.teacher.effects import Ask, Claim, Run
from curate.synth.words.forms import Unsayable, only_function
from curate.synth.words.sentences import described

CODE_STOPS = ("\n```", "\nprint(", "\nassert ", "\n# ", "\nif __name__")
DESCRIPTION_TOKENS = 90
SURE, AGAIN = 0.2, 0.8
"""Temperatures of the first description and of further ones, which are to differ from it."""
SHOWN = 4
"""Results that the teacher sees beside the code."""
LONGEST_SHOWN = 72
STRANGE = re.compile(r"\b(code|program|script|the function (?:first|then|uses)|variable)\b|`[^`]*\(`", re.IGNORECASE)
"""What a description speaks of that tells how the code is written, and not what it returns."""
ANEW = re.compile(r"\s*(?:def|import|from)\s")
"""An answer that does not go on from the `def` that was begun for it."""
TOLD = ("value", "raised")
NAME = "function"
"""What the function is called while it is described and solved: a name that promises too much would be described, and
not the code; one that says what the description leaves out would help those who solve it."""


class CodeFirst(Course):
    """One attempt that begins with the code."""

    def run(self) -> Generator[Ask | Run | Claim, Any, dict[str, Any]]:
        """Go the whole way and return the row."""
        [reply] = yield Ask((self.ask(),))
        anew = ANEW.match(reply.text) or "```py" in reply.text
        text = reply.text if anew else self.voice.whole(reply, self.begun)
        read = self._function(reply, text)
        if isinstance(read, str):
            return self._rejected(text, read)
        stub, program = read
        if not self.settings.verify:
            row: dict[str, Any] = yield from self._unproved(stub, program)
            return row
        inputs = self._inputs(stub, program)
        if inputs is None:
            return self._rejected(text, "no inputs for its types")
        if not (yield self._name(stub)):
            return self._rejected(text, "its name is taken")
        row = yield from self._standing(Trial(self, stub, inputs, given=program), inputs)
        return row

    def _unproved(self, stub: Stub, program: Program) -> Steps:
        """Return the row of a function with a description of it, neither of which was run."""
        source = program.source(stub)
        if not (yield self._name(stub)):
            return self._rejected(source, "its name is taken")
        if not (yield Trial(self, stub, [], given=program).tree(program)):
            return self._rejected(source, "is written like another")
        prose, by = "", "rule"
        if self.settings.described_by != "teacher":
            with suppress(Unsayable):
                prose = described(only_function(source)).prose
        if not prose and self.settings.described_by != "rule":
            told, by = (yield from self._description(stub, source, 0)), "teacher"
            if isinstance(told, str):
                return self._rejected(source, told)
            prose = told.prose
        near = self.settings.avoid.objection(replace(stub, prose=prose)) if prose else "no rule has words for it"
        if near:
            return self._rejected(source, near)
        return unverified(self.known, replace(stub, prose=prose), program, by)

    def _standing(self, alone: Trial, inputs: list[Row]) -> Steps:
        """Return the row of a function by what it gives and what is said of it."""
        assert alone.given
        refused = yield from alone.stands()
        if refused:
            return self._rejected(alone.given.source(alone.stub), refused, detail=alone.explained())
        stub, program = alone.stub, alone.given
        if self.settings.described_by != "teacher":
            told = yield from by_rule(alone, derive_seed(self.voice.seed, self.known["id"], "words"))
            if not isinstance(told, str):
                return self._told(alone, told)
            if self.settings.described_by == "rule":
                return self._rejected(program.source(stub), told)
        for turn in range(self.settings.descriptions):
            described = yield from self._described(stub, alone, turn)
            if isinstance(described, str):
                row = self._rejected(program.source(stub), described)
                continue
            trial = Trial(
                self,
                described,
                different([*(self._inputs(described, program) or inputs), *alone.shown]),
                given=program,
                turn=turn,
            )
            found = yield from trial.run()
            row = yield from self._ended(trial, found)
            if not isinstance(found, str):
                break
        return row

    def _told(self, alone: Trial, told: Told) -> dict[str, Any]:
        """Return the row of a function that was described by rule."""
        stub = replace(alone.stub, prose=told.prose)
        near = self.settings.avoid.objection(stub)
        if near:
            return self._rejected(told.source, near)
        alone.asked, alone.agree = 1, "1_of_1"
        return self._row(stub, told.found, alone) | {
            "tier": "gold", "described_by": "steps" if told.in_steps else "rule",
        }  # fmt: skip

    def _function(self, reply: Completion, text: str) -> tuple[Stub, Program] | str:
        """Read the function, or say why it is refused."""
        if reply.finish_reason == "error":
            return "no answer"
        read = read_function(text, cut_off=reply.finish_reason == "length")
        if isinstance(read, str):
            return read
        stub, program = spelled_out(read[0]), read[1]
        if f"def {stub.name}(" in self.copied:
            return "copied from the prompt"
        wrong = self._wrong(stub, program) if self.settings.verify else None
        return wrong or self.settings.avoid.objection(stub) or (stub, program)

    def _wrong(self, stub: Stub, program: Program) -> str | None:
        """Say what is wrong with a function by its words and types, if anything is."""
        if not program.is_plain:
            return "imports more than an exercise may"
        if bare(stub.parameters, None):
            return "types do not say what they hold"
        return objection(stub, whole=False)

    def blind(self, stub: Stub) -> Stub:
        """Return a stub under no name: what the function does must follow from the description alone."""
        header = re.sub(rf"\bdef {stub.name}\b", f"def {NAME}", stub.header, count=1)
        return replace(stub, name=NAME, header=header)

    def read(self, reply: Completion, stub: Stub) -> Program | None:
        """Read a solution, if it is one; where it calls itself, it does so by the stub's name."""
        program = super().read(reply, stub)
        return program and replace(program, body=re.sub(rf"\b{NAME}(?=\()", stub.name, program.body))

    def _inputs(self, stub: Stub, program: Program) -> list[Row] | None:
        seed = derive_seed(self.voice.seed, self.known["id"], "inputs")
        return probes(stub, self.settings.inputs, seed, program.source(stub))

    def _description(self, stub: Stub, program: str, turn: int) -> Steps:
        """Return the Stub with what the teacher says of a program, or the reason why it says nothing."""
        asked = self.voice.request(
            f"{self.known['id']}/{turn}/description", "describe", {"program": program},
            begun="Return", stop=("\n", "For example", "Example"), max_tokens=DESCRIPTION_TOKENS,
            temperature=AGAIN if turn else SURE,
        )  # fmt: skip
        [reply] = yield Ask((asked,))
        if reply.finish_reason == "error":
            return "no answer"
        prose = plain_prose(" ".join(self.voice.whole(reply, "Return").split()))
        if reply.finish_reason == "length":
            prose = prose[: prose.rfind(". ") + 1]  # its whole sentences
        if len(prose.split()) < 4:
            return "no docstring"
        return replace(stub, prose=prose if not prose[-1].isalnum() else f"{prose}.")

    def _described(self, stub: Stub, alone: Trial, turn: int) -> Steps:
        """Return the Stub with its description, or the reason why there is none to believe."""
        told = yield from self._description(stub, shown(alone), turn)
        if isinstance(told, str):
            return told
        stub, prose = told, told.prose
        if NAME in prose.lower() or STRANGE.search(prose):
            return "tells how, and not what"
        assert alone.given
        seen = [Shown(row, outcome) for row, outcome in zip(alone.rows, alone.outcomes[0], strict=True)]
        wanting = left_out(stub.prose, stub.parameters, alone.given.source(stub), seen)
        return objection(stub) or wanting or self.settings.avoid.objection(stub) or stub


def shown(alone: Trial) -> str:
    """Return a function as the teacher sees it to describe it: under no name, with results of some calls: an error
    where there is one, then different values."""
    assert alone.given
    source = re.sub(rf"\b{alone.stub.name}\b", NAME, alone.given.source(alone.stub))
    told = [(row, each) for row, each in zip(alone.rows, alone.outcomes[0], strict=True) if each.status in TOLD]
    told.sort(key=lambda pair: pair[1].status == "value")
    first = {(each.status, each.value): row for row, each in reversed(told)}
    calls = (_call(row, each) for row, each in told if first[each.status, each.value] is row)
    return source.rstrip() + "\n\n\n" + "\n".join(islice((call for call in calls if len(call) <= LONGEST_SHOWN), SHOWN))


def _call(row: Row, outcome: CallOutcome) -> str:
    said = outcome.value if outcome.status == "value" else f"raises {outcome.value}"
    return f"# {NAME}({', '.join(map(literal, row))}) -> {said}"
