"""What happened over epochs and over trials."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lenet_tune.engines.base import EpochResult
from lenet_tune.records import Snapshot, TrialRecord

METRICS = ("train_loss", "train_accuracy", "held_out_loss", "held_out_accuracy")


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Four figures after each epoch, of one seed or as means over seeds; all tuples have one length."""

    epochs: tuple[int, ...]
    train_loss: tuple[float, ...]
    train_accuracy: tuple[float, ...]
    held_out_loss: tuple[float, ...]
    held_out_accuracy: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class TrialCurves:
    """The learning curves of a trial.

    Args:
        rank: from 1 among the finished trials; None where the trial is not finished.
        mean: over the seeds that reached each epoch.
        seeds: one curve an execution that has an epoch.
    """

    number: int
    label: str
    rank: int | None
    mean: Curve
    seeds: tuple[Curve, ...]


def learning_curves(snapshot: Snapshot) -> tuple[TrialCurves, ...]:
    """The curves of every trial that has an epoch, in the order of trial numbers."""
    ranks = snapshot.ranks
    return tuple(
        trial_curves(trial, ranks.get(trial.number))
        for trial in snapshot.trials
        if any(e.epochs for e in trial.searched)
    )


def trial_curves(trial: TrialRecord, rank: int | None = None) -> TrialCurves:
    """The curves of one trial."""
    by_epoch: dict[int, list[EpochResult]] = {}
    for execution in trial.searched:
        for result in execution.epochs:
            by_epoch.setdefault(result.epoch, []).append(result)
    return TrialCurves(
        number=trial.number,
        label=trial.label,
        rank=rank,
        mean=_curve([by_epoch[epoch] for epoch in sorted(by_epoch)]),
        seeds=tuple(_curve([[result] for result in e.epochs]) for e in trial.searched if e.epochs),
    )


def _curve(groups: list[list[EpochResult]]) -> Curve:
    means = {
        name: tuple(sum(getattr(r, name) for r in group) / len(group) for group in groups) for name in METRICS
    }
    return Curve(epochs=tuple(group[0].epoch for group in groups), **means)


@dataclass(frozen=True, kw_only=True)
class Overfit:
    """Where the held-out loss was lowest.

    Args:
        epoch: of the lowest mean held-out loss.
        last: the last epoch.
        rise: how much higher the held-out loss is after the last epoch.
    """

    epoch: int
    last: int
    rise: float

    @property
    def happened(self) -> bool:
        """Whether the held-out loss rose again before the end."""
        return self.epoch < self.last


def overfit(curve: Curve) -> Overfit | None:
    """The epoch of the lowest held-out loss; None where there is no finite loss."""
    finite = [(loss, epoch) for loss, epoch in zip(curve.held_out_loss, curve.epochs, strict=True)
              if math.isfinite(loss)]  # fmt: skip
    if not finite:
        return None
    low, epoch = min(finite)
    return Overfit(epoch=epoch, last=curve.epochs[-1], rise=curve.held_out_loss[-1] - low)


@dataclass(frozen=True, kw_only=True)
class Band:
    """Held-out accuracy over trials after each epoch: lowest, middle and highest quantile, and n."""

    epochs: tuple[int, ...]
    quantiles: tuple[float, float, float]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]
    n: tuple[int, ...]


def accuracy_band(
    curves: Sequence[TrialCurves], quantiles: tuple[float, float, float] = (0.1, 0.5, 0.9)
) -> Band:
    """Quantiles over the mean curves of many trials, for studies with too many to draw."""
    by_epoch: dict[int, list[float]] = {}
    for curve in curves:
        for epoch, value in zip(curve.mean.epochs, curve.mean.held_out_accuracy, strict=True):
            if math.isfinite(value):
                by_epoch.setdefault(epoch, []).append(value)
    epochs = tuple(sorted(by_epoch))
    rows = [np.quantile(by_epoch[epoch], quantiles).tolist() for epoch in epochs]
    low, middle, high = zip(*rows, strict=True) if rows else ((), (), ())
    n = tuple(len(by_epoch[epoch]) for epoch in epochs)
    return Band(epochs=epochs, quantiles=quantiles, low=low, middle=middle, high=high, n=n)


@dataclass(frozen=True, kw_only=True)
class ProgressPoint:
    """The study after one more trial.

    Args:
        seconds: of training, over this trial and all before it.
        score: of this trial; None where it has none.
        best: best score so far; None before the first.
        improved: whether this trial brought it.
    """

    number: int
    seconds: float
    score: float | None
    best: float | None
    improved: bool


def best_so_far(snapshot: Snapshot) -> tuple[ProgressPoint, ...]:
    """The best score after each ended trial, in the order of trial numbers."""
    points: list[ProgressPoint] = []
    seconds, best = 0.0, None
    for trial in sorted(snapshot.trials, key=lambda t: t.number):
        if trial.status in ("waiting", "running"):
            continue
        seconds += trial.seconds
        improved = trial.score is not None and (best is None or trial.score > best)
        best = trial.score if improved else best
        points.append(
            ProgressPoint(
                number=trial.number, seconds=seconds, score=trial.score, best=best, improved=improved
            )
        )
    return tuple(points)


@dataclass(frozen=True, kw_only=True)
class CostPoint:
    """A finished trial by price and score; `efficient` where no cheaper trial scores as high."""

    number: int
    label: str
    seconds: float
    score: float
    efficient: bool


def cost(snapshot: Snapshot) -> tuple[CostPoint, ...]:
    """Finished trials, cheapest first."""
    trials = sorted(snapshot.ranked, key=lambda t: (t.seconds, -t.score, t.number))
    points, best = [], -math.inf
    for trial in trials:
        points.append(
            CostPoint(
                number=trial.number,
                label=trial.label,
                seconds=trial.seconds,
                score=trial.score,
                efficient=trial.score > best,
            )
        )
        best = max(best, trial.score)
    return tuple(points)
