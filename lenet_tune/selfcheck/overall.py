"""Whether a search beats random search over all surfaces together: the question a user asks.

Source: S. A. Stouffer et al. 1949 (sum of z scores over independent tests, each of the same weight).
"""

from collections.abc import Sequence

from scipy.stats import combine_pvalues

from lenet_tune.selfcheck.results import Overall, Results, Trial

_LEAST = 1e-12  # a p value of 0 or 1 would decide alone


def overall(results: Results, kind: str) -> tuple[Overall, ...]:
    """For each batch size: all surfaces, then only those on which nothing was chosen."""
    found = []
    for batch in dict.fromkeys(trial.batch for trial in results.of(kind)):
        own = [trial for trial in results.of(kind) if trial.batch == batch]
        untouched = [trial for trial in own if trial.group != "development"]
        found += [_together(own, False)] + ([_together(untouched, True)] if untouched else [])
    return tuple(found)


def _together(trials: Sequence[Trial], untouched: bool) -> Overall:
    ps = [min(max(trial.p, _LEAST), 1 - _LEAST) for trial in trials]
    return Overall(
        batch=trials[0].batch,
        untouched=untouched,
        surfaces=len(trials),
        higher=sum(trial.best > trial.random for trial in trials),
        equalled=sum(trial.needs is None or trial.needs >= trial.rival for trial in trials),
        rival=trials[0].rival,
        p=float(combine_pvalues(ps, method="stouffer").pvalue),
    )
