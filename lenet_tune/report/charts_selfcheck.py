"""Charts of a self-check: best so far over trials, one chart a surface."""

from lenet_tune.analysis.text import NONE, percent
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.plot import Band, Line, Mark, Plot, percent_scale, scaled, whole_scale
from lenet_tune.report.style import BLUE, GREY, INK, VERMILLION
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
        plot=_plot(curves, length),
        table=_table(found, length),
    )


def _plot(curves: list[Curve], length: int) -> Plot:
    marks: list[Mark] = []
    for c in curves:
        if c.kind == "tpe":
            continue
        xs = range(1, len(c.middle[:length]) + 1)
        colour = BLUE if c.kind == "bayes" else GREY
        marks.append(Band(xs=xs, lows=scaled(c.low[:length]), highs=scaled(c.high[:length]), colour=colour))
    for c in curves:
        middle = c.middle[:length]
        marks.append(
            Line(
                xs=range(1, len(middle) + 1), ys=scaled(middle), colour=_COLOURS[c.kind], width=2.2,
                dashed=c.kind != "bayes", label=NAMES[c.kind],
            )
        )  # fmt: skip
    values = [v for c in curves for side in (c.low, c.high) for v in side[:length]]
    return Plot(
        x=whole_scale(0, length, "trial"),
        y=percent_scale(values, "accuracy without noise, %"),
        marks=tuple(marks),
        size=(560, 250),
    )


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
