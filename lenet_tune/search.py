"""The loop: ask the oracle, train what it proposes group by group, store every epoch, until done.

The study file decides what happens next: executions without an outcome are trained (again, or on from their
checkpoint), and only when there are none is the oracle asked, with every trial told. So a search that is
killed anywhere and started again goes through the same states as one that was not.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from lenet_tune.config import InputSpec
from lenet_tune.engines.base import Checkpoint, Engine, EpochResult, Execution, GroupEpoch, TrainingData
from lenet_tune.errors import SearchError, SettingError
from lenet_tune.executions import execution_of, execution_seeds
from lenet_tune.fusion import partition
from lenet_tune.oracles import Oracle, Told
from lenet_tune.plan import label_of
from lenet_tune.records import Ending, ExecutionRecord, NewTrial, TrialRecord
from lenet_tune.space import key
from lenet_tune.study import Study

MAX_FAILURES_IN_A_ROW = 5
# Mistakes in the code, not in a trial: a search that swallowed them would go on with nonsense.
_BUGS = (TypeError, NameError, AttributeError, AssertionError, LookupError, ImportError)


class BudgetSpent(Exception):
    """The time a search was given is over; everything finished is stored."""


class Watcher(Protocol):
    """Who is told how the search goes on; see `progress`."""

    def group(self, executions: Sequence[Execution]) -> None:
        """A group starts to train."""

    def epoch(self, epoch: GroupEpoch) -> None:
        """A group has trained an epoch."""

    def ended(self, ending: Ending, result: EpochResult | None) -> None:
        """An execution has ended, with its last epoch where there is one."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tools:
    """What a search works with besides its study.

    Args:
        batch: trials asked for at a time.
        capacity: executions trained as one group at most.
        deadline: `time.monotonic()` after which no epoch starts; None for no budget.
        checkpoint_every: epochs between checkpoints.
    """

    oracle: Oracle
    train_group: Engine
    data: TrainingData
    spec: InputSpec
    watcher: Watcher
    device: str
    batch: int
    capacity: int
    deadline: float | None = None
    checkpoint_every: int = 1


def run(study: Study, tools: Tools) -> None:
    """Search until the planned trials have ended, or the oracle has no more.

    Raises:
        BudgetSpent: the deadline has passed.
        SearchError: too many executions failed one after the other.
    """
    failures = _Failures()
    with _Worker() as worker:
        while (batch := _next_batch(study, tools)) is not None:
            for group in partition(batch, tools.capacity):
                _train(study, group, tools, worker, failures)
                if study.definition.kind != "hyperband":
                    keep_best(study)
    keep_best(study)


def keep_best(study: Study) -> None:
    """Drop the weights of every finished trial but the best."""
    best = study.snapshot().best
    study.keep_checkpoints([] if best is None else [best.number])


def _next_batch(study: Study, tools: Tools) -> list[Execution] | None:
    """What to train next, None at the end; empty when none of what was proposed can be built."""
    left = study.unfinished()
    if not left:
        if not propose(study, tools.oracle, tools.batch):
            return None
        left = study.unfinished()
    return [e for item in left if (e := _execution_or_failure(study, item, tools)) is not None]


def _execution_or_failure(study: Study, item: tuple, tools: Tools) -> Execution | None:
    try:
        return _execution(study, *item, tools.spec)
    except SettingError as error:
        # A point of one's own grid, or of another release: never trained, and said so in its row.
        trial, record, _ = item
        end = Ending(trial=trial.number, repeat=record.repeat, outcome="failed", error=_one_line(error))
        study.record([], endings=[end], device=tools.device)
        tools.watcher.ended(end, None)
        return None


def propose(study: Study, oracle: Oracle, count: int) -> int:
    """Ask for up to `count` trials, store them, and return how many there were."""
    definition = study.definition
    trials = study.trials()
    if study.planned is not None:
        count = min(count, study.planned - len(trials))
    proposals = oracle.ask(told(trials, definition.data["num_classes"]), count) if count > 0 else []
    seeds = [execution_seeds(definition.seed, repeat) for repeat in range(definition.seeds)]
    labels = {key(run["setting"]): run["label"] for run in definition.options.get("runs", ())}
    study.add_trials(
        NewTrial(
            setting=p.setting,
            label=labels.get(key(p.setting)) or label_of(p.setting),
            proposal=p.detail,
            seeds=seeds,
        )
        for p in proposals
    )
    return len(proposals)


