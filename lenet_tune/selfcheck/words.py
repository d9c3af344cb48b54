"""What a self-check found, in words and rows: the terminal and the page say the same."""

from collections.abc import Iterable, Mapping
from typing import Any

from lenet_tune.selfcheck.overall import overall
from lenet_tune.selfcheck.results import Results, Trial

NAMES = {
    "bayes": "Bayesian search",
    "tpe": "Optuna's TPE",
    "hyperband": "Hyperband",
    "random": "random search",
}
COLUMNS = ("surface", "batch", "best", "random", "random needs", "p", "p (Holm)", "target")
PROMISES = ("oracle", "promise", "checked", "broken")
NO_TPE = "Optuna is not installed, so its TPE was not compared (pip install optuna)."


def verdict(results: Results) -> str:
    """The answer in a few sentences, hard properties first."""
    return " ".join([_promises(results), _target(results), *_rival(results)])


def _promises(results: Results) -> str:
    broken = [p for p in results.promises if p.broken]
    if broken:
        return f"BROKEN: {'; '.join(f'{p.kind}: {p.what} ({p.broken} of {p.checked:,})' for p in broken)}."
    return (
        f"No oracle proposed a setting twice or outside its space in {proposals(results):,} proposals, and "
        "every finite space was covered exactly once."
    )


def proposals(results: Results) -> int:
    """How many proposals were looked at for duplicates."""
    return sum(p.checked for p in results.promises if "twice" in p.what)


def _target(results: Results) -> str:
    trials, together = results.of("bayes"), overall(results, "bayes")
    first = trials[0]
    reached = "reached" if all(o.reached for o in together) else "not reached"
    sums = "; ".join(
        f"batches of {o.batch}: {o.equalled} of {o.surfaces} medians, p {p_value(o.p)}"
        for o in together
        if o.untouched or not any(x.untouched for x in together)
    )
    return (
        f"The target (the median best after {first.trials} Bayesian trials equals what random search reaches "
        f"in {first.rival} or more, p < 0.05) is {reached} over the surfaces together; on those that nothing "
        f"was chosen on, {sums}. Surface by surface, with Holm's correction, {_counts(trials)}; "
        f"{higher(trials)} of {len(trials)} medians are higher."
    )


OVERALL = ("surfaces", "batch", "equalled", "higher", "p (Stouffer)", "target")


def overall_rows(results: Results, kind: str) -> tuple[tuple[str, ...], ...]:
    """The comparisons taken together, under `OVERALL`."""
    return tuple(
        (
            "held out and real" if o.untouched else "all",
            str(o.batch),
            f"{o.equalled} of {o.surfaces}",
            f"{o.higher} of {o.surfaces}",
            p_value(o.p),
            "reached" if o.reached else "no",
        )
        for o in overall(results, kind)
    )


def _rival(results: Results) -> list[str]:
    if results.tpe is None:
        return []
    return [f"Optuna {results.tpe}'s TPE against the same random search: {_counts(results.of('tpe'))}."]


def _counts(trials: Iterable[Trial]) -> str:
    batches: dict[int, list[bool]] = {}
    for trial in trials:
        batches.setdefault(trial.batch, []).append(trial.reached)
    parts = (f"{sum(hits)} of {len(hits)} surfaces in batches of {batch}" for batch, hits in batches.items())
    return ", ".join(parts)


def higher(trials: Iterable[Trial]) -> int:
    """How many medians lie above random search's."""
    return sum(t.best > t.random for t in trials)


def rows(trials: Iterable[Trial], random_trials: int) -> tuple[tuple[str, ...], ...]:
    """Comparisons under `COLUMNS`."""
    return tuple(
        (
            t.surface,
            str(t.batch),
            f"{t.best:.3f}",
            f"{t.random:.3f}",
            f"> {random_trials}" if t.needs is None else str(t.needs),
            p_value(t.p),
            p_value(t.adjusted),
            "reached" if t.reached else "no",
        )
        for t in trials
    )


def p_value(p: float) -> str:
    """p as people read it."""
    return "<0.0001" if p < 1e-4 else f"{p:.4f}"


def plain(value: Any) -> str:
    """A value of the proof as people read it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(v)}" for name, v in value.items())
    return "not recorded" if value is None else str(value)


def promise_rows(results: Results) -> tuple[tuple[str, ...], ...]:
    """The promises under `PROMISES`."""
    return tuple((p.kind, p.what, f"{p.checked:,}", f"{p.broken:,}") for p in results.promises)


def speed(results: Results) -> str:
    """How long proposals took."""
    slowest = max(results.of("bayes"), key=lambda t: t.slowest)
    return (
        f"The slowest Bayesian proposal took {slowest.slowest:.2f} CPU seconds "
        f"({slowest.surface}, batches of {slowest.batch}, up to {slowest.trials} trials)."
    )


def table_quality(results: Results) -> str | None:
    """How far the surface over real results can be believed; None where it was not searched."""
    if results.real is None:
        return None
    q, facts = results.real["quality"], results.real["facts"]
    auc = "too few to test" if q["auc"] is None else f"area under the curve {q['auc']:.2f}"
    return (
        f"{q['rows']} finished and {q['bad']} diverged or failed settings ({facts['data']}, "
        f"{facts['train_size']:,} images, {facts['epochs']} epochs, {facts['seeds']} seeds). On rows it "
        f"has not seen (5 folds) the fitted surface explains {100 * q['r2']:.0f} % of the variance, rank "
        f"correlation {q['rank']:.2f}; telling bad settings: {auc}. Standard deviation of one seed "
        f"{100 * q['seed_sd']:.1f} points; median accuracy {100 * q['median']:.1f} %, ceiling "
        f"{100 * q['ceiling']:.1f} %: trees average rows, so no search can find more than that."
    )
