"""Your own tasks as a benchmark: FILE or FILE@FORM where a benchmark's name or a protocol may stand.

In: a JSONL file of tasks (curate/benchmarks/catalogue.py says which fields), and a form, which is the part of a known
protocol's name behind the `@` without its number of tasks. Out: a Protocol with the bytes, stop strings and extraction
of the one that it is named after. The benchmark is called by the file's name, and never like a known one.

    exercises.jsonl             the form that fits: `completion` where every task has a prompt, else `doc`
    exercises.jsonl@doc         as mbpp@doc-500, of the sentence and the first assert
    exercises.jsonl@evalplus    as humaneval@evalplus

Not covered: examples in the prompt (`3shot`), which are MBPP's own tasks.
"""

import re
from dataclasses import replace
from pathlib import Path

from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import BENCHMARKS, Task
from curate.errors import UserError, did_you_mean
from curate.eval.asking.protocols import PROTOCOLS, Protocol
from curate.eval.asking.protocols import choose as choose_known

SUFFIXES = (".gz", ".jsonl", ".json")


def choose(name: str) -> Protocol:
    """Return a known protocol, or the one that asks a file of tasks. Raises UserError where there is no such thing."""
    path, _, form = name.rpartition("@") if "@" in name else (name, "", "")
    if name in PROTOCOLS or not (is_file(name) or is_file(path)):
        return choose_known(name)
    if is_file(name):
        path, form = name, ""
    tasks = benchmarks.load(path)
    form = form or ("completion" if all(task.prompt for task in tasks) else "doc")
    known = FORMS.get(_form(f"@{form}"))
    if known is None:
        raise UserError(f"{name}: no form {form!r} for a file of tasks{did_you_mean(form, FORMS)}")
    _must_fit(path, tasks, known)
    return replace(known, name=f"{label(path)}@{_form(known.name)}", data=path)


def is_file(name: str) -> bool:
    """Tell whether a name is meant as a file of tasks."""
    return name not in BENCHMARKS and (name.endswith((".jsonl", ".jsonl.gz")) or Path(name).is_file())


def named(tasks: list[str], protocols: list[str]) -> list[str]:
    """Return what is asked: of files every form that the protocols have, of benchmarks those without a protocol too."""
    files = [name for name in tasks if is_file(name)]
    if files and protocols:
        return [name for name in tasks if name not in files] + [
            f"{file}@{protocol.partition('@')[2] or protocol}" for file in files for protocol in protocols
        ]
    covered = {name.partition("@")[0] for name in protocols}
    return [*(name for name in tasks if name not in covered), *protocols]


def label(path: str) -> str:
    """Return a benchmark's name for a file: its own without suffixes, `own-` before it where a benchmark has it."""
    name = Path(path).name
    for suffix in SUFFIXES:
        name = name.removesuffix(suffix)
    word = re.sub(r"[^\w.-]+", "-", name) or "tasks"
    return f"own-{word}" if word in BENCHMARKS else word


def _form(name: str) -> str:
    """Return what stands behind the `@` of a protocol's name, without the number of tasks."""
    return re.sub(r"-\d+", "", name.partition("@")[2])


FORMS = {
    _form(protocol.name): protocol
    for protocol in reversed(PROTOCOLS.values())
    if protocol.benchmark in ("humaneval", "mbpp") and not protocol.shots
}
"""The first protocol of each form, HumanEval's before MBPP's."""


def _must_fit(path: str, tasks: list[Task], protocol: Protocol) -> None:
    """Raise UserError for a task that lacks what the form asks by."""
    for task in tasks:
        lacks = "`text` and `tests`" if not (task.text and task.tests) else ""
        if not protocol.words:
            lacks = "" if task.prompt else "`prompt`"
        if lacks:
            other = "completion" if protocol.words else "doc"
            form = _form(protocol.name)
            raise UserError(f"{path}: task {task.task_id!r} lacks {lacks}, which {form!r} needs; try {path}@{other}")
