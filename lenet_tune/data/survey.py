"""What is in a data set, and what of it should make one wary.

Letters: n images, h rows, w columns, c channels.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from lenet_tune.data.sets import DataSet, Split
from lenet_tune.data.splits import channel_statistics

UNBALANCED = 2.0
"""How many times more images the largest class may have than the smallest, without a warning."""

_CHUNK = 2048  # images looked at together


@dataclass(frozen=True, kw_only=True)
class ClassCount:
    """How many images of a class there are."""

    name: str
    train: int
    test: int


@dataclass(frozen=True, kw_only=True)
class Duplicates:
    """Images that are equal pixel by pixel.

    Args:
        within_train: training images that are a copy of an earlier one.
        contradicting: of those, the ones with another label than the first.
        across: test images that are also among the training images.
    """

    within_train: int
    contradicting: int
    across: int


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The figures of a data set.

    Args:
        value_range: the smallest and the largest pixel value of all images.
        channel_mean, channel_std: of the training images, raw 0..255.
        constant: images of a single value a channel, in train and in test.
    """

    name: str
    image_shape: tuple[int, int, int]
    fingerprint: str
    comparable: bool
    notice: str | None
    classes: tuple[ClassCount, ...]
    value_range: tuple[int, int]
    channel_mean: tuple[float, ...]
    channel_std: tuple[float, ...]
    duplicates: Duplicates
    constant: tuple[int, int]

    @property
    def train_size(self) -> int:
        """Training images."""
        return sum(count.train for count in self.classes)

    @property
    def test_size(self) -> int:
        """Test images."""
        return sum(count.test for count in self.classes)

    @property
    def imbalance(self) -> float:
        """Training images of the largest class over those of the smallest that has any."""
        counts = [count.train for count in self.classes if count.train]
        return max(counts) / min(counts)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What should make one wary, one line each."""
        return tuple(_warnings(self))


def survey(data: DataSet) -> Survey:
    """Look at every image of `data`."""
    train, test = (np.bincount(part.labels, minlength=data.num_classes) for part in (data.train, data.test))
    lows_highs = [_range(part) for part in (data.train, data.test)]
    mean, std = channel_statistics(data.train)
    return Survey(
        name=data.name,
        image_shape=data.image_shape,
        fingerprint=data.fingerprint,
        comparable=data.comparable,
        notice=data.notice,
        classes=tuple(
            ClassCount(name=name, train=int(a), test=int(b))
            for name, a, b in zip(data.classes, train, test, strict=True)
        ),
        value_range=(min(low for low, _ in lows_highs), max(high for _, high in lows_highs)),
        channel_mean=tuple(float(v) for v in mean),
        channel_std=tuple(float(v) for v in std),
        duplicates=_duplicates(data),
        constant=(_constant(data.train), _constant(data.test)),
    )


def _range(split: Split) -> tuple[int, int]:
    return int(split.images.min()), int(split.images.max())


def _digests(split: Split) -> Iterator[bytes]:
    for image in split.images:
        yield hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest()


def _duplicates(data: DataSet) -> Duplicates:
    labels: dict[bytes, int] = {}
    within = contradicting = 0
    for digest, label in zip(_digests(data.train), data.train.labels.tolist(), strict=True):
        first = labels.setdefault(digest, label)
        contradicting += first != label
        within += 1
    return Duplicates(
        within_train=within - len(labels),
        contradicting=contradicting,
        across=sum(digest in labels for digest in _digests(data.test)),
    )


def _constant(split: Split) -> int:
    count = 0
    for start in range(0, len(split), _CHUNK):
        chunk = split.images[start : start + _CHUNK]  # (n, h, w, c)
        count += int((chunk == chunk[:, :1, :1]).all(axis=(1, 2, 3)).sum())
    return count


def _warnings(found: Survey) -> Iterator[str]:
    for part in ("train", "test"):
        missing = [count.name for count in found.classes if not getattr(count, part)]
        if missing:
            yield f"{len(missing)} of {len(found.classes)} classes have no {part} images: {_some(missing)}"
    if found.imbalance > UNBALANCED:
        yield (
            f"the largest class has {found.imbalance:.1f} times the training images of the smallest: "
            "read balanced accuracy beside accuracy"
        )
    same = found.duplicates
    if same.within_train:
        also = f", {same.contradicting:,} of them with another label" if same.contradicting else ""
        yield f"{same.within_train:,} training images are copies of others{also}"
    if same.across:
        yield (
            f"{same.across:,} of {found.test_size:,} test images are also training images: "
            "accuracy on them says little"
        )
    for part, count in zip(("training", "test"), found.constant, strict=True):
        if count:
            yield f"{count:,} {part} images have one value everywhere"
    if found.value_range[1] <= 1:
        yield f"no pixel value is above {found.value_range[1]}, of 255: were the images scaled before saving?"


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
