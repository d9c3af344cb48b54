"""What a fused layer is: K Keras layers that differ in numbers, as one.

A part is static (what the compiled program depends on); weights and vectors are its arrays. What flows
between parts has one of four forms, told apart by type and rank:
shared maps (B, N, h, w, c), before the first weights: one batch a block of models;
wide maps (N, h, w, K * c), the channels of model 0, then those of model 1, ...;
separate maps, a list of K arrays (N, h, w, c);
rows (K, N, F).
Letters: K models, B blocks, N images, h, w, c = height, width, channels, F features.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

import numpy as np
from keras import layers

from lenet_tune.engines.backend import ops

Array: TypeAlias = ops.Array
Maps: TypeAlias = Array | list[Array]


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


def added(terms: Sequence[Array]) -> Array:
    """The sum of arrays of one shape.

    Where a program needs much memory, TensorFlow makes a chain of sums one operation with a temporary
    variable, and strands that run side by side trip over each other's (its issue 23780). Over a stack it
    does not.
    """
    return terms[0] if len(terms) == 1 else ops.total(ops.stack(terms), (0,))


@dataclass(frozen=True, kw_only=True)
class Part:
    """Base of all parts: does nothing, has no arrays."""

    keras_type: ClassVar[type]

    @classmethod
    def fuse(cls, same: list[layers.Layer], lanes: Lanes) -> Fused:
        """The fused form of K layers, or SettingError where they cannot be fused."""
        return Fused(part=cls())

    def apply(self, x: Maps, weights: tuple, vectors: dict, context: Context) -> tuple[Maps, Array | None]:
        """The outputs, and the penalty (K,) that each model's loss gets from this layer, or None."""
        return x, None
