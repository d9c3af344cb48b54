"""A chart as a value: what it shows, in words and numbers, and how to draw it."""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from lenet_tune.report.safe import clean
from lenet_tune.report.style import RC

DPI = 150
TITLE_HEIGHT = 0.36  # inches
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text under named columns; the first cell of a row names it.

    Args:
        numeric: places of the columns that are set flush right.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[int, ...] = ()

    def head(self, count: int) -> "Table":
        """The first rows only."""
        return Table(caption=self.caption, columns=self.columns, rows=self.rows[:count], numeric=self.numeric)

    def tail(self, count: int) -> "Table":
        """The rows after the first `count`."""
        return Table(caption=self.caption, columns=self.columns, rows=self.rows[count:], numeric=self.numeric)


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart.

    Args:
        name: unique in a page, and its file name when exported.
        title: what is shown.
        finding: what it shows, with numbers: the description for those who do not see it.
        draw: puts it on axes.
        size: width and height in inches at 72 units an inch.
        margins: left, right, bottom and top in inches.
        table: the numbers behind it.
    """

    name: str
    title: str
    finding: str
    draw: Callable[[Axes], None]
    size: tuple[float, float] = (8.2, 3.6)
    margins: tuple[float, float, float, float] = (0.62, 0.12, 0.5, 0.12)
    table: Table | None = None

    def figure(self, *, titled: bool) -> Figure:
        """The drawn figure, without a canvas of its own; `titled` adds the title above the axes."""
        (width, height), (left, right, bottom, top) = self.size, self.margins
        if titled:
            height, top = height + TITLE_HEIGHT, top + TITLE_HEIGHT
        figure = Figure(figsize=(width, height))
        box = (left / width, bottom / height, 1 - (left + right) / width, 1 - (bottom + top) / height)
        self.draw(figure.add_axes(box))
        if titled:
            figure.text(0.08 / width, 1 - 0.08 / height, clean(self.title), va="top", weight="bold")
        return figure


def inline_bytes(chart: Chart) -> bytes:
    """The chart as SVG for a page, which gives the title and the background."""
    with mpl.rc_context(RC), _quiet():
        figure, buffer = chart.figure(titled=False), io.BytesIO()
        for patch in (figure.patch, *(axes.patch for axes in figure.axes)):
            patch.set_visible(False)
        FigureCanvasSVG(figure).print_svg(buffer, metadata=_NO_METADATA)
    return buffer.getvalue()


def svg_file(chart: Chart) -> bytes:
    """The chart as an SVG file of its own, text as text."""
    with mpl.rc_context(RC), _quiet():
        figure, buffer = chart.figure(titled=True), io.BytesIO()
        FigureCanvasSVG(figure).print_svg(buffer, metadata=_NO_METADATA)
    return buffer.getvalue()


def png_file(chart: Chart) -> bytes:
    """The chart as a PNG file of 150 dots an inch."""
    with mpl.rc_context(RC), _quiet():
        figure, buffer = chart.figure(titled=True), io.BytesIO()
        figure.set_dpi(DPI)
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    # A glyph that matplotlib's font lacks is drawn by the browser, whose fonts have it.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*missing from font")
        yield
