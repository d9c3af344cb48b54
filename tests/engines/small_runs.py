"""Small data and small networks for the engines, and one way to run either engine."""

from collections.abc import Callable, Sequence

import numpy as np

from lenet_tune.config import InputSpec, LeNetConfig, TrainConfig
from lenet_tune.data import Split
from lenet_tune.engines.base import Execution, TrainingData

SPEC = InputSpec(
    image_shape=(12, 12, 3),
    num_classes=4,
    channel_mean=(120.0, 100.0, 90.0),
    channel_std=(60.0, 61.0, 62.0),
)


def make_split(size: int, seed: int) -> Split:
    """Noise with a bright patch whose place depends on the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, SPEC.num_classes, size)
    images = rng.integers(0, 120, (size, *SPEC.image_shape), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[3 * label : 3 * label + 3] += 100
    return Split(images=images, labels=labels)


def make_data(train: int = 80, held_out: int = 21) -> TrainingData:
    """80 images are two batches of 32 and one of 16."""
    return TrainingData(train=make_split(train, 1), held_out=make_split(held_out, 2))


def make_execution(trial: int, *, order_seed: int = 0, train: dict | None = None, **lenet) -> Execution:
    """A small execution; `lenet` and `train` change its configurations."""
    shape = {"filters": (2, 3), "kernel_size": 3, "dense_84": False, "input": SPEC, **lenet}
    depth = len(shape["filters"])
    means = {"bias_means": (0.1,) * depth, "bias_stds": (0.05,) * depth}
    return Execution(
        trial=trial,
        repeat=0,
        seed=100 + trial,
        order_seed=order_seed,
        lenet=LeNetConfig(**{**means, **shape}),
        train=TrainConfig(**{"learning_rate": 0.05, "epochs": 2, **(train or {})}),
    )


def run(train_group: Callable, executions: Sequence[Execution], data: TrainingData, **options) -> dict:
    """{(id, epoch): (result, checkpoint)} of all that an engine gives."""
    found = {}
    for epoch in train_group(executions, data, **options):
        for result in epoch.results:
            assert (result.id, result.epoch) not in found
            found[result.id, result.epoch] = result, epoch.checkpoint(result.id)
    return found


FIGURES = ("train_loss", "train_accuracy", "held_out_loss", "held_out_accuracy")


def largest_difference(one: dict, other: dict) -> float:
    """Largest difference of any loss, weight or velocity, relative to 1 + its size; inf if shapes differ.

    Accuracies count only where they differ by more than the rounding of a mean in float32.
    """
    if one.keys() != other.keys():
        return np.inf
    worst = 0.0
    for key, (result, checkpoint) in one.items():
        twin, twin_checkpoint = other[key]
        pairs = [(getattr(result, name), getattr(twin, name)) for name in FIGURES[::2]]
        for name in ("weights", "velocities"):
            own, others = getattr(checkpoint, name), getattr(twin_checkpoint, name)
            if [a.shape for a in own] != [a.shape for a in others]:
                return np.inf
            pairs += zip(own, others, strict=True)
        gaps = [_gap(np.asarray(a), np.asarray(b)) for a, b in pairs]
        gaps += [
            gap
            for gap in (abs(getattr(result, name) - getattr(twin, name)) for name in FIGURES[1::2])
            if not gap < 1e-6
        ]
        worst = max(worst, *gaps)
    return float(worst)


def _gap(one: np.ndarray, other: np.ndarray) -> float:
    if np.isnan(one).any() or np.isnan(other).any():  # both have diverged, or they differ
        return 0.0 if (np.isnan(one) == np.isnan(other)).all() else np.inf
    return np.max(np.abs(one - other) / (1 + np.abs(other)))
