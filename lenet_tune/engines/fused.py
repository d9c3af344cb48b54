"""The fused engine: a whole group of executions trained as one program.

It takes the Keras models of the group, stacks their weights (`program`), and runs whole epochs on the device
(`steps`). The numbers are those of the reference engine within float tolerance.
Letters: K models, B blocks, S steps, n images.
"""

import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from keras import Model

from lenet_tune.data import Split
from lenet_tune.engines import lowering as lowerings
from lenet_tune.engines import reference, steps
from lenet_tune.engines.backend import ops
from lenet_tune.engines.base import (
    Checkpoint,
    EpochResult,
    Execution,
    GroupEpoch,
    TrainingData,
    epoch_order,
    keep_all,
)
from lenet_tune.engines.compiling import Compiler
from lenet_tune.engines.layers import Lanes, scaling
from lenet_tune.engines.program import Stacked, stack_models
from lenet_tune.fusion import balanced

COMPACT_AFTER = 50_000
"""Image visits that ended executions may waste until the group is compacted: what a new program costs."""

EVALUATION_IMAGES = {"cpu": 3072, "gpu": 131_072}
"""Images times models at once on the held-out split; changes the speed, not the result."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to run; none of it changes the results by more than float tolerance.

    Args:
        lowering: how convolutions run, one of `lowering.LOWERINGS`; None chooses by device.
        compact_after: see `COMPACT_AFTER`.
    """

    lowering: str | None = None
    compact_after: int = COMPACT_AFTER


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """An execution with its Keras model, and where its training stands."""

    execution: Execution
    model: Model

    @property
    def block(self) -> tuple:
        """What executions must share to see the same numbers: order of images, epoch and scaling."""
        return self.execution.order_seed, self.execution.first_epoch, scaling(self.model)

    def at(self, checkpoint: Checkpoint) -> "Member":
        """The same execution, later."""
        return replace(self, execution=replace(self.execution, start=checkpoint))


def train_group(
    executions: Sequence[Execution],
    data: TrainingData,
    *,
    keep: Callable[[EpochResult], bool] = keep_all,
    options: Options = Options(),
) -> Iterator[GroupEpoch]:
    """Train the executions together; see `base` for the contract.

    Raises:
        SettingError: executions that do not fit in one program (see `fusion.partition`).
    """
    members = [
        Member(execution=e, model=reference.initial_model(e))
        for e in executions
        if e.first_epoch <= e.train.epochs
    ]
    yield from _train(members, data, keep, options)


def trained_model(execution: Execution, checkpoint: Checkpoint) -> Model:
    """The execution's compiled Keras model with the weights of a checkpoint."""
    return reference.initial_model(replace(execution, start=checkpoint))


def _train(
    members: list[Member], data: TrainingData, keep: Callable, options: Options
) -> Iterator[GroupEpoch]:
    while members:
        group = None
        try:
            group = _Group(members, data, options)
            finished = False
            while not finished:
                epoch = group.train_epoch()
                yield epoch
                group.end([r.id for r in epoch.results if not keep(r)])
                finished = group.is_wasteful
            members = group.survivors()
        except Exception as error:
            if len(members) == 1 or not ops.is_out_of_memory(error):
                raise
            members = members if group is None else group.survivors()
            group = None
            for half in balanced(members, 2):
                yield from _train(list(half), data, keep, options)
            return


