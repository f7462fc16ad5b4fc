"""The command line is a promise: verbs and options stay what they are."""

import re

import pytest

from tests.conftest import Run

SURFACE = {
    "plan": ["--limit", "--runs", "--set"],
    "run": ["--engine", "--limit", "--runs", "--set", "--until", "--workers"],
    "status": ["--json"],
    "show": ["--cluster", "--dropped", "--json", "--reason", "--where"],
    "trace": ["--json"],
    "report": ["--json", "--quality"],
    "eval": [
        "--allow-weak-sandbox",
        "--backend",
        "--base-url",
        "--bits",
        "--limit",
        "--max-tokens",
        "--no-bits",
        "--out",
        "--protocol",
        "--samples",
        "--tasks",
        "--temperature",
    ],
    "score": ["--allow-weak-sandbox", "--out", "--tasks", "--workers"],
    "table": ["--diff", "--json"],
    "stages": ["--schema"],
}


def test_the_verbs_are_these(curate: Run) -> None:
    listed = re.findall(r"^  (\w+) ", curate("--help").stdout.partition("Commands:")[2], flags=re.MULTILINE)
    assert sorted(listed) == sorted(SURFACE)


@pytest.mark.parametrize("verb", SURFACE)
def test_the_options_of_each_verb_are_these(verb: str, curate: Run) -> None:
    listed = re.findall(r"(?<![\w-])--[a-z-]+", curate(verb, "--help").stdout)
    assert sorted(set(listed) - {"--help"}) == SURFACE[verb]
