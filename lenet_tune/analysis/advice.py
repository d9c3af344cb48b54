"""What to do next, by fixed rules: each says what, and the figure behind it, in a sentence each."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from lenet_tune.analysis.ablation import ONE_SEED, TIE, ablated
from lenet_tune.analysis.curves import overfit, trial_curves
from lenet_tune.analysis.effects import best_setting
from lenet_tune.analysis.failure_rules import LEAST_BAD, FailureRule, failure_rule
from lenet_tune.analysis.noise import seed_noise
from lenet_tune.analysis.parameters import trial_parameters
from lenet_tune.analysis.summary import trials_without_progress
from lenet_tune.analysis.text import count, duration, points
from lenet_tune.knobs import show
from lenet_tune.records import Snapshot, TrialRecord

MANY_FAILURES = 0.2  # part of the ended trials
FLAT_PART = 0.25  # a search is flat when this part of its trials, and at least FLAT_LEAST, brought nothing
FLAT_LEAST = 5
_BEYOND = {"above": "higher", "at least": "higher", "below": "lower", "at most": "lower"}
SAVING = 0.8  # part of the best trial's parameters, or seconds, below which another trial is worth a look


@dataclass(frozen=True, kw_only=True)
class Advice:
    """One thing to do next: what, and the figure that says so."""

    do: str
    why: str


def advice(snapshot: Snapshot) -> tuple[Advice, ...]:
    """What to do next, by fixed rules, most pressing first."""
    if snapshot.definition.is_ablation:  # it looks for nothing, so nothing is left to be found
        return (*_finish(snapshot), *_tell_changes(snapshot))
    rule = failure_rule(snapshot)
    return (
        *_finish(snapshot),
        *_look_at_failures(snapshot, rule),
        *_widen(snapshot, rule),
        *_more_seeds(snapshot),
        *_more_epochs(snapshot),
        *_more_trials(snapshot),
        *_cheaper(snapshot),
    )


def _finish(snapshot: Snapshot) -> list[Advice]:
    left = (snapshot.planned or len(snapshot.trials)) - snapshot.ended
    if left <= 0:
        return []
    name = snapshot.definition.name
    way = "the same script" if snapshot.definition.is_own_model else f"lenet-tune resume {name}"
    do = f"Go on with {way}, unless it still runs."
    return [Advice(do=do, why=f"{count(left, 'trial')} not ended yet.")]


def _tell_changes(snapshot: Snapshot) -> list[Advice]:
    apart = ablated(snapshot)
    untold = [] if apart is None else [w for w in apart.changes if w.last.verdict in (TIE, ONE_SEED)]
    if not untold:
        return []
    do = "Train it again with more --seeds, under another --name."
    return [Advice(do=do, why=f"{count(len(untold), 'change')} cannot be told from luck.")]


def _look_at_failures(snapshot: Snapshot, rule: FailureRule | None) -> list[Advice]:
    bad = snapshot.count("failed") + snapshot.count("diverged")
    if rule is not None:
        return [Advice(do=f"Avoid {rule.short}, or see why such trials come to nothing.", why=rule.words)]
    if not bad or bad < MANY_FAILURES * snapshot.ended:
        return []
    which = ", and no rule over the knobs predicts which" if bad >= LEAST_BAD else ""
    why = f"{bad} of {count(snapshot.ended, 'ended trial')} brought no score{which}."
    return [Advice(do="See why trials failed before searching on.", why=why)]


def _widen(snapshot: Snapshot, rule: FailureRule | None) -> list[Advice]:
    # Where trials fail beyond a value there is nothing to look for.
    barred = {(c.knob, _BEYOND.get(c.relation)) for c in (rule.conditions if rule else ())}
    return [
        Advice(
            do=f"Try {value.widen} values of {value.knob}.",
            why=f"The best, {show(value.value)}, is {_place(value.edge)} of the values: {value.searched}.",
        )
        for value in best_setting(snapshot)
        if value.widen and (value.knob, value.widen) not in barred
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
    seeds = "executions_per_trial=5" if snapshot.definition.is_own_model else "--seeds 5"
    why = f"1 seed a trial: the spread is unknown, so the lead of {points(gap)} may be luck."
    return [Advice(do=f"Run the leaders again with {seeds}.", why=why)]


def _cheapest_of_the_tied(snapshot: Snapshot) -> list[Advice]:
    first = snapshot.tied[0] if snapshot.tied else None
    known = f"It cannot be told apart from trial {first.number}" if first else ""
    return _lighter(snapshot, first, snapshot.tied[1:], lambda trial: known)


def _lighter(
    snapshot: Snapshot, best: TrialRecord | None, others: Sequence[TrialRecord], known: Callable
) -> list[Advice]:
    """The smallest of `others`, or else the cheapest, where it is clearly lighter than the best."""
    # Of models of one's own neither the size nor, where they share a program, the time of each is known.
    if best is None or not others or snapshot.definition.is_own_model:
        return []
    sizes = {t.number: trial_parameters(t, snapshot.definition) for t in (best, *others)}
    own = sizes[best.number]
    small = min(others, key=lambda t: (sizes[t.number] or math.inf, mean_seconds(t), t.number))
    if own and sizes[small.number] and sizes[small.number] < SAVING * own:
        why = f"{known(small)}, and has {sizes[small.number]:,} parameters instead of {own:,}."
        return [Advice(do=f"Consider trial {small.number}, which is smaller.", why=why)]
    cheap = min(others, key=lambda t: (mean_seconds(t), t.number))
    if mean_seconds(cheap) < SAVING * mean_seconds(best):
        spent = f"{duration(mean_seconds(cheap))} instead of {duration(mean_seconds(best))}"
        return [Advice(do=f"Consider trial {cheap.number}, which is cheaper.",
                       why=f"{known(cheap)}, and trains in {spent} a seed.")]  # fmt: skip
    return []


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
    how = "more epochs" if snapshot.definition.is_own_model else "--epochs"
    return [Advice(do=f"Train longer with {how}.", why=why)]


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
    close = [t for t in snapshot.ranked[1:] if best.score - t.score <= noise.of_mean]

    def known(trial: TrialRecord) -> str:
        gap = f"{points(best.score - trial.score)} behind trial {best.number}"
        return f"It is {gap}, within seed noise ({points(noise.of_mean)}, standard deviation of a mean)"

    return _lighter(snapshot, best, close, known)
