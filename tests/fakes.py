"""Stand-ins: an engine that trains nothing but behaves like one, and a watcher that remembers."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np


def fake_accuracy(learning_rate: float, seed: int, epoch: int) -> float:
    """A smooth, deterministic accuracy with a best learning rate near 0.01."""
    peak = np.exp(-((np.log10(learning_rate) + 2) ** 2))
    return float(round(0.1 + 0.5 * peak * (1 - 0.5**epoch) + (seed % 97) / 10_000, 6))


def fake_engine(
    *,
    fail: Callable = lambda execution: None,
    on_epoch: Callable = lambda: None,
    weights: int = 2,
) -> Callable[..., Iterator]:
    """A `train_group` whose results are a function of setting, seed and epoch.

    Args:
        fail: called with each execution before it starts; may raise.
        on_epoch: called before each epoch; may raise.
        weights: numbers in a checkpoint.
    """
    from lenet_tune.engines.base import Checkpoint, EpochResult, GroupEpoch, keep_all

    def train_group(executions: Sequence, data, *, keep=keep_all) -> Iterator[GroupEpoch]:
        for execution in executions:
            fail(execution)
        running = {e.id: e for e in executions if not e.is_over}
        epochs = {e.id: e.first_epoch for e in executions}
        while running:
            on_epoch()
            results = []
            for identity, e in running.items():
                diverges = e.train.learning_rate > 0.25
                loss = float("nan") if diverges else 1.0 / epochs[identity]
                accuracy = fake_accuracy(e.train.learning_rate, e.seed, epochs[identity])
                results.append(
                    EpochResult(
                        trial=e.trial,
                        repeat=e.repeat,
                        epoch=epochs[identity],
                        train_loss=loss,
                        train_accuracy=accuracy,
                        held_out_loss=loss,
                        held_out_accuracy=0.1 if diverges else accuracy,
                        seconds=0.001,
                    )
                )
            state = dict(epochs)
            yield GroupEpoch(
                results=tuple(results),
                checkpoint=lambda i, state=state: Checkpoint(
                    epoch=state[i], weights=(np.full(weights, state[i], np.float32),)
                ),
            )
            for result in results:
                epochs[result.id] += 1
                if not keep(result) or epochs[result.id] > running[result.id].train.epochs:
                    del running[result.id]

    return train_group


def fake_measurement(study, dataset, spec) -> None:
    """Stands for `artifacts.measure_leaders`: figures of a model that was never there."""
    best = study.snapshot().best
    classes = dataset.num_classes
    figures = {
        "trial": best.number,
        "repeat": 0,
        "split": "test",
        "images": classes,
        "accuracy": 1.0,
        "loss": 0.5,
        "classes": list(dataset.classes),
        "confusion": np.eye(classes, dtype=int).tolist(),
        "kernel_layer": "conv_1",
        "kernels": np.zeros((3, 3, 3, 2)).tolist(),
        "feature_layer": "conv_2",
        "samples": [],
    }
    study.set_best_model(figures, [])


class SilentWatcher:
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        self.groups: list[list[tuple[int, int]]] = []
        self.endings: list = []
        self.partings: list[tuple[list[tuple[int, int]], str]] = []

    def group(self, executions) -> None:
        self.groups.append([e.id for e in executions])

    def epoch(self, epoch) -> None:
        pass

    def ended(self, ending, result) -> None:
        self.endings.append(ending)

    def parted(self, executions, reason) -> None:
        self.partings.append(([e.id for e in executions], reason))
