"""Whether a saved model writes the same elsewhere: greedy answers of a backend beside those of plain `transformers`.

    python3 -m benchmarks.served RUN/stages/model-*/model [--backend vllm] [--gpu-memory 0.1] [--out FILE.json]

Some beginnings of Python are continued by the backend, as every stage asks it, and by `generate` of the stock class in
the same precision. For each: how many tokens are alike, and where they part, by how much the stock model prefers its
own token to the next best (in nats): two kernels round differently, so next to nothing is a tie, and more a fault.
`--backend transformers` rehearses it without a GPU.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from curate.llm.door import close_models, open_model
from curate.llm.types import ModelSpec, Request

BEGINNINGS = (
    'def add(a: int, b: int) -> int:\n    """Return the sum of a and b.\n    """\n',
    "import os\nimport sys\n\n\ndef main(",
    'class Stack:\n    """A stack of values."""\n\n    def __init__(self',
    "def is_even(n):\n",
    "for line in lines:\n",
    "    def test_",
    'if __name__ == "__main__":\n',
    "# Copyright",
)
TIE = 0.1
"""Nats: bf16 logits have steps of some 0.06 at a height of 10."""


def main() -> None:
    """Ask both and print a line for each beginning."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--backend", choices=("vllm", "transformers"), default="vllm")
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--gpu-memory", type=float, default=0.1, help="share of the GPU's memory for vLLM")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    begun = time.monotonic()
    answers = backend_answers(given)
    found = compared(given, answers)
    alike = sum(row["alike"] for row in found)
    result = {
        "architectures": json.loads((given.model / "config.json").read_text())["architectures"],
        "backend": given.backend,
        "alike": alike,
        "ties": sum(not row["alike"] and row["gap"] <= TIE for row in found),
        "beginnings": found,
        "seconds": round(time.monotonic() - begun, 1),
    }
    for row in found:
        print(json.dumps(row))
    print(f"{result['architectures'][0]}: {alike} of {len(found)} answers alike, {result['ties']} part at a tie")
    if given.out is not None:
        given.out.write_text(json.dumps(result, indent=1) + "\n")


def backend_answers(given: argparse.Namespace) -> list[str]:
    """Return the backend's greedy answers."""
    spec = ModelSpec(
        backend=given.backend, model=str(given.model), batch_size=8, max_context=512, gpu_memory=given.gpu_memory
    )
    requests = [
        Request(str(number), prompt=text, max_tokens=given.tokens, temperature=0.0)
        for number, text in enumerate(BEGINNINGS)
    ]
    answers = {answer.id: answer for answer in open_model(spec).generate(requests)}
    close_models()
    if failed := [answer.error for answer in answers.values() if answer.error]:
        raise SystemExit(f"{given.backend}: {failed[0]}")
    return [answers[request.id].text for request in requests]


@torch.no_grad()
def compared(given: argparse.Namespace, answers: list[str]) -> list[dict[str, Any]]:
    """Return for every beginning how far the answer is that of the stock class."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    device = "cuda" if torch.cuda.is_available() else "cpu"
    precision = torch.bfloat16 if device == "cuda" else torch.float32  # as the backends compute
    tokenizer = AutoTokenizer.from_pretrained(given.model)
    model = AutoModelForCausalLM.from_pretrained(given.model, dtype=precision).to(device).eval()
    found = []
    for beginning, answer in zip(BEGINNINGS, answers, strict=True):
        ids = torch.tensor([tokenizer(beginning)["input_ids"]], device=device)
        out = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=given.tokens,
            do_sample=False,
            return_dict_in_generate=True,
            output_logits=True,
        )
        written = out.sequences[0, ids.shape[1] :].tolist()
        texts = [tokenizer.decode(written[:count], skip_special_tokens=True) for count in range(len(written) + 1)]
        count = max(count for count, text in enumerate(texts) if answer.startswith(text))
        alike = answer == texts[-1]
        row = {"beginning": beginning, "answer": answer, "alike": alike, "tokens": len(written), "tokens_alike": count}
        if not alike:
            first, second = out.logits[min(count, len(written) - 1)][0].float().topk(2).values.tolist()
            row |= {"stock": texts[-1], "gap": round(first - second, 4)}
        found.append(row)
    return found


if __name__ == "__main__":
    main()
