"""`filter.quality`: keep the best share of a corpus, by a classifier that learns from graded documents.

In: Documents, and a stage (`learn_from`) whose kept rows carry `grade`, 0 to 5; or, without any grader, `positives`,
files of documents such as one wishes for, against `negatives` or a draw of the Documents themselves. Out: the same
Documents with `quality`, the classifier's calibrated probability that a document is among the good ones; the share
`keep` of the documents with the highest scores is kept. The cut is a quantile, never a probability: DCLM's best tenth
begins at p = 0.018. With `noise` the cut is soft: Gumbel noise on the log odds lets a document below it through now and
then, the more rarely the further below, so that the kept share does not lose all variety (GPT-3 kept some low-scored
pages for the same reason, Brown et al. 2020, appendix A).

    plan/model.bin        the classifier (safetensors, or fastText's own format)
    plan/plan.json        the cut, the calibration, and the agreement with held-out labels
    plan/scores/*         id and score of every document, a file per shard

The share of positives need not be the share kept. Of 5,500 files with a rubric's grades, half of them kept, positives
of 0.3 and 0.5 kept held-out documents of mean grade 1.68 and 1.69 (1.72 at best, 0.91 at random); in the best fifth it
was 2.47 and 2.05, so the few good ones teach more.

The method is phi-1's (Gunasekar et al. 2023) with DCLM's classifier (Li et al. 2024).
"""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate.errors import UserError
from curate.files.shards import list_shards, read_shard, write_json
from curate.filters.classifiers.agreement import Agreement, Calibration, agreement, log_odds
from curate.filters.classifiers.classifier import Classifier, Settings, kind
from curate.filters.classifiers.labels import FEWEST, GRADE, HIGHEST, Labels, read_labels, read_references
from curate.filters.classifiers.references import Reference, reference
from curate.filters.selection.ranking import Scores, find_cut, gumbel, judge_by_rank, store
from curate.llm import ModelSpec, check_model
from curate.stage import (
    Columns,
    Context,
    GlobalFilter,
    Map,
    Metrics,
    ModelRef,
    Need,
    Source,
    StageRef,
    Verdict,
    derive_seed,
)


