"""A chart as a value: what it shows, in words and numbers, and how it is drawn."""

from dataclasses import dataclass, replace

from lenet_tune.report.plot import Plot


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
        return replace(self, rows=self.rows[:count])

    def tail(self, count: int) -> "Table":
        """The rows after the first `count`."""
        return replace(self, rows=self.rows[count:])


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart.

    Args:
        name: unique in a page, and its file name when exported.
        title: what is shown.
        finding: what it shows, with numbers: the description for those who do not see it.
        table: the numbers behind it.
    """

    name: str
    title: str
    finding: str
    plot: Plot
    table: Table | None = None
