"""Image files as arrays, and the one array that many of them are gathered in.

Pillow can read some formats by calling other programs, and believes headers that promise huge images. Only
plain formats are opened here, and what an image claims is checked before it is decoded.

Letters: n images, h rows, w columns, c channels.
"""

import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from lenet_tune.data.files import check_memory, open_file, reading, shown
from lenet_tune.errors import DataError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")

PIXEL_LIMIT = 64 * 2**20
"""Pixels of one image; above the largest cameras' and below Pillow's own limit of 85 million."""

Size = tuple[int, int]
"""(h, w)."""

_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_SIXTEEN_BITS = ("I;16", "I;16B", "I;16L", "I;16N")


def read_picture(path: Path, size: Size | None) -> np.ndarray:
    """The image in a file: (h, w, 1) uint8 where it is grey, (h, w, 3) where it is in colour.

    Args:
        size: what it is resized to (bicubic); None for its own.

    Raises:
        DataError: if it is missing, truncated, too large or no image; the message names it.
    """
    try:
        with reading(path), warnings.catch_warnings(), open_file(path) as file:
            warnings.simplefilter("ignore")  # Pillow warns of odd metadata, which nothing here uses
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with _opened(file, path) as image:
                return pixels(image, size, path)
    except _BOMBS as fault:
        raise DataError(_too_large(path)) from fault


def _opened(file: BinaryIO, path: Path) -> Image.Image:
    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as fault:
        raise DataError(
            f"{shown(path)} must be an image ({', '.join(FORMATS)}), but is none or is damaged. "
            "Mend it, or move it away."
        ) from fault


def pixels(image: Image.Image, size: Size | None, where: object) -> np.ndarray:
    """An opened image as `read_picture` gives it; a camera's turn is undone, transparency ignored.

    Raises:
        DataError: if it has too many pixels, or more than 16 bits a channel.
    """
    width, height = image.size
    if width * height > PIXEL_LIMIT:
        raise DataError(_too_large(where))
    if image.mode in _SIXTEEN_BITS:
        image = Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise DataError(
            f"{shown(where)} must have 8 or 16 bits a channel, but has 32. Save it as an 8-bit PNG."
        )
    plain = ImageOps.exif_transpose(image).convert("L" if image.mode in ("1", "L", "LA") else "RGB")
    if size is not None and plain.size != (size[1], size[0]):
        plain = plain.resize((size[1], size[0]))
    found = np.asarray(plain, dtype=np.uint8)
    if found.ndim == 2:
        return found[..., None]
    # A grey picture saved in colour is grey.
    grey = (found[..., 0] == found[..., 1]).all() and (found[..., 0] == found[..., 2]).all()
    return found[..., :1] if grey else found


class Gallery:
    """n images of one size, put in one by one: grey as long as all are grey, else in colour.

    Args:
        count: n.
        where: the source, for messages.
    """

    def __init__(self, count: int, where: object) -> None:
        self._count, self._where = count, where
        self._images: np.ndarray | None = None  # (n, h, w, c) uint8
        self._first: object = None

    def put(self, place: int, picture: np.ndarray, name: object) -> None:
        """Set image `place`.

        Args:
            picture: (h, w, c) uint8.
            name: of the picture, for messages.

        Raises:
            DataError: if its size is not that of the others, or all of them take too much memory.
        """
        if self._images is None:
            self._images, self._first = self._room(picture.shape), name
        height, width, channels = self._images.shape[1:]
        if picture.shape[:2] != (height, width):
            raise DataError(
                f"the images of {shown(self._where)} must have one size, but {shown(name)} has "
                f"{picture.shape[0]}x{picture.shape[1]} and {shown(self._first)} {height}x{width}. Pass "
                "--image-size 32 (or HxW) to resize all of them."
            )
        if picture.shape[2] > channels:
            grey = self._images
            self._images = self._room(picture.shape)
            self._images[:] = grey
        self._images[place] = picture

    def images(self) -> np.ndarray:
        """(n, h, w, c) uint8, c 1 or 3.

        Raises:
            DataError: if nothing was put in.
        """
        if self._images is None:
            raise DataError(f"{shown(self._where)} must hold images, but holds none. Pass another source.")
        return self._images

    def _room(self, shape: tuple[int, ...]) -> np.ndarray:
        whole = (self._count, *shape)
        check_memory(int(np.prod(whole)), self._where, "Pass a smaller --image-size, or fewer images.")
        return np.zeros(whole, dtype=np.uint8)


def _too_large(where: object) -> str:
    return (
        f"{shown(where)} is refused: an image must have at most {PIXEL_LIMIT:,} pixels, but it claims more. "
        "Make it smaller, or move it away."
    )
