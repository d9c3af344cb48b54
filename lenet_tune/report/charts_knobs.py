"""Charts of the knobs: score against each, and the main effects of a grid."""

from statistics import fmean

import altair as alt

from lenet_tune.analysis.effects import MainEffect, Slice, main_effects, slices
from lenet_tune.analysis.text import count, percent, points
from lenet_tune.knobs import BY_NAME, show
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import (
    Row,
    brushed,
    domain,
    fade,
    inline,
    layered,
    per_cent,
    percent_x,
    percent_y,
    rim,
    spec,
    text,
    tip,
    value_x,
)
from lenet_tune.report.rows import TRIALS, shared
from lenet_tune.report.safe import shorten
from lenet_tune.report.style import BLUE, GREY, INK, VERMILLION

MANY_ROWS = 50


def slice_charts(snapshot: Snapshot) -> tuple[Chart, ...]:
    """One small chart a knob, all with the same score axis."""
    parts = slices(snapshot)
    limits = domain(p.score for part in parts for p in part.points)
    rows = shared(snapshot, TRIALS)
    return tuple(
        Chart(
            name=f"slice-{part.knob if part.knob in BY_NAME else i}",
            title=knob_title(part.knob, part.together),
            finding=_slice_finding(part),
            spec=spec(_slice_layers(part, f"k{i}", limits), linked=True),
            shared=rows,
            table=_slice_table(part),
            brush=TRIALS,
        )
        for i, part in enumerate(parts)
    )


def knob_title(knob: str, together: tuple[str, ...]) -> str:
    """The name of a knob, with those that changed together with it."""
    return f"{knob} (together with {', '.join(together)})" if together else knob


def _slice_finding(part: Slice) -> str:
    scored = [p for p in part.points if p.score is not None]
    if not scored:
        return f"None of {count(len(part.points), 'trial')} brought a score."
    best = max(scored, key=lambda p: p.score)
    words = f"Best {percent(best.score)} at {show(best.value)} (trial {best.number})"
    if part.scale == "category":
        means = [(v, part.scores_at(v)) for v in part.values]
        told = [f"{show(v)} {percent(fmean(s), 1)} (n = {len(s)})" for v, s in means if s]
        words += "; means " + ", ".join(told)
    else:
        top = sorted(scored, key=lambda p: -p.score)[: max(1, len(scored) // 4)]
        low, high = min(p.value for p in top), max(p.value for p in top)
        if len(top) > 2:
            words += f"; the best quarter of trials ({len(top)}) lie from {show(low)} to {show(high)}"
    if part.inactive:
        words += f"; it does not count in {count(part.inactive, 'trial')}"
    return words + "."


def _slice_table(part: Slice) -> Table:
    scored = sorted((p for p in part.points if p.score is not None), key=lambda p: (-p.score, p.number))
    cut = f", the {MANY_ROWS} best" if len(scored) > MANY_ROWS else ""
    return Table(
        caption=f"Score by {part.knob}{cut}",
        columns=("trial", part.knob, "score"),
        rows=tuple((str(p.number), show(p.value), percent(p.score)) for p in scored[:MANY_ROWS]),
        numeric=(1, 2),
    )


def _slice_layers(part: Slice, field: str, limits: list[float]) -> alt.LayerChart:
    category = part.scale == "category"
    values = [text(show(v)) for v in part.values] if category else part.values
    x, y = value_x(field, part.scale, values), percent_y("score", None, limits)
    base = alt.Chart(alt.NamedData(TRIALS)).encode(x=x)
    base = base.transform_filter(f"isValid(datum.{field})")
    scored = base.transform_filter("isValid(datum.score)").encode(
        y=y, tooltip=tip(("trial:Q", "trial"), (f"{field}:{'N' if category else 'Q'}", text(part.knob)),
                         ("score:Q", "score, %")))  # fmt: skip
    dots = scored.mark_point(filled=True, color=GREY, size=30, stroke=INK)
    layers = [brushed(dots.encode(opacity=fade(), strokeWidth=rim()), TRIALS)]
    if category:
        layers.append(_means(part, x))
    best = scored.transform_filter("datum.lead").mark_point(shape="diamond", filled=True, color=BLUE, size=80)
    layers.append(best.encode(opacity=fade(1)))
    if any(p.score is None for p in part.points):
        none = base.transform_filter("!isValid(datum.score)").mark_point(
            shape="square", size=26, filled=True, color=VERMILLION)  # fmt: skip
        layers.append(none.encode(y=alt.YValue("height"), opacity=fade(1), tooltip=tip(
            ("trial:Q", "trial"), ("status:N", "status"))))  # fmt: skip
    return layered(*layers, width=236, height=140)


def _means(part: Slice, x: alt.X) -> alt.Chart:
    found = [(text(show(v)), part.scores_at(v)) for v in part.values]
    rows = [{"value": v, "mean": per_cent(fmean(s)), "n": len(s)} for v, s in found if s]
    mark = alt.Chart(inline(rows)).mark_tick(color=INK, thickness=3, size=22, orient="horizontal")
    x = alt.X("value:N", sort=None, scale=x["scale"])
    return mark.encode(x=x, y=alt.Y("mean:Q"), tooltip=tip(("mean:Q", "mean, %"), ("n:Q", "trials")))


def effects_chart(snapshot: Snapshot) -> Chart | None:
    """Mean score by the values of each knob of a grid; None for other searches."""
    effects = main_effects(snapshot)
    if not effects:
        return None
    first = effects[0]
    held_out = snapshot.definition.held_out_name
    return Chart(
        name="main-effects",
        title="Main effects: mean score by the values of each knob",
        finding=(
            f"Largest: {knob_title(first.knob, first.together)}, "
            f"{points(first.size)} between its highest and lowest mean."
        ),
        spec=spec(_effects_layers(effects, held_out)),
        shared={},
        table=Table(
            caption="Mean score by the values of each knob (n is the number of finished trials)",
            columns=("knob", "value", "mean score", "n", "balanced"),
            rows=tuple(
                (knob_title(e.knob, e.together), show(v.value), percent(v.mean), str(v.n),
                 "yes" if e.balanced else "no: other knobs are mixed in")
                for e in effects for v in e.levels
            ),
            numeric=(2, 3),
        ),
    )  # fmt: skip


def _effects_layers(effects: tuple[MainEffect, ...], held_out: str) -> alt.LayerChart:
    rows: list[Row] = [
        {
            "knob": text(effect.knob),
            "level": f"{shorten(effect.knob, 20)} {shorten(show(v.value), 18)} (n = {v.n})",
            "mean": per_cent(v.mean),
            "n": v.n,
        }
        for effect in effects
        for v in effect.levels
    ]
    limits = domain(level.mean for effect in effects for level in effect.levels)
    base = alt.Chart(inline(rows)).encode(
        x=percent_x("mean", f"mean {held_out} accuracy, %", limits),
        y=alt.Y("level:N", title=None, sort=None),
    )
    lines = base.mark_line(color=GREY, strokeWidth=1.4).encode(detail="knob:N", order=alt.OrderValue(0))
    dots = base.mark_point(filled=True, size=80, color=BLUE).encode(
        tooltip=tip(("level:N", "value"), ("mean:Q", "mean, %"), ("n:Q", "trials"))
    )
    return layered(lines, dots, height=22 * len(rows))
