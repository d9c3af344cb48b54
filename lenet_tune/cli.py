"""The command line: parse, one call, print. Heavy imports stay inside the commands.

stdout is data, stderr is progress. Exit codes: 0 done, 2 usage, 3 search failed, 4 storage, 5 study in use,
6 data, 130/143/129 stopped by SIGINT/SIGTERM/SIGHUP.
"""

import os
import sys
from pathlib import Path
from typing import Any

import click

from lenet_tune import __version__
from lenet_tune.cli_ablate import ablate
from lenet_tune.cli_compare import compare
from lenet_tune.cli_data import data
from lenet_tune.cli_doctor import doctor
from lenet_tune.cli_options import (
    CONFIRM,
    LOG,
    PLACE_OPTIONS,
    SEARCH_OPTIONS,
    SECTION,
    STARTS,
    STOPPING,
    VALIDATION,
    WORKERS,
    place_of,
    with_options,
)
from lenet_tune.cli_reproduce import reproduce
from lenet_tune.cli_search import conclude, search
from lenet_tune.cli_selfcheck import selfcheck
from lenet_tune.cli_views import COMMANDS, find_study
from lenet_tune.cli_watch import watch
from lenet_tune.errors import EngineHangsError, LeNetTuneError


class _Commands(click.Group):
    """A group that turns this package's errors into one line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EngineHangsError as error:
            click.echo(f"Error: {error}", err=True)
            # Python would wait for the engine's thread for ever.
            os._exit(error.exit_code)
        except LeNetTuneError as error:
            click.echo(f"Error: {error}", err=True)
            ctx.exit(error.exit_code)
        except ModuleNotFoundError as error:
            from lenet_tune.requirements import explain

            if (error.name or "lenet_tune").startswith("lenet_tune"):
                raise
            click.echo(f"Error: {explain(error)}", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo("Stopped; everything finished is kept. Go on with the same command.", err=True)
            ctx.exit(130)
        except BrokenPipeError:
            # The reader of stdout went away (`| head`): nothing to say to it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="lenet-tune")
def main() -> None:
    """Search the hyper-parameters of LeNet-style CNNs: grid, random, Bayesian, Hyperband.

    \b
    Example:
      lenet-tune grid --section 1 --quick
      lenet-tune bayes --trials 50
      lenet-tune trials bayes
    """


@main.command()
@click.option("--section", type=click.IntRange(1, 3), help="Run the report's own grid of this section.")
@click.option("--stage", type=click.Choice(["initial", "adjusted"]), help="One stage of section 1.")
@click.option(
    "--reading",
    multiple=True,
    metavar="CHOICE=OPTION",
    help="Read what the report leaves open otherwise: pooling=max, batch=128. Repeatable.",
)
@click.option(
    "--base",
    type=click.Choice(["adjusted", "initial", "section2", "section3"]),
    default="adjusted",
    show_default=True,
    help="Setting that --knob varies, without --section.",
)
@with_options(VALIDATION, *STOPPING, *SEARCH_OPTIONS)
def grid(**options: Any) -> None:
    """Try every setting of a grid: the report's own, or one of yours.

    A section's grid follows the report: it trains on all training images and measures accuracy on the test
    images after every epoch. One's own grid ranks on validation images.

    \b
    Example:
      lenet-tune grid --section 1 --stage adjusted
      lenet-tune grid --knob batch_size=32,128 --knob momentum=0,0.9 --epochs 10
    """
    _search("grid", options)


@main.command()
@click.option("--trials", type=int, help="Settings to try.  [default: 20, quick 12]")
@with_options(SECTION, VALIDATION, CONFIRM, *STARTS, *STOPPING, *SEARCH_OPTIONS)
def random(**options: Any) -> None:
    """Try settings drawn at random from the whole space, or a section's.

    \b
    Example:
      lenet-tune random --trials 40 --epochs 5 --train-size 10000
    """
    _search("random", options)


@main.command()
@click.option("--trials", type=int, help="Settings to try.  [default: 50, quick 12]")
@click.option("--parallel", type=int, help="Settings proposed at a time.  [default: fused 4, reference 1]")
@with_options(SECTION, VALIDATION, CONFIRM, *STARTS, *STOPPING, *SEARCH_OPTIONS)
def bayes(**options: Any) -> None:
    """Try settings that a model (a Gaussian process and trees) expects to be better than the best so far.

    A larger --parallel trains more trials as one program, which is faster; a smaller one lets each proposal
    know more results.

    \b
    Example:
      lenet-tune bayes --trials 50 --section 3
      lenet-tune bayes --trials 50 --from random --stop-bad
    """
    _search("bayes", options)


@main.command()
@with_options(SECTION, VALIDATION, CONFIRM, *SEARCH_OPTIONS)
def hyperband(**options: Any) -> None:
    """Start many settings, and give more epochs to the better ones; --epochs is the most one gets.

    \b
    Example:
      lenet-tune hyperband --epochs 27 --train-size 10000
    """
    _search("hyperband", options)


@main.command()
@click.argument("study")
@click.option("--trials", type=click.IntRange(min=1), help="Ask for this many trials instead.")
@with_options(LOG, *WORKERS, *PLACE_OPTIONS)
def resume(study: str, trials: int | None, **options: Any) -> None:
    """Go on with STUDY (a name, a folder or a study.db) where it was stopped.

    \b
    Example:
      lenet-tune resume bayes --trials 100
    """
    from lenet_tune import session

    conclude(session.resume(find_study(study, options["out"]), place_of(options), trials))


def _search(kind: str, options: dict[str, Any]) -> None:
    from lenet_tune.plan import Options

    words, origin = options.pop("start_words", ()), options.pop("origin", None)
    starts = _starts(words, origin, options.get("section"), options["out"])
    search(lambda own: Options(kind=kind, starts=starts, **own), options)


def _starts(words: tuple[str, ...], origin: str | None, section: int | None, out: Path) -> Any:
    """The settings that --start and --from name; None where neither is there."""
    from lenet_tune import starts

    if not words and origin is None:
        return None
    return starts.gather(words, None if origin is None else find_study(origin, out), section)


for _command in (*COMMANDS, ablate, compare, data, doctor, watch, reproduce, selfcheck):
    main.add_command(_command)
