"""From runs to curves and tests: pure."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import wilcoxon

from lenet_tune.selfcheck.play import Run
from lenet_tune.selfcheck.results import Curve, Promise, Trial
from lenet_tune.selfcheck.surface import Surface
from lenet_tune.selfcheck.tasks import EPOCHS, Plan, Task

Runs = Mapping[Task, Run]


def curve(runs: Sequence[Run], kind: str, batch: int, length: int) -> Curve:
    """Quartiles over seeds of the best after each of `length` trials."""
    low, middle, high = np.quantile([_padded(run.best, length) for run in runs], (0.25, 0.5, 0.75), axis=0)
    return Curve(kind=kind, batch=batch, low=tuple(low), middle=tuple(middle), high=tuple(high))


def comparison(surface: Surface, task: Task, runs: Sequence[Run], random: Sequence[Run], rival: int) -> Trial:
    """Runs against the random runs of the same seeds: medians, trials that random search needs, paired test.

    Args:
        task: any of the runs'.
        rival: trials after which random search is looked at.
    """
    length = len(random[0].best)
    curves = np.array([_padded(run.best, length) for run in random])
    final = np.array([run.best[-1] for run in runs])
    p = paired_p(final - curves[:, rival - 1])
    return Trial(
        surface=surface.name,
        group=surface.group,
        kind=task.kind,
        batch=task.batch,
        trials=max(len(run.best) for run in runs),
        rival=rival,
        best=float(np.median(final)),
        random=float(np.median(curves[:, rival - 1])),
        final=tuple(float(v) for v in final),
        needs=first_reaching(np.median(curves, axis=0), float(np.median(final))),
        p=p,
        adjusted=p,
        slowest=max(run.slowest for run in runs),
    )


def hyperband_rival(runs: Sequence[Run]) -> int:
    """How many whole trainings cost as many epochs as the longest of Hyperband's runs, rounded up."""
    return -(-max(run.epochs[-1] for run in runs) // EPOCHS)


def paired_p(differences: np.ndarray) -> float:
    """p of Wilcoxon's signed-rank test that differences are above zero; equal pairs count half to each side.

    Source: Wilcoxon 1945; ties as in Pratt 1959 with zeros split.
    """
    if not np.any(differences):
        return 1.0
    return float(wilcoxon(differences, alternative="greater", zero_method="zsplit").pvalue)


def first_reaching(medians: Sequence[float], value: float) -> int | None:
    """After how many trials a curve is first at `value` or above; None if never."""
    reached = np.flatnonzero(np.asarray(medians) >= value)
    return int(reached[0]) + 1 if reached.size else None


def holm(values: Sequence[float]) -> list[float]:
    """p values of a family of tests, corrected so that one false finding in the family stays below the level.

    Source: Holm 1979.
    """
    adjusted, highest = [0.0] * len(values), 0.0
    for rank, i in enumerate(sorted(range(len(values)), key=lambda i: values[i])):
        highest = max(highest, min(1.0, (len(values) - rank) * values[i]))
        adjusted[i] = highest
    return adjusted


def promises(runs: Runs, plan: Plan) -> list[Promise]:
    """Duplicates and proposals outside the space, over every run of this package's oracles."""
    found = []
    for kind in ("random", "bayes", "hyperband"):
        own = [run for task, run in runs.items() if task.kind == kind]
        checked = sum(len(run.best) for run in own)
        for what, broken in (
            ("a setting is never proposed twice", sum(run.duplicates for run in own)),
            ("proposals lie in the space and can be built", sum(run.outside for run in own)),
        ):
            found.append(Promise(kind=kind, what=what, checked=checked, broken=broken))
    return found


def _padded(best: Sequence[float], length: int) -> list[float]:
    # A search that had no more to propose keeps what it has.
    return [*best, *[best[-1]] * (length - len(best))][:length]
