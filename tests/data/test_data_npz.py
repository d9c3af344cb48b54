"""A user's own .npz: what is read, and what is refused without believing its headers."""

import os
import zipfile

import numpy as np
import pytest

from lenet_tune.data import load


def test_load_reads_an_npz_of_grey_images(tmp_path, save_npz):
    data = load(save_npz(tmp_path / "my digits!.npz"), environ={})
    assert (data.name, data.image_shape, data.classes) == ("my-digits", (8, 8, 1), ("0", "1", "2"))
    assert data.train.images[1, 0, 0, 0] == 64
    assert data.test.labels.tolist() == [0, 2]
    assert not data.comparable


def test_load_reads_an_npz_of_coloured_images_column_labels_and_classes(tmp_path, save_npz):
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


@pytest.mark.parametrize("channels", [1, 2, 4, 16])
def test_load_reads_any_number_of_channels(tmp_path, save_npz, channels):
    noise = np.random.default_rng(0).integers(0, 256, (6, 5, 7, channels), dtype=np.uint8)
    data = load(save_npz(tmp_path / "x.npz", x_train=noise, x_test=noise[:2]), environ={})
    assert data.image_shape == (5, 7, channels)
    np.testing.assert_array_equal(data.train.images, noise)


@pytest.mark.parametrize("kind", [bool, np.int64, np.float32])
def test_load_reads_one_hot_labels_whose_columns_are_the_classes(tmp_path, save_npz, kind):
    hot = np.eye(5, dtype=kind)[[0, 1, 2, 0, 1, 2]]
    data = load(save_npz(tmp_path / "x.npz", y_train=hot, y_test=hot[1:3]), environ={})
    assert data.classes == ("0", "1", "2", "3", "4")
    assert (data.train.labels.tolist(), data.test.labels.tolist()) == ([0, 1, 2, 0, 1, 2], [1, 2])


@pytest.mark.parametrize("kind", [np.int16, np.uint32, np.float32, np.float64, "fractions"])
def test_load_reads_pixels_of_other_types_and_fractions_of_255(tmp_path, save_npz, kind):
    pixels = np.arange(256, dtype=np.uint8).reshape(4, 8, 8)
    saved = pixels.astype(np.float32) / 255 if kind == "fractions" else pixels.astype(kind)
    path = save_npz(tmp_path / "x.npz", x_train=saved, y_train=np.array([0, 1, 2, 0]))
    np.testing.assert_array_equal(load(path, environ={}).train.images[..., 0], pixels)


def test_load_reads_true_as_white(tmp_path, save_npz):
    mask = np.random.default_rng(0).random((6, 8, 8)) < 0.5
    images = load(save_npz(tmp_path / "x.npz", x_train=mask), environ={}).train.images[..., 0]
    np.testing.assert_array_equal(images, np.where(mask, 255, 0))


def test_load_knows_the_names_of_medmnist(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (9, 4, 4), dtype=np.uint8)
    labels = np.arange(9)[:, None] % 3
    parts = {"train": slice(0, 4), "val": slice(4, 6), "test": slice(6, 9)}
    arrays = {f"{p}_images": noise[s] for p, s in parts.items()}
    np.savez(tmp_path / "x.npz", **arrays, **{f"{p}_labels": labels[s] for p, s in parts.items()})
    data = load(str(tmp_path / "x.npz"), environ={})
    np.testing.assert_array_equal(data.test.images[..., 0], noise[6:])
    assert data.train.labels.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize(("x", "y"), [("x", "y"), ("images", "labels")])
