"""How good the best of fewer trials would have been: the expected best score after n of the trials.

Source: R. Tang et al., "Showing your work doesn't always work", 2020: the best of n trials drawn without
replacement from the N that were run has the expectation sum over i of s_i C(i-1, n-1) / C(N, n), scores s in
ascending order, and this is unbiased for the best of n new trials. (J. Dodge et al., "Show your work", 2019,
draw with replacement, which is biased.) Only trials whose order does not matter may be drawn so: those of
random searches and grids.
"""

import math
from dataclasses import dataclass
from statistics import fmean

from lenet_tune.analysis.text import count, duration, percent, points
from lenet_tune.records import Snapshot, TrialRecord

KINDS = ("random", "grid")
LEAST_TRIALS = 4
MOST_POINTS = 100
QUANTILES = (0.1, 0.9)


@dataclass(frozen=True, kw_only=True)
class ExpectedPoint:
    """The best of n trials.

    Args:
        n: trials.
        seconds: that n trials train on average.
        mean: expected best score.
        low, high: quantiles `QUANTILES` over the choice of n of these trials; they meet at the last n, which
            says nothing of other trials.
    """

    n: int
    seconds: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ExpectedBest:
    """The curve, n = 1 to N.

    Args:
        points: one a trial, or MOST_POINTS evenly spaced ones, the first and the last among them.
        unlucky: trials without a score, which count as chance accuracy.
        starts: starting points, which nobody drew and which do not count.
    """

    points: tuple[ExpectedPoint, ...]
    unlucky: int
    starts: int

    @property
    def words(self) -> str:
        """What half of the trials would have done, in a sentence."""
        last = self.points[-1]
        half = next(point for point in self.points if 2 * point.n >= last.n)
        return (
            f"The best of {half.n} of these {count(last.n, 'trial')} is expected at {percent(half.mean, 1)}, "
            f"{points(last.mean - half.mean)} below the best of all, in {duration(half.seconds)} of training "
            f"instead of {duration(last.seconds)}."
        )


def expected_best(snapshot: Snapshot) -> ExpectedBest | None:
    """The curve of a random search or a grid; None for other searches and below LEAST_TRIALS trials."""
    if snapshot.definition.kind not in KINDS:
        return None
    ended = [t for t in snapshot.trials if t.status not in ("waiting", "running")]
    drawn = [t for t in ended if t.proposal.get("origin") != "start"]
    if len(drawn) < LEAST_TRIALS or all(t.score is None for t in drawn):
        return None
    scores = sorted(_score(snapshot, t) for t in drawn)
    each = fmean(sum(e.seconds or 0.0 for e in t.searched) for t in drawn)
    return ExpectedBest(
        points=tuple(_point(scores, n, each) for n in _counts(len(scores))),
        unlucky=sum(t.score is None for t in drawn),
        starts=len(ended) - len(drawn),
    )


def _score(snapshot: Snapshot, trial: TrialRecord) -> float:
    if trial.score is not None:
        return trial.score
    # A trial that was stopped early had an accuracy, one that diverged or failed brought nothing.
    if trial.status == "stopped" and trial.last_accuracy is not None:
        return trial.last_accuracy
    data = snapshot.definition.data
    return 1.0 / (data.get("num_classes") or len(data.get("classes") or ()) or 10)


def _counts(total: int) -> list[int]:
    if total <= MOST_POINTS:
        return list(range(1, total + 1))
    return [1 + i * (total - 1) // (MOST_POINTS - 1) for i in range(MOST_POINTS)]


def _point(scores: list[float], n: int, each: float) -> ExpectedPoint:
    chances = _chances(len(scores), n)
    cumulated = 0.0
    quantiles: list[float] = []
    for score, chance in zip(scores, chances, strict=True):
        cumulated += chance
        while len(quantiles) < len(QUANTILES) and cumulated >= QUANTILES[len(quantiles)] - 1e-12:
            quantiles.append(score)
    low, high = quantiles
    mean = math.fsum(s * c for s, c in zip(scores, chances, strict=True))
    return ExpectedPoint(n=n, seconds=n * each, mean=mean, low=low, high=high)


def _chances(total: int, n: int) -> list[float]:
    """Chance of each place in ascending order to be the best of n drawn from `total`."""
    # C(i-1, n-1) / C(total, n), from the last place down: each is a simple multiple of the one above it.
    chances = [0.0] * total
    chances[-1] = n / total
    for i in range(total - 2, n - 2, -1):
        chances[i] = chances[i + 1] * (i - n + 2) / (i + 1)
    return chances
