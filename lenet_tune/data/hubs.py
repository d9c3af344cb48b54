"""Data sets by a hub's name: `hf:NAME` (Hugging Face) and `tfds:NAME` (TensorFlow Datasets).

Both need a package that is not among this one's requirements. TensorFlow Datasets runs TensorFlow, which
must not wake up before the device is chosen, so it is read in a process of its own (`tfds_reader`) that
hands the arrays over as an .npz.

Tried with datasets 5.2 on image folders and parquet files on disk (`hf:/path`), and with
tensorflow-datasets 4.9 on a set prepared on disk; names that take a download were not tried.
"""

import contextlib
import importlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from lenet_tune.data.files import shown
from lenet_tune.data.npz import load_npz
from lenet_tune.data.pictures import Gallery, Size, pixels
from lenet_tune.data.sets import DataSet, Split, safe_name
from lenet_tune.data.splits import notice_of, share_out
from lenet_tune.errors import DataError

TEST_NAMES = ("test", "validation", "valid", "val")
"""Names of the part to test on, the first that is there and labelled."""

READER = "lenet_tune.data.tfds_reader"
_PACKAGES = {"hf": ("datasets", "datasets"), "tfds": ("tensorflow_datasets", "tensorflow-datasets")}


def is_hub(source: str) -> bool:
    """Whether `source` names a data set of a hub."""
    return source.partition(":")[0] in _PACKAGES and ":" in source


def load_hub(source: str, size: Size | None, say: Callable[[str], None]) -> DataSet:
    """The data set "hf:NAME", "hf:NAME#CONFIG", "hf:/path" or "tfds:NAME".

    Args:
        size: what every image is resized to; None where they have one size already.
        say: told that it takes its time.

    Raises:
        DataError: the package is missing, or the data set is, or it holds no labelled images.
    """
    hub, _, name = source.partition(":")
    package = _PACKAGES[hub][1]
    if missing_package(source) is not None:
        raise DataError(
            f"{shown(source)} needs the package {package}, which is not installed: pip install '{package}'"
        )
    if not name:
        raise DataError(f"{shown(source)} must name a data set: {hub}:NAME.")
    say(f"reading {shown(source)} with {package}; a download, where there is one, takes its time ...")
    load: Callable[[str, Size | None], DataSet] = {"hf": _load_hf, "tfds": _load_tfds}[hub]
    return replace(load(name, size), name=_name(hub, name, size))


def missing_package(source: str) -> str | None:
    """The package that a hub's name needs and that is not installed; None where it is."""
    module, package = _PACKAGES[source.partition(":")[0]]
    return None if _is_installed(module) else package


def _is_installed(module: str) -> bool:
    try:
        return module in sys.modules or find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _name(hub: str, name: str, size: Size | None) -> str:
    told = os.path.basename(os.path.normpath(name)) if os.path.exists(name) else name
    return safe_name(f"{hub}-{told}", size)


@contextlib.contextmanager
def asking(source: str) -> Iterator[None]:
    """Turn whatever a hub's package raises into a one-line `DataError`."""
    try:
        yield
    except DataError:
        raise
    except Exception as fault:  # the packages document no errors, and raise many kinds
        words = " ".join(str(fault).split())[:300].rstrip(".") or type(fault).__name__
        raise DataError(
            f"{shown(source)} cannot be read: {words}. Check the name, or get it again."
        ) from fault


# --- Hugging Face ---


def _load_hf(name: str, size: Size | None) -> DataSet:
    source = f"hf:{name}"
    with asking(source):
        hub = importlib.import_module("datasets")
        hub.disable_progress_bars()
        path, _, config = name.partition("#")
        found = hub.load_dataset(os.path.expanduser(path), *([config] if config else []))
        parts = _hf_parts(hub, found, source)
        return _assembled(parts, size, source)