def test_load_sets_a_sixth_aside_where_nothing_is_for_testing(tmp_path, x, y):
    noise = np.random.default_rng(0).integers(0, 256, (24, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", **{x: noise, y: np.arange(24) % 2})
    data = load(str(tmp_path / "x.npz"), environ={})
    assert np.bincount(data.test.labels).tolist() == [2, 2]
    assert "a stratified sixth" in data.notice
    together = np.concatenate([data.train.images, data.test.images])[..., 0]
    assert sorted(map(bytes, together)) == sorted(map(bytes, noise))


def test_load_takes_the_pair_to_train_on_before_others(tmp_path, save_npz):
    path = save_npz(tmp_path / "x.npz", x=np.zeros((6, 2, 2), dtype=np.uint8), y=np.zeros(6, dtype=int))
    assert load(path, environ={}).image_shape == (8, 8, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x_train": np.zeros((6, 8, 8), dtype=np.complex64)}, "x_train: its type must be"),
        ({"x_train": np.full((6, 8, 8), 256, dtype=np.uint16)}, "but are uint16 from 256 to 256"),
        ({"x_train": np.full((6, 8, 8), -1, dtype=np.int8)}, "whole numbers in [0, 255]"),
        ({"x_train": np.full((6, 8, 8), 1.5)}, "but are float64 from 1.5 to 1.5"),
        ({"x_train": np.full((6, 8, 8), -0.5, dtype=np.float32)}, "fractions in [0, 1]"),
        ({"x_train": np.full((6, 8, 8), np.nan)}, "fractions in [0, 1]"),
        ({"x_train": np.full((6, 8, 8), np.inf)}, "fractions in [0, 1]"),
        ({"x_train": np.zeros((6, 3, 32, 32), dtype=np.uint8)}, "with c at most 16"),
        ({"x_train": np.zeros((6, 64), dtype=np.uint8)}, "its shape must be"),
        ({"x_train": np.zeros((5, 8, 8), dtype=np.uint8)}, "labels must be (5,)"),
        ({"x_test": np.zeros((2, 9, 8), dtype=np.uint8)}, "one shape"),
        ({"x_test": np.zeros((0, 8, 8), dtype=np.uint8)}, "must hold something"),
        ({"x_test": None}, "x_test: it must be there"),
        ({"y_train": np.array([0.0, 1, 2, 0, 1, 2])}, "y_train: its type must be an integer"),
        ({"y_train": np.array([-1, 1, 2, 0, 1, 2])}, "span -1 to 2"),
        ({"y_train": np.array([1000, 1, 2, 0, 1, 2])}, "span 0 to 1000"),
        ({"y_train": np.array([2**64 - 1] * 6, dtype=np.uint64)}, "labels must be in [0, 999]"),
        ({"y_train": np.zeros((6, 3), dtype=int)}, "must be one 1 and else 0"),
        ({"y_train": np.ones((6, 3), dtype=bool)}, "must be one 1 and else 0"),
        ({"y_train": np.full((6, 2), 0.5)}, "must be one 1 and else 0"),
        ({"y_train": np.full((6, 2), np.nan)}, "must be one 1 and else 0"),
        ({"y_train": np.zeros((6, 1001), dtype=bool)}, "at most 1000 columns"),
        ({"y_train": np.zeros((6, 3, 1), dtype=int)}, "its shape must be (n,), (n, 1) or one-hot"),
        ({"y_train": np.array(["a"] * 6)}, "its type must be"),
        ({"y_train": np.zeros(6, dtype=int), "y_test": np.zeros(2, dtype=int)}, "2 to 1000 classes"),
        ({"y_train": np.array([None] * 6)}, "but is object"),
        ({"classes": np.array(["a", "b"])}, "must be in [0, 1]"),
        ({"classes": np.array(["a", "a", "b"])}, "unique"),
        ({"classes": np.array([1, 2, 3])}, "must be text"),
    ],
)
def test_load_names_the_array_of_an_npz_and_what_is_wrong(tmp_path, changes, words, refusal, save_npz):
    assert words in refusal(save_npz(tmp_path / "x.npz", **changes))


class Canary:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


def test_load_runs_nothing_from_an_npz(tmp_path, refusal, save_npz):
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
def test_load_does_not_believe_the_header_of_an_array(tmp_path, member, refusal):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x_train.npy", member)
    line = refusal(str(tmp_path / "x.npz"))
    assert "x.npz" in line
    assert "shape" not in line or "must hold something and fit its" in line


def test_load_refuses_truncated_and_altered_npz_files(tmp_path, refusal, npz_bytes):
    whole = npz_bytes
    path = tmp_path / "x.npz"
    for end in range(0, len(whole), 97):
        path.write_bytes(whole[:end])
        refusal(str(path))
    altered = bytearray(whole)
    altered[whole.index(b"\x93NUMPY") + 200] ^= 1  # a pixel
    path.write_bytes(altered)
    assert "Bad CRC-32" in refusal(str(path))


def test_load_refuses_an_npz_bomb(tmp_path, monkeypatch, refusal):
    monkeypatch.setattr("lenet_tune.data.npz.IMAGES_LIMIT", 10**6)
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", bytes(10**6 + 1))
    assert "unpack to at most 1,000,000 bytes" in refusal(str(tmp_path / "x.npz"))
