"""The page of a study: one HTML file that needs no network, and says all it has to say without its script."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2

from lenet_tune import analysis
from lenet_tune.analysis.ablation import ablated
from lenet_tune.records import Snapshot
from lenet_tune.report import (
    charts_ablation,
    charts_cost,
    charts_insight,
    charts_knobs,
    charts_model,
    charts_report,
    charts_search,
    content,
    content_model,
    pictures,
    style,
)
from lenet_tune.report.chart import Chart, Table
from lenet_tune.report.draw import unchecked
from lenet_tune.report.files import write_atomically
from lenet_tune.report.live import Drawing, page_data, scripts
from lenet_tune.report.rerun import again
from lenet_tune.report.safe import finalize
from lenet_tune.report.vega import inline_svg

TEMPLATES = Path(__file__).parent / "templates"


def write_page(snapshot: Snapshot, path: Path) -> Path:
    """Write the study's page; the page that was there stays until the new one is whole.

    Raises:
        StudyError: the file cannot be written.
    """
    return write_atomically(path, render_page(snapshot).encode("utf-8"))


def render_page(snapshot: Snapshot) -> str:
    """The study's page; the same snapshot gives the same text."""
    with unchecked():
        return rendered("page.html", _context(snapshot))


def rendered(template: str, context: dict[str, Any]) -> str:
    """A template filled in: everything escaped, nothing undefined."""
    look = {"on_page": style.ON_PAGE, "scripts": scripts(), "has_trials": False}
    return _environment(TEMPLATES).get_template(template).render({**look, **context})


