"""The parameters of a training, checked: by themselves, against the inputs, and against the machine."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from curate.errors import UserError
from curate.llm.types import ModelSpec
from curate.stage import Job, Need, StageRef
from curate.train.corpus.mix import Mix, Upsample, check_mix, check_names, in_epochs
from curate.train.steps.presets import PRESETS, OptimizerName, Preset


class Training(Job):
    """What a training is told; `train.lm` is this and how it is run."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    preset: Literal["tiny", "60m", "97m", "124m", "151m", "350m", "1.3b", "llama-350m", "llama-1.3b"] = "tiny"
    """Shape and settings by name; each parameter below that is given replaces the preset's."""
    init: StageRef | None = None
    """Go on from the model of this stage, with its shape and its tokenizer."""
    tokenizer: StageRef | None = None
    """Take the tokenizer of this stage, a `train.tokenizer` or `train.lm`, instead of training one: losses of models
    compare only where their tokens do."""
    family: Literal["qwen3", "llama"] | None = None
    """The stock class: Qwen3ForCausalLM or LlamaForCausalLM."""
    hidden: int | None = Field(default=None, ge=8)
    layers: int | None = Field(default=None, ge=1)
    heads: int | None = Field(default=None, ge=1)
    feed_forward: int | None = Field(default=None, ge=8)
    vocab_size: int | None = Field(default=None, ge=258)
    block_length: int | None = Field(default=None, ge=8)
    """Tokens in a row: the longest context the model sees."""
    batch_tokens: int | None = Field(default=None, ge=1)
    """Tokens in one optimiser step, of all GPUs together."""
    pass_tokens: int | None = Field(default=None, ge=1)
    """Tokens in one forward and backward pass on a GPU; lower it if its memory does not suffice. By default by size."""
    steps: int | None = Field(default=None, ge=1)
    tokens: float | None = Field(default=None, ge=1)
    """Tokens to see."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the corpus."""
    mix: Mix | None = None
    """Share of the tokens seen by input, {clean: 0.6, exercises: 0.4}, or passes, {clean: {epochs: 4}, ...}."""
    decay_mix: Mix | None = None
    """Other shares while the learning rate falls."""
    upsample: dict[str, Upsample] | None = None
    """By input: visits that rise with a score's quantile, {clean: {by: quality, drop: 0.2, power: 1}}."""
    fim: float = Field(default=0.0, ge=0, le=1)
    """Share of the documents rearranged so that the middle comes last, for a model that fills in."""
    optimizer: OptimizerName | None = None
    """muon: Muon for the matrices inside the layers and AdamW for the rest; adamw: AdamW for all."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Peak; the schedule is a linear warm-up, a level stretch, and linear down to zero."""
    warmup: float = Field(default=0.02, ge=0, lt=1)
    """Share of the steps."""
    warmdown: float = Field(default=0.5, ge=0, le=1)
    """Share of the steps in which the learning rate falls."""
    weight_decay: float | None = Field(default=None, ge=0)
    """Stronger where data is repeated: 0.1 for one pass, 0.3 to 1 for many."""
    clip: float = Field(default=1.0, gt=0)
    """Longest gradient."""
    held_out: float = Field(default=0.02, gt=0, lt=0.5)
    """Share of the documents to measure on instead of training."""
    tokenizer_mb: float = Field(default=64, gt=0)
    """Text to train the tokenizer on, at most; a sample if the corpus is larger."""
    gpus: Literal["auto"] | Annotated[int, Field(ge=0)] = "auto"
    """GPUs of this machine to train on, one process each; auto: all there are, 0: the CPU."""
    sharded: Literal["auto", True, False] = "auto"
    """Share weights, gradients and optimiser states out over the GPUs (FSDP) instead of keeping all on each; auto:
    where they would fill more than a fifth of a GPU's memory."""
    precision: Literal["auto", "bf16", "f32"] = "auto"
    """auto: bf16 arithmetic on a GPU, f32 on the CPU. Weights are f32 always."""
    compile: bool | None = None
    """Compile the model; by default on a GPU alone."""
    usd_per_gpu_hour: float | None = Field(default=None, ge=0)
    """Price of a GPU, for the account."""
    checkpoint_every: int = Field(default=100, ge=1)
    """Steps."""
    log_every: int = Field(default=10, ge=1)
    """Steps."""
    measure_every: int | None = Field(default=None, ge=1)
    """Steps between held-out losses; by default a sixth of the run."""

    @model_validator(mode="after")
    def _one_length(self) -> Self:
        given = [name for name in ("steps", "tokens", "epochs") if getattr(self, name) is not None]
        given += ["a mix in epochs"] if in_epochs(self.mix) else []
        if len(given) > 1:
            raise ValueError(f"give one of steps, tokens and epochs, not {' and '.join(given)}")
        check_mix("mix", self.mix)
        check_mix("decay_mix", self.decay_mix)
        if self.decay_mix is not None and (in_epochs(self.decay_mix) or self.mix is None or in_epochs(self.mix)):
            raise ValueError("decay_mix takes shares, beside a mix of shares; give shares, and the length with tokens")
        return self

    @model_validator(mode="after")
    def _one_shape(self) -> Self:
        names = ("family", "hidden", "layers", "heads", "feed_forward", "vocab_size")
        fixed = [name for name in names if getattr(self, name)]
        if self.init is not None and fixed:
            raise ValueError(f"{fixed[0]} is fixed by the model that init names; leave it out")
        if self.init is not None and self.tokenizer is not None:
            raise ValueError("tokenizer is fixed by the model that init names; leave it out")
        if self.tokenizer is not None and self.vocab_size:
            raise ValueError("vocab_size is fixed by the stage that tokenizer names; leave it out")
        if self.init is None and self.shape.hidden % (2 * self.shape.heads):
            raise ValueError("hidden must be a multiple of twice the heads")
        return self

    @property
    def shape(self) -> Preset:
        """The preset, with what the parameters replace."""
        preset = PRESETS[self.preset]
        given = {name: getattr(self, name) for name in vars(preset) if getattr(self, name, None) is not None}
        return Preset(**{**vars(preset), **given})

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - it names no model
        """Raise UserError where more GPUs are asked for than there are."""
        if self.gpus == "auto" or not self.gpus:
            return
        import torch

        if (there := torch.cuda.device_count()) < self.gpus:
            raise UserError(
                f"gpus: {self.gpus} asked for, {there} found on this machine; use gpus: auto, or 0 for the CPU"
            )

    def needs(self) -> list[Need]:
        """List the score columns by which inputs are upsampled."""
        rules = self.upsample or {}
        return [Need((rule.by,), f"upsample by: {rule.by}", numbers=True, of=name) for name, rule in rules.items()]

    def check_inputs(self, inputs: tuple[str, ...]) -> None:
        """Raise UserError where a weight names no input, or an input has none."""
        check_names("mix", self.mix, inputs, all_of_them=True)
        check_names("decay_mix", self.decay_mix, inputs, all_of_them=True)
        check_names("upsample", self.upsample, inputs, all_of_them=False)
