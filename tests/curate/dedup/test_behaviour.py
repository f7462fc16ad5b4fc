"""`dedup.behaviour`: what counts as the same, which one stays, and that nothing else goes."""

import ast
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from curate.dedup.behaviour import Behaviour
from curate.dedup.inputs import inputs, type_name
from curate.files.shards import documents, write_shard
from curate.stage import Context

LOOP = """def larger(numbers: list[int], limit: int) -> list[int]:
    found = []
    for n in numbers:
        if n > limit:
            found.append(n)
    return found
"""
SHORT = "def above(xs: list[int], n: int) -> list[int]:\n    return [x for x in xs if x > n]\n"
AT_LEAST = "def above(xs: list[int], n: int) -> list[int]:\n    return [x for x in xs if x >= n]\n"
RENAMED = SHORT.replace("above", "filtered").replace("xs", "values")


def run(place: Path, *shards: list[dict[str, Any]], **options: Any) -> list[tuple[pa.Table, pa.Table]]:
    """Return (kept, dropped) of each shard."""
    stage = Behaviour(**options)
    context = Context("new", 17, place)
    tables = [documents({"source": "x", **row} for row in rows) for rows in shards]
    for number, table in enumerate(tables):
        write_shard(stage.sketch(table, context), context.plan / "sketches" / f"{number}.parquet")
    stage.plan(context, lambda function, items: [function(item) for item in items])
    return [stage.judge(table, context).split(table) for table in tables]


def rows(*texts: str) -> list[dict[str, Any]]:
    return [{"id": f"d{number}", "text": text} for number, text in enumerate(texts)]


def dropped(place: Path, *texts: str, **options: Any) -> dict[str, tuple[str, str]]:
    ((_, gone),) = run(place, rows(*texts), **options)
    return {row["id"]: (row["reason"], row["survivor"]) for row in gone.to_pylist()}


def test_the_shorter_of_two_functions_that_do_the_same_stays_and_is_named(tmp_path: Path) -> None:
    assert dropped(tmp_path, LOOP, SHORT) == {"d0": ("same behaviour", "d1")}


def test_a_function_that_differs_in_one_edge_stays(tmp_path: Path) -> None:
    assert dropped(tmp_path, SHORT, AT_LEAST) == {}


def test_types_may_be_spelt_and_widened_otherwise(tmp_path: Path) -> None:
    other = LOOP.replace("list[int], limit: int", "List[float], limit: 'Optional[float]' = None")
    assert dropped(tmp_path, "from typing import *\n" + other, SHORT) == {"d0": ("same behaviour", "d1")}


def test_other_parameter_types_are_another_behaviour(tmp_path: Path) -> None:
    first = "def first(a: str) -> str:\n    return a[0]\n"
    assert dropped(tmp_path, first, first.replace("str", "list[int]").replace("a[0]", "a[:1][0]")) == {}


def test_what_cannot_be_measured_stays_unless_it_is_built_alike(tmp_path: Path) -> None:
    foreign = "def area(shape: Shape) -> int:\n    return shape.width * shape.height\n"
    constant = "def one(a: int) -> int:\n    return 1\n"
    prose = "# Lists\n\nThey are long.\n"
    endless = "def wait(a: int) -> int:\n    while True:\n        pass\n"
    broken = "def ("
    ((kept, gone),) = run(tmp_path, rows(foreign, constant, prose, endless, broken, foreign.replace("shape", "form")))
    assert kept["id"].to_pylist() == ["d0", "d1", "d2", "d3", "d4"] or gone["id"].to_pylist() == ["d0"]
    assert gone["reason"].to_pylist() == ["same structure"]
    assert kept["behaviour"].null_count == kept.num_rows


def test_the_one_that_more_solutions_agree_on_stays_though_it_is_longer(tmp_path: Path) -> None:
    both = [
        {"id": "a", "text": SHORT, "tier": "silver", "agreement": 0.5},
        {"id": "b", "text": LOOP, "tier": "gold", "agreement": 1.0},
    ]
    ((kept, gone),) = run(tmp_path, both)
    assert kept["id"].to_pylist() == ["b"]
    assert gone["survivor"].to_pylist() == ["b"]
    assert gone["similarity"].to_pylist() == [1.0]


