"""The command that reproduces the report."""

from typing import Any

import click

from lenet_tune.cli_options import PLACE_OPTIONS, WORKERS, leave, place_of, with_options

_PICK = (
    click.option("--section", "sections", type=click.IntRange(1, 3), multiple=True,
                 help="Only this section's runs and claims. Repeatable."),
    click.option("--claim", "claims", multiple=True, metavar="C7",
                 help="Only this claim's runs. Repeatable."),
    click.option("--published", is_flag=True,
                 help="Only the runs that the report prints an accuracy of."),
    click.option("--choice", "choices", multiple=True, metavar="batch",
                 help="Only the alternatives of this open choice, and its default. Repeatable."),
    click.option("--readings", is_flag=True,
                 help="Also run the alternatives of what the report leaves open, and show which fits best."),
    click.option("--reading", "reading", multiple=True, metavar="CHOICE=OPTION",
                 help="Read an open choice otherwise than by default: pooling=max, batch=128. Repeatable."),
)  # fmt: skip
_HOW = (
    click.option("--seeds", type=int, default=5, show_default=True, help="Executions of each setting."),
    click.option("--at-once", type=int, default=1, show_default=True,
                 help="Seeds trained together: 1 keeps partial results balanced, more makes larger groups."),
    click.option("--epochs", type=int, help="Epochs where the report has 30.  [default: 30]"),
    click.option("--train-size", type=int, help="Train on a stratified part of the images.  [default: all]"),
    click.option("--quick", is_flag=True, help="2,000 images, 2 epochs: to see how it works."),
    click.option("--engine", type=click.Choice(["fused", "reference"]), default="fused", show_default=True,
                 help="fused trains many trials as one program, reference one Keras model at a time."),
)  # fmt: skip
_DO = (
    click.option("--closing", metavar="STUDY",
                 help="Show this search (a study, or its JSON) as the answer to the closing question."),
    click.option("--dry-run", is_flag=True,
                 help="Print what is missing and how long it takes; train nothing."),
    click.option("--table", is_flag=True, help="Print the results as Markdown; train nothing."),
)  # fmt: skip


@click.command()
@with_options(*_PICK, *_HOW, *_DO, *WORKERS, *PLACE_OPTIONS)
def reproduce(dry_run: bool, table: bool, closing: str | None, **options: Any) -> None:
    """Run what is missing of the report's tables, figures and claims, and judge them.

    Results are kept as JSON in OUT/reports/reproduction/ and count as done wherever that folder is; those of
    JAX, where Keras's cross-entropy is another, in reproduction-jax/. The first seed of everything comes
    first, then the next.

    \b
    Example:
      lenet-tune reproduce --dry-run
      lenet-tune reproduce --seeds 1 --section 2
      lenet-tune reproduce --claim C7 --claim C12
      lenet-tune reproduce --choice batch --choice pooling
      lenet-tune reproduce --workers 4
      lenet-tune reproduce --table
    """
    from lenet_tune.reproduce import sitting
    from lenet_tune.reproduce.words import markdown, print_verdicts

    place = place_of(options)
    asked = _asked(options)
    if closing is not None:
        sitting.keep_closing(closing, place, asked)
    if dry_run:
        sitting.dry_run(asked, place)
        return
    if table:
        click.echo(markdown(sitting.judged(asked, place)))
        return
    outcome = sitting.run(asked, place)
    print_verdicts(outcome.found)
    click.echo(outcome.page)
    leave(outcome.signal)


def _asked(options: dict[str, Any]) -> Any:
    from lenet_tune.devices import backend_name
    from lenet_tune.reproduce.plan import Asked
    from lenet_tune.sections import parse_reading
    from lenet_tune.sections.arms import Pick

    pick = Pick(
        sections=options["sections"],
        claims=options["claims"],
        choices=options["choices"],
        published=options["published"],
        readings=options["readings"],
        reading=parse_reading(options["reading"]),
    )
    names = ("seeds", "at_once", "epochs", "train_size", "quick", "engine")
    backend = backend_name(options["backend"])
    return Asked(pick=pick, backend=backend, **{name: options[name] for name in names})
