"""The prompt boundary: whether prompts end where the model's tokens do, and what is asked where they do not."""

import json
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from curate.benchmarks import catalogue as benchmarks
from curate.errors import UserError
from curate.eval.asking import boundary
from curate.eval.asking.protocols import PROTOCOLS
from curate.eval.code import evaluate
from curate.train.corpus.tokenizer import train_tokenizer

CHAT = (
    "{% for m in messages %}<{{ m.role }}>\n{{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<a>\n{% endif %}"
)
PROGRAMS = [
    f'def f{n}(x):\n    """Return {n}."""\n    if x:\n        return {n}\n\n    return x\n"""\nThe {n}.\n"""\n'
    for n in range(40)
]


def joining() -> Any:
    """A tokenizer as byte-level BPE gives it by default: a line end and the indentation behind it are one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=["<eos>"], initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(PROGRAMS, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<eos>", pad_token="<eos>")


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random weights whose tokenizer joins line ends with what follows."""
    folder = tmp_path_factory.mktemp("foreign")
    tokenizer = joining()
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(
        vocab_size=len(tokenizer), **sizes, max_position_embeddings=512, eos_token_id=0, pad_token_id=0
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def found(name: str, tokenizer: Any) -> boundary.Boundary:
    protocol = PROTOCOLS[name]
    tasks = benchmarks.load(protocol.data)
    return boundary.check(tokenizer, protocol, protocol.scored(tasks), protocol.prompts(tasks), "m")


@pytest.mark.parametrize("name", ["humaneval@completion", "mbpp@doc-500", "mbpp@3shot-500", "mbpp@doc-500-stripped"])
def test_all_prompts_go_on_as_trained_with_a_tokenizer_that_train_lm_makes(made_up: Path, name: str) -> None:
    told = found(name, train_tokenizer(PROGRAMS, 330))
    assert told.holds
    assert told.checked == (164 if "humaneval" in name else 500)
    assert told.text() == f"prompt boundary: {told.checked} of {told.checked} as trained"


def test_a_tokenizer_that_joins_line_ends_with_indentation_breaks_every_prompt(made_up: Path) -> None:
    told = found("humaneval@completion", joining())
    assert (told.checked, told.as_trained) == (164, 0)
    assert told.reason == "HumanEval/0 ends in the token '\\n' where prompt and solution have '\\n   '"
    assert "BROKEN BOUNDARY: HumanEval/0" in told.text()
    assert found("humaneval@completion-stripped", joining()).holds


def test_the_boundary_of_a_chat_is_that_of_its_rendered_template(made_up: Path) -> None:
    for tokenizer in (joining(), train_tokenizer(PROGRAMS, 330)):
        tokenizer.chat_template = CHAT
        told = found("mbpp@doc-500-chat", tokenizer)
        assert (told.checked, told.as_trained) == (500, 500)  # the answer is begun up to a fence; code follows at once


def test_prompts_without_anything_to_follow_are_not_checked(made_up: Path) -> None:
    protocol = PROTOCOLS["humaneval@completion-chat"]
    tasks = benchmarks.load("humaneval")
    asked = boundary.check(joining(), protocol, tasks, protocol.prompts(tasks, begun=False), "m")
    assert asked.text() == "prompt boundary: not checked, these tasks have no reference solution that could follow"


def score(model: Path, tasks: list[str], out: Path) -> tuple[list[dict[str, Any]], list[str]]:
    said: list[str] = []
    evaluate(str(model), tasks, out, limit=3, max_tokens=4, bits=False, say=said.append)
    return json.loads((out / "scores.json").read_text()), said


def test_a_benchmark_is_asked_stripped_where_that_alone_goes_on_as_trained(
    made_up: Path, foreign: Path, tmp_path: Path
) -> None:
    (row,), said = score(foreign, ["humaneval"], tmp_path)
    assert row["protocol"] == "humaneval@completion-stripped"
    assert row["boundary"] == {"checked": 3, "as_trained": 3, "reason": None}
    assert "humaneval@completion-stripped: prompt boundary: 3 of 3 as trained" in said
    samples = (tmp_path / row["results"]).with_name("humaneval@completion-stripped.samples.jsonl")
    first = json.loads(samples.read_text().splitlines()[0])
    assert first["solution"] == 'def f0():\n    """Return 0."""' + first["cut"]


def test_a_protocol_that_was_named_is_kept_with_a_warning(made_up: Path, foreign: Path, tmp_path: Path) -> None:
    (row,), said = score(foreign, ["humaneval@completion"], tmp_path)
    assert row["protocol"] == "humaneval@completion"
    assert (row["boundary"]["checked"], row["boundary"]["as_trained"]) == (3, 0)
    assert row["boundary"]["reason"].endswith("; humaneval@completion-stripped has 3 of 3 as trained")
    assert any("BROKEN BOUNDARY" in line for line in said)
    other = score(foreign, ["humaneval@completion-stripped"], tmp_path / "stripped")[0][0]
    assert other["prompts_sha256"] != row["prompts_sha256"]


def test_two_names_never_come_to_the_same_protocol(made_up: Path, foreign: Path, tmp_path: Path) -> None:
    rows, _ = score(foreign, ["humaneval", "humaneval@completion-stripped"], tmp_path)
    assert [row["protocol"] for row in rows] == ["humaneval@completion", "humaneval@completion-stripped"]


def test_a_model_whose_tokenizer_cannot_be_had_is_said_so(made_up: Path, tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    log.write_text("")
    said: list[str] = []
    with pytest.raises(UserError, match="3 of 3 calls failed"):
        evaluate(str(log), ["humaneval"], tmp_path / "out", backend="replay", limit=3, say=said.append)
    assert "humaneval@completion: prompt boundary: not checked, the tokenizer behind 'replay' is not at hand" in said
