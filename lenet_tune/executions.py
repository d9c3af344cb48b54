"""What makes an execution: its seeds, which derive from the study's, and the form that an engine takes.

The k-th execution of every trial has the same two seeds (common random numbers): trials are compared on the
same order of images and, where their shapes agree, the same initial draws, so a difference between them is
the setting's doing; and a setting gives the same numbers in any study with the same seed.
"""

import numpy as np

from lenet_tune.config import InputSpec
from lenet_tune.engines.base import Checkpoint, Execution
from lenet_tune.records import ExecutionRecord, TrialRecord
from lenet_tune.space import configs


def execution_seeds(study_seed: int, repeat: int) -> tuple[int, int]:
    """(seed of the initial weights, seed of the order of images) of a trial's `repeat`-th execution."""
    weights, order = np.random.SeedSequence([study_seed, repeat]).generate_state(2)
    return int(weights >> 1), int(order >> 1)


def execution_of(
    trial: TrialRecord, record: ExecutionRecord, spec: InputSpec, start: Checkpoint | None
) -> Execution:
    """A recorded execution as an engine takes it, to train on from `start`.

    Raises:
        SettingError: no network can be built from the trial's setting.
    """
    lenet, train = configs(trial.setting, spec)
    continues = record.purpose == "search" and trial.proposal.get("parent") is not None
    return Execution(
        trial=trial.number,
        repeat=record.repeat,
        seed=record.seed,
        order_seed=record.order_seed,
        lenet=lenet,
        train=train,
        start=start,
        joined=trial.proposal["initial_epoch"] if continues else 0,
        ended_after=record.epochs[-1].epoch if record.outcome and record.epochs else None,
        label=trial.label,
    )
