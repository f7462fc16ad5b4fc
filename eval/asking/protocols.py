"""Protocols: how a task is put to a model and how its answer is read, under a name that travels with every score.

In: a Task. Out: the prompt's exact bytes (or the turns of a chat), the stop strings, and from the model's raw text the
cut text and the whole program that is judged. A benchmark's name alone does not say what was measured (StarCoder's MBPP
is 52.7 on one set of tasks and 43.6 on another), so scores are compared within one protocol only.

    humaneval@completion   the prompt as it is, the five stop strings of Chen et al. (2021)
    humaneval@evalplus     EvalPlus 0.3.1 (Liu et al. 2023): its prompts, stop strings and sanitising; the base inputs
    humaneval+@evalplus    the same answers on base and plus inputs
    mbpp@doc-500           a docstring of the sentence and the first assert, the form InCoder and BigCode use
    mbpp@3shot-500         Austin et al. (2021): the sentence and all asserts, after tasks 2, 3 and 4 solved
    mbpp@evalplus-378      EvalPlus's tasks, prompts and sanitising; the base inputs
    mbpp+@evalplus-378     the same answers on base and plus inputs
    mbpp-sanitized@doc-257 as mbpp@doc-500, on the test split of the tasks that were verified by hand

Each has a `-chat` variant, which goes through the model's own chat template. As in EvalPlus the answer is begun for the
model, up to the opening fence; endpoints that take no begun answer get the question alone. Each that is no chat has a
`-stripped` variant, whose prompts end before their last line end: for models whose tokenizer joins line ends with what
follows (eval/asking/boundary.py). A benchmark named without a protocol is asked so where more prompts go on as trained
then.

Your own tasks are asked by FILE@FORM, the form being `completion`, `evalplus` or `doc`, with the same variants: a file
of HumanEval's shape by the first, of MBPP's by the last, unless said otherwise (eval/asking/own.py).

`\\ndef ` is no stop string for MBPP: its solutions may begin with a function that the entry point calls.
Not covered: generation itself (eval/asking/generation.py) and reading code out of an answer
(eval/asking/extraction.py).
"""

import ast
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from curate.benchmarks.catalogue import Task
from curate.errors import UserError, did_you_mean
from curate.eval.asking.extraction import sanitised
from curate.llm import Message

Shots = Sequence[Task]
Prompt = str | tuple[Message, ...]
DONE = "[DONE]"
QUESTION = "Please provide a self-contained Python script that solves the following problem in a markdown code block:"
ANSWER = (
    "Below is a Python script with a self-contained function that solves the problem and passes corresponding tests:"
)
"""EvalPlus's words: a score of that protocol is had with these bytes alone."""


