"""What a study says in words: its state, one sentence, and what to do next."""

import math
from dataclasses import dataclass
from statistics import fmean

from lenet_tune.analysis.best_model import best_model
from lenet_tune.analysis.comparison import comparison
from lenet_tune.analysis.confirmation import interval, standing_words
from lenet_tune.analysis.curves import best_so_far, overfit, trial_curves
from lenet_tune.analysis.effects import best_setting
from lenet_tune.analysis.noise import seed_noise
from lenet_tune.analysis.ranking import epochs_done
from lenet_tune.analysis.text import count, duration, is_number, percent, points, spread
from lenet_tune.knobs import show
from lenet_tune.records import Snapshot, TrialRecord

MANY_FAILURES = 0.2  # part of the ended trials
FLAT_PART = 0.25  # a search is flat when this part of its trials, and at least FLAT_LEAST, brought nothing
FLAT_LEAST = 5


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
    """The answer in one sentence."""
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
    best, readings = snapshot.best, snapshot.test_readings
    own = [r for r in readings if r.trial == best.number and is_number(r.accuracy)]
    if not own or snapshot.definition.held_out_name == "test":
        return []
    mean = percent(fmean(r.accuracy for r in own), 1)
    models = f" (mean of {len(own)} models)" if len(own) > 1 else ""
    return [f"on {own[-1].images:,} test images {mean}{models}"]


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


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One thing to do next: what, and the figure that says so."""

    do: str
    why: str


def advice(snapshot: Snapshot) -> tuple[Advice, ...]:
    """What to do next, by fixed rules, most pressing first."""
    rules = (_finish, _look_at_failures, _widen, _more_seeds, _more_epochs, _more_trials, _cheaper)
    return tuple(found for rule in rules for found in rule(snapshot))


def _finish(snapshot: Snapshot) -> list[Advice]:
    left = (snapshot.planned or len(snapshot.trials)) - snapshot.ended
    if left <= 0:
        return []
    do = f"Go on with lenet-tune resume {snapshot.definition.name}, unless it still runs."
    return [Advice(do=do, why=f"{count(left, 'trial')} not ended yet.")]


def _look_at_failures(snapshot: Snapshot) -> list[Advice]:
    bad = snapshot.count("failed") + snapshot.count("diverged")
    if not bad or bad < MANY_FAILURES * snapshot.ended:
        return []
    why = f"{bad} of {count(snapshot.ended, 'ended trial')} brought no score."
    return [Advice(do="See why trials failed before searching on.", why=why)]


def _widen(snapshot: Snapshot) -> list[Advice]:
    return [
        Advice(
            do=f"Try {value.widen} values of {value.knob}.",
            why=f"The best, {show(value.value)}, is {_place(value.edge)} of the values: {value.searched}.",
        )
        for value in best_setting(snapshot)
        if value.widen
    ]


def _place(edge: str) -> str:
    return edge if edge.startswith("at") else "the " + edge.split()[0]


def _more_seeds(snapshot: Snapshot) -> list[Advice]:
    if snapshot.standing is not None:
        return _cheapest_of_the_tied(snapshot)
    if len(snapshot.ranked) < 2:
        return []
    gap, noise = snapshot.ranked[0].score - snapshot.ranked[1].score, seed_noise(snapshot)
    if noise is not None:
        scatter = math.sqrt(2) * noise.of_mean
        if gap >= 2 * scatter:
            return []
        why = (
            f"The best leads by {points(gap)}, less than twice the standard deviation of a difference "
            f"between two means over {count(noise.seeds, 'seed')} ({points(scatter)})."
        )
        return [Advice(do="Run the leaders again with more seeds.", why=why)]
    why = f"1 seed a trial: the spread is unknown, so the lead of {points(gap)} may be luck."
    return [Advice(do="Run the leaders again with --seeds 5.", why=why)]


def _cheapest_of_the_tied(snapshot: Snapshot) -> list[Advice]:
    tied = snapshot.tied
    cheap = min(tied, key=lambda t: (mean_seconds(t), t.number))
    if len(tied) < 2 or cheap is tied[0]:
        return []
    why = (
        f"It cannot be told apart from trial {tied[0].number} and trains in {duration(mean_seconds(cheap))} "
        f"instead of {duration(mean_seconds(tied[0]))}."
    )
    return [Advice(do=f"Consider trial {cheap.number}, which is cheaper.", why=why)]


def mean_seconds(trial: TrialRecord) -> float:
    """Training time of one execution of the search."""
    return fmean(e.seconds or 0.0 for e in trial.searched)


def _more_epochs(snapshot: Snapshot) -> list[Advice]:
    found = overfit(trial_curves(snapshot.best).mean) if snapshot.best else None
    if found is None or found.last < 2:
        return []
    held_out = snapshot.definition.held_out_name
    if found.happened:
        why = f"The best trial's {held_out} loss was lowest after epoch {found.epoch} of {found.last}."
        return [Advice(do="Stop earlier or regularise more.", why=why)]
    why = f"The best trial's {held_out} loss was still falling after epoch {found.last}, the last."
    return [Advice(do="Train longer with --epochs.", why=why)]


def _more_trials(snapshot: Snapshot) -> list[Advice]:
    ended, idle = snapshot.ended, trials_without_progress(snapshot)
    if snapshot.definition.kind == "grid" or ended < 2 * FLAT_LEAST or snapshot.best is None:
        return []
    if idle >= max(FLAT_LEAST, FLAT_PART * ended):
        return [Advice(do="Stop here, or change the space.", why=f"The last {idle} trials brought nothing.")]
    why = f"Trial {snapshot.best.number} of {ended} was still an improvement."
    return [Advice(do="Search on with more trials.", why=why)]


def _cheaper(snapshot: Snapshot) -> list[Advice]:
    noise = seed_noise(snapshot)
    if noise is None or snapshot.standing is not None:
        return []
    best = snapshot.best
    close = [
        t for t in snapshot.ranked[1:]
        if best.score - t.score <= noise.of_mean and t.seconds < 0.8 * best.seconds
    ]  # fmt: skip
    if not close:
        return []
    cheap = min(close, key=lambda t: (t.seconds, t.number))
    why = (
        f"It is {points(best.score - cheap.score)} behind, within seed noise ({points(noise.of_mean)}, "
        f"standard deviation of a mean), and trains in {duration(cheap.seconds)} instead of "
        f"{duration(best.seconds)}."
    )
    return [Advice(do=f"Consider trial {cheap.number}, which is cheaper.", why=why)]
