"""Where groups are trained: in this process, or elsewhere (`cluster`).

Whatever the place, `training.Trainer` stores each epoch before the next one of the group is asked for.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Protocol

from lenet_tune.engines.base import Engine, GroupEpoch, TrainingData
from lenet_tune.errors import EngineHangsError
from lenet_tune.training import FATAL, BudgetSpent, Source, Trainer


class Site(Protocol):
    """Where groups are trained."""

    def group_size(self, executions: int) -> int:
        """Most members of a group when so many executions wait."""

    def train(self, groups: Iterable[Source], trainer: Trainer, deadline: float | None) -> Iterator[None]:
        """Train groups to their ends, and yield after each.

        Args:
            groups: read one by one, each when its turn comes.
            deadline: `time.monotonic()` after which no epoch starts but the first; None for no limit.

        Raises:
            BudgetSpent: the deadline has passed.
            SearchError: too many executions failed one after the other, or the engine hangs.
        """


class Here:
    """This process, one group after the other.

    Args:
        capacity: executions of a group at most.
        device: in use, for the record.
        trial_timeout: seconds that a group may train; None for no limit.
    """

    def __init__(
        self,
        train_group: Engine,
        data: TrainingData,
        *,
        capacity: int,
        device: str,
        trial_timeout: float | None = None,
    ) -> None:
        self._train_group, self._data = train_group, data
        self._capacity, self._device, self._timeout = capacity, device, trial_timeout

    def __enter__(self) -> "Here":
        self._thread = EngineThread().__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._thread.__exit__(*exc)

    def group_size(self, executions: int) -> int:
        """As `Site.group_size`."""
        return self._capacity

    def train(self, groups: Iterable[Source], trainer: Trainer, deadline: float | None) -> Iterator[None]:
        """As `Site.train`."""
        for number, source in enumerate(groups):
            if number and is_over(deadline):
                raise BudgetSpent
            self._train(source, trainer, deadline)
            yield

    def _train(self, source: Source, trainer: Trainer, deadline: float | None) -> None:
        run = trainer.begin(source(), self._device)
        try:
            start = lambda: self._train_group(run.group, self._data, keep=run.is_open)  # noqa: E731
            for epoch in self._thread.iterate(start, self._timeout):
                trainer.take(run, epoch)
                if run.open and is_over(deadline):
                    raise BudgetSpent
        except FATAL:
            raise
        except Exception as error:
            again = trainer.after(error, run)
            if isinstance(error, EngineHangsError):
                raise
            for alone in again:
                self._train(alone, trainer, deadline)


def is_over(deadline: float | None) -> bool:
    """Whether a deadline has passed."""
    return deadline is not None and time.monotonic() >= deadline


class EngineThread:
    """Runs an engine in a thread of its own.

    An epoch is one long call into compiled code, during which Python would not notice a signal; the main
    thread waits where it does.
    """

    def __enter__(self) -> "EngineThread":
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="engine")
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(wait=False)

    def iterate(self, start: Callable[[], Iterator[GroupEpoch]], limit: float | None) -> Iterator[GroupEpoch]:
        """The items of `start()`, each made in the thread.

        Raises:
            TimeoutError: after an item, when `limit` seconds are over.
            EngineHangsError: no item came before twice the limit; the thread cannot be used any more.
        """
        started = time.monotonic()

        def result(future: Future) -> Any:
            if limit is not None:
                wait([future], timeout=max(0.0, started + 2 * limit - time.monotonic()))
                if not future.done():
                    raise EngineHangsError(_hangs(limit))
            return future.result()

        iterator = result(self._pool.submit(start))
        end = object()
        while (item := result(self._pool.submit(next, iterator, end))) is not end:
            yield item
            if limit is not None and time.monotonic() > started + limit:
                self._pool.submit(iterator.close)
                raise TimeoutError(f"not at its end after {limit:g} s (--trial-timeout)")


def _hangs(limit: float) -> str:
    return (
        f"No epoch ended within {2 * limit:g} s, twice the --trial-timeout, and compiled code cannot be "
        "interrupted, so the process ends. A trial that trained alone has failed; those of a group train "
        "alone next time. Run the same command again to go on."
    )
