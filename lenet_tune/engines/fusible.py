"""Which models of a user's own train fused, and why others do not: said by the name of the layer.

A model that passes is a chain of layers that Keras's own training step can run side by side with others
(`together`); what is refused here is trained by the reference engine, plain Keras.
"""

from collections.abc import Hashable
from itertools import pairwise
from typing import Any

import keras
from keras import Model, layers, losses, optimizers
from keras.src.models import Functional  # a model of layers has no public type

from lenet_tune.errors import SettingError

LAYERS = (
    layers.InputLayer,
    layers.Rescaling,
    layers.Conv2D,
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.GlobalMaxPooling2D,
    layers.GlobalAveragePooling2D,
    layers.Flatten,
    layers.Dense,
    layers.Dropout,
    layers.BatchNormalization,
    layers.Activation,
    layers.ReLU,
    layers.LeakyReLU,
    layers.ELU,
    layers.Softmax,
)
OPTIMIZERS = (optimizers.SGD, optimizers.Adam)
LOSSES = {
    "categorical_crossentropy": losses.CategoricalCrossentropy,
    "sparse_categorical_crossentropy": losses.SparseCategoricalCrossentropy,
    "mean_squared_error": losses.MeanSquaredError,
}
_WAY_OUT = "so the reference engine trains it"


def check(model: Model) -> None:
    """Pass where a compiled, built model can train fused.

    Raises:
        SettingError: it cannot; one line that names the layer, the optimizer or the loss.
    """
    if type(model) not in (keras.Sequential, Functional):
        raise SettingError(
            f"The model {model.name!r} is a {type(model).__name__}, not a Sequential or functional chain of "
            f"layers, {_WAY_OUT}."
        )
    for layer in model.layers:
        _check_layer(layer)
    _check_chain(model)
    if not model.compiled or model.run_eagerly:
        what = "runs eagerly" if model.compiled else "is not compiled"
        raise SettingError(f"The model {model.name!r} {what}, {_WAY_OUT}.")
    _check_optimizer(model.optimizer)
    _check_loss(model.loss)


def skeleton(model: Model) -> Hashable:
    """What models share where only their weights, seeds and learning rates may differ."""
    parts = [(type(layer).__name__, _plain(layer.get_config())) for layer in model.layers]
    shapes = [tuple(v.shape) for v in model.variables]
    optimizer = {k: v for k, v in model.optimizer.get_config().items() if k not in ("name", "learning_rate")}
    compiled = {k: v for k, v in model.get_compile_config().items() if k != "optimizer"}
    return repr((parts, shapes, type(model.optimizer).__name__, optimizer, compiled))


def _plain(config: Any) -> Any:
    """A layer's configuration without its name, its seeds and its initialisers."""
    if isinstance(config, dict):
        return {
            key: _plain(value)
            for key, value in config.items()
            if key not in ("name", "seed") and not key.endswith("_initializer")
        }
    return config


def _check_layer(layer: layers.Layer) -> None:
    if type(layer) not in LAYERS:
        raise SettingError(
            f"Layer {layer.name!r} is a {type(layer).__name__}, which cannot be fused (use one of "
            f"{', '.join(t.__name__ for t in LAYERS)}), {_WAY_OUT}."
        )
    activation = getattr(layer, "activation", None)
    if activation is not None and not getattr(activation, "__module__", "").startswith("keras."):
        name = getattr(activation, "__name__", type(activation).__name__)
        raise SettingError(
            f"Layer {layer.name!r} has the activation {name} of your own, which cannot be fused (use one of "
            f"Keras's), {_WAY_OUT}."
        )
    if layer.compute_dtype != layer.variable_dtype:
        raise SettingError(
            f"Layer {layer.name!r} computes in {layer.compute_dtype} on {layer.variable_dtype} weights, "
            f"which cannot be fused, {_WAY_OUT}."
        )


def _check_chain(model: Model) -> None:
    if not model.built:
        raise SettingError(f"The model {model.name!r} has no input shape yet, {_WAY_OUT}.")
    if type(model) is keras.Sequential:
        return
    for before, layer in pairwise(model.layers):
        try:
            follows = layer.input is before.output
        except AttributeError:  # used more than once
            follows = False
        if not follows:
            raise SettingError(
                f"Layer {layer.name!r} does not follow {before.name!r} alone, and only chains can be fused, "
                f"{_WAY_OUT}."
            )
    if len(model.outputs) != 1 or model.outputs[0] is not model.layers[-1].output:
        raise SettingError(f"The model {model.name!r} has more than one output, {_WAY_OUT}.")


def _check_optimizer(optimizer: Any) -> None:
    if type(optimizer) not in OPTIMIZERS:
        raise SettingError(
            f"The optimizer {type(optimizer).__name__} cannot be fused (use one of "
            f"{', '.join(t.__name__ for t in OPTIMIZERS)}), {_WAY_OUT}."
        )
    config = optimizer.get_config()
    special = [n for n in ("use_ema", "gradient_accumulation_steps", "loss_scale_factor") if config.get(n)]
    if isinstance(config["learning_rate"], dict):
        special.append("a learning rate schedule")
    if special:
        raise SettingError(
            f"The optimizer {type(optimizer).__name__} has {special[0]}, which cannot be fused, {_WAY_OUT}."
        )


def _check_loss(loss: Any) -> None:
    try:
        found = losses.get(loss) if isinstance(loss, str) else loss
    except ValueError:
        found = loss
    functions = [getattr(losses, name) for name in LOSSES]
    if found not in functions and type(found) not in LOSSES.values():
        name = getattr(found, "__name__", type(found).__name__)
        raise SettingError(f"The loss {name} cannot be fused (use one of {', '.join(LOSSES)}), {_WAY_OUT}.")
