"""A section by rule about one function: its purpose, the technique, its code, a call step by step, an edge, a question.

In: a verified exercise and a seed, which draws order and wordings. Out: a Lesson, whose `program` runs the code,
follows a call and tries a changed condition; and, from what that gave, the section's text. Every value in it comes from
this run or from the exercise's cases; every other sentence from a rule that the code fulfils (techniques.py, walk.py).
"""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from curate.synth.item.item import Case, Item
from curate.synth.section.anatomy import anatomy, ways_out
from curate.synth.section.cost import rounds_cost
from curate.synth.section.rounds import comprehension, reached
from curate.synth.section.section import MARK, RUNNER
from curate.synth.section.techniques import Shown, techniques_of
from curate.synth.section.trace import (
    CHANGED,
    HIDDEN,
    changed_at,
    is_truth,
    literal_rows,
    parts_of,
    rounds_of,
    table,
    table_of_rounds,
    unordered,
)
from curate.synth.words.forms import Unsayable, only_function, replaced
from curate.synth.words.walk import walked

LONGEST_CALL = 70
NOTHING = frozenset({"[]", "{}", "()", "''", "0", "0.0", "False", "set()", "None", "-1"})
TRIED = 12
"""Cases that a changed condition is tried on."""
EMPTY = {"[]": "an empty list", "''": "an empty string", "{}": "an empty dictionary", "set()": "an empty set"}


