"""The texts that teach an Item: one function for each shape. All is printed from the Item, nothing is made up.

In: a tidied Item, and for the few-shot shape others beside it. Out: a document, or None where the Item does not fit the
shape. A document begins with what a model is given, byte for byte, so that what it learns goes on where prompts end:

    humaneval       imports, header, docstring of prose and examples, body (humaneval@completion)
    mbpp            a docstring of one sentence and one assert, then the program (mbpp@doc-500)
    fewshot         three tasks solved, then the Item's, each between [BEGIN] and [DONE] (mbpp@3shot-500)
    google          Args and Returns with their types and a value each, no examples
    examples_first  a docstring of examples, then prose
    tests_after     HumanEval's shape, then assert lines
    explained       a comment that says what is asked, with a call and its value, then the program
    case2code       calls and their values, then the program (Case2Code, Shao et al. 2024, arXiv 2407.12504)

Of two solutions the first is shown in docstring shapes and the last one in the others.
"""

import ast
import re
from collections.abc import Callable, Sequence
from textwrap import indent, wrap

from curate.synth.item.item import MARGIN, WIDTH, Case, Item, docstring

LONGEST_SENTENCE = 100
"""Characters of a task's sentence, which stands on one line as in MBPP."""
SHOTS = 3
VERBS = (
    "add apply append arrange assign break build calculate capitalize categorize change check clamp clean collect "
    "combine compare compress compute concatenate construct convert copy count create decode decompress delete "
    "determine divide double encode encrypt enumerate escape estimate evaluate exchange expand extract filter find "
    "flatten format generate get give group identify increment insert interleave interpolate intersect invert join "
    "limit list locate look make map mask match measure merge move multiply normalize obtain order pad pair parse "
    "partition pick prepend print produce quote rank read reduce remove rename repeat replace reshape return reverse "
    "rotate round sanitize scale search select separate shift shorten shuffle simplify slice solve sort split strip "
    "subtract sum swap take tell test tokenize transform translate transpose trim truncate turn unescape unpack update "
    "validate verify wrap zip"
)
GIVEN = re.compile(r"Given ([^,]*), (\w+) (.*)")
KNOWN = {form: verb for verb in VERBS.split() for form in (verb, f"{verb}s", f"{verb}es", f"{verb[:-1]}ies")}


def humaneval(item: Item, _: Sequence[Item] = ()) -> str | None:
    """Render the shape of HumanEval."""
    return item.text


def mbpp(item: Item, _: Sequence[Item] = ()) -> str | None:
    """Render MBPP's sentence and first assert as a docstring, and the program."""
    sentence, tests = task(item), short_tests(item)
    if sentence is None or not tests or "\\" in tests[0] or '"""' in tests[0]:
        return None
    return f'"""\n{sentence}\n{tests[0]}\n"""\n{item.program(-1)}'


def fewshot(item: Item, others: Sequence[Item]) -> str | None:
    """Render Austin et al.'s prompt: tasks solved, and the Item's as the last of them."""
    solved = [_solved(each) for each in [*others[:SHOTS], item]]
    return "".join(map(str, solved)) if None not in solved and len(solved) > SHOTS else None


def _solved(item: Item) -> str | None:
    sentence, tests = task(item), short_tests(item)[:3]
    if sentence is None or len(tests) < 3:
        return None
    lines = "\n".join(tests)
    return (
        f"You are an expert Python programmer, and here is your task: {sentence} "
        f"Your code should pass these tests:\n\n{lines}\n[BEGIN]\n{item.program(-1)}[DONE]\n"
    )


def google(item: Item, _: Sequence[Item] = ()) -> str | None:
    """Render a docstring with Args and Returns: the types that are annotated, and a value that each had."""
    function = _function(item)
    case = next((case for case in item.cases if item.exact(case) and len(case.arguments) < 50), None)
    given = function.args.args
    values = _arguments(case)[: len(given)] if case else []
    prose = _without_sections(item.description)
    if not prose or not values or len(values) < len(given) or any(each.annotation is None for each in given):
        return None
    entries = [
        f"    {each.arg} ({ast.unparse(each.annotation)}): such as {value}."
        for each, value in zip(given, values, strict=True)
        if each.annotation
    ]
    result = f"    {ast.unparse(function.returns)}: {case.value} in that case." if case and function.returns else ""
    sections = ["Args:\n" + "\n".join(entries)] + ([f"Returns:\n{result}"] if result else [])
    inside = docstring("\n\n".join([prose, *sections]), [])
    text = f"{item.stub(inside)}\n{item.solutions[0]}\n"
    return text if max(map(len, text.splitlines())) <= WIDTH else None


