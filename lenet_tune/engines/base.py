"""What every engine takes and gives: executions in, epochs out.

An engine is a function `train_group(executions, data, *, keep) -> Iterator[GroupEpoch]`: it trains the
executions from their initial weights (or from a checkpoint), yields after every epoch, and ends when the
last execution has ended. Everything that is random is a function of the execution's two seeds, never of
its place in the group, so any engine and any grouping gives the same numbers within float tolerance.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from lenet_tune.config import LeNetConfig, TrainConfig
from lenet_tune.data import Split


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """An execution after `epoch` epochs: enough to go on as if never stopped.

    Args:
        weights: as `model.get_weights()` gives them.
        velocities: SGD's momentum of each weight, same shapes; empty without momentum.
    """

    epoch: int
    weights: tuple[np.ndarray, ...]
    velocities: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class Execution:
    """One seed of one trial, ready to train.

    Args:
        trial: number of the trial in its study.
        repeat: which of the trial's executions, from 0.
        seed: of the initial weights.
        order_seed: of the order of the images, epoch by epoch.
        start: where to go on; None starts from the initial weights.
        joined: epochs it had behind it when its group began to train.
        ended_after: the epoch after which it ended; such a member of a group that goes on is not trained, it
            only keeps its place (the composition of a group decides the last bits of its numbers).
        label: the trial's caption, for people.
    """

    trial: int
    repeat: int
    seed: int
    order_seed: int
    lenet: LeNetConfig
    train: TrainConfig
    start: Checkpoint | None = None
    joined: int = 0
    ended_after: int | None = None
    label: str = ""

    @property
    def id(self) -> tuple[int, int]:
        """(trial, repeat)."""
        return self.trial, self.repeat

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to train."""
        return self.ended_after is not None or self.first_epoch > self.train.epochs

    @property
    def first_epoch(self) -> int:
        """Number of the next epoch to train, from 1."""
        return 1 if self.start is None else self.start.epoch + 1


@dataclass(frozen=True, kw_only=True)
class EpochResult:
    """One epoch of one execution.

    Losses include the regularisers, as Keras reports them; training figures are means over the epoch's
    steps while the weights move, held-out figures are taken at its end.
    """

    trial: int
    repeat: int
    epoch: int
    train_loss: float
    train_accuracy: float
    held_out_loss: float
    held_out_accuracy: float
    seconds: float

    @property
    def id(self) -> tuple[int, int]:
        """(trial, repeat)."""
        return self.trial, self.repeat

    @property
    def diverged(self) -> bool:
        """Whether a loss is no longer a finite number: nothing after it can be trusted."""
        return not (math.isfinite(self.train_loss) and math.isfinite(self.held_out_loss))


@dataclass(frozen=True, kw_only=True, eq=False)
class GroupEpoch:
    """What a group gives after an epoch.

    Args:
        results: one for each execution that trained in it.
        checkpoint: the state of an execution of `results`, by id; valid until the next epoch is asked for.
        compile_seconds: part of the results' seconds spent on building the program.
    """

    results: tuple[EpochResult, ...]
    checkpoint: Callable[[tuple[int, int]], Checkpoint]
    compile_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """What an engine may see: images to train on, and held-out images to measure on after each epoch.

    Args:
        class_weights: factor of each class's images in the training loss, as Keras's `class_weight`: a step's
            loss is the mean over its images of loss times weight, plus the regularisers. None for 1.
    """

    train: Split
    held_out: Split
    class_weights: tuple[float, ...] | None = None


class Engine(Protocol):
    """The type of `train_group`."""

    def __call__(
        self,
        executions: Sequence[Execution],
        data: TrainingData,
        *,
        keep: Callable[[EpochResult], bool] = ...,
    ) -> Iterator[GroupEpoch]:
        """Train `executions`; one for which `keep` says no after an epoch ends there."""


def balanced_weights(split: Split, num_classes: int) -> tuple[float, ...]:
    """n / (k * images of the class) for each class, k classes being there: their mean over the images is 1.

    Source: King and Zeng (2001), as `class_weight="balanced"` of scikit-learn; 1 for a class without images.
    """
    counts = np.bincount(split.labels, minlength=num_classes)
    present = int((counts > 0).sum())
    return tuple(len(split) / (present * int(n)) if n else 1.0 for n in counts)


def keep_all(result: EpochResult) -> bool:
    """Let every execution train to its last epoch unless it diverged."""
    return not result.diverged


def epoch_order(order_seed: int, epoch: int, size: int) -> np.ndarray:
    """The order in which an epoch visits the training images: (size,) int64, a permutation."""
    return np.random.default_rng([order_seed, epoch]).permutation(size)