def test_as_many_stay_as_are_allowed_and_names_have_a_cap_of_their_own(tmp_path: Path) -> None:
    assert set(dropped(tmp_path / "a", LOOP, SHORT, RENAMED, most=2)) == {"d0"}
    adders = [f"def add(a: int) -> int:\n    return a + {number}\n" for number in range(5)]
    assert dropped(tmp_path / "b", *adders, most_per_name=3) == {
        "d3": ("same name too often", "d0"),
        "d4": ("same name too often", "d0"),
    }
    assert dropped(tmp_path / "c", *adders) == {}


def test_the_same_documents_stay_whatever_the_shards_and_each_survivor_is_kept(tmp_path: Path) -> None:
    everything = rows(LOOP, SHORT, AT_LEAST, RENAMED, "no code", LOOP.replace("larger", "bigger"))
    whole = run(tmp_path / "a", everything)
    parts = run(tmp_path / "b", everything[3:], everything[:3])
    kept = [sorted(i for k, _ in each for i in k["id"].to_pylist()) for each in (whole, parts)]
    assert kept[0] == kept[1]
    for kept_rows, gone in [*whole, *parts]:
        assert set(gone["survivor"].to_pylist()) <= set(kept[0])
        assert not set(kept_rows["id"].to_pylist()) & set(gone["id"].to_pylist())
    assert sum(k.num_rows + d.num_rows for k, d in parts) == len(everything)


def test_the_behaviour_is_a_column_that_is_equal_where_functions_do_the_same(tmp_path: Path) -> None:
    ((kept, gone),) = run(tmp_path, rows(LOOP, SHORT, AT_LEAST))
    digests = dict(zip(kept["id"].to_pylist(), kept["behaviour"].to_pylist(), strict=True))
    assert digests["d1"] == gone["behaviour"].to_pylist()[0] != digests["d2"]


def test_the_named_function_is_looked_at_and_not_its_helper(tmp_path: Path) -> None:
    helper = "def _one(a: int) -> int:\n    return a + 1\n\n\n"
    both = [
        {"id": "a", "text": helper + "def two(a: int) -> int:\n    return _one(a) * 2\n", "function_name": "two"},
        {"id": "b", "text": "def twice(a: int) -> int:\n    return a * 2 + 2\n\n\n" + helper, "function_name": "twice"},
    ]
    ((kept, _),) = run(tmp_path, both)
    assert kept.num_rows == 1


def test_a_shard_without_rows_passes(tmp_path: Path) -> None:
    ((kept, gone),) = run(tmp_path, [])
    assert kept.num_rows == gone.num_rows == 0


@pytest.mark.parametrize(
    ("annotation", "name"),
    [
        ("List[float]", "list[int]"),
        ("typing.Sequence[str]", "list[str]"),
        ("dict", "dict[str, Any]"),
        ("int | None", "int"),
        ("Union[None, str]", "str"),
        ("Tuple[int, ...]", "tuple[int, ...]"),
        ("tuple", "tuple[Any, Any]"),
        ("'Set[int]'", "set[int]"),
        ("object", "Any"),
        ("Callable[[int], int]", ""),
        ("list[Shape]", ""),
        ("'a b'", ""),
    ],
)
def test_types_have_one_spelling(annotation: str, name: str) -> None:
    assert type_name(ast.parse(annotation, mode="eval").body) == name


@pytest.mark.parametrize(
    "types",
    [
        ("int",),
        ("str", "str"),
        ("list[int]", "int"),
        ("dict[str, list[int]]",),
        ("tuple[int, ...]", "bool"),
        ("Any", "Any"),
        ("set[str]",),
    ],
)
def test_inputs_are_many_different_and_always_the_same(types: tuple[str, ...]) -> None:
    first = inputs(types, 32)
    inputs.cache_clear()
    assert first == inputs(types, 32)
    assert len(first) >= 18
    assert len({repr(row) for row in first}) == len(first)
    assert all(len(row) == len(types) for row in first)


def test_there_are_no_inputs_for_what_is_not_known_or_cannot_be() -> None:
    assert inputs((), 32) == inputs(("int", ""), 32) == inputs(("set[list[int]]",), 32) == ()


def test_a_second_string_is_often_a_part_of_the_first() -> None:
    found = [row for row in inputs(("str", "str"), 32) if row[1] and row[1] in row[0]]
    assert len(found) >= 6


def test_survivors_are_no_copies_by_name_alone(tmp_path: Path) -> None:
    ((kept, _),) = run(tmp_path, rows(SHORT, AT_LEAST))
    assert pc.count_distinct(kept["behaviour"]).as_py() == 2