class Quality(GlobalFilter):
    """Keep the share of documents that a classifier, learnt from graded documents, finds best."""

    VERSION: ClassVar[int] = 5

    learn_from: StageRef | None = None
    """A stage whose kept rows carry `grade`; without it the input must."""
    positives: Reference | None = None
    """Good documents in place of grades: a .parquet or .jsonl path, a folder of .py files, or keys as in `sources:`."""
    negatives: Reference | None = None
    """Documents to tell them from; without them a draw of the input."""
    rubric: float = Field(default=0.0, ge=0, le=1)
    """Weight of the rubric's opinion where the grader kept it beside its own (filter.annotate after filter.rubric): a
    help to a grader that gives nearly all the same grade. It is the order of the grades that is mixed; with
    `positive_at`, which counts the grader's own, nothing is."""
    classifier: Literal["fasttext", "forest", "linear"] = "linear"
    """fastText on code tokens, a random forest on embeddings, or logistic regression on hashed tokens."""
    embedder: ModelRef | None = None
    """What makes the forest's embeddings: a model of the recipe; without it hashed tokens, projected."""
    keep: float = Field(default=0.5, gt=0, le=1)
    """Share of the documents to keep."""
    positive: float = Field(default=0.3, gt=0, lt=1)
    """Share of the labels, from the best grade down, that count as good."""
    positive_at: float | None = Field(default=None, gt=0, le=5)
    """Grade from which a label counts as good, in place of a share."""
    noise: float = Field(default=0.0, ge=0)
    """Scale of the noise on the log odds before the cut; 0 keeps the best and nothing else."""
    held_out: float = Field(default=0.2, gt=0, lt=1)
    """Share of the labels that calibrate and judge the classifier instead of teaching it. Where the grader set some
    apart for this (filter.annotate), those are taken."""
    labels: int = Field(default=20_000, ge=50)
    """Most labels to learn from; where there are more, a draw by hash."""
    dim: int = Field(default=16, ge=1)
    """Of fastText, as are the next two."""
    epochs: int = Field(default=5, ge=1)
    ngrams: int = Field(default=2, ge=1)

    def needs(self) -> list[Need]:
        """List the grades to learn from, where no reference set is given."""
        if self.positives is not None:
            return []
        asked_by = f"learn_from: {self.learn_from}" if self.learn_from else "no `learn_from`"
        advice = "let `learn_from` name a stage that grades (filter.annotate, filter.rubric), or give `positives`"
        return [Need((GRADE,), asked_by, numbers=True, of=self.learn_from, advice=advice)]

    def adds(self) -> Columns:
        """List the score."""
        return {"quality": pa.float64()}

    def fewest(self) -> int:
        """Return how many labels it takes to learn and to judge, where each is a document."""
        return 0 if self.positives is not None else FEWEST

    def fingerprint(self) -> str:
        """Digest of the reference files."""
        return "\t".join(source.fingerprint() for source in self._references())

    def check(self, models: Mapping[str, ModelSpec]) -> None:
        """Raise UserError for a contradiction, reference files or an embedder that cannot be had."""
        if self.positives is not None and self.learn_from is not None:
            raise UserError("give `learn_from` (grades) or `positives` (a reference set), not both")
        if self.negatives is not None and self.positives is None:
            raise UserError("`negatives` need `positives` to be told from")
        if self.embedder is not None and self.classifier != "forest":
            raise UserError(f"`embedder` is for `classifier: forest`, not for {self.classifier}")
        for source in self._references():
            source.parts()
        if self.embedder is not None and self.embedder in models:
            check_model(models[self.embedder])

    def _references(self) -> list[Source]:
        given = {"positives": self.positives, "negatives": self.negatives}
        return [reference(name, value) for name, value in given.items() if value is not None]

    def _settings(self, context: Context) -> Settings:
        embedder = context.models[self.embedder] if self.embedder else None
        return Settings(derive_seed(context.seed, "classifier"), self.dim, self.epochs, self.ngrams, embedder)

    def sketch(self, shard: pa.Table, context: Context) -> pa.Table:  # noqa: ARG002 - the contract's shape
        """Return the number of documents; the scores need the classifier, and the classifier the labels."""
        return pa.table({"documents": [shard.num_rows]})

    def plan(self, context: Context, map: Map) -> Metrics:
        """Train, judge by held-out labels, score every document, and find the cut."""
        sketches = [read_shard(path) for path in list_shards(context.plan / "sketches")]
        documents = sum(sketch.column("documents")[0].as_py() for sketch in sketches)
        if not documents:
            raise UserError("no documents to judge; see what the stages before it dropped")
        classifier, calibration, figures = self._learn(context)
        classifier.save(context.plan / "model.bin")
        score = partial(score_shard, context, self.classifier, self._settings(context), calibration, self.noise)
        # A language model is loaded once, here, and has the machine to itself.
        ranks = [score(path) for path in context.shards()] if self.embedder else map(score, context.shards())
        cut, tie = find_cut(np.concatenate(ranks), self.keep, context)
        write_json(
            {"cut": cut, "tie": tie, "calibration": calibration.as_dict(), "held_out": figures},
            context.plan / "plan.json",
        )
        return {**figures, "documents": documents, "cut": cut}

    def _learn(self, context: Context) -> tuple[Classifier, Calibration, Metrics]:
        """Train on one part of the labels, calibrate and judge by the other."""
        labels = self._labels(context)
        at = self.positive_at if self.positives is None else HIGHEST
        positive = labels.positive(self.positive, at)
        held_out = labels.held_out(self.held_out, context.seed)
        for part in (held_out, ~held_out):
            if len(np.unique(positive[part])) < 2:
                raise UserError(
                    f"{part.sum()} of {len(part)} labels, {positive[part].sum()} of them positive, are too few "
                    "to learn from or to hold out; grade more documents or change `held_out` or `positive`"
                )
        classifier = kind(self.classifier).train(
            labels.texts.filter(pa.array(~held_out)),
            positive[~held_out],
            self._settings(context),
            context.plan / ".training.tmp",
        )
        scores = classifier.predict(labels.texts.filter(pa.array(held_out)))
        figures: Agreement = agreement(scores, positive[held_out], labels.grades[held_out])
        counts = {"labels": float(len(positive)), "positive": float(positive.sum()), "held_out": float(held_out.sum())}
        return classifier, Calibration.fit(scores, positive[held_out]), {**counts, **asdict(figures)}

    def _labels(self, context: Context) -> Labels:
        """Read the labels from where the parameters say: a reference set, another stage, or the input itself."""
        if self.positives is not None:
            good, *others = self._references()
            return read_references(good, others[0] if others else context.shards(), self.labels, context.seed)
        stages = [context.references[self.learn_from]] if self.learn_from else list(context.inputs.values())
        shards = [path for stage in stages for path in list_shards(stage / "kept")]
        labels = read_labels(shards, self.labels, context.seed)
        return labels if self.positive_at is not None else labels.blended(self.rubric)

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Drop what lies below the cut."""
        return judge_by_rank(shard, context, "quality", "low quality")


def score_shard(
    context: Context, classifier: str, settings: Settings, calibration: Calibration, noise: float, path: Path
) -> Scores:
    """Score one shard with the saved classifier, store the scores, and return what it is ranked by."""
    shard = read_shard(path, ["id", "text"])
    model = kind(classifier).load(context.plan / "model.bin", settings)
    scores = calibration(model.predict(shard.column("text")))
    if not np.isfinite(scores).all():
        raise UserError(f"{path} has documents whose score is not a number; change `epochs`, `dim` or the labels")
    ids = shard.column("id")
    ranks = scores if not noise else log_odds(scores) + noise * gumbel(ids, context)
    store(ids, context, score=scores, rank=ranks)
    return ranks
