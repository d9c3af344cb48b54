"""What the charts share: axes in per cent, whole-number ticks, logarithmic ticks, shortened names."""

import math
from collections.abc import Iterable, Sequence

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from lenet_tune.analysis.text import is_number, percent
from lenet_tune.knobs import show
from lenet_tune.report.style import MUTED


def percent_limits(values: Iterable[float | None]) -> tuple[float, float]:
    """Limits in per cent that hold the values (fractions), with some air; 0 to 100 for none."""
    known = [100 * v for v in values if is_number(v)]
    if not known:
        return 0.0, 100.0
    low, high = min(known), max(known)
    air = max(0.08 * (high - low), 0.5)
    return max(0.0, low - air), min(101.0, high + air)


def percent_axis(ax: Axes, which: str, limits: tuple[float, float], label: str) -> None:
    """An axis ("x" or "y") in per cent."""
    axis = ax.xaxis if which == "x" else ax.yaxis
    axis.set_major_locator(MaxNLocator(5))
    (ax.set_xlim if which == "x" else ax.set_ylim)(*limits)
    axis.set_label_text(label)


def whole_axis(ax: Axes, low: float, high: float, label: str, ticks: int = 8) -> None:
    """An x axis of whole numbers: epochs or trial numbers."""
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(MaxNLocator(ticks, integer=True, min_n_ticks=2))
    ax.xaxis.set_label_text(label)


def log_axis(ax: Axes, values: Sequence[float]) -> None:
    """A logarithmic x axis with a handful of plainly written ticks."""
    low, high = math.log10(min(values)), math.log10(max(values))
    air = max(0.06 * (high - low), 0.1)
    low, high = low - air, high + air
    ax.set_xscale("log")
    ax.set_xlim(10**low, 10**high)
    factors = (1, 2, 5) if high - low < 1.3 else (1, 3) if high - low < 2 else (1,)
    decades = range(math.floor(low), math.ceil(high) + 1)
    ticks = [f * 10.0**d for d in decades for f in factors if low <= math.log10(f * 10.0**d) <= high]
    ticks = ticks[:: math.ceil(len(ticks) / 5)] or [10 ** ((low + high) / 2)]
    ax.xaxis.set_major_locator(FixedLocator(ticks))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xticks(ticks, [show(float(f"{tick:.3g}")) for tick in ticks])


def scaled(values: Iterable[float | None]) -> list[float]:
    """Fractions in per cent; what is missing or no finite number as NaN, which leaves a gap."""
    return [100 * v if is_number(v) else math.nan for v in values]


def finite(values: Iterable[float | None]) -> list[float]:
    """The values, those that are no finite number as NaN."""
    return [v if is_number(v) else math.nan for v in values]


def say_nothing(ax: Axes, words: str) -> None:
    """Words in the middle of axes that have nothing to draw."""
    ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center", color=MUTED)


def percents(values: Iterable[float | None], digits: int = 1) -> tuple[str, ...]:
    """Table cells in per cent."""
    return tuple(percent(value, digits) for value in values)
