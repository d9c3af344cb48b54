"""What the knobs did: the best setting and its borders, slices, and main effects of grids."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from lenet_tune.analysis.ranking import domains, values_tried, varying
from lenet_tune.analysis.text import listed
from lenet_tune.knobs import BY_NAME, MAX_DEPTH, Choice, Domain, Range, show
from lenet_tune.records import Snapshot, TrialRecord

EDGE = 0.05  # part of a range's width (of its logarithm where it is logarithmic) that counts as its border
MOST_LETTERS = 36  # length of a list of values, above which their number stands for them
FEW_VALUES = 6  # a numeric knob with so few values, some of them repeated, is read like a list
_LOWEST = {"momentum": 0, "l2_kernel": 0, "l2_bias": 0, "l2_activity": 0, "filter_step": 0}
_HIGHEST = {"depth": MAX_DEPTH}


@dataclass(frozen=True, kw_only=True)
class BestValue:
    """One knob of the best setting.

    Args:
        searched: what it was searched over, in words: a range or listed values.
        edge: where the value lies when it is at the border of that, in words, else None.
        widen: "lower" or "higher" where it would make sense to look beyond the border, else None.
    """

    knob: str
    value: Any
    searched: str
    edge: str | None
    widen: str | None


def best_setting(snapshot: Snapshot) -> tuple[BestValue, ...]:
    """The knobs that vary, as the best trial has them; empty where no trial is finished."""
    best = snapshot.best
    if best is None:
        return ()
    known = domains(snapshot)
    return tuple(
        _best_value(snapshot, name, best.setting[name], known.get(name))
        for name in varying(snapshot)
        if name in best.setting
    )


def _best_value(snapshot: Snapshot, name: str, value: Any, domain: Domain | None) -> BestValue:
    tried = values_tried(snapshot.trials, name)
    if isinstance(domain, Range) and _is_numeric(value):
        searched = f"{show(domain.low)} to {show(domain.high)}"
        side = _side_of_range(domain, value)
        edge = {"lower": "at the lower end", "higher": "at the upper end", None: None}[side]
    else:
        values = list(domain.values) if isinstance(domain, Choice) else tried
        searched = listed((show(v) for v in values), limit=6)
        searched = searched if len(searched) <= MOST_LETTERS else f"{len(values)} values"
        side = _side_of_list(values, value)
        edge = {"lower": "lowest of", "higher": "highest of", None: None}[side]
        edge = edge and f"{edge} {len(values)}"
    return BestValue(knob=name, value=value, searched=searched, edge=edge, widen=_beyond(name, value, side))


def _is_numeric(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _side_of_range(domain: Range, value: float) -> str | None:
    if domain.log and value <= 0:
        return "lower"
    low, high, at = (math.log(x) if domain.log else x for x in (domain.low, domain.high, value))
    place = (at - low) / (high - low)
    return "lower" if place <= EDGE else "higher" if place >= 1 - EDGE else None


def _side_of_list(values: list[Any], value: Any) -> str | None:
    # With two values each is a border, which says nothing.
    if len(values) < 3 or not all(map(_is_numeric, [*values, value])):
        return None
    return "lower" if value <= min(values) else "higher" if value >= max(values) else None


def _beyond(name: str, value: float, side: str | None) -> str | None:
    if side == "lower" and name in _LOWEST and value <= _LOWEST[name]:
        return None
    if side == "higher" and name in _HIGHEST and value >= _HIGHEST[name]:
        return None
    return side


@dataclass(frozen=True, kw_only=True)
class SlicePoint:
    """One trial at its value of a knob; `score` is None where it has none, and `status` says why."""

    number: int
    value: Any
    score: float | None
    status: str


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Score against one knob.

    Args:
        together: other knobs that changed with it in every trial: their effects cannot be told apart.
        scale: "log", "linear" or "category".
        values: different values tried, in order.
        points: ended trials in which the knob is active.
        inactive: ended trials in which it does not count.
    """

    knob: str
    together: tuple[str, ...]
    scale: str
    values: tuple[Any, ...]
    points: tuple[SlicePoint, ...]
    inactive: int

    def scores_at(self, value: Any) -> list[float]:
        """Scores of the finished trials at one value."""
        return [p.score for p in self.points if p.score is not None and repr(p.value) == repr(value)]


