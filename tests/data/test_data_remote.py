"""Public data sets: found in Keras's cache, downloaded from a server on this machine, or not to be had."""

import contextlib
import gzip
import hashlib
import http.server
import importlib.util
import os
import threading
import urllib.request
from dataclasses import replace

import numpy as np
import pytest

from lenet_tune.data import load, remote
from lenet_tune.errors import DataError


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
    tmp_path, blocked, name, file, proof, refusal
):
    line = refusal(name, {"KERAS_HOME": str(tmp_path)})
    for words in (file, proof, "the network is blocked", str(tmp_path / "datasets"), "--data shapes"):
        assert words in line
    assert len(blocked) == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_load_nothing_in_particular_falls_back_to_shapes_loudly(tmp_path, few_shapes):
    said = []
    data = load(None, environ={"KERAS_HOME": str(tmp_path)}, say=said.append)
    assert data.name == "shapes"
    assert "not comparable with the report" in data.notice
    assert [line for line in said if "shapes" in line and "not comparable" in line]
    assert not [line for line in said if "\n" in line]


def test_load_says_its_notices_on_stderr(tmp_path, capsys, few_shapes):
    load(None, environ={"KERAS_HOME": str(tmp_path)})
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "NOTICE: going on with the built-in data set shapes" in printed.err


def test_load_does_not_fall_back_from_a_damaged_cache(tmp_path, blocked, refusal):
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / remote.CIFAR10.cached).write_bytes(b"half a download")
    line = refusal(None, {"KERAS_HOME": str(tmp_path)})
    assert "expected 170,498,071 bytes, got 15" in line
    assert blocked == []


@pytest.mark.parametrize("folder", ["cifar-10-batches-py-target/cifar-10-batches-py", "cifar-10-batches-py"])
def test_load_takes_the_folder_that_keras_unpacked(tmp_path, blocked, folder, refusal):
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


def test_load_reads_mnist_from_the_cache(tmp_path, monkeypatch, refusal, save_npz):
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


def test_load_reads_fashion_mnist_from_the_cache(tmp_path, monkeypatch, refusal):
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
    signed = gzip.decompress(contents["y_test"]).replace(b"\0\0\x08\x01", b"\0\0\x09\x01", 1)
    cache(y_test=gzip.compress(signed, 1))
    assert "must hold (10000,) uint8" in refusal("fashion_mnist", {"KERAS_HOME": str(tmp_path)})
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


def test_load_downloads_into_the_cache_once(tmp_path, download, npz_bytes):
    content = npz_bytes
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
def test_load_keeps_nothing_of_a_bad_download(tmp_path, download, change, answer, words, npz_bytes):
    content = npz_bytes
    with pytest.raises(DataError, match=words) as caught:
        download(content, change(content), **answer)
    assert "\n" not in str(caught.value)
    assert [path for path in (tmp_path / "home").rglob("*") if path.is_file()] == []


def test_load_survives_a_cache_that_cannot_be_written(tmp_path, download):
    (tmp_path / "home").write_text("a file where a folder should be")
    with pytest.raises(DataError, match="cannot be"):
        download(b"x", b"x")
