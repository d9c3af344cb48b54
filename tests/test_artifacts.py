"""Pictures of images with any number of channels, and image files as inputs of a model."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lenet_tune.artifacts import MISTAKES, _mistakes, _png, read_image
from lenet_tune.errors import DataError

NOISE = np.random.default_rng(0).integers(0, 256, (6, 9, 4), dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_sample_is_shown_in_grey_or_by_its_first_three_channels(channels):
    with Image.open(io.BytesIO(base64.b64decode(_png(NOISE[..., :channels])))) as picture:
        shown = np.asarray(picture)
    np.testing.assert_array_equal(shown, NOISE[..., 0] if channels < 3 else NOISE[..., :3])


def test_an_image_file_becomes_what_the_model_takes(tmp_path):
    Image.fromarray(NOISE[..., :3]).save(tmp_path / "colour.png")
    Image.fromarray(NOISE[..., 0]).save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_image(tmp_path / "colour.png", (6, 9, 3)), NOISE[..., :3])
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png", (6, 9, 1)), NOISE[..., :1])
    np.testing.assert_array_equal(
        read_image(tmp_path / "grey.png", (6, 9, 3)), np.repeat(NOISE[..., :1], 3, axis=2)
    )
    luma = NOISE[..., :3] @ np.array([0.299, 0.587, 0.114])
    grey = read_image(tmp_path / "colour.png", (6, 9, 1))[..., 0]
    assert np.abs(grey - luma).max() <= 1
    assert read_image(tmp_path / "colour.png", (4, 5, 3)).shape == (4, 5, 3)


def test_a_file_or_a_model_that_does_not_fit_is_refused(tmp_path):
    Image.fromarray(NOISE[..., :3]).save(tmp_path / "x.png")
    with pytest.raises(DataError, match="4 channels"):
        read_image(tmp_path / "x.png", (6, 9, 4))
    (tmp_path / "y.png").write_bytes((tmp_path / "x.png").read_bytes()[:60])
    for name in ("y.png", "none.png"):
        with pytest.raises(DataError, match=name):
            read_image(tmp_path / name, (6, 9, 3))


def test_mistakes_are_all_wrong_and_the_surest():
    rng = np.random.default_rng(3)
    labels, outputs = rng.integers(0, 4, 200), rng.random((200, 4))
    found = _mistakes(labels, outputs)
    assert len(found) == MISTAKES
    for m in found:
        assert m["true"] == labels[m["index"]] != m["predicted"] == outputs[m["index"]].argmax()
        assert m["confidence"] == outputs[m["index"]].max()
        assert m["true_confidence"] == outputs[m["index"], labels[m["index"]]]
    wrong = outputs.argmax(axis=1) != labels
    assert [m["confidence"] for m in found] == sorted(outputs.max(axis=1)[wrong], reverse=True)[:MISTAKES]
    assert _mistakes(outputs.argmax(axis=1), outputs) == []
