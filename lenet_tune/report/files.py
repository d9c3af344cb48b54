"""Files that are either whole or as they were before."""

import os
from pathlib import Path

from lenet_tune.errors import StudyError, reason


def write_atomically(path: Path, content: bytes) -> Path:
    """Write a file beside `path` and put it in its place in one step.

    Raises:
        StudyError: the disk is full or the folder cannot be written; `path` is as it was.
    """
    path = Path(path)
    part = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _write_and_sync(part, content)
            os.replace(part, path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise StudyError(
            f"Cannot write {path}: {reason(error)}. Free some space there, or name another place with --out."
        ) from error
    return path


def _write_and_sync(path: Path, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    # So that the new name survives a power cut; not every file system can.
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)
