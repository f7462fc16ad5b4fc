"""A textbook section taken apart: prose, code, and what the prose claims of the code.

In: Markdown as a teacher writes it. Out: a Section whose code blocks are clean of claims (comments that state outputs,
blocks that show them), the program that runs them and says what each printed, and the section put together again with
what was printed behind each block. Claims in prose are held against the run: results, sums, calls; techniques against
the syntax tree; names against the code. A sentence with a wrong result goes; a text about other code rejects all of it.
"""

import ast
import builtins
import keyword
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from curate.synth.code.functions import PURE
from curate.synth.teacher.answers import PYTHON, imports_only
from curate.text.trees import parse

BLOCK = re.compile(r"^[ \t]*```[ \t]*(\S*)[^\n]*\n(.*?)^[ \t]*```[ \t]*$\n?", re.DOTALL | re.MULTILINE)
OPENER = re.compile(
    r"^\s*(?:(?:sure|certainly|of course|absolutely|great|okay|ok)\b[^\n]*?[!.:,]|here(?:'s| is| are)\b[^\n]*[:.])"
    r"\s*(?=\n|\S)",
    re.IGNORECASE,
)
STATES_OUTPUT = re.compile(
    r"\s*#\s*(?:(?:expected )?(?:output|prints?|returns?|result|will print|should print)\b.*|[-=]+>.*|"
    r"[-+\d.'\"\[({].*|True\b.*|False\b.*|None\b.*)$",
    re.IGNORECASE,
)
LEADS_TO_OUTPUT = re.compile(
    r"(?:^|\n)[^\n.]*\b(?:output|prints?|result|displayed|run(?:ning)?)\b[^\n.]*:?\s*$", re.IGNORECASE
)
SENTENCE = re.compile(r"[^.!?\n]+(?:[.!?](?!\s|$)[^.!?\n]*)*(?:[.!?]+|$)[ \t]*", re.MULTILINE)
RESULT = re.compile(
    r"\b(?:prints?|printed|outputs?|display(?:s|ed)?|returns?|returned|results?|gives|yields|produces?|equals?|evaluates?|"
    r"becomes?|will be|would be)\b",
    re.IGNORECASE,
)
VALUE = re.compile(r"`([^`\n]+)`|\"([^\"\n]+)\"|(?<![\w.])'([^'\n]+)'(?!\w)|(?<![\w.`])(-?\d+(?:\.\d+)?)(?![\w`])")
SUM = re.compile(r"(?<![\w.])((?:\d+(?:\.\d+)?\s*[-+*/%]{1,2}\s*)+\d+(?:\.\d+)?)\s*=\s*(-?\d+(?:\.\d+)?)")
TICKED = re.compile(r"`([^`\n]+)`")
MARK = "Output:"
EMPTY_HEADING = re.compile(r"^#{1,6} [^\n]*\n\s*(?=#{1,6} |\Z)|^\*\*[^*\n]+\*\*:?\s*\Z", re.MULTILINE)
UNSTEADY = re.compile(
    r"\b(?:import random|from random|import time\b|\.(?:utc)?now\(|\.today\(|uuid|input\(|open\(|id\(|hash\(|sleep\()|"
    r"\b(?:list|join|tuple|enumerate)\(\s*(?:\w*set\w*\b|set\()"  # the order of a set is another elsewhere
)
SHOWN_MODULES = PURE | {"abc", "array", "contextlib", "dataclasses", "io", "pprint", "queue"}
"""What a section may import: modules that load at once and print the same everywhere. One that loads numpy or torch
keeps the sandbox for seconds."""
TECHNIQUES: dict[str, tuple[type[ast.AST], ...]] = {
    r"list comprehension": (ast.ListComp,),
    r"dict(?:ionary)? comprehension": (ast.DictComp,),
    r"set comprehension": (ast.SetComp,),
    r"generator expression": (ast.GeneratorExp,),
    r"while[- ]loop|`while`": (ast.While,),
    r"for[- ]loop|`for` loop": (ast.For, ast.comprehension),
    r"lambda": (ast.Lambda,),
    r"f-strings?": (ast.JoinedStr,),
    r"slic(?:e|es|ing)": (ast.Slice,),
    r"conditional expression|ternary": (ast.IfExp,),
    r"try[/ -](?:except|block)|exception handling": (ast.Try,),
    r"nested loops?": (ast.For, ast.While, ast.comprehension),
    r"dictionar(?:y|ies)": (ast.Dict, ast.DictComp),
    r"(?:if|conditional) statement|`if` condition": (ast.If, ast.comprehension),
    r"`or`|or operator": (ast.Or,),
    r"`and`|and operator": (ast.And,),
    r"(?:increment|initiali[sz])\w* (?:a|the) counter": (ast.AugAssign,),
}
CALLED = {
    r"\benumerate": "enumerate", r"\bzip\b": "zip", r"\bsorted\b": "sorted", r"dictionar(?:y|ies)": "dict",
    r"default ?dict": "defaultdict", r"\bCounter\b": "Counter",
}  # fmt: skip
CLAIMS = {
    r"\bin[- ]place\b": r"\.(?:sort|reverse|append|extend|insert|remove|pop|update|add|clear)\(|\]\s*[-+*/]?=[^=]",
    r"\bround\w* (?:down|up)\b": r"//|floor|ceil|int\(|trunc",
    r"\bcomments?\b": r"#",
    r"\bboth (?:inputs|arguments|parameters)\b": r"def \w+\([^)]*,",
    r"`?\bdict`? function\b": r"\bdict\(",
    r"`?\bprint`? statements?\b": r"\bprint\(",
}
"""What prose says of code, and what must then be in it."""
KNOWN = {name for kind in (str, list, dict, set, tuple, int, float) for name in dir(kind)} | set(dir(builtins))
KNOWN |= {*keyword.kwlist, *keyword.softkwlist, "self", "True", "False", "None", "python", "Python"}
OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
RUNNER = """
_BLOCKS_ = {blocks!r}
_CALLS_ = {calls!r}


def section_runs():
    import contextlib, io
    names, printed, values = {{"__name__": "__main__"}}, [], []
    for block in _BLOCKS_:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(block, "<section>", "exec"), names)
        printed.append(out.getvalue())
    for call in _CALLS_:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                value = eval(compile(call, "<section>", "eval"), names)
            values.append(repr(value))
        except Exception:
            values.append("")
    return (printed, values)
"""
"""Runs in the sandbox. Calls are those that the prose speaks of."""


