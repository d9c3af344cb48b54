"""Executions of Keras Tuner's trials on their way through one program; see `fused_tuner`."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """What an execution gave: Keras's history, and the seconds of each epoch."""

    history: keras.callbacks.History
    seconds: Sequence[float]


def fit_jobs(jobs: Sequence[Job]) -> list[Trained]:
    """Train jobs of one key as one program; an epoch's seconds are shared by those that train in it."""
    clock, fit = Clock(), jobs[0].fit
    tickers = [Ticker(clock) for _ in jobs]
    members = [
        replace(job.member, callbacks=[ticker, *job.member.callbacks])
        for job, ticker in zip(jobs, tickers, strict=True)
    ]
    lenet_members = [member for member in members if isinstance(member, lenets.LeNetMember)]
    if lenet_members:  # a key has members of one kind
        histories = lenets.fit_lenets(lenet_members, fit)
    else:
        histories = together.fit_together(members, fit)
    return [
        Trained(history=history, seconds=ticker.seconds)
        for history, ticker in zip(histories, tickers, strict=True)
    ]


def trained_alone(results: Sequence[Any], seconds: float) -> list[Trained]:
    """What executions that trained one after the other gave, every epoch with an equal part of the seconds.

    Empty where a hypermodel's own `fit` gave other things than Keras's histories.
    """
    if not all(isinstance(result, keras.callbacks.History) for result in results):
        return []
    part = seconds / max(1, sum(len(history.epoch) for history in results))
    return [Trained(history=history, seconds=[part] * len(history.epoch)) for history in results]


class Clock:
    """The seconds of each epoch of a program, compilation in the first, and how many train in it."""

    def __init__(self) -> None:
        self._begun: dict[int, float] = {}
        self._live: Counter[int] = Counter()
        self._shares: dict[int, float] = {}

    def begin(self, epoch: int) -> None:
        """One more trains in an epoch."""
        self._begun.setdefault(epoch, time.perf_counter())
        self._live[epoch] += 1

    def share(self, epoch: int) -> float:
        """Seconds of an epoch that is over, for each that trained in it."""
        if epoch not in self._shares:
            self._shares[epoch] = (time.perf_counter() - self._begun[epoch]) / self._live[epoch]
        return self._shares[epoch]


class Ticker(keras.callbacks.Callback):
    """Notes a member's share of the seconds of each epoch."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """As Keras calls it."""
        self._clock.begin(epoch)

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """As Keras calls it."""
        self.seconds.append(self._clock.share(epoch))


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
