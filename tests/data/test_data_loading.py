"""`load`: names, paths, LENET_TUNE_DATA, the cache, downloads and falling back, all without a network."""

import contextlib
import gzip
import hashlib
import http.server
import importlib.util
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from lenet_tune.data import NAMES, load, remote
from lenet_tune.errors import DataError


@pytest.fixture(autouse=True)
def blocked(monkeypatch):
    """No test may reach the network; those that serve themselves lift this."""
    tried = []

    def refuse(url, timeout):
        tried.append(url)
        assert 0 < timeout <= 60
        raise urllib.error.URLError("the network is blocked")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    monkeypatch.setattr("lenet_tune.data.shapes.TRAIN_SIZE", 100)  # saves seconds
    monkeypatch.setattr("lenet_tune.data.shapes.TEST_SIZE", 100)
    return tried


def refusal(source, environ=None):
    """The one line that `load` refuses `source` with."""
    with pytest.raises(DataError) as caught:
        load(source, environ=environ or {}, say=lambda line: None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def save_npz(path, **changes):
    arrays = {
        "x_train": np.arange(6 * 8 * 8, dtype=np.uint16).reshape(6, 8, 8).astype(np.uint8),
        "y_train": np.array([0, 1, 2, 0, 1, 2]),
        "x_test": np.full((2, 8, 8), 7, dtype=np.uint8),
        "y_test": np.array([0, 2]),
    }
    arrays |= changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return str(path)


def npz_bytes(tmp_path):
    save_npz(tmp_path / "whole.npz")
    return (tmp_path / "whole.npz").read_bytes()


def test_importing_the_room_needs_no_keras():
    code = "import sys, lenet_tune.data; print({'keras', 'tensorflow', 'sklearn'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


# --- names and paths ---


@pytest.mark.parametrize("source", ["cifar", "CIFAR10", "no/such/path", "", " ", "x\0y", "x" * 5000])
def test_load_refuses_what_is_neither_a_name_nor_a_path(source):
    line = refusal(source)
    assert "cannot be read" in line or all(name in line for name in NAMES)


def test_load_refuses_a_file_of_another_kind(tmp_path):
    (tmp_path / "x.txt").write_text("hello")
    assert "but is none of them" in refusal(str(tmp_path / "x.txt"))


def test_load_shapes_by_name_says_that_it_is_not_comparable(blocked):
    data = load("shapes", environ={})
    assert (data.name, data.comparable) == ("shapes", False)
    assert data.notice == "not CIFAR-10, not comparable with the report"
    assert blocked == []


def test_load_takes_the_path_from_the_environment(tmp_path):
    path = save_npz(tmp_path / "mine.npz")
    assert load(None, environ={"LENET_TUNE_DATA": path}).name == "mine"


def test_load_does_not_fall_back_from_a_wrong_path_in_the_environment(tmp_path):
    assert "no/such/path" in refusal(None, {"LENET_TUNE_DATA": "no/such/path"})


def test_load_by_name_does_not_take_other_data_from_the_environment(tmp_path):
    path = save_npz(tmp_path / "mine.npz")
    assert "cifar-10-python.tar.gz" in refusal(
        "cifar10", {"LENET_TUNE_DATA": path, "KERAS_HOME": str(tmp_path)}
    )


def test_load_cifar10_takes_the_folder_from_the_environment(tmp_path):
    (tmp_path / "data_batch_1").write_bytes(b"")
    assert "lacks data_batch_2" in refusal("cifar10", {"LENET_TUNE_DATA": str(tmp_path)})


# --- .npz ---


def test_load_reads_an_npz_of_grey_images(tmp_path):
    data = load(save_npz(tmp_path / "my digits!.npz"), environ={})
    assert (data.name, data.image_shape, data.classes) == ("my-digits", (8, 8, 1), ("0", "1", "2"))
    assert data.train.images[1, 0, 0, 0] == 64
    assert data.test.labels.tolist() == [0, 2]
    assert not data.comparable


def test_load_reads_an_npz_of_coloured_images_column_labels_and_classes(tmp_path):
    colours = np.arange(6 * 4 * 5 * 3, dtype=np.uint16).astype(np.uint8).reshape(6, 4, 5, 3)
    path = save_npz(
        tmp_path / "x.npz",
        x_train=np.asfortranarray(colours),
        x_test=colours[:2],
        y_train=np.array([[0], [1], [2], [0], [1], [2]], dtype=">u4"),
        classes=np.array(["ä", "b", "c", "d"]),
    )
    data = load(path, environ={})
    assert (data.image_shape, data.classes) == ((4, 5, 3), ("ä", "b", "c", "d"))
    np.testing.assert_array_equal(data.train.images, colours)
    assert data.train.labels.tolist() == [0, 1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x_train": np.zeros((6, 8, 8), dtype=np.float32)}, "x_train: its type must be"),
        (
            {"x_train": np.zeros((6, 8, 8), dtype=np.uint16)},
            "must be uint8, raw pixels 0..255, but is uint16",
        ),
        ({"x_train": np.zeros((6, 8, 8, 2), dtype=np.uint8)}, "its shape must be"),
        ({"x_train": np.zeros((6, 64), dtype=np.uint8)}, "its shape must be"),
        ({"x_train": np.zeros((5, 8, 8), dtype=np.uint8)}, "labels must be (5,)"),
        ({"x_test": np.zeros((2, 9, 8), dtype=np.uint8)}, "one shape"),
        ({"x_test": np.zeros((0, 8, 8), dtype=np.uint8)}, "must hold something"),
        ({"x_test": None}, "x_test: it must be there"),
        ({"y_train": np.array([0.0, 1, 2, 0, 1, 2])}, "y_train: its type must be an integer"),
        ({"y_train": np.array([-1, 1, 2, 0, 1, 2])}, "span -1 to 2"),
        ({"y_train": np.array([1000, 1, 2, 0, 1, 2])}, "span 0 to 1000"),
        ({"y_train": np.array([2**64 - 1] * 6, dtype=np.uint64)}, "labels must be in [0, 999]"),
        ({"y_train": np.zeros((6, 3), dtype=int)}, "its shape must be (n,) or (n, 1)"),
        ({"y_train": np.array(["a"] * 6)}, "its type must be"),
        ({"y_train": np.zeros(6, dtype=int), "y_test": np.zeros(2, dtype=int)}, "2 to 1000 classes"),
        ({"y_train": np.array([None] * 6)}, "but is object"),
        ({"classes": np.array(["a", "b"])}, "must be in [0, 1]"),
        ({"classes": np.array(["a", "a", "b"])}, "unique"),
        ({"classes": np.array([1, 2, 3])}, "must be text"),
    ],
)
def test_load_names_the_array_of_an_npz_and_what_is_wrong(tmp_path, changes, words):
    assert words in refusal(save_npz(tmp_path / "x.npz", **changes))


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_load_runs_nothing_from_an_npz(tmp_path):
    path = save_npz(tmp_path / "x.npz", y_train=np.array([Canary(str(tmp_path / "canary"))] * 6))
    assert "but is object" in refusal(path)
    assert not (tmp_path / "canary").exists()


