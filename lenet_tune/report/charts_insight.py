"""Charts over all knobs at once: importance, parallel coordinates, pairs of knobs, where the best lies."""

import altair as alt

from lenet_tune.analysis.effects import best_setting
from lenet_tune.analysis.importance import Importance
from lenet_tune.analysis.interactions import InteractionTable, KnobScatter
from lenet_tune.analysis.parallel import Axis, Line, ParallelCoordinates
from lenet_tune.analysis.text import NONE, count, percent
from lenet_tune.knobs import show
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import (
    Row,
    brushed,
    fade,
    inline,
    layered,
    number,
    per_cent,
    rim,
    spec,
    text,
    tip,
    value_x,
    value_y,
)
from lenet_tune.report.safe import shorten
from lenet_tune.report.style import BLUE, GREY, INK, MUTED, SCHEME, VERMILLION

_LINES, _POINTS = "lines", "points"  # names of data sets
MOST_BARS = 16
CROWD = 200  # more lines than this in parallel coordinates are a blot


def importance_chart(found: Importance) -> Chart | None:
    """Bars with the interval of the draws; None where too few trials have finished."""
    if not found.knobs:
        return None
    first = found.knobs[0]
    return Chart(
        name="importance",
        title="Which knobs matter" + (f", the first {MOST_BARS}" if len(found.knobs) > MOST_BARS else ""),
        finding=(
            f"{first.knob} has a hand in {percent(first.value, 0)} of the variance of the scores "
            f"({percent(first.low, 0)} to {percent(first.high, 0)} over the draws); the forest explains "
            f"{percent(found.r2, 0)} of it in trials that it has not seen."
        ),
        spec=spec(_importance_layers(found)),
        shared={},
        table=Table(
            caption=f"Importance of each knob, from {count(found.trials, 'finished trial')}",
            columns=("knob", "changed together with it", "part of the variance", "90 % of the draws"),
            rows=tuple(
                (k.knob, ", ".join(k.together) or NONE, percent(k.value, 1),
                 f"{percent(k.low, 1)} to {percent(k.high, 1)}")
                for k in found.knobs
            ),
            numeric=(2, 3),
        ),
    )  # fmt: skip


def _importance_layers(found: Importance) -> alt.LayerChart:
    rows: list[Row] = [
        {"knob": text(k.knob), "value": per_cent(k.value), "low": per_cent(k.low), "high": per_cent(k.high)}
        for k in found.knobs[:MOST_BARS]
    ]
    told = tip(("knob:N", "knob"), ("value:Q", "% of the variance"), ("low:Q", "from"), ("high:Q", "to"))
    base = alt.Chart(inline(rows)).encode(y=alt.Y("knob:N", title=None, sort=None), tooltip=told)
    x = alt.X("value:Q", title="part of the variance of scores, %", axis={"grid": True})
    bars = base.mark_bar(color=BLUE, height={"band": 0.6}).encode(x=x)
    rules = base.mark_rule(color=INK, strokeWidth=1.5).encode(x=alt.X("low:Q"), x2="high:Q")
    return layered(bars, rules, height=20 * len(rows))


def parallel_chart(snapshot: Snapshot, found: ParallelCoordinates | None) -> Chart | None:
    """Every trial as a line over the knobs; None without two axes and two trials."""
    if found is None or len(found.axes) < 2 or len(found.lines) < 2:
        return None
    lines = _shown(snapshot, found.lines)
    cut = "" if len(lines) == len(found.lines) else f", {len(lines)} of {len(found.lines)} trials"
    best = lines[0]
    places = zip(found.axes[:3], best.places, strict=False)
    held = ", ".join(f"{axis.knob} at {_where(place)}" for axis, place in places if place is not None)
    names = [text(axis.knob) for axis in found.axes]
    return Chart(
        name="parallel",
        title=f"What good trials share{cut}",
        finding=f"The best, trial {best.trial} with {percent(best.score)}: {held} of what was searched.",
        spec=spec(_parallel_layers(names, found.axes), linked=True),
        shared={_LINES: _line_rows(names, lines)},
        brush=_LINES,
    )


def _where(place: float) -> str:
    return "the low end" if place < 0.2 else "the high end" if place > 0.8 else "the middle"


