"""Charts of a self-check: best so far over trials, one chart a surface."""

import altair as alt

from lenet_tune.analysis.text import NONE, percent
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import (
    Row,
    domain,
    inline,
    layered,
    per_cent,
    percent_y,
    series,
    spec,
    tip,
    whole_x,
)
from lenet_tune.report.style import BLUE, INK, VERMILLION
from lenet_tune.selfcheck.results import Curve, Landscape, Results
from lenet_tune.selfcheck.words import NAMES

SHOWN_AT = (1, 5, 10, 20, 30, 40, 50, 75, 100, 150, 200, 300, 400)
_COLOURS = {"bayes": BLUE, "tpe": VERMILLION, "random": INK}


def landscape_charts(results: Results) -> tuple[Chart, ...]:
    """One chart for each surface."""
    batch = middle_batch(results)
    length = results.of("bayes")[0].rival
    return tuple(_chart(place, found, batch, length) for place, found in enumerate(results.landscapes))


def middle_batch(results: Results) -> int:
    """The batch size that charts show: the package's default where it was run, else the first."""
    batches = results.plan["batches"]
    return 4 if 4 in batches else batches[0]


def _chart(place: int, found: Landscape, batch: int, length: int) -> Chart:
    curves = [c for c in found.curves if c.kind == "random" or c.batch == batch]
    ends = "; ".join(f"{NAMES[c.kind]} {percent(_at(c, length), 1)}" for c in curves)
    return Chart(
        name=f"surface-{place}",
        title=f"{found.name} ({found.group}, {found.knobs} knobs)",
        finding=f"{found.about} Medians at the right end: {ends}.",
        spec=spec(_layers(curves, length)),
        shared={},
        table=_table(found, length),
    )


def _layers(curves: list[Curve], length: int) -> alt.LayerChart:
    rows: list[Row] = [
        {"search": NAMES[c.kind], "trial": i, "low": per_cent(low), "middle": per_cent(middle),
         "high": per_cent(high), "band": c.kind != "tpe"}
        for c in curves
        for i, (low, middle, high) in enumerate(zip(c.low, c.middle, c.high, strict=True), start=1)
        if i <= length
    ]  # fmt: skip
    limits = domain(v for c in curves for side in (c.low, c.high) for v in side[:length])
    colour, dash = series("search", {NAMES[c.kind]: _COLOURS[c.kind] for c in curves})
    base = alt.Chart(inline(rows)).encode(x=whole_x("trial", "trial", 0, length), color=colour)
    y = percent_y("middle", "accuracy without noise, %", limits)
    bands = base.transform_filter("datum.band").mark_area(opacity=0.18).encode(y=alt.Y("low:Q"), y2="high:Q")
    told = tip(("search:N", "search"), ("trial:Q", "trial"), ("middle:Q", "median, %"))
    lines = base.mark_line(strokeWidth=2.2).encode(y=y, strokeDash=dash, tooltip=told)
    return layered(bands, lines, width=470, height=190)


def _table(found: Landscape, length: int) -> Table:
    shown = [n for n in SHOWN_AT if n <= max(len(c.middle) for c in found.curves)]
    return Table(
        caption=f"{found.name}: median over seeds of the best so far",
        columns=("search", "batch", *(f"after {n}" for n in shown)),
        rows=tuple(
            (NAMES[c.kind], str(c.batch or NONE), *(_cell(c, n) for n in shown)) for c in found.curves
        ),
        numeric=tuple(range(1, len(shown) + 2)),
    )


def _cell(curve: Curve, trials: int) -> str:
    return percent(curve.middle[trials - 1], 1) if trials <= len(curve.middle) else NONE


def _at(curve: Curve, length: int) -> float:
    return curve.middle[:length][-1]
