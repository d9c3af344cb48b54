"""The chart of the reproduction page: each published number beside where one new run is expected."""

from collections.abc import Sequence

import altair as alt

from lenet_tune.analysis.reproduction import Reproduction
from lenet_tune.analysis.reproduction_words import interval_words, measured_words
from lenet_tune.analysis.text import count
from lenet_tune.analysis.verdicts import Verdict, tally
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import Row, domain, inline, keyed, layered, per_cent, percent_x, spec, tip
from lenet_tune.report.style import BLUE, GREEN, INK


def numbers_chart(found: Reproduction) -> Chart | None:
    """A row a published number: hollow diamond published, dot and bar ours; None before any is measured."""
    rows = found.numbers
    if all(v.sample is None for v in rows):
        return None
    words = ", ".join(f"{n} {name}" for name, n in tally(rows).items())
    return Chart(
        name="numbers",
        title="Published beside measured",
        finding=f"{count(len(rows), 'published figure')}: {words}. Bars hold one new run in 95 of 100 cases.",
        spec=spec(_layers(rows)),
        shared={},
    )


def numbers_table(rows: Sequence[Verdict]) -> Table:
    """Published and measured numbers with their verdicts."""
    return Table(
        caption="Published beside measured: final test accuracy",
        columns=(
            "where",
            "run",
            "published",
            "measured",
            "one new run (95 %)",
            "n",
            "verdict",
            "what the report does not say",
        ),
        rows=tuple(
            (
                v.published.where,
                v.published.label,
                f"{v.published.accuracy:.4f}",
                measured_words(v),
                interval_words(v),
                str(v.sample.n if v.sample else 0),
                v.verdict + (f": {'; '.join(v.reasons)}" if v.sample and v.reasons else ""),
                v.published.unsaid,
            )
            for v in rows
        ),
        numeric=(2, 3, 4, 5),
    )


def _layers(rows: Sequence[Verdict]) -> alt.LayerChart:
    data = [_row(v) for v in rows]
    bar, mean, published = "one new run, 95 %", "measured mean", "published"
    has_bars = any(row["low"] is not None for row in data)
    palette = ({bar: GREEN} if has_bars else {}) | {mean: BLUE, published: INK}
    values = [v for row in data for v in (row["low"], row["high"], row["measured"], row["published"])]
    limits = domain([v / 100 for v in values if v is not None], floor=0.0)
    y = alt.Y("name:N", title=None, sort=None, axis={"grid": True, "labelLimit": 300})
    base = alt.Chart(inline(data)).encode(y=y)
    known = base.transform_filter("isValid(datum.measured)")
    told = tip(("name:N", "run"), ("published:Q", "published, %"), ("measured:Q", "measured, %"),
               ("n:Q", "n"), ("verdict:N", "verdict"))  # fmt: skip
    layers = [
        keyed(known.mark_point(filled=True, size=60), mean, palette).encode(
            x=percent_x("measured", "test accuracy, %", limits), tooltip=told),
        keyed(base.mark_point(shape="diamond", size=80, strokeWidth=1.7), published, palette).encode(
            x="published:Q", tooltip=told),
    ]  # fmt: skip
    if has_bars:
        rule = base.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=3)
        layers.insert(0, keyed(rule, bar, palette).encode(x="low:Q", x2="high:Q"))
    return layered(*layers, width=420, height=20 * len(rows))


def _row(v: Verdict) -> Row:
    # Few seeds give wide intervals; an accuracy has its ends.
    return {
        "name": v.published.name.replace("cross-entropy", "CE").replace(", twice the epochs", ", 60 epochs"),
        "published": per_cent(v.published.accuracy),
        "measured": per_cent(v.sample.mean if v.sample else None),
        "low": per_cent(max(v.interval.low, 0.0) if v.interval else None),
        "high": per_cent(min(v.interval.high, 1.0) if v.interval else None),
        "n": v.sample.n if v.sample else 0,
        "verdict": v.verdict,
    }
