"""A user's own folder of images: layouts, sizes, colours, and files that are no images."""

import os
import shutil
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from lenet_tune.data import load
from lenet_tune.errors import SettingError


def save(path, seed=0, size=(8, 8), mode="RGB", **how):
    """A noise image; `size` is (h, w)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    channels = {"L": (), "LA": (2,), "RGB": (3,), "RGBA": (4,)}[mode]
    noise = np.random.default_rng(seed).integers(0, 256, (*size, *channels), dtype=np.uint8)
    Image.fromarray(noise, mode).save(path, **how)
    return noise


@pytest.fixture
def animals(tmp_path):
    """Three classes in train and test, 4 and 2 images each."""
    for part, count in (("train", 4), ("test", 2)):
        for c, name in enumerate(("cat", "bee", "ant")):
            for i in range(count):
                save(
                    tmp_path / "animals" / part / name / f"{i}.png", seed=100 * c + i + 10 * (part == "test")
                )
    return tmp_path / "animals"


def read(path, size=None):
    return load(str(path), image_size=size, environ={})


def test_load_reads_train_and_test_folders_in_the_order_of_names(animals):
    data = read(animals)
    assert (data.name, data.classes, data.image_shape) == ("animals", ("ant", "bee", "cat"), (8, 8, 3))
    assert data.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.test.labels.tolist() == [0, 0, 1, 1, 2, 2]
    with Image.open(animals / "train" / "bee" / "2.png") as image:
        np.testing.assert_array_equal(data.train.images[6], np.asarray(image))
    assert data.notice == "not CIFAR-10, not comparable with the report"


def test_a_copy_of_a_folder_is_the_same_data_set_and_one_pixel_is_not(animals, tmp_path):
    copy = shutil.copytree(animals, tmp_path / "copy")
    assert read(copy).fingerprint == read(animals).fingerprint
    with Image.open(copy / "test" / "cat" / "1.png") as image:
        image.load()
    image.putpixel((3, 4), (1, 2, 3))
    image.save(copy / "test" / "cat" / "1.png")
    assert read(copy).fingerprint != read(animals).fingerprint


def test_bare_class_folders_give_a_sixth_of_each_class_to_the_test_set(tmp_path):
    for c, count in enumerate((12, 24, 6)):
        for i in range(count):
            save(tmp_path / "mine" / f"c{c}" / f"{i:02}.png", seed=1000 * c + i)
    data, again = read(tmp_path / "mine"), read(tmp_path / "mine")
    assert np.bincount(data.test.labels).tolist() == [2, 4, 1]
    assert np.bincount(data.train.labels).tolist() == [10, 20, 5]
    assert data.fingerprint == again.fingerprint
    assert "a stratified sixth of its images, drawn with seed 0, is the test set" in data.notice
    pixels = {image.tobytes() for split in (data.train, data.test) for image in split.images}
    assert len(pixels) == 42


def test_a_few_images_are_too_few_for_a_sixth(tmp_path, refusal):
    for c in range(2):
        save(tmp_path / "mine" / f"c{c}" / "0.png")
    assert "at least 6 images" in refusal(tmp_path / "mine")


@pytest.mark.parametrize("name", ["val", "Validation", "valid", "testing"])
def test_other_names_of_the_test_folder_are_known(animals, name):
    (animals / "test").rename(animals / name)
    data = read(animals)
    assert len(data.test) == 6
    assert data.notice.endswith(f"; its test set is {name}") == (name != "testing")


def test_a_class_may_be_in_one_part_only(animals):
    shutil.rmtree(animals / "test" / "cat")
    save(animals / "test" / "dog" / "0.png")
    data = read(animals)
    assert data.classes == ("ant", "bee", "cat", "dog")
    assert data.test.labels.tolist() == [0, 0, 1, 1, 3]


# --- sizes and colours ---


def test_images_of_several_sizes_are_refused_with_the_option(animals, refusal):
    save(animals / "train" / "bee" / "1.png", size=(8, 9))
    line = refusal(animals)
    assert "bee/1.png' has 8x9" in line
    assert "ant/0.png' 8x8" in line
    assert "--image-size" in line


@pytest.mark.parametrize("size", [(6, 10), (8, 8), (16, 16)])
def test_image_size_resizes_every_image_and_is_in_the_name(animals, size):
    save(animals / "train" / "bee" / "1.png", size=(40, 30))
    data = read(animals, size)
    assert data.image_shape == (*size, 3)
    assert data.name == f"animals-{size[0]}x{size[1]}"


def test_resizing_keeps_what_is_where(tmp_path):
    """Rows first: a picture that is dark above and light below stays so."""
    picture = np.zeros((20, 40), dtype=np.uint8)
    picture[10:] = 200
    for c in range(2):
        for i in range(6):
            (tmp_path / f"{c}").mkdir(exist_ok=True)
            Image.fromarray(picture).save(tmp_path / f"{c}" / f"{i}.png")
    images = read(tmp_path, (4, 8)).train.images
    assert images.shape[1:] == (4, 8, 1)
    assert images[:, 0].max() < 10
    assert images[:, 3].min() > 190


def test_grey_images_stay_grey_whatever_they_are_saved_as(tmp_path):
    for i in range(6):
        grey = save(tmp_path / "a" / f"{i}.png", seed=i, mode="L")
        (tmp_path / "b").mkdir(exist_ok=True)
        Image.fromarray(np.repeat(grey[..., None], 3, axis=2)).save(tmp_path / "b" / f"{i}.png")
    assert read(tmp_path).image_shape == (8, 8, 1)


def test_one_coloured_image_makes_all_coloured(animals):
    grey = save(animals / "train" / "ant" / "0.png", mode="L", seed=7)
    images = read(animals).train.images
    assert images.shape[3] == 3
    np.testing.assert_array_equal(images[0], np.repeat(grey[..., None], 3, axis=2))


@pytest.mark.parametrize("kind", ["jpg", "bmp", "gif", "ppm", "tiff", "webp"])
def test_other_formats_are_read(animals, kind):
    save(animals / "train" / "ant" / f"x.{kind}")
    assert len(read(animals).train) == 13


def test_sixteen_bits_become_eight_and_a_cameras_turn_is_undone(tmp_path):
    deep = (np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000).astype(np.uint16)
    turned = np.zeros((8, 8), dtype=np.uint8)
    turned[0] = 255  # above; the tag says: turn by 180 degrees
    exif = Image.Exif()
    exif[0x0112] = 3
    for c in "ab":
        for i in range(6):
            save(tmp_path / c / f"{i}.png", mode="L", seed=i)
    Image.fromarray(deep).save(tmp_path / "a" / "0.png")
    Image.fromarray(turned).save(tmp_path / "a" / "1.png", exif=exif)
    data = read(tmp_path)
    everything = [*data.train.images[..., 0], *data.test.images[..., 0]]
    assert any((image == (deep >> 8)).all() for image in everything)
    assert any((image == turned[::-1]).all() for image in everything)


# --- what is refused, and what is passed over ---


def test_hidden_files_and_litter_are_skipped(animals):
    before = read(animals).fingerprint
    (animals / "train" / "ant" / ".DS_Store").write_bytes(b"x")
    (animals / "train" / "ant" / "Thumbs.db").write_bytes(b"x")
    (animals / ".git").mkdir()
    (animals / "train" / ".cache").mkdir()
    (animals / "README.txt").write_text("animals")
    assert read(animals).fingerprint == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must be an image"),
        (b"hello", "must be an image"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "must be an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "must be an image"),
    ],
    ids=["empty", "text", "broken png", "program for a printer"],
)
def test_a_file_that_is_no_image_is_named(animals, content, words, refusal):
    (animals / "train" / "bee" / "2.png").write_bytes(content)
    line = refusal(animals)
    assert "bee/2.png" in line
    assert words in line


def test_a_truncated_image_is_named(animals, refusal):
    path = animals / "train" / "bee" / "2.jpg"
    save(path, size=(64, 64))
    whole = path.read_bytes()
    for end in range(0, len(whole), len(whole) // 15):
        path.write_bytes(whole[:end])
        assert "bee/2.jpg" in refusal(animals)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("side", [8193, 10_000, 60_000])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(animals, side, refusal):
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    (animals / "train" / "bee" / "2.png").write_bytes(bomb + chunk(b"IEND", b""))
    line = refusal(animals)
    assert "bee/2.png" in line
    assert "at most 67,108,864 pixels" in line


def test_images_that_take_too_much_memory_are_refused(animals, monkeypatch, refusal):
    monkeypatch.setattr("lenet_tune.data.files.IMAGES_LIMIT", 18 * 8 * 8 * 3 - 1)
    assert "--image-size" in refusal(animals)
    monkeypatch.setattr("lenet_tune.data.files.IMAGES_LIMIT", 18 * 8 * 8 * 3)
    assert len(read(animals).train) == 12


def test_folders_within_class_folders_are_refused(animals, refusal):
    (animals / "train" / "bee" / "more").mkdir()
    assert "holds the folder 'more'" in refusal(animals)


def test_folders_without_images_are_refused(tmp_path, refusal):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert "class folders with images" in refusal(tmp_path)


def test_a_folder_with_test_images_only_is_refused(animals, refusal):
    shutil.rmtree(animals / "train")
    assert "must have a folder train beside test" in refusal(animals)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_among_the_images_is_not_waited_for(animals, refusal):
    os.mkfifo(animals / "train" / "bee" / "pipe.png")
    assert "must be a regular file" in refusal(animals)


def test_image_size_is_refused_where_images_have_a_size_of_their_own(tmp_path, save_npz):
    path = save_npz(tmp_path / "x.npz")
    for source, environ in ((path, {}), ("shapes", {}), (None, {}), (None, {"LENET_TUNE_DATA": path})):
        with pytest.raises(SettingError, match="--image-size"):
            load(source, image_size=(8, 8), environ=environ)
