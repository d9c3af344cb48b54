"""A user's own images: a folder of class folders, or two of those, train and test.

Everything is in the order of the names, so a copy of the folder is the same data set. Letters: n images.
"""

from pathlib import Path

import numpy as np

from lenet_tune.data.files import reading, shown
from lenet_tune.data.pictures import Gallery, Size, read_picture
from lenet_tune.data.sets import DataSet, Split, safe_name
from lenet_tune.data.splits import notice_of, share_out
from lenet_tune.errors import DataError

TRAIN = ("train", "training")
TEST = ("test", "testing", "val", "valid", "validation")
"""Names of the folder with the test images, the first that is there."""

_LITTER = ("thumbs.db", "desktop.ini", "__macosx")

Files = dict[str, list[Path]]
"""The images of each class, by the name of the class."""


def looks_like_images(path: Path) -> bool:
    """Whether `path` is a folder with folders in it."""
    return path.is_dir() and bool(_folders(path))


def load_images(path: Path, size: Size | None) -> DataSet:
    """The data set in a folder of images, named after the folder.

    Args:
        size: what every image is resized to; None where they have one size already.

    Raises:
        DataError: if the layout is another, or a file is no image that can be read; the message names it.
    """
    with reading(path):
        train, test, test_name = _layout(path)
    classes = tuple(sorted({*train, *(test or ())}))
    files, labels = _listed(train, classes)
    if test is None:
        order, first = share_out(labels, path)
        files, labels = [files[i] for i in order], labels[order]
    else:
        more, more_labels = _listed(test, classes)
        first = len(files)
        files, labels = files + more, np.concatenate([labels, more_labels])
    gallery = Gallery(len(files), path)
    for place, file in enumerate(files):
        gallery.put(place, read_picture(file, size), file)
    images = gallery.images()
    return DataSet(
        name=safe_name(path.resolve().name, size),
        train=Split(images=images[:first], labels=labels[:first]),
        test=Split(images=images[first:], labels=labels[first:]),
        classes=classes,
        notice=notice_of(test_name),
    )


def _layout(path: Path) -> tuple[Files, Files | None, str | None]:
    """The images to train on, those to test on and their folder's name; None where there is one part only."""
    parts = {folder.name.lower(): folder for folder in _folders(path)}
    train = next((parts[name] for name in TRAIN if name in parts), None)
    test = next((parts[name] for name in TEST if name in parts), None)
    if train is None:
        if test is not None and set(parts) <= set(TEST):
            raise DataError(
                f"{shown(path)} must have a folder train beside {test.name}, but has none. "
                "Add train/CLASS/, or pass the folder of the classes."
            )
        return _classes(path), None, None
    if test is None:
        return _classes(train), None, None
    return _classes(train), _classes(test), test.name


def _classes(path: Path) -> Files:
    """The files of each class folder of `path`, which must be images."""
    found: Files = {}
    for folder in _folders(path):
        found[folder.name] = []
        for file in _entries(folder):
            if file.is_dir():
                raise DataError(
                    f"{shown(folder)} must hold images only, but holds the folder {shown(file.name)}. "
                    "Use CLASS/x.png, or train/CLASS/x.png and test/CLASS/x.png."
                )
            found[folder.name].append(file)
    if not any(found.values()):
        raise DataError(
            f"{shown(path)} must hold class folders with images, but there are none. "
            "Use CLASS/x.png, or train/CLASS/x.png and test/CLASS/x.png."
        )
    return found


def _folders(path: Path) -> list[Path]:
    return [entry for entry in _entries(path) if entry.is_dir()]


def _entries(path: Path) -> list[Path]:
    """What is in a folder, by name; hidden files and what systems leave behind are skipped."""
    entries = (e for e in path.iterdir() if not e.name.startswith(".") and e.name.lower() not in _LITTER)
    return sorted(entries, key=lambda entry: entry.name)


def _listed(files: Files, classes: tuple[str, ...]) -> tuple[list[Path], np.ndarray]:
    """Files class by class, and their labels (n,) int64."""
    counts = [len(files.get(name, ())) for name in classes]
    listed = [file for name in classes for file in files.get(name, ())]
    return listed, np.repeat(np.arange(len(classes), dtype=np.int64), counts)
