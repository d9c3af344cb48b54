"""The command `selfcheck`, and what it prints."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from lenet_tune.cli_views import OUT

WIDTH = 80


@click.command()
@click.option("--seeds", type=click.IntRange(2, 1000), help="Runs of each search.  [default: 20, quick 5]")
@click.option(
    "--trials", type=click.IntRange(5, 1000), help="Trials of a Bayesian run.  [default: 50, quick 20]"
)
@click.option(
    "--batch",
    "batches",
    type=click.IntRange(1, 64),
    multiple=True,
    help="Settings proposed at a time; repeatable.  [default: 1, 4 and 8, quick 4]",
)
@click.option("--quick", is_flag=True, help="Four surfaces, few seeds: under a minute on two cores.")
@click.option("--processes", type=click.IntRange(min=1), help="Side by side.  [default: one a core]")
@OUT
@click.pass_context
def selfcheck(ctx: click.Context, processes: int | None, out: Path, **asked: Any) -> None:
    """Run each search on surfaces with a known best, and on a table of real results.

    It checks that nothing is proposed twice and that finite spaces are covered exactly once (exit code 1 if
    not), and compares the Bayesian search with random search and, where it is installed, with Optuna's TPE.
    The page and the figures are written to OUT/reports/.

    \b
    Example:
      lenet-tune selfcheck --quick
      lenet-tune selfcheck --seeds 30 --batch 8
    """
    from lenet_tune.progress import say
    from lenet_tune.report.files import write_atomically
    from lenet_tune.report.selfcheck_page import write_selfcheck
    from lenet_tune.selfcheck import running
    from lenet_tune.selfcheck.tasks import make_plan

    plan = make_plan(**asked)
    results = running.run(
        plan, command=sys.argv[1:], processes=processes or running.processes_here(), say=say
    )
    print_results(results)
    figures = json.dumps(results.to_json(), indent=1) + "\n"
    click.echo(write_atomically(out / "reports" / "selfcheck.json", figures.encode()))
    click.echo(write_selfcheck(results, out / "reports" / "selfcheck.html"))
    if not results.kept:
        ctx.exit(1)


def print_results(results: Any) -> None:
    """The answer, then the tables behind it, 80 columns wide."""
    from lenet_tune.selfcheck import words
    from lenet_tune.views import aligned, wrapped

    lines = [*wrapped(words.verdict(results), WIDTH)]
    for kind in ("bayes", *(["tpe"] if results.tpe else []), "hyperband"):
        trials = results.of(kind)
        lines += ["", f"{words.NAMES[kind]}, {trials[0].trials} trials, against random search"]
        lines += aligned(words.COLUMNS, words.rows(trials, results.random_trials))
        lines += ["", *aligned(words.OVERALL, words.overall_rows(results, kind))]
    lines += [
        "",
        *aligned(words.PROMISES, words.promise_rows(results)),
        "",
        *wrapped(words.speed(results), WIDTH),
    ]
    lines += [] if results.real is None else ["", *wrapped(words.table_quality(results) or "", WIDTH)]
    lines += [] if results.tpe else ["", *wrapped(words.NO_TPE, WIDTH)]
    click.echo("\n".join(lines))
