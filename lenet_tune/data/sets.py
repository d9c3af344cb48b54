"""What a data set is once it is in memory: two checked, read-only splits and their fingerprint.

Letters: n images, h rows, w columns, c channels.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from lenet_tune.errors import DataError

MAX_CLASSES = 1000

MAX_CHANNELS = 16
"""More are taken for images whose channels come first, (n, c, h, w)."""

NOT_COMPARABLE = "not CIFAR-10, not comparable with the report"
"""The notice of every other data set."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Split:
    """Images and their labels, in one order; both arrays are read-only views.

    Args:
        images: (n, h, w, c) uint8, raw pixels 0..255, c is at most `MAX_CHANNELS`.
        labels: (n,) int64, class indices from 0.

    Raises:
        DataError: if shapes or types differ from the above, or n is 0.
    """

    images: np.ndarray
    labels: np.ndarray

    def __post_init__(self) -> None:
        images, labels = np.asarray(self.images), np.asarray(self.labels)
        plain = images.ndim == 4 and images.dtype == np.uint8
        if not plain or images.shape[3] > MAX_CHANNELS or 0 in images.shape:
            raise DataError(
                f"images must be (n, h, w, c) uint8 with c at most {MAX_CHANNELS} and nothing empty, but "
                f"got {images.shape} {images.dtype}. Convert them first."
            )
        if labels.shape != images.shape[:1] or labels.dtype != np.int64:
            raise DataError(
                f"labels must be ({len(images)},) int64, one an image, "
                f"but got {labels.shape} {labels.dtype}. Convert them first."
            )
        if labels.min() < 0:
            raise DataError(f"labels must count from 0, but got {labels.min()}. Renumber the classes.")
        object.__setattr__(self, "images", _read_only(images))
        object.__setattr__(self, "labels", _read_only(labels))

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Split":
        """A copy of the images and labels at `indices`, in that order."""
        return Split(images=self.images[indices], labels=self.labels[indices])


@dataclass(frozen=True, kw_only=True, eq=False)
class DataSet:
    """A named pair of splits with one image shape and one list of classes.

    Args:
        name: what users see: "cifar10", "shapes", ..., or the stem of an .npz file.
        train: for training and validation.
        test: for the final figure only.
        classes: class names; label i is `classes[i]`.
        comparable: whether figures may stand next to the report's: complete CIFAR-10 only.
        notice: what to tell beside every figure, or None where there is nothing to tell.

    Raises:
        DataError: if the splits differ in image shape, or a label has no class.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...]
    comparable: bool = False
    notice: str | None = None

    def __post_init__(self) -> None:
        if self.train.images.shape[1:] != self.test.images.shape[1:]:
            raise DataError(
                "train and test images must have one shape, "
                f"but got {self.train.images.shape[1:]} and {self.test.images.shape[1:]}. Fix the data set."
            )
        if not 2 <= len(self.classes) <= MAX_CLASSES:
            raise DataError(
                f"a data set must have 2 to {MAX_CLASSES} classes, but got {len(self.classes)}. "
                "Fix the labels."
            )
        highest = max(int(self.train.labels.max()), int(self.test.labels.max()))
        if highest >= len(self.classes):
            raise DataError(
                f"labels must be in [0, {len(self.classes) - 1}], one for each class, but got {highest}. "
                "Fix the labels or name more classes."
            )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(h, w, c) of every image in both splits."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @cached_property
    def fingerprint(self) -> str:
        """64 hex digits, the SHA-256 of shapes, pixels and labels; the first 16 are enough to show.

        It does not depend on where the data came from, so a folder and an archive of it agree.
        """
        digest = hashlib.sha256()
        for split in (self.train, self.test):
            digest.update(repr(split.images.shape).encode())
            digest.update(np.ascontiguousarray(split.images).data)
            digest.update(np.ascontiguousarray(split.labels, dtype="<i8").data)
        return digest.hexdigest()


def safe_name(text: str, size: tuple[int, int] | None = None) -> str:
    """A data set's name made of `text`: letters, digits, dot and hyphen, at most 60 of them.

    Args:
        size: (h, w) that the images were resized to, which becomes part of the name.
    """
    name = re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII)[:60].strip("-._") or "data"
    return name if size is None else f"{name}-{size[0]}x{size[1]}"


def _read_only(array: np.ndarray) -> np.ndarray:
    """A view that cannot be written through; the caller's own array keeps its flags."""
    view = array.view()
    view.flags.writeable = False
    return view
