"""A strand: members of a group whose arrays are stacked.

A group is one strand, or several that run side by side and, where they are more than the cores, in turns.
Letters: K models of the strand, B blocks.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from keras import Model

from lenet_tune.engines import lowering as lowerings
from lenet_tune.engines import steps
from lenet_tune.engines.backend import ops
from lenet_tune.engines.base import Checkpoint, Execution
from lenet_tune.engines.parts import Lanes
from lenet_tune.engines.program import Stacked, stack_models
from lenet_tune.engines.reading import scaling


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """An execution with its Keras model, and where its training stands."""

    execution: Execution
    model: Model

    @property
    def block(self) -> tuple:
        """What executions must share to see the same numbers: order of images, epoch and scaling."""
        return self.execution.order_seed, self.execution.first_epoch, scaling(self.model)

    def is_gone(self, age: int) -> bool:
        """Whether the execution had ended when its group had trained for `age` epochs."""
        e = self.execution
        return e.ended_after is not None and e.ended_after - e.joined <= age

    def at(self, checkpoint: Checkpoint) -> "Member":
        """The same execution, later."""
        return replace(self, execution=replace(self.execution, start=checkpoint))


def strand_count(members: Sequence[Member]) -> int:
    """Strands of a group: a multiple of what runs side by side, each small enough for the caches."""
    model, batch = members[0].model, members[0].execution.train.batch_size
    maps = [layer.output for layer in model.layers if len(layer.output.shape) == 4]
    size = sum(batch * math.prod(x.shape[1:]) * np.dtype(x.dtype).itemsize for x in maps)  # bytes a model
    side_by_side = ops.default_strands()
    turns = math.ceil(len(members) * size / (side_by_side * ops.strand_bytes()))
    return min(len(members), side_by_side * max(1, turns))


class Strand:
    """Stacked members and their state on the device.

    Args:
        members: ordered by block.
        lowering: how convolutions run; None chooses by device.

    Attributes:
        firsts: the first member of each block.
        weights: arrays (K, ...) as they are now.
        velocities: SGD's momentum of each weight; empty where no member has momentum.
        vectors: what differs by model and stays.
    """

    def __init__(self, members: Sequence[Member], lowering: str | None) -> None:
        self.members = tuple(members)
        keys = [member.block for member in members]
        distinct = list(dict.fromkeys(keys))
        self.firsts = [members[keys.index(key)] for key in distinct]
        blocks = tuple(keys.count(key) for key in distinct)
        self.lanes = Lanes(blocks=blocks, lowering=lowerings.choose(lowering))
        self.stack = self._stacked()
        self.weights = tuple(ops.on_device(w) for w in self.stack.weights)
        self.velocities = self._velocities()
        self.vectors = steps.on_device(self.stack.vectors)
        self._copied: tuple[tuple, list, list] | None = None

    def _stacked(self) -> Stacked:
        models = [member.model for member in self.members]
        stack = stack_models(models, [member.execution.train for member in self.members], self.lanes)
        starts = [member.execution.start for member in self.members]
        rows = [
            stack.of_model(stack.weights, k) if start is None else start.weights
            for k, start in enumerate(starts)
        ]
        return replace(stack, weights=stack.stacked(rows))

    def _velocities(self) -> tuple:
        if not self.stack.skeleton.momentum:
            return ()
        starts = [member.execution.start for member in self.members]
        rows = [() if start is None else start.velocities for start in starts]
        return tuple(ops.on_device(v) for v in self.stack.stacked(rows))

    def checkpoint(self, k: int, epoch: int) -> Checkpoint:
        """The state of member k, which has finished `epoch`."""
        weights, velocities = self._in_main_memory()
        own = velocities if self.members[k].execution.train.momentum else ()
        return Checkpoint(
            epoch=epoch,
            weights=self.stack.of_model(weights, k),
            velocities=self.stack.of_model(own, k) if own else (),
        )

    def _in_main_memory(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Weights and velocities as they are now, copied once for all members."""
        if self._copied is None or self._copied[0] is not self.weights:
            weights, velocities = ([ops.to_numpy(a) for a in s] for s in (self.weights, self.velocities))
            self._copied = self.weights, weights, velocities
        return self._copied[1:]
