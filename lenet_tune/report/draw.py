"""What charts have in common: their specification from altair, axes in per cent, legends, links between them.

Rows of data are dicts of plain values; accuracies in them are per cent, rounded to 1e-4 points. Rows that
belong to a trial carry its number as `trial` and a flag `on`, which a page clears to fade them.
"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import altair as alt
from altair.utils import schemapi

from lenet_tune.analysis.text import is_number
from lenet_tune.report.safe import clean, shorten
from lenet_tune.report.style import DASHES

Row = dict[str, Any]
FADED, FULL = 0.06, 0.85
PICKED = "datum.trial === picked"  # the trial somebody clicked, in every chart that shows it


@contextmanager
def unchecked() -> Iterator[None]:
    """Charts made inside are not checked against Vega-Lite's schema: that takes 2/3 of a page's time.

    Tests check them all.
    """
    with schemapi.debug_mode(False):
        yield


def spec(chart: alt.TopLevelMixin, *, linked: bool = False) -> dict[str, Any]:
    """The Vega-Lite specification of an altair chart, without altair's own configuration.

    Args:
        linked: whether its rows are trials: it then has the parameter `picked`, a trial's number or null.
    """
    found = chart.to_dict(validate=schemapi.DEBUG_MODE)
    found.pop("config", None)
    if linked:
        found["params"] = [{"name": "picked", "value": None}, *found.get("params", [])]
    return found


def layered(*layers: alt.Chart, width: int = 560, height: int) -> alt.LayerChart:
    """Layers over each other, in a plotting area of so many px."""
    # Layers are copied several times, and altair copies a dict faster than an object of its own with all
    # the properties it could have: so scales, axes and legends are dicts in all charts.
    return alt.LayerChart(layer=list(layers), width=width, height=height)


def per_cent(value: float | None) -> float | None:
    """A fraction in per cent; None for what is missing or no finite number."""
    return round(100 * value, 4) if is_number(value) else None


def number(value: float | None) -> float | None:
    """A number as JSON can hold it: None for what is missing or not finite."""
    return float(f"{value:.7g}") if is_number(value) else None


def domain(values: Iterable[float | None], *, floor: float | None = None) -> list[float]:
    """Limits in per cent that hold fractions, with some air; 0 to 100 for none."""
    known = [100 * v for v in values if is_number(v)]
    low, high = (min(known), max(known)) if known else (0.0, 100.0)
    low = low if floor is None else floor
    air = max(0.08 * (high - low), 0.5)
    low, high = (max(0.0, low - air) if floor is None else floor), min(102.0, high + air)
    return [round(low, 2), round(high, 2)]


def percent_y(field: str, title: str | None, limits: list[float], **more: Any) -> alt.Y:
    """A vertical axis in per cent."""
    return alt.Y(f"{field}:Q", title=title, scale=_fixed(limits), axis={"tickCount": 6}, **more)


def percent_x(field: str, title: str | None, limits: list[float], **more: Any) -> alt.X:
    """A horizontal axis in per cent."""
    return alt.X(f"{field}:Q", title=title, scale=_fixed(limits), axis={"tickCount": 8, "grid": True}, **more)


def whole_x(field: str, title: str, low: float, high: float) -> alt.X:
    """A horizontal axis of whole numbers: epochs or trial numbers."""
    step = _step(high - low, 10)
    ticks = [n for n in range(math.ceil(low), math.floor(high) + 1) if n % step == 0]
    if low <= 1 <= high and low > 0:
        ticks = sorted({1, *ticks})
    return alt.X(f"{field}:Q", title=title, scale=_fixed([low, high]), axis={"values": ticks, "format": "d"})


def _step(width: float, most: int) -> int:
    return next(s for p in range(9) for s in (10**p, 2 * 10**p, 5 * 10**p) if width / s <= most)


def _fixed(limits: Sequence[float]) -> Row:
    return {"domain": list(limits), "nice": False, "zero": False}


def value_x(field: str, kind: str, values: Sequence[Any], title: str | None = None) -> alt.X:
    """A horizontal axis of a knob's values: kind "log", "linear" or "category" (texts in their order)."""
    shape = "N" if kind == "category" else "Q"
    axis: dict[str, Any] = {"labelAngle": _angle(values), "labelLimit": 90} if kind == "category" else {}
    scale, more = _value_scale(kind, values)
    return alt.X(f"{field}:{shape}", title=title, sort=None, scale=scale, axis={**axis, **more})


