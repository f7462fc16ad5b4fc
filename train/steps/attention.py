"""The attention kernel: flash attention or cuDNN's, whichever is faster here.

Which one is depends on the chip and the versions, so both are timed once on the very shape, forward and backward, in
a fraction of a second. A kernel that refuses the shape, or whose result differs from the other's, is not taken. On the
CPU there is nothing to choose.
"""

import time
from typing import Literal

import torch
from torch.nn.functional import scaled_dot_product_attention

Attention = Literal["auto", "flash", "cudnn"]
KERNELS: tuple[Literal["flash", "cudnn"], ...] = ("flash", "cudnn")
TOLERANCE = 0.05
"""Largest difference of two bf16 results for random normal input."""
TURNS = 5


def choose_attention(name: Attention, device: torch.device, rows: int, heads: int, length: int, head_size: int) -> str:
    """Let attention on a GPU be computed by this kernel alone, and return its name; auto: by the faster one."""
    if device.type != "cuda":
        return "cpu"
    if name == "auto":
        name = faster(device, rows, heads, length, head_size)
    enable(name)
    return name


def enable(name: Literal["flash", "cudnn"]) -> None:
    """Allow one kernel, and the plain form for shapes that it refuses."""
    torch.backends.cuda.enable_flash_sdp(name == "flash")
    torch.backends.cuda.enable_cudnn_sdp(name == "cudnn")
    torch.backends.cuda.enable_mem_efficient_sdp(False)


def faster(device: torch.device, rows: int, heads: int, length: int, head_size: int) -> Literal["flash", "cudnn"]:
    """Time both kernels on this shape and return the faster one that can be trusted."""
    shape = (rows, length, heads, head_size)
    given = [torch.randn(shape, device=device, dtype=torch.bfloat16).transpose(1, 2).requires_grad_() for _ in range(3)]
    seconds, results = {}, {}
    for name in KERNELS:
        try:
            enable(name)
            results[name] = _attend(given).detach()
            seconds[name] = _seconds(given, device)
        except RuntimeError:  # no kernel of that kind for this shape on this chip
            continue
    if len(results) == 2 and float((results["flash"] - results["cudnn"]).abs().max()) > TOLERANCE:
        return "flash"
    return min(KERNELS, key=lambda name: seconds.get(name, float("inf")))


def _attend(given: list[torch.Tensor]) -> torch.Tensor:
    query, key, value = given
    return scaled_dot_product_attention(query, key, value, is_causal=True)


def _seconds(given: list[torch.Tensor], device: torch.device) -> float:
    """Return the time of some forward and backward passes, after one."""
    for turn in range(TURNS + 1):
        if turn == 1:
            torch.cuda.synchronize(device)
            start = time.perf_counter()
        out = _attend(given)
        torch.autograd.grad(out, given, out.detach())
    torch.cuda.synchronize(device)
    return time.perf_counter() - start
