"""A user's own images in an .npz: x_train, y_train, x_test, y_test and perhaps classes.

`numpy.load` believes the sizes that a file claims; here every claim is checked against the
file's own length before anything is allocated, and object arrays (pickles) are refused.

Letters: n images, h rows, w columns, c channels, k classes.
"""

import io
import zipfile
from pathlib import Path
from typing import NoReturn

import numpy as np

from lenet_tune.data.files import IMAGES_LIMIT, check_memory, open_file, reading, shown
from lenet_tune.data.sets import MAX_CHANNELS, MAX_CLASSES, NOT_COMPARABLE, DataSet, Split, safe_name
from lenet_tune.data.splits import notice_of, share_out
from lenet_tune.errors import DataError

PAIRS = (
    ("x_train", "y_train", "x_test", "y_test"),
    ("train_images", "train_labels", "test_images", "test_labels"),
)
"""Names of the four arrays; the second row is MedMNIST's."""

SINGLES = (("x", "y"), ("images", "labels"))
"""Names of the arrays where nothing is set aside for testing."""

_FORM = "save x_train, x_test as uint8 (n, h, w) or (n, h, w, c), and y_train, y_test as integers from 0"
_CHUNK = 2**22  # numbers converted at a time


def load_npz(path: Path) -> DataSet:
    """The data set in an .npz, named after the file.

    Raises:
        DataError: if an array is missing, of the wrong form, damaged or larger than it is.
    """
    with reading(path), open_file(path) as file, zipfile.ZipFile(file) as archive:
        arrays = _Arrays(archive, path)
        train, test, notice = _splits(arrays)
        highest = max(int(train.labels.max()), int(test.labels.max()), arrays.columns - 1)
        classes = _classes(arrays) or tuple(str(label) for label in range(highest + 1))
        return DataSet(name=safe_name(path.stem), train=train, test=test, classes=classes, notice=notice)


def _splits(arrays: "_Arrays") -> tuple[Split, Split, str]:
    """Train, test, and what to say of them."""
    for x, y in SINGLES:
        if x in arrays and y in arrays and not any(name in arrays for row in PAIRS for name in row):
            images, labels = _images(arrays, x), _labels(arrays, y)
            whole = Split(images=images, labels=labels)
            order, first = share_out(labels, arrays.path)
            return whole.take(order[:first]), whole.take(order[first:]), notice_of(None)
    names = next((row for row in PAIRS if row[0] in arrays), PAIRS[0])
    splits = [
        Split(images=_images(arrays, x), labels=_labels(arrays, y))
        for x, y in zip(names[::2], names[1::2], strict=True)
    ]
    return splits[0], splits[1], NOT_COMPARABLE


class _Arrays:
    """The members of an .npz, read one by one with their claims checked.

    Attributes:
        columns: k of the one-hot labels read so far; 0 where there were none.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self.archive, self.path, self.columns = archive, path, 0
        self.sizes = {info.filename: info.file_size for info in archive.infolist()}
        if len(self.sizes) < len(archive.infolist()):
            self.refuse("the archive", "every name must occur once, but one occurs twice")
        if sum(self.sizes.values()) > IMAGES_LIMIT:
            self.refuse("the archive", f"it must unpack to at most {IMAGES_LIMIT:,} bytes, but claims more")

    def __contains__(self, name: str) -> bool:
        return f"{name}.npy" in self.sizes

    def read(self, name: str, kinds: str) -> np.ndarray:
        """Array `name`, whose numpy kind must be among `kinds`."""
        if name not in self:
            self.refuse(name, "it must be there, but is missing")
        check_memory(self.sizes[f"{name}.npy"], self.path, "Save fewer or smaller images.")
        with self.archive.open(f"{name}.npy") as member:
            content = member.read(self.sizes[f"{name}.npy"])
        stream = io.BytesIO(content)
        version = np.lib.format.read_magic(stream)
        read_header = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, by_columns, dtype = read_header(stream)
        if dtype.kind not in kinds:
            words = [_KINDS[kind] for kind in kinds]
            self.refuse(name, f"its type must be {' or '.join(words)}, but is {dtype}")
        size = dtype.itemsize
        for side in shape:
            size *= side
        if size == 0 or min(shape, default=1) < 0 or size != len(content) - stream.tell():
            self.refuse(
                name, f"shape {shape} must hold something and fit its {len(content):,} bytes, but does not"
            )
        flat = np.frombuffer(content, dtype=dtype, offset=stream.tell())
        return flat.reshape(shape, order="F" if by_columns else "C")

    def refuse(self, name: str, fault: str) -> NoReturn:
        raise DataError(f"{shown(self.path)}, {name}: {fault}. To mend it, {_FORM}.")


_KINDS = {
    "u": "an unsigned integer",
    "i": "an integer",
    "f": "a floating-point number",
    "b": "true or false",
    "U": "text",
}


def _images(arrays: _Arrays, name: str) -> np.ndarray:
    """(n, h, w, c) uint8; grey images without a channel axis get one."""
    images = arrays.read(name, "uifb")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] > MAX_CHANNELS:
        rule = f"(n, h, w) or (n, h, w, c) with c at most {MAX_CHANNELS}"
        arrays.refuse(name, f"its shape must be {rule}, but is {images.shape}")
    return np.ascontiguousarray(images if images.dtype == np.uint8 else _as_pixels(images, arrays, name))


def _as_pixels(images: np.ndarray, arrays: _Arrays, name: str) -> np.ndarray:
    """Other numbers as raw pixels 0..255: fractions are of 255, whole numbers are taken as they are."""
    flat = images.reshape(-1)
    pixels = np.empty(flat.shape, dtype=np.uint8)
    chunks = [slice(start, start + _CHUNK) for start in range(0, len(flat), _CHUNK)]
    low, high = min(flat[chunk].min() for chunk in chunks), max(flat[chunk].max() for chunk in chunks)
    fractions = images.dtype.kind in "fb" and low >= 0 and high <= 1
    for chunk in chunks:
        values = flat[chunk].astype(np.float64) * (255 if fractions else 1)
        near = np.rint(values)
        with np.errstate(invalid="ignore"):  # infinity minus infinity; a comparison with NaN is false
            is_pixel = (near >= 0) & (near <= 255) & (fractions | (np.abs(values - near) < 1e-3))
        if not is_pixel.all():
            arrays.refuse(
                name,
                "its values must be whole numbers in [0, 255] or fractions in [0, 1], but are "
                f"{images.dtype} from {low} to {high}",
            )
        pixels[chunk] = near
    return pixels.reshape(images.shape)


def _labels(arrays: _Arrays, name: str) -> np.ndarray:
    """(n,) int64."""
    labels = arrays.read(name, "iufb")
    if labels.ndim == 2 and labels.shape[1] > 1:
        if labels.shape[1] > MAX_CLASSES:
            arrays.refuse(name, f"one-hot labels must have at most {MAX_CLASSES} columns, not {labels.shape}")
        if not (((labels == 0) | (labels == 1)).all() and (labels.sum(axis=1) == 1).all()):
            arrays.refuse(name, "each row of one-hot labels must be one 1 and else 0, but one is not")
        arrays.columns = max(arrays.columns, labels.shape[1])
        return labels.argmax(axis=1).astype(np.int64)
    if labels.ndim == 2:
        labels = labels[:, 0]
    if labels.ndim != 1:
        arrays.refuse(name, f"its shape must be (n,), (n, 1) or one-hot (n, k), but is {labels.shape}")
    if labels.dtype.kind not in "iu":
        arrays.refuse(name, f"its type must be an integer, or 0 and 1 in one-hot rows, but is {labels.dtype}")
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
