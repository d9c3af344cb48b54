"""`lenet-tune data`: figures, warnings, contact sheet; readable at 80 columns, piped, and as JSON."""

import json
import re

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from lenet_tune.cli import main
from lenet_tune.contactsheet import IMAGES, draw_sheet
from lenet_tune.data import DataSet, Split
from lenet_tune.data.survey import survey


def make(train, test, *, shape=(8, 8, 3), classes=("ant", "bee", "cat"), images=None):
    """A data set of noise with the labels given; `images` replaces some: {(part, place): array}."""
    rng = np.random.default_rng(0)
    parts = {
        "train": rng.integers(0, 256, (len(train), *shape), dtype=np.uint8),
        "test": rng.integers(0, 256, (len(test), *shape), dtype=np.uint8),
    }
    for (part, place), image in (images or {}).items():
        parts[part][place] = image
    splits = {
        part: Split(images=parts[part], labels=np.array(labels, dtype=np.int64))
        for part, labels in (("train", train), ("test", test))
    }
    return DataSet(name="made", classes=classes, **splits)


EVEN = ([0, 1, 2] * 4, [0, 1, 2])


def test_a_sound_data_set_has_counts_and_no_warnings():
    found = survey(make(*EVEN))
    assert [(c.name, c.train, c.test) for c in found.classes] == [("ant", 4, 1), ("bee", 4, 1), ("cat", 4, 1)]
    assert (found.train_size, found.test_size, found.imbalance) == (12, 3, 1.0)
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("train", "warned"), [([0] * 8 + [1] * 4 + [2] * 4, False), ([0] * 9 + [1, 2] * 4, True)]
)
def test_imbalance_is_warned_of_above_two_to_one(train, warned):
    words = " ".join(survey(make(train, [0, 1, 2])).warnings)
    assert ("balanced accuracy" in words) == warned
    assert ("2.2 times" in words) == warned


def test_classes_that_are_missing_from_a_part_are_named():
    warnings = survey(make([0, 1] * 3, [0, 2])).warnings
    assert warnings == (
        "1 of 3 classes have no train images: cat",
        "1 of 3 classes have no test images: bee",
    )


def test_exact_copies_are_counted_within_train_and_across():
    image, other = np.random.default_rng(9).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)
    near = image.copy()
    near[0, 0, 0] ^= 1
    data = make(
        *EVEN,
        images={
            ("train", 0): image, ("train", 3): image, ("train", 4): image,  # labels 0, 0, 1
            ("train", 5): near, ("train", 6): other, ("test", 1): other, ("test", 2): image,
        },
    )  # fmt: skip
    found = survey(data)
    assert (found.duplicates.within_train, found.duplicates.contradicting) == (2, 1)
    assert found.duplicates.across == 2
    assert found.warnings == (
        "2 training images are copies of others, 1 of them with another label",
        "2 of 3 test images are also training images: accuracy on them says little",
    )


def test_constant_images_are_counted_whatever_their_colour():
    data = make(
        *EVEN,
        images={
            ("train", 0): np.uint8([1, 2, 3]), ("train", 1): np.uint8([9] * 3), ("test", 0): np.uint8([0] * 3)
        },
    )  # fmt: skip
    found = survey(data)
    assert found.constant == (2, 1)
    assert "2 training images have one value everywhere" in found.warnings