def _shown(snapshot: Snapshot, lines: tuple[Line, ...]) -> list[Line]:
    """Best first: all, or the better half of CROWD and as many spread over the rest."""
    places = {trial.number: place for place, trial in enumerate(snapshot.order)}
    ordered = sorted(lines, key=lambda line: places[line.trial])
    if len(ordered) <= CROWD:
        return ordered
    half = CROWD // 2
    rest = ordered[half:]
    return [*ordered[:half], *(rest[i * len(rest) // half] for i in range(half))]


def _parallel_layers(names: list[str], axes: tuple[Axis, ...]) -> alt.LayerChart:
    x = alt.X("axis:N", title=None, sort=None, scale={"domain": names, "padding": 0.35},
              axis={"grid": True, "gridColor": MUTED, "labelAngle": -20, "orient": "top"})  # fmt: skip
    y = alt.Y("place:Q", title=None, axis=None, scale={"domain": [-0.04, 1.04]})
    points = alt.Chart(alt.NamedData(_LINES))
    colour = alt.Color("score:Q", scale={"scheme": SCHEME}, title="score, %",
                       legend={"gradientLength": 160, "title": "score, %"})  # fmt: skip
    told = tip(("trial:Q", "trial"), ("score:Q", "score, %"))
    strokes = points.mark_line(strokeJoin="round").encode(
        x=x, y=y, detail="trial:N", color=colour, opacity=fade(0.75), strokeWidth=rim(1.3, 4), tooltip=told
    )
    dots = points.mark_point(filled=True, size=14).encode(x=x, y=y, color=colour, opacity=fade(0.75))
    dots = brushed(dots, _LINES)
    ticks: list[Row] = [
        {"axis": name, "place": round(tick.place, 4), "text": shorten(tick.text, 14)}
        for name, axis in zip(names, axes, strict=True)
        for tick in axis.ticks
    ]
    words = alt.Chart(inline(ticks)).mark_text(align="left", dx=5, fontSize=10.5, color=INK)
    layers = (strokes, dots, words.encode(x=x, y=y, text="text:N"))
    return layered(*layers, width=max(420, 88 * len(axes)), height=250)


def _line_rows(names: list[str], lines: list[Line]) -> list[Row]:
    return [
        {"trial": line.trial, "on": True, "score": per_cent(line.score), "axis": name, "place": number(place)}
        for line in lines
        for name, place in zip(names, line.places, strict=True)
    ]


def scatter_chart(found: KnobScatter | None) -> Chart | None:
    """The two most important knobs against each other, coloured by rank; None where there are not two."""
    if found is None or not found.points:
        return None
    first = min(found.points, key=lambda p: p.rank)
    return Chart(
        name="two-knobs",
        title=f"{found.x} and {found.y} together",
        finding=f"{found.words} The best is trial {first.trial}.",
        spec=spec(_scatter_layers(found), linked=True),
        shared={_POINTS: _point_rows(found)},
        brush=_POINTS,
    )


def _point_rows(found: KnobScatter) -> list[Row]:
    def place(value: object, scale: str) -> object:
        return text(show(value)) if scale == "category" else value

    return [
        {"trial": p.trial, "on": True, "rank": p.rank, "score": per_cent(p.score),
         "x": place(p.x, found.x_scale), "y": place(p.y, found.y_scale)}
        for p in sorted(found.points, key=lambda p: -p.rank)
    ]  # fmt: skip


def _scatter_layers(found: KnobScatter) -> alt.LayerChart:
    sides = [
        [text(show(v)) for v in values] if scale == "category" else values
        for values, scale in ((found.x_values, found.x_scale), (found.y_values, found.y_scale))
    ]
    x = value_x("x", found.x_scale, sides[0], text(found.x))
    y = value_y("y", found.y_scale, sides[1], text(found.y))
    colour = alt.Color("rank:Q", scale={"scheme": SCHEME, "reverse": True},
                       legend={"title": "rank (1 is best)", "gradientLength": 160})  # fmt: skip
    told = tip(("trial:Q", "trial"), ("rank:Q", "rank"), ("score:Q", "score, %"),
               ("x:N", text(found.x)), ("y:N", text(found.y)))  # fmt: skip
    dots = alt.Chart(alt.NamedData(_POINTS)).mark_point(filled=True, size=60, stroke=INK)
    dots = dots.encode(x=x, y=y, color=colour, opacity=fade(0.95), strokeWidth=rim(0.4), tooltip=told)
    return layered(brushed(dots, _POINTS), width=460, height=260)


def interaction_charts(tables: tuple[InteractionTable, ...]) -> tuple[Chart, ...]:
    """A heat map with numbers for each pair of a grid's knobs."""
    return tuple(
        Chart(
            name=f"interaction-{i}",
            title=f"{found.rows} by {found.columns}",
            finding=found.words,
            spec=spec(_heat_layers(found)),
            shared={},
        )
        for i, found in enumerate(tables)
    )


def _heat_layers(found: InteractionTable) -> alt.LayerChart:
    rows = [text(show(v)) for v in found.row_values]
    columns = [text(show(v)) for v in found.column_values]
    cells: list[Row] = [
        {"row": row, "column": column, "mean": per_cent(cell.mean), "n": cell.n,
         "beyond": per_cent(cell.beyond), "words": f"{100 * cell.mean:.1f} (n = {cell.n})"}
        for row, line in zip(rows, found.cells, strict=True)
        for column, cell in zip(columns, line, strict=True)
        if cell is not None
    ]  # fmt: skip
    means = [cell["mean"] for cell in cells]
    middle = (min(means) + max(means)) / 2
    base = alt.Chart(inline(cells)).encode(
        x=alt.X("column:N", title=text(found.columns), sort=None, scale={"domain": columns},
                axis={"labelAngle": 0 if max(map(len, columns)) < 12 else -30}),
        y=alt.Y("row:N", title=text(found.rows), sort=None, scale={"domain": rows}),
    )  # fmt: skip
    scale = {"range": ["#f4f7fa", "#08487a"], "interpolate": "lab"}
    boxes = base.mark_rect().encode(
        color=alt.Color("mean:Q", scale=scale, legend=None),
        tooltip=tip(("row:N", text(found.rows)), ("column:N", text(found.columns)), ("mean:Q", "mean, %"),
                    ("beyond:Q", "beyond additivity, points"), ("n:Q", "trials")))  # fmt: skip
    words = base.mark_text(fontSize=11).encode(
        text="words:N",
        color=alt.ColorValue("#000000", condition={"test": f"datum.mean > {middle:.4f}", "value": "#ffffff"}),
    )
    return layered(boxes, words, width=96 * len(columns), height=34 * len(rows))


def ranges_chart(snapshot: Snapshot, found: ParallelCoordinates | None) -> Chart | None:
    """Where the best trial lies in what was tried, a bar a knob; None without a finished trial."""
    if found is None or not found.axes or snapshot.best is None:
        return None
    values = {v.knob: v for v in best_setting(snapshot)}
    best = next((line for line in found.lines if line.trial == snapshot.best.number), None)
    edges = [v.knob for v in values.values() if v.edge]
    if best is None:
        return None
    words = f"At the edge: {', '.join(edges)}." if edges else "No knob is at the edge of what was tried."
    return Chart(
        name="ranges",
        title="Where the best lies in what was tried",
        finding=words,
        spec=spec(_range_layers(found, best, values)),
        shared={},
    )


def _range_layers(found: ParallelCoordinates, best: Line, values: dict) -> alt.LayerChart:
    rows: list[Row] = []
    tried: list[Row] = []
    for i, axis in enumerate(found.axes):
        told = values.get(axis.knob)
        words = f"{show(told.value)}{' – ' + told.edge if told.edge else ''}" if told else "does not count"
        rows.append({"knob": text(axis.knob), "low": 0, "high": 1, "place": number(best.places[i]),
                     "words": text(words), "edge": bool(told and told.edge)})  # fmt: skip
        places = {round(line.places[i], 3) for line in found.lines if line.places[i] is not None}
        tried += [{"knob": text(axis.knob), "place": place} for place in sorted(places)]
    y, x = alt.Y("knob:N", title=None, sort=None), {"domain": [-0.02, 1.9], "nice": False}
    bars = alt.Chart(inline(rows)).encode(y=y)
    told = bars.transform_filter("isValid(datum.place)")
    layers = (
        bars.mark_rule(color=GREY, strokeWidth=3).encode(x=alt.X("low:Q", axis=None, scale=x), x2="high:Q"),
        alt.Chart(inline(tried)).mark_tick(color=MUTED, thickness=1, size=9).encode(y=y, x="place:Q"),
        told.mark_point(shape="diamond", filled=True, size=90).encode(x="place:Q", color=_at_edge(BLUE)),
        bars.mark_text(align="left", fontSize=11).encode(
            x=alt.datum(1.06), text="words:N", color=_at_edge(INK)
        ),
    )
    return layered(*layers, width=460, height=22 * len(rows))


def _at_edge(else_: str) -> alt.ColorValue:
    return alt.ColorValue(else_, condition={"test": "datum.edge", "value": VERMILLION})
