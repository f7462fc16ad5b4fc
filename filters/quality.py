"""`filter.quality`: keep the best share of a corpus, by a classifier that learns from graded documents.

In: Documents, and a stage (`learn_from`) whose kept rows carry `grade`, 0 to 5. Out: the same Documents with `quality`,
the classifier's calibrated probability that a document is among the good ones; the share `keep` of the documents with
the highest scores is kept. The cut is a quantile, never a probability: DCLM's best tenth begins at p = 0.018.

    plan/model.bin        the classifier
    plan/plan.json        the cut, the calibration, and the agreement with held-out labels
    plan/scores/*         id and score of every document, a file per shard

The share of positives need not be the share kept. Of 5,500 files with a rubric's grades, half of them kept, positives
of 0.3 and 0.5 kept held-out documents of mean grade 1.68 and 1.69 (1.72 at best, 0.91 at random); in the best fifth it
was 2.47 and 2.05, so the few good ones teach more.

Equal scores at the cut are parted by a hash of seed and id, so that the share is exact whatever the scores.
The method is phi-1's (Gunasekar et al. 2023) with DCLM's classifier (Li et al. 2024).
"""

import hashlib
import json
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.errors import UserError
from curate.shards import list_shards, read_shard, write_json, write_shard
from curate.stage import Context, GlobalFilter, Map, Metrics, StageRef, Verdict, derive_seed
from filters.agreement import Agreement, Calibration, agreement
from filters.classifiers import LOAD, TRAIN, Classifier, Settings
from filters.labels import read_labels

Scores = npt.NDArray[np.float64]


class Quality(GlobalFilter):
    """Keep the share of documents that a classifier, learnt from graded documents, finds best."""

    learn_from: StageRef | None = None
    """A stage whose kept rows carry `grade`; without it the input must."""
    classifier: Literal["fasttext"] = "fasttext"
    keep: float = Field(default=0.5, gt=0, le=1)
    """Share of the documents to keep."""
    positive: float = Field(default=0.3, gt=0, lt=1)
    """Share of the labels, from the best grade down, that count as good."""
    positive_at: float | None = Field(default=None, gt=0, le=5)
    """Grade from which a label counts as good, in place of a share."""
    held_out: float = Field(default=0.2, gt=0, lt=1)
    """Share of the labels that calibrate and judge the classifier instead of teaching it."""
    labels: int = Field(default=20_000, ge=50)
    """Most labels to learn from; where there are more, a draw by hash."""
    dim: int = Field(default=16, ge=1)
    epochs: int = Field(default=5, ge=1)
    ngrams: int = Field(default=2, ge=1)

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
        scores = np.concatenate(map(partial(score_shard, context, self.classifier, calibration), context.shards()))
        cut, tie = find_cut(scores, self.keep, context)
        write_json(
            {"cut": cut, "tie": tie, "calibration": calibration.as_dict(), "held_out": figures},
            context.plan / "plan.json",
        )
        return {**figures, "documents": documents, "cut": cut}

    def _learn(self, context: Context) -> tuple[Classifier, Calibration, Metrics]:
        """Train on one part of the labels, calibrate and judge by the other."""
        stages = [context.references[self.learn_from]] if self.learn_from else list(context.inputs.values())
        shards = [path for stage in stages for path in list_shards(stage / "kept")]
        labels = read_labels(shards, self.labels, context.seed)
        positive = labels.positive(self.positive, self.positive_at)
        held_out = labels.held_out(self.held_out, context.seed)
        for part in (held_out, ~held_out):
            if len(np.unique(positive[part])) < 2:
                raise UserError(
                    f"{part.sum()} of {len(part)} labels, {positive[part].sum()} of them positive, are too few "
                    "to learn from or to hold out; grade more documents or change `held_out` or `positive`"
                )
        settings = Settings(derive_seed(context.seed, "classifier"), self.dim, self.epochs, self.ngrams)
        train = TRAIN[self.classifier]
        classifier = train(
            labels.texts.filter(pa.array(~held_out)), positive[~held_out], settings, context.plan / ".training.tmp"
        )
        scores = classifier.predict(labels.texts.filter(pa.array(held_out)))
        figures: Agreement = agreement(scores, positive[held_out], labels.grades[held_out])
        counts = {"labels": float(len(positive)), "positive": float(positive.sum()), "held_out": float(held_out.sum())}
        return classifier, Calibration.fit(scores, positive[held_out]), {**counts, **asdict(figures)}

    def judge(self, shard: pa.Table, context: Context) -> Verdict:
        """Drop what lies below the cut."""
        plan = json.loads((context.plan / "plan.json").read_text())
        ids = shard.column("id")
        scores = stored_scores(ids, context)
        keep = scores > plan["cut"]
        for row in np.flatnonzero(scores == plan["cut"]):
            keep[row] = tie_break(ids[row].as_py(), context) <= plan["tie"]
        return Verdict(
            reasons=pc.if_else(pa.array(keep), pa.scalar(None, pa.string()), "low quality"),
            columns={"quality": pa.array(scores)},
            evidence={"score": pa.array(scores)},
        )


def score_shard(context: Context, classifier: str, calibration: Calibration, path: Path) -> Scores:
    """Score one shard with the saved classifier, store the scores, and return them."""
    shard = read_shard(path, ["id", "text"])
    scores = calibration(LOAD[classifier](context.plan / "model.bin").predict(shard.column("text")))
    if not np.isfinite(scores).all():
        raise UserError(f"{path} has documents whose score is not a number; change `epochs`, `dim` or the labels")
    ids = shard.column("id")
    write_shard(pa.table({"id": ids, "quality": scores}), scores_path(ids, context))
    return scores


def scores_path(ids: pa.ChunkedArray, context: Context) -> Path:
    """Name the file of a shard's scores by the ids in it: `judge` sees a shard's rows, not its name."""
    digest = hashlib.blake2b("\n".join(ids.to_pylist()).encode(), digest_size=16).hexdigest()
    return context.plan / "scores" / f"{digest}.parquet"


def stored_scores(ids: pa.ChunkedArray, context: Context) -> Scores:
    """Return the scores that `plan` stored for a shard, in its order."""
    if not len(ids):
        return np.zeros(0)
    scores: Scores = read_shard(scores_path(ids, context)).column("quality").to_numpy()
    return scores


def find_cut(scores: Scores, keep: float, context: Context) -> tuple[float, int]:
    """Return (cut, tie): kept are scores above the cut, and those equal to it whose tie break is not above `tie`.

    Raises UserError for constant scores, which no quantile can part.
    """
    if scores.min() == scores.max():
        raise UserError(
            f"all {len(scores)} documents have the score {scores[0]:.4g}, so none is better; "
            "check that the labels differ, and `epochs` and `dim`"
        )
    wanted = max(round(keep * len(scores)), 1)
    cut = float(np.partition(scores, -wanted)[-wanted])
    room = wanted - int((scores > cut).sum())
    stored = [read_shard(path) for path in list_shards(context.plan / "scores")]
    at_cut = [id for table in stored for id in table.filter(pc.equal(table["quality"], cut))["id"].to_pylist()]
    return cut, sorted(tie_break(id, context) for id in at_cut)[room - 1]


def tie_break(id: str, context: Context) -> int:
    """Return the number that decides between documents of equal score."""
    return derive_seed(context.seed, "tie", id)
