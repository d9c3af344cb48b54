"""A chart as a value: what it shows, in words and numbers, and its Vega-Lite specification."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


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
        spec: Vega-Lite, as `draw.spec` gives it: its data are in its `datasets`, but for those in `shared`.
        shared: data sets by name that several charts of a page draw from; a page holds them once.
        table: the numbers behind it.
        brush: the data set whose rows a rectangle drawn in it chooses; None where none can be drawn.
    """

    name: str
    title: str
    finding: str
    spec: Mapping[str, Any]
    shared: Mapping[str, list[dict[str, Any]]]
    table: Table | None = None
    brush: str | None = None

    @property
    def complete(self) -> dict[str, Any]:
        """The specification with all its data."""
        return {**self.spec, "datasets": {**self.spec.get("datasets", {}), **self.shared}}
