"""The fused engine: a whole group of executions trained as one program.

It takes the Keras models of the group, stacks their weights (`program`), and runs whole epochs on the device
(`steps`). The numbers are those of the reference engine within float tolerance.
Letters: K models, B blocks, S steps, n images.
"""

import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from lenet_tune.data import Split
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
from lenet_tune.engines.strand import Member, Strand, strand_count
from lenet_tune.errors import SettingError
from lenet_tune.fusion import balanced, skeleton_key

COMPACT_AFTER = 50_000
"""Image visits that ended executions may waste until the group is compacted: what a new program costs."""

EVALUATION_IMAGES = {"cpu": 3072, "gpu": 16_384}
"""Images times models at once on the held-out split; changes the speed, not the result.

On a GPU as many as a step of 512 models at batch size 32: what can be trained can also be measured.
"""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to run; none of it changes the results by more than float tolerance.

    Args:
        lowering: how convolutions run, one of `lowering.LOWERINGS`; None chooses by device.
        strands: independent programs to cut the group into, all run side by side; None chooses by device
            and by the size of the maps, and then they may take turns.
        compact_after: see `COMPACT_AFTER`.
    """

    lowering: str | None = None
    strands: int | None = None
    compact_after: int = COMPACT_AFTER


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
    if len({skeleton_key(e) for e in executions}) > 1:
        raise SettingError("Executions of one group must agree in all that is not fusible: use `partition`.")
    if all(e.is_over for e in executions):
        return
    age = max(e.first_epoch - 1 - e.joined for e in executions if not e.is_over)
    members = [_member(e, age) for e in executions if e.ended_after is not None or not e.is_over]
    order = {key: i for i, key in enumerate(dict.fromkeys(member.block for member in members))}
    members.sort(key=lambda member: order[member.block])
    yield from _train(_as_it_was(members, age, data, options), data, keep, options, age)


def _member(execution: Execution, age: int) -> Member:
    """An execution with its model; one that has ended stands where the group does, from initial weights."""
    model = reference.initial_model(execution)
    if execution.ended_after is not None:
        state = Checkpoint(epoch=execution.joined + age, weights=tuple(model.get_weights()))
        execution = replace(execution, start=state)
    return Member(execution=execution, model=model)


def _as_it_was(members: list[Member], age: int, data: TrainingData, options: Options) -> list[Member]:
    """The members that the group had after `age` epochs: all, less those that compactions left out."""
    for earlier in range(1, age + 1):
        gone = [m for m in members if m.is_gone(earlier)]

        def left(member: Member, at: int = earlier) -> int:
            return member.execution.train.epochs - member.execution.joined - at

        if is_wasteful(members, gone, left, len(data.train), options.compact_after):
            members = [m for m in members if m not in gone]
    return members


def _train(
    members: list[Member], data: TrainingData, keep: Callable, options: Options, age: int
) -> Iterator[GroupEpoch]:
    while any(member.execution.ended_after is None for member in members):
        group = None
        try:
            group = _Group(members, data, options, age)
            finished = False
            while not finished:
                epoch = group.train_epoch()
                yield epoch
                group.end([r.id for r in epoch.results if not keep(r)])
                finished = group.is_wasteful
            members, age = group.survivors(), group.age
        except Exception as error:
            if len(members) == 1 or not ops.is_out_of_memory(error):
                raise
            members, age = (members, age) if group is None else (group.survivors(), group.age)
            group = None
            members = [member for member in members if member.execution.ended_after is None]
            for half in balanced(members, 2):
                yield from _train(list(half), data, keep, options, age)
            return


def is_wasteful(
    members: Sequence[Member], gone: Sequence[Member], left: Callable[[Member], int], images: int, most: int
) -> bool:
    """Whether to compact: nothing is left, or what has ended would cost more than a new program.

    Args:
        gone: those of the members that have ended.
        left: epochs that a member has before it.
        images: training images an epoch.
        most: image visits that ended executions may waste, see `COMPACT_AFTER`.
    """
    before = [left(member) for member in members if member not in gone]
    return not before or len(gone) * max(before) * images > most


class _Group:
    """Members in one program, between their start and the next compaction.

    Args:
        members: ordered by block.
        age: epochs the group has behind it.
    """

    def __init__(self, members: Sequence[Member], data: TrainingData, options: Options, age: int = 0) -> None:
        self.members = list(members)
        self.start_age = age
        self.data, self.options = data, options
        self.ended = {m.execution.id for m in members if m.execution.ended_after is not None}
        self._ended_now: set[tuple[int, int]] = set()
        self.epochs_run = 0
        self.side_by_side = options.strands or ops.default_strands()
        count = min(len(members), options.strands or strand_count(members))
        self.strands = [Strand(part, options.lowering) for part in balanced(self.members, count)]

    @property
    def live(self) -> list[int]:
        """Places of the members that train on."""
        return [k for k, member in enumerate(self.members) if member.execution.id not in self.ended]

    @property
    def age(self) -> int:
        """Epochs the group has behind it, those before it went on included."""
        return self.start_age + self.epochs_run

    @property
    def gone(self) -> list[Member]:
        """Members that have ended by now; of those that ended before the group went on, this is known."""
        return [m for m in self.members if m.execution.id in self._ended_now or m.is_gone(self.age)]

    @property
    def is_wasteful(self) -> bool:
        """Whether to stop and compact."""
        most, images = self.options.compact_after, len(self.data.train)
        return is_wasteful(self.members, self.gone, self._left, images, most)

    def _left(self, member: Member) -> int:
        return member.execution.train.epochs - self._epoch_of(member)

    def _epoch_of(self, member: Member) -> int:
        """The last epoch that the member has finished, if it has not ended."""
        return member.execution.first_epoch - 1 + self.epochs_run

    def train_epoch(self) -> GroupEpoch:
        """Train all for an epoch and measure them."""
        started = time.perf_counter()
        compiler = Compiler()
        trained = self._train(compiler)  # (2, K): loss, accuracy
        held_out = self._measure(compiler)  # (2, K)
        self.epochs_run += 1
        live = self.live
        seconds = (time.perf_counter() - started) / len(live)
        results = tuple(
            EpochResult(
                trial=self.members[k].execution.trial,
                repeat=self.members[k].execution.repeat,
                epoch=self._epoch_of(self.members[k]),
                train_loss=float(trained[0, k]),
                train_accuracy=float(trained[1, k]),
                held_out_loss=float(held_out[0, k]),
                held_out_accuracy=float(held_out[1, k]),
                seconds=seconds,
            )
            for k in live
        )
        return GroupEpoch(results=results, checkpoint=self.checkpoint, compile_seconds=compiler.seconds)

    def _train(self, compiler: Compiler) -> np.ndarray:
        split = self.data.train
        orders = [
            np.stack([epoch_order(m.execution.order_seed, self._epoch_of(m) + 1, len(split)) for m in firsts])
            for firsts in (strand.firsts for strand in self.strands)
        ]  # (B, n) a strand
        fixed = [(s.weights, s.velocities, s.vectors) for s in self.strands]
        batch = self.members[0].execution.train.batch_size
        outputs = self._run(
            compiler, steps.train_epoch, fixed, (split, orders, batch), self.data.class_weights
        )
        for strand, (state, _) in zip(self.strands, outputs, strict=True):
            strand.weights, strand.velocities = state
        return self._means([figures for _, figures in outputs], len(split), batch)

    def _measure(self, compiler: Compiler) -> np.ndarray:
        split = self.data.held_out
        orders = [np.tile(np.arange(len(split)), (len(s.lanes.blocks), 1)) for s in self.strands]
        batch = EVALUATION_IMAGES[ops.device_kind()] // len(self.members)
        batch = max(1, min(len(split), batch))
        fixed = [(s.weights, s.vectors) for s in self.strands]
        outputs = self._run(compiler, steps.held_out_pass, fixed, (split, orders, batch))
        return self._means(outputs, len(split), batch)

    def _run(
        self,
        compiler: Compiler,
        make: Callable,
        fixed: list[tuple],
        visit: tuple,
        class_weights: tuple[float, ...] | None = None,
    ) -> list:
        """What each strand's program gives; as many run at once as `side_by_side` says."""
        split, orders, batch = visit
        dtype = self.strands[0].stack.skeleton.dtype
        shared = (ops.on_device(steps.batch_weights(len(split), batch, dtype)), *_resident(split))
        if class_weights is not None:
            shared = (*shared, ops.on_device(np.array(class_weights, dtype)))
        streams = [(*shared, ops.on_device(steps.batches(order, batch))) for order in orders]
        calls = [
            partial(compiler.get(make, strand.stack.skeleton, own, stream), own, stream)
            for strand, own, stream in zip(self.strands, fixed, streams, strict=True)
        ]
        pool = ThreadPoolExecutor(self.side_by_side)
        try:
            return list(pool.map(lambda call: call(), calls))
        finally:
            pool.shutdown(cancel_futures=True)

    @staticmethod
    def _means(figures: Sequence, size: int, batch: int) -> np.ndarray:
        return np.concatenate([steps.epoch_means(ops.to_numpy(f), size, batch) for f in figures], 1)

    def end(self, ids: Sequence[tuple[int, int]]) -> None:
        """Mark executions as ended: these, and those whose last epoch is done."""
        done = [m.execution.id for m in self.members if self._left(m) <= 0]
        self._ended_now.update(ids, done)
        self.ended.update(self._ended_now)

    def survivors(self) -> list[Member]:
        """The members that are not gone, where they stand."""
        gone = self.gone
        left = [member for member in self.members if member not in gone]
        if not self.epochs_run:
            return left
        return [member.at(self.checkpoint(member.execution.id)) for member in left]

    def checkpoint(self, execution_id: tuple[int, int]) -> Checkpoint:
        """The state of one member now."""
        for strand in self.strands:
            for k, member in enumerate(strand.members):
                if member.execution.id == execution_id:
                    return strand.checkpoint(k, self._epoch_of(member))
        raise KeyError(execution_id)


_on_device: weakref.WeakKeyDictionary[Split, tuple] = weakref.WeakKeyDictionary()


def _resident(split: Split) -> tuple:
    """Images (n, h, w, c) uint8 and labels (n,) int32 on the device, copied there once."""
    if split not in _on_device:
        _on_device[split] = ops.on_device(split.images), ops.on_device(split.labels.astype(np.int32))
    return _on_device[split]
