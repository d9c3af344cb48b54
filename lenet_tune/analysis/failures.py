"""Trials that brought no score, grouped by cause."""

import re
from dataclasses import dataclass, replace
from typing import Any

from lenet_tune.analysis.failure_rules import FailureRule, failure_rule
from lenet_tune.analysis.ranking import in_order
from lenet_tune.records import Snapshot, TrialRecord

_NUMBER = re.compile(r"\d+(\.\d+)?")
RULED = 4
DIVERGED = "a loss was no longer a finite number"


@dataclass(frozen=True, kw_only=True)
class FailureGroup:
    """Trials that ended badly for the same reason.

    Args:
        status: "diverged" or "failed".
        cause: the first trial's error, or what diverging means; errors that differ in numbers only are one.
        numbers: of the trials.
        shared: knobs with one value over these trials that no finished trial has.
        rule: what predicts them among the trials that ended; None where nothing does beyond luck, and for
            all but the RULED largest groups.
    """

    status: str
    cause: str
    numbers: tuple[int, ...]
    shared: dict[str, Any]
    rule: FailureRule | None = None


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
    found.sort(key=lambda g: (-len(g.numbers), g.numbers))
    return tuple(
        replace(group, rule=failure_rule(snapshot, group.numbers)) if i < RULED else group
        for i, group in enumerate(found)
    )


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
