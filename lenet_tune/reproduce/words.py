"""A reproduction as text: its plan and verdicts for the terminal, its table for the README."""

from collections.abc import Callable, Mapping, Sequence

import click

from lenet_tune.analysis.fits import fit_beside
from lenet_tune.analysis.reproduction import ClaimVerdict, Reproduction
from lenet_tune.analysis.reproduction_words import headline, interval_words, measured_words, verdict_words
from lenet_tune.analysis.text import BACKEND_NAMES, points
from lenet_tune.progress import duration
from lenet_tune.reproduce.plan import Job
from lenet_tune.views import aligned, terminal_width, wrapped


def show_time(seconds: float) -> str:
    """A time as people say it."""
    return f"about {duration(seconds)}"


def print_plan(rounds: Sequence[Sequence[Job]], seconds: Callable[[Job], float]) -> None:
    """The settings to train, each with its seeds, what needs it, and its time."""
    by_label: dict[str, list[Job]] = {}
    for jobs in rounds:
        for job in jobs:
            by_label.setdefault(job.arm.label, []).append(job)
    rows = [
        (
            ",".join(str(job.repeat) for job in jobs),
            duration(sum(map(seconds, jobs))),
            f"{label} ({', '.join(jobs[0].arm.needed_by)})",
        )
        for label, jobs in by_label.items()
    ]
    click.echo("\n".join(aligned(("seeds", "time", "setting (needed by)"), rows, terminal_width())))


def print_verdicts(found: Reproduction) -> None:
    """The answer in a sentence, then each published number and each claim with its verdict."""
    width = terminal_width()
    click.echo("\n".join(wrapped(headline(found), width)))
    click.echo("\n".join(aligned(_TERMINAL, _terminal_rows(found), width)))
    click.echo("")
    claims = [(c.claim.name, str(c.n), *_parted(c)) for c in found.claims]
    click.echo("\n".join(aligned(("claim", "n", "verdict", "in words"), claims, width)))


def _parted(claim: ClaimVerdict) -> tuple[str, str]:
    """The verdict, and the claim with what would settle it."""
    verdict, _, more = verdict_words(claim).partition("; ")
    return verdict, f"{claim.claim.words}{more and f' ({more})'}"


_TERMINAL = ("published", "measured", "n", "verdict", "figure")


def _terminal_rows(found: Reproduction) -> list[tuple[str, ...]]:
    rows = [dict(zip(_COLUMNS, row, strict=True)) for row in _rows(found)]
    return [
        tuple({**row, "figure": f"{row['where']}: {row['run']}"}[name] for name in _TERMINAL) for row in rows
    ]


_COLUMNS = ("where", "run", "published", "measured", "one new run", "n", "verdict")


def _rows(found: Reproduction) -> list[tuple[str, ...]]:
    return [
        (
            v.published.where,
            v.published.label,
            f"{v.published.accuracy:.4f}",
            measured_words(v),
            interval_words(v),
            str(v.sample.n if v.sample else 0),
            v.verdict,
        )
        for v in found.numbers
    ]


def _claims(found: Reproduction) -> list[tuple[str, ...]]:
    return [(c.claim.name, c.claim.words, verdict_words(c), str(c.n)) for c in found.claims]


def markdown(found: Mapping[str, Reproduction]) -> str:
    """The table published / measured / verdict, and the claims, for the README; backends side by side."""
    if len(found) > 1:
        return _side_by_side(found)
    (one,) = found.values()
    return "\n".join(
        [
            headline(one),
            "",
            *_markdown_table(_COLUMNS, _rows(one)),
            "",
            *_markdown_table(("claim", "in words", "verdict", "n"), _claims(one)),
        ]
    )


def _side_by_side(found: Mapping[str, Reproduction]) -> str:
    titles = [BACKEND_NAMES[backend] for backend in found]
    numbers = zip(*map(_rows, found.values()), strict=True)
    claims = zip(*map(_claims, found.values()), strict=True)
    # A row begins as every backend's does, and goes on with what each has of its own.
    published = [(*same[0][:3], *(row[i] for row in same for i in (3, 5, 6))) for same in numbers]
    judged = [(*same[0][:2], *(cell for row in same for cell in row[2:])) for same in claims]
    own = [column for title in titles for column in (f"measured, {title}", "n", "verdict")]
    verdicts = [column for title in titles for column in (f"verdict, {title}", "n")]
    return "\n\n".join(
        [
            *(f"{BACKEND_NAMES[backend]}: {headline(one)}" for backend, one in found.items()),
            *_which_fits(found),
            "\n".join(_markdown_table(("where", "run", "published", *own), published)),
            "\n".join(_markdown_table(("claim", "in words", *verdicts), judged)),
        ]
    )


def _which_fits(found: Mapping[str, Reproduction]) -> list[str]:
    """Whether the published figures say which of two backends the report had."""
    first, second = found.values()
    a, b = (BACKEND_NAMES[backend] for backend in found)
    if (fit := fit_beside(first.pool, second.pool)) is None:
        return []
    sure = "the figures do not say which the report had"
    if 0 not in fit.interval:
        sure = f"{a if fit.excess > 0 else b} fits them better"
    between = f"{100 * fit.interval.low:.1f} to {100 * fit.interval.high:.1f}, bootstrap over the figures"
    return [
        f"Over the {fit.numbers} figures that name their run, {a} lies {points(fit.rms[0])} away (root mean "
        f"square) and {b} {points(fit.rms[1])}; the difference is {points(fit.excess)} ({between}): {sure}."
    ]


def _markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"

    return [line(columns), f"|{'---|' * len(columns)}", *map(line, rows)]
