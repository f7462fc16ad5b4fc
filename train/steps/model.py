"""The model: a stock `transformers` class, how it starts, what it computes a token, and its weights while it trains.

In: a Preset or a saved folder. Out: `Qwen3ForCausalLM` or `LlamaForCausalLM`, which `transformers`, vLLM and lm-eval
open. The projections that write into the residual stream start at zero, so that a fresh model is its embedding and
every layer begins as a no-op; its head starts so small that it prefers no token. Not covered: dropout, attention that
stops at a document's end.
"""

import copy
from pathlib import Path
from typing import Any

import torch

from curate.train.steps.place import Place
from curate.train.steps.presets import Preset, config_of

OUTPUT_PROJECTIONS = ("self_attn.o_proj.weight", "mlp.down_proj.weight")
HEAD_TIMES_WIDTH = 3.2
"""Standard deviation of a fresh head times the hidden size: it falls with the width, as an output layer's should
(Yang et al. 2022, arXiv:2203.03466, table 8), and is 0.02 at most. Where the head is the embedding too, this is the
logit that a fresh model gives the token it has just read; at a deviation of 0.02 that is 13 for 640 wide and 41 for
2,048, and the first loss is as high instead of ln V. From 3.2 the 60m preset came to a held-out loss of 3.011 in 153
steps of Muon, from 12.8 to 3.080."""


def new_model(shape: Preset, tokenizer: Any, seed: int) -> Any:
    """Return a fresh model in f32 on the CPU; the same seed gives the same weights."""
    from transformers import LlamaForCausalLM, Qwen3ForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    config = config_of(shape, len(tokenizer), tokenizer.eos_token_id, tokenizer.pad_token_id)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config) if shape.family == "qwen3" else LlamaForCausalLM(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(OUTPUT_PROJECTIONS):
                parameter.zero_()
        model.lm_head.weight.mul_(min(1.0, HEAD_TIMES_WIDTH / config.hidden_size / config.initializer_range))
    return model


def saved_model(folder: Path) -> Any:
    """Return the model of a folder in f32 on the CPU."""
    from transformers import AutoModelForCausalLM
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)


class Body(torch.nn.Module):
    """The model up to its head: (rows, length) token ids -> (rows, length, hidden) states. It holds the head too.

    It calls the stock layers itself. The stock forward pass, compiled, looks for packed rows in the positions and
    hands every layer a mask of (rows, 1, length, length), which rules flash attention out.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model, self.lm_head = model.model, model.lm_head

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Return the states after the last norm."""
        states = self.model.embed_tokens(ids)
        positions = torch.arange(ids.shape[1], device=ids.device)[None]
        angles = self.model.rotary_emb(states, positions)
        for layer in self.model.layers:
            states = layer(states, attention_mask=None, position_embeddings=angles, position_ids=positions)
        found: torch.Tensor = self.model.norm(states)
        return found


class Weights:
    """The f32 weights that the optimiser moves, the gradients in one flat buffer, and the model that computes.

    With `bf16` the model that computes is a copy of the weights in bf16, made anew each step: activations and the
    residual stream are then bf16 too, which halves the memory traffic that autocast leaves at f32. Gradients of
    several passes add up in f32 either way.
    """

    def __init__(self, model: Any, bf16: bool) -> None:
        self.model = model
        self.masters = list(model.parameters())
        self.working = model
        if bf16:
            self.working = copy.deepcopy(model)
            for parameter in self.working.parameters():  # not .to(): the rotary frequencies stay f32
                parameter.data = parameter.data.bfloat16()
        self.copies = list(self.working.parameters())
        self.gradient = torch.zeros(sum(m.numel() for m in self.masters), device=self.masters[0].device)
        start = 0
        for master in self.masters:
            master.grad = self.gradient[start : start + master.numel()].view_as(master)
            start += master.numel()
        self.body = Body(self.working)

    @property
    def head(self) -> torch.Tensor:
        """The head's matrix in the model that computes: (vocabulary, hidden)."""
        found: torch.Tensor = self.working.lm_head.weight
        return found

    def begin(self) -> None:
        """Clear the gradients and copy the weights to where they are computed with."""
        self.gradient.zero_()
        self.refresh()

    @torch.no_grad()
    def refresh(self) -> None:
        """Copy the weights to where they are computed with."""
        if self.working is not self.model:
            torch._foreach_copy_(self.copies, self.masters)

    @torch.no_grad()
    def collect(self) -> None:
        """Add the gradients of one pass to the flat buffer; in f32 autograd has put them there already."""
        if self.working is not self.model:
            torch._foreach_add_([master.grad for master in self.masters], [copy.grad for copy in self.copies])
            for parameter in self.copies:
                parameter.grad = None

    @torch.no_grad()
    def reduce(self, place: Place, clip: float) -> None:
        """Sum the gradients over all processes and shorten them to `clip`."""
        gradient = place.sum(self.gradient)
        gradient.mul_((clip / torch.linalg.vector_norm(gradient)).clamp(max=1.0))


def computed_parameters(model: Any) -> int:
    """Return N of the 6N formula: every weight that multiplies a token, so the head but not the embedding look-up."""
    total = int(sum(parameter.numel() for parameter in model.parameters()))
    return total if model.config.tie_word_embeddings else total - int(model.model.embed_tokens.weight.numel())


def flops_per_token(model: Any, length: int) -> float:
    """Return the FLOPs of training on one token: 6 N + 12 x layers x heads x head size x length.

    N as in `computed_parameters`; attention counted in full, not halved for causality (Chowdhery et al. 2022,
    appendix B).
    """
    config = model.config
    width = config.num_attention_heads * (getattr(config, "head_dim", None) or config.hidden_size)
    return 6.0 * computed_parameters(model) + 12.0 * int(config.num_hidden_layers) * int(width) * length
