"""The reference engine: plain Keras, one model at a time; short, and the oracle of the fused engine."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from keras import Model, ops

from lenet_tune.data import Split
from lenet_tune.engines.base import (
    Checkpoint,
    EpochResult,
    Execution,
    GroupEpoch,
    TrainingData,
    epoch_order,
    keep_all,
)
from lenet_tune.model import build_lenet, compile_lenet

EVALUATION_BATCH = 1000  # images; changes the speed, not the result


def train_group(
    executions: Sequence[Execution],
    data: TrainingData,
    *,
    keep: Callable[[EpochResult], bool] = keep_all,
) -> Iterator[GroupEpoch]:
    """Train the executions one after the other; see `base` for the contract."""
    for execution in executions:
        if not execution.is_over:
            yield from _train(execution, data, keep)


def _train(
    execution: Execution, data: TrainingData, keep: Callable[[EpochResult], bool]
) -> Iterator[GroupEpoch]:
    model = initial_model(execution)
    classes = execution.lenet.input.num_classes
    labels = one_hot(data.train, classes)  # (n, classes) float32
    held_out_labels = one_hot(data.held_out, classes)
    class_weight = None if data.class_weights is None else dict(enumerate(data.class_weights))
    for epoch in range(execution.first_epoch, execution.train.epochs + 1):
        started = time.perf_counter()
        order = epoch_order(execution.order_seed, epoch, len(data.train))
        history = model.fit(
            data.train.images[order],
            labels[order],
            batch_size=execution.train.batch_size,
            epochs=1,
            shuffle=False,
            class_weight=class_weight,
            verbose=0,
        ).history
        held_out = model.evaluate(
            data.held_out.images,
            held_out_labels,
            batch_size=EVALUATION_BATCH,
            verbose=0,
            return_dict=True,
        )
        result = EpochResult(
            trial=execution.trial,
            repeat=execution.repeat,
            epoch=epoch,
            train_loss=history["loss"][0],
            train_accuracy=history["accuracy"][0],
            held_out_loss=held_out["loss"],
            held_out_accuracy=held_out["accuracy"],
            seconds=time.perf_counter() - started,
        )
        yield GroupEpoch(results=(result,), checkpoint=partial(_checkpoint, model, epoch))
        if not keep(result):
            return


def one_hot(split: Split, classes: int) -> np.ndarray:
    """(n, classes) float32 labels: both losses take them so."""
    return np.eye(classes, dtype=np.float32)[split.labels]


def initial_model(execution: Execution) -> Model:
    """The execution's compiled Keras model at the place where its training starts."""
    model = compile_lenet(build_lenet(execution.lenet, seed=execution.seed), execution.train)
    if execution.start is not None:
        model.set_weights(list(execution.start.weights))
        model.optimizer.build(model.trainable_variables)
        if execution.train.momentum:
            for variable, value in zip(model.optimizer.momentums, execution.start.velocities, strict=True):
                variable.assign(value)
    return model


def _checkpoint(model: Model, epoch: int, _: tuple[int, int]) -> Checkpoint:
    velocities = getattr(model.optimizer, "momentums", None) or ()
    return Checkpoint(
        epoch=epoch,
        weights=tuple(model.get_weights()),
        velocities=tuple(np.array(ops.convert_to_numpy(v)) for v in velocities),
    )
