"""The operations of the fused engine on TensorFlow.

Letters: K models, N images, h, w, c = height, width, channels, f filters.
"""

import contextlib
import math
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf

from lenet_tune.engines.tf_conv import conv_one

__all__ = ["conv_one"]
Array: TypeAlias = tf.Tensor

CACHED_BYTES = 32 * 2**20
"""Maps of a strand up to which a model's step costs the same; the caches hold less of more."""

# Keras's cross-entropy on TensorFlow goes back to the logits of these activations (`_keras_logits`);
# on JAX it works on clipped probabilities.
LOGIT_ACTIVATIONS = frozenset({"softmax", "sigmoid"})


def _keep_operations_on_one_core() -> None:
    """Let each operation use one core: the strands of a group keep all of them busy, with less waiting.

    Nothing happens where TensorFlow is in use already, or where the user has chosen.
    """
    if "TF_NUM_INTRAOP_THREADS" not in os.environ:
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(1)


_keep_operations_on_one_core()

cast = tf.cast
concat = tf.concat
gather = tf.gather
log = tf.math.log
matmul = tf.matmul
one_hot = tf.one_hot
pad = tf.pad
relu = tf.nn.relu
repeat = tf.repeat
reshape = tf.reshape
sigmoid = tf.sigmoid
softmax = tf.nn.softmax
split = tf.split
square = tf.square
stack = tf.stack
tanh = tf.tanh
transpose = tf.transpose
unstack = tf.unstack
where = tf.where
ones_like = tf.ones_like


def device_kind() -> str:
    """ "gpu" or "cpu"."""
    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def laid_out(x: Array) -> Array:
    """x as it is: here each operation makes an array of its own."""
    return x


def default_lowering() -> str:
    """How convolutions that differ by model run best here."""
    return "grouped" if device_kind() == "gpu" else "split"


def default_strands() -> int:
    """How many independent programs run best side by side: one a core, if an operation keeps to one core."""
    if device_kind() == "gpu" or tf.config.threading.get_intra_op_parallelism_threads() != 1:
        return 1
    return tf.config.threading.get_inter_op_parallelism_threads() or os.cpu_count() or 1


def strand_bytes() -> float:
    """How much a strand's maps may take before several strands, one after another, are faster."""
    return math.inf if device_kind() == "gpu" else CACHED_BYTES


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a smaller group might fit where this one did not."""
    return isinstance(error, (tf.errors.ResourceExhaustedError, MemoryError))


def on_device(values: np.ndarray) -> Array:
    """A copy on the device."""
    return tf.constant(values)


def to_numpy(values: Array) -> np.ndarray:
    """A copy in main memory."""
    return np.array(values)


def total(x: Array, axes: Sequence[int]) -> Array:
    """Sum over `axes`."""
    return tf.reduce_sum(x, axes)


def mean(x: Array, axis: int) -> Array:
    """Mean over `axis`."""
    return tf.reduce_mean(x, axis)


def argmax(x: Array, axis: int) -> Array:
    """Index of the first largest value, int32."""
    return tf.argmax(x, axis, output_type=tf.int32)


def equal(x: Array, y: Array) -> Array:
    """Element by element, bool."""
    return tf.equal(x, y)


def clip(x: Array, low: float, high: float) -> Array:
    """Values cut to [low, high]."""
    return tf.clip_by_value(x, low, high)


def logits_cross_entropy(labels: Array, logits: Array) -> Array:
    """Cross-entropy of the softmax of `logits` over the last axis."""
    return tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)


def conv(x: Array, kernel: Array, *, strides: tuple[int, int], padding: str, groups: int = 1) -> Array:
    """Convolution of x (N, h, w, groups * c) with kernel (kh, kw, c, groups * f)."""
    return tf.nn.conv2d(x, kernel, strides, padding.upper())


@tf.RegisterGradient("LenetTuneBiasAdd")
def _bias_add_gradient(operation: tf.Operation, gradient: Array) -> tuple[Array, Array]:
    rows = tf.reshape(gradient, (-1, gradient.shape[-1]))
    ones = tf.ones((1, rows.shape[0]), rows.dtype)
    return gradient, tf.matmul(ones, rows)[0]  # faster than a sum over rows


def add_bias(x: Array, bias: Array) -> Array:
    """x (N, h, w, c) plus bias (c,)."""
    # TensorFlow would merge its own gradient with that by the kernel into one operation, 1.5 times as slow.
    with tf.compat.v1.get_default_graph().gradient_override_map({"BiasAdd": "LenetTuneBiasAdd"}):
        return tf.nn.bias_add(x, bias)


def pool(x: Array, *, kind: str, size: tuple[int, int], strides: tuple[int, int], padding: str) -> Array:
    """Pooling of x (N, h, w, c); an average leaves the padding out."""
    function = tf.nn.avg_pool2d if kind == "average" else tf.nn.max_pool2d
    return function(x, size, strides, padding.upper())


def value_and_gradient(function: Callable, weights: Sequence[Array]) -> tuple[Any, list[Array]]:
    """`function(weights)` = (scalar, more), and the scalar's gradient by each weight."""
    value, more = function(weights)
    # Two at a time, for the reason that `parts.added` gives.
    pairwise = tf.AggregationMethod.EXPERIMENTAL_TREE
    return (value, more), tf.gradients(
        value, weights, unconnected_gradients="zero", aggregation_method=pairwise
    )


def scan(body: Callable, state: Any, inputs: tuple, output: Array) -> tuple[Any, Array]:
    """state, row = body(state, one row of each of `inputs`), row after row.

    Returns:
        The last state, and the rows stacked; each is like `output`.
    """
    steps = tf.shape(inputs[0])[0]
    rows = tf.TensorArray(output.dtype, steps, element_shape=output.shape)

    def step(i: Array, state: Any, rows: tf.TensorArray) -> tuple:
        state, row = body(state, tuple(x[i] for x in inputs))
        return i + 1, state, rows.write(i, row)

    loop = (tf.constant(0), state, rows)
    _, state, rows = tf.while_loop(lambda i, *_: i < steps, step, loop, parallel_iterations=1)
    return state, rows.stack()


def compiled(function: Callable, fixed: Any, streams: tuple) -> Callable:
    """`function(fixed, streams)`, built; streams are arrays whose number of rows may differ at each call."""
    specs = tf.nest.map_structure(lambda x: tf.TensorSpec(x.shape, x.dtype), fixed)
    rows = tuple(tf.TensorSpec((None, *x.shape[1:]), x.dtype) for x in streams)
    built = tf.function(function, autograph=False).get_concrete_function(specs, rows)
    # A call without a single row makes TensorFlow optimise the graph now rather than in the first epoch.
    built(fixed, tuple(x[:0] for x in streams))
    return built


def stream_key(streams: tuple) -> tuple:
    """What of the streams a compiled function depends on."""
    return tuple(tuple(x.shape[1:]) for x in streams)
