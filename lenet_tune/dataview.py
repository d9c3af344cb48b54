"""What `lenet-tune data` shows: a data set's figures as a table or as JSON."""

from dataclasses import asdict
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from lenet_tune.data.survey import Survey

MOST_ROWS = 40
"""Classes that the table lists; the JSON has all."""

_SPACE = "\N{NO-BREAK SPACE}"


def as_json(found: Survey) -> dict[str, Any]:
    """Everything of the survey, JSON-ready."""
    return {
        **asdict(found),
        "train_size": found.train_size,
        "test_size": found.test_size,
        "imbalance": found.imbalance,
        "warnings": list(found.warnings),
    }


def print_survey(found: Survey, stream: TextIO) -> None:
    """Facts, counts a class and warnings; plain where `stream` is no terminal."""
    console = Console(file=stream, highlight=False, soft_wrap=False)
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    facts.add_column(style="bold")
    facts.add_column(overflow="fold")
    for name, text in _facts(found):
        facts.add_row(name, Text(text))
    console.print(facts)
    console.print()
    console.print(_counts(found))
    if len(found.classes) > MOST_ROWS:
        console.print(f"... {len(found.classes) - MOST_ROWS} more classes: --json lists them")
    console.print()
    for line in found.warnings:
        console.print(Text.assemble(("WARNING: ", "bold yellow"), _clean(line)))
    if not found.warnings:
        console.print("no warnings")


def _facts(found: Survey) -> list[tuple[str, str]]:
    h, w, c = found.image_shape
    kind = {1: "grey", 3: "colour"}.get(c, f"{c} channels")
    low, high = found.value_range
    means = ", ".join(
        f"{m:.1f}{_SPACE}±{_SPACE}{s:.1f}" for m, s in zip(found.channel_mean, found.channel_std, strict=True)
    )
    facts = [
        ("data", _clean(found.name)),
        ("images", f"{h}x{w}, {kind} (rows x columns)"),
        ("number", f"{found.train_size:,} to train on, {found.test_size:,} to test on"),
        ("classes", f"{len(found.classes):,}"),
        ("values", f"{low} to {high}"),
        ("channels", f"{means} (mean ± standard deviation)"),
        ("fingerprint", found.fingerprint),
    ]
    return facts if found.notice is None else [*facts, ("note", found.notice)]


def _counts(found: Survey) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("class", overflow="ellipsis", no_wrap=True, max_width=40)
    for name in ("train", "share", "test", "share"):
        table.add_column(name, justify="right", no_wrap=True)
    for count in found.classes[:MOST_ROWS]:
        table.add_row(
            Text(_clean(count.name)),
            f"{count.train:,}",
            f"{100 * count.train / found.train_size:.1f} %",
            f"{count.test:,}",
            f"{100 * count.test / found.test_size:.1f} %",
        )
    return table


def _clean(text: str) -> str:
    # Names come with the data: a terminal must not obey them.
    return "".join(c if c.isprintable() else "?" for c in text)
