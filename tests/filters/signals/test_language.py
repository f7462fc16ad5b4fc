import time
from collections.abc import Callable

import pyarrow as pa
import pytest

from curate.errors import UserError
from curate.filters.signals.language import Language, kind_of, natural_language, prose
from curate.stage import Context

Shard = Callable[..., pa.Table]
CODE = "import os\n\n\ndef area(width, height):\n    total = width * height\n    return total\n\n\nprint(area(2, 3))\n"
KINDS = {
    "python": [CODE, "", "\ufeff" + CODE, "x = {'a': [1]}\n", "# only a comment\n", "#!/usr/bin/env python3\n" + CODE],
    "broken python": [CODE + "x = (\n", CODE.replace("total =", "total ==="), CODE[: CODE.index("2, 3")]],
    "python 2": [CODE + "print 'done'\n", CODE + "try:\n    pass\nexcept OSError, error:\n    raise\n"],
    "template": [
        CODE + "name = {{ cookiecutter.name }} x\n",
        "{% if x %}\nimport os\n{% endif %}\n",
        "<% y %>\nx = 1\n",
        "import ${package} as name\n",
    ],
    "notebook": ['{"cells": [], "metadata": {}, "nbformat": 4}',
        CODE + "%matplotlib inline\n", "!pip install x\n" + CODE],
    "json": ['{"a": null, "b": true}', "[1, 2, 3]\n"],
    "markup": ["<html><body>x</body></html>", "\n<?xml version='1.0'?><a/>"],
    "console": [">>> import os\n>>> x = 1\n>>> x\n1\n"],
    "other": [
        "#!/bin/bash\nset -e\nfor x in a b; do\n  echo $x\ndone\n",
        "#include <stdio.h>\nint main(void) {\n  printf(\"x\");\n  return 0;\n}\n",
        "function area(width) {\n  const total = width * 2;\n  return total;\n}\nconsole.log(area(2));\n",
        "This is a text about the language.\nIt has several lines, each of which is prose.\nNone of them is code.\n",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in KINDS.items() for text in texts])
def test_what_a_text_is(kind: str, text: str) -> None:
    assert kind_of(text.encode()) == kind


def test_what_is_not_wanted_goes_with_its_kind_as_the_reason(shard: Shard, context: Context) -> None:
    table = shard(CODE, KINDS["notebook"][0], KINDS["python 2"][0])
    assert Language().judge(table, context).reasons.to_pylist() == [
        None,
        "not Python: notebook",
        "not Python: python 2",
    ]
    assert Language(keep=["python", "python 2"]).judge(table, context).reasons.null_count == 2


PROSE = {
    "en": "Return the sum of all the numbers in the list, or nothing if the list is empty.",
    "de": "Berechnet die Summe aller Zahlen in der Liste und gibt nichts zurück, wenn sie leer ist.",
    "es": "Devuelve la suma de todos los números de la lista, o nada si la lista está vacía.",
    "fr": "Renvoie la somme de tous les nombres de la liste, ou rien si la liste est vide.",
    "ru": "Возвращает сумму всех чисел в списке или ничего, если список пуст.",
    "zh": "返回列表中所有数字的总和，如果列表为空则不返回任何内容。",
    "ja": "リスト内のすべての数値の合計を返します。リストが空の場合は何も返しません。",
}
LICENCE = "# Copyright 2024 The Authors\n# Licensed under the Apache License; you may not use this file except so.\n"


@pytest.mark.parametrize("code", PROSE)
@pytest.mark.parametrize("form", ['"""{}"""\n', LICENCE + "\n# {}\n", "def f(x):\n    '''{}'''\n    return x\n"])
def test_comments_and_docstrings_have_a_language(code: str, form: str, shard: Shard, context: Context) -> None:
    table = shard(form.format(PROSE[code]) + CODE)
    verdict = Language(natural=["en"]).judge(table, context)
    assert verdict.columns["natural_language"].to_pylist() == [code]
    assert verdict.reasons.to_pylist() == [None if code == "en" else f"comments in {code}"]


def test_too_little_prose_has_no_language(shard: Shard, context: Context) -> None:
    table = shard("# noqa\nx = 1\n", "x = 'die Summe aller Zahlen in der Liste und sonst nichts weiter'\n")
    verdict = Language(natural=["en"]).judge(table, context)
    assert verdict.columns["natural_language"].to_pylist() == [None, None]
    assert verdict.reasons.to_pylist() == [None, None]
    assert natural_language("") == (None, None)


def test_code_in_comments_is_no_prose() -> None:
    assert prose(b"# call os.path.join(a_name, b) with the folder\n'a string'\n") == "call b with the folder"


def test_a_language_that_is_not_told_apart_is_refused() -> None:
    with pytest.raises(UserError, match="'english'"):
        Language(natural=["english"]).check({})
    Language(natural=["en", "de"]).check({})


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n" * 9_000_000,
        "(" * 1_000_000,
        '{"a":' * 100_000,
        "1+" * 500_000,
        "# " + "é" * 2_000_000,
        "\0" * 1000,
        "'" * 99_999,
    ],
    ids=["50 MB", "brackets", "JSON", "a sum", "one comment", "null bytes", "quotes"],
)
def test_hostile_texts_get_a_verdict_fast(text: str, shard: Shard, context: Context) -> None:
    Language().judge(shard(CODE), context)  # pays for compilation and the model
    table = shard(text)
    start = time.process_time()
    assert len(Language(natural=["en"]).judge(table, context).reasons) == 1
    assert time.process_time() - start < 5
