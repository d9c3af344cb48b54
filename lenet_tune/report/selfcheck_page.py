"""The page of a self-check, in the style of the studies' pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lenet_tune.report import charts_selfcheck
from lenet_tune.report.chart import Table
from lenet_tune.report.draw import unchecked
from lenet_tune.report.files import write_atomically
from lenet_tune.report.live import page_data
from lenet_tune.report.page import all_drawn, rendered
from lenet_tune.selfcheck import words
from lenet_tune.selfcheck.results import Results

_SECTIONS = (
    ("surfaces", "Best so far, surface by surface"),
    ("tests", "Tests against random search"),
    ("promises", "What must never fail"),
    ("table", "The table of real results"),
    ("method", "Method"),
    ("provenance", "Provenance"),
)
_GROUPS = {
    "development": "the search may be improved on it",
    "held out": "nothing was chosen on it",
    "real": "fitted to real trainings; nothing was chosen on it",
}


def write_selfcheck(results: Results, path: Path) -> Path:
    """Write the page; the one that was there stays until the new one is whole.

    Raises:
        StudyError: the file cannot be written.
    """
    return write_atomically(path, render_selfcheck(results).encode("utf-8"))


def render_selfcheck(results: Results) -> str:
    """The page; the same results give the same text."""
    with unchecked():
        parts = _context(results)
        return rendered("selfcheck.html", {**parts, "data": page_data(parts)})


def _context(results: Results) -> dict[str, Any]:
    return {
        "title": "Self-check of the searches",
        "state": "every promise kept" if results.kept else "a promise is broken",
        "notice": None,
        "sentence": words.verdict(results),
        "speed": words.speed(results),
        "command": results.proof["command"],
        "contents": [part for part in _SECTIONS if part[0] != "table" or results.real is not None],
        "batch": charts_selfcheck.middle_batch(results),
        "plan": results.plan,
        "charts": all_drawn(charts_selfcheck.landscape_charts(results)),
        "surfaces": _surfaces(results),
        "bayes": _tests(results, "bayes"),
        "overall": _overall(results, "bayes"),
        "tpe_overall": _overall(results, "tpe") if results.tpe else None,
        "tpe": _tests(results, "tpe") if results.tpe else None,
        "optuna": f"Optuna {results.tpe}" if results.tpe else None,
        "no_tpe": words.NO_TPE,
        "hyperband": _tests(results, "hyperband"),
        "promises": _promises(results),
        "quality": words.table_quality(results),
        "facts": _facts(results),
        "provenance": _pairs("Provenance", results.proof),
    }


def _tests(results: Results, kind: str) -> Table:
    first = results.of(kind)[0]
    return Table(
        caption=f"{words.NAMES[kind]} against random search, medians over {results.plan['seeds']} seeds",
        columns=(
            "surface", "batch", f"best after {first.trials}", f"random after {first.rival}",
            *words.COLUMNS[4:],
        ),
        rows=words.rows(results.of(kind), results.random_trials),
        numeric=(1, 2, 3, 4, 5, 6),
    )  # fmt: skip


def _overall(results: Results, kind: str) -> Table:
    rival = results.of(kind)[0].rival
    return Table(
        caption=f"{words.NAMES[kind]} over the surfaces together; equalled: medians that random search needs "
        f"{rival} trials or more for",
        columns=words.OVERALL,
        rows=words.overall_rows(results, kind),
        numeric=(1, 2, 3, 4),
    )


def _promises(results: Results) -> Table:
    return Table(
        caption="Promises of every oracle",
        columns=words.PROMISES,
        rows=words.promise_rows(results),
        numeric=(2, 3),
    )


def _surfaces(results: Results) -> Table:
    return Table(
        caption="The surfaces",
        columns=("surface", "free knobs", "part", "what it is", "after"),
        rows=tuple(
            (s.name, str(s.knobs), f"{s.group}: {_GROUPS[s.group]}", s.about, s.source)
            for s in results.landscapes
        ),
        numeric=(1,),
    )


def _facts(results: Results) -> Table | None:
    return None if results.real is None else _pairs("How the table was made", results.real["facts"])


def _pairs(caption: str, values: Mapping[str, Any]) -> Table:
    rows = tuple((name.replace("_", " "), words.plain(value)) for name, value in values.items())
    return Table(caption=caption, columns=("what", "value"), rows=rows)
