"""The two compiled functions of a strand: one epoch of training, one pass of measuring.

Both walk over batches on the device; images (n, h, w, c) stay there as uint8. A last partial batch is
filled up with images of weight 0, so that every step has one shape.
Letters: K models, B blocks, N images a batch, n images in all, S steps.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from lenet_tune.engines.backend import ops
from lenet_tune.engines.parts import Context, added
from lenet_tune.engines.program import Skeleton

Array: TypeAlias = ops.Array


def batches(orders: np.ndarray, batch: int) -> np.ndarray:
    """Orders of images, cut into steps.

    Args:
        orders: (B, n) int, the order of the images in each block.
        batch: N.

    Returns:
        (S, B, N) int32; the last step is filled up with images that are in it already, so that the filling
        cannot be what makes a loss infinite.
    """
    blocks, n = orders.shape
    steps = -(-n // batch)
    first = (steps - 1) * batch
    place = np.arange(steps * batch)
    place = np.where(place < n, place, first + (place - first) % (n - first))
    return orders[:, place].reshape(blocks, steps, batch).transpose(1, 0, 2).astype(np.int32)


def batch_weights(size: int, batch: int, dtype: str) -> np.ndarray:
    """Weight of each image in its step's mean: (S, N), 1 / (images in the step), 0 for the filling."""
    steps = -(-size // batch)
    real = (np.arange(steps * batch) < size).reshape(steps, batch)
    return (real / real.sum(1, keepdims=True)).astype(dtype)


def on_device(arrays: Any) -> Any:
    """A nest of numpy arrays, on the device."""
    if isinstance(arrays, dict):
        return {name: on_device(value) for name, value in arrays.items()}
    if isinstance(arrays, tuple):
        return tuple(on_device(value) for value in arrays)
    return ops.on_device(arrays)


def epoch_means(figures: np.ndarray, size: int, batch: int) -> np.ndarray:
    """Mean loss and accuracy over `size` images from the figures (S, 2, K) of their steps: (2, K)."""
    counts = np.full(len(figures), batch)
    counts[-1] = size - batch * (len(figures) - 1)
    figures = figures.astype("float64")
    return np.stack([counts @ figures[:, 0], figures[:, 1].sum(0)]) / size


def train_epoch(skeleton: Skeleton) -> Callable:
    """The function that trains a strand for an epoch.

    It takes (weights, velocities, vectors) and the streams (image weights, images, labels, perhaps class
    weights, steps); it returns the new (weights, velocities), and the figures (S, 2, K): each step's loss and
    right answers.
    """

    def run(fixed: tuple, streams: tuple) -> tuple:
        weights, velocities, vectors = fixed
        image_weights, *data, order = streams

        def step(state: tuple, row: tuple) -> tuple:
            weights, velocities = state

            def objective(weights: tuple) -> tuple[Array, Array]:
                figures = measure(skeleton, (weights, vectors), row, data)
                return ops.total(figures[0], (0,)), figures

            (_, figures), gradients = ops.value_and_gradient(objective, weights)
            return sgd(skeleton, weights, velocities, gradients, vectors), figures

        return ops.scan(step, (weights, velocities), (order, image_weights), _figures(skeleton))

    return run


def held_out_pass(skeleton: Skeleton) -> Callable:
    """As `train_epoch`, but the weights stay: takes (weights, vectors), gives figures."""

    def run(fixed: tuple, streams: tuple) -> Array:
        image_weights, *data, order = streams

        def step(state: tuple, row: tuple) -> tuple:
            return state, measure(skeleton, fixed, row, data)

        return ops.scan(step, (), (order, image_weights), _figures(skeleton))[1]

    return run


def _figures(skeleton: Skeleton) -> Array:
    return ops.on_device(np.zeros((2, skeleton.lanes.models), skeleton.dtype))


def measure(skeleton: Skeleton, fixed: tuple, row: tuple, data: Sequence) -> Array:
    """Loss and right answers of one batch.

    Args:
        fixed: weights and vectors.
        row: places (B, N) int32 and weights (N,) of the batch's images.
        data: images (n, h, w, c) uint8, labels (n,) int32, and perhaps the weight of each class in the loss.

    Returns:
        (2, K): the mean loss with its penalties, and the number of images that are right.
    """
    weights, vectors = fixed
    places, image_weights = row
    images, labels, *class_weights = data
    lanes = skeleton.lanes
    context = Context(lanes=lanes, image_weights=image_weights)
    x = ops.cast(ops.gather(images, places), skeleton.dtype)  # (B, N, h, w, c)
    penalties: list[Array] = []
    own = zip(skeleton.parts, skeleton.by_part(weights), vectors["parts"], strict=True)
    for part, part_weights, part_vectors in own:
        x, penalty = part.apply(x, part_weights, part_vectors, context)
        penalties += [] if penalty is None else [penalty]
    answers = ops.gather(ops.gather(labels, places), lanes.block_of)  # (K, N)
    losses, correct = skeleton.head.measure(x, answers, vectors["head"])  # (K, N)
    for factors in class_weights:
        losses = losses * ops.gather(factors, answers)
    loss = added([ops.total(losses * image_weights, (1,)), *penalties])
    counted = ops.cast(image_weights > 0, skeleton.dtype)
    return ops.stack([loss, ops.total(ops.cast(correct, skeleton.dtype) * counted, (1,))])


def sgd(skeleton: Skeleton, weights: tuple, velocities: tuple, gradients: list, vectors: dict) -> tuple:
    """Keras's SGD with a learning rate and momentum for each model: new weights and velocities."""

    def by_model(vector: Array, like: Array) -> Array:
        return ops.reshape(vector, (-1,) + (1,) * (len(like.shape) - 1))

    changes = [-by_model(rate, g) * g for rate, g in zip(vectors["rates"], gradients, strict=True)]
    if skeleton.momentum:
        kept = [by_model(vectors["momentum"], v) * v for v in velocities]
        changes = [k + change for k, change in zip(kept, changes, strict=True)]
        velocities = tuple(changes)
    return tuple(w + change for w, change in zip(weights, changes, strict=True)), velocities
