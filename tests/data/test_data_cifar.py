"""CIFAR in its official layout: whole, damaged, swapped and hostile files."""

import os
import pickle

import numpy as np
import pytest

from lenet_tune.data import channel_statistics, load
from lenet_tune.data.cifar import CIFAR10_CLASSES

FILES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"]


@pytest.fixture
def altered(folder, tmp_path):
    """A function: the folder with some files replaced by bytes, or left out where None."""

    def alter(**changes):
        path = tmp_path / "altered"
        path.mkdir()
        for name in FILES:
            content = changes.get(name.replace(".", "_"), ...)
            if content is ...:
                (path / name).symlink_to(folder / name)
            elif content is not None:
                (path / name).write_bytes(content)
        return str(path)

    return alter


def test_load_reads_the_official_layout_and_does_not_take_other_content_for_cifar10(folder):
    data = load(str(folder.parent), environ={})  # the folder above will do
    assert (data.name, len(data.train), len(data.test)) == ("cifar10", 50_000, 10_000)
    assert (data.image_shape, data.classes) == ((32, 32, 3), CIFAR10_CLASSES)
    first = np.random.default_rng(2).integers(0, 256, (10_000, 8))[0]
    np.testing.assert_array_equal(data.train.images[10_000, 0, :8, 0], first)  # red, first row, left to right
    assert data.train.images[10_000, 0, 0].tolist() == [first[0], 1, 0]
    assert data.train.labels[:3].tolist() == [0, 1, 2]
    assert not data.comparable  # the layout alone does not make it so
    assert "not comparable with the report" in data.notice


@pytest.mark.parametrize("missing", ["data_batch_3", "test_batch", "batches_meta"])
def test_load_names_a_missing_file(altered, missing, refusal):
    assert f"lacks {missing.replace('s_', 's.')}" in refusal(altered(**{missing: None}))


def test_load_refuses_an_empty_folder(tmp_path, refusal):
    line = refusal(tmp_path)
    assert "class folders with images" in line
    assert "data_batch_1" in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda batch: batch(1), "must be 'testing batch 1 of 1', but is 'training batch 1 of 5'"),
        (lambda batch: batch(1, batch_label="testing batch 1 of 1"), "same images as data_batch_1"),
    ],
    ids=["copy", "relabelled copy"],
)
def test_load_refuses_a_training_batch_in_place_of_the_test_batch(altered, change, words, batch, refusal):
    line = refusal(altered(test_batch=change(batch)))
    assert "test_batch" in line
    assert words in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda batch: batch(1)[:-1000], "truncated"),
        (lambda batch: b"", "truncated"),
        (lambda batch: batch(2), "must be 'training batch 1 of 5', but is 'training batch 2 of 5'"),
        (lambda batch: batch(1, labels=[0] * 9_999), "must hold 10,000 labels, but has 9999"),
        (lambda batch: batch(1, labels=[0] * 9_999 + [10]), r"in [0, 9]"),
        (lambda batch: batch(1, labels=[True] * 10_000), r"in [0, 9]"),
        (lambda batch: batch(1, data=np.zeros((10_000, 3071), dtype=np.uint8)), "(10000, 3071)"),
        (lambda batch: batch(1, data=np.zeros((99, 3072), dtype=np.uint8)), "(99, 3072)"),
        (lambda batch: batch(1, data=np.zeros((2, 3072), dtype=np.float32)), "only uint8"),
        (lambda batch: batch(1, fine_labels=[0] * 10_000), "file of CIFAR-100"),
        (lambda batch: pickle.dumps([1, 2], protocol=2), "but has none"),
    ],
)
def test_load_names_a_wrong_file_and_what_is_wrong(altered, change, words, batch, refusal):
    line = refusal(altered(data_batch_1=change(batch)))
    assert "data_batch_1" in line
    assert words in line


def test_load_refuses_other_classes(altered, refusal):
    meta = {"label_names": ["x", *CIFAR10_CLASSES[1:]]}
    assert "must list the 10 classes" in refusal(altered(batches_meta=pickle.dumps(meta, protocol=2)))


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_load_runs_nothing_from_a_hostile_batch(altered, tmp_path, refusal):
    hostile = pickle.dumps({"data": Canary(str(tmp_path / "canary"))}, protocol=2)
    line = refusal(altered(data_batch_2=hostile))
    assert "data_batch_2' is refused: it asks for 'posix.mkdir'" in line
    assert not (tmp_path / "canary").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_load_does_not_wait_for_a_pipe(altered, tmp_path, refusal):
    os.mkfifo(tmp_path / "pipe")
    assert "must be a regular file" in refusal(tmp_path / "pipe")
    path = altered(test_batch=None)
    os.mkfifo(os.path.join(path, "test_batch"))
    assert "must be a regular file" in refusal(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_load_names_an_unreadable_file(altered, refusal):
    path = altered(test_batch=b"x")
    os.chmod(os.path.join(path, "test_batch"), 0)
    assert "Permission denied" in refusal(path)


def test_load_turns_an_error_of_the_disk_into_one_line(folder, monkeypatch, refusal):
    def fail(path, *arguments):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("lenet_tune.data.files.os.open", fail)
    assert "cannot be read: Permission denied" in refusal(folder)


def test_load_reads_the_layout_of_cifar100(tmp_path):
    names = [f"class {i}" for i in range(100)]
    (tmp_path / "meta").write_bytes(pickle.dumps({"fine_label_names": names}, protocol=2))
    for name, label, size in (("train", "training", 50_000), ("test", "testing", 10_000)):
        fields = {
            "batch_label": f"{label} batch 1 of 1",
            "fine_labels": [i % 100 for i in range(size)],
            "coarse_labels": [0] * size,
            "data": np.full((size, 3072), len(name), dtype=np.uint8),
        }
        (tmp_path / name).write_bytes(pickle.dumps(fields, protocol=2))
    data = load(str(tmp_path), environ={})
    assert (data.name, len(data.train), data.num_classes, data.comparable) == ("cifar100", 50_000, 100, False)
    assert data.notice == "not CIFAR-10, not comparable with the report"
    assert data.classes[99] == "class 99"


@pytest.mark.skipif(
    not os.path.exists(os.path.join(os.environ.get("LENET_TUNE_DATA", ""), "data_batch_1")),
    reason="LENET_TUNE_DATA names no folder with the real CIFAR-10",
)
def test_load_knows_the_real_cifar10_by_its_content():
    data = load("cifar10")
    assert data.comparable
    assert data.notice is None
    assert np.bincount(data.train.labels).tolist() == [5000] * 10
    mean, std = channel_statistics(data.train)  # as published with many CIFAR-10 recipes
    np.testing.assert_allclose(mean / 255, [0.49139968, 0.48215841, 0.44653091], atol=1e-8)
    np.testing.assert_allclose(std / 255, [0.24703223, 0.24348513, 0.26158784], atol=1e-8)
