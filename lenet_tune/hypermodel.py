"""`LeNetHyperModel`: the knobs as a Keras Tuner search space, and the network they describe.

It works in this package's searches and, unchanged, in stock `keras_tuner.RandomSearch`, `GridSearch` and
`BayesianOptimization`. About 22 settings in 100 of the full space are infeasible; a stock tuner counts
each as a failed trial and stops after three in a row: give it `max_consecutive_failed_trials=20`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras_tuner.engine import hyperparameters
from keras_tuner.engine.hyperparameters import HyperParameter
from keras_tuner.src.engine.conditions import Parent  # conditions have no public name

from lenet_tune.config import InputSpec
from lenet_tune.data import Split, channel_statistics
from lenet_tune.errors import InfeasibleError, SettingError
from lenet_tune.knobs import BY_NAME, KNOBS, Knob, Range
from lenet_tune.model import build_lenet, compile_lenet
from lenet_tune.space import SHAPE_KNOBS, Setting, Space, complete, configs, default_in, is_feasible


class LeNetHyperModel(keras_tuner.HyperModel):
    """The LeNet family as a function of Keras Tuner's `HyperParameters`.

    Args:
        spec: what the networks see. A space with `normalization=standardize` needs its channel
            statistics: `LeNetHyperModel.for_data(images, labels)` takes them from training images.
        space: what is searched; the full space by default.
        seed: of the initial weights of every network built.
        name: for Keras Tuner.

    Raises:
        SettingError: the space may standardize, but `spec` has no channel statistics.
        InfeasibleError: no network of the space can be built for `spec`.

    Example:
        hypermodel = LeNetHyperModel.for_data(images, labels, seed=0)
        tuner = keras_tuner.RandomSearch(
            hypermodel, keras_tuner.Objective("val_accuracy", "max"), max_consecutive_failed_trials=20
        )
        tuner.search(images, labels, validation_split=0.2)
    """

    def __init__(
        self,
        spec: InputSpec,
        *,
        space: Space | None = None,
        seed: int = 0,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.spec = spec
        self.space = Space.full() if space is None else space
        self.seed = seed
        check_statistics(self.space, spec)
        self.defaults = defaults_within(self.space, spec)

    @classmethod
    def for_data(
        cls, images: np.ndarray, labels: np.ndarray, *, space: Space | None = None, seed: int = 0
    ) -> "LeNetHyperModel":
        """The hypermodel for training images: shape, classes and channel statistics are taken from them.

        Args:
            images: (n, h, w, c) uint8, raw 0..255.
            labels: (n,) integers, or (n, num_classes) one-hot.
        """
        labels = np.asarray(labels)
        classes = labels.shape[1] if labels.ndim == 2 and labels.shape[1] > 1 else int(labels.max()) + 1
        mean, std = channel_statistics(Split(images=images, labels=_as_integers(labels)))
        height, width, channels = map(int, images.shape[1:])
        spec = InputSpec(
            image_shape=(height, width, channels),
            num_classes=max(2, classes),
            channel_mean=tuple(float(v) for v in mean),
            channel_std=tuple(float(v) for v in std),
        )
        return cls(spec, space=space, seed=seed)

    def declare(self, hp: keras_tuner.HyperParameters) -> None:
        """Declare every knob that can count in the space, in table order, each under its conditions.

        Declaring again changes nothing; a knob that `hp` already has keeps its own range.
        """
        # Not by `hp.conditional_scope`: it cannot nest scopes of two independent parents (conv_bias, depth),
        # and Keras Tuner would build a network for every scope, some of which cannot be built.
        hp.merge(
            [
                _hyperparameter(knob, self.space, self.defaults[knob.name])
                for knob in KNOBS
                if self.space.can_count(knob)
            ],
            overwrite=False,
        )

    def declare_hyperparameters(self, hp: keras_tuner.HyperParameters) -> None:
        """Keras Tuner's name for `declare`."""
        self.declare(hp)

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """The compiled network of `hp`; its input is raw pixels.

        Raises:
            keras_tuner.errors.FailedTrialError: no network can be built; Keras Tuner does not try again.
        """
        self.declare(hp)
        try:
            lenet, train = configs(self.values_to_setting(hp), self.spec)
        except InfeasibleError as error:
            raise keras_tuner.errors.FailedTrialError(str(error)) from error
        model = compile_lenet(build_lenet(lenet, seed=self.seed), train)
        # So that Keras Tuner's `get_best_models` finds a place for the saved momentum.
        model.optimizer.build(model.trainable_variables)
        return model

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        x: np.ndarray,
        y: np.ndarray,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Train with `hp`'s batch size, and its epochs where the caller names none.

        Args:
            x: (n, h, w, c) raw images.
            y: (n,) integer labels or (n, num_classes) one-hot; the same goes for `validation_data`.
            kwargs: for `model.fit`.
        """
        return model.fit(**self.fit_arguments(hp, {"x": x, "y": y, **kwargs}))

    def fit_arguments(self, hp: keras_tuner.HyperParameters, given: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of `model.fit`: one-hot labels, and `hp`'s batch size and epochs if none is given."""
        setting = self.values_to_setting(hp)
        named = {name: value for name, value in given.items() if value is not None}
        found = {"epochs": setting["epochs"], "batch_size": setting["batch_size"], **named}
        found["y"] = self.one_hot(found["y"])
        if "validation_data" in found:
            images, labels, *weights = found["validation_data"]
            found["validation_data"] = (images, self.one_hot(labels), *weights)
        return found

    def one_hot(self, labels: np.ndarray) -> np.ndarray:
        """(n, num_classes) float32 labels, from integers (n,) or (n, 1), or from one-hot ones."""
        labels = np.asarray(labels)
        if labels.ndim == 2 and labels.shape[1] == self.spec.num_classes:
            return labels.astype(np.float32)
        return np.eye(self.spec.num_classes, dtype=np.float32)[_as_integers(labels)]

    def values_to_setting(self, hp: keras_tuner.HyperParameters) -> Setting:
        """The setting that the values of `hp` stand for: active knobs only, the rest of the space's fixed."""
        return complete({**self.defaults, **{n: v for n, v in hp.values.items() if n in BY_NAME}})


