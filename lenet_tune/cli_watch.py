"""The command `watch`: a study's page that keeps up, or the same at a glance in the terminal."""

import sys
import time
from pathlib import Path
from typing import Any

import click

from lenet_tune.cli_views import OUT, find_study

WIDTH = 80


@click.command()
@click.argument("study")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default="a free one",
    help="Port of the page on 127.0.0.1.",
)
@click.option(
    "--every",
    type=click.FloatRange(1, 3600),
    default=5,
    show_default=True,
    help="Seconds between two looks at the study, at least.",
)
@click.option("--terminal", is_flag=True, help="Show it here instead, until the study ends; pipes.")
@OUT
@click.pass_context
def watch(ctx: click.Context, study: str, port: int, every: float, terminal: bool, out: Path) -> None:
    """Follow STUDY while it runs: serve its page on this machine and print the address, until Ctrl-C.

    Only browsers on this machine can reach the page; it renews itself while the study runs.

    \b
    Example:
      lenet-tune watch bayes
      lenet-tune watch bayes --terminal
    """
    from lenet_tune.watching import Watched

    if terminal and port:
        raise click.UsageError("--port is the page's: leave it out with --terminal.")
    watched = Watched(find_study(study, out), every=every)
    try:
        if terminal:
            show(watched)
        else:
            _serve(watched, port)
    except KeyboardInterrupt:
        ctx.exit(130)


def _serve(watched: Any, port: int) -> None:
    from lenet_tune import watching
    from lenet_tune.progress import say

    with watching.serve(watching.Pages(watched, watching.page_of, say), port) as server:
        click.echo(f"http://{watching.ADDRESS}:{server.server_address[1]}/")
        sys.stdout.flush()
        say(f"Serving the page of {watched.path}; Ctrl-C ends it.")
        server.serve_forever()


def show(watched: Any, pause: float = 0.5) -> None:
    """The study on stdout until it ends: renewed in place on a terminal, else a line for each change."""
    from rich.console import Console

    console = Console(highlight=False)
    if console.is_terminal:
        _live(watched, console, pause)
    else:
        _lines(watched, pause)


def _changes(watched: Any, pause: float) -> Any:
    """The study at a glance each time that it has changed, until it has ended."""
    from lenet_tune.glance import glance
    from lenet_tune.watching import is_running

    running = True
    while running:
        snapshot = watched.look()
        if snapshot is None:
            time.sleep(pause)
            continue
        running = is_running(snapshot)
        yield glance(snapshot)


def _lines(watched: Any, pause: float) -> None:
    last = None
    for seen in _changes(watched, pause):
        if seen.line != last:
            click.echo(printable(seen.line))
            last = seen.line


def _live(watched: Any, console: Any, pause: float) -> None:
    from rich.live import Live

    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        for seen in _changes(watched, pause):
            live.update(view(seen, console.width), refresh=True)


def view(seen: Any, width: int = WIDTH) -> Any:
    """A `Glance` as something that rich prints; every fact is in words, colour only repeats."""
    from rich.console import Group
    from rich.text import Text

    from lenet_tune.analysis.text import percent
    from lenet_tune.glance import sparkline

    parts = [Text(printable(seen.title), style="bold"), Text(printable(seen.state))]
    if seen.notice:
        parts.append(Text(f"NOTE: {printable(seen.notice)}"))
    if seen.best:
        bars = sparkline(seen.best, max(10, width - 40))
        parts.append(Text(f"best so far {percent(seen.best[0])} {bars} {percent(seen.best[-1])}"))
    if seen.running:
        parts += [Text(), _running(seen)]
    if seen.last:
        parts += [Text(), _last(seen)]
    if seen.failures:
        parts += [Text(), *(Text(printable(line), style="red") for line in seen.failures)]
    return Group(*parts)


def _table(*columns: str) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", expand=True)
    *narrow, widest = columns
    for name in narrow:
        table.add_column(name, justify="left" if name == "status" else "right", no_wrap=True)
    # It takes what is left of the line.
    table.add_column(widest, ratio=1, no_wrap=True, overflow="ellipsis")
    return table


def _running(seen: Any) -> Any:
    from lenet_tune.analysis.text import percent

    table = _table("trial", "epoch", "accuracy", "in training")
    for trial in seen.running:
        table.add_row(
            str(trial.number),
            f"{trial.epoch}/{trial.epochs}",
            percent(trial.accuracy),
            printable(trial.label),
        )
    if seen.more_running:
        table.add_row("", "", "", f"and {seen.more_running} more")
    return table


def _last(seen: Any) -> Any:
    from lenet_tune.analysis.text import percent

    table = _table("trial", "score", "status", "last ended")
    for trial in seen.last:
        status = "best" if trial.is_best else trial.status
        table.add_row(
            str(trial.number),
            percent(trial.score),
            status,
            printable(trial.label),
            style="green" if trial.is_best else None,
        )
    return table


def printable(text: str) -> str:
    """Text that a terminal does not obey: names and errors come from files."""
    return "".join(c if c.isprintable() else "?" for c in text)
