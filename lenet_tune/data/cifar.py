"""CIFAR-10 and CIFAR-100 in their official layout, from a folder or an archive of it.

Letters: n images; 3072 = 3 channels x 32 rows x 32 columns, the order of a row in the files.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lenet_tune.data.archive import read_folder, read_tar
from lenet_tune.data.files import reading, shown
from lenet_tune.data.sets import NOT_COMPARABLE, DataSet, Split
from lenet_tune.data.unpickle import PickledArray, read_pickle
from lenet_tune.errors import DataError

CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

CIFAR10_CONTENT = "db79baa8e3b0c6d26552b62b2625c01a111d54c5eb0e81b38a5011b1f53cfa72"
"""SHA-256 of `content_table` of the real CIFAR-10; the same for any order of its images."""


@dataclass(frozen=True, kw_only=True)
class _Layout:
    """Which files a data set has, and what is in them."""

    name: str
    train: dict[str, str]  # file -> the batch_label inside it, which tells a swapped file
    test: dict[str, str]
    meta: str
    rows: dict[str, int]  # file -> n
    labels_key: str
    classes_key: str
    num_classes: int

    @property
    def files(self) -> tuple[str, ...]:
        return (*self.train, *self.test, self.meta)


_CIFAR10 = _Layout(
    name="cifar10",
    train={f"data_batch_{i}": f"training batch {i} of 5" for i in range(1, 6)},
    test={"test_batch": "testing batch 1 of 1"},
    meta="batches.meta",
    rows={**{f"data_batch_{i}": 10_000 for i in range(1, 6)}, "test_batch": 10_000},
    labels_key="labels",
    classes_key="label_names",
    num_classes=10,
)
_CIFAR100 = _Layout(
    name="cifar100",
    train={"train": "training batch 1 of 1"},
    test={"test": "testing batch 1 of 1"},
    meta="meta",
    rows={"train": 50_000, "test": 10_000},
    labels_key="fine_labels",
    classes_key="fine_label_names",
    num_classes=100,
)
_WANTED = _CIFAR10.files + _CIFAR100.files
_FOLDERS = ("cifar-10-batches-py", "cifar-100-python")


def looks_like_cifar10(path: Path) -> bool:
    """Whether `path` is the official folder or holds it, or is named as its archive."""
    with reading(path):
        if path.is_file():
            return path.name.startswith("cifar-10-") and ".tar" in path.suffixes
        return any((folder / "data_batch_1").exists() for folder in (path, path / "cifar-10-batches-py"))


def is_official(path: Path) -> bool:
    """Whether the folder `path` holds a file of an official folder, or such a folder."""
    inner = any((path / name).is_dir() for name in _FOLDERS)
    return inner or any((path / name).exists() and not (path / name).is_dir() for name in _WANTED)


def load_folder(path: Path) -> DataSet:
    """The data set in an official folder, or in the official folder inside `path`.

    Raises:
        DataError: if a file is missing, damaged, swapped or hostile; the message names it.
    """
    inner = [path / name for name in _FOLDERS]
    with reading(path):
        folder = next((inside for inside in inner if inside.is_dir()), path)
    return _assemble(read_folder(folder, _WANTED), str(folder), "/")


def load_tar(path: Path) -> DataSet:
    """The data set in a .tar or .tar.gz of an official folder.

    Raises:
        DataError: if the archive or a file in it is damaged, swapped or hostile.
    """
    return _assemble(read_tar(path, _WANTED), str(path), ":")


def content_table(data: DataSet) -> bytes:
    """Images and channel sums of each class in both splits: the same for any order of the images."""
    tables = []
    per_channel = np.tile(np.eye(3, dtype=np.float32), (1024, 1))  # (3072, 3)
    for split in (data.train, data.test):
        table = np.zeros((data.num_classes, 4), dtype="<i8")  # images, then the sum of each channel
        for start in range(0, len(split), 2000):
            images = split.images[start : start + 2000].reshape(-1, 3072)
            sums = images.astype(np.float32) @ per_channel  # exact: a sum is below 2**24
            np.add.at(table[:, 1:], split.labels[start : start + 2000], sums.astype(np.int64))
        table[:, 0] = np.bincount(split.labels, minlength=data.num_classes)
        tables.append(table.tobytes())
    return b"".join(tables)


def _assemble(files: dict[str, bytes], where: str, separator: str) -> DataSet:
    """Check and join the files; `files` is emptied on the way to save memory."""
    layout = _CIFAR100 if "train" in files and "data_batch_1" not in files else _CIFAR10
    if missing := [name for name in layout.files if name not in files]:
        raise DataError(
            f"{shown(where)} must hold {', '.join(layout.files)}, but lacks {', '.join(missing)}. "
            "Pass the official folder or archive of CIFAR-10."
        )
    classes = _classes(
        read_pickle(files.pop(layout.meta), where=f"{where}{separator}{layout.meta}"), layout, where
    )
    seen: dict[bytes, str] = {}
    splits = []
    for part in (layout.train, layout.test):
        images = np.empty((sum(layout.rows[name] for name in part), 32, 32, 3), dtype=np.uint8)
        labels, start = [], 0
        for name, batch_label in part.items():
            place = f"{where}{separator}{name}"
            pixels, batch_labels = _batch(
                read_pickle(files.pop(name), where=place), layout, name, batch_label, place
            )
            twin = seen.setdefault(hashlib.sha256(pixels.data).digest(), name)
            if twin != name:
                raise DataError(
                    f"{shown(place)} holds the same images as {twin}. Get the official file again."
                )
            images[start : start + len(pixels)] = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
            labels.append(batch_labels)
            start += len(pixels)
        splits.append(Split(images=images, labels=np.concatenate(labels)))
    return _judge(splits[0], splits[1], classes, layout)


def _judge(train: Split, test: Split, classes: tuple[str, ...], layout: _Layout) -> DataSet:
    """The data set, comparable only if its content is the real CIFAR-10's."""
    data = DataSet(name=layout.name, train=train, test=test, classes=classes, notice=NOT_COMPARABLE)
    if layout is not _CIFAR10:
        return data
    real = hashlib.sha256(content_table(data)).hexdigest() == CIFAR10_CONTENT
    notice = None if real else "laid out as CIFAR-10 but with other content, not comparable with the report"
    return DataSet(name=layout.name, train=train, test=test, classes=classes, comparable=real, notice=notice)


