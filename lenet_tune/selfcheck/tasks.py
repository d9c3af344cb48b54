"""What a self-check runs: a plan, and the list of runs that it asks for."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from lenet_tune.config import check_int
from lenet_tune.selfcheck.surfaces import SYNTHETIC

REAL = "real results"
EPOCHS = 27  # of a whole training, where Hyperband is compared; 27 gives it four rounds
RANDOM_FACTOR = 8  # random search runs this many times longer, to see what it needs


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The size of a self-check.

    Args:
        seeds: runs of each search on each surface, from seed 0 on.
        trials: of a Bayesian run.
        batches: sizes of the batches it proposes in.
        surfaces: names.
        quick: whether only the smaller spaces are covered.
        tpe: whether Optuna's TPE runs too.

    Raises:
        SettingError: a number outside its rule.
    """

    seeds: int = 20
    trials: int = 50
    batches: tuple[int, ...] = (1, 4, 8)
    surfaces: tuple[str, ...] = (*(s.name for s in SYNTHETIC), REAL)
    quick: bool = False
    tpe: bool = False

    def __post_init__(self) -> None:
        check_int("seeds", self.seeds, 2, 1000)
        check_int("trials", self.trials, 5, 1000)

    @property
    def random_trials(self) -> int:
        """Trials of a random run."""
        return RANDOM_FACTOR * self.trials

    @property
    def rival_trials(self) -> int:
        """Trials of random search that the Bayesian ones have to equal: twice as many."""
        return 2 * self.trials


QUICK = {"seeds": 5, "trials": 20, "batches": (4,), "surfaces": ("tree", "cliff", "ackley", REAL)}


def make_plan(*, quick: bool = False, **given: Any) -> Plan:
    """The full plan or the quick one, with what a user asked for: `seeds`, `trials`, `batches` of `Plan`."""
    asked = {name: value for name, value in given.items() if value}
    size = {**QUICK, **asked} if quick else asked
    return Plan(**size, quick=quick, tpe=find_spec("optuna") is not None)


@dataclass(frozen=True, kw_only=True)
class Task:
    """One run: `kind` is an oracle's name or "tpe"."""

    kind: str
    surface: str
    seed: int
    batch: int
    trials: int


def tasks(plan: Plan) -> Iterator[Task]:
    """Every run, surface by surface, the long ones of a surface first."""
    for surface in plan.surfaces:
        for kind, batch, trials in _searches(plan):
            for seed in range(plan.seeds):
                yield Task(kind=kind, surface=surface, seed=seed, batch=batch, trials=trials)


def _searches(plan: Plan) -> Iterator[tuple[str, int, int]]:
    for batch in plan.batches:
        yield "bayes", batch, plan.trials
        if plan.tpe:
            yield "tpe", batch, plan.trials
    yield "random", plan.random_trials, plan.random_trials
    yield "hyperband", 8, 1000
