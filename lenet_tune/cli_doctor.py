"""The command that looks whether everything is there."""

import json
import os
from pathlib import Path

import click

from lenet_tune.cli_views import OUT


@click.command()
@click.option("--data", "source", help="Look for this data.  [default: what a search would take]")
@click.option(
    "--backend",
    type=click.Choice(["tensorflow", "jax"]),
    help="Keras backend to try.  [default: $KERAS_BACKEND, or tensorflow]",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@OUT
def doctor(source: str | None, backend: str | None, as_json: bool, out: Path) -> None:
    """Say what is there to work with, what is missing, and the command that mends it.

    Versions, the backend and its devices, the data, the disk, and packages that are not needed but of use.
    Ends with exit code 1 where something that is needed is missing.

    \b
    Example:
      lenet-tune doctor
      lenet-tune doctor --backend jax --json
    """
    from lenet_tune import doctor as examination

    place = examination.Place(out=out, source=source, backend=backend, environ=os.environ)
    findings = list(examination.examine(place))
    if as_json:
        click.echo(json.dumps(examination.as_json(findings), indent=1, ensure_ascii=False))
    else:
        click.echo("\n".join(examination.lines(findings)))
    if any(finding.is_fatal for finding in findings):
        raise SystemExit(1)
