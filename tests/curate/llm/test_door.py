"""Backends are shared while they are wanted, and their memory comes back afterwards."""

import gc
import weakref

from curate.llm import ModelSpec, Request, close_models, open_model
from curate.llm.door import backend

ASKED = [Request("a", prompt="def add(a, b):", max_tokens=8)]


def test_a_closed_model_gives_its_weights_back_and_answers_again_when_asked(tiny: ModelSpec) -> None:
    first = list(open_model(tiny).generate(ASKED))
    weights = weakref.ref(backend(tiny).model)  # type: ignore[attr-defined]
    close_models(besides={tiny})
    assert weights() is not None
    close_models()
    gc.collect()
    assert weights() is None
    assert list(open_model(tiny).generate(ASKED)) == first


def test_two_models_stay_open_and_a_third_closes_the_one_that_was_asked_for_least_recently(tiny: ModelSpec) -> None:
    close_models()
    specs = [tiny.model_copy(update={"batch_size": size}) for size in (1, 2, 3)]
    opened = [backend(specs[0]), backend(specs[1]), backend(specs[0]), backend(specs[2])]
    assert opened[0] is opened[2]
    assert backend(specs[0]) is opened[0]
    assert backend(specs[1]) is not opened[1]