def npy(header, data=b""):
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


@pytest.mark.parametrize(
    "member",
    [
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1099511627776,)}", b"x"),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, -1)}", b"x"),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': ()}", b"xx"),
        npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2,)}", b"x"),
        npy("{'descr': '|u1', 'fortran_order': False}", b"x"),
        npy("__import__('os').abort()", b"x"),
        npy("(" * 100),
        b"\x93NUMPY\x09\x00",
        b"not an array",
        b"",
    ],
)
def test_load_does_not_believe_the_header_of_an_array(tmp_path, member):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x_train.npy", member)
    assert "x.npz" in refusal(str(tmp_path / "x.npz"))


def test_load_refuses_truncated_and_altered_npz_files(tmp_path):
    whole = npz_bytes(tmp_path)
    path = tmp_path / "x.npz"
    for end in range(0, len(whole), 97):
        path.write_bytes(whole[:end])
        refusal(str(path))
    altered = bytearray(whole)
    altered[whole.index(b"\x93NUMPY") + 200] ^= 1  # a pixel
    path.write_bytes(altered)
    assert "Bad CRC-32" in refusal(str(path))


def test_load_refuses_an_npz_bomb(tmp_path, monkeypatch):
    monkeypatch.setattr("lenet_tune.data.npz.LIMIT", 10**6)
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", bytes(10**6 + 1))
    assert "unpack to at most 1,000,000 bytes" in refusal(str(tmp_path / "x.npz"))


