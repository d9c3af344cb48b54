"""The rule that predicts which trials come to nothing: one condition on a knob, or two.

Every condition that the trials allow (a knob is a value; a knob is above or below a place between two tried
values) and every pair of the better ones is judged by its F measure, the harmonic mean of precision and
recall. Among so many rules one fits by luck: the causes are shuffled over the trials SHUFFLES times, and a
rule is only given where at most LEVEL of the shuffles have one as good.

Letters: M = conditions, T = trials, P = shuffles.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lenet_tune.analysis.effects import slices
from lenet_tune.analysis.encoding import Column, columns, is_numeric
from lenet_tune.analysis.inference import LEVEL
from lenet_tune.analysis.text import percent
from lenet_tune.knobs import show
from lenet_tune.records import Snapshot

LEAST_BAD = 3
LEAST_F = 0.6
MOST_PLACES = 128
"""Places of a knob at which it is split, at most."""

PAIRED = 60
"""Conditions of which pairs are made: the best by themselves."""

PAIR_GAIN = 0.1
"""What a second condition must add to the F measure, so that the shorter rule is told where it does."""

SHUFFLES = 99


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A knob and what it must be: relation "is", "above", "below", "at least" or "at most" a value."""

    knob: str
    relation: str
    value: Any

    def holds(self, setting: dict[str, Any]) -> bool:
        """Whether a setting fulfils it; one in which the knob does not count does not."""
        if self.knob not in setting:
            return False
        value = setting[self.knob]
        if self.relation == "is":
            return repr(value) == repr(self.value)
        return {
            "above": value > self.value,
            "below": value < self.value,
            "at least": value >= self.value,
            "at most": value <= self.value,
        }[self.relation]

    @property
    def words(self) -> str:
        """ "learning_rate above 0.3", "loss mean_squared_error"."""
        middle = "" if self.relation == "is" else f"{self.relation} "
        return f"{self.knob} {middle}{show(self.value)}"


@dataclass(frozen=True, kw_only=True)
class FailureRule:
    """What most of some bad trials have in common, and few others.

    Args:
        conditions: one, or two that must both hold.
        caught: bad trials that fulfil it, of `bad`; matched: trials that fulfil it, of `ended`.
        chance: part of the shuffles that have a rule as good by luck.
    """

    conditions: tuple[Condition, ...]
    caught: int
    bad: int
    matched: int
    ended: int
    chance: float

    @property
    def precision(self) -> float:
        """Part of the trials that fulfil the rule which came to nothing."""
        return self.caught / self.matched

    @property
    def recall(self) -> float:
        """Part of the bad trials that the rule predicts."""
        return self.caught / self.bad

    @property
    def short(self) -> str:
        """ "learning_rate above 0.3 and loss mean_squared_error"."""
        return " and ".join(condition.words for condition in self.conditions)

    @property
    def words(self) -> str:
        """The rule with its counts, in a sentence."""
        return (
            f"{self.caught} of the {self.matched} trials with {self.short} came to nothing "
            f"({percent(self.precision, 0)}), which are {self.caught} of all {self.bad} that did "
            f"({percent(self.recall, 0)})."
        )


