"""What the values of a good setting are worth: paired differences of an ablation study over common seeds.

A change's difference is the accuracy with it minus that of the setting as it is, seed by seed: below 0 where
the setting owes something to its own value. Two-sided t-tests, with Holm's correction over all changes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lenet_tune.ablation import ALL
from lenet_tune.analysis.inference import LEVEL, Interval, Sample, holm, mean_interval, p_above
from lenet_tune.analysis.paired import seed_pairs
from lenet_tune.analysis.text import count, listed, percent, points
from lenet_tune.records import Snapshot, TrialRecord

WORSE, BETTER, TIE = "worse", "better", "cannot be told"
ONE_SEED, NO_SCORE, WAITS = "one seed only", "no score", "not ended"
METHOD = (
    "Each row trains the setting with one change, from the same seeds, and takes the difference from the "
    "setting as it is, seed by seed. All its other values stay, so a value that is only worth something "
    "together with another one counts for both. Intervals are 95 % of single means; a change is called worse "
    "or better where a t-test over the seeds says so with Holm's correction over all changes (5 %)."
)


@dataclass(frozen=True, kw_only=True)
class Worth:
    """One change.

    Args:
        trial: its number.
        sample: of the differences over common seeds, fractions; None without one.
        interval: of their mean, 95 %; None below two seeds.
        lost: seeds with which the changed setting came to nothing.
        verdict: `WORSE` (the setting owes something to its own value), `BETTER`, `TIE`, or why there is none.
    """

    trial: int
    label: str
    sample: Sample | None
    interval: Interval | None
    lost: int
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Ablated:
    """A setting taken apart.

    Args:
        whole: the setting as it is.
        differing: (knob, value as it is, value that was put in its place).
        changes: one knob each, what costs most first.
        together: all changes at once; None where there is one only.
    """

    study: str
    trial: str
    towards: str
    whole: TrialRecord
    differing: tuple[tuple[str, Any, Any], ...]
    changes: tuple[Worth, ...]
    together: Worth | None

    @property
    def rows(self) -> tuple[Worth, ...]:
        """The changes and, last, all of them together."""
        return (*self.changes, *((self.together,) if self.together else ()))


def ablated(snapshot: Snapshot) -> Ablated | None:
    """What an ablation study says; None for any other study, and before its setting is trained."""
    of = snapshot.definition.options.get("ablation")
    if not isinstance(of, Mapping) or not snapshot.trials or not snapshot.trials[0].accuracies:
        return None
    whole, *changed = snapshot.trials
    samples = {trial.number: _differences(whole, trial) for trial in changed}
    chances = {str(number): p for number, sample in samples.items() if (p := _chance(sample)) is not None}
    corrected = holm(chances, len(changed))
    found = [_worth(trial, samples[trial.number], corrected.get(str(trial.number))) for trial in changed]
    single = [worth for worth in found if worth.label != ALL]
    return Ablated(
        **{name: str(of.get(name)) for name in ("study", "trial", "towards")},
        whole=whole,
        differing=_differing(whole, changed),
        changes=tuple(sorted(single, key=_worst_first)),
        together=next((worth for worth in found if worth.label == ALL), None),
    )


def _differing(whole: TrialRecord, changed: Sequence[TrialRecord]) -> tuple[tuple[str, Any, Any], ...]:
    """The knobs that changes changed, all of them together aside, which may wake others."""
    found: dict[str, tuple[Any, Any]] = {}
    for trial in changed:
        if trial.label != ALL:
            found |= {
                name: (value, trial.setting[name])
                for name, value in whole.setting.items()
                if trial.setting.get(name, value) != value
            }
    return tuple((name, *values) for name, values in found.items())


def _differences(whole: TrialRecord, changed: TrialRecord) -> Sample | None:
    found = [b - a for a, b in seed_pairs(whole, changed)]
    return Sample.of(found) if found else None


def _chance(sample: Sample | None) -> float | None:
    """Two-sided p-value of no difference; None below two seeds."""
    above = None if sample is None else p_above(sample, 0.0)
    return None if above is None else min(1.0, 2 * min(above, 1 - above))


def _worth(trial: TrialRecord, sample: Sample | None, corrected: float | None) -> Worth:
    return Worth(
        trial=trial.number,
        label=trial.label,
        sample=sample,
        interval=None if sample is None else mean_interval(sample),
        lost=sum(e.outcome in ("diverged", "failed") for e in trial.executions),
        verdict=_verdict(trial, sample, corrected),
    )


def _verdict(trial: TrialRecord, sample: Sample | None, corrected: float | None) -> str:
    if sample is None:
        return WAITS if any(e.outcome is None for e in trial.executions) else NO_SCORE
    if corrected is None:
        return ONE_SEED
    if corrected > LEVEL:
        return TIE
    return BETTER if sample.mean > 0 else WORSE


def _worst_first(worth: Worth) -> tuple[bool, float]:
    # What comes to nothing stands first: nothing costs more.
    return (worth.verdict != NO_SCORE, worth.sample.mean if worth.sample else 0.0)


def ablation_words(found: Ablated) -> str:
    """The answer in a few sentences."""
    start = f"Trial {found.trial} of {found.study} has {percent(_mean(found.whole), 1)} as it is"
    if found.together is not None and found.together.sample is not None:
        start += f", {found.towards} {points(found.together.sample.mean, signed=True)} beside it"
    told = [worth for worth in found.changes if worth.verdict in (WORSE, BETTER)]
    if not told:
        return f"{start}. No single change can be told from luck yet."
    parts = (f"{worth.label} {points(worth.sample.mean, signed=True)}" for worth in told)
    rest = len(found.changes) - len(told)
    more = f"; {count(rest, 'other change')} cannot be told from luck" if rest else ""
    return f"{start}. One change at a time: {listed(parts)}{more}."


def _mean(trial: TrialRecord) -> float:
    return Sample.of(trial.accuracies).mean
