"""Ending trials early that are doing badly, with an audit of what that would have cost.

Rule: after a quarter and after half of its epochs a trial whose accuracy lies below the median of all trials
that have got so far is stopped. It is the stopping form of successive halving (Jamieson and Talwalkar 2016;
Li et al. 2020, "A system for massively parallel hyperparameter tuning"), with two rungs and a factor of two.

Audit: a random share of the trials that the rule is against trains on all the same. How many of them end
above everything else says how often the rule loses the winner.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median

import numpy as np

from lenet_tune.engines.base import EpochResult, Execution
from lenet_tune.records import Definition, Ending
from lenet_tune.study import Study

LEAST = 6
"""Executions that must have got as far before any is stopped."""

AUDIT = 0.1
"""Share of the trials to be stopped that trains on all the same."""

_STREAM = 7919
"""Keeps the audit's random numbers apart from those of seeds and oracles."""


def rungs(epochs: int) -> tuple[int, ...]:
    """The epochs after which a trial of `epochs` is judged."""
    places = {math.ceil(epochs / 4), math.ceil(epochs / 2)}
    return tuple(sorted(place for place in places if 0 < place < epochs))


@dataclass(frozen=True, kw_only=True)
class Ruling:
    """What the rule says of a group's epoch.

    Args:
        endings: executions that stop now, those of the same trials that wait elsewhere included.
        audited: epoch at which the rule was against executions that train on all the same.
    """

    endings: Sequence[Ending] = ()
    audited: Mapping[tuple[int, int], int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StopRule:
    """The rule of one study.

    Args:
        seed: of the study.
        audit: share of the trials to be stopped that trains on.
    """

    seed: int
    audit: float

    @classmethod
    def of(cls, definition: Definition) -> "StopRule | None":
        """The rule that a study was begun with; None where every trial trains to its end."""
        audit = definition.options.get("stop_bad")
        return None if audit is None else cls(seed=definition.seed, audit=audit)

    def is_audited(self, trial: int) -> bool:
        """Whether a trial trains on whatever the rule says; the same at every rung."""
        return bool(np.random.default_rng([self.seed, trial, _STREAM]).random() < self.audit)

    def ruling(
        self,
        study: Study,
        results: Sequence[EpochResult],
        running: Mapping[tuple[int, int], Execution],
        ended: Sequence[Ending],
    ) -> Ruling:
        """Judge the executions of a group after an epoch.

        Args:
            results: of the epoch, not stored yet.
            running: the group's executions by id.
            ended: executions that ended by themselves in this epoch.
        """
        over = {(end.trial, end.repeat) for end in ended}
        judged = [r for r in results if r.id not in over and r.epoch in rungs(running[r.id].train.epochs)]
        against: dict[int, int] = {}
        for epoch in {r.epoch for r in judged}:
            own = {r.id: r.held_out_accuracy for r in results if r.epoch == epoch}
            reached = {**study.accuracies_at(epoch), **own}
            at_rung = {r.id: r.held_out_accuracy for r in judged if r.epoch == epoch}
            against |= dict.fromkeys(_below_median(at_rung, reached), epoch)
        stopped = {trial: epoch for trial, epoch in against.items() if not self.is_audited(trial)}
        return Ruling(
            endings=[
                Ending(trial=trial, repeat=repeat, outcome="stopped", stop_epoch=stopped[trial])
                for trial, repeat in study.unended(stopped)
                if (trial, repeat) not in over
            ],
            audited={r.id: against[r.trial] for r in judged if r.trial in against and r.trial not in stopped},
        )


def _below_median(
    judged: Mapping[tuple[int, int], float], reached: Mapping[tuple[int, int], float]
) -> set[int]:
    """Trials whose mean over the judged executions lies below the median of all that have got so far."""
    if len(reached) < LEAST:
        return set()
    middle = median(reached.values())
    by_trial: dict[int, list[float]] = {}
    for (trial, _), accuracy in judged.items():
        by_trial.setdefault(trial, []).append(accuracy)
    return {trial for trial, values in by_trial.items() if fmean(values) < middle}
