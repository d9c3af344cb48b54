"""Members of a tar archive or a folder, in memory; nothing is ever extracted to disk.

An archive may try to write elsewhere (`../x`, absolute names, links), to be a device, or to be a
bomb. The first three cannot work where nothing is written, and are refused all the same, since no
official archive holds them; the last meets the limits below, whatever the headers claim.
"""

import gzip
import tarfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from lenet_tune.data.files import MIB, open_file, read_file, reading, shown
from lenet_tune.errors import DataError

MEMBER_LIMIT = 256 * MIB
"""Bytes in one file. CIFAR-100's `train`, the largest official one, has 155 MB."""

TOTAL_LIMIT = 512 * MIB
"""Bytes in an archive once decompressed. The official ones have 186 MB."""

MEMBERS_LIMIT = 1000
"""Entries in an archive. The official ones have ten or fewer."""


def read_folder(folder: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """Those of the `wanted` files that are in `folder`, by name.

    Raises:
        DataError: if one of them cannot be read or is too large.
    """
    with reading(folder):
        present = [name for name in wanted if (folder / name).exists()]
    return {name: read_file(folder / name, limit=MEMBER_LIMIT) for name in present}


def read_tar(path: Path, wanted: Collection[str]) -> dict[str, bytes]:
    """Those of the `wanted` files that are in a .tar or .tar.gz, by their name without folders.

    Raises:
        DataError: if the archive is damaged, too large, or holds anything but plain files and folders.
    """
    found: dict[str, bytes] = {}
    with reading(path), open_file(path) as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        plain = _Limited(gzip.GzipFile(fileobj=file) if zipped else file, path)
        # A stream needs to be read and nothing else, but tarfile's type asks for more.
        with tarfile.open(fileobj=cast(Any, plain), mode="r|", errorlevel=2) as archive:
            for count, member in enumerate(archive):
                _check_member(member, count, path)
                name = PurePosixPath(member.name).name
                if not member.isreg() or name not in wanted:
                    continue
                if name in found:
                    raise DataError(
                        f"{shown(path)} is refused: it must hold one {name}, but has two. "
                        "Get the official archive."
                    )
                found[name] = _read_member(archive, member, path)
        while plain.read(MIB):
            pass  # gzip compares its checksum only at the very end
        if not found:
            raise DataError(
                f"{shown(path)} must hold {', '.join(sorted(wanted))} or some of them, but holds none. "
                "Get the official archive."
            )
    return found


def _check_member(member: tarfile.TarInfo, count: int, path: Path) -> None:
    """Refuse what no official archive holds."""
    name = PurePosixPath(member.name)
    fault = None
    if name.is_absolute() or "\\" in member.name or ".." in name.parts:
        fault = "points outside the archive"
    elif not (member.isreg() or member.isdir()) or member.issparse():
        fault = "is a link, device or other special file"
    elif not 0 <= member.size <= MEMBER_LIMIT:
        fault = f"claims {member.size:,} bytes, more than the {MEMBER_LIMIT:,} allowed"
    elif count >= MEMBERS_LIMIT:
        fault = f"comes after {MEMBERS_LIMIT:,} others, more than allowed"
    if fault is not None:
        raise DataError(
            f"{shown(path)} is refused: its member {shown(member.name)} {fault}. "
            "Nothing was extracted; get the official archive."
        )


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> bytes:
    """The whole of `member`, or a DataError where the archive ends early."""
    source = archive.extractfile(member)
    content = b"" if source is None else source.read()
    if len(content) != member.size:
        raise DataError(
            f"{shown(path)} is truncated: {shown(member.name)} has {len(content):,} of {member.size:,} "
            "bytes. Get the archive again."
        )
    return content


class _Limited:
    """A stream that refuses to give more than `TOTAL_LIMIT` bytes: the guard against bombs."""

    def __init__(self, stream: IO[bytes] | gzip.GzipFile, path: Path) -> None:
        self.stream, self.path, self.left = stream, path, TOTAL_LIMIT

    def read(self, size: int) -> bytes:
        content = self.stream.read(min(size, self.left + 1))
        self.left -= len(content)
        if self.left < 0:
            raise DataError(
                f"{shown(self.path)} is refused: it unpacks to more than {TOTAL_LIMIT:,} bytes. "
                "Get the official archive."
            )
        return content
