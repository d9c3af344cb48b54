"""Which executions of a study train together, remembered in the study.

A group's composition decides the last bits of its numbers (how vectors are laid out), so it is stored before
the first epoch, and a group that goes on gets all its members again, those that have ended included.
"""

from collections.abc import Callable
from typing import Protocol

from lenet_tune.config import InputSpec
from lenet_tune.engines.base import Checkpoint, Execution
from lenet_tune.errors import SettingError
from lenet_tune.executions import execution_of
from lenet_tune.fusion import partition
from lenet_tune.records import Ending, ExecutionRecord, TrialRecord
from lenet_tune.study import Study
from lenet_tune.training import Watcher, one_line


class Limits(Protocol):
    """What forming groups depends on; see `loop.Tools`."""

    @property
    def spec(self) -> InputSpec:
        """Of the data."""

    @property
    def watcher(self) -> Watcher:
        """Who is told of executions that end."""


def open_cohorts(study: Study, purpose: str, limits: Limits, group_size: Callable[[int], int]) -> list[int]:
    """Numbers of the groups with executions left to train, in order; those not formed yet are formed now.

    An execution from whose setting no network can be built (a point of one's own grid, or of another
    release) ends as failed.

    Args:
        group_size: most members of a group when so many executions wait.
    """
    unformed = [
        (trial, record)
        for trial in study.trials()
        for record in trial.executions
        if record.purpose == purpose and record.outcome is None and record.cohort is None
    ]
    ready, failed = [], []
    for trial, record in unformed:
        try:
            ready.append(execution_of(trial, record, limits.spec, None))
        except SettingError as error:
            end = Ending(trial=trial.number, repeat=record.repeat, outcome="failed", error=one_line(error))
            failed.append(end)
    study.record([], endings=failed)
    for end in failed:
        limits.watcher.ended(end, None)
    study.form_cohorts([e.id for e in group] for group in partition(ready, group_size(len(ready))))
    return study.open_cohorts(purpose)


def members(study: Study, cohort: int, spec: InputSpec) -> list[Execution]:
    """A group as it stands: executions to start or to go on with, and those that have ended in it."""
    found = []
    for trial in study.trials(cohort=cohort):
        for record in trial.executions:
            if record.cohort == cohort and (record.outcome is None or record.epochs):
                start = None if record.outcome else _start(study, trial, record)
                found.append(execution_of(trial, record, spec, start))
    return found


def _start(study: Study, trial: TrialRecord, record: ExecutionRecord) -> Checkpoint | None:
    own = study.checkpoint(trial.number, record.repeat)
    parent = trial.proposal.get("parent") if record.purpose == "search" else None
    return own if own is not None or parent is None else study.checkpoint(parent, record.repeat)
