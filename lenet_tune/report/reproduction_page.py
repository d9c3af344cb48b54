"""The page of the reproduced report, made from its studies alone."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lenet_tune import analysis
from lenet_tune.analysis.closing import closing_words
from lenet_tune.analysis.reproduction import Reproduction
from lenet_tune.analysis.reproduction_words import gap_words, headline
from lenet_tune.analysis.text import count, percent
from lenet_tune.analysis.verdicts import largest_gaps
from lenet_tune.records import Snapshot
from lenet_tune.report import charts_report, method_reproduction, pictures
from lenet_tune.report import content_reproduction as content
from lenet_tune.report.charts_reproduction import numbers_chart, numbers_table
from lenet_tune.report.closing_part import closing_apart, closing_knobs, closing_searches, closing_table
from lenet_tune.report.content import UNKNOWN
from lenet_tune.report.draw import unchecked
from lenet_tune.report.files import write_atomically
from lenet_tune.report.live import page_data
from lenet_tune.report.page import contents, drawn, drawn_part, rendered
from lenet_tune.report.rerun import again

_SECTIONS = (
    ("numbers", "Published numbers", ("number_table",)),
    ("report", "The report's tables and figures", ("report_parts",)),
    ("table5", "Table 5: feature maps", ("model_name",)),
    ("claims", "The report's claims", ("claim_table",)),
    ("choices", "What the report leaves open", ("choice_table",)),
    ("closing", "The closing question", ("model_name",)),
    ("judged", "Method", ("sentences",)),
    ("evidence", "Provenance", ("study_table",)),
)
_TABLE_5 = "Table 4, lr 0.01, tanh, cross-entropy"


def write_reproduction(found: Reproduction, path: Path) -> Path:
    """Write the page; the one that was there stays until the new one is whole.

    Raises:
        StudyError: the file cannot be written.
    """
    return write_atomically(path, render_reproduction(found).encode("utf-8"))


def render_reproduction(found: Reproduction) -> str:
    """The page; the same studies give the same text."""
    with unchecked():
        parts = _parts(found)
        more = {"contents": contents(parts, _SECTIONS), "data": page_data(parts)}
        return rendered("reproduction.html", {**parts, **more})


def _parts(found: Reproduction) -> dict[str, Any]:
    return {
        **_first_screen(found),
        **_report(found),
        **_model(found),
        **_rules(found),
        "claim_table": content.claim_table(found),
        "claim_parts": content.claim_parts(found),
        "choice_table": content.choice_table(),
        "fit_parts": content.fit_parts(found),
        "closing": closing_searches(found.closing),
        "closing_table": closing_table(found.closing),
        "closing_knobs": closing_knobs(found.closing),
        "closing_apart": closing_apart(found.apart),
        "closing_words": closing_words(found.closing),
        "study_table": content.study_table(found),
        "setting_table": content.setting_table(found),
        "execution_table": content.execution_table(found),
    }


def _first_screen(found: Reproduction) -> dict[str, Any]:
    first = found.studies[0] if found.studies else None
    measured = sum(v.sample is not None for v in found.numbers)
    return {
        "title": first.definition.title if first else "The report reproduced",
        "state": f"{measured} of {count(len(found.numbers), 'published figure')} measured",
        "notice": found.notice,
        "held_out": "test",
        "sentence": headline(found),
        "gaps": tuple(gap_words(v) for v in largest_gaps(found.numbers)),
        "command": "\n".join(_commands(found.studies)) or UNKNOWN,
        "numbers": drawn(numbers_chart(found)),
        "number_table": numbers_table(found.numbers),
        "rank_table": content.rank_table(found),
    }


def _commands(studies: Iterable[Snapshot]) -> list[str]:
    """What was typed, a line a sitting; the same line twice went on where it had been stopped."""
    sittings = [s for study in studies for s in study.manifest.get("sessions") or (study.manifest,)]
    return list(dict.fromkeys(command for s in sittings if (command := again(s))))


def _report(found: Reproduction) -> dict[str, Any]:
    return {
        "published": None,
        "report_parts": tuple(drawn_part(p) for p in charts_report.parts_of(found.rows, "test")),
    }


def _model(found: Reproduction) -> dict[str, Any]:
    model = analysis.best_model(found.model)
    return {
        "model": model,
        "model_name": _TABLE_5,
        "model_accuracy": percent(model.accuracy) if model else None,
        "samples": pictures.sample_pictures(model) if model else (),
    }


def _rules(found: Reproduction) -> dict[str, Any]:
    return {
        "rule": method_reproduction.NUMBER_RULE,
        "claim_rule": method_reproduction.CLAIM_RULE,
        "fit_rule": method_reproduction.FIT_RULE,
        "sentences": method_reproduction.sentences(found),
        "measure_table": method_reproduction.measure_table(),
    }