@dataclass(frozen=True)
class Section:
    """Prose and code in turns: `prose[0]`, `blocks[0]`, `prose[1]`, and so on; one prose more than blocks."""

    prose: tuple[str, ...]
    blocks: tuple[str, ...]

    @property
    def code(self) -> str:
        """All code."""
        return "\n\n".join(self.blocks)

    @property
    def calls(self) -> tuple[str, ...]:
        """The calls that the prose speaks of and whose arguments are written out."""
        found = (text for part in self.prose for text in TICKED.findall(part))
        return tuple(dict.fromkeys(text for text in found if _is_call(text)))

    def program(self) -> str:
        """Return the source whose `section_runs` returns what each block printed and what each call gave."""
        return RUNNER.format(blocks=list(self.blocks), calls=list(self.calls))

    def text(self, printed: Sequence[str]) -> str:
        """Put the section together, with what was printed behind each block."""
        parts = [self.prose[0].strip()]
        for block, out, after in zip(self.blocks, printed, self.prose[1:], strict=True):
            parts.append(f"```python\n{block}\n```")
            if out.strip():
                parts.append(f"{MARK}\n\n```text\n{out.rstrip()}\n```")
            parts.append(after.strip())
        return EMPTY_HEADING.sub("", "\n\n".join(filter(None, parts)) + "\n").rstrip() + "\n"


def read_section(text: str) -> Section:
    """Take a section apart: the opener goes, and so do blocks and comments that state what code prints."""
    text = OPENER.sub("", OPENER.sub("", text.strip(), count=1), count=1).strip()
    prose, blocks, end = [""], [], 0
    for found in BLOCK.finditer(text):
        prose[-1] += text[end : found.start()]
        end = found.end()
        if found[1].lower() in PYTHON:
            blocks.append(_without_outputs(found[2].strip("\n")))
            prose.append("")
        else:
            prose[-1] = LEADS_TO_OUTPUT.sub("\n", prose[-1].rstrip())
    prose[-1] += text[end:]
    return Section(tuple(prose), tuple(blocks))


def _without_outputs(code: str) -> str:
    """Drop comments that state outputs, at the ends of lines and alone, where the code stays as it was."""
    kept = [STATES_OUTPUT.sub("", line) if "#" in line else line for line in code.splitlines()]
    lines = [line for line, old in zip(kept, code.splitlines(), strict=True) if line.strip() or not old.strip()]
    plain = "\n".join(line.rstrip() for line in lines)
    before, after = parse(code), parse(plain)
    return plain if before and after and ast.dump(before) == ast.dump(after) else code


def _is_call(text: str) -> bool:
    tree = parse(text)
    match tree and tree.body:
        case [ast.Expr(ast.Call(func=ast.Name()) as call)]:
            return all(_literal(argument) for argument in call.args) and not call.keywords
    return False


def _literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return False
    return True


def fault_of_code(section: Section) -> str | None:
    """Say what keeps a section's code from printing the same everywhere, if anything does."""
    trees = [parse(block) for block in section.blocks]
    faults = {
        "no code": not trees,
        "code does not parse": None in trees,
        "code is not steady": UNSTEADY.search(section.code) is not None,
        "imports more than a section may": not imports_only(section.code, SHOWN_MODULES),
    }
    return next((reason for reason, is_so in faults.items() if is_so), None)


