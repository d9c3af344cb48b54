"""Trials that brought no score, grouped by cause."""

import re
from dataclasses import dataclass
from typing import Any

from lenet_tune.analysis.ranking import in_order
from lenet_tune.records import Snapshot, TrialRecord

_NUMBER = re.compile(r"\d+(\.\d+)?")
DIVERGED = "a loss was no longer a finite number"


@dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """Trials that ended badly for the same reason.

    Args:
        status: "diverged" or "failed".
        cause: the first trial's error, or what diverging means; errors that differ in numbers only are one.
        numbers: of the trials.
        shared: knobs with one value over these trials that no finished trial has.
    """

    status: str
    cause: str
    numbers: tuple[int, ...]
    shared: dict[str, Any]


def failures(snapshot: Snapshot) -> tuple[FailureGroup, ...]:
    """The groups, largest first."""
    groups: dict[tuple[str, str], list[TrialRecord]] = {}
    for trial in snapshot.trials:
        if trial.status in ("failed", "diverged"):
            groups.setdefault((trial.status, _NUMBER.sub("#", _cause(trial))), []).append(trial)
    found = [
        FailureGroup(
            status=status,
            cause=_cause(trials[0]),
            numbers=tuple(t.number for t in trials),
            shared=_shared(trials, snapshot.ranked),
        )
        for (status, _), trials in groups.items()
    ]
    return tuple(sorted(found, key=lambda g: (-len(g.numbers), g.numbers)))


def _cause(trial: TrialRecord) -> str:
    if trial.status == "diverged":
        return DIVERGED
    return next(
        (e.error for e in trial.executions if e.outcome == "failed" and e.error), "no reason recorded"
    )


def _shared(bad: list[TrialRecord], good: tuple[TrialRecord, ...]) -> dict[str, Any]:
    # One bad trial shares everything with itself; without a good one there is nothing to differ from.
    if len(bad) < 2 or not good:
        return {}
    first = bad[0].setting
    return {
        name: first[name]
        for name in in_order(first)
        if all(repr(t.setting.get(name)) == repr(first[name]) for t in bad)
        and all(repr(t.setting.get(name)) != repr(first[name]) for t in good)
    }
