"""Charts of what a search cost: score against training time and against the number of parameters."""

import altair as alt

from lenet_tune.analysis.curves import CostPoint, cost
from lenet_tune.analysis.text import duration, percent
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import brush, domain, fade, inline, keyed, per_cent, percent_y, rim, spec, tip
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


def _cost_layers(points: tuple[CostPoint, ...], held_out: str) -> alt.LayerChart:
    wide = points[-1].seconds > 20 * max(points[0].seconds, 1e-9)
    scale = alt.Scale(type="log", nice=False, padding=12) if wide else alt.Scale(zero=True, nice=False)
    x = alt.X("cost:Q", title="training time of the trial, seconds", scale=scale)
    y = percent_y("score", f"{held_out} accuracy, %", domain(p.score for p in points))
    told = tip(("trial:Q", "trial"), ("score:Q", "score, %"), ("cost:Q", "seconds"))
    each = alt.Chart(alt.NamedData(TRIALS)).transform_filter("isValid(datum.score)")
    each = each.mark_point(filled=True, size=36, stroke=INK).encode(
        x=x, y=y, opacity=fade(), strokeWidth=rim(), tooltip=told
    )
    rows = [
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
        keyed(each, _EACH, _PALETTE).add_params(brush("x", "y")).properties(name="trials"),
        *(keyed(m, _FRONT, _PALETTE) for m in (line, marks)),
    )
    return alt.layer(*layers).properties(width=700, height=220)
