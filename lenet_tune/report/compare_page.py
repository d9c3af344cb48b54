"""The page of several studies side by side."""

from pathlib import Path
from typing import Any

from lenet_tune.analysis.compare import StudyComparison
from lenet_tune.analysis.confirmation import interval
from lenet_tune.analysis.text import NONE, count, duration, percent
from lenet_tune.report.chart import Table
from lenet_tune.report.charts_compare import comparison_charts, paired_chart
from lenet_tune.report.draw import unchecked
from lenet_tune.report.files import write_atomically
from lenet_tune.report.live import page_data
from lenet_tune.report.page import all_drawn, rendered


def write_comparison(found: StudyComparison, path: Path) -> Path:
    """Write the page; the one that was there stays until the new one is whole.

    Raises:
        StudyError: the file cannot be written.
    """
    return write_atomically(path, render_comparison(found).encode("utf-8"))


def render_comparison(found: StudyComparison) -> str:
    """The page; the same studies give the same text."""
    with unchecked():
        parts = _parts(found)
        return rendered("compare.html", {**parts, "data": page_data(parts)})


def _parts(found: StudyComparison) -> dict[str, Any]:
    pairs = [paired_chart(i, pair) for i, pair in enumerate(found.pairs)]
    return {
        "title": " and ".join(s.name for s in found.studies),
        "state": f"{len(found.studies)} studies compared",
        "notice": found.notice,
        "sentence": _sentence(found),
        "studies": _table(found),
        "charts": all_drawn(comparison_charts(found)),
        "pairs": all_drawn(pairs),
        "cautions": found.cautions,
        "contents": (("charts", "How fast, and how far"), ("pairs", "On equal settings")),
    }


def _sentence(found: StudyComparison) -> str:
    scored = [s for s in found.studies if s.at_trials is not None]
    if not scored:
        return "No study has a score yet."
    first = max(scored, key=lambda s: s.at_trials)
    rest = ", ".join(f"{s.name} {percent(s.at_trials)}" for s in scored if s is not first)
    words = f"After {count(found.trials, 'trial')} each, {first.name} leads with {percent(first.at_trials)}"
    words += f" ({rest})." if rest else "."
    return f"{words} One search of a kind is one draw of luck: only repeated searches tell kinds apart."


def _table(found: StudyComparison) -> Table:
    return Table(
        caption="The studies",
        columns=(
            "study", "what it is", "state", "trials with a score", "best", "leader on fresh seeds", "median",
            f"after {count(found.trials, 'trial')}", f"after {duration(found.seconds)}", "trained",
        ),
        rows=tuple(
            (
                s.name, s.title, s.state, f"{s.scored} of {s.ended}",
                NONE if s.best is None else f"{percent(s.best)} (trial {s.trial})",
                NONE if s.fresh is None else interval(s.fresh),
                percent(s.median), percent(s.at_trials), percent(s.at_seconds), duration(s.seconds),
            )
            for s in found.studies
        ),
        numeric=(3, 4, 5, 6, 7, 8, 9),
    )  # fmt: skip
