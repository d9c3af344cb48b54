"""Fused training of a user's own models: the training steps of K Keras models as one program.

Each model keeps its layers, optimizer, loss and metrics, and Keras's own code makes the step of each; what is
fused is the program around them: whole epochs on the device, the batch gathered once for all models, and no
Python between steps. So the numbers are those of `model.fit`, dropout and batch normalisation included.
Letters: K models, n images.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import Model
from keras.callbacks import Callback, CallbackList, History

from lenet_tune.engines import fusible
from lenet_tune.engines.base import epoch_order
from lenet_tune.errors import SettingError

if keras.backend.backend() == "tensorflow":
    from lenet_tune.engines import tf_models as backend
else:
    from lenet_tune.engines import jax_models as backend  # type: ignore[no-redef]


@dataclass(frozen=True, kw_only=True, eq=False)
class Fit:
    """What all models of a group are fitted to, and how; as `model.fit` takes it.

    Args:
        x: (n, ...) images; y: (n, ...) answers.
        held_out: images and answers to measure on after each epoch, or None.
        order_seed: of the order of the images, epoch by epoch; None keeps them as they are.
        lowering: how the models lie in the program; None chooses by device.
    """

    x: np.ndarray
    y: np.ndarray
    held_out: tuple[np.ndarray, np.ndarray] | None = None
    batch_size: int = 32
    held_out_batch_size: int | None = None
    order_seed: int | None = None
    lowering: str | None = None

    @property
    def lies(self) -> str:
        """How the models lie in the program."""
        return self.lowering or backend.default_lowering()

    def order(self, epoch: int) -> np.ndarray:
        """The order of the images in an epoch, from 1: (n,) int32."""
        n = len(self.x)
        order = np.arange(n) if self.order_seed is None else epoch_order(self.order_seed, epoch, n)
        return order.astype(np.int32)


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """A compiled model, the epochs it trains for, and the callbacks of Keras's that it has to itself."""

    model: Model
    epochs: int
    callbacks: Sequence[Callback] = ()


def build(model: Model, fit: Fit) -> None:
    """Give a model all its variables, weights, metrics' and optimizer's, as `model.fit` does at first."""
    if not model.built:
        model.build((None, *fit.x.shape[1:]))
    model._symbolic_build(data_batch=(as_keras(fit.x[:1]), as_keras(fit.y[:1])))


def group_key(model: Model, fit: Fit) -> Hashable:
    """What models must share to lie in one program."""
    return fusible.skeleton(model) if fit.lies == "stacked" else None


def fit_together(members: Sequence[Member], fit: Fit) -> list[History]:
    """Train the members as one program; the history of each, as `model.fit` gives it.

    Callbacks hear of epochs, not of batches. A member that has had its epochs, or whose callbacks stop it,
    leaves the program.

    Raises:
        SettingError: a model that cannot be fused, or models that cannot lie in one program.
    """
    for member in members:
        build(member.model, fit)
        fusible.check(member.model)
    if len({group_key(member.model, fit) for member in members}) > 1:
        raise SettingError("Models that are stacked must have one skeleton: group them by `group_key`.")
    heard = [
        CallbackList(list(m.callbacks), add_history=True, model=m.model, epochs=m.epochs, verbose=0)
        for m in members
    ]
    for member, callbacks in zip(members, heard, strict=True):
        member.model.stop_training = False
        callbacks.on_train_begin()
    live = [k for k, member in enumerate(members) if member.epochs > 0]
    programs, epoch = None, 0
    while live:
        programs = programs or _Programs([members[k].model for k in live], fit)
        for k in live:
            heard[k].on_epoch_begin(epoch)
        logs = programs.epoch(epoch + 1)
        for k, own in zip(live, logs, strict=True):
            heard[k].on_epoch_end(epoch, own)
        epoch += 1
        over = [k for k in live if members[k].model.stop_training or epoch >= members[k].epochs]
        for k in over:
            heard[k].on_train_end(logs[live.index(k)])
        if over:
            live, programs = [k for k in live if k not in over], None
    return [member.model.history for member in members]


class _Programs:
    """The programs of models that train on together."""

    def __init__(self, models: list[Model], fit: Fit) -> None:
        self.models, self.fit = models, fit
        self.images = _on_device(fit.x, fit.y)
        self.train = backend.program(models, "train_step", fit.batch_size, fit.lies)
        if fit.held_out is not None:
            self.held_out = _on_device(*fit.held_out)
            batch = fit.held_out_batch_size or fit.batch_size
            self.measure = backend.program(models, "test_step", batch, fit.lies)

    def epoch(self, number: int) -> list[dict[str, float]]:
        """Train all models for an epoch, measure them, and give the logs of each."""
        logs = self._pass(self.train, self.images, self.fit.order(number))
        if self.fit.held_out is not None:
            order = np.arange(len(self.fit.held_out[0]), dtype=np.int32)
            measured = self._pass(self.measure, self.held_out, order)
            for own, more in zip(logs, measured, strict=True):
                own.update({f"val_{name}": value for name, value in more.items()})
        return logs

    def _pass(self, program: Callable[..., Any], data: tuple, order: np.ndarray) -> list[dict[str, float]]:
        for model in self.models:
            model.reset_metrics()
        program(*data, keras.ops.convert_to_tensor(order))
        return [
            {name: float(value) for name, value in model.get_metrics_result().items()}
            for model in self.models
        ]


def _on_device(x: np.ndarray, y: np.ndarray) -> tuple:
    return tuple(keras.ops.convert_to_tensor(as_keras(values)) for values in (x, y))


def as_keras(values: np.ndarray) -> np.ndarray:
    """An array as `model.fit` takes it: floating point numbers in Keras's own precision."""
    values = np.asarray(values)
    return values.astype(keras.config.floatx()) if values.dtype.kind == "f" else values
