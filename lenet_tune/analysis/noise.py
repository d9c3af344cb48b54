"""How much of a difference is luck of the seed."""

import math
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from lenet_tune.analysis.text import count, points
from lenet_tune.records import Snapshot

_STEPS = 4000


@dataclass(frozen=True, kw_only=True)
class SeedNoise:
    """Spread over seeds, pooled over trials.

    Args:
        sd: square root of the mean variance of an execution's accuracy.
        trials: those with at least two seeds, which it was estimated from.
        seeds: executions a trial.
    """

    sd: float
    trials: int
    seeds: int

    @property
    def of_mean(self) -> float:
        """Standard deviation of a trial's score: the mean over its seeds."""
        return self.sd / math.sqrt(self.seeds)


def seed_noise(snapshot: Snapshot) -> SeedNoise | None:
    """The noise of the study's seeds; None where no trial has two."""
    spreads = [trial.spread for trial in snapshot.ranked if trial.spread is not None]
    if not spreads:
        # One seed a trial: the leaders' fresh seeds tell.
        spreads = [stdev(scores) for scores in snapshot.fresh_scores.values() if len(scores) > 1]
    if not spreads:
        return None
    sd = math.sqrt(fmean(spread**2 for spread in spreads))
    return SeedNoise(sd=sd, trials=len(spreads), seeds=snapshot.definition.seeds)


def expected_maximum(n: int) -> float:
    """Expected largest of n independent standard normal numbers, by numerical integration.

    Source: order statistics, E[max] = integral of x n f(x) F(x)^(n-1); n = 50 gives 2.249.
    """
    normal, width = NormalDist(), 20.0 / _STEPS
    grid = [-10.0 + i * width for i in range(_STEPS + 1)]
    return sum(x * n * normal.pdf(x) * normal.cdf(x) ** (n - 1) for x in grid) * width


@dataclass(frozen=True, kw_only=True)
class Optimism:
    """How far the best of n equal settings would lie above their common mean by luck alone."""

    n: int
    noise: SeedNoise
    excess: float

    @property
    def words(self) -> str:
        """The same in one sentence."""
        seeds = count(self.noise.seeds, "seed")
        return (
            f"The best of {count(self.n, 'finished trial')} is chosen after the fact: were all of them "
            f"equally good, the highest mean of {seeds} would still lie about {points(self.excess)} above "
            f"the common mean (normal approximation; seed noise {points(self.noise.sd)}, standard deviation "
            f"of one execution, pooled over {count(self.noise.trials, 'trial')})."
        )


def optimism(snapshot: Snapshot) -> Optimism | None:
    """The optimism of reporting the best trial; None where seed noise is unknown or nothing was chosen."""
    noise, n = seed_noise(snapshot), len(snapshot.ranked)
    if noise is None or n < 2:
        return None
    return Optimism(n=n, noise=noise, excess=expected_maximum(n) * noise.of_mean)
