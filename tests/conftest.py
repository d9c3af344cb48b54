"""Shared helpers: small data, and an engine that trains nothing but behaves like one."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture
def cifar10_folder() -> Path:
    """The real CIFAR-10, where LENET_TUNE_DATA names it."""
    path = os.environ.get("LENET_TUNE_DATA")
    if not path:
        pytest.skip("needs the real CIFAR-10: set LENET_TUNE_DATA to its cifar-10-batches-py folder")
    return Path(path)


@pytest.fixture(scope="session")
def tiny_data():
    """A data set of 8x8 colour images in four classes that a small network learns in a few steps."""
    from lenet_tune.data import DataSet, Split

    rng = np.random.default_rng(0)

    def split(n: int) -> Split:
        labels = np.arange(n) % 4
        images = rng.integers(0, 60, (n, 8, 8, 3), dtype=np.uint8)
        for i, label in enumerate(labels):
            images[i, 4 * (label // 2) : 4 * (label // 2) + 4, 4 * (label % 2) : 4 * (label % 2) + 4] += 150
        return Split(images=images, labels=labels.astype(np.int64))

    classes = ("north-west", "north-east", "south-west", "south-east")
    return DataSet(
        name="tiny", train=split(120), test=split(40), classes=classes, notice="not CIFAR-10, a test"
    )


@pytest.fixture(scope="session")
def tiny_npz(tiny_data, tmp_path_factory) -> Path:
    """`tiny_data` as an .npz file."""
    path = tmp_path_factory.mktemp("data") / "tiny.npz"
    np.savez(
        path,
        x_train=tiny_data.train.images,
        y_train=tiny_data.train.labels,
        x_test=tiny_data.test.images,
        y_test=tiny_data.test.labels,
        classes=np.array(tiny_data.classes),
    )
    return path


def fake_accuracy(learning_rate: float, seed: int, epoch: int) -> float:
    """A smooth, deterministic accuracy with a best learning rate near 0.01."""
    peak = np.exp(-((np.log10(learning_rate) + 2) ** 2))
    return float(round(0.1 + 0.5 * peak * (1 - 0.5**epoch) + (seed % 97) / 10_000, 6))


def fake_engine(
    *, fail: Callable = lambda execution: None, on_epoch: Callable = lambda: None
) -> Callable[..., Iterator]:
    """A `train_group` whose results are a function of setting, seed and epoch.

    Args:
        fail: called with each execution before it starts; may raise.
        on_epoch: called before each epoch; may raise.
    """
    from lenet_tune.engines.base import Checkpoint, EpochResult, GroupEpoch, keep_all

    def train_group(executions: Sequence, data, *, keep=keep_all) -> Iterator[GroupEpoch]:
        for execution in executions:
            fail(execution)
        running = {e.id: e for e in executions}
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
                    epoch=state[i], weights=(np.full(2, state[i], np.float32),)
                ),
            )
            for result in results:
                epochs[result.id] += 1
                if not keep(result) or epochs[result.id] > running[result.id].train.epochs:
                    del running[result.id]

    return train_group


class SilentWatcher:
    """A watcher that remembers what it was told."""

    def __init__(self) -> None:
        self.groups: list[list[tuple[int, int]]] = []
        self.endings: list = []

    def group(self, executions) -> None:
        self.groups.append([e.id for e in executions])

    def epoch(self, epoch) -> None:
        pass

    def ended(self, ending, result) -> None:
        self.endings.append(ending)
