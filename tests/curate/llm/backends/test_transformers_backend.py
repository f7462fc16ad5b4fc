"""The in-process backend, held against `transformers`' own generation on a small random model."""

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
import torch

from curate.errors import UserError
from curate.filters.classifiers.embeddings import Encoder
from curate.llm import Completion, Message, ModelSpec, Request, open_model
from curate.llm.door import backend

PROMPTS = [
    "def add(a, b):\n    return",
    "class Point:",
    "for word in text.split():\n    print(word)\n" * 3,
    "The capital of France is",
    "x",
    "def add(a, b):\n    return a",
]


def ask(spec: ModelSpec, *requests: Request) -> dict[str, Completion]:
    return {answer.id: answer for answer in open_model(spec).generate(requests)}


def greedy(prompts: list[str], **options: object) -> list[Request]:
    return [Request(str(index), prompt=prompt, **options) for index, prompt in enumerate(prompts)]  # type: ignore[arg-type]


@pytest.mark.parametrize("shared", ["", "# A beginning that all prompts have in common, longer than sixteen tokens.\n"])
def test_a_batch_answers_as_transformers_does_one_by_one(tiny: ModelSpec, shared: str) -> None:
    prompts = [shared + prompt for prompt in PROMPTS]
    answers = ask(tiny, *greedy(prompts, max_tokens=20))
    ours = backend(tiny)
    for index, prompt in enumerate(prompts):
        inputs = ours.tokenizer(prompt, return_tensors="pt")
        ids = ours.model.generate(**inputs, max_new_tokens=20, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        assert answers[str(index)].text == ours.tokenizer.decode(ids, skip_special_tokens=True)


def test_what_a_request_samples_does_not_depend_on_its_company(tiny: ModelSpec) -> None:
    requests = [replace(request, temperature=1.0, top_p=0.9, seed=7) for request in greedy(PROMPTS, max_tokens=24)]
    together = ask(tiny, *requests)
    alone = {request.id: ask(tiny, request)[request.id] for request in requests}
    assert together == alone
    others = ask(tiny, *(replace(request, seed=8) for request in requests))
    assert [others[name].text for name in others] != [together[name].text for name in others]


def test_equal_prompts_with_different_seeds_get_answers_of_their_own(tiny: ModelSpec) -> None:
    requests = [Request(str(seed), prompt="def ", max_tokens=12, temperature=1.0, seed=seed) for seed in range(6)]
    assert len({answer.text for answer in ask(tiny, *requests).values()}) > 3


def test_a_prompt_that_fills_the_context_fails_alone(tiny: ModelSpec) -> None:
    answers = ask(tiny, Request("long", prompt="x " * 300, max_tokens=4), Request("short", prompt="x", max_tokens=4))
    assert "tokens, the context 256" in (answers["long"].error or "")
    assert answers["short"].error is None and answers["short"].completion_tokens > 0


def test_a_stop_string_ends_the_answer_and_is_left_out(tiny: ModelSpec) -> None:
    whole = ask(tiny, Request("a", prompt=PROMPTS[0], max_tokens=30))["a"]
    assert len(whole.text) > 20
    stop = whole.text[12:15]
    answer = ask(tiny, Request("a", prompt=PROMPTS[0], max_tokens=30, stop=("never seen", stop)))["a"]
    assert answer.text == whole.text[: whole.text.index(stop)]
    assert answer.finish_reason == "stop"
    assert answer.completion_tokens < whole.completion_tokens


def test_each_request_keeps_its_own_length(tiny: ModelSpec) -> None:
    lengths = [1, 3, 12, 5, 9]
    answers = ask(tiny, *(Request(str(n), prompt="class Point:", max_tokens=n) for n in lengths))
    whole = ask(tiny, Request("whole", prompt="class Point:", max_tokens=12))["whole"]
    assert [answers[str(n)].completion_tokens for n in lengths] == [min(n, whole.completion_tokens) for n in lengths]
    assert all(whole.text.startswith(answers[str(n)].text.rstrip("\ufffd")) for n in lengths)


def test_a_prompt_that_fills_the_context_is_an_error_of_that_request_alone(tiny: ModelSpec) -> None:
    answers = ask(tiny, Request("long", prompt="x " * 400), Request("short", prompt="x ", max_tokens=2))
    assert answers["long"].finish_reason == "error"
    assert "the context 256" in str(answers["long"].error)
    assert answers["short"].finish_reason == "length"


def test_an_answer_never_grows_beyond_the_context(tiny: ModelSpec) -> None:
    endless = [Request(str(s), prompt="x " * 100, max_tokens=4000, temperature=1.5, seed=s) for s in range(4)]
    answers = ask(tiny, *endless).values()
    assert max(answer.prompt_tokens + answer.completion_tokens for answer in answers) == 256


def test_a_model_without_a_chat_template_refuses_chats_in_one_line(tiny: ModelSpec) -> None:
    with pytest.raises(UserError, match="has no chat template"):
        ask(tiny, Request("a", messages=(Message("user", "Hello"),)))


def test_a_broken_model_folder_is_one_line(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("broken")
    (folder / "config.json").write_text("{}")
    with pytest.raises(UserError, match="cannot load model") as caught:
        ask(ModelSpec(backend="transformers", model=str(folder)), Request("a", prompt="x"))
    assert "\n" not in str(caught.value)


def test_the_real_small_model_answers_chats_and_continues_code(smollm: ModelSpec) -> None:
    question = Message("user", "What is the capital of France? Answer in one word.")
    code = 'def add(a: int, b: int) -> int:\n    """Return the sum of a and b."""'
    answers = ask(
        smollm,
        Request("chat", messages=(question,), max_tokens=16),
        Request("code", prompt=code, max_tokens=16, stop=("\ndef", "\n\n")),
    )
    assert "Paris" in answers["chat"].text
    assert answers["chat"].finish_reason == "stop"
    assert answers["code"].text == "\n    return a + b"


@pytest.mark.parametrize("shared", ["", "# A beginning that all prompts have in common, longer than sixteen tokens.\n"])
def test_choices_come_with_the_probabilities_that_the_model_gives_them_as_first_token(
    tiny: ModelSpec, shared: str
) -> None:
    prompts = [shared + prompt for prompt in PROMPTS]
    answers = ask(
        tiny, *greedy(prompts, max_tokens=20, choices=("0", "a", "9")), Request("other", prompt="x", max_tokens=3)
    )
    ours = backend(tiny)
    for index, prompt in enumerate(prompts):
        with torch.inference_mode():
            logits = ours.model(**ours.tokenizer(prompt, return_tensors="pt")).logits[0, -1]
        chances = torch.softmax(logits, -1)
        expected = [sum(chances[i].item() for i in one_token(ours.tokenizer, word)) for word in ("0", "a", "9")]
        assert answers[str(index)].probabilities == pytest.approx(expected, rel=1e-4)
        assert answers[str(index)].text == ours.tokenizer.decode([int(logits.argmax())])
        assert answers[str(index)].completion_tokens == 1
    assert answers["other"].probabilities is None
    assert answers["other"].completion_tokens == 3


def one_token(tokenizer: Any, word: str) -> list[int]:
    return [index for text, index in tokenizer.get_vocab().items() if text in (word, f"\u0120{word}")]


def test_a_choice_of_several_tokens_is_refused_in_one_line(tiny: ModelSpec) -> None:
    with pytest.raises(UserError, match="'twelve' is not one token"):
        ask(tiny, Request("a", prompt="x", choices=("1", "twelve")))


def test_an_answer_that_is_begun_goes_on_with_a_choice(smollm: ModelSpec) -> None:
    question = Message("user", "Repeat the digit 7.")
    digits = tuple("0123456789")
    begun = Message("assistant", "The digit is: ")
    [answer] = ask(smollm, Request("a", messages=(question, begun), max_tokens=4, choices=digits)).values()
    assert answer.text == "7"
    assert answer.probabilities is not None
    assert max(answer.probabilities) == answer.probabilities[7]
    assert 0.5 < sum(answer.probabilities) <= 1.0001


def test_gguf_weights_are_those_that_transformers_reads_by_itself(smollm: ModelSpec) -> None:
    import gguf

    weights = backend(smollm).model.state_dict()
    for tensor in gguf.GGUFReader(backend(smollm).place.path).tensors:
        if tensor.name == "blk.3.ffn_up.weight":
            expected = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy())
            assert torch.equal(weights["model.layers.3.mlp.up_proj.weight"], expected)
            return
    pytest.fail("the file holds no such tensor")


def test_a_document_s_vector_does_not_depend_on_the_context_that_a_model_is_given(tiny: ModelSpec) -> None:
    texts = pa.chunked_array([["def add(a, b):\n    return a + b\n" * 60]])
    first, second = (Encoder(tiny.model_copy(update={"max_context": most})).embed(texts) for most in (32, 4096))
    assert first.any()
    assert (first == second).all()
