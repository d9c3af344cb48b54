"""A built-in data set of ten shapes, for a LeNet without a download.

Letters: n images of one class, s = 32 rows and columns.
"""

import numpy as np

from lenet_tune.data.sets import NOT_COMPARABLE, DataSet, Split

SIDE = 32
TRAIN_SIZE = 10_000
TEST_SIZE = 2_000
CLASSES = (
    "disc",
    "square",
    "triangle",
    "cross",
    "ring",
    "horizontal bars",
    "vertical bars",
    "checkerboard",
    "star",
    "crescent",
)


def load_shapes(*, seed: int = 0) -> DataSet:
    """The data set "shapes": 10,000 images to train on and 2,000 to test on, deterministic by seed."""
    train, test = np.random.SeedSequence(seed).spawn(2)
    return DataSet(
        name="shapes",
        train=make_shapes(size=TRAIN_SIZE, seed=train),
        test=make_shapes(size=TEST_SIZE, seed=test),
        classes=CLASSES,
        notice=NOT_COMPARABLE,
    )


def make_shapes(*, size: int, seed: int | np.random.SeedSequence) -> Split:
    """`size` images in shuffled order, as many of each class as possible."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(size) % len(CLASSES))
    images = np.empty((size, SIDE, SIDE, 3), dtype=np.uint8)
    for label in range(len(CLASSES)):
        places = np.flatnonzero(labels == label)
        images[places] = _draw(label, len(places), rng)
    return Split(images=images, labels=labels.astype(np.int64))


def _draw(label: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """(n, s, s, 3) uint8 images of one class."""
    inside = _masks(label, n, rng)[..., None]  # (n, s, s, 1) float32, 0..1
    back, fore = _colours(n, rng)
    ground = _clutter(back, n, rng)
    picture = ground + inside * (fore - ground)
    picture += rng.normal(0.0, NOISE, picture.shape).astype(np.float32)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


NOISE = 20.0
CONTRAST = 70.0
CLUTTER = 3


def _colours(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two colours an image, (n, 1, 1, 3) float32 each, at least `CONTRAST` apart in grey."""
    pair = rng.uniform(0, 255, (n, 2, 3))
    for _ in range(50):
        grey = pair.mean(axis=2)
        close = np.abs(grey[:, 0] - grey[:, 1]) < CONTRAST
        if not close.any():
            break
        pair[close] = rng.uniform(0, 255, (int(close.sum()), 2, 3))
    pair = pair.astype(np.float32)[:, :, None, None, :]
    return pair[:, 0], pair[:, 1]


def _clutter(back: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """The background with faint blobs, (n, s, s, 3) float32."""
    ground = np.broadcast_to(back, (n, SIDE, SIDE, 3)).copy()
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    for _ in range(CLUTTER):
        y, x = rng.uniform(0, SIDE, (2, n, 1, 1)).astype(np.float32)
        radius = rng.uniform(1.5, 4.0, (n, 1, 1)).astype(np.float32)
        blob = np.clip(radius + 0.5 - np.hypot(rows - y, columns - x), 0, 1)[..., None]
        ground += blob * rng.uniform(-60, 60, (n, 1, 1, 3)).astype(np.float32)
    return ground


def _masks(label: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """How much of each pixel the shape covers, (n, s, s) float32 in 0..1."""
    centre = SIDE / 2 - 0.5 + rng.uniform(-5, 5, (2, n, 1, 1)).astype(np.float32)
    radius = rng.uniform(7, 12, (n, 1, 1)).astype(np.float32)
    angle = rng.uniform(-0.35, 0.35, (n, 1, 1)).astype(np.float32)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    dy, dx = rows - centre[0], columns - centre[1]
    v = (np.cos(angle) * dy - np.sin(angle) * dx) / radius
    u = (np.sin(angle) * dy + np.cos(angle) * dx) / radius
    depth = _DEPTHS[CLASSES[label]](u, v)  # > 0 inside, in units of the radius
    return np.clip(depth * radius + 0.5, 0, 1)


def _box(u, v, a, b):
    return np.minimum(a - np.abs(u), b - np.abs(v))


def _disc(u, v):
    return 1 - np.hypot(u, v)


def _star(u, v):
    angle = np.arctan2(u, -v)
    sector = np.abs((angle / (2 * np.pi / 5) + 0.5) % 1 - 0.5) * 2  # 0 at a tip, 1 between tips
    return 1.05 - 0.6 * sector - np.hypot(u, v)


def _stripes(v):
    return np.cos(v * np.pi * 2.25) / (np.pi * 2.25)


_DEPTHS = {
    "disc": _disc,
    "square": lambda u, v: _box(u, v, 0.85, 0.85),
    "triangle": lambda u, v: np.minimum(0.6 - v, (v + 1 - 1.75 * np.abs(u)) / 2.0),
    "cross": lambda u, v: np.maximum(_box(u, v, 1, 0.3), _box(u, v, 0.3, 1)),
    "ring": lambda u, v: 0.22 - np.abs(np.hypot(u, v) - 0.75),
    "horizontal bars": lambda u, v: np.minimum(_box(u, v, 0.9, 0.9), _stripes(v)),
    "vertical bars": lambda u, v: np.minimum(_box(u, v, 0.9, 0.9), _stripes(u)),
    "checkerboard": lambda u, v: np.minimum(
        _box(u, v, 0.9, 0.9), np.sin(u * np.pi * 1.5) * np.sin(v * np.pi * 1.5) / (np.pi * 1.5)
    ),
    "star": _star,
    "crescent": lambda u, v: np.minimum(_disc(u, v), np.hypot(u - 0.45, v) - 0.8),
}
