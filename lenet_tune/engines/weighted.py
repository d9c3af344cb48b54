"""The fused layers that have weights: convolution and dense.

Letters: K models, N images, h, w, c = height, width, channels, f filters, U units; `parts` has the forms.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import layers
from keras import ops as keras_ops

from lenet_tune.engines.backend import ops
from lenet_tune.engines.lowering import convolve
from lenet_tune.engines.parts import Array, Context, Fused, Lanes, Maps, Part, added
from lenet_tune.engines.reading import activation_name, as_keras, l2_factor, shared
from lenet_tune.errors import SettingError

ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": ops.relu,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
}


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
            what: np.array([as_keras(l2_factor(layer, what), dtype) for layer in same])
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
        """x, wide maps, one model's maps or rows, with each model's own activation."""
        out = ACTIVATIONS[self.kinds[0]](x)
        for kind in self.kinds[1:]:
            out = ops.where(like(vectors[kind], x), ACTIVATIONS[kind](x), out)
        return out

    def penalty(self, out: Maps, weights: tuple, vectors: dict, context: Context) -> Array | None:
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
        return added(terms) if terms else None

    def energy(self, out: Maps, context: Context) -> Array:
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

    def apply(self, x: Maps, weights: tuple, vectors: dict, context: Context) -> tuple[Maps, Array | None]:
        how: dict[str, Any] = {"strides": self.strides, "padding": self.padding}
        out = convolve(x, weights[0], context.lanes, **how)
        if isinstance(out, list):
            biases = ops.unstack(weights[1]) if self.bias else [None] * len(out)
            own = [{kind: vectors[kind][k] for kind in self.kinds} for k in range(len(out))]
            out = [self._finish(*each) for each in zip(out, biases, own, strict=True)]
        else:
            bias = ops.reshape(weights[1], (-1,)) if self.bias else None
            out = self._finish(out, bias, vectors)
        return out, self.penalty(out, weights, vectors, context)

    def _finish(self, out: Array, bias: Array | None, vectors: dict) -> Array:
        # A convolution, its bias and a ReLU become one operation of oneDNN if nothing comes between them.
        return self.activate(out if bias is None else ops.add_bias(out, bias), vectors)

    def energy(self, out: Maps, context: Context) -> Array:
        if isinstance(out, list):
            return ops.stack([ops.total(ops.square(own), (1, 2, 3)) for own in out], 1)
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


def like(vector: Array, x: Array) -> Array:
    """(K,) in a shape that broadcasts over x, which is wide maps or rows; or () for one model's maps."""
    if len(vector.shape) == 0:
        return vector
    if len(x.shape) == 3:
        return vector[:, None, None]
    return ops.repeat(vector, x.shape[-1] // vector.shape[0], 0)


def sum_by_model(weights: Array) -> Array:
    """Sum of squares of (K, ...) for each model: (K,)."""
    return ops.total(ops.square(weights), tuple(range(1, len(weights.shape))))
