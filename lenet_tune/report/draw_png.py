"""Plots as PNG, by matplotlib, which is imported here only: pages do not need it."""

import io
import warnings

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lenet_tune.report.chart import Chart
from lenet_tune.report.plot import Band, Boxes, Line, Mark, Plot, Points, Scale, Words
from lenet_tune.report.safe import clean
from lenet_tune.report.style import GRID, INK, LABEL_SIZE, MUTED, TICK_SIZE, on_paper

_PX = 72.0  # px of a plot are matplotlib's points
_DPI = 150
_LEGEND, _TITLE = 24, 30
_SHAPES = {
    "dot": "o", "ring": "o", "square": "s", "cross": "x", "diamond": "D", "hollow": "D", "dash": "_",
    "bar": "|",
}  # fmt: skip
_RC = {"text.parse_math": False, "font.family": ["DejaVu Sans"], "font.size": TICK_SIZE}


def png_file(chart: Chart) -> bytes:
    """The chart as a PNG file on white, its title above it."""
    plot, buffer = chart.plot, io.BytesIO()
    with mpl.rc_context(_RC), warnings.catch_warnings():
        # A glyph that the font lacks becomes a box.
        warnings.filterwarnings("ignore", message=".*missing from font")
        figure = _figure(plot)
        width, height = figure.get_size_inches() * _PX
        figure.text(
            8 / width, 1 - 20 / height, clean(chart.title), weight="bold", size=14, color=on_paper(INK)
        )
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


def _figure(plot: Plot) -> Figure:
    width, inner = plot.size
    left, right, top, bottom = plot.margins
    top += _TITLE + (_LEGEND if plot.legend else 0)
    height = inner + _TITLE + (_LEGEND if plot.legend else 0)
    figure = Figure(figsize=(width / _PX, height / _PX), dpi=_DPI)
    box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
    ax = figure.add_axes(box)
    _axis(ax, plot.x, "x")
    _axis(ax, plot.y, "y")
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(on_paper(MUTED))
    for mark in plot.marks:
        _mark(ax, mark)
    if plot.legend:
        ax.legend(
            loc="lower left", bbox_to_anchor=(0, 1), ncols=len(plot.legend), frameon=False, borderaxespad=0.2
        )
    return figure


def _axis(ax: Axes, scale: Scale, which: str) -> None:
    axis = ax.xaxis if which == "x" else ax.yaxis
    (ax.set_xscale if which == "x" else ax.set_yscale)("log" if scale.log else "linear")
    (ax.set_xlim if which == "x" else ax.set_ylim)(scale.low, scale.high)
    axis.set_ticks([tick for tick, _ in scale.ticks], [clean(words) for _, words in scale.ticks])
    axis.set_minor_locator(NullLocator())
    axis.set_tick_params(color=on_paper(MUTED), labelsize=TICK_SIZE, length=0, pad=5)
    axis.set_label_text(scale.label, size=LABEL_SIZE)
    if scale.tilt:
        for label in axis.get_ticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")
    if scale.grid:
        axis.grid(visible=True, color=on_paper(GRID), linewidth=1)


def _mark(ax: Axes, mark: Mark) -> None:
    match mark:
        case Line():
            style = (0, (4, 2.5)) if mark.dashed else "-"
            ax.plot(mark.xs, mark.ys, color=on_paper(mark.colour), lw=mark.width, ls=style, label=mark.label)
        case Points():
            hollow = {"markerfacecolor": "none"} if mark.shape in ("ring", "hollow") else {}
            wide = 3 if mark.shape in ("dash", "bar") else 1.7
            ax.plot(
                mark.xs, mark.ys, _SHAPES[mark.shape], color=on_paper(mark.colour), markersize=mark.size,
                markeredgewidth=wide if mark.shape not in ("dot", "square", "diamond") else 0,
                label=mark.label, clip_on=False, **hollow,
            )  # fmt: skip
        case Band():
            colour = on_paper(mark.colour)
            ax.fill_between(mark.xs, mark.lows, mark.highs, color=colour, alpha=0.28, lw=0, label=mark.label)
        case Boxes():
            for (x0, y0, x1, y1), colour in zip(mark.corners, mark.colours, strict=True):
                xs, ys = (x0, x1, x1, x0), (y0, y0, y1, y1)
                ax.fill(xs, ys, facecolor=on_paper(colour), edgecolor="none")
        case Words():
            align = {"start": "left", "middle": "center", "end": "right"}[mark.anchor]
            for x, y, words, colour in zip(mark.xs, mark.ys, mark.texts, mark.colours, strict=True):
                ax.text(x, y, clean(words), ha=align, va="center", color=on_paper(colour))
