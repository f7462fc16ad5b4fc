"""Seeds: the number asked for, spread over the shards, every idea accounted for."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import UserError
from curate.files.shards import documents, list_shards, read_shard, write_shard
from curate.stage import Context, Made
from curate.synth.seeds.ideas import first_sentence, ideas
from curate.synth.seeds.seeds import Seeds, fill, topics_of

WORD = ["count", "merge", "split", "reverse", "sort", "find", "join"]


def corpus(files: int, name: str = "file") -> list[dict[str, str]]:
    """Return files with two documented functions each."""
    made = []
    for i in range(files):
        names = [f"{WORD[(i + j) % 7]}_{WORD[j]}_{WORD[i % 7]}" for j in range(2)]
        code = "\n\n".join(f'def {n}(x):\n    """Do the {n[:4]} of {name}{i} and nothing else."""\n' for n in names)
        made.append({"id": f"{name}{i}.py", "text": code, "source": "code"})
    return made


def run(stage: Seeds, shards: list[list[dict[str, str]]], place: Path, seed: int = 17) -> list[Made]:
    """Do what the runner does: sketch every shard, plan once, make every shard."""
    context = Context("seeds", seed, place / "seeds", {"clean": place / "clean"})
    for index, rows in enumerate(shards):
        write_shard(documents(rows), place / "clean" / "kept" / f"{index:03}.parquet")
    for path in context.shards():
        write_shard(stage.sketch(read_shard(path), context), context.plan / "sketches" / path.name)
    stage.plan(context, lambda function, items: [function(item) for item in items])
    return [stage.make(read_shard(path), context) for path in list_shards(place / "clean" / "kept")]


def rows(made: list[Made]) -> list[dict[str, object]]:
    return pa.concat_tables([one.documents for one in made]).to_pylist()


def test_as_many_seeds_as_asked_for_and_the_other_ideas_are_rejected(tmp_path: Path) -> None:
    made = run(Seeds(count=10, per_shard=1), [corpus(9, "a"), corpus(9, "b")], tmp_path)
    assert sum(one.documents.num_rows for one in made) == 10
    assert sum(one.rejected.num_rows for one in made) == 26
    assert {reason for one in made for reason in one.rejected["reason"].to_pylist()} == {"not chosen"}


def test_a_small_corpus_gives_each_idea_several_seeds_that_differ(tmp_path: Path) -> None:
    found = rows(run(Seeds(count=12), [corpus(2)], tmp_path))
    assert len({row["id"] for row in found}) == 12
    assert len({row["setting"] for row in found}) > 6
    assert {row["seed_id"] for row in found} == {"file0.py", "file1.py"}


def test_few_seeds_come_from_few_shards_so_that_a_teacher_gets_full_batches(tmp_path: Path) -> None:
    made = run(
        Seeds(count=20, per_shard=10), [corpus(8, "a"), corpus(30, "b"), corpus(9, "c"), corpus(40, "d")], tmp_path
    )
    assert [one.documents.num_rows > 0 for one in made] == [False, True, False, True]


def test_what_two_documents_say_alike_is_one_idea(tmp_path: Path) -> None:
    twice = [corpus(3), [{**row, "id": f"copy-{row['id']}"} for row in corpus(3)]]
    found = rows(run(Seeds(count=6), twice, tmp_path))
    assert len({(row["function_name"], row["concept"]) for row in found}) == 6


def test_a_topic_that_fills_the_corpus_does_not_fill_the_seeds() -> None:
    names = [f"common{i}" for i in range(100)] + [f"rare{i}" for i in range(4)]
    draws = fill(names, {name: name[:4] for name in names}, 60)
    assert sum(draws.values()) == 60
    assert sum(count for name, count in draws.items() if name.startswith("rare")) == 10
    assert max(draws[name] for name in names if name.startswith("common")) == 1


def test_a_topic_is_the_rarest_of_the_common_words() -> None:
    found = [
        {"id": str(i), "function_name": f"merge_{word}", "concept": ""}
        for i, word in enumerate(["tokens"] * 3 + ["zebras"])
    ]
    assert topics_of(found, 2) == {"0": "tokens", "1": "tokens", "2": "tokens", "3": "merge"}
    assert topics_of(found, 3)["3"] == "zebras"


def test_other_runs_draw_other_seeds_and_the_same_run_the_same(tmp_path: Path) -> None:
    texts = [
        [row["text"] for row in rows(run(Seeds(count=9), [corpus(12)], tmp_path / str(n), seed))]
        for n, seed in enumerate((1, 1, 2))
    ]
    assert texts[0] == texts[1] != texts[2]


def test_a_corpus_without_documented_functions_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no documented function"):
        run(Seeds(count=5), [[{"id": "a", "text": "x = 1\n", "source": "code"}]], tmp_path)


@settings(max_examples=20, deadline=None)
@given(
    count=st.integers(1, 40), sizes=st.lists(st.integers(0, 12), min_size=1, max_size=4), per_shard=st.integers(1, 30)
)
def test_rows_are_conserved_for_any_shards(
    tmp_path_factory: pytest.TempPathFactory, count: int, sizes: list[int], per_shard: int
) -> None:
    if not any(sizes):
        sizes = [*sizes, 1]
    shards = [corpus(size, f"{index}-") for index, size in enumerate(sizes)]
    made = run(Seeds(count=count, per_shard=per_shard), shards, tmp_path_factory.mktemp("run"))
    assert sum(one.documents.num_rows for one in made) == count
    chosen = {row["id"].rsplit("#", 1)[0] for row in rows(made)}  # type: ignore[attr-defined]
    rejected = {name for one in made for name in one.rejected["id"].to_pylist()}
    assert len(chosen | rejected) == 2 * sum(sizes)
    assert not chosen & rejected


def test_ideas_are_documented_public_functions_with_telling_names() -> None:
    source = '''
def count_words(text):
    """Count the words of a text. Blank ones too."""

async def hidden_thing(x):
    """Coroutines need a loop to run."""

def test_count_words():
    """Check that words are counted."""

def get_value(x):
    """Return the value of the thing."""

def undocumented_function(x):
    pass

class Thing:
    def inner_method(self):
        """Methods are not mined here."""
'''
    assert [(idea.function_name, idea.concept, idea.signature) for idea in ideas(source)] == [
        ("count_words", "Count the words of a text.", "")
    ]


def test_a_signature_is_shown_where_its_types_are_plain() -> None:
    def signature(header: str) -> str:
        [idea] = ideas(f'def wrap_lines{header}:\n    """Wrap the lines of a text."""\n')
        return idea.signature

    assert signature("(text: str, width: int = 70) -> list[str]") == "(text: str, width: int = 70) -> list[str]"
    assert signature("(rows: dict[str, tuple[int, ...]]) -> int | None")
    assert [signature(each) for each in ("(text)", "(text: str)", "(text: Text) -> str", "(t: str, n) -> int")] == [
        ""
    ] * 4


def test_an_idea_that_plain_values_cannot_stand_for_is_none() -> None:
    def found(name: str, said: str) -> int:
        return len(ideas(f'def {name}(x):\n    """{said}"""\n'))

    assert [found("join_words", "Join the words of a text."), found("merge_trees", "Merge two nested lists.")] == [1, 1]
    assert [found("open_socket", "Open it for others."), found("count_rows", "Count the rows of a DataFrame.")] == [
        0,
        0,
    ]


@given(st.text(max_size=300))
def test_any_text_can_be_mined(text: str) -> None:
    assert len(first_sentence(text).split()) <= 25
    assert isinstance(ideas(text + '"""'), list)


def test_seeds_of_runs_with_other_seeds_share_no_id_so_that_their_exercises_can_be_joined(tmp_path: Path) -> None:
    first, second = (
        {row["id"] for row in rows(run(Seeds(count=6), [corpus(5)], tmp_path / str(seed), seed))} for seed in (1, 2)
    )
    assert len(first) == len(second) == 6
    assert not first & second
