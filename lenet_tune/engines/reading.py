"""What the fused engine reads off Keras layers: shared attributes, activations, L2 factors, constants."""

import numpy as np
from keras import Model, activations, layers, regularizers
from keras import ops as keras_ops

from lenet_tune.errors import SettingError

ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh", "softmax")


def shared(same: list[layers.Layer], *names: str) -> tuple:
    """The values of attributes that all layers must share; lists become tuples."""
    values = {tuple(_frozen(getattr(layer, name)) for name in names) for layer in same}
    if len(values) > 1:
        raise SettingError(
            f"Layers {same[0].name!r} of one group must agree in {', '.join(names)}, but differ."
        )
    (found,) = values
    if "data_format" in names and found[names.index("data_format")] != "channels_last":
        raise SettingError(f"Layer {same[0].name!r} must have `data_format` channels_last to be fused.")
    return found


def activation_name(layer: layers.Layer) -> str:
    """The name of a layer's activation, softmax included."""
    for name in ACTIVATIONS:
        if layer.activation is getattr(activations, name):
            return name
    raise SettingError(
        f"Layer {layer.name!r} has an activation that cannot be fused: {layer.activation!r}. "
        f"Use one of {', '.join(ACTIVATIONS)}, or the reference engine."
    )


def l2_factor(layer: layers.Layer, what: str) -> float:
    """The factor of a layer's L2 regulariser of its "kernel", "bias" or "activity"; 0 where it has none."""
    regularizer = getattr(layer, f"{what}_regularizer")
    if regularizer is None or (what == "bias" and layer.bias is None):
        return 0.0
    if type(regularizer) is not regularizers.L2:
        raise SettingError(
            f"Layer {layer.name!r} has a {what} regulariser that cannot be fused: "
            f"{type(regularizer).__name__}. Use L2, or the reference engine."
        )
    return float(regularizer.l2)


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def as_keras(value: object, dtype: str) -> np.ndarray:
    """A constant as Keras's layers round it: in float64 on TensorFlow, to float32 first."""
    return keras_ops.convert_to_numpy(keras_ops.cast(value, dtype))


def scaling(model: Model) -> tuple:
    """A hashable form of the numbers in a model's Rescaling layers."""
    scales = [layer for layer in model.layers if isinstance(layer, layers.Rescaling)]
    return tuple((repr(layer.scale), repr(layer.offset)) for layer in scales)
