"""Charts of the search as a whole: progress, leaders, all learning curves, cost."""

import math
from functools import partial

from matplotlib.axes import Axes

from lenet_tune.analysis.curves import (
    CostPoint,
    ProgressPoint,
    TrialCurves,
    accuracy_band,
    best_so_far,
    cost,
    learning_curves,
)
from lenet_tune.analysis.text import NONE, count, duration, percent
from lenet_tune.records import Snapshot, TrialRecord
from lenet_tune.report.axes import percent_axis, percent_limits, percents, scaled, whole_axis
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.safe import shorten
from lenet_tune.report.style import BLUE, GREY, MUTED, VERMILLION

CROWD = 60  # more trials than this are drawn as leaders and a band
LEADERS = 10


def progress_chart(snapshot: Snapshot) -> Chart | None:
    """Best score so far over trial numbers; None before the first trial has ended."""
    steps = best_so_far(snapshot)
    if not steps:
        return None
    held_out = snapshot.definition.held_out_name
    better = [s for s in steps if s.improved]
    finding = (
        f"Best {held_out} accuracy {percent(better[-1].best)}, reached by trial {better[-1].number}; "
        f"{count(len(better), 'improvement')} over {count(len(steps), 'ended trial')}."
        if better
        else f"None of {count(len(steps), 'ended trial')} brought a score."
    )
    return Chart(
        name="best-so-far",
        title=f"Best {held_out} accuracy so far",
        finding=finding,
        draw=partial(_draw_progress, steps, held_out),
        size=(8.6, 3.5),
        table=Table(
            caption=f"Trials that brought a new best {held_out} accuracy",
            columns=("trial", "best so far", "training time until then"),
            rows=tuple((str(s.number), percent(s.best), duration(s.seconds)) for s in better),
            numeric=(1, 2),
        ),
    )


def _draw_progress(steps: tuple[ProgressPoint, ...], held_out: str, ax: Axes) -> None:
    numbers = [s.number for s in steps]
    limits = percent_limits(s.score for s in steps)
    ax.plot(numbers, scaled(s.score for s in steps), "o", color=GREY, markersize=5, label="each trial")
    ax.step(numbers, scaled(s.best for s in steps), where="post", color=BLUE, label="best so far", lw=2.2)
    better = [s for s in steps if s.improved]
    ax.plot([s.number for s in better], scaled(s.best for s in better), "o", color=BLUE, markersize=6)
    none = [s.number for s in steps if s.score is None]
    if none:
        low = limits[0] + 0.03 * (limits[1] - limits[0])
        ax.plot(none, [low] * len(none), "x", color=VERMILLION, label="no score", markeredgewidth=1.8)
    percent_axis(ax, "y", limits, f"{held_out} accuracy, %")
    air = max(0.3, 0.02 * (numbers[-1] - numbers[0]))
    whole_axis(ax, numbers[0] - air, numbers[-1] + air, "trial")
    ax.legend(loc="lower right", ncols=3)


def leaders_chart(snapshot: Snapshot) -> Chart | None:
    """The leading trials, seed by seed; None unless a trial has several seeds."""
    leaders = snapshot.ranked[:LEADERS]
    if not any(len(t.accuracies) > 1 for t in leaders):
        return None
    first = leaders[0]
    finding = (
        f"Trial {first.number} leads with a mean of {percent(first.score)} (n = {len(first.accuracies)})"
    )
    if len(leaders) > 1:
        finding += f"; trial {leaders[1].number} follows with {percent(leaders[1].score)}"
    held_out = snapshot.definition.held_out_name
    return Chart(
        name="leaders",
        title=f"The {count(len(leaders), 'leading trial')}, seed by seed",
        finding=finding + ".",
        draw=partial(_draw_leaders, leaders, held_out),
        size=(8.2, 0.85 + 0.3 * len(leaders)),
        margins=(1.0, 0.15, 0.55, 0.1),
        table=Table(
            caption=f"{held_out.capitalize()} accuracy of each seed",
            columns=("trial", "mean", "n", "each seed"),
            rows=tuple(
                (
                    str(t.number),
                    percent(t.score),
                    str(len(t.accuracies)),
                    ", ".join(percents(t.accuracies, 2)),
                )
                for t in leaders
            ),
            numeric=(1, 2),
        ),
    )


