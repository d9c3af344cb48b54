"""Whether two knobs work differently together than each by itself.

Grids: mean scores by the values of both knobs, beside the best additive table (a row part plus a column part,
least squares weighed with the number of trials in a cell). What is left is the interaction. Its squares, in
units of the seeds' variance, follow an F distribution where there is none (Holm's correction over the pairs).
Common seeds shift all trials alike, which takes no part in what is left: the test is on the safe side.

Other searches do not fill such tables: they give the two most important knobs as a scatter of ranks.

Source: R. A. Fisher's analysis of variance; S. Holm 1979.
Letters: R, C = rows and columns of a table, the values of two knobs.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean
from typing import Any

import numpy as np
from scipy.special import fdtrc

from lenet_tune.analysis.effects import Slice, slices
from lenet_tune.analysis.importance import Importance, importance
from lenet_tune.analysis.inference import LEVEL, holm
from lenet_tune.analysis.noise import SeedNoise, seed_noise
from lenet_tune.analysis.text import count, points
from lenet_tune.knobs import show
from lenet_tune.records import Snapshot

MOST_TABLES = 3
MOST_VALUES = 12
"""Values of a knob, above which a table cannot be read."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Trials with one value of each knob.

    Args:
        mean: of their scores; additive: what the two knobs by themselves would give.
        n: finished trials.
    """

    mean: float
    additive: float
    n: int

    @property
    def beyond(self) -> float:
        """What the two values do together and not by themselves."""
        return self.mean - self.additive


@dataclass(frozen=True, kw_only=True)
class InteractionTable:
    """Two knobs of a grid.

    Args:
        rows, columns: the knobs; row_together, column_together: knobs that changed with them.
        row_values, column_values: R and C values.
        cells: R tuples of C cells; None where no trial finished.
        size: root of the mean square of what lies beyond the additive table, weighed with n.
        noise: the size that luck of the seeds would give by itself; None where it is unknown.
        p: chance of such a size without an interaction, corrected for the number of pairs; None likewise.
    """

    rows: str
    columns: str
    row_together: tuple[str, ...]
    column_together: tuple[str, ...]
    row_values: tuple[Any, ...]
    column_values: tuple[Any, ...]
    cells: tuple[tuple[Cell | None, ...], ...]
    size: float
    noise: float | None
    p: float | None

    @property
    def words(self) -> str:
        """The largest deviation and what it is worth, in a sentence."""
        found = [
            (abs(cell.beyond), cell, row, column)
            for row, line in zip(self.row_values, self.cells, strict=True)
            for column, cell in zip(self.column_values, line, strict=True)
            if cell is not None
        ]
        _, cell, row, column = max(found, key=lambda f: f[0])
        what = f"{self.rows} {show(row)} with {self.columns} {show(column)}"
        side = "above" if cell.beyond > 0 else "below"
        text = f"{what} lies {points(abs(cell.beyond))} {side} what the two would give by themselves"
        if self.p is None:
            return f"{text}; the spread over seeds is unknown, so this may be luck."
        worth = "more than seeds explain" if self.p <= LEVEL else "which luck of the seeds can explain"
        return f"{text}, {worth} (p = {self.p:.2g}, corrected)."


def interaction_tables(snapshot: Snapshot) -> tuple[InteractionTable, ...]:
    """The pairs of a grid's knobs with the largest interactions, largest first; empty for other searches."""
    if snapshot.definition.kind != "grid":
        return ()
    noise = seed_noise(snapshot)
    parts = [part for part in slices(snapshot) if len(part.values) <= MOST_VALUES]
    found = [table for pair in combinations(parts, 2) if (table := _table(snapshot, pair, noise))]
    ps = {str(i): table.p for i, table in enumerate(found) if table.p is not None}
    corrected = holm(ps, len(found))
    found = [replace(table, p=corrected.get(str(i))) for i, table in enumerate(found)]
    return tuple(sorted(found, key=lambda table: -table.size)[:MOST_TABLES])


def _table(snapshot: Snapshot, pair: tuple[Slice, Slice], noise: SeedNoise | None) -> InteractionTable | None:
    first, second = pair
    places = [{repr(value): i for i, value in enumerate(part.values)} for part in pair]
    scores: dict[tuple[int, int], list[float]] = {}
    for trial in snapshot.ranked:
        if first.knob in trial.setting and second.knob in trial.setting:
            at = places[0][repr(trial.setting[first.knob])], places[1][repr(trial.setting[second.knob])]
            scores.setdefault(at, []).append(trial.score)
    fitted = _additive(scores)
    if fitted is None:
        return None
    additive, freedom = fitted
    cells = {
        at: Cell(mean=fmean(s), additive=a, n=len(s))
        for (at, s), a in zip(scores.items(), additive, strict=True)
    }
    trials, squares = sum(c.n for c in cells.values()), sum(c.n * c.beyond**2 for c in cells.values())
    return InteractionTable(
        rows=first.knob,
        columns=second.knob,
        row_together=first.together,
        column_together=second.together,
        row_values=first.values,
        column_values=second.values,
        cells=tuple(
            tuple(cells.get((i, j)) for j in range(len(second.values))) for i in range(len(first.values))
        ),
        size=math.sqrt(squares / trials),
        noise=None if noise is None else noise.of_mean * math.sqrt(freedom / trials),
        p=None if noise is None else _chance(squares, freedom, noise),
    )


