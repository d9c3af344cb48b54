"""What a reproduction has to train: missing executions in groups, in an order that is useful when cut."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace

from lenet_tune import plan as studies
from lenet_tune.analysis.evidence import epochs_of, scaled
from lenet_tune.analysis.text import BACKEND_NAMES
from lenet_tune.config import InputSpec, check_in, check_int
from lenet_tune.data import DataSet
from lenet_tune.engines.base import Execution
from lenet_tune.executions import execution_seeds
from lenet_tune.fusion import partition
from lenet_tune.options import Options, Quick
from lenet_tune.records import Definition
from lenet_tune.sections import PUBLISHED_EPOCHS
from lenet_tune.sections.arms import Arm, Pick, arms
from lenet_tune.sections.claims_later import table_5
from lenet_tune.space import Setting, configs, key

NAME = "reproduction"
_SEED = 0  # of every study: the k-th execution of a setting has the same seeds as in `lenet-tune grid`


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A reproduction as the command line asks for it.

    Args:
        pick: what of the report.
        seeds: executions of each setting.
        at_once: seeds that are trained together before the next ones start.
        epochs, train_size, quick: None and False for the report's own protocol.
        backend: whose arithmetic: see `name`.
    """

    pick: Pick
    seeds: int = 5
    at_once: int = 1
    epochs: int | None = None
    train_size: int | None = None
    quick: bool = False
    engine: str = "fused"
    backend: str = "tensorflow"

    def __post_init__(self) -> None:
        check_int("seeds", self.seeds, 1, 1000)
        check_int("at_once", self.at_once, 1, 1000)
        check_in("engine", self.engine, ("fused", "reference"))

    @property
    def is_the_reports_own(self) -> bool:
        """Whether epochs, images and engine are those of the reproduction proper."""
        return not (self.epochs or self.train_size or self.quick) and self.engine == "fused"

    @property
    def name(self) -> str:
        """Of the reproduction, and so of its folder: one a backend.

        Keras's cross-entropy works on the logits of a softmax or a sigmoid on TensorFlow, and on clipped
        probabilities on JAX: the report's settings do not train alike on both.
        """
        return NAME if self.backend == "tensorflow" else f"{NAME}-{self.backend}"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One execution to train: a setting as it is trained, the arm it belongs to, and its seed's number."""

    arm: Arm
    setting: Setting
    repeat: int
    is_shown: bool

    @property
    def seeds(self) -> tuple[int, int]:
        """Seeds of the initial weights and of the order of images."""
        return execution_seeds(_SEED, self.repeat)

    @property
    def identity(self) -> tuple:
        """What makes it the same execution in any study."""
        return (key(self.setting), *self.seeds)


def define(asked: Asked, dataset: DataSet) -> Definition:
    """The definition of the studies that hold a reproduction: the report's protocol, no list of runs.

    Its name is the reproduction's; a study adds a number to it where there are several.
    """
    options = Options(
        kind="grid",
        section=1,
        epochs=asked.epochs,
        train_size=asked.train_size,
        quick=asked.quick,
        engine=asked.engine,
    )
    like = studies.define(options, dataset)
    on = "" if asked.name == NAME else f" on {BACKEND_NAMES[asked.backend]}"
    epochs = asked.epochs or (Quick.epochs if asked.quick else PUBLISHED_EPOCHS)
    return replace(
        like,
        name=like.name.replace("grid-section1", asked.name, 1),
        title=f"{like.title.split(':')[0]}: the report reproduced{on}",
        section=None,
        stages=(),
        options={"runs": [], "epochs": epochs},
    )


def missing(asked: Asked, definition: Definition, done: Set[tuple]) -> list[list[Job]]:
    """Rounds of jobs that are not done: the first seeds of everything, then the next ones."""
    epochs = epochs_of(definition)
    shown = {key(setting) for setting in table_5(asked.pick.reading)}
    rounds = []
    for first in range(0, asked.seeds, asked.at_once):
        jobs = [
            Job(
                arm=arm,
                setting=scaled(arm.setting, epochs),
                repeat=repeat,
                is_shown=key(arm.setting) in shown,
            )
            for repeat in range(first, min(first + asked.at_once, asked.seeds))
            for arm in arms(asked.pick)
        ]
        rounds.append([job for job in jobs if job.identity not in done])
    return [jobs for jobs in rounds if jobs]


def groups(rounds: Iterable[Sequence[Job]], spec: InputSpec, capacity: int) -> list[list[Job]]:
    """The jobs of each round in as few fusible groups as can be."""
    found = []
    for jobs in rounds:
        executions = [execution(number, job, spec) for number, job in enumerate(jobs)]
        found += [[jobs[e.trial] for e in group] for group in partition(executions, capacity)]
    return found


def execution(number: int, job: Job, spec: InputSpec) -> Execution:
    """A job as an engine takes it, as trial `number`."""
    seed, order = job.seeds
    lenet, train = configs(job.setting, spec)
    return Execution(
        trial=number,
        repeat=job.repeat,
        seed=seed,
        order_seed=order,
        lenet=lenet,
        train=train,
        label=job.arm.label,
    )