# --- without a network ---


@pytest.mark.parametrize(
    ("name", "file", "proof"),
    [
        ("cifar10", "cifar-10-python.tar.gz", "170,498,071 bytes, sha256 6d958be0"),
        ("cifar100", "cifar-100-python.tar.gz", "169,001,437 bytes, sha256 85cd44d0"),
        ("mnist", "mnist.npz", "11,490,434 bytes, sha256 731c5ac6"),
        ("fashion_mnist", "train-images-idx3-ubyte.gz", "26,421,880 bytes"),
    ],
)
def test_load_without_a_network_names_the_file_its_proof_and_the_ways_out(
    tmp_path, blocked, name, file, proof
):
    line = refusal(name, {"KERAS_HOME": str(tmp_path)})
    for words in (file, proof, "the network is blocked", str(tmp_path / "datasets"), "--data shapes"):
        assert words in line
    assert len(blocked) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_load_nothing_in_particular_falls_back_to_shapes_loudly(tmp_path):
    said = []
    data = load(None, environ={"KERAS_HOME": str(tmp_path)}, say=said.append)
    assert data.name == "shapes"
    assert "not comparable with the report" in data.notice
    assert [line for line in said if "shapes" in line and "not comparable" in line]
    assert not [line for line in said if "\n" in line]


def test_load_says_its_notices_on_stderr(tmp_path, capsys):
    load(None, environ={"KERAS_HOME": str(tmp_path)})
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "NOTICE: going on with the built-in data set shapes" in printed.err


def test_load_does_not_fall_back_from_a_damaged_cache(tmp_path, blocked):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / remote.CIFAR10.cached).write_bytes(b"half a download")
    line = refusal(None, {"KERAS_HOME": str(tmp_path)})
    assert "expected 170,498,071 bytes, got 15" in line
    assert blocked == []


@pytest.mark.parametrize("folder", ["cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py"])
def test_load_takes_the_folder_that_keras_unpacked(tmp_path, blocked, folder):
    path = tmp_path / "datasets" / folder
    path.mkdir(parents=True)
    line = refusal("cifar10", {"KERAS_HOME": str(tmp_path)})
    assert str(path) in line
    assert "lacks data_batch_1" in line
    assert blocked == []


def test_cache_folder_is_keras_own(tmp_path):
    assert remote.cache_folder({"KERAS_HOME": "k", "HOME": str(tmp_path)}).as_posix() == "k/datasets"
    assert remote.cache_folder({"HOME": str(tmp_path)}) == tmp_path / ".keras" / "datasets"


def test_files_are_those_that_the_installed_keras_expects():
    for name, files in {
        "cifar10": [remote.CIFAR10],
        "cifar100": [remote.CIFAR100],
        "mnist": [remote.MNIST],
        "fashion_mnist": remote.FASHION_MNIST.values(),
    }.items():
        # The source file is read, not imported: importing Keras takes seconds.
        keras = importlib.util.find_spec("keras").submodule_search_locations[0]
        with open(os.path.join(keras, "src", "datasets", f"{name}.py")) as source:
            text = source.read()
        for file in files:
            assert file.file_name in text
            assert file.url.rpartition("/")[0] in text
            assert (file.sha256 or "") in text
            assert file.cached.removesuffix("_archive").rpartition("/")[2] in text


