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
    from lenet_tune import ablation, sections, starts
    from lenet_tune.plan import Options

    snapshot = read_snapshot(study, options["out"])
    found = ablation.chosen(snapshot, trial)
    section = snapshot.definition.section
    name = towards or {3: "section3", 2: "section2"}.get(section, "adjusted")
    base = sections.BASES[name] if name in sections.BASES else starts.read_setting("towards", Path(name))
    apart = ablation.Ablation(
        study=snapshot.definition.name,
        trial=found.number,
        setting=dict(found.setting),
        towards=Path(name).stem,
        base=base,
    )
    options.update({**_sizes(snapshot, options), **_data(study, snapshot, options)})
    search(lambda own: Options(kind="grid", ablation=apart, **own), options)


def _sizes(snapshot: Any, options: dict[str, Any]) -> dict[str, Any]:
    """What is left to the study: its images, unless its protocol was the report's, and a seed of its own."""
    definition = snapshot.definition
    found = {}
    if options["seed"] is None:
        found["seed"] = definition.seed + 1
    if not options["quick"] and definition.protocol == "validation":
        sizes = {"train_size": definition.train_size, "validation_size": definition.held_out_size}
        found |= {name: size for name, size in sizes.items() if options[name] is None}
    return found


def _data(study: str, snapshot: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The study's own data, where it is known from where it came and no other was named."""
    if options["source"] is not None or Path(study).suffix == ".json":
        return {}
    from lenet_tune.data import takes_size
    from lenet_tune.study import Study

    with Study.read(find_study(study, options["out"])) as opened:
        source = opened.source
    if source is None or options["image_size"] is not None or not takes_size(source):
        return {"source": source}
    return {"source": source, "image_size": "x".join(map(str, snapshot.definition.data["image_shape"][:2]))}
