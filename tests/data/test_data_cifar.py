"""CIFAR in its official layout, from folders and archives: whole, damaged, swapped and hostile."""

import gzip
import io
import os
import pickle
import struct
import tarfile

import numpy as np
import pytest

from lenet_tune.data import channel_statistics, load
from lenet_tune.data.cifar import CIFAR10_CLASSES
from lenet_tune.errors import DataError

FOLDER = "cifar-10-batches-py"
BATCHES = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


def batch(number, *, labels=None, **changes):
    """A file with 10,000 images: noise in the first pixels, so that it differs and packs well."""
    pixels = np.zeros((10_000, 3072), dtype=np.uint8)
    pixels[:, :8] = np.random.default_rng(number).integers(0, 256, (10_000, 8))
    pixels[:, 1024] = 1  # green, first pixel
    fields = {
        "batch_label": f"training batch {number} of 5" if number < 6 else "testing batch 1 of 1",
        "labels": [i % 10 for i in range(10_000)] if labels is None else labels,
        "data": pixels,
        "filenames": ["x.png"] * 10_000,
    }
    return pickle.dumps({**fields, **changes}, protocol=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("layout") / FOLDER
    path.mkdir()
    for number, name in enumerate(BATCHES, 1):
        (path / name).write_bytes(batch(number))
    meta = {"num_cases_per_batch": 10_000, "label_names": list(CIFAR10_CLASSES), "num_vis": 3072}
    (path / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    return path


@pytest.fixture
def altered(folder, tmp_path):
    """A function: the folder with some files replaced by bytes, or left out where None."""

    def alter(**changes):
        path = tmp_path / "altered"
        path.mkdir()
        for name in [*BATCHES, "batches.meta"]:
            content = changes.get(name.replace(".", "_"), ...)
            if content is ...:
                (path / name).symlink_to(folder / name)
            elif content is not None:
                (path / name).write_bytes(content)
        return str(path)

    return alter


def refusal(source):
    """The one line that `load` refuses `source` with."""
    with pytest.raises(DataError) as caught:
        load(str(source), environ={})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_load_reads_the_official_layout(folder):
    data = load(str(folder), environ={})
    assert (data.name, len(data.train), len(data.test)) == ("cifar10", 50_000, 10_000)
    assert (data.image_shape, data.classes) == ((32, 32, 3), CIFAR10_CLASSES)
    first = np.random.default_rng(2).integers(0, 256, (10_000, 8))[0]
    np.testing.assert_array_equal(data.train.images[10_000, 0, :8, 0], first)  # red, first row, left to right
    assert data.train.images[10_000, 0, 0].tolist() == [first[0], 1, 0]
    assert data.train.labels[:3].tolist() == [0, 1, 2]


def test_load_does_not_call_other_content_comparable(folder):
    data = load(str(folder.parent), environ={})  # the folder above will do
    assert not data.comparable
    assert "not comparable with the report" in data.notice


@pytest.mark.parametrize("missing", ["data_batch_3", "test_batch", "batches_meta"])
def test_load_names_a_missing_file(altered, missing):
    assert f"lacks {missing.replace('s_', 's.')}" in refusal(altered(**{missing: None}))


def test_load_refuses_an_empty_folder(tmp_path):
    assert "lacks data_batch_1, data_batch_2" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda: batch(1), "must be 'testing batch 1 of 1', but is 'training batch 1 of 5'"),
        (lambda: batch(1, batch_label="testing batch 1 of 1"), "same images as data_batch_1"),
    ],
    ids=["copy", "relabelled copy"],
)
def test_load_refuses_a_training_batch_in_place_of_the_test_batch(altered, change, words):
    line = refusal(altered(test_batch=change()))
    assert "test_batch" in line
    assert words in line


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda: batch(1)[:-1000], "truncated"),
        (lambda: b"", "truncated"),
        (lambda: batch(2), "must be 'training batch 1 of 5', but is 'training batch 2 of 5'"),
        (lambda: batch(1, labels=[0] * 9_999), "must hold 10,000 labels, but has 9999"),
        (lambda: batch(1, labels=[0] * 9_999 + [10]), r"in [0, 9]"),
        (lambda: batch(1, labels=[True] * 10_000), r"in [0, 9]"),
        (lambda: batch(1, data=np.zeros((10_000, 3071), dtype=np.uint8)), "(10000, 3071)"),
        (lambda: batch(1, data=np.zeros((99, 3072), dtype=np.uint8)), "(99, 3072)"),
        (lambda: batch(1, data=np.zeros((2, 3072), dtype=np.float32)), "only uint8"),
        (lambda: batch(1, fine_labels=[0] * 10_000), "file of CIFAR-100"),
        (lambda: pickle.dumps([1, 2], protocol=2), "but has none"),
    ],
)
def test_load_names_a_wrong_file_and_what_is_wrong(altered, change, words):
    line = refusal(altered(data_batch_1=change()))
    assert "data_batch_1" in line
    assert words in line


