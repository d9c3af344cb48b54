"""The options that commands share, and what becomes of them."""

import os
import sys
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import click

from lenet_tune.cli_views import OUT

IMAGE_SIZE = click.option(
    "--image-size",
    metavar="32|HxW",
    help="Resize the images of a folder, tfds: or hf:.  [default: their own size, where all have one]",
)
PLACE_OPTIONS = (
    click.option(
        "--data",
        "source",
        help="cifar10, cifar100, mnist, fashion_mnist, shapes, or a path: an official CIFAR-10 folder or "
        "tarball, an .npz, a folder of class folders with images; or tfds:NAME or hf:NAME.  "
        "[default: $LENET_TUNE_DATA, or cifar10]",
    ),
    IMAGE_SIZE,
    click.option("--budget", help="Stop after this time, within one epoch: 90s, 20m, 2h."),
    click.option(
        "--device",
        type=click.Choice(["auto", "cpu", "gpu"]),
        default="auto",
        show_default=True,
        help="Device to train on.",
    ),
    click.option(
        "--backend",
        type=click.Choice(["tensorflow", "jax"]),
        help="Keras backend.  [default: $KERAS_BACKEND, or tensorflow]",
    ),
    click.option(
        "--checkpoint-every",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Epochs between checkpoints.",
    ),
    click.option(
        "--trial-timeout",
        help="Give up a trial that trains longer (90s, 20m, 2h); those of a group over it are tried alone.",
    ),
    click.option(
        "--accept-versions",
        is_flag=True,
        help="Go on although the study was begun with other versions of the packages.",
    ),
    OUT,
)
WORKERS = (
    click.option(
        "--workers",
        type=click.IntRange(min=1, max=1024),
        help="Train groups side by side in so many processes, which share this host's cores or GPUs. Needs "
        "`pip install 'lenet-tune[cluster]'`.",
    ),
    click.option(
        "--ray",
        metavar="ADDRESS",
        help="Train groups on the Ray cluster that this host is a node of (auto finds it): a worker a GPU or "
        "a node; --workers N for so many a node.",
    ),
)
PLACE_NAMES = (
    "workers",
    "ray",
    "source",
    "image_size",
    "budget",
    "device",
    "backend",
    "checkpoint_every",
    "trial_timeout",
    "accept_versions",
    "log",
    "out",
)
LOG = click.option(
    "--log",
    multiple=True,
    metavar="tensorboard:FOLDER|mlflow[:URI]",
    help="Log every epoch there as it comes; needs pip install 'lenet-tune[tensorboard]' or [mlflow]. "
    "Repeatable.",
)
STUDY_OPTIONS = (
    click.option("--quick", is_flag=True, help="2,000 images, 2 epochs: about a minute on two cores."),
    click.option(
        "--engine",
        type=click.Choice(["fused", "reference"]),
        default="fused",
        show_default=True,
        help="fused trains many trials as one program, reference one Keras model at a time.",
    ),
    click.option(
        "--class-weights",
        type=click.Choice(["none", "balanced"]),
        default="none",
        show_default=True,
        help="balanced makes every class count alike in the training loss, however many images it has.",
    ),
    click.option("--name", help="Name of the study.  [default: made from the options]"),
    click.option("--dry-run", is_flag=True, help="Print the trials and an estimate of time; train nothing."),
    LOG,
    *WORKERS,
    *PLACE_OPTIONS,
)
SEARCH_OPTIONS = (
    click.option(
        "--knob",
        "knobs",
        multiple=True,
        metavar="NAME=VALUES",
        help="Change what is tried: batch_size=32,128 or learning_rate=0.001..0.1 or pooling=max. "
        "Repeatable; `lenet-tune knobs` lists them.",
    ),
    click.option(
        "--epochs", type=int, help="Epochs of every trial.  [default: 30 for a section's grid, else 10]"
    ),
    click.option("--train-size", type=int, help="Train on a stratified part of the images.  [default: all]"),
    click.option("--seeds", type=int, default=1, show_default=True, help="Executions of each trial."),
    click.option("--seed", type=int, default=0, show_default=True, help="Seed of the study; 0 is a seed."),
    *STUDY_OPTIONS,
)
CONFIRM = click.option(
    "--confirm",
    type=int,
    help="Train the leaders again with up to this many fresh seeds; 0 for not.  [default: 6, quick 3]",
)
STOPPING = (
    click.option("--stop-bad", is_flag=True, help="End trials early that lie below the median of all."),
    click.option(
        "--audit", type=float, help="Share of those trials that trains on, to check the rule.  [default: 0.1]"
    ),
)
STARTS = (
    click.option(
        "--start",
        "start_words",
        multiple=True,
        metavar="report|none|FILE",
        help="Try first: the report's best settings, nothing, or the setting in a JSON file. Repeatable.",
    ),
    click.option("--from", "origin", metavar="STUDY", help="Try first: the leaders of another study."),
)
VALIDATION = click.option(
    "--validation-size", type=int, help="Images held out to rank by.  [default: 5000, at most a fifth]"
)
SECTION = click.option(
    "--section", type=click.IntRange(1, 3), help="Search the knobs of one section's architecture."
)


def with_options(*options: Callable) -> Callable:
    """A decorator that adds options in the order given."""
    return lambda command: reduce(lambda f, option: option(f), reversed(options), command)


def place_of(options: Mapping[str, Any]) -> Any:
    """The `session.Place` that the options of a place stand for."""
    from lenet_tune.session import Place

    callbacks: tuple = ()
    if options.get("log"):
        from lenet_tune import loggers

        callbacks = tuple(loggers.parse(text) for text in options["log"])
    return Place(
        out=options["out"],
        source=options["source"],
        image_size=size_of(options["image_size"]),
        backend=options["backend"],
        device=options["device"],
        budget=_seconds(options, "budget"),
        command=sys.argv[1:],
        checkpoint_every=options["checkpoint_every"],
        trial_timeout=_seconds(options, "trial_timeout"),
        accept_versions=options["accept_versions"],
        callbacks=callbacks,
        workers=options.get("workers"),
        ray=options.get("ray"),
    )


def size_of(text: str | None) -> tuple[int, int] | None:
    """(h, w) that --image-size stands for."""
    from lenet_tune.parse import parse_image_size

    return None if text is None else parse_image_size(text)


def _seconds(options: Mapping[str, Any], name: str) -> float | None:
    from lenet_tune.parse import parse_duration

    return None if options[name] is None else parse_duration(options[name], name)


def leave(signal: int | None) -> None:
    """End the process as one that was stopped by `signal`; go on where there was none."""
    if signal is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        # The engine's thread may be deep in compiled code; everything is stored, so do not wait for it.
        os._exit(128 + signal)
