"""Bayesian search: Keras Tuner's oracle with another model and another way to its next setting.

What is replaced, and why: unordered choices on one ordinal axis, one length scale for all knobs and fixed
noise (see `codec`, `surrogate` and `trees`); 50 runs of L-BFGS a proposal, 3 to 5 s with 12 knobs (here
vectorised predictions over candidates); no check for repetition; a random state that is not a function of the
trial.
"""

from collections.abc import Sequence, Set
from typing import Any

import keras_tuner
import numpy as np

from lenet_tune.config import InputSpec
from lenet_tune.oracles.base import OneByOne, OracleOptions, Proposal, Told
from lenet_tune.oracles.codec import Codec
from lenet_tune.oracles.sampling import KnobOracle, StartPoints
from lenet_tune.oracles.trees import Mixture
from lenet_tune.space import SHAPE_KNOBS, Setting, Space, is_feasible, key

MAX_INITIAL = 10
"""Trials before the model proposes, at most; a fifth of the planned ones, but 3 at least."""

# How many candidates, from where; the figures were chosen on synthetic surfaces over the full space.
_RANDOM = 1000
_PARENTS = 5
_RANGE_PLACES = 8
_NEIGHBOURS = 100
_NEIGHBOUR_WIDTH = 0.2
_REFINED = 10
_REFINEMENTS = 60
_REFINEMENT_WIDTHS = (0.1, 0.05)


class _ModelBased(KnobOracle, keras_tuner.oracles.BayesianOptimizationOracle):
    """Keras Tuner's Bayesian oracle, proposing by expected improvement from the trials it is told."""

    def __init__(self, space: Space, spec: InputSpec, *, initial: int) -> None:
        super().__init__(space, spec, num_initial_points=initial)
        self._codec = Codec(space)
        self._told: Sequence[Told] = ()
        self._fitted: tuple[tuple, Mixture] | None = None
        self._known_shapes: dict[tuple[int, ...], bool] = {}

    def replay(self, past: Sequence[Told]) -> None:
        """Take the trials told for the whole history."""
        self._told = past

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The next setting, as Keras Tuner puts it: {"status", "values", "origin"}."""
        finished = [t for t in self._told if t.score is not None]
        if len(self._told) < self.num_initial_points or not self._codec.names:
            return {**self._random_populate_space(), "origin": "random"}
        if not finished:
            return {"status": "IDLE", "values": None}
        values = self._best_candidate(finished, [t for t in self._told if t.score is None])
        if values is None:
            return {**self._random_populate_space(), "origin": "random"}
        return {"status": "RUNNING", "values": values, "origin": "model"}

    def _best_candidate(self, finished: list[Told], pending: list[Told]) -> Setting | None:
        model = self._fit(finished)
        if pending:
            model = model.supposing(self._features(pending))
        known = np.array([self._codec.positions(t.setting) for t in [*finished, *pending]])
        best = model.best()
        candidates = self._candidates(known[np.argsort(-self._means(model, known), kind="stable")[:_PARENTS]])
        gains = model.expected_improvement(self._codec.features(candidates), best)
        for width in _REFINEMENT_WIDTHS:
            top = candidates[np.argsort(-gains, kind="stable")[:_REFINED]]
            near = [self._codec.perturbed(p, self._generator, _REFINEMENTS, width) for p in top]
            candidates = self._buildable(np.concatenate([top, *near]))
            gains = model.expected_improvement(self._codec.features(candidates), best)
        for i in np.argsort(-gains, kind="stable"):
            setting = self._codec.setting(candidates[i])
            if key(setting) not in self._avoid and is_feasible(setting, self.spec):
                return setting
        return None

    def _candidates(self, parents: np.ndarray) -> np.ndarray:
        # Anywhere in the space, and around the settings that the model holds for the best.
        codec, generator = self._codec, self._generator
        found = [codec.draw(generator, _RANDOM)]
        for parent in np.nan_to_num(parents, nan=0.5):
            found.append(codec.one_knob_changes(parent, generator, _RANGE_PLACES))
            found.append(codec.perturbed(parent, generator, _NEIGHBOURS, _NEIGHBOUR_WIDTH))
        return self._buildable(np.concatenate(found))

    def _buildable(self, candidates: np.ndarray) -> np.ndarray:
        # Where no network can be built the model is for ever unsure, and would look there again and again.
        names = self._codec.names
        columns = [names.index(name) for name in SHAPE_KNOBS if name in names]
        if not columns:
            return candidates
        shapes = self._codec.choices(candidates, columns)
        _, first, which = np.unique(shapes, axis=0, return_index=True, return_inverse=True)
        fits = np.array([self._fits(tuple(shapes[i]), candidates[i]) for i in first])
        return candidates[fits[which.ravel()]]

    def _fits(self, shape: tuple[int, ...], candidate: np.ndarray) -> bool:
        if shape not in self._known_shapes:
            self._known_shapes[shape] = is_feasible(self._codec.setting(candidate), self.spec)
        return self._known_shapes[shape]

    def _fit(self, finished: list[Told]) -> Mixture:
        # Remembering the last fit changes no answer: it depends on the finished trials alone.
        identity = tuple((t.number, t.score) for t in finished)
        if self._fitted is None or self._fitted[0] != identity:
            scores = np.array([t.score for t in finished])
            model = Mixture(self._features(finished), scores, self._codec.knob_of)
            self._fitted = identity, model
        return self._fitted[1]

    def _features(self, trials: Sequence[Told]) -> np.ndarray:
        return self._codec.features(np.array([self._codec.positions(t.setting) for t in trials]))

    def _means(self, model: Mixture, positions: np.ndarray) -> np.ndarray:
        return model.predict(self._codec.features(positions))[0]


class BayesOracle(OneByOne):
    """Bayesian search: starting points, then random ones, then where the model expects the most.

    Args:
        options: `starts` come first; `trials` sets how many trials precede the model's.
    """

    def __init__(self, space: Space, spec: InputSpec, *, seed: int, options: OracleOptions) -> None:
        initial = min(MAX_INITIAL, max(3, options.trials // 5))
        self._kt = _ModelBased(space, spec, initial=initial)
        self._starts = StartPoints(options.starts, spec)
        self._seed = seed

    def propose(self, past: Sequence[Told], seen: Set[tuple]) -> Proposal | None:
        """The next proposal; None when nothing is left, or when the first results have to come first."""
        if (start := self._starts.next(seen)) is not None:
            return Proposal(setting=start, detail={"origin": "start"})
        self._kt.replay(past)
        self._kt.reseed(self._seed, len(past), seen)
        answer = self._kt.populate_space(str(len(past)))
        if answer["values"] is None:
            return None
        return Proposal(setting=answer["values"], detail={"origin": answer["origin"]})
