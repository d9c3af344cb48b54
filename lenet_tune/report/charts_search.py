"""Charts of the search as a whole: best so far, leaders, learning curves."""

from collections.abc import Sequence
from statistics import fmean

import altair as alt

from lenet_tune.analysis.confirmation import standing_words
from lenet_tune.analysis.curves import Band, TrialCurves, accuracy_band, best_so_far, learning_curves
from lenet_tune.analysis.text import NONE, count, duration, percent
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import (
    Row,
    domain,
    fade,
    inline,
    keyed,
    layered,
    per_cent,
    percent_x,
    percent_y,
    rim,
    spec,
    tip,
    whole_x,
)
from lenet_tune.report.rows import CROWD, CURVES, LEADERS, TRIALS, shared, shown_curves
from lenet_tune.report.safe import shorten
from lenet_tune.report.style import BLUE, GREY, INK, MUTED, VERMILLION

_PROGRESS = {"each trial": GREY, "best so far": BLUE, "no score": VERMILLION}
_TRIAL_TIP = (("trial:Q", "trial"), ("score:Q", "score, %"), ("status:N", "status"), ("cost:Q", "seconds"))


def progress_chart(snapshot: Snapshot) -> Chart | None:
    """Best score so far over trial numbers; None before the first trial has ended."""
    steps = best_so_far(snapshot)
    if not steps:
        return None
    first, last = steps[0].number, steps[-1].number
    air = max(0.4, 0.02 * (last - first))
    return _progress(snapshot, "best-so-far", whole_x("trial", "trial", first - air, last + air))


def progress_time_chart(snapshot: Snapshot) -> Chart | None:
    """Best score so far over the training time spent; None before the first trial has ended."""
    steps = best_so_far(snapshot)
    if not steps:
        return None
    scale = {"domain": [0, max(1.03 * steps[-1].seconds, 1.0)], "nice": False}
    x = alt.X("until:Q", title="training time until then, seconds", scale=scale,
              axis={"tickCount": 7, "format": "~s"})  # fmt: skip
    return _progress(snapshot, "best-by-time", x)


def _progress(snapshot: Snapshot, name: str, x: alt.X) -> Chart:
    steps, held_out = best_so_far(snapshot), snapshot.definition.held_out_name
    better = [s for s in steps if s.improved]
    finding = (
        f"{percent(better[-1].best)}, reached by trial {better[-1].number} after "
        f"{duration(better[-1].seconds)} of training; {count(len(better), 'improvement')} over "
        f"{count(len(steps), 'ended trial')}."
        if better
        else f"None of {count(len(steps), 'ended trial')} brought a score."
    )
    by = "" if name == "best-so-far" else ", by training time"
    return Chart(
        name=name,
        title=f"Best {held_out} accuracy so far{by}",
        finding=finding,
        spec=spec(_progress_layers(snapshot, x), linked=True),
        shared=shared(snapshot, TRIALS),
        table=Table(
            caption=f"Trials that brought a new best {held_out} accuracy",
            columns=("trial", "best so far", "training time until then"),
            rows=tuple((str(s.number), percent(s.best), duration(s.seconds)) for s in better),
            numeric=(1, 2),
        ),
    )


def _progress_layers(snapshot: Snapshot, x: alt.X) -> alt.LayerChart:
    steps, held_out = best_so_far(snapshot), snapshot.definition.held_out_name
    has_none = any(s.score is None for s in steps)
    palette = {name: colour for name, colour in _PROGRESS.items() if has_none or name != "no score"}
    y = percent_y("score", f"{held_out} accuracy, %", domain(s.score for s in steps))
    base = alt.Chart(alt.NamedData(TRIALS)).encode(x=x)
    points = base.transform_filter("isValid(datum.score)").mark_point(filled=True, size=36, stroke=INK)
    layers = [
        keyed(points, "each trial", palette).encode(y=y, opacity=fade(), strokeWidth=rim(),
                      tooltip=tip(*_TRIAL_TIP)),
        keyed(base.transform_filter("isValid(datum.best)"), "best so far", palette)
        .mark_line(interpolate="step-after", strokeWidth=2.4).encode(y=alt.Y("best:Q")),
        keyed(base.transform_filter("datum.new"), "best so far", palette)
        .mark_point(filled=True, size=56, stroke=INK).encode(
            y=alt.Y("best:Q"), opacity=fade(1), strokeWidth=rim(),
            tooltip=tip(*_TRIAL_TIP)),
    ]  # fmt: skip
    if has_none:
        layers.append(_without_score(base, palette))
    return layered(*layers, height=190)


def _without_score(base: alt.Chart, palette: dict[str, str]) -> alt.Chart:
    return (
        keyed(base.transform_filter("!isValid(datum.score)"), "no score", palette)
        .mark_point(shape="square", size=26, filled=True)
        .encode(y=alt.YValue("height"), opacity=fade(1),
                tooltip=tip(*_TRIAL_TIP))
    )  # fmt: skip


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
        spec=spec(_leaders_layers(snapshot, shown, seeds), linked=True),
        shared={},
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


def _leaders_finding(snapshot: Snapshot, shown: Sequence[tuple[int, Sequence[float]]]) -> str:
    number, values = shown[0]
    finding = f"Trial {number} leads with a mean of {percent(fmean(values))} (n = {len(values)})"
    if snapshot.standing is not None:
        return f"{finding}; {standing_words(snapshot)}."
    if len(shown) > 1:
        finding += f"; trial {shown[1][0]} follows with {percent(fmean(shown[1][1]))}"
    return finding + "."


