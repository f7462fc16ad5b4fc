"""Benchmark tasks changed as they turn up in corpora, and planted in real files: what decontamination is measured on.

Kinds, each made from a task's own program by a change of its syntax tree or text (`KINDS`):

    copy          the program as published
    reformatted   docstring dropped, printed by the parser, two blanks of indentation, one line for what fits on one
    renamed       docstring dropped, every function, parameter and variable renamed
    paraphrased   renamed, with a docstring in other words (paraphrases.py)
    rewritten     a solution of our own (rewritten.py) under the paraphrased docstring
    stub          the paraphrased docstring over an empty body: no code to recognise

    repr          the program as a string literal; `concatenated` one literal a line; `json` in a row of JSON, and
    row_in_string such a row in a literal, its escapes escaped
    numbered      with line numbers; `html` as HTML shows it

No benchmark text is part of this file.
"""

import ast
import builtins
import html
import io
import json
import re
from collections.abc import Callable, Iterable
from random import Random

from benchmarks.paraphrases import PARAPHRASES
from benchmarks.rewritten import REWRITTEN
from curate.benchmarks.catalogue import Task

NEW_LINE = "\n"
NOUNS = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "fjord",
    "grove",
    "heron",
    "inlet",
    "jetty",
    "knoll",
    "larch",
    "maple",
    "north",
    "olive",
    "pearl",
    "quartz",
    "reed",
]


def program(task: Task) -> str:
    """Return the whole program of a task."""
    return task.prompt + (task.solution or "")


def lines(task: Task) -> list[str]:
    """Return the lines of a task's program with their ends."""
    return program(task).splitlines(keepends=True)


def row(task: Task) -> str:
    """Return a task as the row of a data set."""
    return json.dumps({"task_id": task.task_id, "prompt": task.prompt, "canonical_solution": task.solution})


class _Renamed(ast.NodeTransformer):
    """Renames what a program defines; builtins, modules and attributes keep their names."""

    def __init__(self, tree: ast.AST, random: Random) -> None:
        own = dict.fromkeys(name for node in ast.walk(tree) if (name := _defined(node)) and not hasattr(builtins, name))
        words = random.sample(NOUNS, len(NOUNS))
        self.names = {
            name: words[index % len(words)] + (str(index // len(words)) if index >= len(words) else "")
            for index, name in enumerate(own)
        }

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self.names.get(node.id, node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        self.generic_visit(node)
        node.arg = self.names.get(node.arg, node.arg)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.name = self.names.get(node.name, node.name)
        return node


def _defined(node: ast.AST) -> str | None:
    match node:
        case ast.FunctionDef(name=name) | ast.arg(arg=name):
            return name
        case ast.Name(id=name, ctx=ast.Store()):
            return name
        case _:
            return None


def _without_docstrings(tree: ast.AST) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]


def reformatted(task: Task, _: Random) -> str:
    """Return the program in another layout."""
    tree = ast.parse(program(task))
    _without_docstrings(tree)
    lines = (re.sub(r"^ +", lambda blanks: blanks[0][::2], line) for line in ast.unparse(tree).splitlines())
    alone = re.compile(r"^( *)(.*):\n\1  (return .{1,40}|pass|continue|break)$(?!\n\1  )", re.MULTILINE)
    return alone.sub(r"\1\2: \3", "\n".join(lines)) + "\n"


def renamed(task: Task, random: Random, docstring: str | None = None) -> str:
    """Return the program with other names, and with this docstring at its entry point or none."""
    tree = ast.parse(program(task))
    _without_docstrings(tree)
    for node in tree.body:
        if docstring and isinstance(node, ast.FunctionDef) and node.name == task.entry_point:
            node.body.insert(0, ast.Expr(ast.Constant(docstring)))
    return ast.unparse(_Renamed(tree, random).visit(tree)) + "\n"


def paraphrased(task: Task, random: Random) -> str:
    """Return the renamed program under a docstring in other words."""
    return renamed(task, random, PARAPHRASES[task.task_id])


def rewritten(task: Task, _: Random) -> str:
    """Return our own solution under the paraphrase."""
    tree = ast.parse(REWRITTEN[task.task_id])
    function = tree.body[-1]
    assert isinstance(function, ast.FunctionDef)
    function.body.insert(0, ast.Expr(ast.Constant(PARAPHRASES[task.task_id])))
    return ast.unparse(tree) + "\n"


def stub(task: Task, random: Random) -> str:
    """Return the paraphrase over an empty body."""
    parameters = entry(task).args.args
    names = ", ".join(random.sample(NOUNS, len(parameters)))
    return f'def {random.choice(NOUNS)}({names}):\n    """{PARAPHRASES[task.task_id]}"""\n    ...\n'


def entry(task: Task) -> ast.FunctionDef:
    """Return the function that the tests call."""
    functions = (node for node in ast.parse(program(task)).body if isinstance(node, ast.FunctionDef))
    return next(node for node in functions if node.name == task.entry_point)


KINDS: dict[str, Callable[[Task, Random], str]] = {
    "copy": lambda task, _: program(task),
    "reformatted": reformatted,
    "renamed": renamed,
    "paraphrased": paraphrased,
    "rewritten": rewritten,
    "stub": stub,
    "repr": lambda task, _: f"PROMPT = {program(task)!r}\n",
    "concatenated": lambda task, _: f"PROMPT = (\n{''.join(f'    {line!r}{NEW_LINE}' for line in lines(task))})\n",
    "json": lambda task, _: f"TASKS = [{row(task)}]\n",
    "row_in_string": lambda task, _: f"ROW = {row(task)!r}\n",
    "numbered": lambda task, _: "".join(f"# {at:3} {line}" for at, line in enumerate(lines(task), 1)) + "\n",
    "html": lambda task, _: f"PAGE = {f'<pre>{html.escape(program(task))}</pre>'!r}\n",
}
LIMITED = {"paraphrased": PARAPHRASES, "stub": PARAPHRASES, "rewritten": REWRITTEN}
"""Kinds that are there for some tasks only."""


def plant(tasks: Iterable[Task], kind: str, files: list[str], seed: int = 17) -> list[tuple[Task, str]]:
    """Return each task with a real file that holds the changed program before one of its top-level definitions."""
    planted = []
    for task in (task for task in tasks if task.task_id in LIMITED.get(kind, {task.task_id})):
        random = Random(f"{seed} {kind} {task.task_id}")
        file = random.choice(files)
        place = random.choice(definitions(file))
        planted.append((task, f"{file[:place]}{KINDS[kind](task, random)}\n\n{file[place:]}"))
    return planted


def definitions(file: str) -> list[int]:
    """Return where the top-level functions and classes of a file begin, or its end where it has none or is no Python.

    The tree is asked and not the left margin, where the words of a docstring may stand too.
    """
    try:
        tree = ast.parse(file)
    except (SyntaxError, ValueError, RecursionError):
        return [len(file)]
    lines = io.StringIO(file, newline="").readlines()
    begin = [
        min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    return [sum(map(len, lines[:line])) for line in begin] or [len(file)]
