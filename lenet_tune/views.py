"""What the terminal shows of a study: plain aligned text that fits 80 columns and pipes."""

import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import click

from lenet_tune import analysis, bench
from lenet_tune.analysis.ranking import FRESH, RankedTable
from lenet_tune.analysis.text import NONE, count
from lenet_tune.knobs import BY_NAME
from lenet_tune.records import Snapshot

GAP = "  "
LEAST = 20
"""Columns that a last column is left with, at least, in a narrow terminal."""

RIGHT = {"rank", "trial", "score", "sd", "n", *FRESH, "fresh (n)", "epochs", *bench.COLUMNS[1:]}


def print_summary(snapshot: Snapshot, rows: int = 10) -> None:
    """The answer in a sentence, then the leading trials, on stdout."""
    click.echo(analysis.summary(snapshot))
    if snapshot.definition.notice:
        click.echo(f"NOTE: {snapshot.definition.notice}")
    if snapshot.trials:
        print_trials(snapshot, rows)


def print_trials(snapshot: Snapshot, rows: int | None = None) -> None:
    """The ranked table: every varying knob where the terminal is wide enough, else what fits of it."""
    table = analysis.ranked_table(snapshot)
    lines = aligned(table.columns, table.cells()[:rows])
    width, left_out = terminal_width(), 0
    if width is not None and max(map(len, lines)) > width:
        lines, left_out = _short(snapshot, table, rows, width)
    click.echo("\n".join(lines))
    if rows is not None and len(table.rows) > rows:
        click.echo(f"... {len(table.rows) - rows} more: lenet-tune trials {snapshot.definition.name}")
    notes = [f"score: {table.held_out_name} accuracy after the last epoch, mean over n seeds; sd over seeds"]
    if left_out:
        notes.append(f"{count(left_out, 'further knob')} varied: a wider terminal, a pipe or --csv shows all")
    if words := analysis.model_words(snapshot):
        notes.append(words)
    if snapshot.standing is not None:
        notes.append("fresh: the same over n fresh seeds ± its 95 % interval; one rank: cannot be told apart")
    click.echo("\n".join(line for note in notes for line in wrapped(note, width)))


def _short(snapshot: Snapshot, table: RankedTable, rows: int | None, width: int) -> tuple[list[str], int]:
    """The table in `width` columns, and how many varying knobs are not in it.

    A grid's trials have captions of their own. Those of a search are told by their knobs, first by those
    in which the trials shown differ.
    """
    several = snapshot.definition.seeds > 1
    fresh = ("fresh (n)",) if "fresh" in table.columns else ()
    shown = [
        {**dict(zip(table.columns, cells, strict=True)), "fresh (n)": _fresh(record)}
        for record, cells in zip(table.records()[:rows], table.cells()[:rows], strict=True)
    ]
    dull = {name for name in ("status", "epochs") if len({row[name] for row in shown}) == 1}
    head = ["rank", "trial", "score", *(("sd", "n") if several else ()), *fresh, "status", "epochs"]
    head = [name for name in head if name not in dull]
    if snapshot.definition.kind == "grid":
        labels = {str(t.number): t.label for t in snapshot.trials}
        lines = [(*(row[name] for name in head), labels[row["trial"]]) for row in shown]
        return aligned((*head, "setting"), lines, width), 0
    knobs = [name for name in table.columns if name in BY_NAME and name not in head and name != "epochs"]
    fitting = _fitting(
        head, sorted(knobs, key=lambda name: len({row[name] for row in shown}) == 1), shown, width
    )
    columns = (*head, *(name for name in knobs if name in fitting))
    return aligned(columns, [[row[name] for name in columns] for row in shown]), len(knobs) - len(fitting)


def _fitting(
    head: Sequence[str], knobs: Sequence[str], rows: Sequence[Mapping[str, str]], width: int
) -> set[str]:
    """Of `knobs` those that have room beside `head`, the first ones first."""

    def room(name: str) -> int:
        return max(len(name), *(len(row[name]) for row in rows)) + len(GAP)

    left, fitting = width + len(GAP) - sum(map(room, head)), set()
    for name in knobs:
        if room(name) <= left:
            left -= room(name)
            fitting.add(name)
    return fitting


def _fresh(record: dict[str, Any]) -> str:
    mean, width = record.get("fresh"), record.get("±")
    if mean is None:
        return NONE
    interval = "" if width is None else f" ± {100 * width:.2f}"
    return f"{100 * mean:.2f}{interval} % ({record['fresh n']})"


def terminal_width() -> int | None:
    """Columns of the terminal that stdout is, or that COLUMNS says; None where stdout is a file or a pipe."""
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        return shutil.get_terminal_size().columns
    return None


def wrapped(text: str, width: int | None, indent: int = 0) -> list[str]:
    """Text in lines of at most `width` columns, all but the first indented; None leaves it one line."""
    if width is None:
        return [text]
    return textwrap.wrap(text, width, subsequent_indent=" " * indent, break_on_hyphens=False) or [""]


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int | None = None) -> list[str]:
    """A table as lines: numbers to the right, words to the left, two spaces between.

    Where it is wider than `width`, the last column goes on below itself, as long as it has room to.
    """
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    first = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    last = None if width is None else max(LEAST, width - first)

    def lines(cells: Sequence[str]) -> list[str]:
        *cells, end = cells
        padded = [
            cell.rjust(width) if name in RIGHT else cell.ljust(width)
            for name, cell, width in zip(columns, cells, widths, strict=False)
        ]
        if last is None or widths[-1] <= last:
            end = end.rjust(widths[-1]) if columns[-1] in RIGHT else end
            return [GAP.join([*padded, end]).rstrip()]
        begin, *more = wrapped(end, last)
        return [GAP.join([*padded, begin]).rstrip(), *(" " * first + line for line in more)]

    return [line for row in (columns, *rows) for line in lines(row)]


def print_bench(results: dict[str, Any]) -> None:
    """The figures of `lenet-tune bench`, with what they were taken on."""
    proof, task = results["proof"], results["task"]
    click.echo("\n".join(aligned(bench.COLUMNS, bench.table(results))))
    click.echo(
        f"section {task['section']}, batch 32, {task['images']:,} images an epoch, median of "
        f"{results['rounds']} rounds; {proof['device']}, {task['backend']} "
        f"{proof['versions'].get(task['backend'])}, {proof['dtype']}, {proof['started'][:10]}; one matrix "
        f"product reaches {results['matmul_gflops']:,.0f} GFLOP/s"
    )
    for what, why in results["not_measured"].items():
        click.echo(f"not measured: {what}: {why}")
