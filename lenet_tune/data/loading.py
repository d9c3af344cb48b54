"""Data sets by name or path."""

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from lenet_tune.data import cifar, remote
from lenet_tune.data.files import open_file, reading, shown
from lenet_tune.data.folders import load_images, looks_like_images
from lenet_tune.data.hubs import is_hub, load_hub
from lenet_tune.data.idx import read_idx
from lenet_tune.data.npz import load_npz
from lenet_tune.data.pictures import Size
from lenet_tune.data.sets import NOT_COMPARABLE, DataSet, Split
from lenet_tune.data.shapes import load_shapes
from lenet_tune.errors import DataError, SettingError

NAMES = ("cifar10", "cifar100", "mnist", "fashion_mnist", "shapes")

VARIABLE = "LENET_TUNE_DATA"
"""The environment variable that names the data where the caller does not."""

CACHED_FOLDERS = {
    "cifar10": ("cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py"),
    "cifar100": ("cifar-100-python-target/cifar-100-python", "cifar-100-python"),
}
"""Where Keras unpacks a data set in its cache."""

_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


def say_on_stderr(line: str) -> None:
    """Print a notice where it does not mix with output."""
    print(line, file=sys.stderr)


def load(
    source: str | None,
    *,
    image_size: Size | None = None,
    environ: Mapping[str, str] = os.environ,
    say: Callable[[str], None] = say_on_stderr,
) -> DataSet:
    """Load a data set by name or path, or the best that is at hand.

    Args:
        source: one of `NAMES`; or the path of an official CIFAR folder, of a .tar or .tar.gz of one,
            of an .npz, or of a folder of class folders with images; or "tfds:NAME" or "hf:NAME"; or None
            for what LENET_TUNE_DATA names, else CIFAR-10, else, where that is not to be had, "shapes" with
            a loud notice.
        image_size: (h, w) that the images of a folder or hub are resized to; None for their own.
        environ: read for LENET_TUNE_DATA, KERAS_HOME and HOME.
        say: told about downloads and about falling back to "shapes".

    Raises:
        DataError: if the data are missing, damaged or hostile; one line with the ways out.
    """
    named = named_source(source, environ)
    if image_size is not None and not takes_size(source, environ):
        raise SettingError(
            f"`image_size` is for sources of images of any size, but {shown(named or NAMES[0])} has a size "
            "of its own. Leave --image-size out."
        )
    if named is not None:
        return _load(named, image_size, environ, say)
    try:
        return _cifar10(environ, say)
    except remote.UnavailableError as missing:
        say(f"NOTICE: {missing}")
        say(f"NOTICE: going on with the built-in data set shapes: {NOT_COMPARABLE}.")
        return _shapes()


