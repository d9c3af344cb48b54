"""Plots as SVG: inside a page in the page's colours and font, or as a file of its own.

Every text passes `_text`, which escapes it: no label of a study can become markup. All points of a mark are
one path, so that a thousand trials stay small.
"""

import math
from collections.abc import Callable, Sequence

from markupsafe import Markup, escape

from lenet_tune.report.chart import Chart
from lenet_tune.report.plot import Band, Boxes, Line, Mark, Plot, Points, Scale, Words
from lenet_tune.report.safe import clean
from lenet_tune.report.style import GRID, INK, LABEL_SIZE, LETTER, MUTED, TICK_SIZE, on_page, on_paper

LEGEND_HEIGHT = 24
TITLE_HEIGHT = 30
_FONT = "font-family: 'DejaVu Sans', Verdana, Arial, sans-serif"
_ENLARGE = 1.15  # how much wider than its size a page may show a chart


def inline_svg(chart: Chart) -> Markup:
    """The chart as an `<svg>` element for a page, with a title and a description."""
    canvas = _Canvas(chart.plot, on_page)
    width, height = canvas.size
    name = f"chart-{escape(chart.name)}"
    return Markup(
        f'<svg viewBox="0 0 {width:g} {height:g}" style="max-width: {_ENLARGE * width:.0f}px" role="img" '
        f'aria-labelledby="{name}-title {name}-desc"><title id="{name}-title">{escape(clean(chart.title))}'
        f'</title><desc id="{name}-desc">{escape(clean(chart.finding))}</desc>{canvas.body()}</svg>'
    )


def svg_file(chart: Chart) -> bytes:
    """The chart as an SVG file on white, its title above it."""
    canvas = _Canvas(chart.plot, on_paper)
    width, height = canvas.size
    title = _text((8, 20), chart.title, on_paper(INK), anchor="start", size=14)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height + TITLE_HEIGHT:g}" '
        f'width="{width:g}" height="{height + TITLE_HEIGHT:g}" style="{_FONT}">'
        f'<rect width="100%" height="100%" style="fill: #ffffff"/><g style="font-weight: bold">{title}</g>'
        f'<g transform="translate(0 {TITLE_HEIGHT})">{canvas.body()}</g></svg>\n'
    ).encode()


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _text(
    at: tuple[float, float],
    words: str,
    colour: str,
    *,
    anchor: str = "middle",
    size: float = TICK_SIZE,
    turn: float = 0,
) -> str:
    x, y = map(_number, at)
    style = f"fill: {colour}; font-size: {size:g}px; text-anchor: {anchor}"
    turned = f' transform="rotate({turn:g} {x} {y})"' if turn else ""
    return f'<text x="{x}" y="{y}"{turned} style="{style}">{escape(clean(words))}</text>'


