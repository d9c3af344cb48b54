"""The chart of an ablation: what each change of a setting costs, with its interval."""

import altair as alt

from lenet_tune.analysis.ablation import Ablated, Effect, Worth
from lenet_tune.analysis.text import NONE, points
from lenet_tune.knobs import show
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import Row, inline, layered, per_cent, spec, text, tip
from lenet_tune.report.style import BLUE, GREY, INK, MUTED


def ablation_chart(found: Ablated) -> Chart | None:
    """A row a change: a bar from the setting as it is, the interval on it; None before any has ended."""
    if not any(worth.last.sample for worth in found.rows):
        return None
    return Chart(
        name="ablation",
        title=f"Trial {found.trial} of {found.study} with one change at a time",
        finding=_finding(found.rows[0]),
        spec=spec(_layers(found)),
        shared={},
        table=_table(found),
    )


def _finding(first: Worth) -> str:
    effect = first.last
    cost = effect.verdict if effect.sample is None else f"{points(effect.sample.mean, signed=True)}"
    return f"{first.label} costs most: {cost}. Lines hold the mean in 95 of 100 cases; blue is beyond luck."


def setting_table(found: Ablated) -> Table:
    """What was taken apart, beside the values that were put in its place."""
    return Table(
        caption=f"Trial {found.trial} of {found.study} beside {found.towards}, where they differ",
        columns=("knob", "as it is", found.towards),
        rows=tuple((name, show(here), show(there)) for name, here, there in found.differing),
    )


def _table(found: Ablated) -> Table:
    return Table(
        caption="Accuracy with the change minus accuracy as it is, points",
        columns=("change", "difference", "95 % interval", "n", "in words",
                 "late mean", "its 95 % interval", "its words"),
        rows=tuple(
            (
                worth.label,
                *_cells(worth.last),
                str(worth.last.sample.n if worth.last.sample else 0),
                worth.last.verdict + _lost(worth),
                *_cells(worth.late),
                worth.late.verdict,
            )
            for worth in found.rows
        ),
        numeric=(1, 2, 3, 5, 6),
    )  # fmt: skip


def _lost(worth: Worth) -> str:
    return f", {worth.lost} without a score" if worth.lost and worth.last.sample else ""


def _cells(effect: Effect) -> tuple[str, str]:
    """The difference and its interval."""
    mean = NONE if effect.sample is None else points(effect.sample.mean, signed=True)
    if effect.interval is None:
        return mean, NONE
    return (
        mean,
        f"{points(effect.interval.low, signed=True)} to {points(effect.interval.high, signed=True)}",
    )


def _row(label: str, effect: Effect) -> Row:
    return {
        "change": text(label),
        "difference": per_cent(effect.sample.mean if effect.sample else None),
        "low": per_cent(effect.interval.low if effect.interval else None),
        "high": per_cent(effect.interval.high if effect.interval else None),
        "n": effect.sample.n if effect.sample else 0,
        "verdict": effect.verdict,
        "told": effect.is_told,
    }


def _layers(found: Ablated) -> alt.LayerChart:
    rows = [_row(worth.label, worth.last) for worth in found.rows]
    told = tip(("change:N", "change"), ("difference:Q", "points"), ("low:Q", "from"), ("high:Q", "to"),
               ("n:Q", "seeds"), ("verdict:N", "in words"))  # fmt: skip
    y = alt.Y(
        "change:N",
        title=None,
        sort=None,
        axis={"labelLimit": 330},
        scale={"domain": [row["change"] for row in rows]},
    )
    base = alt.Chart(inline(rows)).encode(y=y, tooltip=told)
    x = alt.X("difference:Q", title="points of accuracy beside the setting as it is", axis={"grid": True})
    colour = alt.ColorValue(GREY, condition={"test": "datum.told", "value": BLUE})
    layers = (
        base.transform_filter("isValid(datum.difference)")
        .mark_bar(height={"band": 0.6})
        .encode(x=x, color=colour),
        base.transform_filter("isValid(datum.low)")
        .mark_rule(color=INK, strokeWidth=1.5)
        .encode(x="low:Q", x2="high:Q"),
        base.transform_filter("!isValid(datum.difference)")
        .mark_text(align="left", dx=5, fontSize=11, color=MUTED)
        .encode(x=alt.XDatum(0), text="verdict:N"),
        alt.Chart(inline([{"at": 0}])).mark_rule(color=MUTED).encode(x="at:Q"),
    )
    return layered(*layers, width=380, height=max(40, 20 * len(rows)))
