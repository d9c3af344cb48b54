"""Which knobs matter: how much worse a forest predicts the score once a knob's values are shuffled.

The trials are drawn with replacement RESAMPLES times. Each time a forest is fitted to those drawn, and
judged on those that were not: first as they are, then with one knob's values shuffled among the trials in
which it is active. Half the rise of the squared error, as a part of the variance of the scores, is the
knob's importance: the part of the variance that it has a hand in. Its mean over the draws is given, with the
interval that holds 90 % of them.

Source: L. Breiman, "Random forests", 2001 (permutation importance); B. Gregorutti et al., "Correlation and
variable importance in random forests", 2017 (half the rise is the total Sobol index of independent knobs);
B. Efron, "Bootstrap methods", 1979.
Letters: T = trials, C = columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lenet_tune.analysis.effects import slices
from lenet_tune.analysis.encoding import Column, columns
from lenet_tune.analysis.text import count
from lenet_tune.records import Snapshot

RESAMPLES = 20
TRIALS_A_KNOB = 10
LEAST_TRIALS = 8
"""Below so many finished trials a forest has nothing to learn from."""

MANY_TRIALS = 300
"""Above so many, fewer and smaller trees do, and keep the figure below a second."""

FOLDS = 5
QUANTILES = (0.05, 0.95)

BAYES_NOTE = (
    "A Bayesian search tries mostly what it takes to be good, so these figures say what matters among good "
    "settings, and may differ over the whole space (Moosbauer et al. 2021)."
)
HYPERBAND_NOTE = (
    "Hyperband gives more epochs to what led so far, so epochs are no free choice among these knobs."
)
_NOTES = {"bayes": BAYES_NOTE, "hyperband": HYPERBAND_NOTE}


@dataclass(frozen=True, kw_only=True)
class KnobImportance:
    """One knob.

    Args:
        together: other knobs that changed with it in every trial: the importance is of all of them.
        value: part of the variance of the scores that the knob has a hand in, alone or with others: 0 for one
            that does not matter, 1 for one that decides alone; can be slightly negative by luck.
        low, high: interval that holds 90 % of the draws.
    """

    knob: str
    together: tuple[str, ...]
    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Importance:
    """Knobs, most important first.

    Args:
        knobs: empty where too few trials have finished to fit anything.
        trials: finished ones, which the forest was fitted to; left_out: ended without a score.
        r2: part of the variance of the scores that the forest explains in trials that it has not seen
            (cross-validation in FOLDS parts); below 0 it predicts worse than the mean. None without knobs.
        weak: why the order should not be trusted, a sentence; None where it may be.
        note: what else to know, a sentence; None for nothing.
    """

    knobs: tuple[KnobImportance, ...]
    trials: int
    left_out: int
    r2: float | None
    weak: str | None
    note: str | None

    def of(self, knob: str) -> float:
        """The importance of a knob, also of one that changed with another; 0 for one without."""
        return next((k.value for k in self.knobs if knob == k.knob or knob in k.together), 0.0)


def importance(snapshot: Snapshot) -> Importance:
    """The importance of every knob that varies over the finished trials; the same study, the same figures."""
    trials = sorted(snapshot.ranked, key=lambda t: t.number)
    scores = np.array([t.score for t in trials])  # (T,)
    known = columns(slices(snapshot), trials)
    fitted = bool(known) and len(trials) >= LEAST_TRIALS and float(np.ptp(scores)) > 0
    draws = _draws(known, scores) if fitted else np.zeros((0, len(known)))
    r2 = _cross_validated(known, scores) if fitted else None
    return Importance(
        knobs=_ranked(known, draws) if fitted else (),
        trials=len(trials),
        left_out=snapshot.ended - len(trials),
        r2=r2,
        weak=_weakness(len(trials), len(known), r2, fitted),
        note=_NOTES.get(snapshot.definition.kind) if fitted else None,
    )


def _ranked(known: Sequence[Column], draws: np.ndarray) -> tuple[KnobImportance, ...]:
    low, high = np.quantile(draws, QUANTILES, axis=0)
    found = [
        KnobImportance(
            knob=column.knob,
            together=column.together,
            value=float(draws[:, i].mean()),
            low=float(low[i]),
            high=float(high[i]),
        )
        for i, column in enumerate(known)
    ]
    return tuple(sorted(found, key=lambda k: -k.value))


def _weakness(trials: int, knobs: int, r2: float | None, fitted: bool) -> str | None:
    have = f"{count(trials, 'finished trial')} for {count(knobs, 'knob')}"
    if not knobs:
        return "No knob varies over the finished trials."
    if trials < max(LEAST_TRIALS, TRIALS_A_KNOB * knobs):
        return f"Too few to rank: {have}, and about {TRIALS_A_KNOB} a knob are needed."
    if not fitted:
        return "Every finished trial has the same score, so no knob can be said to matter."
    if r2 < 0.1:
        return (
            f"Hardly to be ranked: the forest explains {max(0.0, 100 * r2):.0f} % of the variance of scores "
            "in trials that it has not seen."
        )
    return None


def _draws(known: Sequence[Column], scores: np.ndarray) -> np.ndarray:
    """(RESAMPLES, knobs) float64: the importance of each knob in each draw."""
    rng = np.random.default_rng(0)
    table, _ = _table(known)
    found: list[np.ndarray] = []
    while len(found) < RESAMPLES:
        drawn = rng.integers(len(scores), size=len(scores))
        others = np.setdiff1d(np.arange(len(scores)), drawn)
        if not len(others) or np.ptp(scores[drawn]) == 0:
            continue
        forest = fitted_trees(table[drawn], scores[drawn], seed=len(found))
        versions = shuffled(known, others, rng)
        predicted = predicted_by(forest, versions.reshape(-1, table.shape[1])).reshape(1 + len(known), -1)
        errors = ((predicted - scores[others]) ** 2).mean(axis=1)
        found.append((errors[1:] - errors[0]) / 2 / scores.var())
    return np.array(found)


def shuffled(known: Sequence[Column], trials: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some trials as they are, then once for each knob with its values shuffled where it is active.

    Args:
        trials: (t,) int, which rows of the columns.

    Returns:
        (1 + knobs, t, C) float32.
    """
    table, owners = _table(known)
    versions = np.repeat(table[np.newaxis, trials], 1 + len(known), axis=0)
    for i, column in enumerate(known):
        active = np.flatnonzero(column.active[trials])
        own = np.flatnonzero(owners == i)
        versions[1 + i][np.ix_(active, own)] = table[np.ix_(trials[rng.permutation(active)], own)]
    return versions