def test_load_refuses_other_classes(altered):
    meta = {"label_names": ["x", *CIFAR10_CLASSES[1:]]}
    assert "must list the 10 classes" in refusal(altered(batches_meta=pickle.dumps(meta, protocol=2)))


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_load_runs_nothing_from_a_hostile_batch(altered, tmp_path):
    hostile = pickle.dumps({"data": Canary(str(tmp_path / "canary"))}, protocol=2)
    line = refusal(altered(data_batch_2=hostile))
    assert "data_batch_2' is refused: it asks for 'posix.mkdir'" in line
    assert not (tmp_path / "canary").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_load_does_not_wait_for_a_pipe(altered, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "must be a regular file" in refusal(tmp_path / "pipe")
    path = altered(test_batch=None)
    os.mkfifo(os.path.join(path, "test_batch"))
    assert "must be a regular file" in refusal(path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_load_names_an_unreadable_file(altered):
    path = altered(test_batch=b"x")
    os.chmod(os.path.join(path, "test_batch"), 0)
    assert "Permission denied" in refusal(path)


def test_load_turns_an_error_of_the_disk_into_one_line(folder, monkeypatch):
    def fail(path, *arguments):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("lenet_tune.data.files.os.open", fail)
    assert "cannot be read: Permission denied" in refusal(folder)


# --- archives ---


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
def test_load_refuses_a_truncated_archive(small_archive, tmp_path, kept):
    path = tmp_path / "part.tar.gz"
    path.write_bytes(small_archive[: int(len(small_archive) * kept)])
    assert "part.tar.gz' cannot be read: Compressed file ended" in refusal(path)


@pytest.mark.parametrize("place", [0, 3, 20_000, 40_000, -8, -1])
def test_load_refuses_an_altered_archive(small_archive, tmp_path, place):
    content = bytearray(small_archive)
    content[place] ^= 0x10
    path = tmp_path / "other.tar.gz"
    path.write_bytes(content)
    assert "other.tar.gz' cannot be read" in refusal(path)


def test_load_says_what_a_whole_archive_lacks(small_archive, tmp_path):
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
def test_load_refuses_members_that_reach_out_of_the_archive(tmp_path, monkeypatch, mode, member, words):
    inner = tmp_path / "inner" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    path = tar_of(inner / "evil.tar", (f"{FOLDER}/data_batch_1", b"x", {}), member, mode=mode)
    line = refusal(path)
    assert words in line
    assert "Nothing was extracted" in line
    assert sorted(tmp_path.rglob("*")) == [inner.parent, inner, path]


def test_load_refuses_a_member_that_claims_too_much(tmp_path):
    path = tmp_path / "claims.tar"
    info = tarfile.TarInfo("test_batch")
    info.size = 2**40
    path.write_bytes(info.tobuf(tarfile.GNU_FORMAT) + b"x" * 1024)
    assert "claims 1,099,511,627,776 bytes" in refusal(path)


@pytest.mark.parametrize("kind", [tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.REGTYPE])
def test_load_refuses_a_bomb_whatever_its_headers_say(tmp_path, monkeypatch, kind):
    """40 MiB of zeros in some 40 kB, as a file or as a name, which tarfile keeps in memory."""
    monkeypatch.setattr("lenet_tune.data.archive.TOTAL_LIMIT", 30 * 2**20)
    info = tarfile.TarInfo("name")
    info.size, info.type = 2**27, kind
    path = tmp_path / "bomb.tar.gz"
    path.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(40 * 2**20)))
    assert path.stat().st_size < 2**16
    assert "unpacks to more than 31,457,280 bytes" in refusal(path)


