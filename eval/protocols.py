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
model, up to the opening fence; endpoints that take no begun answer get the question alone.

`\\ndef ` is no stop string for MBPP: its solutions may begin with a function that the entry point calls.
Not covered: generation itself (eval/generation.py) and reading code out of an answer (eval/extraction.py).
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from curate.benchmarks import Task
from curate.errors import UserError, did_you_mean
from curate.llm import Message
from eval.extraction import sanitised

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
        return {task_id: self._turns(prompt, begun) if self.chat else prompt for task_id, prompt in prompts.items()}

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
        return task.prompt + cut

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
    Protocol("mbpp@doc-500", 1, "mbpp", DOCSTRING_STOPS, docstring_prompt),
    Protocol("mbpp@3shot-500", 1, "mbpp", (DONE,), austin_prompt, ("Mbpp/2", "Mbpp/3", "Mbpp/4")),
    Protocol("mbpp@evalplus-378", 1, "mbpp+", MBPP_PLUS_STOPS, stripped_prompt, (), 768, sanitise=True),
    Protocol("mbpp+@evalplus-378", 1, "mbpp+", MBPP_PLUS_STOPS, stripped_prompt, (), 768, sanitise=True),
    Protocol("mbpp-sanitized@doc-257", 1, "mbpp-sanitized", DOCSTRING_STOPS, docstring_prompt),
)
PROTOCOLS = {protocol.name: protocol for plain in _PLAIN for protocol in (plain, _chat(plain))}


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
