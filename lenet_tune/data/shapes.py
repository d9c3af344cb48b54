"""A built-in data set of ten shapes, for a LeNet without a download.

Shapes are lighter than their ground; colour, place, size, turn, clutter and noise are random and
say nothing about the class. Accuracy on the 2,000 test images of seed 0, after training on the
10,000 (chance: 10 %; standard error of one figure: 1 point or less), measured with TensorFlow 2.21,
Keras 3.15 and scikit-learn 1.9 on a CPU:

- logistic regression on the mean colour, three numbers an image: 10.7 %;
- logistic regression on the pixels, the best of five penalties (C of 0.0001 to 0.1) chosen on the
  test set itself, so rather too high: 38.9 % in colour; 40.4 % in grey (C of 0.01 and 0.1);
- LeNet (convolutions of 6 and 16, tanh, average pooling, 120, 84, softmax, pixels / 255), SGD at
  0.01, batch 32, cross-entropy, after 10 epochs: 78.7, 80.2 and 77.0 % for seeds 0, 1, 2, still rising.

One seed gives one data set on one machine. Another processor or NumPy may round a sine otherwise
and so change a grey level here or there; the fingerprint then tells.

Letters: n images of one class, s = 32 rows and columns, (u, v) = place in the shape's own frame,
turned with it and in units of its radius: u to its right, v downwards.
"""

from collections.abc import Callable

import numpy as np

from lenet_tune.data.sets import NOT_COMPARABLE, DataSet, Split

SIDE = 32
TRAIN_SIZE = 10_000
TEST_SIZE = 2_000

SHIFT = 5.5
"""Pixels that a centre is at most away from the image's, both ways."""

RADII = (6.5, 11.5)
"""Pixels."""

TURN = 0.3
"""Radians that a shape is at most turned, both ways; with more, bars would change places."""

CONTRAST = 60.0
"""Grey levels, of 255, that a shape is at least lighter than its ground; the hues are free."""

BLOBS, BLOB_RADII, BLOB_STRENGTH = 3, (1.5, 4.0), 60.0
"""Clutter: discs behind the shape, pixels of radius, grey levels at most lighter or darker a channel."""

NOISE = 20.0
"""Standard deviation of each pixel and channel, in grey levels."""


def load_shapes(*, seed: int) -> DataSet:
    """The data set "shapes": 10,000 images to train on and 2,000 to test on, the same for one seed."""
    train, test = np.random.SeedSequence(seed).spawn(2)
    return DataSet(
        name="shapes",
        train=make_shapes(size=TRAIN_SIZE, seed=train),
        test=make_shapes(size=TEST_SIZE, seed=test),
        classes=CLASSES,
        notice=NOT_COMPARABLE,
    )


def make_shapes(*, size: int, seed: int | np.random.SeedSequence) -> Split:
    """`size` images in shuffled order, classes as equal in number as possible."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(size, dtype=np.int64) % len(CLASSES))
    images = np.empty((size, SIDE, SIDE, 3), dtype=np.uint8)
    for label, name in enumerate(CLASSES):
        places = np.flatnonzero(labels == label)
        images[places] = _draw(name, len(places), rng)
    return Split(images=images, labels=labels)


def _draw(name: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, s, s, 3) uint8 images of one class."""
    ground, fore = _colours(n, rng)
    picture = np.broadcast_to(ground, (n, SIDE, SIDE, 3)).copy()
    for _ in range(BLOBS):
        centres = rng.uniform(0, SIDE, (2, n, 1, 1)).astype(np.float32)
        radius = _uniform(rng, *BLOB_RADII, n)
        blob = _coverage(radius - np.hypot(*_offsets(centres)))
        picture += blob * rng.uniform(-BLOB_STRENGTH, BLOB_STRENGTH, (n, 1, 1, 3)).astype(np.float32)
    picture += _shape(name, n, rng) * (fore - picture)
    picture += NOISE * rng.standard_normal(picture.shape, dtype=np.float32)
    return np.clip(np.rint(picture, out=picture), 0, 255, out=picture).astype(np.uint8)