def told(trials: Iterable[TrialRecord], num_classes: int) -> list[Told]:
    """What the oracle learns of the trials: scores, and chance accuracy for those that came to nothing."""
    penalty = 1.0 / num_classes
    return [
        Told(
            number=t.number,
            setting=dict(t.setting),
            score=t.score if t.status == "done" else penalty if t.status in ("diverged", "failed") else None,
            detail=t.proposal,
        )
        for t in trials
    ]


def _execution(
    study: Study, trial: TrialRecord, record: ExecutionRecord, start: Checkpoint | None, spec: InputSpec
) -> Execution:
    parent = trial.proposal.get("parent")
    if start is None and parent is not None:
        start = study.checkpoint(parent, record.repeat)
    return execution_of(trial, record, spec, start)


def _train(
    study: Study, group: Sequence[Execution], tools: Tools, worker: "_Worker", failures: "_Failures"
) -> None:
    """Train one group to its end; a failing group is tried again one by one to find the culprit."""
    last_epoch = {e.id: e.train.epochs for e in group}
    open_ids = set(last_epoch)
    tools.watcher.group(group)
    try:
        for epoch in worker.iterate(lambda: tools.train_group(group, tools.data)):
            endings = _store(study, epoch, last_epoch, tools)
            open_ids -= {(end.trial, end.repeat) for end in endings}
            tools.watcher.epoch(epoch)
            results = {r.id: r for r in epoch.results}
            for end in endings:
                tools.watcher.ended(end, results[end.trial, end.repeat])
                failures.reset()
            if tools.deadline is not None and time.monotonic() >= tools.deadline:
                raise BudgetSpent
    except (BudgetSpent, *_BUGS):
        raise
    except Exception as error:
        if len(open_ids) > 1:
            _train_one_by_one(study, open_ids, tools, worker, failures)
            return
        for trial, repeat in open_ids:
            end = Ending(trial=trial, repeat=repeat, outcome="failed", error=_one_line(error))
            study.record([], endings=[end], device=tools.device)
            tools.watcher.ended(end, None)
            failures.add(end.error)


def _train_one_by_one(
    study: Study, ids: set[tuple[int, int]], tools: Tools, worker: "_Worker", failures: "_Failures"
) -> None:
    for item in study.unfinished():
        execution = _execution(study, *item, tools.spec)
        if execution.id in ids:
            _train(study, [execution], tools, worker, failures)


def _store(
    study: Study, epoch: GroupEpoch, last_epoch: dict[tuple[int, int], int], tools: Tools
) -> list[Ending]:
    """One transaction for all that a group's epoch brought; returns the executions that ended."""
    endings = []
    checkpoints = {}
    for result in epoch.results:
        done = result.epoch >= last_epoch[result.id]
        if result.diverged or done:
            outcome = "diverged" if result.diverged else "done"
            error = f"loss not finite in epoch {result.epoch}" if result.diverged else None
            endings.append(Ending(trial=result.trial, repeat=result.repeat, outcome=outcome, error=error))
        if not result.diverged and (done or result.epoch % tools.checkpoint_every == 0):
            checkpoints[result.id] = epoch.checkpoint(result.id)
    study.record(epoch.results, checkpoints=checkpoints, endings=endings, device=tools.device)
    return endings


class _Failures:
    """Counts executions that failed one after the other."""

    def __init__(self) -> None:
        self._errors: list[str] = []

    def reset(self) -> None:
        self._errors.clear()

    def add(self, error: str) -> None:
        self._errors.append(error)
        if len(self._errors) >= MAX_FAILURES_IN_A_ROW:
            common = max(set(self._errors), key=self._errors.count)
            raise SearchError(
                f"{len(self._errors)} executions in a row failed, so the search stops; the error: {common}. "
                "What finished is stored; mend the cause and run the same command again."
            )


class _Worker:
    """Runs an engine in a thread of its own.

    An epoch is one long call into compiled code, during which Python would not notice a signal; the main
    thread waits where it does.
    """

    def __enter__(self) -> "_Worker":
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="engine")
        return self

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(wait=False)

    def iterate(self, start: Callable[[], Iterator[GroupEpoch]]) -> Iterator[GroupEpoch]:
        """The items of `start()`, each made in the worker's thread."""
        iterator = self._pool.submit(start).result()
        end = object()
        while (item := self._pool.submit(next, iterator, end).result()) is not end:
            yield item


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {text}"[:500]
