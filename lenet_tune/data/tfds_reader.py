"""Reads a data set of TensorFlow Datasets in a process of its own: see `hubs`.

Usage: python -m lenet_tune.data.tfds_reader NAME OUT.npz [HEIGHT WIDTH]. The last line of stdout is what to
say of the data, or, with exit code 6, what is wrong.
"""

import importlib
import sys
from typing import Any

import numpy as np
from PIL import Image

from lenet_tune.data.files import shown
from lenet_tune.data.hubs import TEST_NAMES, asking
from lenet_tune.data.pictures import Gallery, Size, pixels
from lenet_tune.data.splits import notice_of, share_out
from lenet_tune.errors import DataError


def read(name: str, size: Size | None) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of an .npz as `npz` reads it, and what to say of the data.

    Raises:
        DataError: no such data set, or no labelled images in it.
    """
    source = f"tfds:{name}"
    with asking(source):
        hub = importlib.import_module("tensorflow_datasets")
        builder = hub.builder(name)
        builder.download_and_prepare()
        _, label = _keys(builder, source)
        train, test = _parts(builder, source)
        names = [train] if test is None else [train, test]
        counts = [int(builder.info.splits[part].num_examples) for part in names]
        gallery, labels = Gallery(sum(counts), source), np.zeros(sum(counts), dtype=np.int64)
        rows = (
            row
            for part in names
            for row in hub.as_numpy(builder.as_dataset(split=part, as_supervised=True, shuffle_files=False))
        )
        for number, (picture, answer) in enumerate(rows):
            place = f"image {number}"
            gallery.put(number, pixels(_image(picture, source), size, f"{source}, {place}"), place)
            labels[number] = answer
        classes = getattr(builder.info.features[label], "names", None)
        return _arrays(gallery.images(), labels, counts, classes, source), notice_of(test)


def _arrays(
    images: np.ndarray, labels: np.ndarray, counts: list[int], classes: Any, source: str
) -> dict[str, np.ndarray]:
    order, first = np.arange(len(labels)), counts[0]
    if len(counts) == 1:
        order, first = share_out(labels, source)
    train, test = order[:first], order[first:]
    arrays = {
        "x_train": images[train],
        "y_train": labels[train],
        "x_test": images[test],
        "y_test": labels[test],
    }
    if classes:
        arrays["classes"] = np.array([str(name) for name in classes])
    return arrays


def _keys(builder: Any, source: str) -> tuple[str, str]:
    """Names of the image and the label."""
    keys = builder.info.supervised_keys
    if not isinstance(keys, tuple) or len(keys) != 2 or not all(isinstance(key, str) for key in keys):
        raise DataError(
            f"{shown(source)} must have one image and one label a row, but has {shown(keys)}. Pass another."
        )
    return keys


def _parts(builder: Any, source: str) -> tuple[str, str | None]:
    """Names of the part to train on and the part to test on, which may be missing."""
    there = list(builder.info.splits)
    train = "train" if "train" in there else next(iter(there), None)
    if train is None:
        raise DataError(f"{shown(source)} must have a part train, but has none. Pass another.")
    return train, next((name for name in TEST_NAMES if name in there and name != train), None)


def _image(picture: np.ndarray, source: str) -> Image.Image:
    channels = picture.shape[2] if picture.ndim == 3 else 0
    if picture.dtype != np.uint8 or channels not in (1, 3, 4):
        raise DataError(
            f"{shown(source)} must hold uint8 images with 1, 3 or 4 channels, but holds "
            f"{picture.dtype} {picture.shape}. Pass another, or save it as an .npz."
        )
    return Image.fromarray(picture[..., 0] if channels == 1 else picture)


def main(words: list[str]) -> int:
    """Write the .npz; returns the exit code."""
    name, path, *sides = words
    try:
        arrays, notice = read(name, (int(sides[0]), int(sides[1])) if sides else None)
        np.savez(path, allow_pickle=False, **arrays)
    except (DataError, OSError) as error:
        print(str(error).removeprefix(f"{shown(f'tfds:{name}')} cannot be read: "))
        return DataError.exit_code
    print(notice)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