@lru_cache(maxsize=1)
def _environment(folder: Path) -> jinja2.Environment:
    """Templates are compiled once a process."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page_parts(snapshot: Snapshot) -> dict[str, Any]:
    """What the page of a study shows, by name: drawings, tables, sentences."""
    ranked = content.trials_table(analysis.ranked_table(snapshot))
    return {
        **_first_screen(snapshot),
        **_report_part(snapshot),
        **_search_part(snapshot),
        **_model_part(snapshot),
        "advice": analysis.advice(snapshot),
        "trials": ranked.head(content.FIRST_ROWS),
        "more_trials": ranked.tail(content.FIRST_ROWS),
        "fixed": content.fixed_table(snapshot),
        "failures": content.failures_table(analysis.failures(snapshot)),
        "method": content.method(snapshot),
        "provenance": content.provenance_table(snapshot),
    }


def _context(snapshot: Snapshot) -> dict[str, Any]:
    parts = page_parts(snapshot)
    return {
        **parts,
        "contents": contents(parts, _SECTIONS),
        "data": page_data(parts, snapshot),
        "has_trials": True,
    }


def _first_screen(snapshot: Snapshot) -> dict[str, Any]:
    definition, apart = snapshot.definition, ablated(snapshot)
    best = content.best_table(snapshot) if apart is None else charts_ablation.setting_table(apart)
    shown = charts_search.progress_chart(snapshot) if apart is None else charts_ablation.ablation_chart(apart)
    return {
        "title": definition.title,
        "state": analysis.state(snapshot),
        "notice": definition.notice,
        "sentence": analysis.summary(snapshot),
        "held_out": definition.held_out_name,
        "best": best and best.head(content.FIRST_KNOBS),
        "more_best": best and best.tail(content.FIRST_KNOBS),
        "command": again(snapshot.manifest) or content.UNKNOWN,
        "progress": drawn(shown),
        "leaders": drawn(charts_search.leaders_chart(snapshot)),
        "leaders_table": content_model.leaders_table(snapshot),
    }


@dataclass(frozen=True, kw_only=True)
class DrawnPart:
    """A table or figure of the report with its panels drawn."""

    part: charts_report.ReportPart
    panels: tuple[Drawing, ...]


def drawn_part(part: charts_report.ReportPart) -> DrawnPart:
    """A table or figure of the report with its panels drawn."""
    return DrawnPart(part=part, panels=all_drawn(part.panels))


def _report_part(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "published": drawn(charts_report.published_chart(snapshot)),
        "report_parts": tuple(drawn_part(part) for part in charts_report.report_parts(snapshot)),
    }


def _search_part(snapshot: Snapshot) -> dict[str, Any]:
    held_out = snapshot.definition.held_out_name
    return {
        **_knobs_part(snapshot),
        "curves": drawn(charts_search.curves_chart(snapshot)),
        "cost": drawn(charts_cost.cost_chart(snapshot)),
        "by_time": drawn(charts_search.progress_time_chart(snapshot)),
        "parameters": drawn(charts_cost.parameters_chart(snapshot)),
        "expected": drawn(charts_cost.expected_chart(analysis.expected_best(snapshot), held_out)),
    }


_KNOBS_PART = {
    "importance": None,
    "importance_words": (),
    "ranges": None,
    "parallel": None,
    "two_knobs": None,
    "heat_maps": (),
    "slices": (),
    "effects": None,
    "effects_noise": "",
}
"""Of an ablation: its trials differ from one by one knob, which statistics over all trials cannot read."""


def _knobs_part(snapshot: Snapshot) -> dict[str, Any]:
    if snapshot.definition.is_ablation:
        return _KNOBS_PART
    found = analysis.importance(snapshot)
    parallel = analysis.parallel_coordinates(snapshot, found)
    return {
        "importance": drawn(charts_insight.importance_chart(found)),
        "importance_words": tuple(words for words in (found.weak, found.note) if words),
        "ranges": drawn(charts_insight.ranges_chart(snapshot, parallel)),
        "parallel": drawn(charts_insight.parallel_chart(snapshot, parallel)),
        "two_knobs": drawn(charts_insight.scatter_chart(analysis.knob_scatter(snapshot, found))),
        "heat_maps": all_drawn(charts_insight.interaction_charts(analysis.interaction_tables(snapshot))),
        "slices": all_drawn(charts_knobs.slice_charts(snapshot)),
        "effects": drawn(charts_knobs.effects_chart(snapshot)),
        "effects_noise": content.noise_words(snapshot),
    }


def _model_part(snapshot: Snapshot) -> dict[str, Any]:
    model = analysis.best_model(snapshot.best_model)
    return {
        "fits": all_drawn(charts_model.fit_charts(snapshot)),
        "model": model,
        "confusion": drawn(charts_model.confusion_chart(model)) if model else None,
        "confusions": charts_model.confusions_table(model) if model else None,
        "classes": drawn(charts_model.classes_chart(model)) if model else None,
        "model_words": content_model.model_words(model) if model else "",
        "mistakes": content_model.mistakes_table(model) if model else None,
        "kernels": pictures.kernels_picture(model) if model else None,
        "samples": pictures.sample_pictures(model) if model else (),
    }


def drawn(chart: Chart | None) -> Drawing | None:
    """A chart with its SVG."""
    return None if chart is None else Drawing(chart=chart, svg=inline_svg(chart))


def all_drawn(charts: Iterable[Chart]) -> tuple[Drawing, ...]:
    """Charts with their SVGs."""
    return tuple(Drawing(chart=chart, svg=inline_svg(chart)) for chart in charts)


_SECTIONS = (
    ("report", "The report's tables and figures", ("report_parts",)),
    ("next", "What to do next", ("advice",)),
    ("holds", "Does it hold?", ("leaders",)),
    ("matters", "Which knobs matter?", ("importance", "ranges")),
    ("knobs", "What value of each knob?", ("slices",)),
    ("together", "Which knobs work together?", ("parallel", "two_knobs", "heat_maps")),
    ("effects", "Main effects", ("effects",)),
    ("curves", "Learning curves", ("curves",)),
    ("cost", "Cost", ("cost", "parameters", "by_time")),
    ("trials", "All trials", ("trials",)),
    ("failures", "Failures", ("failures",)),
    ("model", "The best model", ("fits", "model")),
    ("method", "Method", ("method",)),
    ("provenance", "Provenance", ("provenance",)),
)


def contents(
    parts: dict[str, Any], sections: tuple[tuple[str, str, tuple[str, ...]], ...]
) -> tuple[tuple[str, str], ...]:
    """(name, title) of the sections that have anything to show; the others are left out of a page."""

    def shown(value: Any) -> bool:
        return bool(value.rows) if isinstance(value, Table) else bool(value)

    return tuple((name, title) for name, title, needs in sections if any(shown(parts[key]) for key in needs))
