"""Settings as vectors, for the Bayesian search's model.

Two forms. **Positions** (n, D): one column a free knob, each in [0, 1]: how far along its range, or in
which of the equal parts that stand for a list's values (Keras Tuner's cumulative probability).
**Features** (n, C): what the model measures distances in: a category becomes one column a value, so that no
order is invented; a knob that does not count sits in the middle, with a column that says so.

Letters: n settings, D free knobs, C feature columns.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lenet_tune.knobs import BY_NAME, Choice, Domain
from lenet_tune.oracles.sampling import at, tidy
from lenet_tune.space import Setting, Space

_FAR = 0.5
"""Half the distance between a knob's ends; also between a knob that counts and one that does not."""

_CHANGED_KNOBS = (1, 2, 4, 8)
"""How many knobs a perturbation changes on average, one of these drawn each time."""


class Codec:
    """The free knobs of a space as columns.

    Attributes:
        names: the free knobs, (D).
        knob_of: for every feature column the index of its knob, (C,) int.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self.names = space.free
        self._domains = [space.domains[name] for name in self.names]
        self._is_range = np.array([not isinstance(domain, Choice) for domain in self._domains], dtype=bool)
        self._conditions = [self._condition(name) for name in self.names]
        one = self._features(np.full((1, len(self.names)), 0.5))
        self.knob_of = np.repeat(np.arange(len(one)), np.array([block.shape[1] for block in one], dtype=int))

    def draw(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Random positions, (count, D)."""
        return generator.random((count, len(self.names)))

    def setting(self, positions: np.ndarray) -> Setting:
        """The setting at positions (D,)."""
        pairs = zip(self.names, self._domains, positions, strict=True)
        return tidy({name: _value(domain, float(p)) for name, domain, p in pairs}, self.space)

    def positions(self, setting: Mapping[str, Any]) -> np.ndarray:
        """The positions (D,) of a setting; the middle for knobs that do not count.

        A value outside the space (of a starting point) is taken for the nearest number inside, or for no
        category at all (NaN).
        """
        pairs = zip(self.names, self._domains, strict=True)
        return np.array([_position(d, setting[name]) if name in setting else 0.5 for name, d in pairs])

    def features(self, positions: np.ndarray) -> np.ndarray:
        """The features (n, C) of positions (n, D)."""
        return np.concatenate(self._features(positions), axis=1)

    def choices(self, positions: np.ndarray, columns: Sequence[int]) -> np.ndarray:
        """Which of its listed values each knob of `columns` has at positions (n, D): (n, columns) int."""
        return np.column_stack([_index(self._domains[i], positions[:, i]) for i in columns])

    def one_knob_changes(
        self, positions: np.ndarray, generator: np.random.Generator, count: int
    ) -> np.ndarray:
        """Positions (m, D) that differ from (D,) in one knob: all values, or `count` places of a range."""
        rows = []
        for i, domain in enumerate(self._domains):
            values = generator.random(count)
            if isinstance(domain, Choice):
                values = (np.arange(len(domain.values)) + 0.5) / len(domain.values)
            block = np.tile(positions, (len(values), 1))
            block[:, i] = values
            rows.append(block)
        return np.concatenate(rows)

    def perturbed(
        self, positions: np.ndarray, generator: np.random.Generator, count: int, width: float
    ) -> np.ndarray:
        """Positions (count, D) near (D,): some knobs change, ranges by a Gaussian of sd `width`."""
        shape = count, len(self.names)
        rate = generator.choice(_CHANGED_KNOBS, count) / len(self.names)  # expected share of changed knobs
        changed = generator.random(shape) < rate[:, None]
        near = np.clip(positions + width * generator.standard_normal(shape), 0, 1)
        anywhere = generator.random(shape)
        return np.where(changed, np.where(self._is_range, near, anywhere), positions)

    def _condition(self, name: str) -> list[tuple[int, np.ndarray]]:
        # (column of the parent, which of its values let the knob count), for parents that vary
        return [
            (self.names.index(parent), np.array([v in allowed for v in _listed(self.space.domains[parent])]))
            for parent, allowed in BY_NAME[name].active_if
            if parent in self.names
        ]

    def _features(self, positions: np.ndarray) -> list[np.ndarray]:
        blocks = []
        for i, domain in enumerate(self._domains):
            block = _block(domain, positions[:, i])
            if self._conditions[i]:
                counts = np.ones(len(positions), dtype=bool)
                for parent, allowed in self._conditions[i]:
                    counts &= allowed[_index(self._domains[parent], positions[:, parent])]
                block = np.column_stack([block * counts[:, None], _FAR * counts])
            blocks.append(block)
        return blocks


def _listed(domain: Domain) -> tuple:
    """The values of a knob that has a list of them; a range has none."""
    return domain.values if isinstance(domain, Choice) else ()


def _index(domain: Domain, positions: np.ndarray) -> np.ndarray:
    count = len(_listed(domain))
    return np.clip((np.nan_to_num(positions) * count).astype(int), 0, count - 1)


def _value(domain: Domain, position: float) -> Any:
    if isinstance(domain, Choice):
        return domain.values[int(_index(domain, np.array(position)))]
    return at(domain, position)


def _position(domain: Domain, value: Any) -> float:
    if isinstance(domain, Choice):
        values = list(domain.values)
        if value not in domain:
            if not _is_ordered(domain):
                return float("nan")
            value = min(values, key=lambda v: abs(v - value))
        return (values.index(value) + 0.5) / len(values)
    value = min(max(value, domain.low), domain.high)
    if domain.log:
        return float(np.log(value / domain.low) / np.log(domain.high / domain.low))
    return (value - domain.low) / (domain.high - domain.low)


def _is_ordered(domain: Choice) -> bool:
    return all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in domain.values)


def _block(domain: Domain, positions: np.ndarray) -> np.ndarray:
    """The feature columns (n, *) of one knob, its ends or two of its categories 2 * `_FAR` apart."""
    if not isinstance(domain, Choice):
        return positions[:, None] - 0.5
    index, count = _index(domain, positions), len(domain.values)
    if _is_ordered(domain) or count == 2:
        rank = np.argsort(np.argsort(domain.values)) if _is_ordered(domain) else np.arange(count)
        return (rank[index] / (count - 1) - 0.5)[:, None]
    known = ~np.isnan(positions)
    return np.eye(count)[index] * known[:, None] * np.sqrt(2) * _FAR
