"""The look of every chart: colours, sizes, and the Vega-Lite configuration they share.

Okabe and Ito's colours that keep a contrast of 3:1 on white; no meaning hangs on colour alone. A page's style
sheet turns each of these into one of its own colours, so that charts follow its theme.
"""

from typing import Literal

INK, MUTED, GRID, GREY = "#1c2126", "#5b6570", "#dfe4e9", "#9aa4af"
BLUE, VERMILLION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
ON_PAGE = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    GREY: "grey",
    BLUE: "blue",
    VERMILLION: "vermillion",
    GREEN: "green",
    PURPLE: "purple",
}
SERIES = (BLUE, VERMILLION, GREEN, PURPLE, INK, MUTED)
DASHES = ([1, 0], [6, 4], [2, 2], [8, 3, 2, 3], [4, 1], [1, 3])
SCHEME: Literal["viridis"] = "viridis"
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"  # of one width wherever a chart is drawn

CONFIG = {
    "font": FONT,
    "view": {"stroke": None, "continuousWidth": 560, "continuousHeight": 210},
    "mark": {"aria": False},
    "axis": {
        "aria": False,
        "domainColor": MUTED,
        "tickColor": MUTED,
        "gridColor": GRID,
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 11.5,
        "titleFontSize": 12.5,
        "titleFontWeight": "normal",
        "labelLimit": 240,
        "ticks": False,
        "labelPadding": 6,
    },
    "axisX": {"grid": False},
    "axisQuantitative": {"labelLimit": 0},  # numbers are short: to measure each costs more than to draw it
    "legend": {
        "aria": False,
        "orient": "top",
        "direction": "horizontal",
        "title": None,
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 11.5,
        "titleFontSize": 11.5,
        "titleFontWeight": "normal",
        "labelLimit": 260,
        "offset": 4,
        "symbolStrokeWidth": 2,
    },
    "header": {"labelColor": INK, "titleColor": INK},
    "title": {"color": INK, "fontSize": 14, "anchor": "start"},
}
