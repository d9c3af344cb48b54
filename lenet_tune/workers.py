"""The workers of a sitting, where --workers or --ray asks for them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from lenet_tune.engines.base import TrainingData
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


def check(wish: Wish) -> None:
    """Refuse workers where Ray is missing.

    Raises:
        RequirementError: with the pip command.
    """
    if wish.workers is not None or wish.ray is not None:
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
    if wish.workers is None and wish.ray is None:
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
