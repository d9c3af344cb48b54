"""What every oracle takes and gives: the trials so far in, proposals out.

The k-th proposal is a pure function of the space, the seed, k, and the trials told so far, pending ones
included. A batch is asking one by one with the earlier proposals pending, so a batch cut short by a kill
goes on with the proposals it would have had.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from lenet_tune.config import check_int
from lenet_tune.space import Setting, key


@dataclass(frozen=True, kw_only=True)
class Told:
    """A trial already proposed.

    Args:
        number: of the trial, from 0 in the order of proposal.
        score: to maximise; None while it is pending. A diverged or failed trial has a finite penalty
            (chance accuracy), which the caller gives.
        detail: the `Proposal.detail` stored with it.
    """

    number: int
    setting: Mapping[str, Any]
    score: float | None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A setting to try next.

    Args:
        setting: complete, active knobs only, epochs included.
        detail: plain values to store with the trial and to tell again. `origin` is "start", "random",
            "model", "grid" or "hyperband"; Hyperband adds `iteration`, `bracket`, `round`, `parent`
            (number of the trial to continue, or None) and `initial_epoch`.
    """

    setting: Setting
    detail: dict[str, Any]


class Oracle(Protocol):
    """What a search asks."""

    def ask(self, past: Sequence[Told], count: int) -> list[Proposal]:
        """Up to `count` proposals, numbered from `len(past)`.

        Fewer come when the space is exhausted or, while trials are pending, when more results are needed;
        none with nothing pending is the end.
        """


@dataclass(frozen=True, kw_only=True)
class OracleOptions:
    """What a search can be told beyond its space and seed.

    Args:
        starts: settings to propose first (random and Bayesian), inside the space or not.
        trials: how many trials are planned; sets the share of random ones in a Bayesian search.
        max_epochs: of Hyperband's last round.
        factor: Hyperband keeps one trial in `factor` from round to round.
        iterations: times that Hyperband runs all its brackets.

    Raises:
        SettingError: a value outside its rule.
    """

    starts: tuple[Setting, ...] = ()
    trials: int = 50
    max_epochs: int = 30
    factor: int = 3
    iterations: int = 1

    def __post_init__(self) -> None:
        check_int("trials", self.trials, 1, 1_000_000)
        check_int("max_epochs", self.max_epochs, 1, 1_000_000)
        check_int("factor", self.factor, 2, 1000)
        check_int("iterations", self.iterations, 1, 1000)


class OneByOne(ABC):
    """An oracle that proposes one trial at a time."""

    def ask(self, past: Sequence[Told], count: int) -> list[Proposal]:
        """As `Oracle.ask`."""
        trials, seen = list(past), seen_keys(past)
        proposals: list[Proposal] = []
        while len(proposals) < count and (proposal := self.propose(trials, seen)) is not None:
            proposals.append(proposal)
            seen.add(key(proposal.setting))
            trials.append(
                Told(number=len(trials), setting=proposal.setting, score=None, detail=proposal.detail)
            )
        return proposals

    @abstractmethod
    def propose(self, past: Sequence[Told], seen: Set[tuple]) -> Proposal | None:
        """The proposal numbered `len(past)`, whose identity is not in `seen`; None when there is none."""


def seen_keys(past: Sequence[Told]) -> set[tuple]:
    """The identities of the settings proposed so far."""
    return {key(trial.setting) for trial in past}


def generator(seed: int, number: int) -> np.random.Generator:
    """The random numbers of one proposal: the same whatever was drawn before."""
    return np.random.default_rng([seed, number])
