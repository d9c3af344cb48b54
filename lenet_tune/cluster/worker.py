"""What runs in a worker: an engine, one group at a time, one epoch a call.

The driver asks for an epoch, stores it, and says in the next call which executions train on: so a worker
never knows more than the store does.
"""

import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from lenet_tune import devices, manifest
from lenet_tune.engines.base import Checkpoint, EpochResult, Execution, GroupEpoch, TrainingData
from lenet_tune.training import is_kept


@dataclass(frozen=True, kw_only=True)
class Duty:
    """What a worker has to know before its first group.

    Args:
        engine: "module:function" of its `train_group`.
        backend: array library; None for an engine that needs none.
        device: "auto", "cpu" or "gpu", as `devices.prepare` takes it.
        checkpoint_every: epochs between checkpoints.
    """

    engine: str
    backend: str | None
    device: str = "auto"
    checkpoint_every: int = 1


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a worker says of itself.

    Args:
        device: for the record.
        kind: "CPU" or "GPU".
        memory: bytes that its models may take; None where it is not known.
        software: versions that decide on the numbers, by package.
    """

    device: str
    kind: str
    memory: int | None
    software: Mapping[str, str | None]
    pid: int


@dataclass(frozen=True, kw_only=True, eq=False)
class News:
    """A group's epoch on its way to the driver, with the states that are to be stored."""

    results: tuple[EpochResult, ...]
    states: Mapping[tuple[int, int], Checkpoint]
    compile_seconds: float


class GroupWorker:
    """An actor: begins once, then trains what it is given."""

    def begin(self, duty: Duty, data: TrainingData, threads: int, sharing: int) -> Facts:
        """Get the engine ready.

        Args:
            threads: cores that this worker may use.
            sharing: workers on this host, for its share of the memory.
        """
        kind, device = "CPU", f"CPU, {threads} of {len(os.sched_getaffinity(0))} cores"
        if duty.backend is not None:
            devices.prepare(duty.backend, duty.device, threads=threads)
            if devices.gpus():
                kind, device = "GPU", devices.describe()
        module, _, function = duty.engine.partition(":")
        self._train_group = getattr(import_module(module), function)
        self._duty, self._data = duty, data
        self._epochs: Iterator[GroupEpoch] = iter(())
        return Facts(
            device=f"{device} ({platform.node()})",
            kind=kind,
            memory=None if kind == "GPU" else _free_memory() // sharing,
            software=manifest.decisive(duty.backend),
            pid=os.getpid(),
        )

    def train(self, group: Sequence[Execution]) -> News | None:
        """Begin a group, whatever became of the one before, and train its first epoch."""
        self._group = {e.id: e for e in group}
        self._open = {e.id for e in group if e.ended_after is None}
        self._epochs = self._train_group(group, self._data, keep=lambda r: r.id in self._open)
        return self._next()

    def go_on(self, left: Sequence[tuple[int, int]]) -> News | None:
        """Train the next epoch of the executions in `left`; None where the group is at its end."""
        self._open = set(left)
        return self._next()

    def pulse(self) -> None:
        """Answers while the process lives, also in the middle of an epoch."""

    def _next(self) -> News | None:
        epoch: Any = next(self._epochs, None)
        if epoch is None:
            return None
        every = self._duty.checkpoint_every
        kept = [r.id for r in epoch.results if is_kept(self._group[r.id], r, every)]
        return News(
            results=epoch.results,
            states={identity: epoch.checkpoint(identity) for identity in kept},
            compile_seconds=epoch.compile_seconds,
        )


def _free_memory() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
