"""One group's training: every epoch stored as it comes, failures kept to the execution they belong to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from lenet_tune.engines.base import EpochResult, Execution, GroupEpoch
from lenet_tune.errors import CallbackError, SearchError, StudyError
from lenet_tune.records import Ending
from lenet_tune.stopping import StopRule
from lenet_tune.study import Study

MAX_FAILURES_IN_A_ROW = 5
_BUGS = (TypeError, NameError, AttributeError, AssertionError, LookupError, ImportError)
"""Mistakes in the code, not in a trial: a search that swallowed them would go on with nonsense."""

Source = Callable[[], Sequence[Execution]]
"""Reads a group from the store, to start or to go on with."""


class BudgetSpent(Exception):
    """The time a search was given is over; everything finished is stored."""


FATAL = (BudgetSpent, StudyError, CallbackError, *_BUGS)
"""What ends the search. A study that cannot be written is no fault of the trials."""


class Watcher(Protocol):
    """Who is told how the search goes on; see `progress`."""

    def group(self, executions: Sequence[Execution]) -> None:
        """A group starts to train."""

    def epoch(self, epoch: GroupEpoch) -> None:
        """A group has trained an epoch."""

    def ended(self, ending: Ending, result: EpochResult | None) -> None:
        """An execution has ended, with its last epoch where there is one."""

    def parted(self, executions: Sequence[Execution], reason: str) -> None:
        """A group cannot go on, for a reason in one line; its members train one by one from now."""


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


class Run:
    """A group in training, as the store knows it.

    Args:
        group: all members, those that have ended included.
        device: that trains it, for the record.
    """

    def __init__(self, group: Sequence[Execution], device: str) -> None:
        self.group, self.device = group, device
        self.open = {e.id: e for e in group if e.ended_after is None}

    def is_open(self, result: EpochResult) -> bool:
        """Whether the execution of a result trains on: the `keep` of engines."""
        return result.id in self.open

    def forget(self, endings: Iterable[Ending]) -> None:
        """These executions have ended, here or elsewhere."""
        for end in endings:
            self.open.pop((end.trial, end.repeat), None)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trainer:
    """Stores what the groups of a study bring, wherever they train (`sites`).

    Args:
        rule: which executions to stop early; None lets each train to its last epoch.
    """

    study: Study
    watcher: Watcher
    checkpoint_every: int
    rule: StopRule | None
    failures: Failures

    def begin(self, group: Sequence[Execution], device: str) -> Run:
        """A group starts to train."""
        run = Run(group, device)
        self.watcher.group(list(run.open.values()))
        return run

    def take(self, run: Run, epoch: GroupEpoch) -> list[Ending]:
        """Store a group's epoch; returns the executions that have ended by it, in this group or in others."""
        endings = self._store(epoch, run)
        self.watcher.epoch(epoch)
        results = {r.id: r for r in epoch.results}
        for end in endings:
            run.forget([end])
            self.watcher.ended(end, results.get((end.trial, end.repeat)))
            self.failures.reset()
        return endings

    def after(self, error: Exception, run: Run) -> list[Source]:
        """What follows an error in a group: what is left of it trains one by one, to find the culprit.

        Raises:
            SearchError: too many executions failed one after the other.
        """
        left = list(run.open.values())
        if len(left) == 1:
            self.end_failed(left[0].id, error, run.device)
            left = []
        elif left:
            self.watcher.parted(left, one_line(error))
        self.rewind(run)
        # Each alone from now on, also in the next sitting, should this one end here.
        self.study.form_cohorts([[execution.id] for execution in left])
        return [partial(self._alone, execution) for execution in left]

    def rewind(self, run: Run) -> None:
        """Forget what a group did after its checkpoints; other groups may be in training."""
        self.study.rewind(run.open)

    def _alone(self, execution: Execution) -> list[Execution]:
        start = self.study.checkpoint(*execution.id) or execution.start
        return [replace(execution, start=start)]

    def end_failed(self, identity: tuple[int, int], error: Exception, device: str) -> None:
        """Store that an execution failed."""
        trial, repeat = identity
        reason = one_line(error)
        end = Ending(trial=trial, repeat=repeat, outcome="failed", error=reason)
        self.study.record([], endings=[end], device=device)
        self.watcher.ended(end, None)
        self.failures.add(reason)

    def _store(self, epoch: GroupEpoch, run: Run) -> list[Ending]:
        """One transaction for all that a group's epoch brought; returns the executions that ended."""
        endings, checkpoints, running = [], {}, run.open
        for result in epoch.results:
            execution = running[result.id]
            if result.diverged or result.epoch >= execution.train.epochs:
                outcome = "diverged" if result.diverged else "done"
                error = f"loss not finite in epoch {result.epoch}" if result.diverged else None
                endings.append(Ending(trial=result.trial, repeat=result.repeat, outcome=outcome, error=error))
            if is_kept(execution, result, self.checkpoint_every):
                checkpoints[result.id] = epoch.checkpoint(result.id)
        ruling = self.rule.ruling(self.study, epoch.results, running, endings) if self.rule else None
        endings += ruling.endings if ruling else []
        self.study.record(
            epoch.results,
            checkpoints=checkpoints,
            endings=endings,
            audited=ruling.audited if ruling else None,
            device=run.device,
        )
        return endings


def is_kept(execution: Execution, result: EpochResult, every: int) -> bool:
    """Whether the state after a result is stored: after the last epoch, and every `every` epochs.

    They are counted from where the group began, so that all members stand at one checkpoint.
    """
    due = (result.epoch - execution.joined) % every == 0
    return not result.diverged and (due or result.epoch >= execution.train.epochs)


def one_line(error: Exception) -> str:
    """An error as one line of at most 500 characters that no terminal obeys."""
    text = " ".join(str(error).split()) or "no message"
    shown = "".join(c if c.isprintable() else "?" for c in text[:500])
    return f"{type(error).__name__}: {shown}"[:500]