@dataclass(frozen=True)
class Protocol:
    """A named way to ask. Raise `version` whenever a prompt's bytes, a stop string or the extraction changes."""

    name: str
    version: int
    data: str
    """The benchmark whose tasks are asked."""
    stop: tuple[str, ...]
    build: Callable[[Task, Shots], str]
    shots: tuple[str, ...] = ()
    """Ids of the tasks that the prompt shows solved; none of them is scored."""
    max_tokens: int = 256
    sanitise: bool = False
    """Keep of the program what the entry point needs, as EvalPlus does."""
    chat: bool = False
    words: bool = False
    """The prompt is the task in words, so the answer is the whole program."""
    stripped: bool = False
    """Prompts lose the blanks and line ends that they end in."""

    @property
    def benchmark(self) -> str:
        """The benchmark that the score is one of. Its inputs are those of the tests that decide."""
        return self.name.partition("@")[0]

    @property
    def plus(self) -> bool:
        """Whether the plus inputs count."""
        return self.benchmark.endswith("+")

    @property
    def asks(self) -> str:
        """Name under which the model is asked: a base set and its plus set share their answers."""
        return self.name.replace("+", "")

    @property
    def extraction(self) -> str:
        """In words, what is judged of the model's text."""
        read = "sanitised" if self.sanitise else "cut"
        return read if self.chat else f"prompt + {read}" if not self.sanitise else "prompt + cut, sanitised"

    def scored(self, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks that count: the test split."""
        return [task for task in tasks if task.split == "test"]

    def prompts(self, tasks: Sequence[Task], *, begun: bool = True) -> dict[str, Prompt]:
        """Return task id -> prompt for the scored tasks; `tasks` is the whole benchmark, examples included.

        `begun`: the model can be made to continue an answer, so a chat's answer is begun for it.
        """
        by_id = {task.task_id: task for task in tasks}
        examples = [by_id[task_id] for task_id in self.shots]
        prompts = {task.task_id: self.build(task, examples) for task in self.scored(tasks)}
        if self.stripped:
            prompts = {task_id: prompt.rstrip() for task_id, prompt in prompts.items()}
        return {task_id: self._turns(prompt, begun) if self.chat else prompt for task_id, prompt in prompts.items()}

    def continuation(self, task: Task, prompt: Prompt) -> str | None:
        """Return the text that would follow on the prompt, were the reference solution the answer; None without one."""
        if task.solution is None:
            return None
        if self.words or self.chat:
            begun = isinstance(prompt, str) or prompt[-1].role == "assistant"
            written = undocumented(task) if self.words else f"{task.prompt}{task.solution}"
            return f"{self._lost(task)}{written}" if begun else None
        return f"{self._lost(task)}{task.solution}"

    def _lost(self, task: Task) -> str:
        """Return what the prompt lost at its end."""
        return (task.prompt[len(task.prompt.rstrip()) :] or "\n") if self.stripped else ""

    def stops(self, *, begun: bool = True) -> tuple[str, ...]:
        """Return the stop strings; the closing fence is one only after a fence that was opened for the model."""
        return self.stop if begun or not self.chat else ()

    def cut(self, raw: str, *, begun: bool = True) -> str:
        """Return the raw text up to the first stop string."""
        return raw[: min((at for at in map(raw.find, self.stops(begun=begun)) if at >= 0), default=len(raw))]

    def program(self, task: Task, prompt: Prompt, cut: str) -> str:
        """Return the whole program: the code that the prompt begins (none for MBPP) and what the model wrote."""
        if self.sanitise:
            return sanitised(prompt + cut if isinstance(prompt, str) else cut, task.entry_point)
        if self.words:
            return cut
        return (task.prompt.rstrip() if self.stripped else task.prompt) + cut

    def _turns(self, problem: str, begun: bool) -> tuple[Message, ...]:
        fence = "```" if begun else "```python"  # what EvalPlus sends to local models, and to endpoints
        end = "\n```\n" if begun else "\n```"
        asked = Message("user", f"{QUESTION}\n{fence}\n{problem.strip()}{end}")
        return (asked, Message("assistant", f"{ANSWER}\n```python\n")) if begun else (asked,)


def code_prompt(task: Task, shots: Shots) -> str:
    """Return the task's prompt untouched, its last line end included."""
    assert not shots
    return task.prompt


def stripped_prompt(task: Task, shots: Shots) -> str:
    """Return the task's prompt without blanks around it, and one line end."""
    assert not shots
    return task.prompt.strip() + "\n"


def docstring_prompt(task: Task, shots: Shots) -> str:
    """Return the sentence and the first assert as a docstring."""
    assert not shots
    return f'"""\n{task.text}\n{task.tests[0]}\n"""\n'


def austin_prompt(task: Task, shots: Shots) -> str:
    """Return the solved examples and the question, up to where the model's code begins."""
    solved = "".join(f"{_question(shot)}{shot.solution}\n{DONE}\n" for shot in shots)
    return solved + _question(task)


def _question(task: Task) -> str:
    tests = "\n".join(task.tests)
    return (
        f"You are an expert Python programmer, and here is your task: {task.text} "
        f"Your code should pass these tests:\n\n{tests}\n[BEGIN]\n"
    )


def undocumented(task: Task) -> str:
    """Return the reference program without the docstring of its prompt, which a question in words has said already."""
    program = f"{task.prompt}{task.solution}"
    if not task.prompt:
        return program
    try:
        body = ast.parse(program).body
    except (SyntaxError, RecursionError, MemoryError):
        return program
    found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == task.entry_point]
    if not found or ast.get_docstring(found[0]) is None or len(found[0].body) < 2:
        return program
    lines = program.split("\n")
    del lines[found[0].body[0].lineno - 1 : found[0].body[0].end_lineno]
    return "\n".join(lines)


