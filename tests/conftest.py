"""Data for tests: the real CIFAR-10 where it is, and a tiny set that is always there."""

import os
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


@pytest.fixture
def image_folder(tmp_path):
    """Two classes of ten grey images each, of two sizes."""
    from PIL import Image

    rng = np.random.default_rng(0)
    for name in ("left", "right"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(10):
            pixels = rng.integers(0, 256, (12 + i % 2, 12), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{i}.png")
    return tmp_path / "images"
