"""A surface over the table of real results: trees fitted to it, so that any setting has an accuracy.

What that costs: trees average rows, so no setting is better than the best row, and between rows the surface
has steps; where a search would find something better than all rows, it gets no credit. The ceiling is the
same for every search, and makes differences smaller, not larger. Half of the Bayesian search's model are
trees too, which may flatter it here; the synthetic surfaces are there for that.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, cross_val_predict

from lenet_tune.knobs import Choice
from lenet_tune.oracles.codec import Codec
from lenet_tune.selfcheck.realtable import RealTable, Row
from lenet_tune.selfcheck.surface import DIVERGED, Surface
from lenet_tune.space import Setting, Space

_TREES = {"n_estimators": 100, "max_features": 0.5, "random_state": 0}
_FOLDS = KFold(5, shuffle=True, random_state=0)
_FLOOR = 0.002  # least standard deviation of noise: equal seeds at chance do not mean that there is none
_LOCAL = 8  # rows at least whose spread over seeds is averaged


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How well the surface predicts rows it has not seen, in five folds.

    Args:
        rows, bad: finished, and diverged or failed ones.
        r2: share of the variance of finished rows that is explained.
        rank: Spearman's correlation over finished rows.
        auc: area under the curve of telling bad rows from finished ones; None with too few bad ones.
        seed_sd: standard deviation of one seed, pooled over rows.
        ceiling: the highest accuracy of the surface at a row: no search can find more.
        median: of the finished rows' accuracies.
    """

    rows: int
    bad: int
    r2: float
    rank: float
    auc: float | None
    seed_sd: float
    ceiling: float
    median: float


def real_space(table: RealTable) -> Space:
    """The full space at the table's number of epochs."""
    return Space.full().replace({"epochs": Choice((table.facts["epochs"],))})


class Forest:
    """The trees: accuracy, whether training comes to nothing, and noise."""

    def __init__(self, table: RealTable) -> None:
        self._codec = Codec(real_space(table))
        done = table.done
        inputs = self.inputs([row.setting for row in done])
        self._accuracy = ExtraTreesRegressor(**_TREES).fit(inputs, _means(done))
        self._variance = ExtraTreesRegressor(**_TREES, min_samples_leaf=_LOCAL).fit(inputs, _variances(done))
        self._bad = None
        if len(done) < len(table.rows):
            everything = self.inputs([row.setting for row in table.rows])
            self._bad = ExtraTreesRegressor(**_TREES).fit(everything, _is_bad(table.rows).astype(float))

    def inputs(self, settings: Sequence[Setting]) -> np.ndarray:
        """Codec features, and the step that SGD really takes: trees cannot form a ratio. (n, C)."""
        positions = np.array([self._codec.positions(setting) for setting in settings])
        steps = [math.log10(s["learning_rate"] / (1 - s["momentum"]) / s["batch_size"]) for s in settings]
        return np.column_stack([self._codec.features(positions), steps])

    def accuracy(self, setting: Setting) -> float:
        """The accuracy without noise; `DIVERGED` where most trees say that training comes to nothing."""
        inputs = self.inputs([setting])
        if self._bad is not None and _at(self._bad, inputs) > 0.5:
            return DIVERGED
        return _at(self._accuracy, inputs)

    def noise(self, setting: Setting) -> float:
        """The standard deviation of one seed."""
        return max(_FLOOR, math.sqrt(_at(self._variance, self.inputs([setting]))))


def real_surface(table: RealTable, name: str) -> Surface:
    """The table as a surface."""
    forest, facts = Forest(table), table.facts
    return Surface(
        name=name,
        space=real_space(table),
        accuracy=forest.accuracy,
        noise=forest.noise,
        about=f"Trees fitted to {len(table.rows)} random settings of the full space, each trained "
        f"{facts['epochs']} epochs on {facts['train_size']:,} images of {facts['data']} with "
        f"{facts['seeds']} seeds.",
        source="this package's own training, shipped as real_results.csv",
        group="real",
    )


def quality(table: RealTable) -> Quality:
    """How far the surface can be believed."""
    forest, done, bad = Forest(table), table.done, _is_bad(table.rows)
    inputs, means = forest.inputs([row.setting for row in done]), _means(done)
    predicted = cross_val_predict(ExtraTreesRegressor(**_TREES), inputs, means, cv=_FOLDS)
    auc = None
    if bad.sum() >= 10:
        everything = forest.inputs([row.setting for row in table.rows])
        chances = cross_val_predict(ExtraTreesRegressor(**_TREES), everything, bad.astype(float), cv=_FOLDS)
        auc = float(roc_auc_score(bad, chances))
    return Quality(
        rows=len(done),
        bad=int(bad.sum()),
        r2=float(r2_score(means, predicted)),
        rank=float(spearmanr(means, predicted).statistic),
        auc=auc,
        seed_sd=float(np.sqrt(_variances(done).mean())),
        ceiling=max(value for row in done if not math.isnan(value := forest.accuracy(row.setting))),
        median=float(np.median(means)),
    )


def _at(forest: ExtraTreesRegressor, inputs: np.ndarray) -> float:
    # `forest.predict` for one row, without its bookkeeping, which takes ten times longer than the trees.
    row = np.ascontiguousarray(inputs, dtype=np.float32)
    return float(np.mean([tree.tree_.predict(row)[0, 0] for tree in forest.estimators_]))


def _means(rows: Sequence[Row]) -> np.ndarray:
    return np.array([np.mean(row.accuracies) for row in rows])


def _variances(rows: Sequence[Row]) -> np.ndarray:
    # Of one seed, each estimated from the row's own seeds.
    return np.array([np.var(row.accuracies, ddof=1) if len(row.accuracies) > 1 else 0.0 for row in rows])


def _is_bad(rows: Sequence[Row]) -> np.ndarray:
    return np.array([row.status != "done" for row in rows])
