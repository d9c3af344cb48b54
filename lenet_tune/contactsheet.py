"""A contact sheet: a few training images of every class in one PNG."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lenet_tune.data import DataSet
from lenet_tune.errors import StudyError, reason

IMAGES = 10
"""Images a class."""

MOST_CLASSES = 200
TILE = (48, 96)
"""Pixels of a tile's longer side: smaller images are enlarged by a whole number, larger ones made smaller."""

_GAP, _NAME_WIDTH, _TEXT = 4, 150, 12


def write_sheet(data: DataSet, path: Path) -> int:
    """Write the sheet as a PNG, the same for the same data.

    Returns:
        How many classes are on it.

    Raises:
        StudyError: the file cannot be written.
    """
    sheet = draw_sheet(data)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sheet.save(path, format="PNG")
    except OSError as error:
        raise StudyError(f"{path} cannot be written: {reason(error)}. Choose another --sheet.") from error
    return min(data.num_classes, MOST_CLASSES)


def draw_sheet(data: DataSet) -> Image.Image:
    """A row of images for every class, its name before it; evenly spaced in the order of the data."""
    width, height = _tile(data)
    classes = data.classes[:MOST_CLASSES]
    size = (_NAME_WIDTH + IMAGES * (width + _GAP) + _GAP, len(classes) * (height + _GAP) + _GAP)
    sheet = Image.new("RGB", size, "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_TEXT)
    for label, name in enumerate(classes):
        top = _GAP + label * (height + _GAP)
        members = np.flatnonzero(data.train.labels == label)
        words = "".join(c if c.isprintable() else "?" for c in name)
        pen.text((_GAP, top), f"{_fitted(words, font)}\n{len(members):,}", fill="black", font=font)
        places = np.linspace(0, len(members) - 1, min(IMAGES, len(members))).round().astype(int)
        for column, place in enumerate(places):
            tile = _picture(data.train.images[members[place]])
            enlarged = Image.Resampling.NEAREST if width >= tile.width else Image.Resampling.LANCZOS
            left = _NAME_WIDTH + column * (width + _GAP)
            sheet.paste(tile.resize((width, height), enlarged), (left, top))
    return sheet


def _tile(data: DataSet) -> tuple[int, int]:
    """(width, height) of a tile."""
    h, w, _ = data.image_shape
    low, high = TILE
    factor = -(-low // max(h, w)) if max(h, w) < low else min(1.0, high / max(h, w))
    return max(1, round(w * factor)), max(1, round(h * factor))


def _picture(image: np.ndarray) -> Image.Image:
    """(h, w, c) uint8 as a picture: the first three channels as colours, one or two as grey."""
    plain = image[..., 0] if image.shape[2] < 3 else image[..., :3]
    return Image.fromarray(np.ascontiguousarray(plain))


def _fitted(words: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    room, fitted = _NAME_WIDTH - 2 * _GAP, words
    while words and font.getlength(fitted) > room:
        words = words[:-1]
        fitted = f"{words}…"
    return fitted
