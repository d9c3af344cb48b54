"""The command that looks at a data set."""

import json
import sys
from pathlib import Path

import click

from lenet_tune.cli_options import IMAGE_SIZE, size_of


@click.command()
@click.argument("source", required=False)
@IMAGE_SIZE
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a contact sheet, ten training images of every class, as a PNG.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def data(source: str | None, image_size: str | None, sheet: Path | None, as_json: bool) -> None:
    """Show what is in a data set: shape, images a class, fingerprint, and what should make one wary.

    SOURCE is a name or a path, as for --data; without one, the data that a search would take.

    \b
    Example:
      lenet-tune data cifar10 --sheet cifar10.png
      lenet-tune data photos/ --image-size 32
    """
    from lenet_tune import data as datasets
    from lenet_tune import dataview
    from lenet_tune.data.survey import survey
    from lenet_tune.progress import say

    dataset = datasets.load(source, image_size=size_of(image_size), say=say)
    found = survey(dataset)
    if as_json:
        click.echo(json.dumps(dataview.as_json(found), indent=1, ensure_ascii=False))
    else:
        dataview.print_survey(found, sys.stdout)
    if sheet is not None:
        from lenet_tune.contactsheet import write_sheet

        count = write_sheet(dataset, sheet)
        say(f"{sheet}: {count} of {dataset.num_classes} classes")