@dataclass
class Lesson:
    """What a section is made of before its code ran."""

    item: Item
    shown: Sequence[Case]
    random: Random

    def __post_init__(self) -> None:
        """Read the function. Raises Unsayable where it is not alone."""
        self.source = self.item.program().strip()
        self.function = only_function(self.source)
        self.techniques = techniques_of(self.function)
        self.followed = self._followed()
        self.rounds, self.made = rounds_of(self.function), comprehension(self.function, self.source)
        self.parts = parts_of(self.function, self.source)
        self.changed = changed_at(self.function, self.source)
        self.tried = [case for case in self.item.cases if len(self._call(case)) <= LONGEST_CALL][:TRIED]

    def _call(self, case: Case, name: str = "") -> str:
        return f"{name or self.item.name}({case.arguments})"

    def _followed(self) -> Case:
        """Return the call that is gone through step by step: one of some elements, if there is one."""

        def worth(case: Case) -> tuple[bool, bool, int]:
            parts = ast.parse(f"f({case.arguments})", mode="eval").body
            assert isinstance(parts, ast.Call)
            sizes = [len(each.elts) for each in parts.args if isinstance(each, ast.List | ast.Tuple | ast.Set)]
            sizes += [len(each.keys) for each in parts.args if isinstance(each, ast.Dict)]
            sizes += [
                len(each.value.split() if "split(" in self.source else each.value)
                for each in parts.args
                if isinstance(each, ast.Constant) and isinstance(each.value, str)
            ]
            size = max(sizes, default=3)
            readable = 2 <= size <= 5 and self.item.exact(case)
            return not readable, case.value in NOTHING, -len(set(re.findall(r"[\w.]+", case.arguments)))

        short = [case for case in self.item.cases if len(self._call(case)) <= LONGEST_CALL]
        return min(short or self.shown, key=worth)

    @property
    def code(self) -> str:
        """The block that is shown."""
        prints = "\n".join(f"print({self._call(case)})" for case in self.shown)
        return f"{self.source}\n\n\n{prints}"

    def program(self) -> str:
        """Return the source whose `section_runs` returns what the code printed and what ran beside it."""
        hidden = [HIDDEN, *(each[0] for each in (self.made, self.parts, self.changed) if each)]
        name, given = self.item.name, self.followed.arguments
        calls = [f"_traced_({name}, ({given},))", f"_rounds_({given})", f"_parts_({given})"]
        calls += [self._call(case, CHANGED) for case in self.tried]
        return RUNNER.format(blocks=[self.code, "\n".join(hidden)], calls=calls)

    def text(self, printed: str, values: Sequence[str]) -> str:
        """Put the section together from what the code printed and what ran beside it; empty if there is too little."""
        pick = self.random.choice
        steps, walk = self._steps(values), self._walked()
        main = self.techniques[0] if self.techniques else None
        if not steps and not (main and walk):
            return ""
        idea = pick(main.ideas) if main else ""
        more = [pick(each.more) for each in self.techniques[:2] if each.more]
        parts: list[str] = [f"# {self._title(main)}"]
        shown = f"```python\n{self.code}\n```"
        output = f"{MARK}\n\n```text\n{printed.rstrip()}\n```"
        how = " ".join(filter(None, [walk, *more]))
        heads = pick((("How it works", "Step by step"), ("Reading the code", "Following a call"), ("", "")))
        cost = rounds_cost(self.function, raises="rais" in self.item.description.lower())
        order = pick(("idea first", "task first", "together"))
        if order == "idea first" and idea:
            parts += [idea, self._task()]
        elif order == "task first":
            parts += [self._task(), idea]
        else:
            parts.append(f"{self._task()} {idea}".strip())
        parts += [shown, output]
        if how:
            parts += [f"## {heads[0]}" if heads[0] else "", how]
        if steps:
            parts += [f"## {heads[1]}" if heads[1] else "", steps]
        parts += [" ".join(filter(None, [self._edge(), cost])), self._question(values)]
        return "\n\n".join(filter(None, parts)) + "\n"

    def _title(self, main: Shown | None) -> str:
        name = f"`{self.item.name}`"  # in words it would be a statement, by a teacher whom nobody checked
        if not main:
            return f"What {name} does"
        technique = main.name[:1].upper() + main.name[1:]
        return self.random.choice((f"{name}: {main.name}", f"{technique}: {name}", technique))

    def _task(self) -> str:
        """Return what the function is for."""
        text = " ".join(self.item.description.split())
        first, name = text.split(maxsplit=1)[0], self.item.name
        if first.endswith("s") or not first.isalpha():
            return text
        lowered = text[0].lower() + text[1:]
        if first in ("If", "Let", "Given") or " Return " in text:  # step after step, or what is given first
            return self.random.choice((f"The task: {lowered}", f"This is what `{name}` is to do: {lowered}"))
        return self.random.choice((
            f"The task is to {lowered}", f"`{name}` is to {lowered}", f"We want a function to {lowered}",
            f"The function `{name}` has one job: {lowered}", f"Suppose we have to {lowered}",
        ))  # fmt: skip

    def _walked(self) -> str:
        """Return the paragraph that goes through the code; none where it would say the task again."""
        if len(self.function.body) == 1 and isinstance(self.function.body[0], ast.Return):
            return anatomy(self.function.body[0].value, self.source, self.random)
        ways = ways_out(self.function, self.source)
        if ways:
            return ways
        try:
            return walked(
                self.function, self.random.getrandbits(32), facts=not any(each.more for each in self.techniques)
            )
        except Unsayable:
            return ""

    def _steps(self, values: Sequence[str]) -> str:
        """Return a call gone through: by the rounds of its loop, the elements of its comprehension, or its lines."""
        call, value = self._call(self.followed), self.followed.value
        seen, rows = literal_rows(values[0]), literal_rows(values[1])
        pick = self.random.choice
        found = table_of_rounds(self.rounds, seen) if self.rounds and seen else None
        if found:
            said = pick((f"Here is what the names hold in `{call}`, before the loop and after each round:",
                         f"In the call `{call}` the loop does this, a row a round, after one for the start:",
                         f"To see the loop at work, follow `{call}` from the start and round by round:"))  # fmt: skip
            return f"{said}\n\n```text\n{found}\n```\n\nThe result is `{value}`."
        searched = self._searched(seen) if seen else None
        if searched:
            said = pick((f"The call `{call}` looks like this, a row a round:",
                         f"Follow the search in `{call}`, a row a round:"))  # fmt: skip
            return f"{said}\n\n```text\n{searched}\n```\n\nThe result is `{value}`."
        looked_at = reached(self.function, rows) if rows else []
        if self.made and 1 < len(looked_at) <= 6:
            made = table(self.made[1], looked_at)
            if made:
                end = " until the result is certain" if len(looked_at) < len(rows) else ""
                said = pick((f"In `{call}` this comes of the parts of the expression, a row a round{end}:",
                             f"Take `{call}`. Round by round{end}, the parts of the expression come to:",
                             f"What happens in `{call}` can be written as a table, with a row for each "
                             f"round{end}:"))  # fmt: skip
                return f"{said}\n\n```text\n{made}\n```\n\nThe result is `{value}`."
        return self._lines(seen, literal_rows(values[2]), call, value) if seen else ""

    def _searched(self, seen: Sequence[tuple[int, dict[str, str]]]) -> str | None:
        """Return a row for each round of a loop that returns where a condition holds."""
        first = self.function.lineno
        for loop in self.function.body:
            match loop:
                case ast.For(
                    target=target, body=[ast.If(test=test, body=[ast.Return() as found], orelse=[]) as choice]
                ):
                    pass
                case _:
                    continue
            names = [each.id for each in ast.walk(target) if isinstance(each, ast.Name)]
            shown = ast.get_source_segment(self.source, test) or "\n"
            rows = [
                [*(values.get(name, "") for name in names), str(_comes_to([found], after + first))]
                for (line, values), (after, _) in zip(seen, [*seen[1:], (-1, {})], strict=True)
                if line == choice.lineno - first
            ]
            sure = is_truth(test) and "\n" not in shown and not unordered(self.function)
            return table([*names, shown], rows) if sure and 1 < len(rows) <= 6 else None
        return None

    def _put_in(self, names: dict[str, str]) -> str:
        """Return what is returned with the values of its names in their place: "`2 * 3` is worked out"."""
        last = self.function.body[-1]
        if not isinstance(last, ast.Return) or not isinstance(last.value, ast.BinOp | ast.Compare | ast.BoolOp):
            return ""
        used = {each.id for each in ast.walk(last.value) if isinstance(each, ast.Name)}
        if not used or not all(
            re.fullmatch(r"-?[\d.]+|True|False|'[^'`]{0,20}'", names.get(each, "")) for each in used
        ):
            return ""
        values: dict[str, ast.expr] = {each: ast.parse(names[each], mode="eval").body for each in used}
        shown = ast.unparse(replaced(last.value, values))
        return f"`{shown}` is worked out" if len(shown) <= LONGEST_CALL else ""

    def _lines(
        self, seen: Sequence[tuple[int, dict[str, str]]], parts: Sequence[str] | None, call: str, value: str
    ) -> str:
        """Return the lines that a call without a loop came to: which conditions held, and what names were given."""
        if any(isinstance(each, ast.For | ast.While) for each in ast.walk(self.function)) or len(seen) > 8:
            return ""
        first = self.function.lineno
        tests = {each.lineno - first: each for each in ast.walk(self.function) if isinstance(each, ast.If)}
        said: list[str] = []
        for (line, before), (after, then) in zip(seen, [*seen[1:], (-1, {})], strict=True):
            test = tests.get(line)
            if test:
                shown = ast.get_source_segment(self.source, test.test) or ""
                if "\n" in shown:
                    return ""
                holds = _comes_to(test.body, after + first)
                is_one = is_truth(test.test) or before.get(shown) in ("True", "False")
                said.append(f"`{shown}` {'is' if is_one else 'counts as'} {holds}")
            for name, held in then.items():
                if before.get(name) != held and after >= 0:
                    if len(held) > LONGEST_CALL or "`" in held:
                        return ""
                    said.append(f"`{name}` becomes `{held}`")
        if seen[-1][0] == self.function.body[-1].lineno - first:
            told = zip(self.parts[1], parts, strict=True) if self.parts and parts else ()
            short = [f"`{part}` is `{held}`" for part, held in told if len(held) <= LONGEST_CALL and "`" not in held]
            said += short or filter(None, [self._put_in(seen[-1][1])])
        if not said:
            return ""
        end = self.random.choice((f"so `{value}` is returned", f"and the result is `{value}`"))
        return f"{self.random.choice(('Take', 'Consider', 'Look at'))} `{call}`: {', then '.join(said)}, {end}."

    def _edge(self) -> str:
        """Return what comes of something empty, or of zero, as it came."""
        known = {case.arguments for case in self.shown} | {self.followed.arguments}
        for case in self.item.cases:
            parts = ast.parse(f"f({case.arguments})", mode="eval").body
            assert isinstance(parts, ast.Call)
            texts = [ast.unparse(each) for each in parts.args]
            call = self._call(case)
            if len(texts) == 1 and texts[0] in EMPTY and len(call) <= LONGEST_CALL and self.item.exact(case):
                if case.arguments in known:
                    return f"Note the case of {EMPTY[texts[0]]}: `{call}` gives `{case.value}`."
                return self.random.choice((
                    f"What about {EMPTY[texts[0]]}? `{call}` gives `{case.value}`.",
                    f"An edge case is {EMPTY[texts[0]]}: `{call}` returns `{case.value}`.",
                ))  # fmt: skip
        return ""

    def _question(self, values: Sequence[str]) -> str:
        """Return a question whose answer was run: a changed condition, or one more call."""
        if self.changed:
            _, before, after = self.changed
            for case, now in zip(self.tried, values[3:], strict=True):
                if (
                    now
                    and now != case.value
                    and literal_rows(now) != case.read()
                    and self.item.exact(case)
                    and max(len(now), len(case.value)) <= LONGEST_CALL
                ):
                    asked = self.random.choice((
                        f"Suppose the condition `{before}` were written `{after}`. What would "
                        f"`{self._call(case)}` give?",
                        f"Replace `{before}` by `{after}`. What does `{self._call(case)}` return now?",
                    ))  # fmt: skip
                    answer = f"`{now}`; as it stands, the function gives `{case.value}`."
                    return f"**Exercise.** {asked}\n\n**Answer.** {answer}"
        known = {case.arguments for case in self.shown} | {self.followed.arguments, *EMPTY}
        for case in sorted(self.tried, key=lambda case: case.value in NOTHING):
            if case.arguments not in known and self.item.exact(case) and len(case.value) <= LONGEST_CALL:
                asked = self.random.choice((
                    f"What does `{self._call(case)}` return? Work it out before you read on.",
                    f"Find the value of `{self._call(case)}` without running it.",
                ))  # fmt: skip
                return f"**Exercise.** {asked}\n\n**Answer.** `{case.value}`."
        return ""


def _comes_to(body: Sequence[ast.stmt], line: int) -> bool:
    """Tell whether a line is one of these statements': one of several lines may begin with its second."""
    return body[0].lineno <= line <= (body[-1].end_lineno or body[-1].lineno)