def _cross_validated(known: Sequence[Column], scores: np.ndarray) -> float:
    table, _ = _table(known)
    fold = np.random.default_rng(1).permutation(len(scores)) % FOLDS
    predicted = np.empty_like(scores)
    for i in range(FOLDS):
        forest = fitted_trees(table[fold != i], scores[fold != i], seed=i)
        predicted[fold == i] = predicted_by(forest, table[fold == i])
    return float(1 - ((predicted - scores) ** 2).mean() / scores.var())


def _table(known: Sequence[Column]) -> tuple[np.ndarray, np.ndarray]:
    """(T, C) float32 of all knobs, and (C,) int which knob each column is of."""
    table = np.concatenate([column.encoded for column in known], axis=1).astype(np.float32)
    owners = np.repeat(np.arange(len(known)), [column.encoded.shape[1] for column in known])
    return table, owners


def fitted_trees(table: np.ndarray, scores: np.ndarray, *, seed: int) -> list[Any]:
    """A forest: trees that differ by the columns they may look at, since draws of trials are made outside.

    They are the trees of scikit-learn's RandomForestRegressor(bootstrap=False), whose bookkeeping takes
    longer than to fit them to some dozens of trials.

    Args:
        table: (t, C) float32; scores: (t,) float64.
    """
    from sklearn.tree import DecisionTreeRegressor

    rng, many = np.random.RandomState(seed), len(scores) > MANY_TRIALS
    seeds = [rng.randint(np.iinfo(np.int32).max) for _ in range(6 if many else 12)]
    least = 4 if many else 2
    return [
        DecisionTreeRegressor(max_features=0.5, min_samples_leaf=least, random_state=each).fit(
            table, scores, check_input=False
        )
        for each in seeds
    ]


def predicted_by(forest: Sequence[Any], table: np.ndarray) -> np.ndarray:
    """(t,) float64: the mean over the trees, for (t, C) float32."""
    return np.mean([tree.predict(table, check_input=False) for tree in forest], axis=0)
