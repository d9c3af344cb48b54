"""What the commands that search share: they run what was asked for, or say what would be run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lenet_tune.cli_options import PLACE_NAMES, leave, place_of


def search(asked: Callable[[dict[str, Any]], Any], options: dict[str, Any], home: Path | None = None) -> None:
    """Run, or plan, the search that `asked` makes of the options that say what to search.

    Args:
        home: the file of a study whose data is taken where the options name none.

    Raises:
        LeNetTuneError: as `session.start`.
    """
    from lenet_tune import session

    place = place_of(options)
    if home is not None:
        from lenet_tune.study import Study

        with Study.read(home) as study:
            place = session.at_home(study, place)
    own = {k: v for k, v in options.items() if k not in (*PLACE_NAMES, "dry_run")}
    if options["dry_run"]:
        from lenet_tune.dryrun import print_plan

        print_plan(asked(own), place)
        return
    conclude(session.start(asked(own), place))


def conclude(outcome: Any) -> None:
    """Print a study's answer and the path of its page; end as its signal asks."""
    from lenet_tune.views import print_summary

    print_summary(outcome.snapshot)
    click.echo(outcome.page)
    leave(outcome.signal)
