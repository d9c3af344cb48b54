"""The chart of the reproduction page: each published number beside where one new run is expected."""

import math
from collections.abc import Sequence

from lenet_tune.analysis.reproduction import Reproduction
from lenet_tune.analysis.reproduction_words import interval_words, measured_words
from lenet_tune.analysis.text import count
from lenet_tune.analysis.verdicts import Verdict, tally
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.plot import Line, Mark, Plot, Points, list_scale, percent_scale, scaled
from lenet_tune.report.style import BLUE, INK


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
        plot=_plot(rows),
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


def _plot(rows: Sequence[Verdict]) -> Plot:
    places = list(range(len(rows)))
    means = [v.sample.mean if v.sample else None for v in rows]
    published = [v.published.accuracy for v in rows]
    marks: list[Mark] = [
        *_bars(rows),
        Points(xs=scaled(means), ys=places, colour=BLUE, size=8, label="measured mean"),
        Points(xs=scaled(published), ys=places, colour=INK, shape="hollow", size=9, label="published"),
    ]
    ends = [end for v in rows if v.interval for end in _inside(v)]
    return Plot(
        x=percent_scale([*means, *published, *ends], "test accuracy, %", floor=0.0),
        y=list_scale([_row_name(v) for v in rows], down=True),
        marks=tuple(marks),
        size=(700, 56 + 21 * len(rows)),
        margins=(268, 14, 6, 40),
    )


def _row_name(verdict: Verdict) -> str:
    return verdict.published.name.replace("cross-entropy", "CE").replace(", twice the epochs", ", 60 epochs")


def _inside(verdict: Verdict) -> tuple[float, float]:
    # Few seeds give wide intervals; an accuracy has its ends.
    return max(verdict.interval.low, 0.0), min(verdict.interval.high, 1.0)


def _bars(rows: Sequence[Verdict]) -> list[Mark]:
    known = [(place, _inside(v)) for place, v in enumerate(rows) if v.interval]
    if not known:
        return []
    xs, ys = [], []
    for place, ends in known:
        xs += [*scaled(ends), math.nan]
        ys += [place, place, place]
    return [Line(xs=xs, ys=ys, colour=BLUE, width=2.6, label="one new run, 95 %")]
