"""A study that a test writes step by step, while something else reads it."""

import sys
from pathlib import Path

from lenet_tune.engines.base import EpochResult
from lenet_tune.records import Ending, NewTrial
from lenet_tune.space import complete

sys.path.insert(0, str(Path(__file__).parent / "faults"))
from small_studies import asked, begin


def begun(folder, dataset):
    """A random search of six trials that has begun: no trial yet."""
    return begin(folder, dataset, asked("random", name="mine"))


def propose(study, number, rate=0.01):
    setting = complete({"learning_rate": rate, "kernel_size": 3, "epochs": 3})
    study.add_trials([NewTrial(setting=setting, label=f"lr {rate}", proposal={}, seeds=[(number, number)])])


def train(study, number, epoch, accuracy, outcome=None, error=None):
    result = EpochResult(
        trial=number,
        repeat=0,
        epoch=epoch,
        train_loss=1.0,
        train_accuracy=accuracy,
        held_out_loss=1.0,
        held_out_accuracy=accuracy,
        seconds=0.1,
    )
    endings = [Ending(trial=number, repeat=0, outcome=outcome, error=error)] if outcome else []
    study.record([result], endings=endings)
