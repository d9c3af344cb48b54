"""How many trainable numbers a setting's network has, reckoned from its shapes without building it."""

from collections.abc import Mapping
from typing import Any

from lenet_tune.config import InputSpec, LeNetConfig
from lenet_tune.errors import LeNetTuneError
from lenet_tune.records import Definition, TrialRecord
from lenet_tune.space import configs

DENSE = 120
DENSE_MORE = 84
"""Units of the dense layers. Source: the report, section 1, as `model.build_lenet` builds them."""


def parameter_count(setting: Mapping[str, Any], data: Mapping[str, Any]) -> int | None:
    """Weights and biases of the setting's network for a study's data; None where it cannot be told.

    Args:
        data: `Definition.data`, of which image_shape and num_classes count.
    """
    try:
        shape, classes = tuple(data["image_shape"]), data["num_classes"]
        channels = (1.0,) * shape[2]
        spec = InputSpec(image_shape=shape, num_classes=classes, channel_mean=channels, channel_std=channels)
        return _count(configs(setting, spec)[0])
    except (LeNetTuneError, LookupError, TypeError):
        return None


def trial_parameters(trial: TrialRecord, definition: Definition) -> int | None:
    """`parameter_count` of a study's trial; None for a model of the user's own."""
    return None if definition.is_own_model else parameter_count(trial.setting, definition.data)


def _count(lenet: LeNetConfig) -> int:
    total, incoming = 0, lenet.input.image_shape[2]
    for filters in lenet.filters:
        total += filters * (incoming * lenet.kernel_size**2 + lenet.conv_bias)
        incoming = filters
    height, width = lenet.map_shapes[-1]
    incoming *= height * width
    for units in (DENSE, *((DENSE_MORE,) if lenet.dense_84 else ()), lenet.input.num_classes):
        total += units * (incoming + 1)
        incoming = units
    return total