def failure_rule(snapshot: Snapshot, numbers: Sequence[int] | None = None) -> FailureRule | None:
    """The rule of all failed and diverged trials, or of those with `numbers`.

    None below LEAST_BAD of them, where nothing else ended, and where luck gives a rule as good.
    """
    unlucky = {t.number for t in snapshot.trials if t.status in ("failed", "diverged")}
    chosen = unlucky if numbers is None else set(numbers)
    # Trials that came to nothing for another reason are no evidence for or against this one.
    trials = [t for t in snapshot.trials if t.score is not None or t.number in chosen]
    bad = np.array([t.number in chosen for t in trials], bool)  # (T,)
    if bad.sum() < LEAST_BAD or bad.all():
        return None
    known = _conditions(columns(slices(snapshot), trials))
    if not known:
        return None
    holds = np.array([mask for _, mask in known], np.float32)  # (M, T) 0 or 1
    ((quality, places),) = _bests(holds, bad[np.newaxis])
    if quality < LEAST_F:
        return None
    rng = np.random.default_rng(0)
    shuffled = np.array([rng.permutation(bad) for _ in range(SHUFFLES)])  # (P, T)
    lucky = sum(found[0] >= quality for found in _bests(holds, shuffled))
    chance = (1 + lucky) / (1 + SHUFFLES)
    if chance > LEVEL:
        return None
    matched = holds[list(places)].all(axis=0)  # (T,)
    return FailureRule(
        conditions=tuple(known[i][0] for i in sorted(places)),
        caught=int((matched & bad).sum()),
        bad=int(bad.sum()),
        matched=int(matched.sum()),
        ended=len(trials),
        chance=chance,
    )


def _bests(holds: np.ndarray, bads: np.ndarray) -> list[tuple[float, tuple[int, ...]]]:
    """For each of P markings of bad trials, the best rule: its F measure and its one or two conditions."""
    matched = holds.sum(axis=1, keepdims=True)  # (M, 1)
    singles = _f(holds @ bads.T.astype(np.float32), matched, bads.sum(axis=1))  # (M, P)
    return [_best(holds, bad, single) for bad, single in zip(bads, singles.T, strict=True)]


def _best(holds: np.ndarray, bad: np.ndarray, single: np.ndarray) -> tuple[float, tuple[int, ...]]:
    one = int(single.argmax())
    top = np.argsort(-single, kind="stable")[:PAIRED]
    inside = holds[top]
    caught = inside[:, bad]
    both = _f(caught @ caught.T, inside @ inside.T, bad.sum())  # (PAIRED, PAIRED)
    i, j = np.unravel_index(int(both.argmax()), both.shape)
    if both[i, j] > single[one] + PAIR_GAIN:
        return float(both[i, j]), (int(top[i]), int(top[j]))
    return float(single[one]), (one,)


def _f(caught: np.ndarray, matched: np.ndarray, bad: int) -> np.ndarray:
    return 2 * caught / (matched + bad)


def _conditions(known: Sequence[Column]) -> list[tuple[Condition, np.ndarray]]:
    """Every condition with its (T,) bool mask, no mask twice."""
    found: dict[bytes, tuple[Condition, np.ndarray]] = {}
    for column in known:
        for condition, mask in _splits(column):
            if mask.any():
                found.setdefault(mask.tobytes(), (condition, mask))
    return list(found.values())


def _splits(column: Column) -> list[tuple[Condition, np.ndarray]]:
    if not all(map(is_numeric, column.values)):
        return [
            (Condition(knob=column.knob, relation="is", value=value), column.numbers == place)
            for place, value in enumerate(column.values)
        ]
    step = -(-(len(column.values) - 1) // MOST_PLACES)
    found = []
    for place in range(0, len(column.values) - 1, step):
        low, high = column.values[place : place + 2]
        # (T,) bool; comparing numbers that are nan gives False on both sides.
        below, above = (
            (column.numbers <= place, column.numbers >= place + 1)
            if column.scale == "category"
            else (column.numbers <= _number(column, low), column.numbers >= _number(column, high))
        )
        names = ("at most", "at least") if column.scale == "category" else ("below", "above")
        cut = (low, high) if column.scale == "category" else (round_between(low, high),) * 2
        found += [
            (Condition(knob=column.knob, relation=name, value=value), mask)
            for name, value, mask in zip(names, cut, (below, above), strict=True)
        ]
    return found


def _number(column: Column, value: float) -> float:
    return math.log(value) if column.scale == "log" else float(value)


def round_between(low: float, high: float) -> float:
    """The number with fewest digits strictly between two, near the middle."""
    middle = math.sqrt(low * high) if low > 0 else (low + high) / 2
    for digits in range(1, 17):
        value = float(f"{middle:.{digits}g}")
        if low < value < high:
            return value
    return middle
