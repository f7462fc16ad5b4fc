"""Protocols: the prompt's exact bytes, where the answer is cut, and which tasks count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.benchmarks.catalogue import Task
from curate.errors import UserError
from curate.eval.asking.protocols import PROTOCOLS, choose, digest


def puzzle(number: int, split: str = "test") -> Task:
    return Task(
        task_id=f"Mbpp/{number}",
        benchmark="mbpp",
        entry_point=f"f{number}",
        test="def check(candidate): ...",
        text=f"Return {number}.",
        solution=f"def f{number}():\n  return {number} ",
        tests=(f"assert f{number}() == {number}", f"assert f{number}() > 0"),
        split=split,
    )


BENCHMARK = [*(puzzle(number, "prompt") for number in range(1, 11)), puzzle(11), puzzle(12), puzzle(600, "validation")]


def test_humaneval_puts_the_prompt_untouched() -> None:
    task = Task("H/0", "humaneval", "f", "", prompt='def f():\n    """Do."""\n')
    protocol = PROTOCOLS["humaneval@completion"]
    assert protocol.prompts([task]) == {"H/0": 'def f():\n    """Do."""\n'}
    assert protocol.program(task, task.prompt, "    return 1\n") == 'def f():\n    """Do."""\n    return 1\n'


def test_mbpp_as_a_docstring_shows_the_first_assert() -> None:
    prompts = PROTOCOLS["mbpp@doc-500"].prompts(BENCHMARK)
    assert prompts["Mbpp/11"] == '"""\nReturn 11.\nassert f11() == 11\n"""\n'


def test_mbpp_with_three_shots_shows_tasks_2_to_4_solved() -> None:
    def asked(number: int) -> str:
        return (
            f"You are an expert Python programmer, and here is your task: Return {number}. Your code should pass these "
            f"tests:\n\nassert f{number}() == {number}\nassert f{number}() > 0\n[BEGIN]\n"
        )

    def solved(number: int) -> str:
        return f"{asked(number)}def f{number}():\n  return {number} \n[DONE]\n"

    prompts = PROTOCOLS["mbpp@3shot-500"].prompts(BENCHMARK)
    assert prompts["Mbpp/12"] == solved(2) + solved(3) + solved(4) + asked(12)


@pytest.mark.parametrize("name", ["mbpp@doc-500", "mbpp@3shot-500"])
def test_mbpp_counts_the_test_split_alone_and_keeps_leading_functions(name: str) -> None:
    protocol = PROTOCOLS[name]
    assert list(protocol.prompts(BENCHMARK)) == ["Mbpp/11", "Mbpp/12"]
    assert not set(protocol.shots) & set(protocol.prompts(BENCHMARK))
    two_functions = "def inner():\n  return 1\ndef f11():\n  return inner()\n"
    assert protocol.cut(two_functions) == two_functions
    assert protocol.program(BENCHMARK[10], "", two_functions) == two_functions


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=PROTOCOLS)
@given(
    parts=st.lists(
        st.sampled_from([" x", "\nclass", "\ndef", "[DONE]", "\nprint", "\nassert", "\n", '"""']), max_size=8
    )
)
def test_the_cut_is_a_prefix_without_a_stop_string(protocol, parts: list[str]) -> None:  # type: ignore[no-untyped-def]
    raw = "".join(parts)
    cut = protocol.cut(raw)
    assert raw.startswith(cut)
    assert not any(stop in cut for stop in protocol.stop)
    assert cut == raw or any(raw[len(cut) :].startswith(stop) for stop in protocol.stop)


def test_a_protocol_is_chosen_by_name_or_by_default() -> None:
    assert choose("mbpp").name == "mbpp@doc-500"
    assert choose("mbpp@3shot-500").name == "mbpp@3shot-500"
    with pytest.raises(UserError, match="did you mean 'mbpp@3shot-500'"):
        choose("mbpp@3shots-500")
    with pytest.raises(UserError, match="known: humaneval, "):
        choose("mbp@doc-500")
    with pytest.raises(UserError, match="no protocol is known for 'apps'"):
        choose("apps")


def test_the_digest_of_prompts_sees_a_single_blank() -> None:
    assert digest({"a": "x"}) != digest({"a": "x "})
    assert digest({"a": "x"}) == digest({"a": "x"})