def value_y(field: str, kind: str, values: Sequence[Any], title: str | None = None) -> alt.Y:
    """The same as a vertical axis."""
    shape = "N" if kind == "category" else "Q"
    scale, more = _value_scale(kind, values)
    return alt.Y(f"{field}:{shape}", title=title, sort=None, scale=scale, axis=more)


def _value_scale(kind: str, values: Sequence[Any]) -> tuple[Row, Row]:
    """A scale of values, and what its axis needs."""
    if kind == "category":
        return {"domain": list(values), "padding": 0.6}, {"labelOverlap": False}
    low, high = min(values), max(values)
    if kind == "log":
        air = (high / low) ** 0.06 if high > low else 1.3
        limits = [float(f"{low / air:.6g}"), float(f"{high * air:.6g}")]
        scale = {"type": "log", "domain": limits, "nice": False}
        return scale, {"values": _log_ticks(*limits), "format": "~g"}
    air = 0.06 * (high - low) or abs(high) * 0.1 or 0.5
    limits = [float(f"{low - air:.6g}"), float(f"{high + air:.6g}")]
    return _fixed(limits), {"tickCount": 4, "format": "~g"}


def _angle(values: Sequence[Any]) -> int:
    room = 34 // max(len(values), 1)
    return -35 if len(values) > 2 and any(len(str(v)) > room for v in values) else 0


def _log_ticks(low: float, high: float) -> list[float]:
    """A handful of round places on a logarithmic axis."""
    decades = math.log10(high / low)
    factors = (1, 2, 5) if decades < 1.3 else (1, 3) if decades < 2 else (1,)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    places = [float(f"{f * 10.0**d:.3g}") for d in range(first, last + 1) for f in factors]
    inside = [place for place in places if low <= place <= high]
    return inside[:: math.ceil(len(inside) / 5)] if inside else []


def keyed(chart: alt.Chart, label: str, palette: Mapping[str, str], **legend: Any) -> alt.Chart:
    """A layer in the colour of its label, with a legend over all labels of the palette."""
    scale = {"domain": list(palette), "range": list(palette.values())}
    named = chart.transform_calculate(key=json.dumps(label))
    return named.encode(color=alt.Color("key:N", scale=scale, legend=legend))


def series(field: str, palette: Mapping[str, str], *, shown: bool = True) -> tuple[alt.Color, alt.StrokeDash]:
    """Colour and dash of lines by a field, so that none is told by colour alone; a legend if `shown`."""
    names, legend = list(palette), {"symbolType": "stroke", "symbolSize": 300} if shown else None
    dashes = [DASHES[i % len(DASHES)] for i in range(len(names))]
    return (
        alt.Color(f"{field}:N", scale={"domain": names, "range": list(palette.values())}, legend=legend),
        alt.StrokeDash(f"{field}:N", scale={"domain": names, "range": dashes}, legend=legend),
    )


def fade(full: float = FULL) -> alt.OpacityValue:
    """Opacity of a trial's mark: faded when it is not among those chosen."""
    return alt.OpacityValue(FADED, condition={"test": "datum.on", "value": full})


def rim(full: float = 0.0, wide: float = 3) -> alt.StrokeWidthValue:
    """Width of a trial's line, or of the line around its mark: wide when it is the one picked."""
    return alt.StrokeWidthValue(full, condition={"test": PICKED, "value": wide})


def brushed(layer: alt.Chart, name: str) -> alt.Chart:
    """A layer, named after its rows, in which a rectangle drawn with the mouse chooses trials."""
    found = layer.add_params(alt.selection_interval(name="brush", encodings=["x", "y"]))
    found.name = name
    return found


def tip(*fields: tuple[str, str]) -> list[alt.Tooltip]:
    """What hovering shows: (field with its type, title)."""
    return [alt.Tooltip(field, title=title) for field, title in fields]


def text(value: Any) -> str:
    """A text from a study as a chart may hold it."""
    return clean(str(value))


def inline(rows: Iterable[Row]) -> alt.InlineData:
    """Rows that only one chart draws."""
    return alt.InlineData(values=list(rows))


def distinct(names: Sequence[str], limit: int) -> list[str]:
    """Names cut to a length; equal ones get their place: a chart takes them for one."""
    cut = [shorten(str(name), limit) for name in names]
    return [n if cut.count(n) == 1 else f"{shorten(n, limit - 4)} {i}" for i, n in enumerate(cut)]
