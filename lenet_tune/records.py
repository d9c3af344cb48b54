"""What a study has recorded, as frozen values: the form that analysis and pages read.

A `Snapshot` is the whole content of a study without weights; it goes through JSON unchanged, so pages can be
made from a study file or from its export. Statuses and scores are derived here, so they cannot disagree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean, stdev
from typing import Any

from lenet_tune.engines.base import EpochResult
from lenet_tune.standing import Standing, looks, standing

OUTCOMES = ("done", "diverged", "failed", "stopped")
PURPOSES = ("search", "confirm")
OWN_MODEL = "keras_tuner"  # the protocol of a project of Keras Tuner's with a user's own model


@dataclass(frozen=True, kw_only=True)
class Definition:
    """What makes a study this study: a search with another definition is another study.

    Args:
        kind: "grid", "random", "bayes" or "hyperband"; "tuner" for others of Keras Tuner's.
        title: for people.
        space: `Space.to_json()` of what is searched; empty for a section's own runs.
        section, stages: the report's, where the study runs its grid or searches its space.
        protocol: "report" (all training images, test accuracy after every epoch, as the report did) or
            "validation" (a stratified validation split ranks; the test images are read once, at the end) or
            `OWN_MODEL` (held-out images, space and settings are the caller's).
        data: name, fingerprint, image_shape, num_classes, classes, comparable, notice of the data set.
        train_size, held_out_size: images.
        seed: of the study; every other seed derives from it.
        seeds: executions of each trial.
        options: whatever else the search depends on (epochs override, factor of Hyperband, ...).
    """

    name: str
    kind: str
    title: str
    space: Mapping[str, Any]
    section: int | None
    stages: tuple[str, ...]
    protocol: str
    data: Mapping[str, Any]
    train_size: int
    held_out_size: int
    seed: int
    seeds: int
    engine: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def held_out_name(self) -> str:
        """What the held-out images are called in tables: "test" or "validation"."""
        return "test" if self.protocol == "report" else "validation"

    @property
    def is_own_model(self) -> bool:
        """Whether its knobs are those of a user's own model, not this package's."""
        return self.protocol == OWN_MODEL

    @property
    def is_ablation(self) -> bool:
        """Whether it takes a setting apart: it chooses nothing, so it reads no test images."""
        return "ablation" in self.options

    @property
    def notice(self) -> str | None:
        """The label every table, page and export carries when the data is not CIFAR-10."""
        return self.data.get("notice")


@dataclass(frozen=True, kw_only=True)
class ExecutionRecord:
    """One seed of one trial: what became of it, and its epochs so far.

    Args:
        outcome: "done", "diverged", "failed", "stopped" (ended early by the stopping rule), or None while it
            has not ended.
        error: one line, for a failed one.
        seconds: of training, held-out measurement included; None while it has not ended.
        purpose: "search", or "confirm" for a fresh seed that only leaders get.
        cohort: number of the group it trains in; None until it is known.
        stop_epoch: the epoch after which the stopping rule was against it; one that trained on all the same
            was audited.
    """

    trial: int
    repeat: int
    seed: int
    order_seed: int
    outcome: str | None
    error: str | None
    device: str | None
    seconds: float | None
    epochs: tuple[EpochResult, ...]
    purpose: str = "search"
    cohort: int | None = None
    stop_epoch: int | None = None

    @property
    def accuracy(self) -> float | None:
        """Held-out accuracy after the last epoch of a finished execution."""
        return self.epochs[-1].held_out_accuracy if self.outcome == "done" and self.epochs else None


@dataclass(frozen=True, kw_only=True)
class TrialRecord:
    """One setting and its executions.

    Args:
        number: from 0, in the order of proposal.
        proposal: what the oracle wants to remember of it (Hyperband's bracket and parent, ...).
    """

    number: int
    setting: Mapping[str, Any]
    label: str
    proposal: Mapping[str, Any]
    executions: tuple[ExecutionRecord, ...]

    @cached_property
    def searched(self) -> tuple[ExecutionRecord, ...]:
        """The executions that the search ran, which alone make status and score."""
        return tuple(e for e in self.executions if e.purpose == "search")

    @cached_property
    def confirming(self) -> tuple[ExecutionRecord, ...]:
        """The executions with fresh seeds, in the order of their seeds; empty unless the trial led."""
        return tuple(e for e in self.executions if e.purpose == "confirm")

    @cached_property
    def status(self) -> str:
        """ "done", "diverged", "failed", "stopped", "running" (some epochs are there) or "waiting"."""
        outcomes = [e.outcome for e in self.searched]
        if None in outcomes:
            return "running" if any(e.epochs or e.outcome for e in self.searched) else "waiting"
        return next((bad for bad in ("failed", "diverged", "stopped") if bad in outcomes), "done")

    @cached_property
    def accuracies(self) -> tuple[float, ...]:
        """Held-out accuracy after the last epoch, of each execution that the search finished."""
        return tuple(e.accuracy for e in self.searched if e.accuracy is not None)

    @cached_property
    def score(self) -> float | None:
        """Mean of `accuracies` where every execution is done, else None: what the search ranks by."""
        return fmean(self.accuracies) if self.status == "done" else None

    @property
    def last_accuracy(self) -> float | None:
        """Mean over the search's executions of the accuracy after their last epoch, finished or not."""
        found = [e.epochs[-1].held_out_accuracy for e in self.searched if e.epochs]
        return fmean(found) if found else None

    @property
    def spread(self) -> float | None:
        """Sample standard deviation of `accuracies` over seeds, where there are at least two."""
        return stdev(self.accuracies) if self.status == "done" and len(self.accuracies) > 1 else None

    @property
    def seconds(self) -> float:
        """Training time over all executions."""
        return sum(e.seconds or 0.0 for e in self.executions)


@dataclass(frozen=True, kw_only=True)
class NewTrial:
    """A proposal on its way into the store; `seeds` holds (seed, order_seed) of each execution."""

    setting: Mapping[str, Any]
    label: str
    proposal: Mapping[str, Any]
    seeds: Sequence[tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Ending:
    """How an execution ended; `outcome` is one of `OUTCOMES`, `stop_epoch` as in `ExecutionRecord`."""

    trial: int
    repeat: int
    outcome: str
    error: str | None = None
    stop_epoch: int | None = None


@dataclass(frozen=True, kw_only=True)
class NewExecution:
    """A further execution of a trial, on its way into the store."""

    trial: int
    repeat: int
    seed: int
    order_seed: int
    purpose: str


@dataclass(frozen=True, kw_only=True)
class TestReading:
    """One look at the test images: which execution, when (UTC, ISO 8601), what it gave."""

    trial: int
    when: str
    accuracy: float
    images: int
    repeat: int = 0

    __test__ = False  # pytest would collect it by its name


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A study at one moment.

    Args:
        manifest: versions, commit, device, command line, times: the proof behind the figures.
        planned: trials the study was asked for; None where the oracle decides (Hyperband).
        best_model: figures of the best trial's model, as `artifacts.describe` gives them; or None.
    """

    definition: Definition
    manifest: Mapping[str, Any]
    planned: int | None
    trials: tuple[TrialRecord, ...]
    test_readings: tuple[TestReading, ...] = ()
    best_model: Mapping[str, Any] | None = None

    @cached_property
    def ranked(self) -> tuple[TrialRecord, ...]:
        """Finished trials, best score of the search first; equal scores by number."""
        done = [(-t.score, t.number, t) for t in self.trials if t.score is not None]
        return tuple(trial for *_, trial in sorted(done, key=lambda item: item[:2]))

    @cached_property
    def fresh_scores(self) -> dict[int, tuple[float, ...]]:
        """Accuracies of the leaders on their fresh seeds, as far as they have ended, by trial number.

        A seed that came to nothing counts as chance accuracy: a setting that fails with some seeds is no
        better for it.
        """
        compared = [trial for trial in self.trials if trial.confirming]
        chance = 1.0 / self.definition.data["num_classes"] if compared else 0.0
        return {
            trial.number: tuple(
                chance if e.accuracy is None else e.accuracy
                for e in trial.confirming
                if e.outcome is not None
            )
            for trial in compared
        }

    @cached_property
    def standing(self) -> Standing | None:
        """How the leaders compare on fresh seeds; None before the first comparison."""
        return standing(self.fresh_scores, looks(self.definition.options.get("confirm", 0)))

    @property
    def best(self) -> TrialRecord | None:
        """The trial that leads on fresh seeds, or before that the one with the highest score."""
        if self.standing is not None:
            return self.trials[self.standing.leader]
        return self.ranked[0] if self.ranked else None

    @property
    def tied(self) -> tuple[TrialRecord, ...]:
        """The best trial and those that cannot be told apart from it on fresh seeds, best mean first."""
        if self.standing is None:
            return () if self.best is None else (self.best,)
        return tuple(self.trials[number] for number in self.standing.tied)

    @property
    def leaders(self) -> tuple[TrialRecord, ...]:
        """The trials that may yet turn out best: the tied ones, or all that are being compared."""
        compared = tuple(self.trials[number] for number in self.fresh_scores)
        return self.tied if self.standing is not None or not compared else compared

    @cached_property
    def order(self) -> tuple[TrialRecord, ...]:
        """Finished trials as they rank in the end: the leaders by their fresh seeds, then by score."""
        first = () if self.standing is None else tuple(self.trials[n] for n in self.standing.order)
        return (*first, *(trial for trial in self.ranked if trial not in first))

    @cached_property
    def ranks(self) -> dict[int, int]:
        """Rank of each finished trial by its number, from 1; those that cannot be told apart share it."""
        tied = 0 if self.standing is None else len(self.standing.tied)
        return {t.number: 1 if i <= tied else i for i, t in enumerate(self.order, start=1)}

    @property
    def shown(self) -> TrialRecord | None:
        """The trial whose model the page shows: the one proposed for that, else the best."""
        return next((t for t in self.trials if t.proposal.get("shown")), self.best)

    def count(self, status: str) -> int:
        """Number of trials with a status."""
        return sum(t.status == status for t in self.trials)

    @property
    def ended(self) -> int:
        """Trials that are done, diverged, failed or stopped."""
        return sum(t.status in OUTCOMES for t in self.trials)
