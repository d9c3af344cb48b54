"""The report's tables and figures re-made: learning curves in its own layout, published beside measured."""

from dataclasses import dataclass

from lenet_tune.analysis.comparison import ReportRow, ReportTable, comparison, report_tables
from lenet_tune.analysis.text import NONE, count, percent, points
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.plot import (
    Line,
    Plot,
    Points,
    Scale,
    Words,
    list_scale,
    percent_scale,
    scaled,
    whole_scale,
)
from lenet_tune.report.style import BLUE, GREY, INK, MUTED, VERMILLION
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
    return parts_of(comparison(snapshot), snapshot.definition.held_out_name)


def parts_of(rows: tuple[ReportRow, ...], held_out: str) -> tuple[ReportPart, ...]:
    """The tables and figures that some of the report's runs stand in."""
    y = _common_scale(rows)
    return tuple(_part(table, held_out, y) for table in report_tables(rows))


def _common_scale(rows: tuple[ReportRow, ...]) -> Scale:
    values = [row.run.published for row in rows]
    for row in rows:
        if row.curves:
            values += [*row.curves.mean.held_out_accuracy, *row.curves.mean.train_accuracy]
    return percent_scale(values, "", floor=0.0)


def _part(table: ReportTable, held_out: str, y: Scale) -> ReportPart:
    slug = table.where.lower().replace(" ", "-").replace(",", "")
    reasons = dict.fromkeys(reason for row in table.rows for reason in row.reasons)
    return ReportPart(
        where=table.where,
        panels=tuple(
            Chart(
                name=f"{slug}-{i}",
                title=row.run.label,
                finding=_finding(row, held_out),
                plot=_panel(row, y, (380, 190) if table.is_grid else (560, 240)),
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


def _panel(row: ReportRow, y: Scale, size: tuple[float, float]) -> Plot:
    last, marks = PUBLISHED_EPOCHS, []
    if row.curves:
        mean = row.curves.mean
        last = max(last, mean.epochs[-1])
        held, train = scaled(mean.held_out_accuracy), scaled(mean.train_accuracy)
        for seed in row.curves.seeds if len(row.curves.seeds) > 1 else ():
            marks.append(Line(xs=seed.epochs, ys=scaled(seed.held_out_accuracy), colour=GREY, width=0.8))
        marks.append(Line(xs=mean.epochs, ys=train, colour=VERMILLION, dashed=True))
        marks.append(Line(xs=mean.epochs, ys=held, colour=BLUE, width=2.4))
        if len(mean.epochs) < 12:
            marks.append(Points(xs=mean.epochs, ys=train, colour=VERMILLION, shape="square", size=5))
            marks.append(Points(xs=mean.epochs, ys=held, colour=BLUE, size=6.5))
    else:
        told = row.status if row.trial is None else f"trial {row.trial}: {row.status}"
        marks.append(Words(xs=[15], ys=[0.5 * (y.low + y.high)], texts=[told], colours=[MUTED]))
    if row.run.published is not None:
        at = [100 * row.run.published]
        marks.append(Points(xs=[PUBLISHED_EPOCHS], ys=at, colour=INK, shape="hollow", size=10))
    x = whole_scale(0, last + 0.9, "epoch", most=7)
    return Plot(x=x, y=y, marks=tuple(marks), size=size, margins=(30, 8, 8, 38))


def _numbers(table: ReportTable, held_out: str) -> Table:
    columns = ["run", "published", "measured", "sd over seeds", "n", "difference"]
    rows = [_number_row(row) for row in table.rows]
    if any(row.run.note for row in table.rows):
        columns.append("the report says")
        rows = [(*cells, row.run.note or NONE) for cells, row in zip(rows, table.rows, strict=True)]
    return Table(
        caption=f"{table.where}: {held_out} accuracy, published beside measured",
        columns=tuple(columns),
        rows=tuple(rows),
        numeric=(1, 2, 3, 4, 5),
    )


def _number_row(row: ReportRow) -> tuple[str, ...]:
    difference = points(row.difference, signed=True)
    if row.difference is None and row.run.published is not None:
        difference = "not comparable" if row.reasons and row.mean is not None else NONE
    measured = percent(row.mean) if row.mean is not None else row.status
    published = percent(row.run.published) if row.run.published is not None else "picture only"
    return (row.run.label, published, measured, points(row.sd), str(row.n), difference)


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
        plot=_published_plot(rows, held_out),
    )


def _published_plot(rows: tuple[ReportRow, ...], held_out: str) -> Plot:
    marks = []
    for place, row in enumerate(rows):
        if row.mean is not None:
            pair = scaled([row.run.published, row.mean])
            marks.append(Line(xs=pair, ys=[place, place], colour=GREY, width=1.2))
    seeds = [
        (100 * seed.held_out_accuracy[-1], place)
        for place, row in enumerate(rows)
        if row.mean is not None and row.n > 1
        for seed in row.curves.seeds
    ]
    if seeds:
        xs, ys = zip(*seeds, strict=True)
        marks.append(Points(xs=xs, ys=ys, colour=MUTED, shape="ring", size=6, label="each seed"))
    places = range(len(rows))
    means = scaled(r.mean for r in rows)
    published = scaled(r.run.published for r in rows)
    marks += [
        Points(xs=means, ys=places, colour=BLUE, size=9, label="measured (mean over seeds)"),
        Points(xs=published, ys=places, colour=INK, shape="hollow", size=9, label="published (one run)"),
    ]
    label = f"{held_out} accuracy, %"
    return Plot(
        x=percent_scale([v for r in rows for v in (r.mean, r.run.published)], label, floor=0.0),
        y=list_scale([f"{r.run.where}: {_short(r)}" for r in rows], down=True),
        marks=tuple(marks),
        size=(760, 60 + 24 * len(rows)),
        margins=(230, 16, 6, 42),
    )


def _short(row: ReportRow) -> str:
    return f"lr {row.run.setting['learning_rate']:g}, {row.run.setting['activation']}"