def slices(snapshot: Snapshot) -> tuple[Slice, ...]:
    """A slice for each knob that varies; in a grid, knobs that changed together are one.

    A page asks for them a dozen times, so they are kept with the snapshot, as its cached properties are.
    """
    kept = vars(snapshot)
    if "_slices" not in kept:
        kept["_slices"] = _slices(snapshot)
    return kept["_slices"]


def _slices(snapshot: Snapshot) -> tuple[Slice, ...]:
    ended = [t for t in snapshot.trials if t.status in ("done", "diverged", "failed")]
    own = snapshot.definition.is_own_model
    known = domains(snapshot) if own else {name: knob.domain for name, knob in BY_NAME.items()}
    return tuple(_slice(names, ended, known.get(names[0])) for names in _groups(snapshot, ended))


def _groups(snapshot: Snapshot, trials: list[TrialRecord]) -> list[tuple[str, ...]]:
    # Knobs of a grid that split its trials in the same way cannot be told apart. Elsewhere values hardly ever
    # repeat, and any two knobs would.
    grid = snapshot.definition.kind == "grid"
    groups: dict[tuple, list[str]] = {}
    for name in varying(snapshot):
        seen: dict[str, int] = {}
        pattern = tuple(seen.setdefault(repr(t.setting.get(name)), len(seen)) for t in trials)
        if len(values_tried(trials, name)) > 1:
            groups.setdefault(pattern if grid else (name,), []).append(name)
    return [tuple(names) for names in groups.values()]


def _slice(names: tuple[str, ...], trials: list[TrialRecord], domain: Domain | None) -> Slice:
    name = names[0]
    active = [t for t in trials if name in t.setting]
    values = values_tried(active, name)
    return Slice(
        knob=name,
        together=names[1:],
        scale=_scale(domain, values, len(active)),
        values=tuple(values),
        points=tuple(
            SlicePoint(number=t.number, value=t.setting[name], score=t.score, status=t.status) for t in active
        ),
        inactive=len(trials) - len(active),
    )


def _scale(domain: Domain | None, values: list[Any], trials: int) -> str:
    listed_few = len(values) <= FEW_VALUES and len(values) < trials
    if listed_few or not isinstance(domain, Range) or not all(map(_is_numeric, values)):
        return "category"
    return "log" if domain.log and min(values) > 0 else "linear"


@dataclass(frozen=True, kw_only=True)
class Level:
    """One value of a knob in a grid: the mean score of the finished trials that have it, and how many."""

    value: Any
    mean: float
    n: int


@dataclass(frozen=True, kw_only=True)
class MainEffect:
    """Mean scores of a grid by the values of one knob.

    Args:
        balanced: whether each value has the same number of finished trials; else means mix other knobs in.
    """

    knob: str
    together: tuple[str, ...]
    levels: tuple[Level, ...]
    balanced: bool

    @property
    def size(self) -> float:
        """Difference between the highest and the lowest mean."""
        means = [level.mean for level in self.levels]
        return max(means) - min(means)


def main_effects(snapshot: Snapshot) -> tuple[MainEffect, ...]:
    """Main effects of a grid, largest first; empty for other searches, which do not try values evenly."""
    if snapshot.definition.kind != "grid":
        return ()
    found = []
    for part in slices(snapshot):
        scores: Mapping[int, list[float]] = {i: part.scores_at(v) for i, v in enumerate(part.values)}
        levels = tuple(Level(value=part.values[i], mean=fmean(s), n=len(s)) for i, s in scores.items() if s)
        if len(levels) > 1:
            balanced = len({level.n for level in levels}) == 1
            found.append(MainEffect(knob=part.knob, together=part.together, levels=levels, balanced=balanced))
    return tuple(sorted(found, key=lambda effect: -effect.size))