def _leaders_layers(
    snapshot: Snapshot, shown: Sequence[tuple[int, Sequence[float]]], seeds: str
) -> alt.LayerChart:
    each, mean, interval = f"each {seeds}", f"mean over {seeds}s", "95 % interval of the mean"
    estimates = {} if snapshot.standing is None else snapshot.standing.estimates
    seed_rows: list[Row] = [
        {"trial": n, "on": True, "name": f"trial {n}", "score": per_cent(v)} for n, vs in shown for v in vs
    ]
    mean_rows: list[Row] = []
    for n, values in shown:
        half = estimates[n].half_width if n in estimates else None
        middle = fmean(values)
        mean_rows.append({"trial": n, "on": True, "name": f"trial {n}", "mean": per_cent(middle),
                          "low": per_cent(None if half is None else max(middle - half, 0.0)),
                          "high": per_cent(None if half is None else min(middle + half, 1.0))})  # fmt: skip
    ends = [row[side] / 100 for row in mean_rows for side in ("low", "high") if row[side] is not None]
    limits = domain([*(v for _, values in shown for v in values), *ends])
    palette = {each: MUTED, mean: BLUE} | ({interval: GREY} if ends else {})
    y = alt.Y("name:N", title=None, sort=None, axis={"grid": True})
    label = f"{snapshot.definition.held_out_name} accuracy after the last epoch, %"
    means = alt.Chart(inline(mean_rows)).encode(y=y)
    layers = [
        keyed(alt.Chart(inline(seed_rows)).mark_point(size=50), each, palette).encode(
            x=percent_x("score", label, limits), y=y,
            tooltip=tip(("name:N", "trial"), ("score:Q", "%"))),
        keyed(means.mark_tick(thickness=3, size=18), mean, palette).encode(
            x=alt.X("mean:Q"),
            tooltip=tip(("name:N", "trial"), ("mean:Q", "mean, %"))),
    ]  # fmt: skip
    if ends:
        bar = means.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=5, opacity=0.45)
        layers.insert(0, keyed(bar, interval, palette).encode(x=alt.X("low:Q"), x2="high:Q"))
    return layered(*layers, height=26 * len(shown) + 14)


def curves_chart(snapshot: Snapshot) -> Chart | None:
    """Held-out accuracy of every trial over epochs, the best in colour; None without an epoch."""
    curves = learning_curves(snapshot)
    if not curves:
        return None
    held_out, crowd = snapshot.definition.held_out_name, len(curves) > CROWD
    shown = shown_curves(snapshot, curves)
    best = shown[0]
    finding = (
        f"{count(len(curves), 'trial')}; trial {best.number} ends at "
        f"{percent(best.mean.held_out_accuracy[-1])} after epoch {best.mean.epochs[-1]}"
    )
    if crowd:
        finding += f"; drawn are the {len(shown)} best and the band that holds 80 % of all trials"
    return Chart(
        name="curves",
        title=f"{held_out.capitalize()} accuracy by epoch, {'leaders and band' if crowd else 'all trials'}",
        finding=finding + ".",
        spec=spec(_curves_layers(curves, shown, held_out), linked=True),
        shared=shared(snapshot, CURVES),
        table=_band_table(curves, held_out) if crowd else _curves_table(shown, held_out),
    )


def _curves_layers(
    curves: tuple[TrialCurves, ...], shown: list[TrialCurves], held_out: str
) -> alt.LayerChart:
    crowd, best = len(curves) > CROWD, shown[0]
    lead, others = f"trial {best.number}", "other leaders" if crowd else "other trials"
    palette = {lead: BLUE} | ({others: GREY} if shown[1:] else {})
    values = [v for c in shown for v in c.mean.held_out_accuracy]
    layers = []
    if crowd:
        band = accuracy_band(curves)
        values += band.low
        palette |= {"10 % to 90 % of all trials": GREY, "median": MUTED}
        layers += _band_layers(band, palette)
    y = percent_y("accuracy", f"{held_out} accuracy, %", domain(values))
    x = whole_x("epoch", "epoch", 0.7, max(c.mean.epochs[-1] for c in curves) + 0.3)
    lines = alt.Chart(alt.NamedData(CURVES)).encode(x=x, y=y, detail="trial:N", tooltip=tip(
        ("trial:Q", "trial"), ("epoch:Q", "epoch"), ("accuracy:Q", "accuracy, %")))  # fmt: skip
    point = len(best.mean.epochs) < 12
    if shown[1:]:
        rest = lines.transform_filter(f"datum.trial !== {best.number}").mark_line()
        layers.append(keyed(rest, others, palette).encode(opacity=fade(0.8), strokeWidth=rim(1, 4)))
    lines = lines.transform_filter(f"datum.trial === {best.number}")
    layers.append(keyed(lines.mark_line(point=point), lead, palette).encode(opacity=fade(1),
                                                      strokeWidth=rim(2.8, 4)))  # fmt: skip
    return layered(*layers, width=700, height=250)


def _band_layers(band: Band, palette: dict[str, str]) -> list[alt.Chart]:
    columns = zip(band.epochs, band.low, band.middle, band.high, strict=True)
    rows: list[Row] = [
        {"epoch": e, "low": per_cent(a), "middle": per_cent(b), "high": per_cent(c)} for e, a, b, c in columns
    ]
    base = alt.Chart(inline(rows)).encode(x=alt.X("epoch:Q"))
    return [
        keyed(base.mark_area(opacity=0.3), "10 % to 90 % of all trials", palette).encode(
            y=alt.Y("low:Q"), y2="high:Q"
        ),
        keyed(base.mark_line(strokeDash=[6, 4], strokeWidth=1.6), "median", palette).encode(
            y=alt.Y("middle:Q")
        ),
    ]


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
