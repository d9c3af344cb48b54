"""What the values of a good setting are worth: paired differences of an ablation study over common seeds.

A change's difference is the accuracy with it minus that of the setting as it is, seed by seed: below 0 where
the setting owes something to its own value. Two-sided t-tests, with Holm's correction over all changes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from lenet_tune.ablation import ALL
from lenet_tune.analysis.inference import LEVEL, Interval, Sample, holm, mean_interval, p_above
from lenet_tune.analysis.paired import last_epoch, seed_pairs
from lenet_tune.analysis.text import count, listed, percent, points
from lenet_tune.records import ExecutionRecord, Snapshot, TrialRecord

WORSE, BETTER, TIE = "worse", "better", "cannot be told"
ONE_SEED, NO_SCORE, WAITS = "one seed only", "no score", "not ended"
LATE = 6
"""What the late mean is taken over: one part in so many of the epochs, the last."""
METHOD = (
    "Each row trains the setting with one change, from the same seeds, and takes the difference from the "
    "setting as it is, seed by seed. All its other values stay, so a value that is only worth something "
    "together with another one counts for both. Intervals are 95 % of single means; a change is called worse "
    "or better where a t-test over the seeds says so with Holm's correction over all changes (5 %). At a "
    "constant learning rate one epoch's accuracy scatters, so the same is said of the late mean: of the last "
    "sixth of the epochs."
)


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What a change does to one measure.

    Args:
        sample: of the differences over common seeds, fractions; None without one.
        interval: of their mean, 95 %; None below two seeds.
        verdict: `WORSE` (the setting owes something to its own value), `BETTER`, `TIE`, or why there is none.
    """

    sample: Sample | None
    interval: Interval | None
    verdict: str

    @property
    def is_told(self) -> bool:
        """Whether it is beyond luck."""
        return self.verdict in (WORSE, BETTER)


@dataclass(frozen=True, kw_only=True)
class Worth:
    """One change.

    Args:
        trial: its number.
        last: on the accuracy after the last epoch, the score.
        late: on the mean accuracy over the last sixth of the epochs.
        lost: seeds with which the changed setting came to nothing.
    """

    trial: int
    label: str
    last: Effect
    late: Effect
    lost: int


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
    last, late = (_effects(whole, changed, measure) for measure in (last_epoch, late_mean))
    found = [
        Worth(
            trial=trial.number,
            label=trial.label,
            last=last[trial.number],
            late=late[trial.number],
            lost=sum(e.outcome in ("diverged", "failed") for e in trial.executions),
        )
        for trial in changed
    ]
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


def late_epochs(execution: ExecutionRecord) -> int:
    """The last sixth of an execution's epochs, one at least: how many they are."""
    return max(1, len(execution.epochs) // LATE)


def late_mean(execution: ExecutionRecord) -> float | None:
    """Mean accuracy over the last sixth of a finished execution's epochs."""
    if execution.accuracy is None:
        return None
    return fmean(e.held_out_accuracy for e in execution.epochs[-late_epochs(execution) :])


def _effects(whole: TrialRecord, changed: Sequence[TrialRecord], measure: Callable) -> dict[int, Effect]:
    """What each changed trial does to a measure, by its number, corrected for their count."""
    samples = {}
    for trial in changed:
        differences = [b - a for a, b in seed_pairs(whole, trial, measure)]
        samples[trial.number] = Sample.of(differences) if differences else None
    chances = {str(number): p for number, sample in samples.items() if (p := _chance(sample)) is not None}
    corrected = holm(chances, len(changed))
    return {
        trial.number: Effect(
            sample=sample,
            interval=None if sample is None else mean_interval(sample),
            verdict=_verdict(trial, sample, corrected.get(str(trial.number))),
        )
        for trial, sample in zip(changed, samples.values(), strict=True)
    }


def _chance(sample: Sample | None) -> float | None:
    """Two-sided p-value of no difference; None below two seeds."""
    above = None if sample is None else p_above(sample, 0.0)
    return None if above is None else min(1.0, 2 * min(above, 1 - above))


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
    return (worth.last.verdict != NO_SCORE, worth.last.sample.mean if worth.last.sample else 0.0)


def ablation_words(found: Ablated) -> str:
    """The answer in a few sentences."""
    start = f"Trial {found.trial} of {found.study} has {percent(_mean(found.whole), 1)} as it is"
    if found.together is not None and found.together.last.sample is not None:
        start += f", {found.towards} {points(found.together.last.sample.mean, signed=True)} beside it"
    told = _told([(worth.label, worth.last) for worth in found.changes])
    late = _told([(worth.label, worth.late) for worth in found.changes])
    one = "No single change can be told from luck yet" if told is None else f"One change at a time: {told}"
    if late is None or [w.last.verdict for w in found.changes] == [w.late.verdict for w in found.changes]:
        return f"{start}. {one}."
    epochs = max(late_epochs(e) for e in found.whole.executions)
    return f"{start}. {one}. By the mean of the last {count(epochs, 'epoch')}: {late}."


def _told(effects: Sequence[tuple[str, Effect]]) -> str | None:
    """The changes that are beyond luck, and how many are not; None where none is."""
    told = [(label, effect.sample.mean) for label, effect in effects if effect.is_told and effect.sample]
    if not told:
        return None
    rest = len(effects) - len(told)
    more = f"; {count(rest, 'other change')} cannot be told from luck" if rest else ""
    return listed(f"{label} {points(mean, signed=True)}" for label, mean in told) + more


def _mean(trial: TrialRecord) -> float:
    return Sample.of(trial.accuracies).mean
