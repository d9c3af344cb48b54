"""The loop: ask the oracle, train what it proposes group by group, store every epoch, until done.

The study file decides what happens next: executions without an outcome are trained (again, or on from their
checkpoint), and only when there are none is the oracle asked, with every trial told. Which executions train
together is stored with them, and a group that goes on has the very members it had. So a search that is
killed anywhere and started again goes through the same states, to the same bits, as one that was not.

When the search is over its leaders are trained again with fresh seeds, until one leads beyond doubt or the
seeds are used up (`standing`).
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from lenet_tune.cohorts import members, open_cohorts
from lenet_tune.config import InputSpec
from lenet_tune.engines.base import Engine, TrainingData
from lenet_tune.executions import execution_seeds
from lenet_tune.oracles import Oracle, Told
from lenet_tune.plan import label_of
from lenet_tune.records import NewExecution, NewTrial, TrialRecord
from lenet_tune.sites import Here, Site, is_over
from lenet_tune.space import key
from lenet_tune.standing import LEADERS, looks, wanted
from lenet_tune.stopping import StopRule
from lenet_tune.study import Study
from lenet_tune.training import BudgetSpent, Failures, Trainer, Watcher

SWEEPS = 20
"""Times in a round that weights which are not needed any more are dropped: each reads the whole study."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Tools:
    """What a search works with besides its study.

    Args:
        batch: trials asked for at a time.
        capacity: executions trained as one group at most.
        deadline: `time.monotonic()` after which no epoch of the search starts; None for no budget.
        confirm_deadline: the same for the confirmation of its leaders.
        checkpoint_every: epochs between checkpoints.
        trial_timeout: seconds that a group may train; None for no limit.
        site: where groups are trained; None for this process, with `train_group` on `device`.
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
    confirm_deadline: float | None = None
    checkpoint_every: int = 1
    trial_timeout: float | None = None
    site: Site | None = None


def run(study: Study, tools: Tools) -> None:
    """Search until the planned trials have ended or the oracle has no more, then confirm the leaders.

    Raises:
        BudgetSpent: a deadline has passed.
        SearchError: too many executions failed one after the other.
    """
    study.rewind()
    trainer = Trainer(
        study=study,
        watcher=tools.watcher,
        checkpoint_every=tools.checkpoint_every,
        rule=StopRule.of(study.definition),
        failures=Failures(),
    )
    with _site(tools) as site:
        searched = _phase("search", study, tools, trainer, site)
        confirmed = _phase("confirm", study, tools, trainer, site)
    keep_leaders(study)
    if not (searched and confirmed):
        raise BudgetSpent


def _site(tools: Tools) -> AbstractContextManager[Site]:
    if tools.site is not None:
        return nullcontext(tools.site)
    return Here(
        tools.train_group,
        tools.data,
        capacity=tools.capacity,
        device=tools.device,
        trial_timeout=tools.trial_timeout,
    )


def _phase(purpose: str, study: Study, tools: Tools, trainer: Trainer, site: Site) -> bool:
    """Train all that has the purpose, and what is added to it, to the end; False where the time was over."""
    add, deadline = propose, tools.deadline
    if purpose == "confirm":
        add, deadline = confirm, tools.confirm_deadline
    begun = False  # a sitting gets on by an epoch at least, however short its time
    while (cohorts := open_cohorts(study, purpose, tools, site.group_size)) or add(study, tools):
        if begun and is_over(deadline):
            return False
        begun = begun or bool(cohorts)
        sweep = 1 + len(cohorts) // SWEEPS
        groups = [partial(members, study, cohort, tools.spec) for cohort in cohorts]
        try:
            for done, _ in enumerate(site.train(groups, trainer, deadline), start=1):
                # Hyperband may go on with any of its trials as long as it searches.
                if done % sweep == 0 and (purpose == "confirm" or study.definition.kind != "hyperband"):
                    keep_leaders(study)
        except BudgetSpent:
            return False
    return True


def keep_leaders(study: Study) -> None:
    """Drop the weights of every finished trial but those that lead, and the one whose model is shown."""
    snapshot = study.snapshot()
    kept = (*snapshot.leaders, *([snapshot.shown] if snapshot.shown else []))
    study.keep_checkpoints({trial.number for trial in kept})


def propose(study: Study, tools: Tools) -> int:
    """Ask the oracle for a batch of trials, store them, and return how many there were."""
    definition, count = study.definition, tools.batch
    trials = study.trials()
    if study.planned is not None:
        count = min(count, study.planned - len(trials))
    proposals = tools.oracle.ask(told(trials, definition.data["num_classes"]), count) if count > 0 else []
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


def confirm(study: Study, tools: Tools) -> int:
    """Give the leaders the fresh seeds that their next comparison needs, and return how many there were."""
    definition, snapshot = study.definition, study.snapshot()
    planned = looks(definition.options.get("confirm", 0))
    begun = {t.number: () for t in snapshot.ranked[:LEADERS]} | snapshot.fresh_scores
    fresh = [
        (number, definition.seeds + k)
        for number, seeds in sorted(wanted(begun, planned).items())
        for k in range(len(begun[number]), seeds)
    ]
    study.add_executions(
        NewExecution(
            trial=number,
            repeat=repeat,
            seed=seed,
            order_seed=order_seed,
            purpose="confirm",
        )
        for number, repeat in fresh
        for seed, order_seed in [execution_seeds(definition.seed, repeat)]
    )
    return len(fresh)


def told(trials: Iterable[TrialRecord], num_classes: int) -> list[Told]:
    """What the oracle learns of the trials.

    Scores; of a trial that the stopping rule ended, the accuracy it had then, which is less than it would
    have got; chance accuracy for those that came to nothing.
    """

    def score(trial: TrialRecord) -> float | None:
        if trial.status in ("diverged", "failed"):
            return 1.0 / num_classes
        return trial.last_accuracy if trial.status == "stopped" else trial.score

    return [Told(number=t.number, setting=dict(t.setting), score=score(t), detail=t.proposal) for t in trials]
