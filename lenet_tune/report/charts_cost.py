"""Charts of what a search cost: score against training time and against the number of parameters."""

import altair as alt

from lenet_tune.analysis.curves import CostPoint, cost
from lenet_tune.analysis.expected import ExpectedBest
from lenet_tune.analysis.text import duration, percent
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import (
    Row,
    brushed,
    domain,
    fade,
    inline,
    keyed,
    layered,
    per_cent,
    percent_y,
    rim,
    spec,
    tip,
    whole_x,
)
from lenet_tune.report.rows import TRIALS, shared
from lenet_tune.report.safe import shorten
from lenet_tune.report.style import BLUE, GREY, INK

_EACH, _FRONT = "each trial", "nothing cheaper is better"
_PALETTE = {_EACH: GREY, _FRONT: BLUE}


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
        spec=spec(_cost_layers(points, held_out), linked=True),
        shared=shared(snapshot, TRIALS),
        table=Table(
            caption="Trials that no cheaper trial beats",
            columns=("trial", "setting", "training time", f"{held_out} accuracy"),
            rows=tuple(
                (str(p.number), shorten(p.label, 80), duration(p.seconds), percent(p.score)) for p in front
            ),
            numeric=(2, 3),
        ),
        brush=TRIALS,
    )


def parameters_chart(snapshot: Snapshot) -> Chart | None:
    """Score against the number of parameters; None where no two trials differ in it."""
    trials = shared(snapshot, TRIALS)
    rows = [r for r in trials[TRIALS] if r["score"] is not None and r["size"] is not None]
    if len({row["size"] for row in rows}) < 2:
        return None
    held_out = snapshot.definition.held_out_name
    best = max(rows, key=lambda row: row["score"])
    small = min((r for r in rows if r["score"] >= best["score"] - 1), key=lambda r: (r["size"], -r["score"]))
    return Chart(
        name="parameters",
        title=f"{held_out.capitalize()} accuracy against the number of parameters",
        finding=(
            f"The smallest network within 1 point of the best has {small['size']:,} parameters "
            f"(trial {small['trial']}, {small['score']:.2f} %); the best has {best['size']:,}."
        ),
        spec=spec(_size_layers(held_out, rows), linked=True),
        shared=trials,
        brush=TRIALS,
    )


def _size_layers(held_out: str, rows: list[Row]) -> alt.LayerChart:
    x = alt.X("size:Q", title="parameters", scale={"type": "log", "nice": False, "padding": 14},
              axis={"format": "~s", "tickCount": 5})  # fmt: skip
    y = percent_y("score", f"{held_out} accuracy, %", domain(row["score"] / 100 for row in rows))
    base = alt.Chart(alt.NamedData(TRIALS)).transform_filter("isValid(datum.score) && isValid(datum.size)")
    told = tip(("trial:Q", "trial"), ("score:Q", "score, %"), ("size:Q", "parameters"))
    dots = base.mark_point(filled=True, size=36, color=GREY, stroke=INK).encode(
        x=x, y=y, opacity=fade(), strokeWidth=rim(), tooltip=told
    )
    best = base.transform_filter("datum.lead").mark_point(shape="diamond", filled=True, size=80, color=BLUE)
    layers = (
        brushed(dots, TRIALS),
        best.encode(x=x, y=y, opacity=fade(1)),
    )
    return layered(*layers, width=440, height=200)


def expected_chart(found: ExpectedBest | None, held_out: str) -> Chart | None:
    """Expected best score after so many trials; None where the search's order matters or few have ended."""
    if found is None:
        return None
    rows: list[Row] = [
        {"n": p.n, "mean": per_cent(p.mean), "low": per_cent(p.low), "high": per_cent(p.high)}
        for p in found.points
    ]
    base = alt.Chart(inline(rows)).encode(x=whole_x("n", "trials", 0.5, found.points[-1].n + 0.5))
    limits = domain(v for p in found.points for v in (p.low, p.high))
    line = base.mark_line(color=BLUE, strokeWidth=2.4).encode(
        y=percent_y("mean", f"{held_out} accuracy, %", limits),
        tooltip=tip(("n:Q", "trials"), ("mean:Q", "expected best, %"), ("low:Q", "10 %"), ("high:Q", "90 %")),
    )
    band = base.mark_area(color=BLUE, opacity=0.18).encode(y=alt.Y("low:Q"), y2="high:Q")
    return Chart(
        name="expected-best",
        title="Would fewer trials have done? Expected best score",
        finding=found.words,
        spec=spec(layered(band, line, width=440, height=200)),
        shared={},
    )


def _cost_layers(points: tuple[CostPoint, ...], held_out: str) -> alt.LayerChart:
    wide = points[-1].seconds > 20 * max(points[0].seconds, 1e-9)
    scale = {"type": "log", "nice": False, "padding": 12} if wide else {"zero": True, "nice": False}
    x = alt.X("cost:Q", title="training time of the trial, seconds", scale=scale)
    y = percent_y("score", f"{held_out} accuracy, %", domain(p.score for p in points))
    told = tip(("trial:Q", "trial"), ("score:Q", "score, %"), ("cost:Q", "seconds"))
    each = alt.Chart(alt.NamedData(TRIALS)).transform_filter("isValid(datum.score)")
    each = each.mark_point(filled=True, size=36, stroke=INK).encode(
        x=x, y=y, opacity=fade(), strokeWidth=rim(), tooltip=told
    )
    rows: list[Row] = [
        {"trial": p.number, "on": True, "cost": round(p.seconds, 4), "score": per_cent(p.score)}
        for p in points
        if p.efficient
    ]
    # The line holds until the dearest trial: nothing beyond the last corner is better.
    end = {**rows[-1], "trial": None, "cost": round(points[-1].seconds, 4)}
    front = alt.Chart(inline(rows)).encode(x=alt.X("cost:Q"), y=alt.Y("score:Q"))
    line = alt.Chart(inline([*rows, end])).mark_line(interpolate="step-after", strokeWidth=1.6)
    line = line.encode(x=alt.X("cost:Q"), y=alt.Y("score:Q"))
    marks = front.mark_point(shape="diamond", filled=True, size=70, stroke=INK).encode(
        opacity=fade(1), strokeWidth=rim(), tooltip=told
    )
    layers = (
        brushed(keyed(each, _EACH, _PALETTE), TRIALS),
        *(keyed(m, _FRONT, _PALETTE) for m in (line, marks)),
    )
    return layered(*layers, width=700, height=220)
