"""Parts of a split by seed, with class proportions kept, and pixel statistics.

Letters: n images, k classes, c channels.
"""

import operator

import numpy as np

from lenet_tune.data.files import shown
from lenet_tune.data.sets import NOT_COMPARABLE, Split
from lenet_tune.errors import DataError, SettingError

TEST_PART = 6
"""One image in so many becomes a test image where a source has none; CIFAR-10 has as many."""


def notice_of(test: str | None) -> str:
    """The notice of a user's own data.

    Args:
        test: name of the part that is tested on; None where `share_out` has set it aside.
    """
    if test is None:
        return f"{NOT_COMPARABLE}; a stratified sixth of its images, drawn with seed 0, is the test set"
    return NOT_COMPARABLE if test.lower().startswith("test") else f"{NOT_COMPARABLE}; its test set is {test}"


STD_FLOOR = 1.0
"""Grey levels out of 255; a channel with less spread is as good as constant, and dividing by it explodes."""

_CHUNK = 2048
"""Images at a time in `channel_statistics`; bounds its memory to some 20 MB on CIFAR-10."""


def stratified_split(split: Split, *, size: int, seed: int) -> tuple[Split, Split]:
    """Hold out exactly `size` images with the class proportions of the whole.

    Each class gets floor or ceil of its share, by largest remainder; `seed` settles ties and
    chooses the images. Both parts keep the order of `split`.

    Args:
        size: images to hold out, in [1, n - 1].
        seed: a whole number from 0; equal seeds give equal parts.

    Returns:
        (rest, held_out), disjoint and together all of `split`.

    Raises:
        SettingError: if `size` or `seed` is out of range.
    """
    held_out = stratified_choice(split.labels, size=size, seed=seed)
    return split.take(np.flatnonzero(~held_out)), split.take(np.flatnonzero(held_out))


def stratified_choice(labels: np.ndarray, *, size: int, seed: int) -> np.ndarray:
    """Which images `stratified_split` holds out: (n,) bool.

    Args:
        labels: (n,) int64.
        size, seed: as there.

    Raises:
        SettingError: if `size` or `seed` is out of range.
    """
    size = _whole(size, "size of the held-out part", 1, len(labels) - 1)
    rng = np.random.default_rng(_whole(seed, "seed", 0, None))
    held_out = np.zeros(len(labels), dtype=bool)  # (n,)
    names, counts = np.unique(labels, return_counts=True)  # (k,), (k,)
    for name, quota in zip(names, _quotas(counts, size, rng), strict=True):
        members = np.flatnonzero(labels == name)
        held_out[rng.permutation(members)[:quota]] = True
    return held_out


def share_out(labels: np.ndarray, where: object) -> tuple[np.ndarray, int]:
    """Set test images aside where a source has none; the same ones for the same labels.

    Returns:
        (n,) int64, the images to train on and after them those to test on; how many the first are.

    Raises:
        DataError: if there are too few images.
    """
    if len(labels) < TEST_PART:
        raise DataError(
            f"{shown(where)} must hold at least {TEST_PART} images, of which a part becomes the test images, "
            f"but holds {len(labels)}. Add images, or test/CLASS/ beside train/CLASS/."
        )
    held_out = stratified_choice(labels, size=len(labels) // TEST_PART, seed=0)
    order = np.concatenate([np.flatnonzero(~held_out), np.flatnonzero(held_out)])
    return order, int((~held_out).sum())


def subset(split: Split, *, size: int, seed: int) -> Split:
    """Exactly `size` images with the class proportions of the whole, in the order of `split`.

    Args:
        size: images to keep, in [1, n]; n gives `split` itself.
        seed: as in `stratified_split`.

    Raises:
        SettingError: if `size` or `seed` is out of range.
    """
    size = _whole(size, "size of the subset", 1, len(split))
    if size == len(split):
        return split
    return stratified_split(split, size=size, seed=seed)[1]


def channel_statistics(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel over all images and places.

    Returns:
        mean: (c,) float64, raw pixels 0..255.
        std: (c,) float64, the population's, at least `STD_FLOOR`.
    """
    channels = split.images.shape[3]
    counts = np.zeros((channels, 256), dtype=np.int64)  # how often each grey level occurs: exact in any order
    for start in range(0, len(split), _CHUNK):
        chunk = split.images[start : start + _CHUNK]
        for channel in range(channels):
            counts[channel] += np.bincount(chunk[..., channel].ravel(), minlength=256)
    levels = np.arange(256)
    total = counts.sum(axis=1)  # (c,)
    mean = counts @ levels / total
    variance = (counts * (levels - mean[:, None]) ** 2).sum(axis=1) / total
    return mean, np.maximum(np.sqrt(variance), STD_FLOOR)


def _quotas(counts: np.ndarray, size: int, rng: np.random.Generator) -> np.ndarray:
    """Share `size` out over classes of `counts` images, by largest remainder, in whole numbers."""
    floors, remainders = np.divmod(counts * size, counts.sum())
    order = np.lexsort((rng.permutation(len(counts)), -remainders))  # random among equal remainders
    floors[order[: size - floors.sum()]] += 1
    return floors


def _whole(value: int, what: str, low: int, high: int | None) -> int:
    """`value` as an int in [low, high], or a SettingError that names `what`."""
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < low or (high is not None and number > high):
        rule = f"at least {low}" if high is None else f"in [{low}, {high}]"
        raise SettingError(f"the {what} must be a whole number {rule}, but got {value!r}. Choose another.")
    return number
