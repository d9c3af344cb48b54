"""How long a search will take: arithmetic of each network, and one short measurement on this machine."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from lenet_tune.config import LeNetConfig, TrainConfig
from lenet_tune.data import Split
from lenet_tune.engines.base import Engine, Execution, TrainingData

CALIBRATION_IMAGES = 2048


def forward_flops(lenet: LeNetConfig) -> int:
    """Floating-point operations of one image through the convolutions and dense layers (2 a multiply-add)."""
    channels = lenet.input.image_shape[2]
    shapes = iter(lenet.map_shapes)
    h, w = next(shapes)
    total = 0
    for filters, pooled in zip(lenet.filters, lenet.pools, strict=True):
        h, w = next(shapes)
        total += 2 * h * w * filters * channels * lenet.kernel_size**2
        channels = filters
        if pooled:
            h, w = next(shapes)
    units = [h * w * channels, 120, *([84] if lenet.dense_84 else []), lenet.input.num_classes]
    return total + sum(2 * a * b for a, b in pairwise(units))


def training_flops(lenet: LeNetConfig) -> int:
    """Of one image in a training step: forward, and backward to weights and to inputs.

    The gradient with respect to the images themselves is never needed.
    """
    h, w = lenet.map_shapes[1]
    first = 2 * h * w * lenet.filters[0] * lenet.input.image_shape[2] * lenet.kernel_size**2
    return 3 * forward_flops(lenet) - first


def epoch_flops(lenet: LeNetConfig, train_images: int, held_out_images: int) -> int:
    """Of one epoch with its measurement on the held-out images."""
    return training_flops(lenet) * train_images + forward_flops(lenet) * held_out_images


def measure_rate(train_group: Engine, executions: list[Execution]) -> float:
    """FLOP/s at which the engine trains `executions` here, compilation left out.

    Generated images serve: speed does not depend on content.
    """
    lenet = executions[0].lenet
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (CALIBRATION_IMAGES, *lenet.input.image_shape), dtype=np.uint8)
    labels = rng.integers(0, lenet.input.num_classes, CALIBRATION_IMAGES)
    split = Split(images=images, labels=labels)
    data = TrainingData(train=split, held_out=split)
    epochs = list(train_group(executions, data, keep=lambda result: result.epoch < 2))
    seconds = sum(r.seconds for e in epochs for r in e.results if r.epoch == 2)
    work = sum(epoch_flops(e.lenet, CALIBRATION_IMAGES, CALIBRATION_IMAGES) for e in executions)
    return work / seconds


def seconds_needed(
    jobs: Iterable[tuple[LeNetConfig, TrainConfig]], rate: float, train_images: int, held_out_images: int
) -> float:
    """Training time of some executions at `rate` FLOP/s."""
    return sum(t.epochs * epoch_flops(m, train_images, held_out_images) for m, t in jobs) / rate
