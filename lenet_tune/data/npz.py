"""A user's own images in an .npz with x_train, y_train, x_test, y_test and perhaps classes.

`numpy.load` believes the sizes that a file claims; here every claim is checked against the
file's own length before anything is allocated, and object arrays (pickles) are refused.
"""

import io
import zipfile
from pathlib import Path

import numpy as np

from lenet_tune.data.files import MIB, open_file, reading, shown
from lenet_tune.data.sets import MAX_CLASSES, NOT_COMPARABLE, DataSet, Split, safe_name
from lenet_tune.errors import DataError

LIMIT = 4096 * MIB
"""Bytes of all arrays once decompressed; far more than a LeNet is for."""

_FORM = "save x_train, x_test as uint8 (n, h, w) or (n, h, w, 1 or 3) and y_train, y_test as integers from 0"


def load_npz(path: Path) -> DataSet:
    """The data set in an .npz, named after the file.

    Raises:
        DataError: if an array is missing, of the wrong form, damaged or larger than it is.
    """
    with reading(path), open_file(path) as file, zipfile.ZipFile(file) as archive:
        arrays = _Arrays(archive, path)
        train, test = (
            Split(images=_images(arrays, f"x_{part}"), labels=_labels(arrays, f"y_{part}"))
            for part in ("train", "test")
        )
        highest = max(int(train.labels.max()), int(test.labels.max()))
        classes = _classes(arrays) or tuple(str(label) for label in range(highest + 1))
        return DataSet(
            name=safe_name(path.stem), train=train, test=test, classes=classes, notice=NOT_COMPARABLE
        )


class _Arrays:
    """The members of an .npz, read one by one with their claims checked."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self.archive, self.path = archive, path
        self.sizes = {info.filename: info.file_size for info in archive.infolist()}
        if len(self.sizes) < len(archive.infolist()):
            self.refuse("the archive", "every name must occur once, but one occurs twice")
        if sum(self.sizes.values()) > LIMIT:
            self.refuse("the archive", f"it must unpack to at most {LIMIT:,} bytes, but claims more")

    def __contains__(self, name: str) -> bool:
        return f"{name}.npy" in self.sizes

    def read(self, name: str, kinds: str) -> np.ndarray:
        """Array `name`, whose numpy kind must be among `kinds`."""
        if name not in self:
            self.refuse(name, "it must be there, but is missing")
        with self.archive.open(f"{name}.npy") as member:
            content = member.read(self.sizes[f"{name}.npy"])
        stream = io.BytesIO(content)
        version = np.lib.format.read_magic(stream)
        read_header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, by_columns, dtype = read_header(stream)
        if dtype.kind not in kinds:
            self.refuse(
                name, f"its type must be {' or '.join(_KINDS[kind] for kind in kinds)}, but is {dtype}"
            )
        size = dtype.itemsize
        for side in shape:
            size *= side
        if size == 0 or min(shape, default=1) < 0 or size != len(content) - stream.tell():
            self.refuse(
                name, f"shape {shape} must hold something and fit its {len(content):,} bytes, but does not"
            )
        flat = np.frombuffer(content, dtype=dtype, offset=stream.tell())
        return flat.reshape(shape, order="F" if by_columns else "C")

    def refuse(self, name: str, fault: str) -> None:
        raise DataError(f"{shown(self.path)}, {name}: {fault}. To mend it, {_FORM}.")


_KINDS = {"u": "an unsigned integer", "i": "an integer", "U": "text"}


def _images(arrays: _Arrays, name: str) -> np.ndarray:
    """(n, h, w, c) uint8; grey images without a channel axis get one."""
    images = arrays.read(name, "u")
    if images.dtype != np.uint8:
        arrays.refuse(name, f"its type must be uint8, raw pixels 0..255, but is {images.dtype}")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        arrays.refuse(name, f"its shape must be (n, h, w) or (n, h, w, 1 or 3), but is {images.shape}")
    return np.ascontiguousarray(images)


def _labels(arrays: _Arrays, name: str) -> np.ndarray:
    """(n,) int64."""
    labels = arrays.read(name, "iu")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        arrays.refuse(name, f"its shape must be (n,) or (n, 1), but is {labels.shape}")
    if labels.min() < 0 or labels.max() >= MAX_CLASSES:
        arrays.refuse(
            name, f"labels must be in [0, {MAX_CLASSES - 1}], but span {labels.min()} to {labels.max()}"
        )
    return labels.astype(np.int64)


def _classes(arrays: _Arrays) -> tuple[str, ...] | None:
    """Class names, or None where the file has none."""
    if "classes" not in arrays:
        return None
    classes = tuple(str(name) for name in arrays.read("classes", "U").ravel())
    if len(set(classes)) < len(classes) or any(not name or len(name) > 100 for name in classes):
        arrays.refuse("classes", "names must be unique and have 1 to 100 characters, but do not")
    return classes