def _draw_leaders(leaders: tuple[TrialRecord, ...], held_out: str, ax: Axes) -> None:
    places = range(len(leaders))
    for place, trial in zip(places, leaders, strict=True):
        n = len(trial.accuracies)
        ax.plot(scaled(trial.accuracies), [place] * n, "o", color=MUTED, markersize=6, markerfacecolor="none")
    ax.plot(scaled(t.score for t in leaders), list(places), "|", color=BLUE, markersize=16, markeredgewidth=3)
    ax.plot([], [], "|", color=BLUE, markersize=12, markeredgewidth=3, label="mean")
    ax.plot([], [], "o", color=MUTED, markerfacecolor="none", label="each seed")
    ax.set_yticks(list(places), [f"trial {t.number}" for t in leaders])
    ax.set_ylim(len(leaders) - 0.5, -0.5)
    limits = percent_limits(a for t in leaders for a in t.accuracies)
    percent_axis(ax, "x", limits, f"{held_out} accuracy after the last epoch, %")
    ax.legend(loc="lower right")


def curves_chart(snapshot: Snapshot) -> Chart | None:
    """Held-out accuracy of every trial over epochs, the best in colour; None without an epoch."""
    curves = learning_curves(snapshot)
    if not curves:
        return None
    held_out = snapshot.definition.held_out_name
    crowd = len(curves) > CROWD
    ranked = sorted((c for c in curves if c.rank), key=lambda c: c.rank)
    shown = ranked[:LEADERS] if crowd else [*ranked, *(c for c in curves if not c.rank)]
    best = shown[0] if shown else curves[0]
    high = percent(best.mean.held_out_accuracy[-1])
    last = best.mean.epochs[-1]
    finding = f"{count(len(curves), 'trial')}; trial {best.number} ends at {high} after epoch {last}"
    if crowd:
        finding += f"; drawn are the {len(shown)} best and the band that holds 80 % of all trials"
    return Chart(
        name="curves",
        title=f"{held_out.capitalize()} accuracy by epoch, {'leaders and band' if crowd else 'all trials'}",
        finding=finding + ".",
        draw=partial(_draw_curves, curves, shown, held_out),
        size=(8.6, 3.8),
        table=_band_table(curves, held_out) if crowd else _curves_table(shown, held_out),
    )


def _draw_curves(curves: tuple[TrialCurves, ...], shown: list[TrialCurves], held_out: str, ax: Axes) -> None:
    best, rest = shown[:1], shown[1:]
    if len(curves) > CROWD:
        band = accuracy_band(curves)
        ax.fill_between(
            band.epochs, scaled(band.low), scaled(band.high), color=GREY, alpha=0.25, lw=0,
            label="10 % to 90 % of all trials",
        )  # fmt: skip
        ax.plot(band.epochs, scaled(band.middle), "--", color=MUTED, label="median")
    if rest:
        ax.plot(*_chained(rest), color=GREY, lw=1, label="other leaders" if len(curves) > CROWD else "others")
    for curve in best:
        few = "o-" if len(curve.mean.epochs) < 12 else "-"
        ax.plot(
            curve.mean.epochs, scaled(curve.mean.held_out_accuracy), few, color=BLUE, lw=2.6,
            label=f"best, trial {curve.number}",
        )  # fmt: skip
    values = [v for c in shown for v in c.mean.held_out_accuracy]
    percent_axis(ax, "y", percent_limits(values), f"{held_out} accuracy, %")
    last = max(c.mean.epochs[-1] for c in curves)
    whole_axis(ax, 0.7, last + 0.3, "epoch")
    ax.legend(loc="lower right")


