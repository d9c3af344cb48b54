"""Made-up evidence for the tests of verdicts, claims, fits and the reproduction page."""

import math
from collections.abc import Mapping, Sequence

from lenet_tune.engines.base import EpochResult
from lenet_tune.executions import execution_seeds
from lenet_tune.records import Definition, ExecutionRecord, Snapshot, TrialRecord
from lenet_tune.sections import describe
from lenet_tune.space import Setting, key

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def definition(**changes) -> Definition:
    values = {
        "name": "reproduction",
        "kind": "grid",
        "title": "LeNet on CIFAR-10: the report reproduced",
        "space": {},
        "section": None,
        "stages": (),
        "protocol": "report",
        "data": {
            "name": "cifar10",
            "fingerprint": "ab12",
            "image_shape": [32, 32, 3],
            "num_classes": 10,
            "classes": list(CLASSES),
            "comparable": True,
            "notice": None,
        },
        "train_size": 50_000,
        "held_out_size": 10_000,
        "seed": 0,
        "seeds": 1,
        "engine": "fused",
        "options": {"runs": [], "epochs": 30},
    }
    return Definition(**{**values, **changes})


def curve(last: float, epochs: int = 30) -> list[float]:
    """A test accuracy that rises to `last`."""
    return [0.1 + (last - 0.1) * (1 - 0.8**e) / (1 - 0.8**epochs) for e in range(1, epochs + 1)]


def execution(trial: int, repeat: int, levels: Sequence[float], diverged: bool = False) -> ExecutionRecord:
    """An execution with these test accuracies; a diverged one breaks in its last epoch."""
    seed, order_seed = execution_seeds(0, repeat)
    last = len(levels)
    results = tuple(
        EpochResult(
            trial=trial,
            repeat=repeat,
            epoch=epoch,
            train_loss=math.nan if diverged and epoch == last else 2.3 / epoch,
            train_accuracy=min(1.0, level + 0.01),
            held_out_loss=2.3 / epoch,
            held_out_accuracy=level,
            seconds=1.0,
        )
        for epoch, level in enumerate(levels, start=1)
    )
    return ExecutionRecord(
        trial=trial,
        repeat=repeat,
        seed=seed,
        order_seed=order_seed,
        outcome="diverged" if diverged else "done",
        error=None,
        device="CPU, 2 cores",
        seconds=float(last),
        epochs=results,
    )


def study(results: Sequence[tuple[Setting, Mapping[int, float | Sequence[float]]]], **changes) -> Snapshot:
    """A study with, for each setting, final accuracies (or whole curves) by number of the seed."""
    merged: dict[tuple, tuple[Setting, dict]] = {}
    for setting, finals in results:
        merged.setdefault(key(setting), (setting, {}))[1].update(finals)
    trials = [
        TrialRecord(
            number=number,
            setting=setting,
            label=describe(setting),
            proposal={"origin": "reproduction"},
            executions=tuple(
                execution(
                    number,
                    k,
                    curve(v, setting["epochs"]) if isinstance(v, float) else v,
                    diverged=v is DIVERGED,
                )
                for k, v in finals.items()
            ),
        )
        for number, (setting, finals) in enumerate(merged.values())
    ]
    return Snapshot(
        definition=definition(**changes),
        manifest={
            "command": "lenet-tune reproduce",
            "commit": "abc1234",
            "versions": {"lenet-tune": "0.1.0", "tensorflow": "2.21.0"},
            "backend": "tensorflow",
            "device": "CPU, 2 cores",
            "started": "2026-01-01T10:00:00Z",
            "ended": "2026-01-01T11:00:00Z",
            "interrupted": False,
        },
        planned=None,
        trials=tuple(trials),
    )


DIVERGED = [0.12, 0.13, 0.1]
"""Test accuracies of a diverged execution: broken in its third epoch."""
