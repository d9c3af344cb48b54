"""The report's tables and figures re-made: learning curves in its own layout, published beside measured."""

from dataclasses import dataclass

import altair as alt

from lenet_tune.analysis.comparison import ReportRow, ReportTable, comparison, report_tables
from lenet_tune.analysis.text import NONE, count, percent, points
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import (
    Row,
    domain,
    inline,
    keyed,
    layered,
    per_cent,
    percent_x,
    percent_y,
    series,
    spec,
    tip,
    whole_x,
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
    limits = _common_limits(rows)
    return tuple(_part(table, held_out, limits) for table in report_tables(rows))


def _common_limits(rows: tuple[ReportRow, ...]) -> list[float]:
    values = [row.run.published for row in rows]
    for row in rows:
        if row.curves:
            values += [*row.curves.mean.held_out_accuracy, *row.curves.mean.train_accuracy]
    return domain(values, floor=0.0)


def _part(table: ReportTable, held_out: str, limits: list[float]) -> ReportPart:
    slug = table.where.lower().replace(" ", "-").replace(",", "")
    reasons = dict.fromkeys(reason for row in table.rows for reason in row.reasons)
    return ReportPart(
        where=table.where,
        panels=tuple(
            Chart(
                name=f"{slug}-{i}",
                title=row.run.label,
                finding=_finding(row, held_out),
                spec=spec(_panel(row, held_out, limits, table.is_grid)),
                shared={},
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


def _panel(row: ReportRow, held_out: str, limits: list[float], is_small: bool) -> alt.LayerChart:
    last = max([PUBLISHED_EPOCHS, *(row.curves.mean.epochs[-1:] if row.curves else ())])
    x, y = whole_x("epoch", "epoch", 0, last + 0.9), percent_y("value", None, limits)
    layers = _run_layers(row, held_out, x, y) if row.curves else [_told(row, x, y, limits)]
    if row.run.published is not None:
        at = alt.Chart(inline([{"epoch": PUBLISHED_EPOCHS, "value": per_cent(row.run.published)}]))
        mark = at.mark_point(shape="diamond", size=90, color=INK, strokeWidth=1.7)
        layers.append(mark.encode(x=x, y=y, tooltip=tip(("value:Q", "published, %"))))
    width, height = (330, 140) if is_small else (510, 190)
    return layered(*layers, width=width, height=height)


def _run_layers(row: ReportRow, held_out: str, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    mean, layers = row.curves.mean, []
    if len(row.curves.seeds) > 1:
        seeds = [
            {"seed": i, "epoch": e, "value": per_cent(v)}
            for i, seed in enumerate(row.curves.seeds)
            for e, v in zip(seed.epochs, seed.held_out_accuracy, strict=True)
        ]
        thin = alt.Chart(inline(seeds)).mark_line(color=GREY, strokeWidth=0.8)
        layers.append(thin.encode(x=x, y=y, detail="seed:N"))
    rows: list[Row] = [
        {"part": part, "epoch": e, "value": per_cent(v)}
        for part, values in (("train", mean.train_accuracy), (held_out, mean.held_out_accuracy))
        for e, v in zip(mean.epochs, values, strict=True)
    ]
    colour, dash = series("part", {held_out: BLUE, "train": VERMILLION}, shown=False)
    lines = alt.Chart(inline(rows)).mark_line(point=len(mean.epochs) < 12, strokeWidth=2)
    told = tip(("part:N", "images"), ("epoch:Q", "epoch"), ("value:Q", "accuracy, %"))
    layers.append(lines.encode(x=x, y=y, color=colour, strokeDash=dash, tooltip=told))
    return layers


def _told(row: ReportRow, x: alt.X, y: alt.Y, limits: list[float]) -> alt.Chart:
    words = row.status if row.trial is None else f"trial {row.trial}: {row.status}"
    at = {"epoch": PUBLISHED_EPOCHS / 2, "value": sum(limits) / 2, "words": words}
    return alt.Chart(inline([at])).mark_text(color=MUTED).encode(x=x, y=y, text="words:N")


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
        spec=spec(_published_layers(rows, held_out)),
        shared={},
    )


def _published_layers(rows: tuple[ReportRow, ...], held_out: str) -> alt.LayerChart:
    names = [f"{row.run.where}: {_short(row)}" for row in rows]
    pairs: list[Row] = [
        {"name": name, "published": per_cent(row.run.published), "measured": per_cent(row.mean), "n": row.n}
        for name, row in zip(names, rows, strict=True)
    ]
    seeds: list[Row] = [
        {"name": name, "seed": per_cent(seed.held_out_accuracy[-1])}
        for name, row in zip(names, rows, strict=True)
        if row.mean is not None and row.n > 1
        for seed in row.curves.seeds
    ]
    each, mean, published = "each seed", "measured (mean over seeds)", "published (one run)"
    palette = ({each: MUTED} if seeds else {}) | {mean: BLUE, published: INK}
    limits = domain([v for r in rows for v in (r.mean, r.run.published)], floor=0.0)
    y = alt.Y("name:N", title=None, sort=None, scale={"domain": names}, axis={"grid": True})
    base, label = alt.Chart(inline(pairs)).encode(y=y), f"{held_out} accuracy, %"
    known = base.transform_filter("isValid(datum.measured)")
    told = tip(
        ("name:N", "run"), ("published:Q", "published, %"), ("measured:Q", "measured, %"), ("n:Q", "n")
    )
    layers = [
        known.mark_rule(color=GREY).encode(x=percent_x("published", label, limits), x2="measured:Q"),
        keyed(known.mark_point(filled=True, size=70), mean, palette).encode(x="measured:Q", tooltip=told),
        keyed(base.mark_point(shape="diamond", size=80, strokeWidth=1.7), published, palette).encode(
            x="published:Q", tooltip=told),
    ]  # fmt: skip
    if seeds:
        rings = alt.Chart(inline(seeds)).mark_point(size=30)
        layers.insert(1, keyed(rings, each, palette).encode(x="seed:Q", y=y))
    return layered(*layers, width=500, height=24 * len(rows))


def _short(row: ReportRow) -> str:
    return f"lr {row.run.setting['learning_rate']:g}, {row.run.setting['activation']}"
