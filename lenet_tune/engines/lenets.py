"""A group of LeNets trained by the fused engine, with Keras's own models, callbacks and histories around it.

It gives what `together.fit_together` gives, several times as fast: the engine knows the layers and shares
what models have in common. What it does not do (`check`) is left to `together`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras.callbacks import CallbackList, History

from lenet_tune.data import Split
from lenet_tune.engines import fused
from lenet_tune.engines.base import EpochResult, Execution, TrainingData
from lenet_tune.engines.together import Fit, Member
from lenet_tune.errors import SettingError

LISTENERS = (
    keras.callbacks.EarlyStopping,
    keras.callbacks.CSVLogger,
    keras.callbacks.ModelCheckpoint,
    keras.callbacks.TensorBoard,
)
"""Callbacks of Keras's that change nothing while a model trains, but for its end."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LeNetMember(Member):
    """A member whose model is that of an execution, at its initial weights."""

    execution: Execution


def check(fit: Fit, callbacks: Sequence[keras.callbacks.Callback]) -> None:
    """Pass where the fused engine can do what is asked.

    Raises:
        SettingError: it cannot; `together` can.
    """
    data = (fit.x, fit.y) if fit.held_out is None else (fit.x, fit.y, *fit.held_out)
    if fit.held_out is None or fit.order_seed is None:
        raise SettingError("The fused engine shuffles images, and measures on others.")
    if any(values.dtype != np.uint8 for values in data[::2]) or not all(map(_one_hot, data[1::2])):
        raise SettingError("The fused engine takes raw pixels in uint8, and one-hot labels.")
    if not all(type(callback) in LISTENERS for callback in callbacks):
        raise SettingError("The fused engine has no callbacks that change models as they train.")


def fit_lenets(members: Sequence[LeNetMember], fit: Fit) -> list[History]:
    """Train members of one skeleton as one program; the history of each, as `model.fit` gives it.

    Callbacks hear of epochs; weights and momentum are put into the models before they do.
    """
    heard = {
        m.execution.id: CallbackList(
            list(m.callbacks), add_history=True, model=m.model, epochs=m.epochs, verbose=0
        )
        for m in members
    }
    by_id = {m.execution.id: m for m in members}
    for member in members:
        member.model.stop_training = False
        member.model.optimizer.build(member.model.trainable_variables)
        heard[member.execution.id].on_train_begin()
    live = {m.execution.id for m in members if m.epochs > 0}

    def keep(result: EpochResult) -> bool:
        return result.id in live

    groups = fused.train_group([m.execution for m in members], _data(fit), keep=keep)
    epoch = 0
    while live:
        for identity in sorted(live):
            heard[identity].on_epoch_begin(epoch)
        group = next(groups)
        for result in group.results:
            member, logs = by_id[result.id], _logs(result)
            _put(group.checkpoint(result.id), member.model)
            heard[result.id].on_epoch_end(epoch, logs)
            if member.model.stop_training or epoch + 1 >= member.epochs:
                live.remove(result.id)
                heard[result.id].on_train_end(logs)
        epoch += 1
    return [member.model.history for member in members]


def _data(fit: Fit) -> TrainingData:
    if fit.held_out is None:
        raise SettingError("The engine of LeNets measures after each epoch: pass held-out images.")
    train, held_out = (
        Split(images=x, labels=y.argmax(axis=1).astype(np.int64)) for x, y in ((fit.x, fit.y), fit.held_out)
    )
    return TrainingData(train=train, held_out=held_out)


def _one_hot(values: np.ndarray) -> bool:
    return values.ndim == 2 and bool(
        ((values == 0) | (values == 1)).all() and (values.sum(axis=1) == 1).all()
    )


def _logs(result: EpochResult) -> dict[str, float]:
    return {
        "accuracy": result.train_accuracy,
        "loss": result.train_loss,
        "val_accuracy": result.held_out_accuracy,
        "val_loss": result.held_out_loss,
    }


def _put(state: Any, model: keras.Model) -> None:
    model.set_weights(list(state.weights))
    if state.velocities:
        for variable, value in zip(model.optimizer.momentums, state.velocities, strict=True):
            variable.assign(value)