def _chained(curves: list[TrialCurves]) -> tuple[list[float], list[float]]:
    # Many lines as one, with gaps: one path in the file.
    xs: list[float] = []
    ys: list[float] = []
    for curve in curves:
        lonely = len(curve.mean.epochs) == 1
        xs += [*curve.mean.epochs, *([curve.mean.epochs[0] + 0.2] if lonely else []), math.nan]
        ys += scaled([*curve.mean.held_out_accuracy, *(curve.mean.held_out_accuracy if lonely else ()), None])
    return xs, ys


def _curves_table(curves: list[TrialCurves], held_out: str) -> Table:
    epochs = sorted({e for c in curves for e in c.mean.epochs})
    rows = []
    for curve in curves:
        known = dict(zip(curve.mean.epochs, curve.mean.held_out_accuracy, strict=True))
        cells = (percent(known[e], 1) if e in known else NONE for e in epochs)
        rows.append((f"{curve.number}: {shorten(curve.label, 60)}", *cells))
    return Table(
        caption=f"{held_out.capitalize()} accuracy after each epoch, mean over seeds",
        columns=("trial", *(f"epoch {e}" for e in epochs)),
        rows=tuple(rows),
        numeric=tuple(range(1, len(epochs) + 1)),
    )


def _band_table(curves: tuple[TrialCurves, ...], held_out: str) -> Table:
    band = accuracy_band(curves)
    columns = zip(band.epochs, band.low, band.middle, band.high, band.n, strict=True)
    return Table(
        caption=f"{held_out.capitalize()} accuracy over all trials, by epoch",
        columns=("epoch", "10 % quantile", "median", "90 % quantile", "trials"),
        rows=tuple((str(e), *percents((low, mid, high)), str(n)) for e, low, mid, high, n in columns),
        numeric=(1, 2, 3, 4),
    )


def cost_chart(snapshot: Snapshot) -> Chart | None:
    """Score against training time, with the trials that nothing cheaper beats; None below two trials."""
    points = cost(snapshot)
    if len(points) < 2:
        return None
    held_out = snapshot.definition.held_out_name
    front = [p for p in points if p.efficient]
    finding = (
        f"From {percent(front[0].score)} in {duration(front[0].seconds)} (trial {front[0].number}) to "
        f"{percent(front[-1].score)} in {duration(front[-1].seconds)} (trial {front[-1].number})."
    )
    return Chart(
        name="cost",
        title=f"{held_out.capitalize()} accuracy against training time",
        finding=finding,
        draw=partial(_draw_cost, points, held_out),
        size=(8.6, 3.5),
        table=Table(
            caption="Trials that no cheaper trial beats",
            columns=("trial", "setting", "training time", f"{held_out} accuracy"),
            rows=tuple(
                (str(p.number), shorten(p.label, 80), duration(p.seconds), percent(p.score)) for p in front
            ),
            numeric=(2, 3),
        ),
    )


def _draw_cost(points: tuple[CostPoint, ...], held_out: str, ax: Axes) -> None:
    front = [p for p in points if p.efficient]
    ax.plot([p.seconds for p in points], scaled(p.score for p in points), "o", color=GREY, label="each trial")
    ax.plot(
        [p.seconds for p in front], scaled(p.score for p in front), "D-", color=BLUE, markersize=6,
        drawstyle="steps-post", label="none cheaper is better",
    )  # fmt: skip
    low, high = points[0].seconds, points[-1].seconds
    air = max(0.04 * (high - low), 0.01)
    ax.set_xlim(low - air, high + air)
    percent_axis(ax, "y", percent_limits(p.score for p in points), f"{held_out} accuracy, %")
    ax.set_xlabel("training time of the trial, seconds")
    ax.legend(loc="lower right")
