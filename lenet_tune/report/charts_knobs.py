"""Charts of the knobs: score against each, and the main effects of a grid."""

from functools import partial
from statistics import fmean

from matplotlib.axes import Axes

from lenet_tune.analysis.effects import MainEffect, Slice, main_effects, slices
from lenet_tune.analysis.text import count, percent, points
from lenet_tune.knobs import show
from lenet_tune.records import Snapshot
from lenet_tune.report.axes import log_axis, percent_axis, percent_limits, scaled
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.safe import shorten
from lenet_tune.report.style import BLUE, GREY, INK, VERMILLION

MANY_ROWS = 200


def slice_charts(snapshot: Snapshot) -> tuple[Chart, ...]:
    """One small chart a knob, all with the same score axis."""
    parts = slices(snapshot)
    limits = percent_limits(p.score for part in parts for p in part.points)
    best = snapshot.best.number if snapshot.best else None
    return tuple(
        Chart(
            name=f"slice-{i}",
            title=knob_title(part.knob, part.together),
            finding=_slice_finding(part),
            draw=partial(_draw_slice, part, limits, best, snapshot.definition.held_out_name),
            size=(3.75, 2.7),
            margins=(0.55, 0.1, 0.42, 0.1),
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
    words = f"best {percent(best.score)} at {show(best.value)} (trial {best.number})"
    if part.scale == "category":
        means = [(v, part.scores_at(v)) for v in part.values]
        told = [f"{show(v)} {percent(fmean(s), 1)} (n = {len(s)})" for v, s in means if s]
        words += "; means " + ", ".join(told)
    else:
        top = sorted(scored, key=lambda p: -p.score)[: max(1, len(scored) // 4)]
        low, high = min(p.value for p in top), max(p.value for p in top)
        words += f"; the best quarter of trials ({len(top)}) lies from {show(low)} to {show(high)}"
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


def _draw_slice(part: Slice, limits: tuple[float, float], best: int | None, held_out: str, ax: Axes) -> None:
    places = {repr(v): i for i, v in enumerate(part.values)}
    category = part.scale == "category"

    def at(value: object) -> float:
        return places[repr(value)] if category else value

    scored = [p for p in part.points if p.score is not None]
    ax.plot([at(p.value) for p in scored], scaled(p.score for p in scored), "o", color=GREY, markersize=4.5)
    if category:
        means = [(places[repr(v)], fmean(s)) for v in part.values if (s := part.scores_at(v))]
        ax.plot([m[0] for m in means], scaled(m[1] for m in means), "_", color=INK, markersize=22, mew=2)
    leader = [p for p in scored if p.number == best]
    ax.plot([at(p.value) for p in leader], scaled(p.score for p in leader), "D", color=BLUE, markersize=7)
    bad = [p for p in part.points if p.score is None]
    low = limits[0] + 0.04 * (limits[1] - limits[0])
    ax.plot([at(p.value) for p in bad], [low] * len(bad), "x", color=VERMILLION, mew=1.6)
    percent_axis(ax, "y", limits, "")
    _value_axis(part, ax)


def _value_axis(part: Slice, ax: Axes) -> None:
    if part.scale == "category":
        limit = max(4, 34 // len(part.values))
        rotate = len(part.values) > 4 and any(len(show(v)) > 5 for v in part.values)
        ax.set_xlim(-0.6, len(part.values) - 0.4)
        labels = [shorten(show(v), 8 if rotate else limit) for v in part.values]
        ax.set_xticks(range(len(part.values)), labels, rotation=35 if rotate else 0,
                      ha="right" if rotate else "center")  # fmt: skip
        ax.grid(visible=False, axis="x")
    elif part.scale == "log":
        log_axis(ax, part.values)
    else:
        low, high = min(part.values), max(part.values)
        air = max(0.06 * (high - low), 1e-9)
        ax.set_xlim(low - air, high + air)
        ax.locator_params(axis="x", nbins=5)


def effects_chart(snapshot: Snapshot) -> Chart | None:
    """Mean score by the values of each knob of a grid; None for other searches."""
    effects = main_effects(snapshot)
    if not effects:
        return None
    first = effects[0]
    rows = sum(len(e.levels) for e in effects)
    held_out = snapshot.definition.held_out_name
    return Chart(
        name="main-effects",
        title="Main effects: mean score by the values of each knob",
        finding=(
            f"Largest: {knob_title(first.knob, first.together)}, "
            f"{points(first.size)} between its highest and lowest mean."
        ),
        draw=partial(_draw_effects, effects, held_out),
        size=(8.6, 0.75 + 0.27 * (rows + len(effects))),
        margins=(3.1, 0.3, 0.55, 0.1),
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


def _draw_effects(effects: tuple[MainEffect, ...], held_out: str, ax: Axes) -> None:
    ticks, labels, at = [], [], 0
    for effect in effects:
        means = scaled(level.mean for level in effect.levels)
        places = list(range(at, at + len(means)))
        ax.plot([min(means), max(means)], [sum(places) / len(places)] * 2, color=GREY, lw=1)
        ax.plot(means, places, "o-", color=BLUE, markersize=7, lw=1.2)
        ticks += places
        labels += [
            f"{shorten(effect.knob, 24)} = {shorten(show(v.value), 14)} (n = {v.n})" for v in effect.levels
        ]
        at += len(means) + 1
    ax.set_yticks(ticks, labels)
    ax.set_ylim(at - 1.4, -0.6)
    limits = percent_limits(level.mean for e in effects for level in e.levels)
    percent_axis(ax, "x", limits, f"mean {held_out} accuracy, %")
