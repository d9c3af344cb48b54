"""`hf:` and `tfds:` names, with stand-ins for their packages and, where it is installed, the real one."""

import importlib.util
import os
import sys
import types

import numpy as np
import pytest
from PIL import Image

from lenet_tune.data import load
from lenet_tune.data.hubs import is_hub
from lenet_tune.errors import DataError


def noise(count, size=(8, 8), channels=3, seed=0):
    shape = (count, *size) if channels == 1 else (count, *size, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_hub_names_are_told_from_paths():
    assert [is_hub(text) for text in ("hf:x", "tfds:mnist", "hf", "./hf:x", "C:x", "cifar10")] == [
        True, True, False, False, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize(("source", "package"), [("hf:x", "datasets"), ("tfds:x", "tensorflow-datasets")])
def test_a_missing_package_is_named_with_its_command(monkeypatch, refusal, source, package):
    monkeypatch.setattr("lenet_tune.data.hubs._is_installed", lambda module: False)
    assert refusal(source).endswith(f"pip install '{package}'")


# --- Hugging Face ---


class FakeImage:
    pass


class FakeClassLabel:
    def __init__(self, names):
        self.names = names


class FakeValue:
    pass


class FakeRows:
    """A split as `datasets` gives it: columns by name, rows by iteration, features by column."""

    def __init__(self, columns, features):
        self.columns, self.features = columns, features

    def __getitem__(self, column):
        return self.columns[column]

    def __iter__(self):
        names = list(self.columns)
        return (dict(zip(names, values, strict=True)) for values in zip(*self.columns.values(), strict=True))

    def select_columns(self, names):
        return FakeRows({name: self.columns[name] for name in names}, self.features)


def split(images, labels, names=("ant", "bee")):
    label = FakeClassLabel(list(names)) if names else FakeValue()
    pictures = [Image.fromarray(image) for image in images]
    columns = {"id": list(range(len(images))), "img": pictures, "label": list(labels)}
    return FakeRows(columns, {"id": FakeValue(), "img": FakeImage(), "label": label})


@pytest.fixture
def hub(monkeypatch):
    """Install a stand-in for `datasets` that serves what is in the returned dictionary."""
    served = {}

    def load_dataset(path, name=None):
        if (path, name) not in served:
            raise FileNotFoundError(f"Dataset '{path}' doesn't exist\non the Hub")
        return served[path, name]

    module = types.ModuleType("datasets")
    module.Image, module.ClassLabel, module.load_dataset = FakeImage, FakeClassLabel, load_dataset
    module.disable_progress_bars = lambda: None
    monkeypatch.setitem(sys.modules, "datasets", module)
    return served


def test_hf_reads_train_and_test_with_their_class_names(hub):
    train, test = noise(6), noise(3, seed=1)
    hub["who/animals", None] = {
        "test": split(test, [1, 0, 1]), "train": split(train, [0, 1, 0, 1, 0, 1]),
    }  # fmt: skip
    data = load("hf:who/animals", environ={})
    assert (data.name, data.classes) == ("hf-who-animals", ("ant", "bee"))
    np.testing.assert_array_equal(data.train.images, train)
    np.testing.assert_array_equal(data.test.images, test)
    assert data.train.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert not data.comparable


def test_hf_passes_a_configuration_on_and_resizes(hub):
    hub["animals", "small"] = {"train": split(noise(12), [0, 1] * 6)}
    data = load("hf:animals#small", image_size=(4, 6), environ={})
    assert (data.name, data.image_shape) == ("hf-animals-small-4x6", (4, 6, 3))


def test_hf_sets_a_sixth_aside_where_there_is_no_test_split(hub):
    images = noise(12, channels=1)
    hub["animals", None] = {"train": split(images, [0, 1] * 6)}
    data = load("hf:animals", environ={})
    assert (len(data.train), data.test.labels.tolist()) == (10, [0, 1])
    assert "a stratified sixth" in data.notice
    for part in (data.train, data.test):
        for image, label in zip(part.images, part.labels, strict=True):
            (place,) = [i for i in range(12) if (images[i] == image[..., 0]).all()]
            assert label == place % 2


def test_hf_passes_over_a_test_split_whose_labels_are_secret(hub):
    hub["animals", None] = {
        "train": split(noise(4), [0, 1, 0, 1]),
        "test": split(noise(2), [-1, -1]),
        "validation": split(noise(2, seed=2), [1, 0]),
    }
    data = load("hf:animals", environ={})
    np.testing.assert_array_equal(data.test.images, noise(2, seed=2))
    assert data.notice.endswith("; its test set is validation")


def test_hf_takes_integer_labels_without_names(hub):
    hub["animals", None] = {"train": split(noise(6), [0, 1, 2] * 2, None), "test": split(noise(1), [3], None)}
    assert load("hf:animals", environ={}).classes == ("0", "1", "2", "3")


def test_hf_refuses_what_is_missing_unlabelled_or_of_several_sizes_in_one_line(hub, refusal):
    assert "Dataset 'nothing' doesn't exist on the Hub. Check the name" in refusal("hf:nothing")
    assert "must name a data set" in refusal("hf:")
    text = FakeRows({"text": ["a"]}, {"text": FakeValue()})
    hub["text", None] = {"train": text}
    assert "a column of images" in refusal("hf:text")
    two = split([*noise(3), *noise(3, size=(8, 9))], [0, 1] * 3)
    hub["two", None] = {"train": two, "test": two}
    assert "--image-size" in refusal("hf:two")


@pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="needs the package datasets")
def test_the_real_datasets_package_reads_a_folder_of_images(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    for part, count in (("train", 3), ("test", 2)):
        for c, name in enumerate(("ant", "bee")):
            folder = tmp_path / "animals" / part / name
            folder.mkdir(parents=True)
            for i, image in enumerate(noise(count, seed=c + 10 * count)):
                Image.fromarray(image).save(folder / f"{i}.png")
    data, plain = (load(f"{kind}{tmp_path / 'animals'}", environ={}) for kind in ("hf:", ""))
    assert data.classes == plain.classes == ("ant", "bee")
    assert sorted(map(bytes, data.train.images)) == sorted(map(bytes, plain.train.images))
    assert data.test.labels.tolist() == plain.test.labels.tolist()


# --- TensorFlow Datasets ---

FAKE_TFDS = """
import sys
from types import SimpleNamespace as Names
import numpy as np

assert "lenet_tune.data.hubs" in sys.modules
print("a line that is no answer")

class Builder:
    def __init__(self, name):
        if name == "nothing":
            raise KeyError(f"Dataset {name} not found.\\nDid you mean mnist?")
        if name == "crash":
            import os
            os._exit(9)
        self.name, self.prepared = name, False
        kind = Names(names=None if name == "plain" else ["ant", "bee"])
        counts = {"train": 12} if name == "whole" else {"train": 6, "validation": 3}
        keys = None if name == "text" else ("image", "label")
        self.info = Names(
            splits={k: Names(num_examples=n) for k, n in counts.items()},
            supervised_keys=keys, features={"image": None, "label": kind},
        )

    def download_and_prepare(self):
        self.prepared = True

    def as_dataset(self, *, split, as_supervised, shuffle_files):
        assert self.prepared and as_supervised and not shuffle_files
        rng = np.random.default_rng(len(split))
        kind = np.float32 if self.name == "floats" else np.uint8
        for i in range(self.info.splits[split].num_examples):
            yield rng.integers(0, 256, (8, 8, 3), dtype=np.uint8).astype(kind), np.int64(i % 2)

def builder(name):
    return Builder(name)

def as_numpy(rows):
    return iter(rows)
"""


@pytest.fixture
def fake_tfds(tmp_path, monkeypatch):
    """A stand-in for `tensorflow_datasets` where the reader's process finds it."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "tensorflow_datasets.py").write_text(FAKE_TFDS)
    path = os.pathsep.join([str(tmp_path / "modules"), *sys.path])
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setattr("lenet_tune.data.hubs._is_installed", lambda module: True)


def test_tfds_reads_train_and_validation_in_a_process_of_its_own(fake_tfds):
    data = load("tfds:animals:1.0.0", environ={})
    assert (data.name, data.classes, data.image_shape) == ("tfds-animals-1.0.0", ("ant", "bee"), (8, 8, 3))
    rng = np.random.default_rng(len("validation"))
    expected = np.stack([rng.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(3)])
    np.testing.assert_array_equal(data.test.images, expected)
    assert data.train.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert data.notice == "not CIFAR-10, not comparable with the report; its test set is validation"
    assert "tensorflow_datasets" not in sys.modules


def test_tfds_resizes_and_sets_a_sixth_aside(fake_tfds):
    data = load("tfds:whole", image_size=(4, 6), environ={})
    assert (data.name, data.image_shape, len(data.test)) == ("tfds-whole-4x6", (4, 6, 3), 2)
    assert "a stratified sixth" in data.notice


def test_tfds_takes_labels_without_names(fake_tfds):
    assert load("tfds:plain", environ={}).classes == ("0", "1")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "cannot be read: 'Dataset nothing not found."),
        ("text", "one image and one label a row"),
        ("floats", "must hold uint8 images"),
        ("crash", "its reader ended with 9"),
    ],
)
def test_tfds_refuses_in_one_line(fake_tfds, name, words):
    with pytest.raises(DataError) as caught:
        load(f"tfds:{name}", environ={})
    line = str(caught.value)
    assert words in line
    assert f"tfds:{name}" in line
    assert line.count("cannot be read") <= 1
    assert "\n" not in line
