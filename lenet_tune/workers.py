"""The workers of a sitting, where --workers or --ray asks for them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from lenet_tune.engines.base import TrainingData
from lenet_tune.progress import duration
from lenet_tune.records import Definition


class Wish(Protocol):
    """What decides on workers; see `session.Place`."""

    @property
    def workers(self) -> int | None:
        """How many, on this host or a node; None for one a GPU."""

    @property
    def ray(self) -> str | None:
        """Address of a Ray cluster; None for this host."""

    @property
    def device(self) -> str:
        """Device to train on."""

    @property
    def checkpoint_every(self) -> int:
        """Epochs between checkpoints."""

    @property
    def trial_timeout(self) -> float | None:
        """Seconds that a group may train; None for no limit."""


def engine_of(name: str) -> str:
    """Where a worker finds the `train_group` of an engine."""
    return f"lenet_tune.engines.{name}:train_group"


def wanted(wish: Wish) -> bool:
    """Whether groups are to train elsewhere than in this process."""
    return wish.workers is not None or wish.ray is not None


def estimate_words(wish: Wish, seconds: float, gpus: int) -> str | None:
    """What workers make of a time that was measured for this process alone; None without workers.

    Args:
        seconds: that this process would take.
        gpus: that this process can use.
    """
    if not wanted(wish):
        return None
    alone = "That is for this process alone."
    if wish.ray is not None:
        many = "its workers are a GPU or a node each" if wish.workers is None else f"{wish.workers} a node"
        return (
            f"{alone} The Ray cluster was not asked ({many}): n workers that are like this process take "
            "an n-th of it at best."
        )
    if not gpus:
        return f"{alone} With --workers {wish.workers} they share the cores it has: count on about the same."
    shared = f"{gpus} GPU{'' if gpus == 1 else 's'}"
    best = duration(seconds / min(wish.workers or gpus, gpus))
    return f"{alone} With --workers {wish.workers} on {shared} count on {best} at best."


def check(wish: Wish) -> None:
    """Refuse workers where Ray is missing.

    Raises:
        RequirementError: with the pip command.
    """
    if wanted(wish):
        from lenet_tune import cluster

        cluster.check_there()


@contextmanager
def hired(
    definition: Definition, data: TrainingData, wish: Wish, backend: str, capacities: Mapping[str, int]
) -> Iterator[Any]:
    """The place where groups train, or None for this process.

    Args:
        capacities: executions of a group at most, by kind of device.
    """
    if not wanted(wish):
        yield None
        return
    from lenet_tune import cluster
    from lenet_tune.cluster.worker import Duty

    duty = Duty(
        engine=engine_of(definition.engine),
        backend=backend,
        device=wish.device,
        checkpoint_every=wish.checkpoint_every,
    )
    with cluster.hire(
        workers=wish.workers,
        address=wish.ray,
        duty=duty,
        data=data,
        capacities=capacities,
        trial_timeout=wish.trial_timeout,
    ) as fleet:
        yield fleet