def uses_sets(code: str) -> bool:
    """Tell whether there is a set in code that parses: the order of one of strings is another in each process."""
    return any(
        isinstance(node, ast.Set | ast.SetComp) or (isinstance(node, ast.Name) and node.id in ("set", "frozenset"))
        for node in ast.walk(ast.parse(code))
    )


def fault_of_output(printed: Sequence[str]) -> str | None:
    """Say what of the outputs would teach nothing, or be another elsewhere."""
    out = "".join(printed)
    faults = {
        "prints nothing": not out.strip(),
        "prints too much": len(out) > 800 or max(map(len, out.splitlines()), default=0) > 120,
        "output is not steady": re.search(r"0x[0-9a-f]{6}|\{(?!\})[^:{}]*\}|\d\.\d{7}", out) is not None,
    }
    return next((reason for reason, is_so in faults.items() if is_so), None)


def fault_of_prose(section: Section) -> str | None:
    """Say what the prose speaks of that the code does not hold, if anything: techniques and names."""
    tree, prose = parse(section.code) or ast.Module([], []), "\n".join(section.prose)
    nodes = list(ast.walk(tree))
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    for pattern, kinds in TECHNIQUES.items():
        instead = next((name for words, name in CALLED.items() if words == pattern), "")
        spoken = re.search(rf"\b(?:{pattern})", prose, re.IGNORECASE) and instead not in called
        if spoken and not any(isinstance(node, kinds) for node in nodes):
            return "speaks of a technique that its code does not use"
    if re.search(r"\brecurs(?:ion|ive|ively)\b", prose, re.IGNORECASE) and not _recursive(tree):
        return "speaks of a technique that its code does not use"
    for words, means in CLAIMS.items():
        if re.search(words, prose, re.IGNORECASE) and not re.search(means, section.code):
            return "says of its code what is not so"
    if not set(_names(prose)) <= {*re.findall(r"\w+", section.code), *KNOWN}:
        return "explains what its code does not hold"
    return None


def _names(prose: str) -> list[str]:
    """Return the identifiers that stand in ticks."""
    found = (re.match(r"[A-Za-z_]\w*(?:\.\w+)*(?=$|\(|\[)", text) for text in TICKED.findall(prose))
    return [name for match in found if match for name in match[0].split(".")]


def _recursive(tree: ast.AST) -> bool:
    return any(
        isinstance(node, ast.FunctionDef)
        and any(
            isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == node.name for n in ast.walk(node)
        )
        for node in ast.walk(tree)
    )


def true_prose(section: Section, printed: Sequence[str], values: Mapping[str, str]) -> tuple[Section, int]:
    """Return the section without the sentences whose results the run does not show, and how many went.

    `values` are what the calls gave. A result that stands in the code or in an output is taken to be right.
    """
    known = section.code + "\n" + "\n".join(printed) + "\n" + "\n".join(values.values())
    gone = 0
    parts = []
    for part in section.prose:
        wrong = [found for found in SENTENCE.finditer(part) if not _holds(found[0], known, values)]
        gone += len(wrong)
        rest = part
        for found in reversed(wrong):
            rest = rest[: found.start()] + rest[found.end() :]
        parts.append(re.sub(r"(?m)^[ \t]*(?:[-*•]|\d+\.)[ \t]*$\n?", "", rest))
    return replace(section, prose=tuple(parts)), gone


def _holds(sentence: str, known: str, values: Mapping[str, str]) -> bool:
    """Tell whether what a sentence states as a result is one."""
    for formula, result in SUM.findall(sentence):
        if _worked_out(formula) not in (None, float(result)):
            return False
    spoken = [call for call in values if f"`{call}`" in sentence]
    if spoken and RESULT.search(sentence):
        return any(
            values[call] and (values[call] in sentence or values[call].strip("'\"") in sentence) for call in spoken
        )
    if not RESULT.search(sentence):
        return True
    stated = [next(filter(None, groups)) for groups in VALUE.findall(sentence)]
    return all(_shown(value, known) for value in stated)


def _shown(value: str, known: str) -> bool:
    plain = value.strip().strip("'\"")
    return re.search(rf"(?<![\w.]){re.escape(plain)}(?![\w])", known) is not None or plain.split("(")[0] in KNOWN


def _worked_out(formula: str) -> float | None:
    """Return the value of a formula of numbers and signs; None where it has none."""
    try:
        tree = ast.parse(formula.strip(), mode="eval").body
        return float(_value(tree))
    except (SyntaxError, ValueError, ZeroDivisionError, OverflowError):
        return None


def _value(node: ast.expr) -> float:
    match node:
        case ast.Constant(int() | float() as number):
            return float(number)
        case ast.BinOp(left, sign, right) if type(sign) in OPERATIONS:
            return OPERATIONS[type(sign)](_value(left), _value(right))
        case _:
            raise ValueError
