"""Asking a language model for a grade: what it is shown of a document, the question, and how its answer is read.

In: a text. Out: Requests whose answers cost their prompts only, and from the Completions a grade from 0 to 5: the
expected value over the probabilities of the answers offered, where the backend tells them (as in G-Eval, Liu et al.
2023), otherwise the answer itself. What is graded is phi-1's "educational value for a student whose goal is to learn
basic coding concepts" (Gunasekar et al. 2023, section 2.1). A document is data to the grader and may try to persuade
it; nothing that it says is run.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from curate.llm import Completion, Message, Request

Grade = tuple[float | None, str]
"""A grade from 0 to 5 or None, and where it came from: `probabilities`, `text`, `nonsense` or `failed`."""
SOURCES = ("failed", "nonsense", "text", "probabilities")
UNGRADED = SOURCES[:2]
MASS = 0.1
"""Below this share of probability for all answers offered, the model meant to say something else."""
TAIL = 0.25
"""Share of the budget that goes to the end of a document that is too long."""


@dataclass(frozen=True)
class Question:
    """How a grade is asked for.

    The instruction stands before the document and each criterion behind it, in a call of its own; the grade is `base`
    and the weighted sum of what the answers are worth, within 0 to 5. All calls share the instruction and those on one
    document the document too, so with a cache of prefixes (vLLM's) eight criteria cost little more than one.
    """

    instruction: str
    criteria: Sequence[str]
    worth: Mapping[str, float]
    """The answers, one token each."""
    begin: str
    """How the answer begins. It ends with a sign, not a blank, so that the next token is the answer for any tokenizer;
    left to themselves small models begin with a sentence."""
    examples: Sequence[tuple[str, str]] = ()
    """Documents with their right answer to the first criterion, shown as earlier turns."""
    weights: Sequence[float] = ()
    """What the answer to each criterion counts; none, where each counts 1."""
    base: float = 0.0


DIGITS = {str(digit): float(digit) for digit in range(6)}
SCALE = Question(
    """\
You grade Python files by their educational value for a student who learns basic coding concepts.
0: nothing to learn: data, settings, generated code, lists of imports, names or constants
1: hardly anything: boilerplate, thin wrappers, declarations, code that means something inside its project only
2: a little: real code, but mostly calls into a framework, or long and tangled, or unexplained
3: some: functions with logic that a student can follow, though not self-contained or hardly explained
4: much: clear names, explained, self-contained code that shows an algorithm or a concept
5: excellent: could stand in a textbook as it is: short, complete and well explained, and about a basic concept
Most files deserve 0, 1 or 2. Answer with one digit.""",
    ["Grade the educational value, from 0 to 5."],
    DIGITS,
    "grade=",
)
EXAMPLES = [
    (
        """\
from .client import Client
from .errors import ApiError, TimeoutError
from .models import Account, Invoice

__all__ = ["Account", "ApiError", "Client", "Invoice", "TimeoutError"]
""",
        "0",
    ),
    (
        """\
def is_prime(number):
    '''Tell whether a number is prime.

    A prime has no divisor but 1 and itself, so it is enough to try divisors up to its square root.

    >>> is_prime(13)
    True
    '''
    if number < 2:
        return False
    divisor = 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 1
    return True
""",
        "5",
    ),
    (
        """\
class OrderSerializer(BaseSerializer):
    customer = CustomerField(required=True)
    lines = ListField(OrderLineField())

    class Meta:
        model = Order
        fields = ["id", "customer", "lines", "created"]

    def create(self, data):
        return self.Meta.model.objects.create(**data)
""",
        "1",
    ),
    (
        """\
def merge_settings(base, override):
    merged = dict(base)
    for key, value in override.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge_settings(merged[key], value)
        else:
            merged[key] = value
    return merged
""",
        "3",
    ),
    (
        """\
class TestLogin(ClientTestCase):
    def setUp(self):
        self.user = make_user(name="ada", password="secret")

    def test_wrong_password(self):
        response = self.client.post("/login", {"name": "ada", "password": "x"})
        self.assertEqual(response.status_code, 403)
""",
        "1",
    ),
]
POINTS = Question(
    """\
You count points for the educational value of a Python file to a student who learns basic coding concepts.
One point for each that is true:
- it holds functions or classes with logic of their own, not just data, imports, settings or declarations
- a beginner can follow what it does without knowing a large framework
- docstrings or comments explain what the code does and why
- it is self-contained, short and cleanly written, with telling names
- it teaches a basic concept or algorithm so well that it could stand in a textbook
Answer with the number of points, one digit from 0 to 5.""",
    ["Count the points, from 0 to 5."],
    DIGITS,
    "points=",
)
CHECKLIST = Question(
    "You are a strict teacher who chooses Python files for beginners. Answer a question about a file with Yes or No.",
    [
        "Does the file contain an algorithm, that is loops, conditions or computations that do real work?",
        "Can a beginner understand the file without knowing any framework or the project it comes from?",
        "Do docstrings or comments explain in plain words what the functions do?",
        "Is the file complete in itself, so that it would run if it were copied into an empty folder?",
        "Does the file teach a basic coding concept, such as loops, lists, strings, recursion, classes or sorting?",
    ],
    {"Yes": 1.0, "No": 0.0},
    "answer=",
)
FACTS = Question(
    CHECKLIST.instruction,
    [
        "Does this code use loops and conditions to solve a problem?",
        "Does this code use only the standard library?",
        "Do docstrings explain what the functions do?",
        "Is much of this code boilerplate?",
        "Does this code draw plots or user interfaces?",
        "Does the file teach a basic coding concept, such as loops, lists, strings, recursion, classes or sorting?",
        "Is this code about mathematics?",
        "Do most functions consist of one or two lines?",
    ],
    {"Yes": 1.0, "No": 0.0},
    "answer=",
    weights=[1.70, 2.77, 3.69, -4.60, -1.19, 2.37, 0.62, -2.57],
    base=-0.89,
)
"""Eight of 47 questions, and weights, that give most of the order in which a careful reader put 150 files, from the
answers of a model of 1.5B parameters (benchmarks/calibration.py). Such a model sees facts and is a poor judge: what it
says of "would a teacher show this code to beginners" tells little. The idea is LLM-Rubric's, Hashemi et al. 2024."""
YES = Question(
    """\
You choose Python files for a textbook on basic coding concepts. A good file is self-contained, clearly written and
explained, and shows logic or an algorithm that a student can learn from. Data, settings, tests, boilerplate and code
that makes sense inside a large project only are of no use. Answer with Yes or No.""",
    ["Does a student learn basic coding concepts from this file, Yes or No?"],
    {"Yes": 5.0, "No": 0.0},
    "answer=",
)
QuestionName = Literal["scale", "examples", "points", "checklist", "facts", "yes"]
QUESTIONS: Mapping[QuestionName, Question] = {
    "scale": SCALE,
    "examples": replace(SCALE, examples=EXAMPLES),
    "points": POINTS,
    "checklist": CHECKLIST,
    "facts": FACTS,
    "yes": YES,
}


def grade_requests(id: str, shown: str, question: Question) -> list[Request]:
    """Build the calls for one document, one for each criterion."""
    turns = [Message("system", question.instruction)]
    for example, answer in question.examples:
        turns += [_asked(example, question.criteria[0]), Message("assistant", question.begin + answer)]
    return [
        Request(
            f"{id}#{number}",
            messages=(*turns, _asked(shown, criterion), Message("assistant", question.begin)),
            max_tokens=4,
            choices=tuple(question.worth),
        )
        for number, criterion in enumerate(question.criteria)
    ]


def _asked(document: str, criterion: str) -> Message:
    return Message("user", f"```python\n{document}\n```\n\n{criterion}")


def read_grade(answers: Sequence[Completion], question: Question) -> Grade:
    """Read a grade from the answers on one document: a number only if each answer gives its part."""
    parts = [_read(answer, question) for answer in answers]
    worst = min((source for _, source in parts), key=SOURCES.index)
    if worst in UNGRADED:
        return None, worst
    weights = question.weights or [1.0] * len(parts)
    total = question.base + sum(weight * part for weight, (part, _) in zip(weights, parts, strict=True))
    return min(5.0, max(0.0, total)), worst


def _read(answer: Completion, question: Question) -> tuple[float, str]:
    if answer.finish_reason == "error":
        return 0.0, "failed"
    told = answer.probabilities
    if told is not None and (mass := sum(told)) >= MASS:
        return sum(p * worth for p, worth in zip(told, question.worth.values(), strict=True)) / mass, "probabilities"
    words = "|".join(map(re.escape, question.worth))
    found = re.search(rf"\b(?:{words})\b", answer.text)
    return (question.worth[found[0]], "text") if found else (0.0, "nonsense")


def excerpt(text: str, budget_bytes: int) -> str:
    """Return the text, or of one that is too long its beginning and its end, whole lines if there are any.

    >>> print(excerpt("one = 1\\n" * 1000, 40))
    one = 1
    one = 1
    one = 1
    # ... 996 lines left out ...
    one = 1
    <BLANKLINE>
    """
    if len(text) <= budget_bytes and len(text.encode()) <= budget_bytes:
        return text
    tail_bytes = int(budget_bytes * TAIL)
    head = text[:budget_bytes].encode()[: budget_bytes - tail_bytes].decode(errors="ignore")
    tail = text[-tail_bytes:].encode()[-tail_bytes:].decode(errors="ignore")
    head = head[: head.rfind("\n") + 1] or f"{head}\n"
    tail = tail[tail.find("\n") + 1 :] or tail
    lines = text.count("\n", len(head), len(text) - len(tail))
    return f"{head}# ... {lines} lines left out ...\n{tail}"
