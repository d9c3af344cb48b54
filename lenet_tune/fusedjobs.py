"""Executions of Keras Tuner's trials on their way through one program; see `fused_tuner`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras_tuner.src.engine import tuner_utils  # it has no public name
from keras_tuner.src.engine.trial import Trial

from lenet_tune.engines import lenets, together
from lenet_tune.engines.together import Fit, Member
from lenet_tune.fusion import skeleton_key


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """One execution of a trial, ready to be fitted."""

    trial: Trial
    execution: int
    member: Member
    fit: Fit

    @property
    def key(self) -> tuple:
        """What jobs of one program share."""
        own = self.member
        if isinstance(own, lenets.LeNetMember):
            return self.execution, skeleton_key(own.execution)
        return self.execution, self.fit.batch_size, together.group_key(own.model, self.fit)


def fit_jobs(jobs: Sequence[Job]) -> list[keras.callbacks.History]:
    """Train jobs of one key as one program."""
    members, fit = [job.member for job in jobs], jobs[0].fit
    lenet_members = [member for member in members if isinstance(member, lenets.LeNetMember)]
    if lenet_members:  # a key has members of one kind
        return lenets.fit_lenets(lenet_members, fit)
    return together.fit_together(members, fit)


class Shared:
    """The best value over the executions of a trial."""

    value: float | None = None


class SaveBest(tuner_utils.SaveBestEpoch):
    """Keras Tuner's own, for executions that train side by side: they share the best value."""

    def __init__(self, objective: Any, filepath: str, best: Shared) -> None:
        self._best = best
        super().__init__(objective, filepath)

    @property
    def best_value(self) -> float | None:
        """Of the objective, over all executions."""
        return self._best.value

    @best_value.setter
    def best_value(self, value: float) -> None:
        self._best.value = value
