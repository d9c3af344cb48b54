"""The Bayesian search's model of the score: a Gaussian process with one length scale a knob and fitted noise.

Keras Tuner's own has one length scale for all knobs and fixed noise. With some 30 knobs and a few dozen
trials the likelihood alone would fit noise, so every scale has a prior: long, and longer the more knobs
there are, so that a knob counts only when the trials say so (Hvarfner et al. 2024).

Letters: n trials, m points asked about, C feature columns, D knobs.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize
from scipy.spatial.distance import cdist
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    ConstantKernel,
    Hyperparameter,
    Kernel,
    NormalizedKernelMixin,
    StationaryKernelMixin,
    WhiteKernel,
)

# Far beyond where the priors let a fit go: scikit-learn warns where one ends at a bound.
_SCALE_BOUNDS = (1e-3, 1e5)
_VARIANCE_BOUNDS = (1e-4, 1e4)
_NOISE_BOUNDS = (1e-7, 1e2)
_PRIOR_NOISE = 0.05
"""Prior median of the noise variance, of scores scaled to variance 1."""

_PRIOR_SD = 3**0.5
"""Standard deviation of every prior, in the logarithm: wide enough that a knob that matters breaks through.

Source: Hvarfner et al. 2024, section 4.
"""

_MAX_STEPS = 40
"""Steps of L-BFGS-B; enough to come within the noise of the optimum."""

_JITTER = 1e-10

MAX_FITTED = 150
"""Trials that the length scales are fitted to, spread evenly over all; beyond, time grows and little else."""


class KnobMatern(StationaryKernelMixin, NormalizedKernelMixin, Kernel):
    """Matern 5/2 whose feature columns share a length scale where they belong to one knob.

    Args:
        length_scale: of each knob, (D,).
        knob_of: the knob of each feature column, (C,) int.

    Source: Rasmussen and Williams 2006, equation 4.17.
    """

    def __init__(self, length_scale: np.ndarray, knob_of: np.ndarray) -> None:
        self.length_scale = length_scale
        self.knob_of = knob_of

    @property
    def hyperparameter_length_scale(self) -> Hyperparameter:
        """What scikit-learn fits."""
        return Hyperparameter("length_scale", "numeric", _SCALE_BOUNDS, len(self.length_scale))

    def __call__(
        self, X: np.ndarray, Y: np.ndarray | None = None, eval_gradient: bool = False
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """(n, m) covariances; with `eval_gradient` also (n, n, D) derivatives by the log length scales."""
        scales = np.asarray(self.length_scale)[self.knob_of]  # (C,)
        scaled = X / scales
        r = np.sqrt(5.0) * cdist(scaled, scaled if Y is None else Y / scales)
        decay = np.exp(-r)
        covariance = (1 + r + r**2 / 3) * decay
        if not eval_gradient:
            return covariance
        squares = (scaled[:, None, :] - scaled[None, :, :]) ** 2  # (n, n, C)
        to_knobs = np.eye(len(self.length_scale))[self.knob_of]  # (C, D)
        return covariance, 5.0 / 3.0 * ((1 + r) * decay)[:, :, None] * (squares @ to_knobs)


class Surrogate:
    """A fitted model; scores are scaled to mean 0 and variance 1 inside.

    Args:
        features: of the finished trials, (n, C).
        scores: theirs, (n,).
        knob_of: the knob of each feature column, (C,) int.
    """

    def __init__(self, features: np.ndarray, scores: np.ndarray, knob_of: np.ndarray) -> None:
        knobs = int(knob_of.max()) + 1
        scales = np.full(knobs, np.sqrt(knobs))
        kernel = ConstantKernel(1.0, _VARIANCE_BOUNDS) * KnobMatern(scales, knob_of)
        kernel += WhiteKernel(_PRIOR_NOISE, _NOISE_BOUNDS)
        self._features, self._scores = features, scaled(scores)
        part = np.unique(np.linspace(0, len(scores) - 1, MAX_FITTED).astype(int))
        optimizer = _most_probable if self._scores.any() else None  # equal scores say nothing of scales
        gp = GaussianProcessRegressor(kernel, alpha=_JITTER, optimizer=optimizer)
        gp.fit(features[part], self._scores[part])
        self._gp = self._with_scales_of(gp)

    def supposing(self, features: np.ndarray) -> Surrogate:
        """The model that takes pending trials (m, C) to score a deviation below its mean, scales unchanged.

        Source: a batch by hallucinated results, as in Ginsbourger, Le Riche and Carraro 2010, section 4.2
        (constant liar, Kriging believer), with the pessimistic result of Keras Tuner's own oracle: it keeps a
        batch apart better than the mean does.
        """
        mean, deviation = self.predict(features)
        other = object.__new__(Surrogate)
        other._features = np.concatenate([self._features, features])
        other._scores = np.concatenate([self._scores, mean - deviation])
        other._gp = other._with_scales_of(self._gp)
        return other

    def predict(self, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the score without noise at (m, C), in its own scale."""
        mean, deviation = self._gp.predict(features, return_std=True)
        noise = self._gp.kernel_.k2.noise_level
        return mean, np.sqrt(np.maximum(deviation**2 - noise, 1e-12))

    def best(self) -> float:
        """The highest mean at the trials it knows: what an improvement has to beat, noise taken out."""
        return float(self.predict(self._features)[0].max())

    def expected_improvement(self, features: np.ndarray, best: float) -> np.ndarray:
        """How much each point (m, C) is expected to exceed `best`, (m,)."""
        return improvement(*self.predict(features), best)

    def _with_scales_of(self, gp: GaussianProcessRegressor) -> GaussianProcessRegressor:
        same = GaussianProcessRegressor(gp.kernel_, alpha=_JITTER, optimizer=None)
        return same.fit(self._features, self._scores)


def scaled(scores: np.ndarray) -> np.ndarray:
    """The scores at mean 0 and variance 1; all 0 where they are equal."""
    spread = scores.std()
    return (scores - scores.mean()) / spread if spread > 0 else np.zeros(len(scores))


def improvement(mean: np.ndarray, deviation: np.ndarray, best: float) -> np.ndarray:
    """How much normal variables are expected to exceed `best`.

    Source: Jones, Schonlau and Welch 1998, equation 15.
    """
    z = (mean - best) / deviation
    return deviation * (z * norm.cdf(z) + norm.pdf(z))


def _most_probable(objective: Callable, initial: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, float]:
    # scikit-learn's optimizer hook: the likelihood times log-normal priors around the initial values.
    def penalised(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = objective(theta)
        z = (theta - initial) / _PRIOR_SD
        return value + 0.5 * z @ z, gradient + z / _PRIOR_SD

    found = minimize(
        penalised, initial, jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": _MAX_STEPS}
    )
    return found.x, found.fun