def test_load_refuses_many_members(tmp_path):
    path = tar_of(tmp_path / "many.tar", *((f"{i}", b"", {}) for i in range(1002)), mode="w")
    assert "comes after 1,000 others" in refusal(path)


def test_load_refuses_two_members_of_one_name(tmp_path):
    path = tar_of(tmp_path / "two.tar", ("a/test_batch", b"x", {}), ("b/test_batch", b"y", {}))
    assert "must hold one test_batch, but has two" in refusal(path)


def test_load_refuses_an_archive_of_something_else(tmp_path):
    assert "but holds none" in refusal(tar_of(tmp_path / "other.tar.gz", ("readme", b"x", {})))


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"\x1f\x8b" + b"x" * 600, b"x" * 5000])
def test_load_refuses_an_archive_that_is_none(tmp_path, content):
    path = tmp_path / "none.tar.gz"
    path.write_bytes(content)
    assert "cannot be read" in refusal(path)


def test_load_refuses_a_tar_header_that_points_backwards(tmp_path):
    """A negative size made some versions of tarfile read one header for ever."""
    header = bytearray(tarfile.TarInfo("name").tobuf())
    header[124:136] = b"\xff" * 8 + struct.pack(">i", -1024)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path = tmp_path / "back.tar"
    path.write_bytes(header + bytes(2048))
    refusal(path)


# --- CIFAR-100 and the real CIFAR-10 ---


def test_load_reads_the_layout_of_cifar100(tmp_path):
    names = [f"class {i}" for i in range(100)]
    (tmp_path / "meta").write_bytes(pickle.dumps({"fine_label_names": names}, protocol=2))
    for name, label, size in (("train", "training", 50_000), ("test", "testing", 10_000)):
        fields = {
            "batch_label": f"{label} batch 1 of 1",
            "fine_labels": [i % 100 for i in range(size)],
            "coarse_labels": [0] * size,
            "data": np.full((size, 3072), len(name), dtype=np.uint8),
        }
        (tmp_path / name).write_bytes(pickle.dumps(fields, protocol=2))
    data = load(str(tmp_path), environ={})
    assert (data.name, len(data.train), data.num_classes, data.comparable) == ("cifar100", 50_000, 100, False)
    assert data.notice == "not CIFAR-10, not comparable with the report"
    assert data.classes[99] == "class 99"


@pytest.mark.skipif(
    not os.path.exists(os.path.join(os.environ.get("LENET_TUNE_DATA", ""), "data_batch_1")),
    reason="LENET_TUNE_DATA names no folder with the real CIFAR-10",
)
def test_load_knows_the_real_cifar10_by_its_content():
    data = load("cifar10")
    assert data.comparable
    assert data.notice is None
    assert np.bincount(data.train.labels).tolist() == [5000] * 10
    mean, std = channel_statistics(data.train)  # as published with many CIFAR-10 recipes
    np.testing.assert_allclose(mean / 255, [0.49139968, 0.48215841, 0.44653091], atol=1e-8)
    np.testing.assert_allclose(std / 255, [0.24703223, 0.24348513, 0.26158784], atol=1e-8)