def test_images_scaled_to_one_before_saving_are_warned_of():
    data = make([0, 1] * 3, [0, 1], classes=("a", "b"))
    dark = DataSet(
        name="dark",
        classes=("a", "b"),
        train=Split(images=data.train.images // 200, labels=data.train.labels),
        test=Split(images=data.test.images // 200, labels=data.test.labels),
    )
    assert any("of 255" in line for line in survey(dark).warnings)
    assert survey(dark).value_range == (0, 1)


# --- the command ---


@pytest.fixture
def unbalanced(tmp_path):
    """An .npz with a hostile class name, three times as many of one class, and a copy in the test set."""
    data = make([0] * 9 + [1] * 3, [0, 1], classes=("a\x1b[31m[bold]x", "b"))
    images = data.test.images.copy()
    images[0] = data.train.images[0]
    path = tmp_path / "birds.npz"
    np.savez(
        path, x_train=data.train.images, y_train=data.train.labels, x_test=images, y_test=data.test.labels,
        classes=np.array(data.classes),
    )  # fmt: skip
    return path


def run(*words, columns=80):
    result = CliRunner().invoke(main, ["data", *map(str, words)], env={"COLUMNS": str(columns)})
    assert result.exit_code == 0, result.output
    return result


def test_the_table_is_plain_fits_80_columns_and_obeys_no_name(unbalanced):
    text = run(unbalanced).stdout
    assert max(map(len, text.splitlines())) <= 80
    assert text.replace("\n", "").replace("\N{NO-BREAK SPACE}", "").isprintable()
    assert "a?[31m[bold]x" in text
    assert re.search(r"^b +3 +25\.0 % +1 +50\.0 %", text, re.MULTILINE)
    assert "8x8, colour" in text
    flat = " ".join(text.split())
    assert "WARNING: the largest class has 3.0 times the training images of the smallest" in flat
    assert "WARNING: 1 of 2 test images are also training images" in flat


def test_the_json_has_everything(unbalanced):
    found = json.loads(run(unbalanced, "--json").stdout)
    assert found["image_shape"] == [8, 8, 3]
    assert found["classes"][1] == {"name": "b", "train": 3, "test": 1}
    assert found["duplicates"] == {"within_train": 0, "contradicting": 0, "across": 1}
    assert len(found["fingerprint"]) == 64
    assert len(found["warnings"]) == 2


def test_many_classes_are_cut_in_the_table_and_whole_in_the_json(tmp_path):
    labels = np.arange(100)
    noise = np.random.default_rng(0).integers(0, 256, (100, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x_train=noise, y_train=labels, x_test=noise[::-1], y_test=labels)
    assert "... 60 more classes: --json lists them" in run(tmp_path / "x.npz").stdout
    assert len(json.loads(run(tmp_path / "x.npz", "--json").stdout)["classes"]) == 100


def test_the_data_that_a_search_would_take_is_the_default(unbalanced, monkeypatch):
    monkeypatch.setenv("LENET_TUNE_DATA", str(unbalanced))
    assert "birds" in run().stdout


def test_the_sheet_is_written_twice_the_same(unbalanced, tmp_path):
    run(unbalanced, "--sheet", tmp_path / "new" / "a.png")
    run(unbalanced, "--sheet", tmp_path / "b")
    assert (tmp_path / "new" / "a.png").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_sheet_that_cannot_be_written_is_one_line(unbalanced, tmp_path):
    (tmp_path / "file").write_text("x")
    words = ["data", str(unbalanced), "--sheet", str(tmp_path / "file" / "x.png")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 4
    assert "cannot be written" in result.stderr
    assert "Traceback" not in result.output


def test_wrong_sources_and_sizes_end_in_one_line(unbalanced):
    for words, code in ((["nowhere"], 6), ([str(unbalanced), "--image-size", "9"], 2)):
        result = CliRunner().invoke(main, ["data", *words])
        assert result.exit_code == code
        assert result.stderr.count("Error: ") == 1
        assert "Traceback" not in result.output


# --- the contact sheet ---


@pytest.mark.parametrize(
    ("shape", "tile"), [((8, 8, 3), 48), ((32, 32, 1), 64), ((200, 100, 4), 96), ((5, 5, 2), 50)]
)
def test_a_sheet_shows_images_of_every_class_enlarged_by_whole_numbers(shape, tile):
    data = make([0, 1, 2] * 15, [0, 1, 2], shape=shape)
    sheet = np.asarray(draw_sheet(data))
    assert sheet.shape[0] == 3 * (tile + 4) + 4
    first = data.train.images[1]  # of class 1
    corner = sheet[4 + (tile + 4), 150]
    if shape[0] <= 32:
        expected = first[0, 0, :3] if shape[2] >= 3 else np.repeat(first[0, 0, 0], 3)
        assert corner.tolist() == expected.tolist()


def test_a_sheet_has_at_most_ten_images_a_class_spread_over_the_data():
    data = make([0] * 100 + [1] * 3, [0, 1], classes=("a", "b"))
    sheet = np.asarray(draw_sheet(data).convert("L"))
    row = sheet[4 + 52 + 24, 150:]  # through the middle of class b's images
    assert (row[3 * 52 :] == 255).all()
    assert not (row[: 3 * 52] == 255).all()
    last = np.asarray(draw_sheet(data))[4, 150 + 9 * 52]
    assert last.tolist() == data.train.images[99, 0, 0].tolist()
    assert IMAGES == 10


def test_a_class_without_images_leaves_an_empty_row():
    sheet = draw_sheet(make([0, 1] * 3, [0, 2]))
    assert isinstance(sheet, Image.Image)
    assert (np.asarray(sheet)[4 + 2 * 52 :, 150:] == 255).all()
