"""What a self-check found, as plain frozen values: the form that the terminal and the page show."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Curve:
    """Best so far over the trials, over all seeds: quartiles; `kind` is an oracle's name or "tpe"."""

    kind: str
    batch: int
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One comparison with random search.

    Args:
        kind: what is compared: "bayes", "tpe" or "hyperband".
        trials: that it had; `rival` is how many random search had.
        best, random: medians over seeds of the best after those trials.
        final: the best of every seed.
        needs: trials after which random search's median is as high; None if more than it ran.
        p: of the paired one-sided test that it found more than random search.
        adjusted: p after Holm's correction over the surfaces of the same kind and batch.
        slowest: CPU seconds of the slowest proposal.
    """

    surface: str
    group: str
    kind: str
    batch: int
    trials: int
    rival: int
    best: float
    random: float
    final: tuple[float, ...]
    needs: int | None
    p: float
    adjusted: float
    slowest: float

    @property
    def reached(self) -> bool:
        """Whether the target is reached: random search needs `rival` trials or more, and p < 0.05."""
        return (self.needs is None or self.needs >= self.rival) and self.adjusted < 0.05


@dataclass(frozen=True, kw_only=True)
class Overall:
    """Comparisons of one kind and batch size taken together.

    Args:
        surfaces: how many; untouched: whether nothing of the search was chosen on any of them.
        higher: medians above random search's; equalled: medians that random search needs `rival` trials or
            more for.
        p: of the tests together (Stouffer's method over the surfaces, whose seeds are independent).
    """

    batch: int
    untouched: bool
    surfaces: int
    higher: int
    equalled: int
    rival: int
    p: float

    @property
    def reached(self) -> bool:
        """Whether every median equals what random search reaches in `rival` trials or more, and p < 0.05."""
        return self.equalled == self.surfaces and self.p < 0.05


@dataclass(frozen=True, kw_only=True)
class Landscape:
    """A surface as the page shows it."""

    name: str
    group: str
    about: str
    source: str
    knobs: int
    curves: tuple[Curve, ...]


@dataclass(frozen=True, kw_only=True)
class Promise:
    """Something that no oracle may break, how often it was checked, and how often it broke."""

    kind: str
    what: str
    checked: int
    broken: int


@dataclass(frozen=True, kw_only=True)
class Results:
    """Everything a self-check found.

    Args:
        plan: its size, as plain values.
        real: the table of real results: its facts, and the quality of the surface fitted to it.
        tpe: the version of Optuna, or None where it is not installed.
        proof: versions, commit, command, date, wall seconds.
    """

    plan: Mapping[str, Any]
    promises: tuple[Promise, ...]
    landscapes: tuple[Landscape, ...]
    trials: tuple[Trial, ...]
    real: Mapping[str, Any] | None
    tpe: str | None
    proof: Mapping[str, Any]

    @property
    def random_trials(self) -> int:
        """Trials of random search's runs."""
        return max(len(c.middle) for c in self.landscapes[0].curves if c.kind == "random")

    @property
    def kept(self) -> bool:
        """Whether no promise was broken."""
        return not any(promise.broken for promise in self.promises)

    def of(self, kind: str, group: str | None = None) -> tuple[Trial, ...]:
        """The comparisons of one kind, in one group of surfaces or in all."""
        return tuple(t for t in self.trials if t.kind == kind and group in (None, t.group))

    def to_json(self) -> dict[str, Any]:
        """A plain form."""
        return asdict(self)
