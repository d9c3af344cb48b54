"""The report's tables and figures re-made: learning curves in its own layout, published beside measured."""

from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes

from lenet_tune.analysis.comparison import ReportRow, ReportTable, comparison, report_tables
from lenet_tune.analysis.text import NONE, count, percent, points
from lenet_tune.records import Snapshot
from lenet_tune.report.axes import percent_axis, percent_limits, say_nothing, scaled, whole_axis
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.style import BLUE, GREY, INK, VERMILLION
from lenet_tune.sections import PUBLISHED_EPOCHS


@dataclass(frozen=True, kw_only=True)
class ReportPart:
    """A table or figure of the report: its panels in the report's order, and its numbers.

    Args:
        columns: panels side by side.
        reasons: why published and measured do not compare, over all rows.
    """

    where: str
    panels: tuple[Chart, ...]
    columns: int
    numbers: Table
    reasons: tuple[str, ...]


def report_parts(snapshot: Snapshot) -> tuple[ReportPart, ...]:
    """The tables and figures of the study's section; empty unless it is a section's grid."""
    rows = comparison(snapshot)
    held_out = snapshot.definition.held_out_name
    high = _common_limit(rows)
    return tuple(_part(table, held_out, high) for table in report_tables(rows))


def _common_limit(rows: tuple[ReportRow, ...]) -> float:
    values = [row.run.published for row in rows]
    for row in rows:
        if row.curves:
            values += [*row.curves.mean.held_out_accuracy, *row.curves.mean.train_accuracy]
    return percent_limits(values)[1]


def _part(table: ReportTable, held_out: str, high: float) -> ReportPart:
    slug = table.where.lower().replace(" ", "-").replace(",", "")
    reasons = dict.fromkeys(reason for row in table.rows for reason in row.reasons)
    return ReportPart(
        where=table.where,
        panels=tuple(
            Chart(
                name=f"{slug}-{i}",
                title=row.run.label,
                finding=_finding(row, held_out),
                draw=partial(_draw_panel, row, high),
                size=(5.0, 2.6) if table.is_grid else (6.4, 3.2),
                margins=(0.45, 0.1, 0.5, 0.1),
            )
            for i, row in enumerate(table.rows)
        ),
        columns=2 if table.is_grid else 1,
        numbers=_numbers(table, held_out),
        reasons=tuple(reasons),
    )


def _finding(row: ReportRow, held_out: str) -> str:
    published = (
        f"Published: {percent(row.run.published)}."
        if row.run.published is not None
        else "No number published."
    )
    if row.curves is None:
        return f"{published} {'Not run in this study' if row.trial is None else 'No epoch yet'}."
    mean, seeds = row.curves.mean, count(len(row.curves.seeds), "seed")
    return (
        f"{published} Measured after epoch {mean.epochs[-1]}: {held_out} "
        f"{percent(mean.held_out_accuracy[-1])}, train {percent(mean.train_accuracy[-1])} "
        f"(trial {row.trial}, {seeds})."
    )


def _draw_panel(row: ReportRow, high: float, ax: Axes) -> None:
    last = PUBLISHED_EPOCHS
    if row.curves:
        mean = row.curves.mean
        last = max(last, mean.epochs[-1])
        few = "o" if len(mean.epochs) < 12 else ""
        for seed in row.curves.seeds if len(row.curves.seeds) > 1 else ():
            ax.plot(seed.epochs, scaled(seed.held_out_accuracy), color=GREY, lw=0.7)
        ax.plot(
            mean.epochs, scaled(mean.train_accuracy), f"--{few and 's'}", color=VERMILLION, markersize=3.5
        )
        ax.plot(mean.epochs, scaled(mean.held_out_accuracy), f"-{few}", color=BLUE, lw=2.2, markersize=4)
    else:
        say_nothing(ax, row.status if row.trial is None else f"trial {row.trial}: {row.status}")
    if row.run.published is not None:
        ax.plot(
            [PUBLISHED_EPOCHS], [100 * row.run.published], "D", color=INK, markerfacecolor="none",
            markersize=8, markeredgewidth=1.6, clip_on=False,
        )  # fmt: skip
    percent_axis(ax, "y", (0, high), "")
    whole_axis(ax, 0, last + 0.8, "epoch", ticks=6)


def _numbers(table: ReportTable, held_out: str) -> Table:
    return Table(
        caption=f"{table.where}: {held_out} accuracy, published beside measured",
        columns=("run", "published", "measured", "sd over seeds", "n", "difference", "the report says"),
        rows=tuple(_number_row(row) for row in table.rows),
        numeric=(1, 2, 3, 4, 5),
    )


def _number_row(row: ReportRow) -> tuple[str, ...]:
    difference = points(row.difference, signed=True)
    if row.difference is None and row.run.published is not None:
        difference = "not comparable" if row.reasons and row.mean is not None else NONE
    measured = percent(row.mean) if row.mean is not None else row.status
    published = percent(row.run.published) if row.run.published is not None else "picture only"
    return (row.run.label, published, measured, points(row.sd), str(row.n), difference, row.run.note or NONE)


def published_chart(snapshot: Snapshot) -> Chart | None:
    """Each published number beside the measured one; None where nothing is published or measured."""
    rows = tuple(r for r in comparison(snapshot) if r.run.published is not None)
    measured = [r for r in rows if r.mean is not None]
    if not measured:
        return None
    held_out = snapshot.definition.held_out_name
    words = dict.fromkeys(r.words for r in measured)
    return Chart(
        name="published",
        title="Published beside measured",
        finding=(
            f"{len(measured)} of {count(len(rows), 'published number')} have a measured one beside them; "
            f"{'; '.join(words)}."
        ),
        draw=partial(_draw_published, rows, held_out),
        size=(8.6, 0.8 + 0.3 * len(rows)),
        margins=(3.3, 0.2, 0.55, 0.1),
    )


def _draw_published(rows: tuple[ReportRow, ...], held_out: str, ax: Axes) -> None:
    places = list(range(len(rows)))
    for place, row in zip(places, rows, strict=True):
        if row.mean is not None:
            ax.plot(scaled([row.run.published, row.mean]), [place, place], color=GREY, lw=1.2)
            spread = scaled(seed.held_out_accuracy[-1] for seed in row.curves.seeds) if row.curves else []
            if len(spread) > 1:
                ax.plot([min(spread), max(spread)], [place, place], color=BLUE, lw=4, alpha=0.35)
    ax.plot(scaled(r.mean for r in rows), places, "o", color=BLUE, markersize=8, label="measured (mean)")
    ax.plot(
        scaled(r.run.published for r in rows), places, "D", color=INK, markerfacecolor="none", markersize=8,
        markeredgewidth=1.6, label="published (1 run)",
    )  # fmt: skip
    ax.set_yticks(places, [f"{r.run.where}: {_short(r)}" for r in rows])
    ax.set_ylim(len(rows) - 0.4, -0.6)
    limits = percent_limits(v for r in rows for v in (r.mean, r.run.published))
    percent_axis(ax, "x", (0, limits[1]), f"{held_out} accuracy, %")
    ax.legend(loc="best")


def _short(row: ReportRow) -> str:
    return f"lr {row.run.setting['learning_rate']:g}, {row.run.setting['activation']}"
