"""The command `ablate`: what each value of a good setting is worth."""

from pathlib import Path
from typing import Any

import click

from lenet_tune.cli_options import STUDY_OPTIONS, VALIDATION, with_options
from lenet_tune.cli_search import search
from lenet_tune.cli_views import find_study, read_snapshot


@click.command()
@click.argument("study")
@click.option("--trial", type=int, help="Whose setting is taken apart.  [default: the best]")
@click.option(
    "--towards",
    metavar="adjusted|initial|section2|section3|FILE",
    help="Whose values are put in its place: a model of the report, or a setting in a JSON file.  "
    "[default: of the section that was searched, else adjusted]",
)
@click.option("--epochs", type=int, help="Epochs of every trial.  [default: the setting's]")
@click.option("--train-size", type=int, help="Train on a stratified part of the images.  [default: STUDY's]")
@click.option("--seeds", type=int, default=3, show_default=True, help="Executions of each trial.")
@click.option("--seed", type=int, help="Seed of the study.  [default: STUDY's + 1: fresh seeds and images]")
@with_options(VALIDATION, *STUDY_OPTIONS)
def ablate(study: str, trial: int | None, towards: str | None, **options: Any) -> None:
    """Take the best setting of STUDY apart: train it with one knob at a time as another setting has it.

    The differences over common seeds, with their intervals, say which values the setting owes its accuracy
    to. STUDY may also be the JSON that `export` wrote.

    \b
    Example:
      lenet-tune ablate bayes
      lenet-tune ablate bayes --towards section3 --seeds 6 --epochs 10
    """
    from lenet_tune import ablation
    from lenet_tune.plan import Options

    snapshot = read_snapshot(study, options["out"])
    apart = ablation.of_study(snapshot, trial, towards, own_data=options["source"] is None)
    options.update(ablation.protocol(snapshot, options))
    home = None if Path(study).suffix == ".json" else find_study(study, options["out"])
    search(lambda own: Options(kind="grid", ablation=apart, **own), options, home)
