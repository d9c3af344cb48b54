"""Parallel coordinates: every finished trial as a line over the knobs, most important first."""

import math
from dataclasses import dataclass
from typing import Any

from lenet_tune.analysis.effects import Slice, slices
from lenet_tune.analysis.importance import Importance, importance
from lenet_tune.knobs import show
from lenet_tune.records import Snapshot

MOST_AXES = 12
MOST_TICKS = 12


@dataclass(frozen=True, kw_only=True)
class Tick:
    """A text at a place in [0, 1] of an axis."""

    place: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One knob.

    Args:
        together: other knobs that changed with it in every trial.
        kind: "linear", "log" or "category".
        ticks: from 0 to 1.
    """

    knob: str
    together: tuple[str, ...]
    kind: str
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, kw_only=True)
class Line:
    """A finished trial: its place in [0, 1] on each axis, None where the knob does not count; rank from 1."""

    trial: int
    label: str
    rank: int
    score: float
    places: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class ParallelCoordinates:
    """The figure.

    Args:
        axes: at most MOST_AXES, most important first; left_out: knobs without an axis.
        lines: best rank first.
        weak: why the order of the axes says little, a sentence; None where it may be trusted.
    """

    axes: tuple[Axis, ...]
    lines: tuple[Line, ...]
    left_out: tuple[str, ...]
    weak: str | None


def parallel_coordinates(snapshot: Snapshot, found: Importance | None = None) -> ParallelCoordinates | None:
    """The figure; `found` is the study's importance, where that is known already.

    None where fewer than two trials have finished, or fewer than two knobs vary over them.
    """
    found = importance(snapshot) if found is None else found
    parts = [_of_the_finished(part) for part in slices(snapshot)]
    parts = sorted((p for p in parts if len(p.values) > 1), key=lambda part: -found.of(part.knob))
    if len(parts) < 2 or len(snapshot.ranked) < 2:
        return None
    shown = parts[:MOST_AXES]
    return ParallelCoordinates(
        axes=tuple(
            Axis(knob=part.knob, together=part.together, kind=part.scale, ticks=_ticks(part))
            for part in shown
        ),
        lines=tuple(
            Line(
                trial=t.number,
                label=t.label,
                rank=snapshot.ranks[t.number],
                score=t.score,
                places=tuple(
                    _place(part, t.setting[part.knob]) if part.knob in t.setting else None for part in shown
                ),
            )
            for t in snapshot.order
        ),
        left_out=tuple(part.knob for part in parts[MOST_AXES:]),
        weak=found.weak,
    )


def _of_the_finished(part: Slice) -> Slice:
    """The slice without trials that brought no score, and with the values of the others only."""
    kept = tuple(point for point in part.points if point.score is not None)
    tried = {repr(point.value) for point in kept}
    return Slice(
        knob=part.knob,
        together=part.together,
        scale=part.scale,
        values=tuple(value for value in part.values if repr(value) in tried),
        points=kept,
        inactive=part.inactive,
    )


def _place(part: Slice, value: Any) -> float:
    if part.scale == "category":
        return [repr(v) for v in part.values].index(repr(value)) / (len(part.values) - 1)
    low, high, at = (math.log(v) if part.scale == "log" else v for v in (*_ends(part), value))
    return min(1.0, max(0.0, (at - low) / (high - low)))


def _ends(part: Slice) -> tuple[float, float]:
    return min(part.values), max(part.values)


def _ticks(part: Slice) -> tuple[Tick, ...]:
    if part.scale == "category":
        step = -(-len(part.values) // MOST_TICKS)
        return tuple(Tick(place=_place(part, v), text=show(v)) for v in part.values[::step])
    low, high = _ends(part)
    between = _powers(low, high) if part.scale == "log" else [(low + high) / 2]
    return tuple(Tick(place=_place(part, v), text=f"{v:.3g}") for v in (low, *between, high))


def _powers(low: float, high: float) -> list[float]:
    """Powers of ten that lie clearly between the ends of a logarithmic axis."""
    margin = (high / low) ** 0.1
    found = (10.0**i for i in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1))
    inside = [power for power in found if low * margin < power < high / margin]
    return inside[:: -(-len(inside) // (MOST_TICKS - 2)) or 1]
