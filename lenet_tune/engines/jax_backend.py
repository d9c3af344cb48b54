"""The operations of the fused engine on JAX; `tf_backend` has the same names.

Letters: K models, N images, h, w, c = height, width, channels, f filters.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Array: TypeAlias = jax.Array

LOGIT_ACTIVATIONS: frozenset[str] = frozenset()  # Keras's cross-entropy works on clipped probabilities

log = jnp.log
matmul = jnp.matmul
pad = jnp.pad
relu = jax.nn.relu
reshape = jnp.reshape
sigmoid = jax.nn.sigmoid
softmax = jax.nn.softmax
square = jnp.square
tanh = jnp.tanh
where = jnp.where
ones_like = jnp.ones_like
equal = jnp.equal
clip = jnp.clip

_DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def device_kind() -> str:
    """ "gpu" or "cpu"."""
    return "cpu" if jax.default_backend() == "cpu" else "gpu"


def default_lowering() -> str:
    """How convolutions that differ by model run best here: grouped ones are slow in XLA and in cuDNN."""
    return "patches"


def default_strands() -> int:
    """How many independent programs run best side by side."""
    return 1


def strand_bytes() -> float:
    """How much a strand's maps may take before several strands, one after another, are faster."""
    return math.inf


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller group might fit where this one did not."""
    exhausted = isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE_EXHAUSTED" in str(error)
    return exhausted or isinstance(error, MemoryError)


def on_device(values: np.ndarray) -> Array:
    """A copy on the device."""
    return jnp.asarray(values)


def to_numpy(values: Array) -> np.ndarray:
    """A copy in main memory."""
    return np.array(values)


def cast(x: Array, dtype: Any) -> Array:
    """x as another type."""
    return x.astype(dtype)


def concat(arrays: Sequence[Array], axis: int) -> Array:
    """Arrays side by side."""
    return jnp.concatenate(arrays, axis)


def stack(arrays: Sequence[Array], axis: int = 0) -> Array:
    """Arrays along a new axis."""
    return jnp.stack(arrays, axis)


def unstack(x: Array) -> list[Array]:
    """The rows of x."""
    return list(x)


def split(x: Array, count: int, axis: int) -> list[Array]:
    """Equal parts of x along an axis."""
    return jnp.split(x, count, axis)


def gather(x: Array, indices: Array, axis: int = 0) -> Array:
    """Rows of x."""
    return jnp.take(x, indices, axis=axis, mode="clip")


def repeat(x: Array, repeats: int, axis: int) -> Array:
    """Each element `repeats` times."""
    return jnp.repeat(x, repeats, axis)


def transpose(x: Array, axes: Sequence[int]) -> Array:
    """x with its axes reordered."""
    return jnp.transpose(x, axes)


def laid_out(x: Array) -> Array:
    """x and its gradient as arrays in this order: else what follows is fused with what made them."""
    return lax.optimization_barrier(x)


def one_hot(labels: Array, classes: int, *, dtype: Any) -> Array:
    """Labels as rows with a single one."""
    return jax.nn.one_hot(labels, classes, dtype=dtype)


def total(x: Array, axes: Sequence[int]) -> Array:
    """Sum over `axes`."""
    return jnp.sum(x, tuple(axes))


def mean(x: Array, axis: int) -> Array:
    """Mean over `axis`."""
    return jnp.mean(x, axis)


def argmax(x: Array, axis: int) -> Array:
    """Index of the first largest value, int32."""
    return jnp.argmax(x, axis).astype("int32")


def logits_cross_entropy(labels: Array, logits: Array) -> Array:
    """Cross-entropy of the softmax of `logits` over the last axis."""
    return -jnp.sum(labels * jax.nn.log_softmax(logits), -1)


def conv(x: Array, kernel: Array, *, strides: tuple[int, int], padding: str, groups: int = 1) -> Array:
    """Convolution of x (N, h, w, groups * c) with kernel (kh, kw, c, groups * f)."""
    return lax.conv_general_dilated(
        x, kernel, strides, padding.upper(), dimension_numbers=_DIMENSIONS, feature_group_count=groups
    )


def conv_one(x: Array, kernel: Array, *, strides: tuple[int, int], padding: str) -> Array:
    """Convolution of one model's maps x (N, h, w, c) with kernel (kh, kw, c, f)."""
    return conv(x, kernel, strides=strides, padding=padding)


def add_bias(x: Array, bias: Array) -> Array:
    """x (N, h, w, c) plus bias (c,)."""
    return x + bias


def pool(x: Array, *, kind: str, size: tuple[int, int], strides: tuple[int, int], padding: str) -> Array:
    """Pooling of x (N, h, w, c); an average leaves the padding out."""
    windows = (1, *size, 1), (1, *strides, 1), padding.upper()
    if kind == "max":
        return lax.reduce_window(x, -jnp.inf, lax.max, *windows)
    sums = lax.reduce_window(x, 0.0, lax.add, *windows)
    if padding == "valid":
        return sums / (size[0] * size[1])
    return sums / lax.reduce_window(jnp.ones((1, *x.shape[1:3], 1), x.dtype), 0.0, lax.add, *windows)


def value_and_gradient(function: Callable, weights: Sequence[Array]) -> tuple[Any, list[Array]]:
    """`function(weights)` = (scalar, more), and the scalar's gradient by each weight."""
    return jax.value_and_grad(function, has_aux=True)(weights)


def scan(body: Callable, state: Any, inputs: tuple, output: Array) -> tuple[Any, Array]:
    """state, row = body(state, one row of each of `inputs`), row after row.

    Returns:
        The last state, and the rows stacked; each is like `output`.
    """
    return lax.scan(body, state, inputs)


def compiled(function: Callable, fixed: Any, streams: tuple) -> Callable:
    """`function(fixed, streams)`, built for arguments of these shapes."""
    return jax.jit(function).lower(fixed, streams).compile()


def stream_key(streams: tuple) -> tuple:
    """What of the streams a compiled function depends on."""
    return tuple(x.shape for x in streams)