def _colours(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Ground and shape colour of each image, (n, 1, 1, 3) float32, `CONTRAST` apart in grey."""
    ground, fore = rng.uniform(0, 255, (2, n, 3))
    while (close := fore.mean(axis=1) - ground.mean(axis=1) < CONTRAST).any():
        ground[close], fore[close] = rng.uniform(0, 255, (2, int(close.sum()), 3))
    return ground.astype(np.float32)[:, None, None], fore.astype(np.float32)[:, None, None]


def _shape(name: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """How much of each pixel the shape covers, (n, s, s, 1) float32 in 0..1."""
    centres = SIDE / 2 + rng.uniform(-SHIFT, SHIFT, (2, n, 1, 1)).astype(np.float32)
    down, right = _offsets(centres)
    radius, angle = _uniform(rng, *RADII, n), _uniform(rng, -TURN, TURN, n)
    u = (np.cos(angle) * right + np.sin(angle) * down) / radius
    v = (np.cos(angle) * down - np.sin(angle) * right) / radius
    return _coverage(_DEPTHS[name](u, v) * radius)


def _uniform(rng: np.random.Generator, low: float, high: float, n: int) -> np.ndarray:
    return rng.uniform(low, high, (n, 1, 1)).astype(np.float32)


def _offsets(centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels that each pixel's middle is below and right of centres (2, n, 1, 1): two (n, s, s)."""
    middles = np.arange(SIDE, dtype=np.float32) + 0.5
    down, right = np.broadcast_arrays(middles[:, None] - centres[0], middles[None, :] - centres[1])
    return down, right


def _coverage(depth: np.ndarray) -> np.ndarray:
    """Depth inside an edge in pixels, (n, s, s), to the covered part of each pixel, (n, s, s, 1)."""
    return np.clip(depth + 0.5, 0, 1)[..., None]


# Each function gives how deep (u, v) lies inside a shape of radius 1; negative outside.


def _box(u: np.ndarray, v: np.ndarray, width: float, height: float) -> np.ndarray:
    return np.minimum(width - np.abs(u), height - np.abs(v))


def _disc(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return 0.9 - np.hypot(u, v)


def _triangle(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.minimum(0.65 - v, (v + 1 - 1.75 * np.abs(u)) / 2)


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(_box(u, v, 1, 0.3), _box(u, v, 0.3, 1))


def _ring(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return 0.2 - np.abs(np.hypot(u, v) - 0.75)


def _bars(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Three bars along u, at v = 0 and 0.7 each way."""
    nearest = np.abs(v - 0.7 * np.rint(v / 0.7))
    return np.minimum(_box(u, v, 0.9, 0.95), 0.2 - nearest)


def _checkerboard(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Four by four fields, every other one covered."""
    waves = np.sin(u * np.pi / 0.45) * np.sin(v * np.pi / 0.45)
    return np.minimum(_box(u, v, 0.9, 0.9), waves * 0.2)


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Five tips, one of them up."""
    turns = np.arctan2(u, -v) * (5 / (2 * np.pi))
    off_tip = 2 * np.abs(turns - np.rint(turns))  # 0 at a tip, 1 half way to the next
    return 1.05 - 0.6 * off_tip - np.hypot(u, v)


def _crescent(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Open to the right."""
    return np.minimum(0.95 - np.hypot(u, v), np.hypot(u - 0.45, v) - 0.75)


_DEPTHS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "disc": _disc,
    "square": lambda u, v: _box(u, v, 0.8, 0.8),
    "triangle": _triangle,
    "cross": _cross,
    "ring": _ring,
    "horizontal bars": _bars,
    "vertical bars": lambda u, v: _bars(v, u),
    "checkerboard": _checkerboard,
    "star": _star,
    "crescent": _crescent,
}
CLASSES = tuple(_DEPTHS)