class _Group:
    """Members in one program, between their start and the next compaction."""

    def __init__(self, members: Sequence[Member], data: TrainingData, options: Options) -> None:
        order = {key: i for i, key in enumerate(dict.fromkeys(member.block for member in members))}
        self.members = sorted(members, key=lambda member: order[member.block])
        self.data, self.options = data, options
        self.ended: set[tuple[int, int]] = set()
        self.epochs_run = 0
        keys = [order[member.block] for member in self.members]
        self.lanes = Lanes(
            blocks=tuple(keys.count(i) for i in range(len(order))),
            lowering=lowerings.choose(options.lowering),
        )
        self.stack = self._stacked()
        self.weights = tuple(ops.on_device(w) for w in self.stack.weights)
        self.velocities = self._velocities()
        self.vectors = steps.on_device(self.stack.vectors)

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

    @property
    def live(self) -> list[int]:
        """Places of the members that train on."""
        return [k for k, member in enumerate(self.members) if member.execution.id not in self.ended]

    @property
    def is_wasteful(self) -> bool:
        """Whether to stop and compact: nothing is left, or what ended would cost more than a new program."""
        left = [m.execution.train.epochs - self._epoch_of(m) for m in (self.members[k] for k in self.live)]
        waste = len(self.ended) * max(left, default=0) * len(self.data.train)
        return not left or waste > self.options.compact_after

    def _epoch_of(self, member: Member) -> int:
        """The last epoch that the member has finished, if it is live."""
        return member.execution.first_epoch - 1 + self.epochs_run

    def train_epoch(self) -> GroupEpoch:
        """Train all for an epoch and measure them."""
        started = time.perf_counter()
        compiler = Compiler()
        trained, right = self._train(compiler)
        held_out, held_out_right = self._measure(compiler)
        self.epochs_run += 1
        live = self.live
        seconds = (time.perf_counter() - started) / len(live)
        results = tuple(
            EpochResult(
                trial=self.members[k].execution.trial,
                repeat=self.members[k].execution.repeat,
                epoch=self._epoch_of(self.members[k]),
                train_loss=float(trained[k]),
                train_accuracy=float(right[k]),
                held_out_loss=float(held_out[k]),
                held_out_accuracy=float(held_out_right[k]),
                seconds=seconds,
            )
            for k in live
        )
        return GroupEpoch(results=results, checkpoint=self.checkpoint, compile_seconds=compiler.seconds)

    def _train(self, compiler: Compiler) -> tuple[np.ndarray, np.ndarray]:
        train = self.data.train
        first = np.cumsum((0, *self.lanes.blocks[:-1]))
        orders = np.stack(
            [
                epoch_order(member.execution.order_seed, self._epoch_of(member) + 1, len(train))
                for member in (self.members[k] for k in first)
            ]
        )  # (B, n)
        batch = self.members[0].execution.train.batch_size
        fixed = (self.weights, self.velocities, self.vectors)
        streams = self._streams(train, orders, batch)
        run = compiler.get(steps.train_epoch, self.stack.skeleton, fixed, streams)
        state, figures = run(fixed, streams)
        means = steps.epoch_means(ops.to_numpy(figures), len(train), batch)
        self.weights, self.velocities = state
        return means

    def _measure(self, compiler: Compiler) -> tuple[np.ndarray, np.ndarray]:
        split = self.data.held_out
        orders = np.tile(np.arange(len(split)), (len(self.lanes.blocks), 1))
        batch = max(1, min(len(split), EVALUATION_IMAGES[ops.device_kind()] // self.lanes.models))
        fixed = (self.weights, self.vectors)
        streams = self._streams(split, orders, batch)
        run = compiler.get(steps.held_out_pass, self.stack.skeleton, fixed, streams)
        return steps.epoch_means(ops.to_numpy(run(fixed, streams)), len(split), batch)

    def _streams(self, split: Split, orders: np.ndarray, batch: int) -> tuple:
        cut = steps.batches(orders, batch, self.stack.skeleton.dtype)
        return (*(ops.on_device(a) for a in cut), *_resident(split))

    def end(self, ids: Sequence[tuple[int, int]]) -> None:
        """Mark executions as ended: these, and those whose last epoch is done."""
        self.ended.update(ids)
        done = [m.execution.id for m in self.members if self._epoch_of(m) >= m.execution.train.epochs]
        self.ended.update(done)

    def survivors(self) -> list[Member]:
        """The live members where they stand."""
        if not self.epochs_run:
            return [self.members[k] for k in self.live]
        weights, velocities = self._host()
        return [self.members[k].at(self._state(k, weights, velocities)) for k in self.live]

    def checkpoint(self, execution_id: tuple[int, int]) -> Checkpoint:
        """The state of one member now."""
        ids = [member.execution.id for member in self.members]
        return self._state(ids.index(execution_id), *self._host())

    def _host(self) -> tuple[list, list]:
        return [ops.to_numpy(w) for w in self.weights], [ops.to_numpy(v) for v in self.velocities]

    def _state(self, k: int, weights: list, velocities: list) -> Checkpoint:
        has_momentum = velocities and self.members[k].execution.train.momentum
        return Checkpoint(
            epoch=self._epoch_of(self.members[k]),
            weights=self.stack.of_model(weights, k),
            velocities=self.stack.of_model(velocities, k) if has_momentum else (),
        )


_on_device: weakref.WeakKeyDictionary[Split, tuple] = weakref.WeakKeyDictionary()


def _resident(split: Split) -> tuple:
    """Images (n, h, w, c) uint8 and labels (n,) int32 on the device, copied there once."""
    if split not in _on_device:
        _on_device[split] = ops.on_device(split.images), ops.on_device(split.labels.astype(np.int32))
    return _on_device[split]
