"""A running study at a glance: what a terminal has room for."""

from dataclasses import dataclass

from lenet_tune import analysis
from lenet_tune.analysis.text import count, percent
from lenet_tune.records import Snapshot, TrialRecord

BARS = "▁▂▃▄▅▆▇█"
LAST = 8
"""Rows of a table, at most."""


@dataclass(frozen=True, kw_only=True)
class RunningTrial:
    """A trial in training; epoch and accuracy (held-out, 0 to 1) of the execution that has come furthest."""

    number: int
    label: str
    epoch: int
    epochs: int
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class EndedTrial:
    """A trial that has ended: its score, or why there is none."""

    number: int
    label: str
    status: str
    score: float | None
    is_best: bool


@dataclass(frozen=True, kw_only=True)
class Glance:
    """What there is to see.

    Args:
        state: in words; line: everything in one line.
        best: best score so far after each ended trial that has one.
        running, last: at most LAST each, the latest first; more_running: further ones in training.
        failures: a line for each cause, with its count.
    """

    title: str
    notice: str | None
    state: str
    line: str
    best: tuple[float, ...]
    running: tuple[RunningTrial, ...]
    more_running: int
    last: tuple[EndedTrial, ...]
    failures: tuple[str, ...]


def glance(snapshot: Snapshot) -> Glance:
    """The study as it is now."""
    running = [t for t in snapshot.trials if _trains(t)]
    steps = analysis.best_so_far(snapshot)
    ended = [snapshot.trials[step.number] for step in steps]
    return Glance(
        title=snapshot.definition.title,
        notice=snapshot.definition.notice,
        state=analysis.state(snapshot),
        line=_line(snapshot, running),
        best=tuple(step.best for step in steps if step.best is not None),
        running=tuple(_running(t) for t in reversed(running[-LAST:])),
        more_running=max(0, len(running) - LAST),
        last=tuple(
            EndedTrial(
                number=t.number, label=t.label, status=t.status, score=t.score, is_best=t is snapshot.best
            )
            for t in reversed(ended[-LAST:])
        ),
        failures=tuple(_failure(group) for group in analysis.failures(snapshot)),
    )


def sparkline(values: tuple[float, ...], width: int) -> str:
    """Values as bars, from the least to the greatest, the last of each part where there are too many."""
    if not values:
        return ""
    bars = min(width, len(values))
    shown = [values[(i + 1) * len(values) // bars - 1] for i in range(bars)]
    low, high = min(shown), max(shown)
    if low == high:
        return BARS[-1] * len(shown)
    return "".join(BARS[round((value - low) / (high - low) * (len(BARS) - 1))] for value in shown)


def _trains(trial: TrialRecord) -> bool:
    return any(e.outcome is None and e.epochs for e in trial.executions)


def _running(trial: TrialRecord) -> RunningTrial:
    open_ones = [e for e in trial.executions if e.outcome is None and e.epochs]
    furthest = max(open_ones, key=lambda e: e.epochs[-1].epoch)
    return RunningTrial(
        number=trial.number,
        label=trial.label,
        epoch=furthest.epochs[-1].epoch,
        epochs=trial.setting["epochs"],
        accuracy=furthest.epochs[-1].held_out_accuracy,
    )


def _line(snapshot: Snapshot, running: list[TrialRecord]) -> str:
    parts = [analysis.state(snapshot)]
    if running:
        epochs = [_running(t).epoch for t in running]
        span = f"{min(epochs)}" if min(epochs) == max(epochs) else f"{min(epochs)} to {max(epochs)}"
        parts.append(f"{count(len(running), 'trial')} in training, epoch {span}")
    if snapshot.best is not None:
        parts.append(f"best {percent(snapshot.best.score)} (trial {snapshot.best.number})")
    return "; ".join(parts)


def _failure(group: analysis.FailureGroup) -> str:
    text = f"{count(len(group.numbers), 'trial')} {group.status}: {group.cause}"
    return f"{text} (most with {group.rule.short})" if group.rule else text
