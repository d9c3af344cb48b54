"""Settings as numbers, for the models that are fitted to trials.

Letters: T = trials, C = columns.
"""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lenet_tune.analysis.effects import Slice
from lenet_tune.records import TrialRecord


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """One knob over some trials, as numbers that a tree can split.

    Args:
        knob, together, scale, values: as in `Slice`, with the values that these trials have.
        ordered: whether the numbers have an order; else each value has a column of its own.
        numbers: (T,) float64: the logarithm, the value, or the place in `values`; nan where inactive.
        encoded: (T, C) float64 without gaps: where the knob is inactive it has values drawn from the others,
            so that only its parent tells that it does not count.
    """

    knob: str
    together: tuple[str, ...]
    scale: str
    values: tuple[Any, ...]
    ordered: bool
    numbers: np.ndarray
    encoded: np.ndarray

    @property
    def active(self) -> np.ndarray:
        """(T,) bool: in which trials the knob counts."""
        return np.isfinite(self.numbers)


def columns(parts: Sequence[Slice], trials: Sequence[TrialRecord]) -> tuple[Column, ...]:
    """The knobs of `parts` that vary over `trials`."""
    found = [_column(part, trials) for part in parts]
    return tuple(column for column in found if len(column.values) > 1)


def _column(part: Slice, trials: Sequence[TrialRecord]) -> Column:
    tried = {repr(t.setting[part.knob]) for t in trials if part.knob in t.setting}
    values = tuple(value for value in part.values if repr(value) in tried)
    place = {repr(value): i for i, value in enumerate(values)}

    def number(value: Any) -> float:
        if part.scale == "log":
            return math.log(value)
        return float(value) if part.scale == "linear" else float(place[repr(value)])

    numbers = np.array(
        [number(t.setting[part.knob]) if part.knob in t.setting else math.nan for t in trials], float
    )
    ordered = part.scale != "category" or len(values) <= 2 or all(map(is_numeric, values))
    return Column(
        knob=part.knob,
        together=part.together,
        scale=part.scale,
        values=values,
        ordered=ordered,
        numbers=numbers,
        encoded=_encoded(part.knob, numbers, ordered, len(values)),
    )


def _encoded(name: str, numbers: np.ndarray, ordered: bool, values: int) -> np.ndarray:
    active = np.isfinite(numbers)
    # The draws depend on the knob's name only: the same study, the same numbers.
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    filled = numbers.copy()
    filled[~active] = rng.choice(numbers[active], int((~active).sum())) if active.any() else 0.0
    return filled[:, np.newaxis] if ordered else (filled[:, np.newaxis] == np.arange(values)).astype(float)


def is_numeric(value: Any) -> bool:
    """Whether a value of a knob is a finite number (true and false are none)."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