def test_load_reads_mnist_from_the_cache(tmp_path, monkeypatch):
    cached = tmp_path / "datasets" / "mnist.npz"
    cached.parent.mkdir()
    save_npz(cached)
    content = cached.read_bytes()
    right = replace(remote.MNIST, size=len(content), sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(remote, "MNIST", right)
    data = load("mnist", environ={"KERAS_HOME": str(tmp_path)})
    assert (data.name, data.image_shape) == ("mnist", (8, 8, 1))
    cached.write_bytes(content[:-1] + b"x")
    line = refusal("mnist", {"KERAS_HOME": str(tmp_path)})
    assert f"expected sha256 {right.sha256}, got " in line


def idx(array):
    sides = b"".join(side.to_bytes(4, "big") for side in array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + sides + array.tobytes(), 1)


def test_load_reads_fashion_mnist_from_the_cache(tmp_path, monkeypatch):
    contents = {
        "x_train": idx(np.full((60_000, 28, 28), 3, dtype=np.uint8)),
        "y_train": idx(np.arange(60_000, dtype=np.int64).astype(np.uint8) % 10),
        "x_test": idx(np.full((10_000, 28, 28), 4, dtype=np.uint8)),
        "y_test": idx(np.full(10_000, 9, dtype=np.uint8)),
    }

    def cache(**changes):
        for part, content in (contents | changes).items():
            file = replace(remote.FASHION_MNIST[part], size=len(content))
            monkeypatch.setitem(remote.FASHION_MNIST, part, file)
            path = tmp_path / "datasets" / file.cached
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    cache()
    data = load("fashion_mnist", environ={"KERAS_HOME": str(tmp_path)})
    assert (data.image_shape, len(data.train), len(data.test)) == ((28, 28, 1), 60_000, 10_000)
    assert (data.train.images[0, 0, 0, 0], data.train.labels[13], data.classes[9]) == (3, 3, "Ankle boot")
    cache(y_train=contents["y_test"])
    assert "must hold (60000,) uint8" in refusal("fashion_mnist", {"KERAS_HOME": str(tmp_path)})
    cache(y_train=contents["y_train"][:-9])
    assert "train-labels" in refusal("fashion_mnist", {"KERAS_HOME": str(tmp_path)})


# --- downloads from a server on this machine ---


@contextlib.contextmanager
def serving(content, *, claimed, status=200):
    """A server that claims a length, gives `content` and closes."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(claimed))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/mnist.npz"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def download(tmp_path, monkeypatch):
    """A function: load "mnist" from a server that gives `content` where `wanted` is expected."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    monkeypatch.setattr(urllib.request, "urlopen", opener.open)

    def run(wanted, content, **answer):
        with serving(content, **({"claimed": len(content)} | answer)) as url:
            digest = hashlib.sha256(wanted).hexdigest()
            monkeypatch.setattr(
                remote, "MNIST", replace(remote.MNIST, url=url, size=len(wanted), sha256=digest)
            )
            return load("mnist", environ={"KERAS_HOME": str(tmp_path / "home")}, say=lambda line: None)

    return run


def test_load_downloads_into_the_cache_once(tmp_path, download):
    content = npz_bytes(tmp_path)
    assert download(content, content).name == "mnist"
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert files == [tmp_path / "home" / "datasets" / "mnist.npz"]
    assert download(content, b"", status=404).name == "mnist"  # not asked again


@pytest.mark.parametrize(
    ("change", "answer", "words"),
    [
        (lambda content: content[:100], {"claimed": 10**6}, "got 100|IncompleteRead"),
        (lambda content: content[:-1] + b"x", {}, "expected sha256 [0-9a-f]{64}, got [0-9a-f]{64}"),
        (lambda content: content + b"x", {}, "bytes, got .* or more"),
        (lambda content: b"<html>please log in</html>", {}, "expected .* bytes, got 26"),
        (lambda content: b"", {"status": 404}, "404"),
    ],
)
def test_load_keeps_nothing_of_a_bad_download(tmp_path, download, change, answer, words):
    content = npz_bytes(tmp_path)
    with pytest.raises(DataError, match=words) as caught:
        download(content, change(content), **answer)
    assert "\n" not in str(caught.value)
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []


def test_load_survives_a_cache_that_cannot_be_written(tmp_path, download):
    (tmp_path / "home").write_text("a file where a folder should be")
    with pytest.raises(DataError, match="cannot be"):
        download(b"x", b"x")