class _Canvas:
    """A plot in px, origin at the top left."""

    def __init__(self, plot: Plot, colour: Callable[[str], str]):
        self._plot, self._colour = plot, colour
        legend = LEGEND_HEIGHT if plot.legend else 0
        (width, height), (left, right, top, bottom) = plot.size, plot.margins
        self.size = (width, height + legend)
        self._left, self._right = left, width - right
        self._top, self._bottom = top + legend, height + legend - bottom

    def body(self) -> str:
        """Everything inside the `<svg>` element."""
        marks = "".join(_DRAW[type(mark)](self, mark) for mark in self._plot.marks)
        return self._axes() + marks + self._legend()

    def at_x(self, value: float) -> float:
        return self._left + self._plot.x.place(value) * (self._right - self._left)

    def at_y(self, value: float) -> float:
        return self._bottom - self._plot.y.place(value) * (self._bottom - self._top)

    def places(self, xs: Sequence[float], ys: Sequence[float]) -> list[tuple[float, float]]:
        return [(self.at_x(x), self.at_y(y)) for x, y in zip(xs, ys, strict=True)]

    def stroke(self, path: str, colour: str, width: float, more: str = "") -> str:
        style = f"fill: none; stroke: {self._colour(colour)}; stroke-width: {width:g}{more}"
        return f'<path d="{path}" style="{style}"/>' if path else ""

    def fill(self, path: str, colour: str, more: str = "") -> str:
        return f'<path d="{path}" style="fill: {self._colour(colour)}{more}"/>' if path else ""

    def _axes(self) -> str:
        x, y = self._plot.x, self._plot.y
        lines = [f"M{_number(self.at_x(t))} {_number(self._top)}V{_number(self._bottom)}" for t, _ in x.ticks]
        rows = [f"M{_number(self._left)} {_number(self.at_y(t))}H{_number(self._right)}" for t, _ in y.ticks]
        grid = self.stroke("".join(lines * x.grid + rows * y.grid), GRID, 1)
        frame = f"M{_number(self._left)} {_number(self._top)}V{_number(self._bottom)}H{_number(self._right)}"
        return grid + self.stroke(frame, MUTED, 1) + self._tick_texts(x, y) + self._labels(x, y)

    def _tick_texts(self, x: Scale, y: Scale) -> str:
        ink, out = self._colour(INK), []
        for tick, words in x.ticks:
            if x.tilt:
                out.append(
                    _text((self.at_x(tick) + 4, self._bottom + 14), words, ink, anchor="end", turn=-35)
                )
            else:
                out.append(_text((self.at_x(tick), self._bottom + 16), words, ink))
        for tick, words in y.ticks:
            out.append(_text((self._left - 7, self.at_y(tick) + 4), words, ink, anchor="end"))
        return "".join(out)

    def _labels(self, x: Scale, y: Scale) -> str:
        ink, out = self._colour(INK), ""
        if x.label:
            middle = (self._left + self._right) / 2
            out += _text((middle, self.size[1] - 7), x.label, ink, size=LABEL_SIZE)
        if y.label:
            middle = (self._top + self._bottom) / 2
            out += _text((14, middle), y.label, ink, size=LABEL_SIZE, turn=-90)
        return out

    def _legend(self) -> str:
        out, x, y = [], self._left + 2, 13.0
        for mark in self._plot.legend:
            out.append(_SAMPLE[type(mark)](self, mark, x, y))
            out.append(_text((x + 27, y + 4), mark.label, self._colour(INK), anchor="start"))
            x += 44 + LETTER * len(mark.label)
        return "".join(out)

    def line(self, mark: Line) -> str:
        return self._line_through(mark, self.places(mark.xs, mark.ys))

    def _line_through(self, mark: Line, places: Sequence[tuple[float, float]]) -> str:
        path, pen = [], "M"
        for x, y in places:
            if math.isnan(x) or math.isnan(y):
                pen = "M"
                continue
            path.append(f"{pen}{_number(x)} {_number(y)}")
            pen = "L"
        dash = "; stroke-dasharray: 6 4" if mark.dashed else ""
        return self.stroke("".join(path), mark.colour, mark.width, f"; stroke-linejoin: round{dash}")

    def points(self, mark: Points) -> str:
        return self._points_at(mark, self.places(mark.xs, mark.ys))

    def _points_at(self, mark: Points, places: Sequence[tuple[float, float]]) -> str:
        known = [(x, y) for x, y in places if not (math.isnan(x) or math.isnan(y))]
        if mark.shape == "dot":
            # A line of no length with round ends is the shortest way to write a disc.
            path = "".join(f"M{_number(x)} {_number(y)}h0" for x, y in known)
            return self.stroke(path, mark.colour, mark.size, "; stroke-linecap: round")
        shape = _SHAPES[mark.shape](mark.size / 2)
        path = "".join(f"M{_number(x)} {_number(y)}{shape}" for x, y in known)
        if mark.shape in ("square", "diamond"):
            return self.fill(path, mark.colour)
        return self.stroke(path, mark.colour, 3 if mark.shape in ("dash", "bar") else 1.7)

    def band(self, mark: Band) -> str:
        upper = self.places(mark.xs, mark.highs)
        lower = self.places(mark.xs, mark.lows)[::-1]
        corners = [f"{_number(x)} {_number(y)}" for x, y in (*upper, *lower)]
        return self.fill(f"M{'L'.join(corners)}Z" if corners else "", mark.colour, "; fill-opacity: 0.28")

    def boxes(self, mark: Boxes) -> str:
        out = []
        for (x0, y0, x1, y1), colour in zip(mark.corners, mark.colours, strict=True):
            left, right = sorted((self.at_x(x0), self.at_x(x1)))
            top, bottom = sorted((self.at_y(y0), self.at_y(y1)))
            path = f"M{_number(left)} {_number(top)}H{_number(right)}V{_number(bottom)}H{_number(left)}Z"
            out.append(self.fill(path, colour))
        return "".join(out)

    def words(self, mark: Words) -> str:
        places = self.places(mark.xs, mark.ys)
        found = zip(places, mark.texts, mark.colours, strict=True)
        return "".join(
            _text((x, y + 4), words, self._colour(colour), anchor=mark.anchor)
            for (x, y), words, colour in found
        )

    def line_sample(self, mark: Line, x: float, y: float) -> str:
        return self._line_through(mark, [(x, y), (x + 22, y)])

    def points_sample(self, mark: Points, x: float, y: float) -> str:
        return self._points_at(mark, [(x + 11, y)])

    def band_sample(self, mark: Band, x: float, y: float) -> str:
        path = f"M{_number(x)} {_number(y - 6)}h22v12h-22Z"
        return self.fill(path, mark.colour, "; fill-opacity: 0.28")


def _diamond(r: float) -> str:
    d = _number(1.3 * r)
    return f"m-{d} 0l{d}-{d}l{d} {d}l-{d} {d}Z"


_SHAPES: dict[str, Callable[[float], str]] = {
    "ring": lambda r: (
        f"m-{_number(r)} 0a{_number(r)} {_number(r)} 0 1 0 {_number(2 * r)} 0"
        f"a{_number(r)} {_number(r)} 0 1 0-{_number(2 * r)} 0"
    ),
    "square": lambda r: f"m-{_number(r)}-{_number(r)}h{_number(2 * r)}v{_number(2 * r)}h-{_number(2 * r)}Z",
    "cross": lambda r: (
        f"m-{_number(r)}-{_number(r)}l{_number(2 * r)} {_number(2 * r)}"
        f"m0-{_number(2 * r)}l-{_number(2 * r)} {_number(2 * r)}"
    ),
    "diamond": _diamond,
    "hollow": _diamond,
    "dash": lambda r: f"m-{_number(r)} 0h{_number(2 * r)}",
    "bar": lambda r: f"m0-{_number(r)}v{_number(2 * r)}",
}
_DRAW: dict[type[Mark], Callable[..., str]] = {
    Line: _Canvas.line,
    Points: _Canvas.points,
    Band: _Canvas.band,
    Boxes: _Canvas.boxes,
    Words: _Canvas.words,
}
_SAMPLE: dict[type[Mark], Callable[..., str]] = {
    Line: _Canvas.line_sample,
    Points: _Canvas.points_sample,
    Band: _Canvas.band_sample,
}
