"""What the terminal shows of a study: plain aligned text that fits 80 columns and pipes."""

import shutil
from collections.abc import Sequence
from typing import Any

import click

from lenet_tune import analysis, bench
from lenet_tune.analysis.ranking import FRESH, RankedTable
from lenet_tune.analysis.text import NONE
from lenet_tune.records import Snapshot

RIGHT = {"rank", "trial", "score", "sd", "n", *FRESH, "fresh (n)", "epochs", *bench.COLUMNS[1:]}


def print_summary(snapshot: Snapshot, rows: int = 10) -> None:
    """The answer in a sentence, then the leading trials, on stdout."""
    click.echo(analysis.summary(snapshot))
    if snapshot.definition.notice:
        click.echo(f"NOTE: {snapshot.definition.notice}")
    if snapshot.trials:
        print_trials(snapshot, rows)


def print_trials(snapshot: Snapshot, rows: int | None = None) -> None:
    """The ranked table: every varying knob where the terminal is wide enough, else each trial's caption."""
    table = analysis.ranked_table(snapshot)
    lines = aligned(table.columns, table.cells()[:rows])
    width = shutil.get_terminal_size().columns
    if max(map(len, lines)) > width:
        lines = _short(snapshot, table, rows)
        lines = [line if len(line) <= width else line[: width - 1] + "…" for line in lines]
    click.echo("\n".join(lines))
    if rows is not None and len(table.rows) > rows:
        click.echo(f"... {len(table.rows) - rows} more: lenet-tune trials {snapshot.definition.name}")
    click.echo(
        f"score: {table.held_out_name} accuracy after the last epoch, mean over n seeds; sd over seeds"
    )
    if words := analysis.model_words(snapshot):
        click.echo(words)
    if snapshot.standing is not None:
        click.echo("fresh: the same over n fresh seeds ± its 95 % interval; one rank: cannot be told apart")


def _short(snapshot: Snapshot, table: RankedTable, rows: int | None) -> list[str]:
    labels = {t.number: t.label for t in snapshot.trials}
    several = snapshot.definition.seeds > 1
    fresh = ("fresh (n)",) if "fresh" in table.columns else ()
    head = ("rank", "trial", "score", *(("sd", "n") if several else ()), *fresh, "status", "epochs")
    lines = []
    for record, cells in zip(table.records()[:rows], table.cells()[:rows], strict=True):
        shown = {**dict(zip(table.columns, cells, strict=True)), "fresh (n)": _fresh(record)}
        lines.append((*(shown[name] for name in head), labels[record["trial"]]))
    return aligned((*head, "setting"), lines)


def _fresh(record: dict[str, Any]) -> str:
    mean, width = record.get("fresh"), record.get("±")
    if mean is None:
        return NONE
    interval = "" if width is None else f" ± {100 * width:.2f}"
    return f"{100 * mean:.2f}{interval} % ({record['fresh n']})"


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines: numbers to the right, words to the left, two spaces between."""
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(width) if name in RIGHT else cell.ljust(width)
            for name, cell, width in zip(columns, cells, widths, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return [line(columns), *(line(row) for row in rows)]


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
