"""What the script of a page needs: the page's charts and their rows, each once, and the trials in detail."""

import base64
import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from lenet_tune.analysis.curves import trial_curves
from lenet_tune.analysis.effects import slices
from lenet_tune.analysis.ranking import fixed
from lenet_tune.knobs import show
from lenet_tune.records import Snapshot
from lenet_tune.report.bundle import packed_script
from lenet_tune.report.chart import Chart
from lenet_tune.report.draw import Row, per_cent, text
from lenet_tune.report.rerun import rerun_command
from lenet_tune.report.safe import clean
from lenet_tune.report.style import BLUE, CONFIG, VERMILLION

MANY = 100  # trials from the best down that have their command in the page
CURVES = 300  # the same for their learning curves
_SCRIPT = Path(__file__).parent / "templates" / "page.js"


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A chart and its still SVG."""

    chart: Chart
    svg: Markup


def drawings(value: Any) -> Iterator[Drawing]:
    """Every drawing in what a template is handed."""
    if isinstance(value, Drawing):
        yield value
    elif isinstance(value, Mapping):
        yield from (found for part in value.values() for found in drawings(part))
    elif isinstance(value, (list, tuple)):
        yield from (found for part in value for found in drawings(part))
    elif hasattr(value, "panels"):
        yield from drawings(value.panels)


def page_data(parts: Mapping[str, Any], snapshot: Snapshot | None = None) -> dict[str, Any]:
    """The data block of a page.

    Args:
        parts: what its template is handed.
        snapshot: the study whose trials can be looked at one by one; None on a page without trials.
    """
    charts = {drawing.chart.name: drawing.chart for drawing in drawings(parts)}
    rows = {name: found for chart in charts.values() for name, found in chart.shared.items()}
    return {
        "charts": {name: _chart(chart) for name, chart in charts.items()},
        "shared": {name: _columns(found) for name, found in rows.items()},
        "config": CONFIG,
        **(_trials(snapshot) if snapshot else {}),
    }


def _columns(rows: list[Row]) -> dict[str, list]:
    """Rows without their names, which stand once; a page's script sets `on` itself."""
    fields = [name for name in dict.fromkeys(name for row in rows for name in row) if name != "on"]
    return {"fields": fields, "rows": [[row.get(name) for name in fields] for row in rows]}


def _chart(chart: Chart) -> dict[str, Any]:
    return {
        "spec": {k: v for k, v in chart.spec.items() if k != "$schema"},
        "shared": sorted(chart.shared),
        "finding": clean(chart.finding),
        "brush": chart.brush,
    }


def _trials(snapshot: Snapshot) -> dict[str, Any]:
    commands = {t.number: c for t in snapshot.order[:MANY] if (c := rerun_command(snapshot, t))}
    rest = [trial for trial in snapshot.trials if trial.number not in snapshot.ranks]
    drawn = [*snapshot.order, *rest][:CURVES]
    return {
        "name": text(snapshot.definition.name),
        "held_out": snapshot.definition.held_out_name,
        "knobs": [[f"k{i}", text(part.knob)] for i, part in enumerate(slices(snapshot))],
        "fixed": [[text(name), text(show(value))] for name, value in fixed(snapshot).items()],
        "commands": {number: text(command) for number, command in commands.items()},
        "histories": {t.number: found for t in drawn if (found := _history(t))},
        "colours": {"train": VERMILLION, "held_out": BLUE},
    }


def _history(trial: Any) -> list[list[int | None]] | None:
    """Train and held-out accuracy after each epoch, in hundredths of a point; None without an epoch."""
    if not any(e.epochs for e in trial.executions):
        return None
    mean = trial_curves(trial).mean
    return [
        [None if (v := per_cent(a)) is None else round(100 * v) for a in side]
        for side in (mean.train_accuracy, mean.held_out_accuracy)
    ]


@dataclass(frozen=True, kw_only=True)
class Scripts:
    """The scripts of a page, and the sources that its content security policy allows.

    Args:
        own: the page's script.
        vega: Vega with its helpers, gzip in base64, half a megabyte less: the page's script unpacks it.
    """

    own: Markup
    vega: str
    sources: tuple[str, str]


@lru_cache(maxsize=1)
def scripts() -> Scripts:
    """The scripts, the same for every page."""
    own, packed = _SCRIPT.read_text(encoding="utf-8"), packed_script()
    # Our own file, never data. Inside <script> nothing may look like its end.
    if "</script" in own.lower() or "<!--" in own:
        raise ValueError("page.js must not contain </script or <!--: it would end early in a page.")
    return Scripts(
        own=Markup(own),
        vega=base64.b64encode(packed).decode("ascii"),
        sources=(_source(own.encode()), _source(gzip.decompress(packed))),
    )


def _source(body: bytes) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(body).digest()).decode('ascii')}'"
