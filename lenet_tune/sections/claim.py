"""What the report claims, as data: which runs to compare, on which measure, and what must come out.

A claim is a list of tests that must all hold. A test weighs a measure of some runs, seed by seed, and asks
whether the sum lies above (or below) a bound. Bounds are fixed here, before the runs:

- 0 where the report claims an order only;
- `LITTLE` (half a point) where it claims a gain of about a point, or none;
- `CLEAR` (one point) where it calls a gain significant, `SHARP` (two points) a sharp loss;
- `LEARNS`: final accuracy from which a run is said to learn (chance is 0.1);
- `FLAT`, `PLATEAU`: at most so much of a curve's whole rise in its first three epochs, in its last third;
  `LATER`: the steepest rise begins after the first epoch. See `analysis.measures`.
"""

from dataclasses import dataclass
from typing import Any

from lenet_tune.config import check_in
from lenet_tune.space import Setting

LITTLE, CLEAR, SHARP = 0.005, 0.01, 0.02
LEARNS = 0.2
FLAT, PLATEAU, LATER = 0.25, 0.25, 1.5
EARLY_EPOCHS = 3
MANY_OF_TEN = 4  # "many" of ten images: four or more
MEASURES = (
    "final accuracy",
    "early share",
    "steepest epoch",
    "late share",
    "epochs to best",
    "overfitting epoch",
    "many of ten wrong",
)


@dataclass(frozen=True, kw_only=True)
class Term:
    """Some runs with a weight: the mean over them, or the best of them, for each seed."""

    weight: float
    settings: tuple[Setting, ...]
    pool: str = "mean"

    def __post_init__(self) -> None:
        check_in("pool", self.pool, ("mean", "best"))


@dataclass(frozen=True, kw_only=True)
class Test:
    """One thing that must come out: the weighed sum of a measure lies above or below a bound."""

    words: str
    terms: tuple[Term, ...]
    measure: str = "final accuracy"
    relation: str = ">"
    bound: float = 0.0

    __test__ = False  # pytest would collect it by its name

    def __post_init__(self) -> None:
        check_in("measure", self.measure, MEASURES)
        check_in("relation", self.relation, (">", "<"))

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Every run it looks at."""
        return tuple(setting for term in self.terms for setting in term.settings)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim of the report.

    Args:
        section: that it belongs to.
        words: the claim.
        how: which runs stand for it, where the report leaves that open.
        tests: all of them must hold.
        not_decidable: a part of the claim that no number we have can decide, and why.
    """

    name: str
    section: int
    words: str
    tests: tuple[Test, ...]
    how: str = ""
    not_decidable: str = ""

    @property
    def settings(self) -> tuple[Setting, ...]:
        """Every run it looks at."""
        return tuple(setting for test in self.tests for setting in test.settings)


Runs = tuple[Setting, ...]


def gain(words: str, these: Runs, those: Runs, **more: Any) -> Test:
    """`these` reach more than `those`, in the mean."""
    return Test(words=words, terms=(Term(weight=1, settings=these), Term(weight=-1, settings=those)), **more)


def best_gain(words: str, these: Runs, those: Runs, **more: Any) -> Test:
    """The best of `these` reaches more than the best of `those`."""
    terms = (Term(weight=1, settings=these, pool="best"), Term(weight=-1, settings=those, pool="best"))
    return Test(words=words, terms=terms, **more)


def level(words: str, runs: Runs, relation: str, bound: float, measure: str = "final accuracy") -> Test:
    """The best of `runs` lies above or below a level."""
    terms = (Term(weight=1, settings=runs, pool="best"),)
    return Test(words=words, terms=terms, measure=measure, relation=relation, bound=bound)


def more_gain(words: str, gain: tuple[Runs, Runs], other: tuple[Runs, Runs]) -> Test:
    """The first change (to, from) gains more than the other one."""
    weighed = ((1, gain[0]), (-1, gain[1]), (-1, other[0]), (1, other[1]))
    return Test(words=words, terms=tuple(Term(weight=w, settings=runs) for w, runs in weighed))