class _Part:
    """A labelled part of a data set of the hub."""

    def __init__(self, name: str, rows: Any, image: str, label: str) -> None:
        self.name, self.rows, self.image = name, rows, image
        self.labels = np.asarray(list(rows[label]), dtype=np.int64)  # (n,)
        names = getattr(rows.features[label], "names", None)
        self.classes = None if names is None else tuple(map(str, names))

    def pictures(self) -> Iterator[Any]:
        """The images in order, as Pillow's."""
        for row in self.rows.select_columns([self.image]):
            yield row[self.image]


def _hf_parts(hub: Any, found: Any, source: str) -> list[_Part]:
    """The part to train on, and the one to test on where there is one with labels."""
    names = {str(name).lower(): name for name in found}
    train = "train" if "train" in names else next(iter(names), None)
    if train is None:
        raise DataError(f"{shown(source)} must have a part train, but has none. Pass another.")
    parts = [_hf_part(hub, names[train], found[names[train]], source)]
    for name in TEST_NAMES:
        if name in names and name != train:
            part = _hf_part(hub, names[name], found[names[name]], source)
            if len(part.labels) and part.labels.min() >= 0:  # labels kept secret are -1
                return [*parts, part]
    return parts


def _hf_part(hub: Any, name: str, rows: Any, source: str) -> _Part:
    images = [column for column, kind in rows.features.items() if isinstance(kind, hub.Image)]
    labels = [column for column, kind in rows.features.items() if isinstance(kind, hub.ClassLabel)]
    labels = labels or [column for column in ("label", "labels") if column in rows.features]
    if not images or not labels:
        columns = ", ".join(f"{column} ({type(kind).__name__})" for column, kind in rows.features.items())
        raise DataError(
            f"{shown(source)} must have a column of images and one of class labels, but has "
            f"{shown(columns)}. Pass another data set."
        )
    return _Part(str(name), rows, images[0], labels[0])


def _assembled(parts: list[_Part], size: Size | None, source: str) -> DataSet:
    labels = np.concatenate([part.labels for part in parts])
    first, place = len(parts[0].labels), np.arange(len(labels))
    if len(parts) == 1:
        order, first = share_out(labels, source)
        place[order] = np.arange(len(labels))
        labels = labels[order]
    gallery = Gallery(len(labels), source)
    pictures = (picture for part in parts for picture in part.pictures())
    for number, (picture, there) in enumerate(zip(pictures, place, strict=True)):
        name = f"image {number}"
        gallery.put(int(there), pixels(picture, size, f"{source}, {name}"), name)
    images = gallery.images()
    names = next((part.classes for part in parts if part.classes), None)
    return DataSet(
        name="hf",
        train=Split(images=images[:first], labels=labels[:first]),
        test=Split(images=images[first:], labels=labels[first:]),
        classes=names or tuple(str(label) for label in range(int(labels.max()) + 1)),
        notice=notice_of(parts[1].name if len(parts) > 1 else None),
    )


# --- TensorFlow Datasets ---


def _load_tfds(name: str, size: Size | None) -> DataSet:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npz"
        sides = [] if size is None else [str(side) for side in size]
        environ = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2"}
        # The last line of stdout is the answer. TensorFlow's dozen lines on stderr are not shown.
        done = subprocess.run(
            [sys.executable, "-m", READER, name, str(path), *sides],
            capture_output=True,
            env=environ,
            check=False,
        )
        lines = done.stdout.decode("utf-8", "replace").strip().splitlines()
        if done.returncode or not lines:
            refused = done.returncode == DataError.exit_code and lines
            reason = lines[-1] if refused else _crash(done)
            raise DataError(f"{shown(f'tfds:{name}')} cannot be read: {reason}")
        data = load_npz(path)
        return replace(data, notice=lines[-1])


def _crash(done: subprocess.CompletedProcess) -> str:
    """How a reader ended that gave no answer."""
    last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
    return " ".join([f"its reader ended with {done.returncode}.", *last])[:300]