def without_line_end(protocol: Protocol) -> Protocol:
    """Return the protocol's variant without the line end of its prompts."""
    return replace(protocol, name=f"{protocol.name}-stripped", stripped=True)


def _chat(protocol: Protocol) -> Protocol:
    """Return the protocol's variant through a chat template."""
    stop = (*EVALPLUS_STOPS, FENCE)
    return replace(protocol, name=f"{protocol.name}-chat", stop=stop, max_tokens=768, sanitise=True, chat=True)


HUMANEVAL_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
DOCSTRING_STOPS = ("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n<|/", "\n```")
EVALPLUS_STOPS = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")
HUMANEVAL_PLUS_STOPS = (*EVALPLUS_STOPS, "\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert ")
MBPP_PLUS_STOPS = (*EVALPLUS_STOPS, '\n"""', "\nassert")
FENCE = "\n```\n"
_PLAIN = (
    Protocol("humaneval@completion", 1, "humaneval", HUMANEVAL_STOPS, code_prompt),
    Protocol("humaneval@evalplus", 1, "humaneval+", HUMANEVAL_PLUS_STOPS, stripped_prompt, (), 768, sanitise=True),
    Protocol("humaneval+@evalplus", 1, "humaneval+", HUMANEVAL_PLUS_STOPS, stripped_prompt, (), 768, sanitise=True),
    Protocol("mbpp@doc-500", 1, "mbpp", DOCSTRING_STOPS, docstring_prompt, words=True),
    Protocol("mbpp@3shot-500", 1, "mbpp", (DONE,), austin_prompt, ("Mbpp/2", "Mbpp/3", "Mbpp/4"), words=True),
    Protocol("mbpp@evalplus-378", 1, "mbpp+", MBPP_PLUS_STOPS, stripped_prompt, (), 768, sanitise=True),
    Protocol("mbpp+@evalplus-378", 1, "mbpp+", MBPP_PLUS_STOPS, stripped_prompt, (), 768, sanitise=True),
    Protocol("mbpp-sanitized@doc-257", 1, "mbpp-sanitized", DOCSTRING_STOPS, docstring_prompt, words=True),
)
PROTOCOLS = {protocol.name: protocol for plain in _PLAIN for protocol in (plain, _chat(plain), without_line_end(plain))}


def choose(name: str) -> Protocol:
    """Return a protocol by its name, or the first one of a benchmark. Raises UserError for any other name."""
    if name in PROTOCOLS:
        return PROTOCOLS[name]
    first = next((protocol for protocol in PROTOCOLS.values() if protocol.benchmark == name), None)
    if first is None:
        benchmark = name.partition("@")[0]
        benchmarks = {protocol.benchmark for protocol in PROTOCOLS.values()}
        near = [each for each in PROTOCOLS if each.startswith(f"{benchmark}@")]
        raise UserError(f"no protocol is known for {name!r}{did_you_mean(name, near or benchmarks)}")
    return first


def digest(prompts: Mapping[str, Prompt]) -> str:
    """Return the sha256 of the prompts' bytes, each after its task id."""
    texts = {
        task_id: prompt if isinstance(prompt, str) else json.dumps([asdict(turn) for turn in prompt])
        for task_id, prompt in prompts.items()
    }
    parts = [f"{task_id}\x1f{text}\x1e" for task_id, text in texts.items()]
    return hashlib.sha256("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
