"""What a study says in words: its state, and the answer in one sentence."""

from lenet_tune.analysis.ablation import ablated, ablation_words
from lenet_tune.analysis.best_model import best_model
from lenet_tune.analysis.comparison import comparison
from lenet_tune.analysis.confirmation import interval, on_test, standing_words
from lenet_tune.analysis.curves import best_so_far
from lenet_tune.analysis.noise import seed_noise
from lenet_tune.analysis.ranking import epochs_done
from lenet_tune.analysis.text import count, is_number, percent, points, spread
from lenet_tune.records import Snapshot


def state(snapshot: Snapshot) -> str:
    """The study's status in words; without an end in its manifest it still runs, or was cut off."""
    kinds = ("stopped", "diverged", "failed")
    unlucky = [f"{snapshot.count(kind)} {kind}" for kind in kinds if snapshot.count(kind)]
    return ", ".join([_progress(snapshot), *unlucky])


def _progress(snapshot: Snapshot) -> str:
    total = snapshot.planned if snapshot.planned is not None else len(snapshot.trials)
    has_end = "ended" in snapshot.manifest
    if (snapshot.planned is not None and snapshot.ended >= total > 0) or (
        has_end and snapshot.ended >= total and not snapshot.manifest.get("interrupted")
    ):
        return f"complete, {count(snapshot.ended, 'trial')}"
    if has_end:
        return f"interrupted, {snapshot.ended} of {count(total, 'trial')}"
    if not snapshot.trials:
        return f"no trial yet, {count(total, 'trial')} planned" if total else "empty, no trial yet"
    return f"running or cut off, {snapshot.ended} of {count(total, 'trial')} ended"


def summary(snapshot: Snapshot) -> str:
    """The answer in one sentence: the best that was found, or what an ablation's changes cost."""
    apart = ablated(snapshot)
    if apart is not None:
        return ablation_words(apart)
    if snapshot.best is None:
        return _without_score(snapshot)
    parts = [
        *(_confirmed(snapshot) if snapshot.standing else _unconfirmed(snapshot)),
        *_beside_report(snapshot),
        *_beside_test(snapshot),
        *_balanced(snapshot),
        *_stalled(snapshot),
    ]
    bad = snapshot.count("failed") + snapshot.count("diverged")
    if bad:
        parts.append(f"{bad} of {count(snapshot.ended, 'ended trial')} brought no score")
    return "; ".join(parts) + "."


def _without_score(snapshot: Snapshot) -> str:
    if not snapshot.ended:
        return "No trial has ended yet, so there is no answer."
    return (
        f"No answer: none of {count(snapshot.ended, 'ended trial')} brought a score "
        f"({snapshot.count('diverged')} diverged, {snapshot.count('failed')} failed)."
    )


def _unconfirmed(snapshot: Snapshot) -> list[str]:
    best, held_out = snapshot.best, snapshot.definition.held_out_name
    return [
        f"Best {held_out} accuracy {percent(best.score, 1)} after {count(epochs_done(best), 'epoch')} "
        f"(trial {best.number}: {spread(best.spread, len(best.accuracies))})",
        *_beside_second(snapshot),
    ]


def _confirmed(snapshot: Snapshot) -> list[str]:
    best, held_out = snapshot.best, snapshot.definition.held_out_name
    fresh = snapshot.standing.estimates[best.number]
    return [
        f"Best is trial {best.number} after {count(epochs_done(best), 'epoch')}: {held_out} accuracy "
        f"{interval(fresh)} on fresh seeds, {percent(best.score, 1)} in the search",
        standing_words(snapshot),
    ]


def _beside_second(snapshot: Snapshot) -> list[str]:
    if len(snapshot.ranked) < 2:
        return []
    gap = snapshot.ranked[0].score - snapshot.ranked[1].score
    noise = seed_noise(snapshot)
    known = f" (standard deviation of a mean over seeds: {points(noise.of_mean)})" if noise else ""
    return [f"{points(gap)} ahead of the second{known}"]


def _beside_report(snapshot: Snapshot) -> list[str]:
    rows = [row for row in comparison(snapshot) if row.run.published is not None and row.mean is not None]
    compared = [row for row in rows if row.difference is not None]
    if compared:
        mean = sum(abs(row.difference) for row in compared) / len(compared)
        return [f"{count(len(compared), 'published number')} compared, on average {points(mean)} apart"]
    if rows:
        return [f"the report's numbers are {rows[0].words}"]
    return []


def _beside_test(snapshot: Snapshot) -> list[str]:
    found = on_test(snapshot, snapshot.best)
    if found is None or snapshot.definition.held_out_name == "test":
        return []
    models = f" (mean of {found.models} models)" if found.models > 1 else ""
    return [f"on {found.images:,} test images {percent(found.mean, 1)}{models}"]


def _balanced(snapshot: Snapshot) -> list[str]:
    model = best_model(snapshot.best_model)
    if model is None or not model.is_unbalanced or model.balanced_accuracy is None:
        return []
    return [
        f"balanced accuracy of the model shown {percent(model.balanced_accuracy, 1)}, its classes unequal"
    ]


def model_words(snapshot: Snapshot) -> str | None:
    """Accuracy and balanced accuracy of the model that the study keeps; None where it keeps no figures."""
    model = best_model(snapshot.best_model)
    if model is None or model.balanced_accuracy is None or not is_number(model.accuracy):
        return None
    return (
        f"model of trial {model.trial}: accuracy {percent(model.accuracy, 1)}, balanced accuracy "
        f"{percent(model.balanced_accuracy, 1)} on {model.confusion.sum():,} {model.split} images"
    )


def _stalled(snapshot: Snapshot) -> list[str]:
    idle = trials_without_progress(snapshot)
    # Where fresh seeds chose another trial than the search, "nothing better" would be misread.
    overturned = snapshot.best is not snapshot.ranked[0]
    if snapshot.definition.kind == "grid" or not idle or overturned:
        return []
    last = "the last trial" if idle == 1 else f"the last {idle} trials"
    return [f"{last} brought nothing better"]


def trials_without_progress(snapshot: Snapshot) -> int:
    """Ended trials after the one that brought the best score."""
    steps = best_so_far(snapshot)
    last = max((i for i, step in enumerate(steps) if step.improved), default=None)
    return 0 if last is None else len(steps) - 1 - last
