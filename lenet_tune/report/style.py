"""The colours of every chart: on a page they follow the page, in a file they are fixed.

Okabe and Ito's colours that keep a contrast of 3:1 on white; no meaning hangs on colour alone.
"""

INK, MUTED, GRID, GREY = "ink", "muted", "grid", "grey"
BLUE, VERMILLION = "blue", "vermillion"

ON_PAPER = {
    INK: "#1c2126",
    MUTED: "#5b6570",
    GRID: "#dfe4e9",
    GREY: "#9aa4af",
    BLUE: "#0072b2",
    VERMILLION: "#d55e00",
}
TICK_SIZE, LABEL_SIZE = 11.5, 12.5  # px
LETTER = 6.6  # px, about the width of a letter of that size


def on_page(colour: str) -> str:
    """A colour as the page's style sheet names it; other colours (#rrggbb) stay."""
    return f"var(--{colour})" if colour in ON_PAPER else colour


def on_paper(colour: str) -> str:
    """A colour as a file needs it."""
    return ON_PAPER.get(colour, colour)
