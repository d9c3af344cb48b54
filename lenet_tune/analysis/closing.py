"""The report's closing question, how high its section 3 can get, answered by searches of its architecture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from lenet_tune.analysis.confirmation import OnTest, interval, on_test
from lenet_tune.analysis.parameters import trial_parameters
from lenet_tune.analysis.ranking import epochs_done
from lenet_tune.analysis.text import NONE, count, duration, percent, points
from lenet_tune.records import Snapshot, TrialRecord
from lenet_tune.sections import runs
from lenet_tune.standing import Estimate


@dataclass(frozen=True, kw_only=True)
class Height:
    """How high one search got.

    Args:
        score: the best trial's, a fraction; None without one.
        fresh: what fresh seeds say of the best trial; None where nothing was confirmed.
        test: the best trial's models on the test images; None where these were not read.
        seconds: training time of all trials.
    """

    name: str
    trials: int
    images: int
    epochs: int
    score: float | None
    fresh: Estimate | None
    test: OnTest | None
    seconds: float


def heights(searches: Sequence[Snapshot]) -> tuple[Height, ...]:
    """How high each search got, in the order in which they began."""
    return tuple(_of(s) for s in sorted(searches, key=lambda s: str(s.manifest.get("started", ""))))


def _of(search: Snapshot) -> Height:
    best = search.best
    return Height(
        name=search.definition.name,
        trials=search.ended,
        images=search.definition.train_size,
        epochs=0 if best is None else epochs_done(best),
        score=None if best is None else best.score,
        fresh=_fresh(search),
        test=None if best is None else on_test(search, best),
        seconds=sum(trial.seconds for trial in search.trials),
    )


def answering(searches: Sequence[Snapshot]) -> Snapshot | None:
    """The search with the highest accuracy, on fresh seeds where any search has some; None without a score.

    What fresh seeds say goes before any higher score of a search, since the best of many scores is one that
    luck has helped.
    """
    scored = [s for s in searches if s.best is not None]
    return max(scored, key=_height, default=None)


def _height(search: Snapshot) -> tuple[bool, float]:
    fresh = _fresh(search)
    return (False, search.best.score) if fresh is None else (True, fresh.mean)


def _fresh(search: Snapshot) -> Estimate | None:
    """What fresh seeds say of the best trial; None where nothing was confirmed."""
    if search.best is None or search.standing is None:
        return None
    return search.standing.estimates[search.best.number]


def fresh_words(height: Height) -> str:
    """ "71.73 % ± 2.80 points, n = 3", for a table."""
    found = height.fresh
    if found is None:
        return NONE
    spread = "" if found.half_width is None else f" ± {points(found.half_width)}"
    return f"{percent(found.mean)}{spread}, n = {found.n}"


def together(searches: Sequence[Snapshot]) -> Snapshot | None:
    """The searches that trained alike, as one with the trials of all; None where no two did.

    Alike are those with the same images and epochs. Of several such groups the one with the most trials is
    taken; its space is that of its first search, and its trials are numbered anew.
    """
    groups: dict[tuple, list[Snapshot]] = {}
    for search in searches:
        d = search.definition
        epochs = {trial.setting.get("epochs") for trial in search.trials}
        alike = (str(d.data.get("fingerprint")), d.train_size, d.held_out_size, frozenset(epochs))
        groups.setdefault(alike, []).append(search)
    most = max(groups.values(), key=lambda group: sum(len(s.trials) for s in group), default=[])
    if len(most) < 2:
        return None
    trials = chain.from_iterable(search.trials for search in most)
    bayes = any(search.definition.kind == "bayes" for search in most)
    return replace(
        most[0],
        definition=replace(most[0].definition, kind="bayes" if bayes else most[0].definition.kind),
        trials=tuple(replace(trial, number=number) for number, trial in enumerate(trials)),
        test_readings=(),
        best_model=None,
    )


def closing_words(searches: Sequence[Snapshot]) -> tuple[str, ...]:
    """How high it got, what that is beside the report's best, and what it cost; empty without a score."""
    found = answering(searches)
    if found is None:
        return ()
    best = found.best
    return (
        f"{_accuracy(found, best)}{_on_test(found, best)}. {_beside_report()}",
        _cost(searches, found, best),
    )


def closing_headline(searches: Sequence[Snapshot]) -> str | None:
    """How high it got, in one short sentence; None without a score."""
    found = answering(searches)
    if found is None:
        return None
    test = on_test(found, found.best)
    reached, images = (
        (_height(found)[1], found.definition.held_out_name) if test is None else (test.mean, "test")
    )
    return f"The architecture of section 3, searched: {percent(reached, 1)} {images} accuracy."


def _accuracy(found: Snapshot, best: TrialRecord) -> str:
    held_out, fresh = found.definition.held_out_name, _fresh(found)
    value = percent(best.score) if fresh is None else interval(fresh)
    seeds = " in the search, not confirmed" if fresh is None else " on fresh seeds"
    return (
        f"The highest {held_out} accuracy found is {value}{seeds}: trial {best.number} of the study "
        f"{found.definition.name}, {count(epochs_done(best), 'epoch')} on "
        f"{found.definition.train_size:,} images ({best.label})"
    )


def _on_test(found: Snapshot, best: TrialRecord) -> str:
    test = on_test(found, best)
    if test is None:
        return ", and the test images were not read"
    return (
        f"; on {test.images:,} test images, read once, {percent(test.mean)} "
        f"(mean of {count(test.models, 'model')})"
    )


def _beside_report() -> str:
    best = max((run for run in runs(3) if run.published is not None), key=lambda run: run.published)
    return f"The report's own best is {percent(best.published)} on the test images ({best.where})."


def _cost(searches: Sequence[Snapshot], found: Snapshot, best: TrialRecord) -> str:
    spent = duration(sum(t.seconds for s in searches for t in s.trials))
    trials = count(sum(s.ended for s in searches), "trial")
    each = best.seconds / max(1, sum(e.seconds is not None for e in best.executions))
    size = trial_parameters(best, found.definition)
    has = f"has {count(size, 'parameter')} and " if size is not None else ""
    return (
        f"It {has}took {duration(each)} of training an execution ({len(best.executions)} in all); "
        f"the {trials} of all searches shown here took {spent}."
    )
