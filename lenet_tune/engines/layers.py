"""The fused counterpart of each supported Keras layer: add a part here to support another.

Letters: K models, B blocks, N images, h, w, c = height, width, channels, F features; `parts` has the forms.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from keras import layers

from lenet_tune.engines.backend import ops
from lenet_tune.engines.parts import Array, Context, Fused, Lanes, Maps, Part
from lenet_tune.engines.reading import as_keras, shared
from lenet_tune.engines.weighted import Convolution, Dense
from lenet_tune.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Input(Part):
    keras_type = layers.InputLayer


@dataclass(frozen=True, kw_only=True)
class Rescaling(Part):
    """Pixels times a scale plus an offset; the scales of a block are equal."""

    keras_type = layers.Rescaling

    @classmethod
    def fuse(cls, same: list[layers.Layer], lanes: Lanes) -> Fused:
        first = np.cumsum((0, *lanes.blocks[:-1]))
        dtype = same[0].compute_dtype
        vectors = {
            name: np.stack([np.atleast_1d(as_keras(getattr(same[k], name), dtype)) for k in first])
            for name in ("scale", "offset")
        }
        return Fused(part=cls(), vectors=vectors)

    def apply(self, x: Array, weights: tuple, vectors: dict, context: Context) -> tuple[Array, Array | None]:
        scale, offset = (vectors[name][:, None, None, None, :] for name in ("scale", "offset"))
        return x * scale + offset, None  # (B, N, h, w, c)


@dataclass(frozen=True, kw_only=True)
class Pooling(Part):
    """A pooling of either kind; models do not meet in it."""

    size: tuple[int, int]
    strides: tuple[int, int]
    padding: str
    kind: ClassVar[str]

    @classmethod
    def fuse(cls, same: list[layers.Layer], lanes: Lanes) -> Fused:
        shape = shared(same, "pool_size", "strides", "padding", "data_format")
        return Fused(part=cls(size=shape[0], strides=shape[1], padding=shape[2]))

    def apply(self, x: Maps, weights: tuple, vectors: dict, context: Context) -> tuple[Maps, Array | None]:
        if isinstance(x, list):
            return [self.apply(own, weights, vectors, context)[0] for own in x], None
        lead, maps = x.shape[:-4], x.shape[-3:]
        out = ops.pool(
            ops.reshape(x, (-1, *maps)) if lead else x,
            kind=self.kind,
            size=self.size,
            strides=self.strides,
            padding=self.padding,
        )
        return (ops.reshape(out, (*lead, -1, *out.shape[1:])) if lead else out), None


@dataclass(frozen=True, kw_only=True)
class AveragePooling(Pooling):
    keras_type = layers.AveragePooling2D
    kind = "average"


@dataclass(frozen=True, kw_only=True)
class MaxPooling(Pooling):
    keras_type = layers.MaxPooling2D
    kind = "max"


@dataclass(frozen=True, kw_only=True)
class Flatten(Part):
    keras_type = layers.Flatten

    def apply(self, x: Maps, weights: tuple, vectors: dict, context: Context) -> tuple[Array, Array | None]:
        if isinstance(x, list):
            return ops.stack([ops.reshape(own, (own.shape[0], -1)) for own in x]), None
        if len(x.shape) == 5:
            rows = ops.reshape(x, (*x.shape[:2], -1))  # (B, N, F)
            return ops.gather(rows, context.lanes.block_of), None
        n, h, w, _ = x.shape
        models = context.lanes.models
        rows = ops.transpose(ops.reshape(x, (n, h * w, models, -1)), (2, 0, 1, 3))  # (K, N, h * w, c)
        return ops.reshape(rows, (models, n, -1)), None


PARTS: dict[type, type[Part]] = {
    part.keras_type: part
    for part in (Input, Rescaling, Convolution, AveragePooling, MaxPooling, Flatten, Dense)
}


def fuse_layers(same: list[layers.Layer], lanes: Lanes) -> Fused:
    """The fused form of the layers that stand at one place of K models.

    Raises:
        SettingError: a type that has no counterpart, or layers that differ in more than numbers.
    """
    kinds = {type(layer) for layer in same}
    if len(kinds) > 1:
        raise SettingError(f"Models of one group must have the same layers, but one place has {kinds}.")
    part = PARTS.get(type(same[0]))
    if part is None:
        raise SettingError(
            f"Layer {same[0].name!r} is a {type(same[0]).__name__}, which cannot be fused: use one of "
            f"{', '.join(t.__name__ for t in PARTS)}, or the reference engine."
        )
    return part.fuse(same, lanes)
