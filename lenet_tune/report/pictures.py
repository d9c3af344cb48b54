"""Pictures of a network: first kernels, and the feature maps of its last convolution.

One pixel a weight: pages enlarge them with hard edges. Shapes: h, w = height, width, c = channels.
"""

import base64
import binascii
import io
import math
from dataclasses import dataclass

import numpy as np
from markupsafe import escape
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lenet_tune.analysis.best_model import BestModel, Sample
from lenet_tune.analysis.text import count, percent
from lenet_tune.report.safe import clean

MOST_TILES = 256
ENLARGE = 8
_LEVELS = 255  # shades of a feature map; one more number is transparent
_VIRIDIS = (
    (68, 1, 84),
    (71, 45, 123),
    (59, 82, 139),
    (44, 114, 142),
    (33, 145, 140),
    (40, 174, 128),
    (94, 201, 98),
    (173, 220, 48),
    (253, 231, 37),
)
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A picture for a page: PNG bytes, its size in pixels, and what it shows."""

    name: str
    alt: str
    png: bytes
    width: int
    height: int

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode("ascii")


@dataclass(frozen=True, kw_only=True)
class SamplePictures:
    """An image beside the feature maps it gives (report, Table 5)."""

    sample: Sample
    image: Picture | None
    maps: Picture | None

    @property
    def words(self) -> str:
        """True and predicted label."""
        sure = f" ({percent(self.sample.confidence, 0)} sure)" if self.sample.confidence is not None else ""
        return f"true {self.sample.true}, predicted {self.sample.predicted}{sure}"


def kernels_picture(model: BestModel) -> Picture | None:
    """The kernels of the first convolution: in colour for three channels, else each channel in grey."""
    if model.kernels is None:
        return None
    h, w, c, filters = model.kernels.shape
    tiles = np.moveaxis(model.kernels, 3, 0)  # (filters, h, w, c)
    peak = np.maximum(np.abs(tiles).max(axis=(1, 2, 3), keepdims=True), 1e-12)
    tiles = 0.5 + 0.5 * tiles / peak
    if c != 3:
        tiles = np.moveaxis(tiles, 3, 1).reshape(filters * c, h, w, 1).repeat(3, axis=3)
    alt = f"{count(filters, 'kernel')} of {h}x{w}x{c} in {model.kernel_layer}; middle grey is zero"
    tiles = np.concatenate([np.round(255 * tiles), np.full((*tiles.shape[:3], 1), 255)], axis=3)
    canvas = _montage(
        tiles[:MOST_TILES].astype(np.uint8), columns=min(len(tiles), 16), gap=0
    )  # gaps are transparent
    return _picture("kernels", alt, Image.fromarray(canvas))


def sample_pictures(model: BestModel) -> tuple[SamplePictures, ...]:
    """Ten images, or as many as there are, with their feature maps."""
    return tuple(
        SamplePictures(sample=sample, image=_image(i, sample), maps=_maps(i, sample, model.feature_layer))
        for i, sample in enumerate(model.samples)
    )


def _maps(place: int, sample: Sample, layer: str) -> Picture | None:
    if sample.maps is None:
        return None
    tiles = np.moveaxis(sample.maps, 2, 0)[:MOST_TILES]  # (filters, h, w)
    low = tiles.min(axis=(1, 2), keepdims=True)
    range_ = np.maximum(tiles.max(axis=(1, 2), keepdims=True) - low, 1e-12)
    levels = np.round((_LEVELS - 1) * (tiles - low) / range_)[..., None]  # (filters, h, w, 1)
    alt = f"{count(len(tiles), 'feature map')} of {layer} for an image of {sample.true}"
    canvas = _montage(levels.astype(np.uint8), columns=min(len(tiles), 8), gap=_LEVELS)[..., 0]
    # One byte a pixel: a page holds ten of these.
    image = Image.fromarray(canvas, mode="P")
    image.putpalette(np.uint8(np.round(255 * viridis(np.linspace(0, 1, _LEVELS)))).tobytes() + bytes(3))
    return _picture(f"maps-{place}", alt, image, transparency=_LEVELS)


def viridis(parts: np.ndarray) -> np.ndarray:
    """Colours (..., 3) of viridis for values in [0, 1], interpolated between nine of them; RGB in [0, 1]."""
    knots = np.linspace(0, 1, len(_VIRIDIS))
    channels = [np.interp(parts, knots, column) for column in zip(*_VIRIDIS, strict=True)]
    return np.stack(channels, axis=-1) / 255


def _montage(tiles: np.ndarray, columns: int, gap: int) -> np.ndarray:
    """Tiles (n, h, w, c) side by side and below each other, a pixel of `gap` between them."""
    n, h, w, c = tiles.shape
    rows = math.ceil(n / columns)
    canvas = np.full((rows * (h + 1) - 1, columns * (w + 1) - 1, c), gap, np.uint8)
    for i, tile in enumerate(tiles):
        top, left = (i // columns) * (h + 1), (i % columns) * (w + 1)
        canvas[top : top + h, left : left + w] = tile
    return canvas


def _picture(name: str, alt: str, image: Image.Image, **more: int) -> Picture:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=9, **more)
    return Picture(name=name, alt=alt, png=buffer.getvalue(), width=image.width, height=image.height)


def _image(place: int, sample: Sample) -> Picture | None:
    # Decoded and written anew: whatever the study holds, a page only ever embeds pixels.
    try:
        raw = base64.b64decode(sample.image_png or "", validate=True)
        with Image.open(io.BytesIO(raw), formats=["PNG"]) as image:
            if max(image.size) > 1024:
                return None
            pixels = np.asarray(image.convert("RGB"))
    except (binascii.Error, ValueError, OSError, SyntaxError, *_BOMBS):
        return None
    return _picture(f"image-{place}", f"an image of {sample.true}", Image.fromarray(pixels))


def enlarged(picture: Picture, notice: str | None) -> bytes:
    """The picture as a PNG file for export, each pixel a square of `ENLARGE` pixels, described inside."""
    size, buffer = (picture.width * ENLARGE, picture.height * ENLARGE), io.BytesIO()
    with Image.open(io.BytesIO(picture.png)) as image:
        large = image.convert("RGBA").resize(size, Image.Resampling.NEAREST)
    about = PngInfo()
    about.add_itxt("Description", _described(picture, notice))
    large.save(buffer, "PNG", pnginfo=about)
    return buffer.getvalue()


def as_svg(picture: Picture, notice: str | None) -> bytes:
    """The picture as an SVG file for export, described by its title."""
    width, height = picture.width * ENLARGE, picture.height * ENLARGE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">'
        f"<title>{escape(_described(picture, notice))}</title>"
        f'<image width="{width}" height="{height}" style="image-rendering: pixelated" '
        f'href="{picture.uri}"/></svg>\n'
    ).encode()


def _described(picture: Picture, notice: str | None) -> str:
    return clean(picture.alt + (f" [{notice}]" if notice else ""))
