"""Charts of the search as a whole: progress, leaders, all learning curves, cost."""

import math
from collections.abc import Sequence
from statistics import fmean

from lenet_tune.analysis.confirmation import standing_words
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
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.plot import (
    Band,
    Line,
    Plot,
    Points,
    linear_scale,
    list_scale,
    percent_scale,
    scaled,
    whole_scale,
)
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
        f"{percent(better[-1].best)}, reached by trial {better[-1].number}; "
        f"{count(len(better), 'improvement')} over {count(len(steps), 'ended trial')}."
        if better
        else f"None of {count(len(steps), 'ended trial')} brought a score."
    )
    return Chart(
        name="best-so-far",
        title=f"Best {held_out} accuracy so far",
        finding=finding,
        plot=_progress_plot(steps, held_out),
        table=Table(
            caption=f"Trials that brought a new best {held_out} accuracy",
            columns=("trial", "best so far", "training time until then"),
            rows=tuple((str(s.number), percent(s.best), duration(s.seconds)) for s in better),
            numeric=(1, 2),
        ),
    )


def _progress_plot(steps: tuple[ProgressPoint, ...], held_out: str) -> Plot:
    numbers = [s.number for s in steps]
    better = [s for s in steps if s.improved]
    y = percent_scale((s.score for s in steps), f"{held_out} accuracy, %")
    stairs_x, stairs_y = _stairs([(s.number, s.best) for s in better], numbers[-1])
    marks = [
        Points(xs=numbers, ys=scaled(s.score for s in steps), colour=GREY, label="each trial"),
        Line(xs=stairs_x, ys=scaled(stairs_y), colour=BLUE, width=2.4, label="best so far"),
        Points(xs=[s.number for s in better], ys=scaled(s.best for s in better), colour=BLUE, size=8),
    ]
    none = [s.number for s in steps if s.score is None]
    if none:
        low = [y.low + 0.03 * (y.high - y.low)] * len(none)
        marks.append(Points(xs=none, ys=low, colour=VERMILLION, shape="cross", label="no score"))
    air = max(0.3, 0.02 * (numbers[-1] - numbers[0]))
    x = whole_scale(numbers[0] - air, numbers[-1] + air, "trial")
    return Plot(x=x, y=y, marks=tuple(marks), size=(640, 262))


def _stairs(corners: list[tuple[float, float]], last: float) -> tuple[list[float], list[float]]:
    # Each value holds until the next corner, the last one until `last`.
    ends = [*(x for x, _ in corners[1:]), last]
    xs = [x for (start, _), end in zip(corners, ends, strict=False) for x in (start, end)]
    return xs, [y for _, y in corners for _ in range(2)]


def leaders_chart(snapshot: Snapshot) -> Chart | None:
    """The leading trials, seed by seed, on fresh seeds where there are; None unless one has several seeds."""
    standing = snapshot.standing
    if standing is not None:
        shown = [(number, snapshot.fresh_scores[number]) for number in standing.order]
    else:
        shown = [(t.number, t.accuracies) for t in snapshot.ranked[:LEADERS]]
    if not any(len(values) > 1 for _, values in shown):
        return None
    held_out, seeds = snapshot.definition.held_out_name, "fresh seed" if standing else "seed"
    return Chart(
        name="leaders",
        title=f"The {count(len(shown), 'leading trial')}, {seeds} by {seeds}",
        finding=_leaders_finding(snapshot, shown),
        plot=_leaders_plot(shown, held_out, seeds),
        table=Table(
            caption=f"{held_out.capitalize()} accuracy of each {seeds}",
            columns=("trial", "mean", "n", f"each {seeds}"),
            rows=tuple(
                (str(number), percent(fmean(values)), str(len(values)), ", ".join(map(percent, values)))
                for number, values in shown
            ),
            numeric=(1, 2),
        ),
    )


def _leaders_finding(snapshot: Snapshot, shown: list[tuple[int, Sequence[float]]]) -> str:
    number, values = shown[0]
    finding = f"Trial {number} leads with a mean of {percent(fmean(values))} (n = {len(values)})"
    if snapshot.standing is not None:
        return f"{finding}; {standing_words(snapshot)}."
    if len(shown) > 1:
        finding += f"; trial {shown[1][0]} follows with {percent(fmean(shown[1][1]))}"
    return finding + "."


