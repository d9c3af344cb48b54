"""The fused counterpart of each supported Keras layer: K layers that differ in numbers become one.

A part is static (what the compiled program depends on); weights and vectors are its arrays. What flows
between parts has one of three forms, told apart by rank:
shared maps (B, N, h, w, c), before the first weights: one batch a block of models;
wide maps (N, h, w, K * c), the channels of model 0, then those of model 1, ...;
rows (K, N, F).
Letters: K models, B blocks, N images, h, w, c = height, width, channels, f filters, F features, U units.
"""

import itertools
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from keras import Model, activations, layers, regularizers
from keras import ops as keras_ops

from lenet_tune.engines.backend import ops
from lenet_tune.engines.lowering import LOWERINGS, conv_shared
from lenet_tune.errors import SettingError

Array = ops.Array

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
}


@dataclass(frozen=True, kw_only=True)
class Lanes:
    """The K models of a program, side by side.

    Args:
        blocks: sizes of the runs of models that see the same batch, scaled the same way; they add up to K.
        lowering: how convolutions run, a key of `LOWERINGS`.
    """

    blocks: tuple[int, ...]
    lowering: str

    @property
    def models(self) -> int:
        """K."""
        return sum(self.blocks)

    @property
    def block_of(self) -> np.ndarray:
        """(K,) int32, the block of each model."""
        return np.repeat(np.arange(len(self.blocks), dtype=np.int32), self.blocks)


@dataclass(frozen=True, kw_only=True, eq=False)
class Fused:
    """K Keras layers as one: the static part and its arrays.

    Args:
        weights: trainable arrays (K, ...), in Keras's order.
        present: (K,) bool for each weight: whether the model has it; an absent bias is zero and stays so.
        vectors: numbers that differ by model, each (K,) or (B, c).
    """

    part: "Part"
    weights: tuple[np.ndarray, ...] = ()
    present: tuple[np.ndarray, ...] = ()
    vectors: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Context:
    """What parts may need of a step: the lanes, and the weight (N,) of each image in a mean."""

    lanes: Lanes
    image_weights: Array


@dataclass(frozen=True, kw_only=True)
class Part:
    """Base of all parts: does nothing, has no arrays."""

    keras_type: ClassVar[type]

    @classmethod
    def fuse(cls, same: list[layers.Layer], lanes: Lanes) -> Fused:
        """The fused form of K layers, or SettingError where they cannot be fused."""
        return Fused(part=cls())

    def apply(self, x: Array, weights: tuple, vectors: dict, context: Context) -> tuple[Array, Array | None]:
        """The outputs, and the penalty (K,) that each model's loss gets from this layer, or None."""
        return x, None


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
            name: np.stack([np.atleast_1d(np.asarray(getattr(same[k], name), dtype)) for k in first])
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

    def apply(self, x: Array, weights: tuple, vectors: dict, context: Context) -> tuple[Array, Array | None]:
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

    def apply(self, x: Array, weights: tuple, vectors: dict, context: Context) -> tuple[Array, Array | None]:
        if len(x.shape) == 5:
            rows = ops.reshape(x, (*x.shape[:2], -1))  # (B, N, F)
            return ops.gather(rows, context.lanes.block_of), None
        n, h, w, _ = x.shape
        models = context.lanes.models
        rows = ops.transpose(ops.reshape(x, (n, h * w, models, -1)), (2, 0, 1, 3))  # (K, N, h * w, c)
        return ops.reshape(rows, (models, n, -1)), None


