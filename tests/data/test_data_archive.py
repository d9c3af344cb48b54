"""Archives of the official folder: whole, damaged and hostile ones."""

import gzip
import io
import struct
import tarfile

import numpy as np
import pytest

from lenet_tune.data import load

FOLDER = "cifar-10-batches-py"


@pytest.fixture(scope="module")
def archive(folder, tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        tar.add(folder, arcname=FOLDER)
    return path


def test_load_reads_an_archive_as_its_folder_and_writes_nothing(archive, folder):
    before = sorted(archive.parent.iterdir())
    assert load(str(archive), environ={}).fingerprint == load(str(folder), environ={}).fingerprint
    assert sorted(archive.parent.iterdir()) == before


def tar_of(path, *members, mode="w:gz"):
    """A tar at `path` of (name, content or TarInfo changes)."""
    with tarfile.open(path, mode) as tar:
        for name, content, changes in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for field, value in changes.items():
                setattr(info, field, value)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def small_archive(tmp_path):
    """Bytes of a .tar.gz whose content does not pack, so that every altered bit alters it."""
    noise = np.random.default_rng(0).bytes(50_000)
    return tar_of(tmp_path / "whole.tar.gz", (f"{FOLDER}/data_batch_1", noise, {})).read_bytes()


@pytest.mark.parametrize("kept", [0.01, 0.5, 0.99])
def test_load_refuses_a_truncated_archive(small_archive, tmp_path, kept, refusal):
    path = tmp_path / "part.tar.gz"
    path.write_bytes(small_archive[: int(len(small_archive) * kept)])
    assert "part.tar.gz' cannot be read: Compressed file ended" in refusal(path)


@pytest.mark.parametrize("place", [0, 3, 20_000, 40_000, -8, -1])
def test_load_refuses_an_altered_archive(small_archive, tmp_path, place, refusal):
    content = bytearray(small_archive)
    content[place] ^= 0x10
    path = tmp_path / "other.tar.gz"
    path.write_bytes(content)
    assert "other.tar.gz' cannot be read" in refusal(path)


def test_load_says_what_a_whole_archive_lacks(small_archive, tmp_path, refusal):
    assert "lacks data_batch_2" in refusal(tmp_path / "whole.tar.gz")


@pytest.mark.parametrize("mode", ["w:gz", "w"])
@pytest.mark.parametrize(
    ("member", "words"),
    [
        (("../test_batch", b"x", {}), "points outside"),
        ((f"{FOLDER}/../../x", b"x", {}), "points outside"),
        (("/tmp/test_batch", b"x", {}), "points outside"),
        (("..\\test_batch", b"x", {}), "points outside"),
        (("test_batch", b"", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}), "is a link"),
        (("test_batch", b"", {"type": tarfile.LNKTYPE, "linkname": "../../x"}), "is a link"),
        (("test_batch", b"", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5}), "device"),
        (("test_batch", b"", {"type": tarfile.FIFOTYPE}), "device"),
    ],
)
def test_load_refuses_members_that_reach_out_of_the_archive(
    tmp_path, monkeypatch, mode, member, words, refusal
):
    inner = tmp_path / "inner" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    path = tar_of(inner / "evil.tar", (f"{FOLDER}/data_batch_1", b"x", {}), member, mode=mode)
    line = refusal(path)
    assert words in line
    assert "Nothing was extracted" in line
    assert sorted(tmp_path.rglob("*")) == [inner.parent, inner, path]


def test_load_refuses_a_member_that_claims_too_much(tmp_path, refusal):
    path = tmp_path / "claims.tar"
    info = tarfile.TarInfo("test_batch")
    info.size = 2**40
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 1024)
    assert "claims 1,099,511,627,776 bytes" in refusal(path)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.REGTYPE])
def test_load_refuses_a_bomb_whatever_its_headers_say(tmp_path, monkeypatch, kind, refusal):
    """40 MiB of zeros in some 40 kB, as a file or as a name, which tarfile keeps in memory."""
    monkeypatch.setattr("lenet_tune.data.archive.TOTAL_LIMIT", 30 * 2**20)
    info = tarfile.TarInfo("name")
    info.size, info.type = 2**27, kind
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(40 * 2**20)))
    assert path.stat().st_size < 2**16
    assert "unpacks to more than 31,457,280 bytes" in refusal(path)


def test_load_refuses_many_members(tmp_path, refusal):
    path = tar_of(tmp_path / "many.tar", *((f"{i}", b"", {}) for i in range(1002)), mode="w")
    assert "comes after 1,000 others" in refusal(path)


def test_load_refuses_two_members_of_one_name(tmp_path, refusal):
    path = tar_of(tmp_path / "two.tar", ("a/test_batch", b"x", {}), ("b/test_batch", b"y", {}))
    assert "must hold one test_batch, but has two" in refusal(path)


def test_load_refuses_an_archive_of_something_else(tmp_path, refusal):
    assert "but holds none" in refusal(tar_of(tmp_path / "other.tar.gz", ("readme", b"x", {})))


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"\x1f\x8b" + b"x" * 600, b"x" * 5000])
def test_load_refuses_an_archive_that_is_none(tmp_path, content, refusal):
    path = tmp_path / "none.tar.gz"
    path.write_bytes(content)
    assert "cannot be read" in refusal(path)


def test_load_refuses_a_tar_header_that_points_backwards(tmp_path, refusal):
    """A negative size made some versions of tarfile read one header for ever."""
    header = bytearray(tarfile.TarInfo("name").tobuf())
    header[124:136] = b"\xff" * 8 + struct.pack(">i", -1024)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "back.tar"
    path.write_bytes(header + bytes(2048))
    refusal(path)
