"""The rows that the charts of a study share: one a trial, and one an epoch of a trial's mean curve."""

from collections.abc import Mapping
from typing import Any

from lenet_tune.analysis.curves import TrialCurves, best_so_far, learning_curves
from lenet_tune.analysis.effects import Slice, slices
from lenet_tune.analysis.parameters import trial_parameters
from lenet_tune.knobs import show
from lenet_tune.records import Snapshot, TrialRecord
from lenet_tune.report.draw import Row, number, per_cent, text

CROWD = 60  # more trials than this are drawn as leaders and a band
LEADERS = 10
TRIALS, CURVES = "trials", "curves"  # names of the shared data sets


def trial_rows(snapshot: Snapshot) -> list[Row]:
    """Ended trials by number: score and best so far in per cent, training seconds, rank, knobs as k0, k1...

    `size` is the number of parameters, `until` the training time in seconds over this trial and all before
    it. A knob that a chart shows as a category is a text, one that does not count in a trial is left out.
    """
    parts = list(enumerate(slices(snapshot)))
    lead = snapshot.best.number if snapshot.best else None
    rows, trials = [], {trial.number: trial for trial in snapshot.trials}
    for step in best_so_far(snapshot):
        trial = trials[step.number]
        rows.append(
            {
                "trial": step.number,
                "on": True,
                "status": trial.status,
                "score": per_cent(step.score),
                "best": per_cent(step.best),
                "new": step.improved,
                "until": number(step.seconds),
                "cost": number(trial.seconds),
                "size": trial_parameters(trial, snapshot.definition),
                "rank": snapshot.ranks.get(step.number),
                "lead": step.number == lead,
                **{f"k{i}": value(part, trial) for i, part in parts if part.knob in trial.setting},
            }
        )
    return rows


def value(part: Slice, trial: TrialRecord) -> Any:
    """A trial's value of a knob as the knob's chart holds it."""
    found = trial.setting[part.knob]
    return text(show(found)) if part.scale == "category" else found


def curve_rows(snapshot: Snapshot) -> list[Row]:
    """Mean held-out accuracy of the trials that are drawn, in per cent, after each epoch."""
    shown = shown_curves(snapshot, learning_curves(snapshot))
    return [
        {"trial": curve.number, "on": True, "epoch": epoch, "accuracy": per_cent(accuracy)}
        for curve in shown
        for epoch, accuracy in zip(curve.mean.epochs, curve.mean.held_out_accuracy, strict=True)
    ]


def shown_curves(snapshot: Snapshot, curves: tuple[TrialCurves, ...]) -> list[TrialCurves]:
    """The curves that are drawn, best first: all of them, or the leaders where there is a crowd."""
    places = {trial.number: place for place, trial in enumerate(snapshot.order)}
    ranked = sorted((c for c in curves if c.number in places), key=lambda c: places[c.number])
    if len(curves) > CROWD:
        return ranked[:LEADERS] or list(curves[:1])
    return [*ranked, *(c for c in curves if c.number not in places)]


def shared(snapshot: Snapshot, *names: str) -> Mapping[str, list[Row]]:
    """Shared data sets of a study by name."""
    make = {TRIALS: trial_rows, CURVES: curve_rows}
    return {name: make[name](snapshot) for name in names}
