"""The statistics behind the verdicts: small samples of seeds, Student's t, several tests at a time.

n is the number of seeds; with one seed there is no spread, and nothing here gives an interval.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean, stdev

from scipy.special import nctdtr, stdtr, stdtrit

LEVEL = 0.05  # error rate of all verdicts together; intervals hold 1 - LEVEL
POWER = 0.8  # chance of a verdict that "enough seeds" means
MOST_SEEDS = 1000


@dataclass(frozen=True, kw_only=True)
class Interval:
    """From `low` to `high`."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Mean and sample standard deviation (None for one value) of n values."""

    n: int
    mean: float
    sd: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Sample":
        """The sample of at least one value."""
        return cls(n=len(values), mean=fmean(values), sd=stdev(values) if len(values) > 1 else None)


def quantile(n: int) -> float:
    """Student's t(1 - LEVEL / 2) with n - 1 degrees of freedom."""
    return float(stdtrit(n - 1, 1 - LEVEL / 2))


def prediction_interval(sample: Sample, floor: float = 0.0) -> Interval | None:
    """Where one new run is expected: mean +- t(0.975, n - 1) * s * sqrt(1 + 1 / n); None for one seed.

    Args:
        floor: least standard deviation to reckon with.
    """
    if sample.sd is None:
        return None
    half = quantile(sample.n) * max(sample.sd, floor) * math.sqrt(1 + 1 / sample.n)
    return Interval(low=sample.mean - half, high=sample.mean + half)


def mean_interval(sample: Sample, floor: float = 0.0) -> Interval | None:
    """Where the mean over all seeds is expected: mean +- t(0.975, n - 1) * s / sqrt(n); None for one seed."""
    if sample.sd is None:
        return None
    half = quantile(sample.n) * max(sample.sd, floor) / math.sqrt(sample.n)
    return Interval(low=sample.mean - half, high=sample.mean + half)


def p_above(sample: Sample, bound: float, floor: float = 0.0) -> float | None:
    """Chance of a mean at least as high if the true one is `bound` (one-sided t-test); None for one seed.

    The chance of one at most as high is 1 minus it.
    """
    if sample.sd is None:
        return None
    spread = max(sample.sd, floor) / math.sqrt(sample.n)
    if spread == 0:
        return 0.5 if sample.mean == bound else float(sample.mean < bound)
    return float(stdtr(sample.n - 1, (bound - sample.mean) / spread))


def holm(ps: Mapping[str, float], family: int) -> dict[str, float]:
    """P-values corrected for `family` tests, some of which may have none yet: Holm's step-down.

    Source: S. Holm, "A simple sequentially rejective multiple test procedure", 1979.
    """
    adjusted, highest = {}, 0.0
    for rank, name in enumerate(sorted(ps, key=ps.__getitem__)):
        highest = max(highest, min(1.0, (family - rank) * ps[name]))
        adjusted[name] = highest
    return adjusted


def seeds_needed(effect: float, sd: float, level: float) -> int | None:
    """Seeds for a one-sided t-test at `level` to see `effect` with chance POWER; None beyond MOST_SEEDS.

    The chance is that of the noncentral t distribution.
    """
    if effect <= 0:
        return None
    if sd <= 0:
        return 2
    for n in range(2, MOST_SEEDS + 1):
        critical = float(stdtrit(n - 1, 1 - level))
        if 1 - float(nctdtr(n - 1, effect / sd * math.sqrt(n), critical)) >= POWER:
            return n
    return None


def kendall(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Kendall's tau-b of two rankings; None where one of them is a single tie or there are no two values.

    Source: M. Kendall, "The treatment of ties in ranking problems", 1945.
    """
    signs = [
        (_sign(a - b), _sign(c - d)) for (a, c), (b, d) in combinations(list(zip(xs, ys, strict=True)), 2)
    ]
    untied_x, untied_y = (sum(abs(pair[i]) for pair in signs) for i in (0, 1))
    if not untied_x or not untied_y:
        return None
    return sum(a * b for a, b in signs) / math.sqrt(untied_x * untied_y)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)
