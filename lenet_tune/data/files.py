"""Reading files that others made: faults of the disk, the format or an attacker become one `DataError`."""

import contextlib
import os
import stat
import struct
import tarfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from lenet_tune.errors import DataError, reason

MIB = 2**20

IMAGES_LIMIT = 4096 * MIB
"""Bytes of all images of a data set; far more than a LeNet is for."""

_FAULTS = (
    OSError,
    EOFError,
    ValueError,  # also UnicodeDecodeError, and NUL in a path
    TypeError,
    LookupError,
    SyntaxError,  # numpy parses array headers as Python literals
    MemoryError,
    OverflowError,
    RecursionError,
    NotImplementedError,  # zip features that Python lacks
    RuntimeError,  # zipfile: encrypted member
    struct.error,
    tarfile.TarError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


def shown(value: object) -> str:
    """`value` in quotes on one line, control characters escaped, at most about 200 characters."""
    text = repr(str(value))
    return text if len(text) <= 200 else f"{text[:150]}...{text[-40:]}"


@contextlib.contextmanager
def reading(what: object) -> Iterator[None]:
    """Turn any fault of reading `what` inside the block into a one-line `DataError`."""
    try:
        yield
    except DataError:
        raise
    except _FAULTS as fault:
        raise DataError(
            f"{shown(what)} cannot be read: {reason(fault)}. Check the path, or get the file again."
        ) from fault


def read_file(path: Path, *, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes.

    Raises:
        DataError: if it is missing, unreadable, larger, or a folder, pipe or device.
    """
    with reading(path), open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise DataError(
                f"{shown(path)} must have at most {limit:,} bytes, but has {size:,}. Get the official file."
            )
        return file.read(limit)


@contextlib.contextmanager
def open_file(path: Path) -> Iterator:
    """Open a regular file for reading; a pipe is refused instead of waited for."""
    # O_NONBLOCK: opening a pipe without a writer would wait for ever. It means nothing to regular files.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise DataError(
                f"{shown(path)} must be a regular file, but is a pipe, device or the like. Pass a file."
            )
        yield file


def check_memory(size: int, what: object, way_out: str) -> None:
    """Refuse images that take more than half of the machine's memory, or more than `IMAGES_LIMIT`.

    Args:
        size: bytes.
        what: their source, for the message.

    Raises:
        DataError: with `way_out`.
    """
    limit = IMAGES_LIMIT
    names = getattr(os, "sysconf_names", {})
    if "SC_PHYS_PAGES" in names and "SC_PAGE_SIZE" in names:
        limit = min(limit, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)
    if size > limit:
        raise DataError(
            f"the images of {shown(what)} must take at most {limit / MIB:,.0f} MiB of memory, but take "
            f"{size / MIB:,.0f}. {way_out}"
        )
