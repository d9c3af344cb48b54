"""Public data sets where Keras keeps them: found in its cache, or downloaded into it.

Keras's own loaders print progress bars, wait for ever on a stalled connection, unpack archives
to disk and end in a long traceback. Here the same URLs, hashes and cache places are used with a
timeout, without unpacking, and with one line for every failure.
"""

import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lenet_tune.data.files import MIB, open_file, reading, shown
from lenet_tune.errors import DataError

TIMEOUT = 20.0
"""Seconds without a byte before a download is given up."""

_TORONTO = "https://www.cs.toronto.edu/~kriz/"
_GOOGLE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


class UnavailableError(DataError):
    """The data set is neither in the cache nor to be had from the network."""


@dataclass(frozen=True, kw_only=True)
class Remote:
    """One file of a public data set.

    Args:
        url: where Keras downloads it.
        cached: where Keras 3 keeps it, below the cache's `datasets` folder.
        size: bytes.
        sha256: as Keras expects it, or None where Keras expects none.
        also: other places below `datasets` where older versions or people put it.
    """

    url: str
    cached: str
    size: int
    sha256: str | None = None
    also: tuple[str, ...] = ()

    @property
    def file_name(self) -> str:
        return self.url.rpartition("/")[2]


CIFAR10 = Remote(
    url=f"{_TORONTO}cifar-10-python.tar.gz",
    cached="cifar-10-batches-py-target_archive",
    size=170_498_071,
    sha256="6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    also=("cifar-10-python.tar.gz", "cifar-10-batches-py.tar.gz"),
)
CIFAR100 = Remote(
    url=f"{_TORONTO}cifar-100-python.tar.gz",
    cached="cifar-100-python-target_archive",
    size=169_001_437,
    sha256="85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    also=("cifar-100-python.tar.gz",),
)
MNIST = Remote(
    url=f"{_GOOGLE}mnist.npz",
    cached="mnist.npz",
    size=11_490_434,
    sha256="731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
)
FASHION_MNIST = {
    part: Remote(url=f"{_GOOGLE}{name}", cached=f"fashion-mnist/{name}", size=size)
    for part, name, size in (
        ("x_train", "train-images-idx3-ubyte.gz", 26_421_880),
        ("y_train", "train-labels-idx1-ubyte.gz", 29_515),
        ("x_test", "t10k-images-idx3-ubyte.gz", 4_422_102),
        ("y_test", "t10k-labels-idx1-ubyte.gz", 5_148),
    )
}


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Keras's folder of data sets: below KERAS_HOME, else ~/.keras, else the temporary folder."""
    if environ.get("KERAS_HOME"):
        return Path(os.path.expanduser(environ["KERAS_HOME"])) / "datasets"
    home = environ.get("HOME") or os.path.expanduser("~")
    return Path(home if os.access(home, os.W_OK) else tempfile.gettempdir()) / ".keras" / "datasets"


def fetch(remote: Remote, *, cache: Path, say: Callable[[str], None]) -> Path:
    """The path of `remote` in `cache`, after a download where it is not there yet.

    Raises:
        UnavailableError: if it is not cached and cannot be downloaded and stored whole.
        DataError: if the cached file is damaged.
    """
    for place in (remote.cached, *remote.also):
        path = cache / place
        with reading(path):
            there = path.is_file()
        if there:
            _check(path, remote)
            return path
    say(f"downloading {remote.url} ({remote.size / 1e6:,.1f} MB) into {shown(cache)} ...")
    try:
        return _download(remote, cache / remote.cached)
    except (OSError, http.client.HTTPException, ValueError) as fault:
        reason = " ".join(str(fault).split()) or type(fault).__name__
        raise UnavailableError(
            f"{remote.file_name} is not in {shown(cache)} and cannot be downloaded from {remote.url} "
            f"({reason[:250].rstrip('.')}). {ways_out(remote, cache)}"
        ) from fault


def ways_out(remote: Remote, cache: Path) -> str:
    """What to do without a network, naming the file, its size and its hash."""
    proof = f"{remote.size:,} bytes" + (f", sha256 {remote.sha256}" if remote.sha256 else "")
    named = "" if remote is not CIFAR10 else ", or name it or its folder with --data PATH or LENET_TUNE_DATA"
    return f"Put {remote.file_name} ({proof}) at {shown(cache / remote.cached)}{named}, or use --data shapes."


def _download(remote: Remote, target: Path) -> Path:
    """Store the file under its name only once it is whole and its hash is right."""
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            urllib.request.urlopen(remote.url, timeout=TIMEOUT) as answer,
        ):
            digest, size = hashlib.sha256(), 0
            while block := answer.read(MIB):
                size += len(block)
                if size > remote.size:
                    break
                digest.update(block)
                file.write(block)
        if fault := _fault(size, digest.hexdigest(), remote):
            raise ValueError(f"got another file: {fault}")
        os.replace(part, target)
    except urllib.error.HTTPError as refusal:
        refusal.close()  # it holds the connection
        raise
    finally:
        Path(part).unlink(missing_ok=True)
    return target


def _check(path: Path, remote: Remote) -> None:
    """Refuse a cached file whose size or hash is wrong."""
    with reading(path), open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        hexdigest = hashlib.file_digest(file, "sha256").hexdigest() if size == remote.size else ""
    if fault := _fault(size, hexdigest, remote):
        raise DataError(f"{shown(path)} is damaged: {fault}. Delete it, and it is downloaded again.")


def _fault(size: int, hexdigest: str, remote: Remote) -> str | None:
    """What differs from the expected file, expected and got, or None."""
    if size != remote.size:
        more = " or more" if size > remote.size else ""
        return f"expected {remote.size:,} bytes, got {size:,}{more}"
    if remote.sha256 is not None and hexdigest != remote.sha256:
        return f"expected sha256 {remote.sha256}, got {hexdigest}"
    return None
