"""Colours, sizes and matplotlib settings of every chart.

Okabe and Ito's colours that keep a contrast of 3:1 on white; no meaning hangs on colour alone. Inline charts
take the page's own colours (`CSS_COLOURS`), so that they follow it into the dark.
"""

from typing import Any

INK, MUTED, FAINT, PAPER = "#1c2126", "#6a737d", "#d9dee3", "#fffffe"
GREY = "#9aa4af"
BLUE, VERMILLION, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#cc79a7"

CSS_COLOURS = {
    INK: "currentColor",
    MUTED: "var(--muted)",
    FAINT: "var(--grid)",
    PAPER: "var(--paper)",
    GREY: "var(--grey)",
    BLUE: "var(--blue)",
    VERMILLION: "var(--vermillion)",
    GREEN: "var(--green)",
    PURPLE: "var(--purple)",
}

RC: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "lenet_tune",
    "path.simplify": True,
    "text.parse_math": False,
    "text.color": INK,
    "font.size": 12.0,
    "font.family": ["DejaVu Sans"],
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.labelsize": 12.0,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 11.0,
    "ytick.labelsize": 11.0,
    "xtick.major.size": 3.0,
    "ytick.major.size": 0.0,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.0,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 11.0,
    "savefig.dpi": 150,
}