def examples_first(item: Item, _: Sequence[Item] = ()) -> str | None:
    """Render a docstring of examples, then prose."""
    examples = list(item.doctests())
    if not examples:
        return None
    inside = "\n".join([*examples, "", item.description])
    return f"{item.stub(docstring(inside, []))}\n{item.solutions[0]}\n"


def tests_after(item: Item, _: Sequence[Item] = ()) -> str | None:
    """Render a function with prose alone, then assert lines."""
    tests = short_tests(item)[:5]
    if len(tests) < 2:
        return None
    head = item.stub(docstring(item.description, []))
    return f"{head}\n{item.solutions[-1]}\n\n\n" + "\n".join(tests) + "\n"


def explained(item: Item, _: Sequence[Item] = ()) -> str | None:
    """Render a comment that says what is asked and what a call gives, then the program."""
    asked, case = task(item), next((case for case in item.cases if _calls(item, [case])), None)
    if asked is None or case is None:
        return None
    said = f"{asked} For example, {item.name}({case.arguments}) is {case.value}."
    lines = wrap(said, WIDTH - 2, break_long_words=False, break_on_hyphens=False)
    text = indent("\n".join(lines), "# ") + f"\n{item.program(-1)}"
    return text if max(map(len, lines)) <= WIDTH - 2 else None


def case2code(item: Item, _: Sequence[Item] = ()) -> str | None:
    """Render calls and what they give, then the program that does so."""
    calls = _calls(item, item.cases)[:6]
    if len(calls) < 3 or any("\\" in call or '"""' in call for call in calls):
        return None
    lines = "\n".join(calls)
    return f'"""\nA function {item.name} for which this is true:\n\n{lines}\n"""\n{item.program(-1)}'


RENDERINGS: dict[str, Callable[[Item, Sequence[Item]], str | None]] = {
    each.__name__: each
    for each in (humaneval, mbpp, fewshot, google, examples_first, tests_after, explained, case2code)
}


def task(item: Item) -> str | None:
    """Return the description's first sentence as a task, on one line; None where it is too long, or not all is in it.

    >>> task(Item("f", "", "def f(a):", "Counts the\\nwords. Fast.", (), ()))
    'Write a function to count the words.'
    """
    paragraph = " ".join(item.description.split("\n\n", maxsplit=1)[0].split())
    sentence = re.split(r"(?<=[^.][.!?])\s+(?=[A-Z])", paragraph, maxsplit=1)[0].rstrip(":")
    first, _, rest = sentence.partition(" ")
    cut = len(re.findall(r"(?<!\w)'|'(?!\w)", sentence)) % 2  # at a full stop within a text that it quotes
    if first in ("If", "Let", "For", "While") or cut:  # what is asked stands in the next one
        return None
    if re.search(r"[.!?] Return ", paragraph[len(sentence) - 1 :]):  # and so it does behind other steps
        return None
    if " instead." in paragraph[len(sentence) :]:  # and so does a case in which it gives something else
        return None
    given = GIVEN.fullmatch(sentence.rstrip("."))
    if given and given[2] in KNOWN:
        sentence = f"Write a function to {given[2]} {given[3]}, given {given[1]}."
    if first.lower() in KNOWN and rest:
        sentence = f"Write a function to {KNOWN[first.lower()]} {rest}"
    sentence += "" if sentence.endswith((".", "!", "?")) else "."
    plain = "\\" not in sentence and '"""' not in sentence
    return sentence if plain and len(sentence) <= LONGEST_SENTENCE and " " in sentence else None


def short_tests(item: Item) -> list[str]:
    """Return the assert lines that fit; first those whose values differ."""
    lines = [line for line in item.tests() if len(line) <= WIDTH]
    first = {line.rpartition("==")[2] or line: line for line in reversed(lines)}
    return sorted(lines, key=lambda line: first[line.rpartition("==")[2] or line] != line)


def _calls(item: Item, cases: Sequence[Case]) -> list[str]:
    calls = [f"{item.name}({case.arguments}) == {case.value}" for case in cases if item.exact(case)]
    return [call for call in calls if len(call) <= WIDTH]


def _function(item: Item) -> ast.FunctionDef:
    function = ast.parse(f"{item.header}\n    pass").body[-1]
    assert isinstance(function, ast.FunctionDef)
    return function


def _arguments(case: Case) -> list[str]:
    call = ast.parse(f"f({case.arguments})", mode="eval").body
    return [ast.unparse(each) for each in call.args] if isinstance(call, ast.Call) else []


def _without_sections(description: str) -> str:
    """Return the paragraphs that describe no parameter and no result."""
    section = re.compile(r"(Args|Arguments|Param(eter)?s|Returns?|Yields?|Raises)\b.*:|:\w+", re.IGNORECASE)
    paragraphs = [text for text in description.split("\n\n") if not section.match(text)]
    return "\n\n".join(text for text in paragraphs if not text.startswith(MARGIN))