@dataclass(frozen=True, kw_only=True)
class Weighted(Part):
    """What convolution and dense share: bias, activation and L2 factors, any of which may differ by model.

    Args:
        bias: whether any model has a bias.
        kinds: activations that occur in the group.
        penalties: which of "kernel", "bias" and "activity" have an L2 factor anywhere in the group.
    """

    bias: bool
    kinds: tuple[str, ...]
    penalties: tuple[str, ...]

    @classmethod
    def arrays(cls, same: list[layers.Layer]) -> dict:
        """`Fused` arguments but for the part, and the part's arguments of this class."""
        dtype = same[0].compute_dtype
        kernels = np.stack([keras_ops.convert_to_numpy(layer.kernel) for layer in same])
        has_bias = np.array([layer.bias is not None for layer in same])
        biases = np.zeros((len(same), kernels.shape[-1]), kernels.dtype)
        for k in np.flatnonzero(has_bias):
            biases[k] = keras_ops.convert_to_numpy(same[k].bias)
        names = [activation_name(layer) for layer in same]
        factors = {
            what: np.array([l2_factor(layer, what) for layer in same], dtype)
            for what in ("kernel", "bias", "activity")
        }
        vectors = {f"l2_{what}": values for what, values in factors.items() if values.any()}
        vectors |= {kind: np.array([name == kind for name in names]) for kind in set(names)}
        static = {
            "bias": bool(has_bias.any()),
            "kinds": tuple(sorted(set(names))),
            "penalties": tuple(what for what, values in factors.items() if values.any()),
        }
        weights = (kernels, biases) if static["bias"] else (kernels,)
        present = (np.ones(len(same), bool), has_bias)[: len(weights)]
        return {"static": static, "weights": weights, "present": present, "vectors": vectors}

    def without_activation(self) -> "Weighted":
        """The same part, its activation left to the head."""
        return replace(self, kinds=("linear",))

    def activate(self, x: Array, vectors: dict) -> Array:
        """x, wide maps or rows, with each model's own activation."""
        out = ACTIVATIONS[self.kinds[0]](x)
        for kind in self.kinds[1:]:
            out = ops.where(like(vectors[kind], x), ACTIVATIONS[kind](x), out)
        return out

    def penalty(self, out: Array, weights: tuple, vectors: dict, context: Context) -> Array | None:
        """What the L2 factors add to each model's loss: (K,), or None where there are none."""
        terms = []
        if "kernel" in self.penalties:
            terms.append(vectors["l2_kernel"] * sum_by_model(weights[0]))
        if "bias" in self.penalties:
            terms.append(vectors["l2_bias"] * sum_by_model(weights[1]))
        if "activity" in self.penalties:
            energy = self.energy(out, context)  # (N, K)
            mean = ops.total(energy * context.image_weights[:, None], (0,))
            terms.append(vectors["l2_activity"] * mean)
        return sum(terms) if terms else None

    def energy(self, out: Array, context: Context) -> Array:
        """Sum of squares of each image's outputs: (N, K)."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Convolution(Weighted):
    strides: tuple[int, int]
    padding: str
    keras_type = layers.Conv2D

    @classmethod
    def fuse(cls, same: list[layers.Layer], lanes: Lanes) -> Fused:
        names = ("kernel_size", "filters", "data_format", "dilation_rate", "groups")
        strides, padding, *_ = shared(same, "strides", "padding", *names)
        if tuple(same[0].dilation_rate) != (1, 1) or same[0].groups != 1 or padding == "causal":
            raise SettingError(f"Layer {same[0].name!r}: dilated or grouped convolutions cannot be fused.")
        arrays = cls.arrays(same)
        return Fused(part=cls(strides=strides, padding=padding, **arrays.pop("static")), **arrays)

    def apply(self, x: Array, weights: tuple, vectors: dict, context: Context) -> tuple[Array, Array | None]:
        lanes, kernels = context.lanes, weights[0]  # (K, kh, kw, c, f)
        how = {"strides": self.strides, "padding": self.padding}
        if len(x.shape) == 5:
            starts = np.cumsum((0, *lanes.blocks))
            own = [kernels[a:b] for a, b in itertools.pairwise(starts)]
            outs = [conv_shared(x[b], own[b], lanes.lowering, **how) for b in range(len(own))]
            out = outs[0] if len(outs) == 1 else ops.concat(outs, -1)
        else:
            out = LOWERINGS[lanes.lowering](x, kernels, **how)
        if self.bias:
            out = ops.add_bias(out, ops.reshape(weights[1], (-1,)))  # (N, h', w', K * f)
        out = self.activate(out, vectors)
        return out, self.penalty(out, weights, vectors, context)

    def energy(self, out: Array, context: Context) -> Array:
        n, models = out.shape[0], context.lanes.models
        sums = ops.total(ops.square(out), (1, 2))  # (N, K * f)
        return ops.total(ops.reshape(sums, (n, models, -1)), (2,))


@dataclass(frozen=True, kw_only=True)
class Dense(Weighted):
    keras_type = layers.Dense

    @classmethod
    def fuse(cls, same: list[layers.Layer], lanes: Lanes) -> Fused:
        shared(same, "units")
        arrays = cls.arrays(same)
        return Fused(part=cls(**arrays.pop("static")), **arrays)

    def apply(self, x: Array, weights: tuple, vectors: dict, context: Context) -> tuple[Array, Array | None]:
        if len(x.shape) != 3:
            raise SettingError("A dense layer on maps cannot be fused: put a Flatten before it.")
        out = ops.matmul(x, weights[0])  # (K, N, U)
        if self.bias:
            out = out + weights[1][:, None, :]
        out = self.activate(out, vectors)
        return out, self.penalty(out, weights, vectors, context)

    def energy(self, out: Array, context: Context) -> Array:
        return ops.transpose(ops.total(ops.square(out), (2,)), (1, 0))


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
    for name in (*ACTIVATIONS, "softmax"):
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


def like(vector: Array, x: Array) -> Array:
    """(K,) in a shape that broadcasts over x, which is wide maps or rows."""
    if len(x.shape) == 3:
        return vector[:, None, None]
    return ops.repeat(vector, x.shape[-1] // vector.shape[0], 0)


def sum_by_model(weights: Array) -> Array:
    """Sum of squares of (K, ...) for each model: (K,)."""
    return ops.total(ops.square(weights), tuple(range(1, len(weights.shape))))


def _frozen(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def scaling(model: Model) -> tuple:
    """A hashable form of the numbers in a model's Rescaling layers."""
    scales = [layer for layer in model.layers if isinstance(layer, layers.Rescaling)]
    return tuple((repr(layer.scale), repr(layer.offset)) for layer in scales)
