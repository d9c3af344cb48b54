"""The other half of the Bayesian search's model: trees, and their mixture with the Gaussian process.

A Gaussian process sees smooth trends in few trials; trees see cliffs (a step that diverges), knobs that do
nothing, and which of many categories go together. Neither is better everywhere, their mixture comes near the
better of the two: `lenet-tune selfcheck` has the figures.

Letters: n trials, m points asked about, C feature columns.
"""

from __future__ import annotations

import numpy as np
from sklearn.tree import ExtraTreeRegressor

from lenet_tune.oracles.surrogate import Surrogate, improvement, scaled

_COUNT = 32
_SHARE = 0.7
"""Part of the columns that a tree looks at for each split: trees that differ say where they do not know."""

_LEAST_VARIANCE = 1e-6


class Trees:
    """Extremely randomised trees, each grown on a bootstrap sample; their spread is the uncertainty.

    Args:
        features: of the finished trials, (n, C).
        scores: theirs, scaled, (n,).

    Source: Geurts, Ernst and Wehenkel 2006; as a search's model, Hutter, Hoos and Leyton-Brown 2011.
    """

    def __init__(self, features: np.ndarray, scores: np.ndarray) -> None:
        self._features, self._scores = features, scores
        # The same random numbers for all: a proposal is a function of the trials, not of earlier fits.
        # Trees one by one, because scikit-learn's forest spends most of its time on bookkeeping.
        inputs, count = _plain(features), len(scores)
        samples = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=_COUNT)
        self._trees = [
            ExtraTreeRegressor(max_features=_SHARE, random_state=i)
            .fit(inputs, scores, sample_weight=sample.astype(float), check_input=False)
            .tree_
            for i, sample in enumerate(samples)
        ]

    def supposing(self, features: np.ndarray) -> Trees:
        """The trees grown again with pending trials (m, C) at their means.

        Source: the Kriging believer of Ginsbourger, Le Riche and Carraro 2010, section 4.2.
        """
        mean, _ = self.predict(features)
        return Trees(np.concatenate([self._features, features]), np.concatenate([self._scores, mean]))

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over the trees at (m, C)."""
        inputs = _plain(features)
        found = np.stack([tree.predict(inputs)[:, 0] for tree in self._trees])  # (trees, m)
        return found.mean(axis=0), np.sqrt(found.var(axis=0) + _LEAST_VARIANCE)


def _plain(features: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(features, dtype=np.float32)  # what the trees' compiled part takes


class Mixture:
    """The Gaussian process and the trees, each believed half.

    Args:
        features: of the finished trials, (n, C).
        scores: theirs, (n,).
        knob_of: the knob of each feature column, (C,) int.
    """

    def __init__(self, features: np.ndarray, scores: np.ndarray, knob_of: np.ndarray) -> None:
        self._features = features
        self._parts: tuple[Surrogate | Trees, ...] = (
            Surrogate(features, scores, knob_of),
            Trees(features, scaled(scores)),
        )

    def supposing(self, features: np.ndarray) -> Mixture:
        """The model that takes pending trials (m, C) as each of its halves does."""
        other = object.__new__(Mixture)
        other._features = np.concatenate([self._features, features])
        other._parts = tuple(part.supposing(features) for part in self._parts)
        return other

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the mixture at (m, C): where the halves differ, it is less sure."""
        (first, first_sd), (second, second_sd) = (part.predict(features) for part in self._parts)
        between = ((first - second) / 2) ** 2
        return (first + second) / 2, np.sqrt((first_sd**2 + second_sd**2) / 2 + between)

    def best(self) -> float:
        """The highest mean at the trials it knows: what an improvement has to beat, noise taken out."""
        return float(self.predict(self._features)[0].max())

    def expected_improvement(self, features: np.ndarray, best: float) -> np.ndarray:
        """How much each point (m, C) is expected to exceed `best`, (m,)."""
        return improvement(*self.predict(features), best)
