"""An engine that only waits, to measure everything around training: oracle, store, messages, workers."""

import os
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lenet_tune.engines.base import Checkpoint, EpochResult, Execution, GroupEpoch, TrainingData

WEIGHTS = 62_000
"""Numbers in a checkpoint: about a LeNet's of section 1."""

WAIT = "LENET_TUNE_SYNTHETIC_SECONDS"
"""Variable of the environment: seconds that an epoch of one execution takes."""


def train_group(
    executions: Sequence[Execution], data: TrainingData, *, keep: Callable[[EpochResult], bool]
) -> Iterator[GroupEpoch]:
    """Wait for each epoch as long as its executions take one after the other; accuracy follows the seed."""
    seconds = float(os.environ.get(WAIT, "0"))
    running = {e.id: e for e in executions if not e.is_over}
    epochs = {e.id: e.first_epoch for e in executions}
    weights = (np.zeros(WEIGHTS, np.float32),)
    while running:
        time.sleep(seconds * len(running))
        results = tuple(_result(e, epochs[e.id], seconds) for e in running.values())
        states = {r.id: Checkpoint(epoch=r.epoch, weights=weights) for r in results}
        yield GroupEpoch(results=results, checkpoint=states.__getitem__)
        for result in results:
            epochs[result.id] += 1
            if not keep(result) or epochs[result.id] > running[result.id].train.epochs:
                del running[result.id]


def _result(execution: Execution, epoch: int, seconds: float) -> EpochResult:
    draw = np.random.default_rng([execution.seed, execution.trial, epoch])
    loss, accuracy = draw.random(2)
    return EpochResult(
        trial=execution.trial,
        repeat=execution.repeat,
        epoch=epoch,
        train_loss=loss,
        train_accuracy=accuracy,
        held_out_loss=loss,
        held_out_accuracy=accuracy,
        seconds=seconds,
    )