def check_statistics(space: Space, spec: InputSpec) -> None:
    """Raise `SettingError` where the space may standardize but `spec` has no channel statistics."""
    if "standardize" in space.domains["normalization"] and spec.channel_std is None:
        raise SettingError(
            "`normalization` standardize needs the channel statistics of the training images: use "
            "LeNetHyperModel.for_data(images, labels), or a space without standardize."
        )


def feasible_shapes(space: Space, spec: InputSpec) -> list[Setting]:
    """The values of `SHAPE_KNOBS` in the space for which a network can be built, in table order.

    Raises:
        InfeasibleError: there are none.
    """
    shapes = [{n: s[n] for n in SHAPE_KNOBS if n in s} for s in space.shapes() if is_feasible(s, spec)]
    if not shapes:
        configs(next(space.shapes()), spec)  # raises with the place where it does not fit
    return shapes


def defaults_within(space: Space, spec: InputSpec) -> dict[str, Any]:
    """A value for every knob that makes a feasible setting of the space, near the knobs' own defaults.

    Raises:
        InfeasibleError: there is none.
    """
    defaults = {name: default_in(BY_NAME[name], domain) for name, domain in space.domains.items()}
    if is_feasible(defaults, spec):
        return defaults
    shapes: Sequence[Mapping[str, Any]] = feasible_shapes(space, spec)
    nearest = max(shapes, key=lambda s: sum(defaults[name] == value for name, value in s.items()))
    return {**defaults, **nearest}


def _hyperparameter(knob: Knob, space: Space, default: Any) -> HyperParameter:
    domain = space.domains[knob.name]
    when = [
        Parent(parent, [v for v in allowed if v in space.domains[parent]])
        for parent, allowed in knob.active_if
    ]
    if isinstance(domain, Range):
        sampling = "log" if domain.log else "linear"
        return hyperparameters.Float(
            knob.name, domain.low, domain.high, sampling=sampling, default=default, conditions=when
        )
    values = [float(v) for v in domain.values] if isinstance(knob.default, float) else list(domain.values)
    if len(values) == 1:
        return hyperparameters.Fixed(knob.name, values[0], conditions=when)
    if isinstance(knob.default, bool):
        return hyperparameters.Boolean(knob.name, default=default, conditions=when)
    return hyperparameters.Choice(knob.name, values, default=default, conditions=when)


def _as_integers(labels: np.ndarray) -> np.ndarray:
    if labels.ndim == 2:
        labels = labels.argmax(axis=1) if labels.shape[1] > 1 else labels[:, 0]
    return labels.astype(np.int64)