def _additive(scores: dict[tuple[int, int], list[float]]) -> tuple[list[float], int] | None:
    """A row part plus a column part for each cell, and how many numbers of the table it leaves free."""
    rows, columns = sorted({i for i, _ in scores}), sorted({j for _, j in scores})
    design = np.array(
        [[*(i == r for r in rows), *(j == c for c in columns)] for i, j in scores], float
    )  # (cells, R + C)
    if min(len(rows), len(columns)) < 2:
        return None
    weights = np.sqrt([len(s) for s in scores.values()])
    means = np.array([fmean(s) for s in scores.values()])
    parts, _, rank, _ = np.linalg.lstsq(design * weights[:, np.newaxis], means * weights, rcond=None)
    freedom = len(scores) - int(rank)
    return ((design @ parts).tolist(), freedom) if freedom else None


def _chance(squares: float, freedom: int, noise: SeedNoise) -> float:
    if noise.sd == 0:
        return float(squares < 1e-18)
    # Each of the trials behind the noise has one number less than seeds.
    known = noise.trials * max(1, noise.seeds - 1)
    return float(fdtrc(freedom, known, squares / freedom / noise.of_mean**2))


@dataclass(frozen=True, kw_only=True)
class ScatterPoint:
    """A finished trial at its values of two knobs; `rank` from 1."""

    trial: int
    label: str
    x: Any
    y: Any
    rank: int
    score: float


@dataclass(frozen=True, kw_only=True)
class KnobScatter:
    """Finished trials over the two most important knobs.

    Args:
        x, y: the knobs; x_scale, y_scale: "log", "linear" or "category", with the values tried in order.
        inactive: finished trials in which one of the two does not count.
        weak: why these two may not be the ones that matter, a sentence; None where they are.
    """

    x: str
    y: str
    x_scale: str
    y_scale: str
    x_values: tuple[Any, ...]
    y_values: tuple[Any, ...]
    points: tuple[ScatterPoint, ...]
    inactive: int
    weak: str | None

    @property
    def words(self) -> str:
        """Where the best quarter lies, in a sentence."""
        best = sorted(self.points, key=lambda p: p.rank)[: max(1, len(self.points) // 4)]
        where = [
            f"{knob} {_where([getattr(p, side) for p in best], scale)}"
            for knob, side, scale in ((self.x, "x", self.x_scale), (self.y, "y", self.y_scale))
        ]
        return f"The best {count(len(best), 'trial')} of {len(self.points)} have {' and '.join(where)}."


def _where(values: Sequence[Any], scale: str) -> str:
    different = {repr(value): value for value in values}
    if len(different) == 1:
        return show(values[0])
    if scale != "category":
        return f"from {show(min(values))} to {show(max(values))}"
    most = max(different, key=[repr(v) for v in values].count)
    return f"{show(different[most])} most often ({sum(repr(v) == most for v in values)} times)"


def knob_scatter(snapshot: Snapshot, found: Importance | None = None) -> KnobScatter | None:
    """The scatter of a search that is no grid; `found` is its importance, where that is known already.

    None for grids, and where there are no two knobs to choose.
    """
    if snapshot.definition.kind == "grid":
        return None
    found = importance(snapshot) if found is None else found
    # Epochs are what Hyperband gives, not what it tries.
    names = [k.knob for k in found.knobs if (snapshot.definition.kind, k.knob) != ("hyperband", "epochs")]
    if len(names) < 2:
        return None
    parts = {part.knob: part for part in slices(snapshot)}
    x, y = parts[names[0]], parts[names[1]]
    both = [t for t in snapshot.order if x.knob in t.setting and y.knob in t.setting]
    if len(both) < 2:
        return None
    return KnobScatter(
        x=x.knob,
        y=y.knob,
        x_scale=x.scale,
        y_scale=y.scale,
        x_values=x.values,
        y_values=y.values,
        points=tuple(
            ScatterPoint(
                trial=t.number,
                label=t.label,
                x=t.setting[x.knob],
                y=t.setting[y.knob],
                rank=snapshot.ranks[t.number],
                score=t.score,
            )
            for t in both
        ),
        inactive=len(snapshot.ranked) - len(both),
        weak=found.weak,
    )
