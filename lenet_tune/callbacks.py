"""What a caller may be told while a search runs: trial by trial, epoch by epoch.

Values are plain and frozen. An event comes after what it tells of is stored, in the caller's thread, once: a
search that goes on does not repeat the epochs it has.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from lenet_tune.engines.base import EpochResult, Execution, GroupEpoch
from lenet_tune.errors import CallbackError
from lenet_tune.records import Ending, Snapshot
from lenet_tune.study import Study


@dataclass(frozen=True, kw_only=True)
class Run:
    """One seed of one trial.

    Args:
        study: its name.
        repeat: which of the trial's executions, from 0.
        fresh: number of the fresh seed, from 0, where the trial is a leader that is confirmed; else None.
        setting: the knobs.
        label: the trial's caption.
        epochs: it trains for, at most.
        held_out: what its held-out images are, "validation" or "test".
    """

    study: str
    trial: int
    repeat: int
    fresh: int | None
    setting: Mapping[str, Any]
    label: str
    epochs: int
    held_out: str

    @property
    def id(self) -> tuple[int, int]:
        """(trial, repeat)."""
        return self.trial, self.repeat


@dataclass(frozen=True, kw_only=True)
class SearchEnd:
    """How a sitting at a study ended.

    Args:
        complete: False where a budget, a signal or an error ended it; the same call goes on.
        trials: that have ended.
        best: the best trial's number, and `score` its score; None before any is done.
    """

    study: str
    complete: bool
    trials: int
    best: int | None
    score: float | None


class Callback:
    """Told how a search goes on; override what you need.

    An exception ends the search with one line; what was finished is stored, and the same call goes on.
    """

    def on_trial_begin(self, run: Run) -> None:
        """An execution starts to train, alone or in a group; one that goes on has begun before."""

    def on_epoch_end(self, run: Run, epoch: EpochResult) -> None:
        """An epoch of it is stored."""

    def on_trial_end(self, run: Run, ending: Ending, last: EpochResult | None) -> None:
        """It is "done", "diverged", "failed" or "stopped"; `last` is its last epoch in this sitting."""

    def on_search_end(self, end: SearchEnd) -> None:
        """The sitting is over; not called for a study that was complete before it."""


class _Inner(Protocol):
    """A `training.Watcher` that is a context."""

    def __enter__(self) -> Any: ...
    def __exit__(self, *exc: object) -> None: ...
    def group(self, executions: Sequence[Execution]) -> None: ...
    def epoch(self, epoch: GroupEpoch) -> None: ...
    def ended(self, ending: Ending, result: EpochResult | None) -> None: ...
    def parted(self, executions: Sequence[Execution], reason: str) -> None: ...


class Announcer:
    """A `training.Watcher` that tells callbacks, after it has told another watcher.

    Args:
        inner: the other watcher.
        study: as it stands before the sitting.
    """

    def __init__(self, inner: _Inner, callbacks: Iterable[Callback], study: Study) -> None:
        self._inner, self._callbacks, self._study = inner, tuple(callbacks), study
        self._failed: Callback | None = None
        snapshot = study.snapshot()
        executions = [e for t in snapshot.trials for e in t.executions]
        self._told = {(*epoch.id, epoch.epoch) for e in executions for epoch in e.epochs}
        self._begun = {(e.trial, e.repeat) for e in executions if e.epochs}
        self._runs: dict[tuple[int, int], Run] = {}

    def __enter__(self) -> "Announcer":
        self._inner.__enter__()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        self._inner.__exit__(kind, error, trace)
        if error is None:
            self._tell("on_search_end", _end(self._study.snapshot()))
            return
        with suppress(Exception):  # the error that ended the search is the one to see
            end = _end(self._study.snapshot())
            for callback in self._callbacks:
                if callback is not self._failed:
                    with suppress(Exception):
                        callback.on_search_end(end)

    def group(self, executions: Sequence[Execution]) -> None:
        """A group starts to train."""
        self._inner.group(executions)
        self._learn()
        for execution in executions:
            self._begin(self._runs[execution.id])

    def epoch(self, epoch: GroupEpoch) -> None:
        """A group has trained an epoch."""
        self._inner.epoch(epoch)
        for result in epoch.results:
            if (key := (*result.id, result.epoch)) not in self._told:
                self._told.add(key)
                self._tell("on_epoch_end", self._runs[result.id], result)

    def ended(self, ending: Ending, result: EpochResult | None) -> None:
        """An execution has ended, perhaps before it could start."""
        self._inner.ended(ending, result)
        if (ending.trial, ending.repeat) not in self._runs:
            self._learn()
        run = self._runs[ending.trial, ending.repeat]
        self._begin(run)
        self._tell("on_trial_end", run, ending, result)

    def parted(self, executions: Sequence[Execution], reason: str) -> None:
        """A group cannot go on together: of no concern to callbacks, which know executions only."""
        self._inner.parted(executions, reason)

    def _begin(self, run: Run) -> None:
        if run.id not in self._begun:
            self._begun.add(run.id)
            self._tell("on_trial_begin", run)

    def _learn(self) -> None:
        snapshot = self._study.snapshot()
        self._runs = {run.id: run for run in runs_of(snapshot)}

    def _tell(self, event: str, *values: Any) -> None:
        for callback in self._callbacks:
            method: Callable = getattr(callback, event)
            try:
                method(*values)
            except Exception as error:
                self._failed = callback
                raise CallbackError(_line(callback, event, values[0], error)) from error


def runs_of(snapshot: Snapshot) -> Iterable[Run]:
    """Every execution of a study as callbacks see it."""
    definition = snapshot.definition
    for trial in snapshot.trials:
        for e in trial.executions:
            yield Run(
                study=definition.name,
                trial=trial.number,
                repeat=e.repeat,
                fresh=e.repeat - definition.seeds if e.purpose == "confirm" else None,
                setting=dict(trial.setting),
                label=trial.label,
                epochs=trial.setting["epochs"],
                held_out=definition.held_out_name,
            )


def _end(snapshot: Snapshot) -> SearchEnd:
    best = snapshot.best
    return SearchEnd(
        study=snapshot.definition.name,
        complete=not snapshot.manifest.get("interrupted", True),
        trials=snapshot.ended,
        best=None if best is None else best.number,
        score=None if best is None else best.score,
    )


def _line(callback: Callback, event: str, about: Run | SearchEnd, error: Exception) -> str:
    where = f" of trial {about.trial}" if isinstance(about, Run) else ""
    why = " ".join(str(error).split())[:300]
    return (
        f"The callback {type(callback).__name__} failed in {event}{where} ({type(error).__name__}: {why}), "
        "so the search stops. What finished is stored; mend the callback and run the same again to go on."
    )
