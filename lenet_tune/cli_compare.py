"""The command `compare`, and what it prints: tables of 80 columns that pipe."""

import shutil
from pathlib import Path
from typing import Any

import click

from lenet_tune.cli_views import OUT, read_snapshot

WIDTH = 80


@click.command()
@click.argument("studies", nargs=-1, required=True, metavar="STUDY STUDY...")
@OUT
def compare(studies: tuple[str, ...], out: Path) -> None:
    """Show several studies side by side: what each found, how fast, and how they differ on equal settings.

    Studies compare where data, held-out images and protocol are the same. Each STUDY may also be the JSON
    that `export` wrote.

    \b
    Example:
      lenet-tune compare random bayes
    """
    from lenet_tune import analysis

    print_comparison(analysis.compare([read_snapshot(study, out) for study in studies]))


def print_comparison(found: Any) -> None:
    """The tables of a `StudyComparison` on stdout, without colour."""
    from rich.console import Console

    width = max(WIDTH, shutil.get_terminal_size((WIDTH, 24)).columns)
    console = Console(width=width, no_color=True, highlight=False, markup=False, emoji=False)
    if found.notice:
        console.print(f"NOTE: {found.notice}")
    console.print(_studies(found))
    for line in _words(found):
        console.print(line)


def _studies(found: Any) -> Any:
    from rich import box
    from rich.table import Table

    from lenet_tune.analysis.text import duration, percent

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("study", overflow="fold", min_width=12)
    for name in ("trials", "best", "equal\ntrials", "equal\ntime", "median"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("fresh seeds", justify="right", no_wrap=True)
    table.add_column("trained", justify="right", no_wrap=True)
    for study in found.studies:
        table.add_row(
            study.name,
            str(study.ended) if study.scored == study.ended else f"{study.scored} of {study.ended}",
            *(percent(v, 1) for v in (study.best, study.at_trials, study.at_seconds, study.median)),
            _fresh(study),
            duration(study.seconds),
        )
    return table


def _fresh(study: Any) -> str:
    from lenet_tune.analysis.text import NONE, percent

    if study.fresh is None:
        return NONE
    width = study.fresh.half_width
    return percent(study.fresh.mean, 1) + ("" if width is None else f" ± {100 * width:.1f}")


def _words(found: Any) -> list[str]:
    from lenet_tune.analysis.text import count, duration

    lines = [
        f"best: highest {found.held_out_name} accuracy of the search; equal trials, equal time: best after "
        f"{count(found.trials, 'trial')} and {duration(found.seconds)} of training, which every study has "
        "behind it; fresh seeds: the leader, with its 95 % interval",
        *(f"{s.name}: {s.title}; {s.state}" for s in found.studies),
        *(pair.words for pair in found.pairs),
    ]
    if not found.pairs:
        lines.append("No setting was trained with a common seed in two of them.")
    return [*lines, *found.cautions]
