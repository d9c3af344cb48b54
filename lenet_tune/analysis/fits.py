"""Which reading of the report's open choices fits its published numbers best, and by how much.

The fit of a reading is the root mean squared difference between its measured means and the published
numbers of a part of the report. Intervals come from drawing the published numbers with replacement
(bootstrap, 95 %); differences from the default use the same draws for both.
"""

from dataclasses import dataclass, replace

import numpy as np

from lenet_tune.analysis.evidence import Pool
from lenet_tune.analysis.inference import Interval
from lenet_tune.sections.arms import PARTS, fitted
from lenet_tune.sections.readings import Reading, others

DRAWS = 4000


@dataclass(frozen=True, kw_only=True)
class ReadingFit:
    """How well one reading fits the published numbers of one part.

    Args:
        numbers: published numbers compared; those of the part that were not run are missing.
        seeds: fewest seeds over these numbers.
        rms: root mean squared difference, a fraction; None unless every number of the part was run.
        interval: of `rms`.
        gain: how much smaller `rms` is than the default reading's; None for the default.
        gain_interval: of `gain`.
    """

    part: str
    reading: Reading
    numbers: int
    seeds: int
    rms: float | None = None
    interval: Interval | None = None
    gain: float | None = None
    gain_interval: Interval | None = None
    is_best: bool = False

    @property
    def is_default(self) -> bool:
        """Whether it is the reading this package takes."""
        return not self.reading


def fits(pool: Pool) -> tuple[ReadingFit, ...]:
    """Every reading of every part, the default first; the best of each part is marked."""
    return tuple(fit for scope in PARTS for fit in _of_part(scope, pool))


@dataclass(frozen=True, kw_only=True)
class PoolsFit:
    """How two pools, of two backends say, fit the published numbers that both measured.

    Args:
        rms: root mean squared difference of each, fractions.
        excess: how much larger the second one is.
        interval: of `excess`.
    """

    numbers: int
    rms: tuple[float, float]
    excess: float
    interval: Interval


def fit_beside(one: Pool, other: Pool) -> PoolsFit | None:
    """The fits of two pools, default reading, over all parts; None unless both ran every number of a part."""
    pairs = [[_squares(scope, {}, pool)[0] for pool in (one, other)] for scope in PARTS]
    whole = [(a, b) for a, b in pairs if a is not None and b is not None]
    if not whole:
        return None
    first, second = (np.concatenate(squares) for squares in zip(*whole, strict=True))
    return PoolsFit(
        numbers=len(first),
        rms=(_rms(first), _rms(second)),
        excess=_rms(second) - _rms(first),
        interval=_middle(_drawn(second) - _drawn(first)),
    )


def _of_part(scope: str, pool: Pool) -> list[ReadingFit]:
    default, *_ = _squares(scope, {}, pool)
    found = [_fit(scope, reading, pool, default) for reading in ({}, *others(scope))]
    best = min((fit.rms for fit in found if fit.rms is not None), default=None)
    return [replace(fit, is_best=fit.rms is not None and fit.rms == best) for fit in found]


def _fit(scope: str, reading: Reading, pool: Pool, default: np.ndarray | None) -> ReadingFit:
    squares, numbers, seeds = _squares(scope, reading, pool)
    alone = ReadingFit(part=PARTS[scope], reading=reading, numbers=numbers, seeds=seeds)
    if squares is None:
        return alone
    drawn = _drawn(squares)
    alone = replace(alone, rms=_rms(squares), interval=_middle(drawn))
    if not reading or default is None:
        return alone
    return replace(alone, gain=_rms(default) - _rms(squares), gain_interval=_middle(_drawn(default) - drawn))


def _rms(squares: np.ndarray) -> float:
    return float(np.sqrt(squares.mean()))


def _squares(scope: str, reading: Reading, pool: Pool) -> tuple[np.ndarray | None, int, int]:
    """Squared differences (numbers,) float64, or None where one is missing; how many there are; seeds."""
    squares, seeds = [], []
    numbers = fitted(scope, reading)
    for number in numbers:
        if evidence := tuple(pool.of(number.settings[0]).values()):
            mean = sum(e.accuracy for e in evidence) / len(evidence)
            squares.append((mean - number.accuracy) ** 2)
            seeds.append(len(evidence))
    whole = np.array(squares) if len(squares) == len(numbers) else None
    return whole, len(squares), min(seeds, default=0)


def _drawn(squares: np.ndarray) -> np.ndarray:
    # The same draws for every reading, so that differences are paired.
    draws = np.random.default_rng(0).integers(len(squares), size=(DRAWS, len(squares)))
    return np.sqrt(squares[draws].mean(axis=1))  # (DRAWS,)


def _middle(drawn: np.ndarray) -> Interval:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(low=float(low), high=float(high))
