"""Random settings, drawn by Keras Tuner's own oracle: feasible, never twice, until there are no more."""

from collections.abc import Sequence, Set
from itertools import islice

import keras_tuner
import numpy as np

from lenet_tune.config import InputSpec
from lenet_tune.hypermodel import LeNetHyperModel, feasible_shapes
from lenet_tune.knobs import Choice, Domain, Range
from lenet_tune.oracles.base import OneByOne, Proposal, Told, generator
from lenet_tune.space import Setting, Space, complete, is_feasible, key

OBJECTIVE = "score"
MAX_DRAWS = 50
"""Draws that may be infeasible or known before what is left of the space is listed instead."""

MAX_LISTED = 4096
"""Settings looked at for each shape of network when what is left is listed."""

DIGITS = 4
"""Significant digits of a proposed number, as tables show it: what is read is what was trained."""


class KnobOracle(keras_tuner.Oracle):
    """Keras Tuner's oracle over the knobs of a space, told what to avoid and without files.

    Subclasses combine it with an oracle of Keras Tuner's. Only `populate_space` and what it calls are
    used: `create_trial` and `end_trial` would write files, and their lock warns on Python 3.12 and newer.

    Args:
        space, spec: what is drawn from, and what decides on feasibility.
        options: for Keras Tuner's oracle.
    """

    def __init__(self, space: Space, spec: InputSpec, **options: object) -> None:
        hp = keras_tuner.HyperParameters()
        LeNetHyperModel(spec, space=space).declare(hp)
        # The seed only has to be a true value (`seed or randint`): every draw begins with `reseed`.
        super().__init__(
            objective=keras_tuner.Objective(OBJECTIVE, "max"), hyperparameters=hp, seed=1, **options
        )
        self.space, self.spec = space, spec
        self._shapes = feasible_shapes(space, spec)
        self._max_collisions = MAX_DRAWS
        self._generator = np.random.default_rng(0)
        self._avoid: Set[tuple] = frozenset()

    def reseed(self, seed: int, number: int, avoid: Set[tuple]) -> None:
        """Begin proposal `number`: random numbers of its own, and the identities it must not have."""
        self._generator = generator(seed, number)
        self._seed_state = int(self._generator.integers(2**62))
        self._avoid = avoid

    def save(self) -> None:
        """Nothing: the study is the only truth."""

    def _duplicate(self, values: Setting) -> bool:
        setting = tidy(values, self.space)
        return key(setting) in self._avoid or not is_feasible(setting, self.spec)

    def _random_values(self) -> Setting | None:
        values = super()._random_values()
        return self._listed() if values is None else tidy(values, self.space)

    def _listed(self) -> Setting | None:
        # Nearly everything is used up or infeasible: list it, shape by shape in random order, ranges drawn.
        for i in self._generator.permutation(len(self._shapes)):
            domains: dict[str, Domain] = {
                name: Choice((self._position(domain),))
                for name, domain in self.space.domains.items()
                if isinstance(domain, Range)
            }
            domains |= {name: Choice((value,)) for name, value in self._shapes[i].items()}
            listed = islice(self.space.replace(domains).grid(), MAX_LISTED)
            left = [s for s in (tidy(s, self.space) for s in listed) if key(s) not in self._avoid]
            if left:
                return left[self._generator.integers(len(left))]
        return None

    def _position(self, domain: Range) -> float:
        return at(domain, self._generator.random())


class _RandomKnobOracle(KnobOracle, keras_tuner.oracles.RandomSearchOracle):
    """Keras Tuner's random search over the knobs."""


class Sampler:
    """Random settings of a space.

    Raises:
        InfeasibleError: no network of the space can be built.
        SettingError: the space may standardize, but `spec` has no channel statistics.
    """

    def __init__(self, space: Space, spec: InputSpec, *, seed: int) -> None:
        self._oracle = _RandomKnobOracle(space, spec)
        self._seed = seed

    def draw(self, number: int, avoid: Set[tuple]) -> Setting | None:
        """The random setting of proposal `number`, none of `avoid`; None when there are no others."""
        self._oracle.reseed(self._seed, number, avoid)
        return self._oracle.populate_space(str(number))["values"]


class RandomOracle(OneByOne):
    """Random search without repetition (Bergstra and Bengio 2012), starting points first."""

    def __init__(self, space: Space, spec: InputSpec, *, seed: int, starts: Sequence[Setting] = ()) -> None:
        self._sampler = Sampler(space, spec, seed=seed)
        self._starts = StartPoints(starts, spec)

    def propose(self, past: Sequence[Told], seen: Set[tuple]) -> Proposal | None:
        """A starting point that is left, else a random setting."""
        if (start := self._starts.next(seen)) is not None:
            return Proposal(setting=start, detail={"origin": "start"})
        setting = self._sampler.draw(len(past), seen)
        return None if setting is None else Proposal(setting=setting, detail={"origin": "random"})


class StartPoints:
    """Settings to propose before anything else; those from which no network can be built are left out."""

    def __init__(self, settings: Sequence[Setting], spec: InputSpec) -> None:
        self._settings = [complete(s) for s in settings if is_feasible(s, spec)]

    def next(self, seen: Set[tuple]) -> Setting | None:
        """The first that was not proposed yet."""
        return next((dict(s) for s in self._settings if key(s) not in seen), None)


def at(domain: Range, position: float) -> float:
    """The value at a position in [0, 1] of a range."""
    if domain.log:
        return domain.low * (domain.high / domain.low) ** position
    return domain.low + position * (domain.high - domain.low)


def tidy(values: Setting, space: Space) -> Setting:
    """The complete setting of `values`, drawn numbers at `DIGITS` digits but inside their ranges."""
    fixed = {n: d.values[0] for n, d in space.domains.items() if isinstance(d, Choice) and d.is_fixed}
    setting = complete({**fixed, **values})
    for name, domain in space.domains.items():
        if name in setting and isinstance(domain, Range):
            setting[name] = min(max(float(f"{setting[name]:.{DIGITS}g}"), domain.low), domain.high)
    return setting
