"""One group's training: every epoch stored as it comes, failures kept to the execution they belong to."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import Any, Protocol

from lenet_tune.engines.base import Engine, EpochResult, Execution, GroupEpoch, TrainingData
from lenet_tune.errors import CallbackError, EngineHangsError, SearchError, StudyError
from lenet_tune.records import Ending
from lenet_tune.stopping import StopRule
from lenet_tune.study import Study

MAX_FAILURES_IN_A_ROW = 5
# Mistakes in the code, not in a trial: a search that swallowed them would go on with nonsense.
_BUGS = (TypeError, NameError, AttributeError, AssertionError, LookupError, ImportError)


class BudgetSpent(Exception):
    """The time a search was given is over; everything finished is stored."""


class Watcher(Protocol):
    """Who is told how the search goes on; see `progress`."""

    def group(self, executions: Sequence[Execution]) -> None:
        """A group starts to train."""

    def epoch(self, epoch: GroupEpoch) -> None:
        """A group has trained an epoch."""

    def ended(self, ending: Ending, result: EpochResult | None) -> None:
        """An execution has ended, with its last epoch where there is one."""


class Failures:
    """Counts executions that failed one after the other."""

    def __init__(self) -> None:
        self._errors: list[str] = []

    def reset(self) -> None:
        """Something went well."""
        self._errors.clear()

    def add(self, error: str) -> None:
        """Something failed.

        Raises:
            SearchError: so many in a row that the cause is no single setting.
        """
        self._errors.append(error)
        if len(self._errors) >= MAX_FAILURES_IN_A_ROW:
            common = max(set(self._errors), key=self._errors.count)
            raise SearchError(
                f"{len(self._errors)} executions in a row failed, so the search stops; the error: {common}. "
                "What finished is stored; mend the cause and run the same command again."
            )


class Worker:
    """Runs an engine in a thread of its own.

    An epoch is one long call into compiled code, during which Python would not notice a signal; the main
    thread waits where it does.
    """

    def __enter__(self) -> "Worker":
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="engine")
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(wait=False)

    def iterate(self, start: Callable[[], Iterator[GroupEpoch]], limit: float | None) -> Iterator[GroupEpoch]:
        """The items of `start()`, each made in the worker's thread.

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


@dataclass(frozen=True, kw_only=True, eq=False)
class Trainer:
    """Trains groups of a study, one after the other.

    Args:
        rule: which executions to stop early; None lets each train to its last epoch.
        worker: runs the engine.
        trial_timeout: seconds that a group may train; None for no limit.
    """

    study: Study
    train_group: Engine
    data: TrainingData
    watcher: Watcher
    device: str
    checkpoint_every: int
    rule: StopRule | None
    worker: Worker
    failures: Failures
    trial_timeout: float | None = None

    def train(self, group: Sequence[Execution], deadline: float | None) -> None:
        """Train one group to its end; a failing group is tried again one by one to find the culprit.

        Args:
            group: all members, those that have ended included.
            deadline: `time.monotonic()` after which no further epoch starts; None for no limit.

        Raises:
            BudgetSpent: the deadline has passed.
            SearchError: too many executions failed one after the other, or the engine hangs.
        """
        open_ids = {e.id: e for e in group if e.ended_after is None}
        self.watcher.group(list(open_ids.values()))
        try:
            start = lambda: self.train_group(group, self.data, keep=lambda r: r.id in open_ids)  # noqa: E731
            for epoch in self.worker.iterate(start, self.trial_timeout):
                endings = self._store(epoch, open_ids)
                self.watcher.epoch(epoch)
                results = {r.id: r for r in epoch.results}
                for end in endings:
                    open_ids.pop((end.trial, end.repeat), None)
                    self.watcher.ended(end, results.get((end.trial, end.repeat)))
                    self.failures.reset()
                if deadline is not None and time.monotonic() >= deadline and open_ids:
                    raise BudgetSpent
        except (BudgetSpent, StudyError, CallbackError, *_BUGS):
            # A study that cannot be written, or a callback that raises, is no fault of the trials.
            raise
        except Exception as error:
            self._after(error, list(open_ids.values()), deadline)

    def _after(self, error: Exception, left: list[Execution], deadline: float | None) -> None:
        """What follows an error in a group with these executions left."""
        if len(left) == 1:
            self.end_failed(left[0].id, error)
            left = []
        self.study.rewind()
        # Each alone from now on, also in the next sitting, should this one end here.
        self.study.form_cohorts([[execution.id] for execution in left])
        if isinstance(error, EngineHangsError):
            raise error
        for execution in left:
            start = self.study.checkpoint(*execution.id) or execution.start
            self.train([replace(execution, start=start)], deadline)

    def end_failed(self, identity: tuple[int, int], error: Exception) -> None:
        """Store that an execution failed."""
        trial, repeat = identity
        reason = one_line(error)
        end = Ending(trial=trial, repeat=repeat, outcome="failed", error=reason)
        self.study.record([], endings=[end], device=self.device)
        self.watcher.ended(end, None)
        self.failures.add(reason)

    def _store(self, epoch: GroupEpoch, running: dict[tuple[int, int], Execution]) -> list[Ending]:
        """One transaction for all that a group's epoch brought; returns the executions that ended."""
        endings, checkpoints = [], {}
        for result in epoch.results:
            execution = running[result.id]
            done = result.epoch >= execution.train.epochs
            if result.diverged or done:
                outcome = "diverged" if result.diverged else "done"
                error = f"loss not finite in epoch {result.epoch}" if result.diverged else None
                endings.append(Ending(trial=result.trial, repeat=result.repeat, outcome=outcome, error=error))
            # Counted from where the group began, so that all members stand at one checkpoint.
            due = (result.epoch - execution.joined) % self.checkpoint_every == 0
            if not result.diverged and (done or due):
                checkpoints[result.id] = epoch.checkpoint(result.id)
        ruling = self.rule.ruling(self.study, epoch.results, running, endings) if self.rule else None
        endings += ruling.endings if ruling else []
        self.study.record(
            epoch.results,
            checkpoints=checkpoints,
            endings=endings,
            audited=ruling.audited if ruling else None,
            device=self.device,
        )
        return endings


def one_line(error: Exception) -> str:
    """An error as one line of at most 500 characters that no terminal obeys."""
    text = " ".join(str(error).split()) or "no message"
    shown = "".join(c if c.isprintable() else "?" for c in text[:500])
    return f"{type(error).__name__}: {shown}"[:500]
