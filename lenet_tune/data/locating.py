"""Where the data would come from, without reading them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lenet_tune.data import remote
from lenet_tune.data.files import reading, shown
from lenet_tune.data.hubs import is_hub, missing_package
from lenet_tune.data.loading import CACHED_FOLDERS, NAMES, VARIABLE, named_source
from lenet_tune.errors import DataError

_FILES = {
    "cifar10": (remote.CIFAR10,),
    "cifar100": (remote.CIFAR100,),
    "mnist": (remote.MNIST,),
    "fashion_mnist": tuple(remote.FASHION_MNIST.values()),
}


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where a data set is, or what gets it here.

    Args:
        text: for people.
        fix: what to do where it is not here.
    """

    name: str
    is_there: bool
    text: str
    fix: str | None = None


def locate(source: str | None, *, environ: Mapping[str, str]) -> Located:
    """Where `load` would find `source`.

    Raises:
        DataError: it would not, whatever the network says.
    """
    named = named_source(source, environ)
    told = f" (named by {VARIABLE})" if source is None and named is not None else ""
    name = named or "cifar10"
    if name == "shapes":
        return Located(name=name, is_there=True, text=f"built in{told}")
    if is_hub(name):
        return _hub(name, told)
    if name in NAMES:
        return _cached(name, told, environ)
    path = Path(name).expanduser()
    with reading(name):
        if not os.path.lexists(path):
            raise DataError(f"there is nothing at {shown(name)}{told}.")
        if not os.access(path, os.R_OK):
            raise DataError(f"{shown(name)}{told} must not be read by this user.")
    return Located(name="path", is_there=True, text=f"{path}{told}")


def _hub(name: str, told: str) -> Located:
    package = missing_package(name)
    if package is None:
        return Located(name=name, is_there=True, text=f"left to its package, which is there{told}")
    raise DataError(f"{shown(name)}{told} needs the package {package}: pip install '{package}'")


def _cached(name: str, told: str, environ: Mapping[str, str]) -> Located:
    """A public data set: in Keras's cache, or to be downloaded."""
    cache = remote.cache_folder(environ)
    with reading(cache):
        for folder in CACHED_FOLDERS.get(name, ()):
            if (cache / folder).is_dir():
                return Located(name=name, is_there=True, text=f"{cache / folder}{told}")
        places = [[cache / place for place in (file.cached, *file.also)] for file in _FILES[name]]
        there = [next((path for path in row if path.is_file()), None) for row in places]
    if all(there):
        return Located(name=name, is_there=True, text=f"{', '.join(map(str, there))}{told}")
    size = sum(file.size for file in _FILES[name]) / 1e6
    return Located(
        name=name,
        is_there=False,
        text=f"not on this machine{told}; a search downloads it ({size:,.0f} MB)"
        + (", or takes drawn shapes where that fails" if not told and name == "cifar10" else ""),
        fix=remote.ways_out(_FILES[name][0], cache),
    )