def named_source(source: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """What is loaded for `source`: what LENET_TUNE_DATA names where it is None; None for the default."""
    return source if source is not None else environ.get(VARIABLE) or None


def takes_size(source: str | None, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether `source` holds images that can be resized while they are read."""
    named = named_source(source, environ)
    if named is None or named in NAMES:
        return False
    if is_hub(named):
        return True
    path = Path(named).expanduser()
    with reading(named):
        return looks_like_images(path) and not cifar.is_official(path)


def _load(
    source: str, image_size: Size | None, environ: Mapping[str, str], say: Callable[[str], None]
) -> DataSet:
    loaders: dict[str, Callable[[], DataSet]] = {
        "cifar10": lambda: _cifar10(environ, say),
        "cifar100": lambda: _cifar100(environ, say),
        "mnist": lambda: _mnist(environ, say),
        "fashion_mnist": lambda: _fashion_mnist(environ, say),
        "shapes": _shapes,
    }
    if source in loaders:
        return loaders[source]()
    return load_hub(source, image_size, say) if is_hub(source) else _load_path(source, image_size)


def _shapes() -> DataSet:
    return load_shapes(seed=0)  # one data set for everybody, so that figures can be compared


def _load_path(source: str, image_size: Size | None = None) -> DataSet:
    """A folder, archive or .npz, told apart by what it is and not only by its name."""
    path = Path(source).expanduser()
    with reading(source):
        if not source.strip() or not os.path.lexists(path):
            raise DataError(
                f"the data must be one of {', '.join(NAMES)}, or the path of a CIFAR folder, "
                f".tar.gz, .npz or folder of images, or tfds:NAME or hf:NAME, but got {shown(source)}, "
                "which is none. Pass --data with one of them."
            )
        start = b""
        if not (is_folder := path.is_dir()):
            with open_file(path) as file:
                start = file.read(512)
    if is_folder:
        return _load_folder(path, image_size)
    if path.suffix == ".npz" or start.startswith(b"PK"):
        return load_npz(path)
    if start.startswith(b"\x1f\x8b") or start[257:262] == b"ustar" or ".tar" in path.suffixes:
        return cifar.load_tar(path)
    raise DataError(
        f"{shown(source)} must be a CIFAR folder, a .tar or .tar.gz of one, or an .npz, but is none of them. "
        "Pass another path, or --data shapes."
    )


def _load_folder(path: Path, image_size: Size | None) -> DataSet:
    with reading(path):
        official, images = cifar.is_official(path), looks_like_images(path)
    if official:
        return cifar.load_folder(path)
    if images:
        return load_images(path, image_size)
    raise DataError(
        f"{shown(path)} must hold class folders with images (CLASS/x.png, or train/CLASS/x.png and "
        "test/CLASS/x.png) or the official files of CIFAR (data_batch_1, ...), but holds neither. "
        "Pass another folder, or --data shapes."
    )


def _cifar10(environ: Mapping[str, str], say: Callable[[str], None]) -> DataSet:
    """CIFAR-10 from LENET_TUNE_DATA if that is it, from Keras's cache, or from the network."""
    named = environ.get(VARIABLE)
    if named and named not in NAMES and cifar.looks_like_cifar10(Path(named).expanduser()):
        return _load_path(named)
    return _cifar(CACHED_FOLDERS["cifar10"], remote.CIFAR10, environ, say)


def _cifar100(environ: Mapping[str, str], say: Callable[[str], None]) -> DataSet:
    return _cifar(CACHED_FOLDERS["cifar100"], remote.CIFAR100, environ, say)


def _cifar(
    folders: tuple[str, ...], archive: remote.Remote, environ: Mapping[str, str], say: Callable[[str], None]
) -> DataSet:
    """A CIFAR data set: what Keras unpacked, else its archive."""
    cache = remote.cache_folder(environ)
    for folder in folders:
        with reading(cache):
            there = (cache / folder).is_dir()
        if there:
            return cifar.load_folder(cache / folder)
    return cifar.load_tar(remote.fetch(archive, cache=cache, say=say))


def _mnist(environ: Mapping[str, str], say: Callable[[str], None]) -> DataSet:
    path = remote.fetch(remote.MNIST, cache=remote.cache_folder(environ), say=say)
    return replace(load_npz(path), name="mnist")


def _fashion_mnist(environ: Mapping[str, str], say: Callable[[str], None]) -> DataSet:
    cache = remote.cache_folder(environ)
    splits = []
    for part, size in (("train", 60_000), ("test", 10_000)):
        images = read_idx(
            remote.fetch(remote.FASHION_MNIST[f"x_{part}"], cache=cache, say=say), (size, 28, 28)
        )
        labels = read_idx(remote.fetch(remote.FASHION_MNIST[f"y_{part}"], cache=cache, say=say), (size,))
        splits.append(Split(images=images[..., None], labels=labels.astype(np.int64)))
    return DataSet(
        name="fashion_mnist", train=splits[0], test=splits[1], classes=_CLOTHES, notice=NOT_COMPARABLE
    )
