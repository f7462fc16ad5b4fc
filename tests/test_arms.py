"""recipes/arms.yaml: arms differ in the documents that they see, and in nothing else."""

from itertools import pairwise

from curate.eval.code import EvalCode
from curate.filters.selection.holdout import Holdout
from curate.recipe import Node, load
from curate.train.parameters import Training
from tests.conftest import ROOT

RECIPE = load(ROOT / "recipes" / "arms.yaml")
ARMS = {node.name: node for node in RECIPE.nodes if isinstance(node.stage, Training)}


def above(name: str) -> set[str]:
    """Return the stages that a stage's documents come from."""
    node = RECIPE.node(name)
    return {name}.union(*map(above, node.inputs))


def settings(node: Node) -> dict[str, object]:
    return {key: value for key, value in node.stage.model_dump().items() if key != "mix"}


def test_all_arms_are_one_model_with_one_tokenizer_and_as_many_tokens() -> None:
    assert len(ARMS) == 12
    first, *others = map(settings, ARMS.values())
    assert first["tokenizer"] == "words" and first["tokens"] == 1e8
    assert all(other == first for other in others)


def test_all_arms_are_asked_the_same() -> None:
    scores = [node for node in RECIPE.nodes if isinstance(node.stage, EvalCode)]
    assert {node.inputs for node in scores} == {(name,) for name in ARMS}
    for end, asked in (("_score", {1}), ("_draws", {20})):
        kind = [node for node in scores if node.name.endswith(end)]
        assert len(kind) == len(ARMS) and len({node.stage.model_dump_json() for node in kind}) == 1
        assert {node.stage.model_dump()["samples"] for node in kind} == asked


def test_each_arm_adds_one_thing_to_the_one_before_it() -> None:
    order = ["raw", "deduplicated", "filtered", "textbooks", "verified"]
    seen = [set().union(*map(above, ARMS[name].inputs)) for name in order]
    for before, after in pairwise(seen):
        assert before < after
    assert seen[3] - seen[2] == {"sections", "lessons"}


def test_the_closest_pairs_differ_in_their_exercises_alone_and_are_trained_twice() -> None:
    for one, other in (("plain", "unverified"), ("verified", "repeated")):
        pair = [ARMS[name] for name in (one, other)]
        assert pair[0].inputs[:2] == pair[1].inputs[:2] == ("quality", "lessons")
        shares = [list(node.stage.model_dump()["mix"].values()) for node in pair]
        assert shares[0] == shares[1]
        for name in (one, other):
            assert ARMS[name].inputs == ARMS[f"{name}2"].inputs
            assert ARMS[name].stage == ARMS[f"{name}2"].stage


def test_no_arm_sees_a_benchmark_or_what_is_like_a_held_out_exercise() -> None:
    for node in ARMS.values():
        for name in node.inputs:
            uses = {RECIPE.node(stage).use for stage in above(name)}
            assert "decontam.ngram" in uses
            if "synth.render" in uses:
                assert {"decontam.ast", "decontam.behavioural", "select.holdout"} <= uses
    holdouts = [node.stage for node in RECIPE.nodes if isinstance(node.stage, Holdout)]
    assert [(stage.like, stage.count) for stage in holdouts] == [(None, 1000), ("held", None), ("held", None)]
