"""The workers of a search as the place where its groups are trained: the `sites.Site` of a cluster.

Groups are read from the store in their order, and a worker that is free takes the next one, so a faster
worker takes more of them. A group whose worker is lost goes on from its checkpoints on another worker. When
no group waits any more, a free worker takes over the group of one that would need more than twice as long.
"""

from collections.abc import Iterable, Iterator, Mapping

from lenet_tune.cluster.crew import Crew, Hand
from lenet_tune.cluster.shift import Shift
from lenet_tune.cluster.speeds import Speeds
from lenet_tune.training import Source, Trainer

GROUPS_A_WORKER = 2
"""Groups that a round is cut into for each worker, so that a faster one can take more."""

LEAST_MEMBERS = 4
"""A group of fewer members wastes much of what a fused program gains (README, Speed)."""

MODEL_BYTES, BASE_BYTES = 4 * 2**20, 2**29
"""Memory of a further model in a group, and of the program itself, rounded up from the README's figures."""


class Fleet:
    """The workers of a search, several groups in flight.

    Args:
        capacities: executions of a group at most, by kind of device.
        trial_timeout: seconds that a group may train; None for no limit.
    """

    def __init__(self, crew: Crew, *, capacities: Mapping[str, int], trial_timeout: float | None) -> None:
        self._crew, self._capacities, self._timeout = crew, capacities, trial_timeout
        self._speeds = Speeds()

    @property
    def device(self) -> str:
        """What trains, for people and for the manifest."""
        names = [hand.facts.device for hand in self._crew.ready]
        counts = [f"{names.count(name)} x {name}" for name in dict.fromkeys(names)]
        return f"workers: {', '.join(counts)}"

    def group_size(self, executions: int) -> int:
        """So many that every worker has a group, or two where they have enough members, and all fit."""
        workers = max(1, len(self._crew.hands))
        size = -(-executions // (GROUPS_A_WORKER * workers))
        if size < LEAST_MEMBERS:
            size = -(-executions // workers)
        return max(1, min([size, *map(self._capacity, self._crew.ready)]))

    def _capacity(self, hand: Hand) -> int:
        most, memory = self._capacities[hand.facts.kind], hand.facts.memory
        return most if memory is None else min(most, (memory - BASE_BYTES) // MODEL_BYTES)

    def train(self, groups: Iterable[Source], trainer: Trainer, deadline: float | None) -> Iterator[None]:
        """As `Site.train`."""
        shift = Shift(
            crew=self._crew,
            speeds=self._speeds,
            waiting=iter(groups),
            trainer=trainer,
            deadline=deadline,
            timeout=self._timeout,
        )
        try:
            yield from shift.train()
        finally:
            shift.leave()