def _classes(meta: object, layout: _Layout, where: str) -> tuple[str, ...]:
    """The class names of a meta file."""
    names = meta.get(layout.classes_key) if isinstance(meta, dict) else None
    if isinstance(names, list) and all(isinstance(name, bytes | str) for name in names):
        classes = tuple(name.decode("latin-1") if isinstance(name, bytes) else name for name in names)
        right = len(set(classes)) == len(classes) == layout.num_classes
        if right and (layout is not _CIFAR10 or classes == CIFAR10_CLASSES):
            return classes
    raise DataError(
        f"{shown(where)}: {layout.meta} must list the {layout.num_classes} classes of {layout.name} "
        f"under {layout.classes_key}, but does not. Get the official file again."
    )


def _batch(
    content: object, layout: _Layout, name: str, batch_label: str, place: str
) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (n, 3072) uint8 and labels (n,) int64 of one file, once it is what its name says."""
    rows, fault = layout.rows[name], None
    fields = content if isinstance(content, dict) else {}
    pixels, labels = fields.get("data"), fields.get(layout.labels_key)
    told = fields.get("batch_label", batch_label)
    told = told.decode("latin-1") if isinstance(told, bytes) else told
    if layout is _CIFAR10 and "fine_labels" in fields:
        fault = "is a file of CIFAR-100"
    elif told != batch_label:
        fault = f"must be {batch_label!r}, but is {shown(told) if isinstance(told, str) else 'not'}"
    elif not isinstance(pixels, PickledArray) or pixels.array.shape != (rows, 3072):
        shape = pixels.array.shape if isinstance(pixels, PickledArray) else "none"
        fault = f"must hold data of shape ({rows}, 3072) uint8, but has {shape}"
    elif not isinstance(labels, list) or len(labels) != rows:
        got = len(labels) if isinstance(labels, list) else "no list of"
        fault = f"must hold {rows:,} {layout.labels_key}, but has {got}"
    elif not all(type(label) is int and 0 <= label < layout.num_classes for label in labels):
        fault = f"must hold {layout.labels_key} in [0, {layout.num_classes - 1}], but holds others"
    if fault is not None or not isinstance(pixels, PickledArray):
        raise DataError(f"{shown(place)} {fault}. Get the official file again.")
    return np.ascontiguousarray(pixels.array), np.array(labels, dtype=np.int64)
