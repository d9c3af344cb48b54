"""What fresh seeds and the test images say of the leaders, and what early stopping cost and saved."""

from dataclasses import dataclass
from statistics import fmean

from scipy.special import betaincinv

from lenet_tune.analysis.text import count, is_number, listed, percent, points
from lenet_tune.records import Snapshot, TrialRecord
from lenet_tune.standing import ALPHA, Estimate


@dataclass(frozen=True, kw_only=True)
class Leader:
    """One leader of a search, trained again.

    Args:
        score: mean accuracy of the search's seeds, by which it was chosen.
        fresh: what its fresh seeds say.
        verdict: "best", "tied for first" or "behind".
        test: mean test accuracy over its measured executions; None where the test images were not read.
        test_n: executions measured on the test images.
    """

    number: int
    label: str
    score: float
    fresh: Estimate
    verdict: str
    test: float | None
    test_n: int

    @property
    def optimism(self) -> float:
        """How much of the search's score the fresh seeds did not confirm."""
        return self.score - self.fresh.mean

    @property
    def test_gap(self) -> float | None:
        """Test accuracy minus fresh validation accuracy."""
        return None if self.test is None else self.test - self.fresh.mean


def leaders(snapshot: Snapshot) -> tuple[Leader, ...]:
    """The leaders, the tie group first; empty where nothing was confirmed."""
    standing = snapshot.standing
    if standing is None:
        return ()
    return tuple(_leader(snapshot, snapshot.trials[number]) for number in standing.order)


def _leader(snapshot: Snapshot, trial: TrialRecord) -> Leader:
    standing = snapshot.standing
    verdict = "behind"
    if trial.number in standing.tied:
        verdict = "best" if len(standing.tied) == 1 else "tied for first"
    fresh = {e.repeat for e in trial.confirming}
    test = [r.accuracy for r in snapshot.test_readings if r.trial == trial.number and r.repeat in fresh]
    return Leader(
        number=trial.number,
        label=trial.label,
        score=trial.score,
        fresh=standing.estimates[trial.number],
        verdict=verdict,
        test=fmean(test) if test else None,
        test_n=len(test),
    )


@dataclass(frozen=True, kw_only=True)
class OnTest:
    """What the test images say of a trial: the mean accuracy of so many of its models, on so many images."""

    mean: float
    models: int
    images: int


def on_test(snapshot: Snapshot, trial: TrialRecord) -> OnTest | None:
    """Over all models of the trial that were measured on the test images; None where none was."""
    own = [r for r in snapshot.test_readings if r.trial == trial.number and is_number(r.accuracy)]
    if not own:
        return None
    return OnTest(mean=fmean(r.accuracy for r in own), models=len(own), images=own[-1].images)


def interval(found: Estimate) -> str:
    """ "65.90 % ± 0.40 points (95 % interval, n = 6)"."""
    if found.half_width is None:
        return f"{percent(found.mean)} (n = 1, spread unknown)"
    return f"{percent(found.mean)} ± {points(found.half_width)} (95 % interval, n = {found.n})"


def standing_words(snapshot: Snapshot) -> str | None:
    """Who leads on fresh seeds, in a sentence without its full stop; None where nothing was confirmed."""
    standing = snapshot.standing
    if standing is None:
        return None
    seeds, rest = count(standing.seeds, "fresh seed"), [n for n in standing.tied if n != standing.leader]
    if rest:
        which = f"trial{'s' * (len(rest) > 1)} {listed(rest)}"
        return f"it cannot be told apart from {which} with {seeds}"
    if not standing.dropped:
        return f"no other trial was there to compare it with on {seeds}"
    return f"it leads beyond doubt with {seeds}"


METHOD = (
    "The leaders of the search were trained again with fresh seeds, the same for all of them, and compared "
    "by one-sided paired t tests with Bonferroni's correction over looks and leaders: the best of them is "
    f"dropped with a probability of {ALPHA:.0%} at most. Those that remain cannot be told apart and share "
    "the first place. Search scores rank the rest."
)


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What early stopping did, and what its audit says.

    Args:
        stopped: trials that were ended early.
        audited: trials that the rule was against but that trained on.
        lost: audited trials that ended above every trial the rule let pass: winners it would have lost.
        saved_epochs: epochs not trained, over all executions; planned_epochs: of all executions together.
    """

    stopped: int
    audited: int
    lost: int
    saved_epochs: int
    planned_epochs: int

    @property
    def lost_at_most(self) -> float:
        """Upper end of the one-sided 95 % interval of the share of lost winners.

        Source: Clopper and Pearson 1934.
        """
        if self.lost >= self.audited:
            return 1.0
        return float(betaincinv(self.lost + 1, self.audited - self.lost, 0.95))

    @property
    def words(self) -> str:
        """The same in sentences."""
        saved = self.saved_epochs / self.planned_epochs if self.planned_epochs else 0.0
        text = (
            f"{count(self.stopped, 'trial')} stopped early, which saved {percent(saved, 0)} of all epochs. "
        )
        if not self.audited:
            return text + "None was audited, so nothing is known of what stopping lost."
        return text + (
            f"{count(self.audited, 'further trial')} that should have stopped trained on to check the rule: "
            f"{self.lost} of them ended above every trial that the rule let pass (with 95 % confidence at "
            f"most {percent(self.lost_at_most, 0)} of such trials would)."
        )


def audit(snapshot: Snapshot) -> Audit | None:
    """The audit of early stopping; None where the study stops nothing."""
    if "stop_bad" not in snapshot.definition.options:
        return None
    executions = [(t, e) for t in snapshot.trials for e in t.searched]
    audited = [t for t in snapshot.trials if t.status != "stopped" and _was_against(t)]
    passed = [t.score for t in snapshot.ranked if not _was_against(t)]
    best = max(passed, default=0.0)
    planned = {id(e): t.setting["epochs"] for t, e in executions}
    return Audit(
        stopped=snapshot.count("stopped"),
        audited=len(audited),
        lost=sum(t.score is not None and t.score > best for t in audited),
        saved_epochs=sum(planned[id(e)] - len(e.epochs) for _, e in executions if e.outcome == "stopped"),
        planned_epochs=sum(planned.values()),
    )


def _was_against(trial: TrialRecord) -> bool:
    return any(e.stop_epoch is not None for e in trial.searched)