def _leaders_plot(shown: list[tuple[int, Sequence[float]]], held_out: str, seeds: str) -> Plot:
    points = [(100 * value, place) for place, (_, values) in enumerate(shown) for value in values]
    xs, ys = zip(*points, strict=True)
    label = f"{held_out} accuracy after the last epoch, %"
    return Plot(
        x=percent_scale((value for _, values in shown for value in values), label),
        y=list_scale([f"trial {number}" for number, _ in shown], down=True),
        marks=(
            Points(xs=xs, ys=ys, colour=MUTED, shape="ring", size=8, label=f"each {seeds}"),
            Points(
                xs=scaled(fmean(values) for _, values in shown), ys=range(len(shown)), colour=BLUE,
                shape="bar", size=15, label=f"mean over {seeds}s",
            ),
        ),
        size=(640, 60 + 24 * len(shown)),
        margins=(80, 16, 6, 42),
    )  # fmt: skip


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
        plot=_curves_plot(curves, shown or list(curves[:1]), held_out),
        table=_band_table(curves, held_out) if crowd else _curves_table(shown, held_out),
    )


def _curves_plot(curves: tuple[TrialCurves, ...], shown: list[TrialCurves], held_out: str) -> Plot:
    crowd, marks = len(curves) > CROWD, []
    if crowd:
        band = accuracy_band(curves)
        low, high = scaled(band.low), scaled(band.high)
        marks.append(
            Band(xs=band.epochs, lows=low, highs=high, colour=GREY, label="10 % to 90 % of all trials")
        )
        marks.append(Line(xs=band.epochs, ys=scaled(band.middle), colour=MUTED, dashed=True, label="median"))
    if shown[1:]:
        xs, ys = _chained(shown[1:])
        marks.append(Line(xs=xs, ys=ys, colour=GREY, width=1, label="other leaders" if crowd else "others"))
    best = shown[0].mean
    ys = scaled(best.held_out_accuracy)
    marks.append(Line(xs=best.epochs, ys=ys, colour=BLUE, width=2.8, label=f"trial {shown[0].number}"))
    if len(best.epochs) < 12:
        marks.append(Points(xs=best.epochs, ys=ys, colour=BLUE, size=7))
    values = [v for c in shown for v in c.mean.held_out_accuracy]
    return Plot(
        x=whole_scale(0.7, max(c.mean.epochs[-1] for c in curves) + 0.3, "epoch"),
        y=percent_scale([*values, *(accuracy_band(curves).low if crowd else ())], f"{held_out} accuracy, %"),
        marks=tuple(marks),
        size=(760, 300),
    )


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
        rows=tuple(
            (str(e), percent(low, 1), percent(mid, 1), percent(high, 1), str(n))
            for e, low, mid, high, n in columns
        ),
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
        plot=_cost_plot(points, held_out),
        table=Table(
            caption="Trials that no cheaper trial beats",
            columns=("trial", "setting", "training time", f"{held_out} accuracy"),
            rows=tuple(
                (str(p.number), shorten(p.label, 80), duration(p.seconds), percent(p.score)) for p in front
            ),
            numeric=(2, 3),
        ),
    )


def _cost_plot(points: tuple[CostPoint, ...], held_out: str) -> Plot:
    front = [p for p in points if p.efficient]
    stairs_x, stairs_y = _stairs([(p.seconds, p.score) for p in front], points[-1].seconds)
    return Plot(
        x=linear_scale((p.seconds for p in points), "training time of the trial, seconds", most=8),
        y=percent_scale((p.score for p in points), f"{held_out} accuracy, %"),
        marks=(
            Points(
                xs=[p.seconds for p in points], ys=scaled(p.score for p in points), colour=GREY,
                label="each trial",
            ),
            Line(xs=stairs_x, ys=scaled(stairs_y), colour=BLUE, width=1.6),
            Points(
                xs=[p.seconds for p in front], ys=scaled(p.score for p in front), colour=BLUE,
                shape="diamond", size=8, label="nothing cheaper is better",
            ),
        ),
        size=(760, 270),
    )  # fmt: skip
