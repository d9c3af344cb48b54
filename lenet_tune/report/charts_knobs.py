"""Charts of the knobs: score against each, and the main effects of a grid."""

from collections.abc import Iterable
from dataclasses import replace
from statistics import fmean

from lenet_tune.analysis.effects import MainEffect, Slice, SlicePoint, main_effects, slices
from lenet_tune.analysis.text import count, percent, points
from lenet_tune.knobs import BY_NAME, show
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.plot import (
    Line,
    Plot,
    Points,
    Scale,
    linear_scale,
    list_scale,
    log_scale,
    percent_scale,
    scaled,
)
from lenet_tune.report.safe import shorten
from lenet_tune.report.style import BLUE, GREY, INK, VERMILLION

MANY_ROWS = 200


def slice_charts(snapshot: Snapshot) -> tuple[Chart, ...]:
    """One small chart a knob, all with the same score axis."""
    parts = slices(snapshot)
    y = percent_scale((p.score for part in parts for p in part.points), "")
    best = snapshot.best.number if snapshot.best else None
    return tuple(
        Chart(
            name=f"slice-{part.knob if part.knob in BY_NAME else i}",
            title=knob_title(part.knob, part.together),
            finding=_slice_finding(part),
            plot=_slice_plot(part, y, best),
            table=_slice_table(part),
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


def _slice_plot(part: Slice, y: Scale, best: int | None) -> Plot:
    category = part.scale == "category"
    places = {repr(v): i for i, v in enumerate(part.values)}

    def across(points: Iterable[SlicePoint]) -> list[float]:
        return [places[repr(p.value)] if category else p.value for p in points]

    scored = [p for p in part.points if p.score is not None]
    bad = [p for p in part.points if p.score is None]
    leader = [p for p in scored if p.number == best]
    marks = [Points(xs=across(scored), ys=scaled(p.score for p in scored), colour=GREY, size=5.5)]
    if category:
        means = [(i, fmean(s)) for i, v in enumerate(part.values) if (s := part.scores_at(v))]
        ys = scaled(mean for _, mean in means)
        marks.append(Points(xs=[i for i, _ in means], ys=ys, colour=INK, shape="dash", size=24))
    ys = scaled(p.score for p in leader)
    marks.append(Points(xs=across(leader), ys=ys, colour=BLUE, shape="diamond", size=9))
    low = [y.low + 0.04 * (y.high - y.low)] * len(bad)
    marks.append(Points(xs=across(bad), ys=low, colour=VERMILLION, shape="cross", size=5.5))
    x = _value_scale(part)
    bottom = 72 if x.tilt else 24
    return Plot(x=x, y=y, marks=tuple(marks), size=(290, 156 + bottom), margins=(34, 8, 6, bottom))


def _value_scale(part: Slice) -> Scale:
    if part.scale == "log":
        return log_scale(part.values)
    if part.scale == "linear":
        return linear_scale(part.values)
    names = [show(v) for v in part.values]
    room = 32 // len(names)
    tilt = len(names) > 2 and any(len(name) > room for name in names)
    return list_scale([shorten(name, 14 if tilt else room) for name in names], tilt=tilt)


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
        plot=_effects_plot(effects, held_out),
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


def _effects_plot(effects: tuple[MainEffect, ...], held_out: str) -> Plot:
    marks, names = [], []
    for effect in effects:
        means = scaled(level.mean for level in effect.levels)
        places = [len(names) + i for i in range(len(means))]
        marks.append(Line(xs=means, ys=places, colour=GREY, width=1.4))
        marks.append(Points(xs=means, ys=places, colour=BLUE, size=10))
        names += [
            f"{shorten(effect.knob, 20)} {shorten(show(v.value), 16)} (n = {v.n})" for v in effect.levels
        ] + [""]
    names = names[:-1]
    values = [level.mean for effect in effects for level in effect.levels]
    return Plot(
        x=percent_scale(values, f"mean {held_out} accuracy, %"),
        y=replace(list_scale(names, down=True), grid=False),
        marks=tuple(marks),
        size=(760, 60 + 21 * len(names)),
        margins=(300, 20, 6, 42),
    )
