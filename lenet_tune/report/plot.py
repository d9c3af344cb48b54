"""A drawing as data: two scales and marks on them. `draw_svg` and `draw_png` put it on the page and on paper.

Coordinates are the data's own; NaN leaves a gap. Colours are names of `style` or "#rrggbb".
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lenet_tune.analysis.text import is_number
from lenet_tune.knobs import show


@dataclass(frozen=True, kw_only=True)
class Scale:
    """An axis: limits (low may be the larger one), ticks as (place, text), and a label.

    Args:
        log: whether places are set by their logarithm.
        tilt: whether tick texts are slanted.
        grid: whether ticks have lines.
    """

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...] = ()
    label: str = ""
    log: bool = False
    tilt: bool = False
    grid: bool = True

    def place(self, value: float) -> float:
        """Where a value lies: 0 at `low`, 1 at `high`; NaN for what has no place."""
        if not is_number(value) or (self.log and value <= 0):
            return math.nan
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return (at - low) / (high - low)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line through points."""

    xs: Sequence[float]
    ys: Sequence[float]
    colour: str
    width: float = 1.8
    dashed: bool = False
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Points:
    """Points of one shape: dot, ring, square, cross, diamond, hollow (diamond), dash or bar (upright)."""

    xs: Sequence[float]
    ys: Sequence[float]
    colour: str
    shape: str = "dot"
    size: float = 6.0
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Band:
    """The area between two lines."""

    xs: Sequence[float]
    lows: Sequence[float]
    highs: Sequence[float]
    colour: str
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Boxes:
    """Filled rectangles, (x0, y0, x1, y1) each with a colour."""

    corners: Sequence[tuple[float, float, float, float]]
    colours: Sequence[str]
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Words:
    """Short texts at points; anchor is start, middle or end."""

    xs: Sequence[float]
    ys: Sequence[float]
    texts: Sequence[str]
    colours: Sequence[str]
    anchor: str = "middle"
    label: str | None = None


Mark = Line | Points | Band | Boxes | Words


@dataclass(frozen=True, kw_only=True)
class Plot:
    """A drawing.

    Args:
        size: width and height in px.
        margins: left, right, top and bottom in px around the axes; a legend gets its room by itself.
    """

    x: Scale
    y: Scale
    marks: tuple[Mark, ...]
    size: tuple[float, float] = (640, 260)
    margins: tuple[float, float, float, float] = (52, 14, 10, 42)

    @property
    def legend(self) -> tuple[Mark, ...]:
        """Marks that have a label."""
        return tuple(mark for mark in self.marks if mark.label)


def scaled(values: Iterable[float | None]) -> list[float]:
    """Fractions in per cent; what is missing or no finite number as NaN."""
    return [100 * v if is_number(v) else math.nan for v in values]


def round_ticks(low: float, high: float, most: int) -> tuple[float, ...]:
    """At most `most` round numbers in [low, high], steps of 1, 2 or 5 times a power of ten."""
    rough = max(high - low, 1e-12) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * f for f in (1, 2, 5, 10, 20) if (high - low) / (power * f) <= most)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(i * step for i in range(first, last + 1))


def percent_scale(values: Iterable[float | None], label: str, *, floor: float | None = None) -> Scale:
    """A scale in per cent that holds fractions, with some air; 0 to 100 for none."""
    known = [v for v in scaled(values) if is_number(v)]
    low, high = (min(known), max(known)) if known else (0.0, 100.0)
    low = low if floor is None else floor
    air = max(0.08 * (high - low), 0.5)
    low, high = (max(0.0, low - air) if floor is None else floor), min(102.0, high + air)
    ticks = tuple((tick, f"{tick:g}") for tick in round_ticks(low, high, 6))
    return Scale(low=low, high=high, ticks=ticks, label=label)


def linear_scale(values: Iterable[float], label: str = "", most: int = 5) -> Scale:
    """A linear scale that holds the values, with some air."""
    known = [v for v in values if is_number(v)] or [0.0]
    low, high = min(known), max(known)
    air = 0.06 * (high - low) or abs(high) * 0.1 or 0.5
    low, high = low - air, high + air
    return Scale(low=low, high=high, ticks=_shown(round_ticks(low, high, most)), label=label)


def whole_scale(low: float, high: float, label: str, most: int = 10) -> Scale:
    """A scale of whole numbers: epochs or trial numbers."""
    ticks = sorted({round(tick) for tick in round_ticks(low, high, most) if tick == round(tick)})
    return Scale(low=low, high=high, ticks=tuple((t, str(t)) for t in ticks if low <= t <= high), label=label)


def log_scale(values: Iterable[float], label: str = "") -> Scale:
    """A logarithmic scale with a handful of plainly written ticks."""
    known = list(values)
    low, high = math.log10(min(known)), math.log10(max(known))
    air = max(0.06 * (high - low), 0.1)
    low, high = low - air, high + air
    factors = (1, 2, 5) if high - low < 1.3 else (1, 3) if high - low < 2 else (1,)
    places = (f * 10.0**d for d in range(math.floor(low), math.ceil(high) + 1) for f in factors)
    ticks = [float(f"{tick:.3g}") for tick in places if low <= math.log10(tick) <= high]
    ticks = ticks[:: math.ceil(len(ticks) / 5)] if ticks else []
    return Scale(low=10**low, high=10**high, ticks=_shown(ticks), label=label, log=True)


def list_scale(names: Sequence[str], *, down: bool = False, tilt: bool = False) -> Scale:
    """Names at 0, 1, 2...: from left to right, or from the top `down`."""
    low, high = -0.6, len(names) - 0.4
    ticks = tuple((float(i), name) for i, name in enumerate(names))
    return Scale(low=high if down else low, high=low if down else high, ticks=ticks, tilt=tilt, grid=down)


def _shown(ticks: Iterable[float]) -> tuple[tuple[float, str], ...]:
    return tuple((tick, show(float(f"{tick:.6g}"))) for tick in ticks)
