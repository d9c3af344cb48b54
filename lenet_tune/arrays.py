"""A user's own arrays as a data set.

Letters: n images, h rows, w columns, c channels.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lenet_tune.data import DataSet, Split
from lenet_tune.errors import DataError

NAME = "arrays"
NOTICE = "your own arrays, not comparable with the report"
_FORM = "Pass data=((x_train, y_train), (x_test, y_test))."


def dataset_of(arrays: Sequence[Any]) -> DataSet:
    """The data set of `((x_train, y_train), (x_test, y_test))`.

    Images are (n, h, w) or (n, h, w, 1 or 3): whole numbers 0..255, or fractions 0..1, which are taken times
    255 and rounded. Labels are whole numbers from 0, (n,) or (n, 1). Class names are the labels.

    Raises:
        DataError: anything else, in one line.
    """
    try:
        (x_train, y_train), (x_test, y_test) = arrays
    except (TypeError, ValueError):
        raise DataError(
            f"`data` must be a name, a path or two pairs of arrays, but is none. {_FORM}"
        ) from None
    train = Split(images=_images("x_train", x_train), labels=_labels("y_train", y_train))
    test = Split(images=_images("x_test", x_test), labels=_labels("y_test", y_test))
    highest = max(int(train.labels.max()), int(test.labels.max()))
    return DataSet(
        name=NAME, train=train, test=test, classes=tuple(map(str, range(highest + 1))), notice=NOTICE
    )


def _images(name: str, values: Any) -> np.ndarray:
    """(n, h, w, c) uint8."""
    images = _array(name, values, "uif")
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise DataError(f"`{name}` must be (n, h, w) or (n, h, w, 1 or 3), but is {images.shape}. {_FORM}")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255):  # NaN is refused too
        raise DataError(
            f"`{name}` must hold pixels in 0..255 or 0..1, but spans {low} to {high}. Pass raw pixels: how "
            "they are scaled is the knob `normalization`."
        )
    if images.dtype.kind == "f":
        images = np.rint(images * 255 if high <= 1 else images)
    return np.ascontiguousarray(images, dtype=np.uint8)


def _labels(name: str, values: Any) -> np.ndarray:
    """(n,) int64."""
    labels = _array(name, values, "ui")
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(
            f"`{name}` must be (n,) or (n, 1) class numbers from 0, but is {labels.shape}. "
            "Of one-hot labels, pass labels.argmax(axis=1)."
        )
    return labels.astype(np.int64)


def _array(name: str, values: Any, kinds: str) -> np.ndarray:
    found = np.asarray(values)
    if found.dtype.kind not in kinds or found.size == 0:
        wanted = "numbers" if "f" in kinds else "whole numbers"
        raise DataError(f"`{name}` must hold {wanted}, but is {found.shape} {found.dtype}. {_FORM}")
    return found
