"""Two studies on the settings and seeds that both hold: paired differences.

A setting gives the same numbers in any study with the same seed and data, so what differs comes from what the
studies do otherwise: their engine, versions, or images for training.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from lenet_tune.analysis.inference import Interval, Sample, mean_interval
from lenet_tune.analysis.text import count, points
from lenet_tune.records import ExecutionRecord, Snapshot, TrialRecord
from lenet_tune.space import key


@dataclass(frozen=True, kw_only=True)
class SettingPair:
    """A setting that both studies trained; `difference` is second minus first, over `n` common seeds."""

    label: str
    first_trial: int
    second_trial: int
    first: float
    second: float
    n: int

    @property
    def difference(self) -> float:
        """Mean accuracy in the second study minus that in the first."""
        return self.second - self.first


@dataclass(frozen=True, kw_only=True)
class PairedStudies:
    """Two studies on the settings and seeds that both hold.

    Args:
        settings: trained with a common seed in both.
        sample: of the differences, second minus first, one a setting.
        interval: of their mean, 95 %, Student's t; None for one setting.
        unmatched: settings that both hold but without a seed that ended well in both.
    """

    first: str
    second: str
    settings: tuple[SettingPair, ...]
    sample: Sample
    interval: Interval | None
    unmatched: int

    @property
    def words(self) -> str:
        """The difference in a sentence."""
        on = f"on {count(self.sample.n, 'setting')} with common seeds"
        mean = points(self.sample.mean, signed=True)
        if self.interval is None:
            return f"{self.second} minus {self.first} {on}: {mean} (one setting, spread unknown)."
        half = points(self.interval.high - self.sample.mean)
        verdict = "no difference can be told" if 0 in self.interval else "a difference beyond chance"
        return f"{self.second} minus {self.first} {on}: {mean} ± {half} (95 % interval): {verdict}."


def paired_studies(snapshots: Sequence[Snapshot], names: Sequence[str]) -> tuple[PairedStudies, ...]:
    """Every pair of studies that hold a common setting with a common seed."""
    return tuple(_pairs(snapshots, names))


def _pairs(snapshots: Sequence[Snapshot], names: Sequence[str]) -> Iterator[PairedStudies]:
    held = [{key(trial.setting): trial for trial in snapshot.trials} for snapshot in snapshots]
    for i, j in combinations(range(len(snapshots)), 2):
        common = [identity for identity in held[i] if identity in held[j]]
        found = [pair for k in common if (pair := _setting_pair(held[i][k], held[j][k]))]
        if found:
            sample = Sample.of([pair.difference for pair in found])
            yield PairedStudies(
                first=names[i],
                second=names[j],
                settings=tuple(found),
                sample=sample,
                interval=mean_interval(sample),
                unmatched=len(common) - len(found),
            )


def last_epoch(execution: ExecutionRecord) -> float | None:
    """The score of an execution: its accuracy after the last epoch."""
    return execution.accuracy


def seed_pairs(
    first: TrialRecord,
    second: TrialRecord,
    measure: Callable[[ExecutionRecord], float | None] = last_epoch,
) -> list[tuple[float, float]]:
    """What is measured of two trials, seed by seed: for each seed that both finished."""
    ours, theirs = (
        {(e.seed, e.order_seed): value for e in trial.executions if (value := measure(e)) is not None}
        for trial in (first, second)
    )
    return [(ours[seeds], theirs[seeds]) for seeds in ours if seeds in theirs]


def _setting_pair(first: TrialRecord, second: TrialRecord) -> SettingPair | None:
    pairs = seed_pairs(first, second)
    if not pairs:
        return None
    return SettingPair(
        label=first.label,
        first_trial=first.number,
        second_trial=second.number,
        first=fmean(a for a, _ in pairs),
        second=fmean(b for _, b in pairs),
        n=len(pairs),
    )
