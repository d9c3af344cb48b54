"""Which of the leading trials is best, on fresh seeds: a comparison that can end in a tie.

Every leader is trained again with the same fresh seeds. At planned looks the leaders are compared in pairs,
seed by seed; one that is worse than another beyond doubt is dropped, and the rest go on to the next look.
What is left at the end cannot be told apart: a tie group, not a first place.

Method: one-sided paired t tests, each at level alpha / looks / (leaders - 1). The best leader is dropped only
if a worse one beats it in some test, so by Bonferroni's inequality it is in the tie group with a probability
of at least 1 - alpha, whatever the spreads. That is subset selection as in Gupta 1965, "On some multiple
decision (selection and ranking) rules", with paired tests in place of a common variance.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from scipy.special import stdtrit

ALPHA = 0.05
"""Probability, at most, that the best leader is not in the tie group."""

LEADERS = 4
"""Trials that are trained again: the highest scores of the search."""


def looks(seeds: int) -> tuple[int, ...]:
    """After how many fresh seeds the leaders are compared: half-way and at the end, or only there."""
    if seeds < 1:
        return ()
    return (seeds,) if seeds < 4 else (math.ceil(seeds / 2), seeds)


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What fresh seeds say of one trial.

    Args:
        mean: accuracy, over n fresh seeds.
        half_width: of the mean's 95 % confidence interval (Student's t); None with one seed.
    """

    mean: float
    half_width: float | None
    n: int


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How leaders compare.

    Args:
        estimates: of each leader, by trial number, over all fresh seeds it has.
        tied: numbers of the trials that nothing has beaten, best mean first.
        dropped: numbers of those that were beaten, best mean first.
        seeds: fresh seeds at the last look.
        is_settled: whether no further look is due.
    """

    estimates: Mapping[int, Estimate]
    tied: tuple[int, ...]
    dropped: tuple[int, ...]
    seeds: int
    is_settled: bool

    @property
    def leader(self) -> int:
        """The trial with the highest mean among those that nothing has beaten."""
        return self.tied[0]

    @property
    def order(self) -> tuple[int, ...]:
        """All leaders, the tie group first."""
        return self.tied + self.dropped


def standing(scores: Mapping[int, Sequence[float]], planned: Sequence[int]) -> Standing | None:
    """Where the leaders stand.

    Args:
        scores: accuracies of each leader by trial number, in the order of the common fresh seeds.
        planned: the looks, as `looks` gives them.

    Returns:
        None before every leader has reached the first look.
    """
    active, done = list(scores), 0
    level = ALPHA / max(1, len(planned)) / max(1, len(scores) - 1)
    for look in planned:
        if not active or any(len(scores[number]) < look for number in active):
            break
        done = look
        active = _unbeaten({number: scores[number][:look] for number in active}, level)
        if len(active) == 1:
            break
    if not done:
        return None
    estimates = {number: estimate(values) for number, values in scores.items() if values}

    def best_first(numbers: Sequence[int]) -> tuple[int, ...]:
        return tuple(sorted(numbers, key=lambda number: (-estimates[number].mean, number)))

    return Standing(
        estimates=estimates,
        tied=best_first(active),
        dropped=best_first([number for number in estimates if number not in active]),
        seeds=done,
        is_settled=len(active) == 1 or done == planned[-1],
    )


def wanted(scores: Mapping[int, Sequence[float]], planned: Sequence[int]) -> dict[int, int]:
    """How many fresh seeds each leader needs for the next look; empty when the comparison is over."""
    now = standing(scores, planned)
    if now is None:
        return dict.fromkeys(scores, planned[0]) if planned else {}
    if now.is_settled:
        return {}
    return dict.fromkeys(now.tied, next(look for look in planned if look > now.seeds))


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and 95 % interval of accuracies."""
    n = len(values)
    width = None if n < 2 else float(stdtrit(n - 1, 0.975)) * stdev(values) / math.sqrt(n)
    return Estimate(mean=fmean(values), half_width=width, n=n)


def _unbeaten(scores: Mapping[int, Sequence[float]], level: float) -> list[int]:
    return [a for a in scores if not any(_beats(scores[b], scores[a], level) for b in scores if b != a)]


def _beats(better: Sequence[float], worse: Sequence[float], level: float) -> bool:
    """Whether one is better than the other on common seeds, by a one-sided paired t test."""
    differences = [b - w for b, w in zip(better, worse, strict=True)]
    mean = fmean(differences)
    if len(differences) < 2 or mean <= 0:
        return False
    error = stdev(differences) / math.sqrt(len(differences))
    return error == 0 or mean / error > float(stdtrit(len(differences) - 1, 1 - level))
