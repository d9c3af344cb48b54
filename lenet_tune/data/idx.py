"""Fashion-MNIST's gzipped IDX files: four bytes of type and rank, the sides, then the bytes."""

import gzip
import struct
from pathlib import Path

import numpy as np

from lenet_tune.data.files import open_file, reading, shown
from lenet_tune.errors import DataError

_TYPE_UINT8 = 8


def read_idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The uint8 array of `shape` in a gzipped IDX file, read-only.

    Raises:
        DataError: if the file is damaged or holds another shape or type.
    """
    header = struct.pack(f">HBB{len(shape)}I", 0, _TYPE_UINT8, len(shape), *shape)
    size = len(header) + int(np.prod(shape))
    with reading(path), open_file(path) as file, gzip.GzipFile(fileobj=file) as unzipped:
        content = unzipped.read(size + 1)  # a bomb is not read beyond the byte that gives it away
    if len(content) != size or not content.startswith(header):
        raise DataError(
            f"{shown(path)} must hold {shape} uint8 in IDX form, but does not. Delete it and try again."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=len(header)).reshape(shape)
