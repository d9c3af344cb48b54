"""What the tests of the data room share: no network, small shapes, an official folder, one-line refusals."""

import pickle
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from lenet_tune.data import load
from lenet_tune.data.cifar import CIFAR10_CLASSES
from lenet_tune.errors import DataError

BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


@pytest.fixture(autouse=True)
def blocked(monkeypatch):
    """The URLs that a test tried to open; none is, unless a test serves it itself."""
    tried = []

    def refuse(url, timeout):
        tried.append(url)
        assert 0 < timeout <= 60
        raise urllib.error.URLError("the network is blocked")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    return tried


@pytest.fixture
def few_shapes(monkeypatch):
    """Make `load("shapes")` take no time."""
    monkeypatch.setattr("lenet_tune.data.shapes.TRAIN_SIZE", 100)
    monkeypatch.setattr("lenet_tune.data.shapes.TEST_SIZE", 100)


@pytest.fixture(scope="session")
def refusal():
    """A function: the one line that `load` refuses a source with."""

    def refuse(source, environ=None):
        with pytest.raises(DataError) as caught:
            load(None if source is None else str(source), environ=environ or {}, say=lambda line: None)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refuse


@pytest.fixture(scope="session")
def batch():
    """A function: the bytes of an official file, with changes."""
    return _batch


def _batch(number, *, labels=None, **changes):
    """A file with 10,000 images: noise in the first pixels, so that it differs and packs well."""
    pixels = np.zeros((10_000, 3072), dtype=np.uint8)
    pixels[:, :8] = np.random.default_rng(number).integers(0, 256, (10_000, 8))
    pixels[:, 1024] = 1  # green, first pixel
    fields = {
        "batch_label": f"training batch {number} of 5" if number < 6 else "testing batch 1 of 1",
        "labels": [i % 10 for i in range(10_000)] if labels is None else labels,
        "data": pixels,
        "filenames": ["x.png"] * 10_000,
    }
    return pickle.dumps({**fields, **changes}, protocol=2)


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """An official folder, complete but for its pictures; not to be written to."""
    path = tmp_path_factory.mktemp("layout") / "cifar-10-batches-py"
    path.mkdir()
    for number, name in enumerate(BATCHES, 1):
        (path / name).write_bytes(_batch(number))
    meta = {"num_cases_per_batch": 10_000, "label_names": list(CIFAR10_CLASSES), "num_vis": 3072}
    (path / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    return path


@pytest.fixture(scope="session")
def save_npz():
    """A function: save a small data set of grey images, with changes; None leaves an array out."""
    return _save_npz


def _save_npz(path, **changes):
    arrays = {
        "x_train": np.arange(6 * 8 * 8, dtype=np.uint16).reshape(6, 8, 8).astype(np.uint8),
        "y_train": np.array([0, 1, 2, 0, 1, 2]),
        "x_test": np.full((2, 8, 8), 7, dtype=np.uint8),
        "y_test": np.array([0, 2]),
    }
    arrays |= changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return str(path)


@pytest.fixture
def npz_bytes(tmp_path):
    """The content of such a file."""
    return Path(_save_npz(tmp_path / "whole.npz")).read_bytes()
