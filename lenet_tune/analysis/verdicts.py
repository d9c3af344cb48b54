"""Published numbers beside measured ones, with a verdict each by a rule that was fixed before the runs.

The report gives one run and no spread, so its number is compared with where one new run is expected
(`inference.prediction_interval`). Reproduced: inside that interval, and the measured mean within `MARGIN` of
it. Otherwise the measured mean is higher or lower. The spread is never taken to be smaller than what a
number of test images gives by itself, sqrt(p (1 - p) / images).
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lenet_tune.analysis.evidence import Evidence, Pool
from lenet_tune.analysis.inference import Interval, Sample, kendall, prediction_interval
from lenet_tune.analysis.measures import TEST_IMAGES
from lenet_tune.sections.published import MARGIN, Published

REPRODUCED, HIGHER, LOWER = "reproduced", "higher", "lower"
ONE_SEED, NOT_COMPARABLE, NOT_RUN = "undecided (n = 1)", "not comparable", "not run"
VERDICTS = (REPRODUCED, HIGHER, LOWER, NOT_COMPARABLE, ONE_SEED, NOT_RUN)


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One published number and what was measured for it.

    Args:
        evidence: of the run that counts, seed by seed; of the best one where several may be meant.
        interval: where one new run is expected; None below two seeds.
        reasons: why the two do not compare; empty where they do.
    """

    published: Published
    evidence: tuple[Evidence, ...]
    sample: Sample | None
    interval: Interval | None
    reasons: tuple[str, ...]

    @property
    def difference(self) -> float | None:
        """Measured mean minus published accuracy."""
        return None if self.sample is None else self.sample.mean - self.published.accuracy

    @property
    def verdict(self) -> str:
        """One of `VERDICTS`."""
        if self.sample is None:
            return NOT_RUN
        if self.reasons:
            return NOT_COMPARABLE
        if self.interval is None:
            return ONE_SEED
        if self.published.accuracy in self.interval and abs(self.difference) <= MARGIN:
            return REPRODUCED
        return HIGHER if self.difference > 0 else LOWER

    @property
    def diverged(self) -> int:
        """How many of the executions diverged."""
        return sum(e.is_diverged for e in self.evidence)


def verdicts(numbers: Sequence[Published], pool: Pool) -> tuple[Verdict, ...]:
    """A verdict for each published number."""
    return tuple(_verdict(number, pool) for number in numbers)


def _verdict(number: Published, pool: Pool) -> Verdict:
    groups = [tuple(pool.of(setting).values()) for setting in number.settings]
    complete = all(groups)
    # The best of several only counts when all of them are there: a part could make a false best.
    best = max(groups, key=lambda group: Sample.of([e.accuracy for e in group]).mean) if complete else ()
    sample = Sample.of([e.accuracy for e in best]) if best else None
    return Verdict(
        published=number,
        evidence=best,
        sample=sample,
        interval=None if sample is None else prediction_interval(sample, test_set_floor(sample.mean)),
        reasons=pool.reasons,
    )


def test_set_floor(accuracy: float) -> float:
    """Standard deviation that the number of test images alone gives an accuracy."""
    return math.sqrt(max(accuracy * (1 - accuracy), 0.0) / TEST_IMAGES)


setattr(test_set_floor, "__test__", False)  # noqa: B010 (pytest would collect it by its name)


@dataclass(frozen=True, kw_only=True)
class RankAgreement:
    """How far the order of measured numbers is that of the published ones, within a part of the report."""

    part: str
    n: int
    tau: float | None


def rank_agreement(found: Sequence[Verdict]) -> tuple[RankAgreement, ...]:
    """Kendall's tau-b of each part, over the numbers that name their run and were measured."""
    parts: dict[str, list[Verdict]] = {}
    for verdict in found:
        if verdict.sample is not None and not verdict.published.unsaid:
            parts.setdefault(verdict.published.part, []).append(verdict)
    return tuple(
        RankAgreement(
            part=part,
            n=len(group),
            tau=kendall([v.published.accuracy for v in group], [v.sample.mean for v in group]),
        )
        for part, group in parts.items()
    )


def tally(found: Sequence[Verdict]) -> dict[str, int]:
    """How often each verdict was given, in the order of `VERDICTS`, those never given left out."""
    counts = Counter(v.verdict for v in found)
    return {name: counts[name] for name in VERDICTS if counts[name]}


def largest_gaps(found: Sequence[Verdict], count: int = 3) -> tuple[Verdict, ...]:
    """The measured numbers that lie furthest from the published ones."""
    measured = [v for v in found if v.difference is not None]
    return tuple(sorted(measured, key=lambda v: -abs(v.difference))[:count])
