"""How a convolution that differs by model becomes operations: the forms that suit one device or another.

Grouped and patches take and give wide maps, split separate ones (see `parts`).
Letters: K models, N images, h, w, c = height, width, channels, f filters, kh, kw = kernel sides.
"""

import itertools
from collections.abc import Callable
from typing import Any

from lenet_tune.engines.backend import ops
from lenet_tune.engines.parts import Array, Lanes, Maps
from lenet_tune.errors import SettingError

VECTOR = 16
"""Floats in a vector of a CPU: fewer filters waste part of it, so that models which share maps are joined."""


def widen(kernels: Array) -> Array:
    """Kernels (K, kh, kw, c, f) side by side in their filters: (kh, kw, c, K * f)."""
    models, kh, kw, c, f = kernels.shape
    return ops.reshape(ops.transpose(kernels, (1, 2, 3, 0, 4)), (kh, kw, c, models * f))


def grouped(x: Array, kernels: Array, *, strides: tuple[int, int], padding: str) -> Array:
    """One grouped convolution; TensorFlow's way on a GPU."""
    return ops.conv(x, widen(kernels), strides=strides, padding=padding, groups=kernels.shape[0])


def patches(x: Array, kernels: Array, *, strides: tuple[int, int], padding: str) -> Array:
    """One batched matrix product of every window of the maps with the kernels; suits XLA."""
    models, kh, kw, c, f = kernels.shape
    n = x.shape[0]
    x = ops.transpose(ops.reshape(x, (n, *x.shape[1:3], models, c)), (3, 0, 1, 2, 4))  # (K, N, h, w, c)
    # Windows gathered straight from wide maps, and gradients scattered into them, jump from model to model.
    x = ops.laid_out(x)
    windows = window_matrix(x, (kh, kw), strides, padding)  # (K, N, h', w', kw * kh * c)
    h, w = windows.shape[2:4]
    rows = ops.reshape(windows, (models, n * h * w, kw * kh * c))
    turned = ops.reshape(ops.transpose(kernels, (0, 2, 1, 3, 4)), (models, kw * kh * c, f))
    out = ops.matmul(rows, turned)  # (K, N * h' * w', f)
    out = ops.transpose(ops.reshape(out, (models, n, h, w, f)), (1, 2, 3, 0, 4))
    return ops.reshape(out, (n, h, w, models * f))


def window_matrix(x: Array, size: tuple[int, int], strides: tuple[int, int], padding: str) -> Array:
    """Every window of x (..., h, w, c), column by column: (..., h', w', kw * kh * c)."""
    lead = len(x.shape) - 3
    if padding == "same":
        edges = [_same_edges(x.shape[lead + i], size[i], strides[i]) for i in range(2)]
        x = ops.pad(x, [(0, 0)] * lead + edges + [(0, 0)])
    (h, w), (sh, sw) = x.shape[lead : lead + 2], strides
    ends = h - size[0] + 1, w - size[1] + 1
    x = ops.concat([x[..., i : i + ends[0] : sh, :, :] for i in range(size[0])], -1)
    return ops.concat([x[..., j : j + ends[1] : sw, :] for j in range(size[1])], -1)


def _same_edges(side: int, window: int, stride: int) -> tuple[int, int]:
    missing = max((-(-side // stride) - 1) * stride + window - side, 0)
    return missing // 2, missing - missing // 2


_WIDE: dict[str, Callable[..., Array]] = {"grouped": grouped, "patches": patches}
LOWERINGS = ("grouped", "split", "patches")


def choose(name: str | None) -> str:
    """The lowering called `name`, or the one that suits the device.

    Raises:
        SettingError: no lowering has that name.
    """
    if name is None:
        return ops.default_lowering()
    if name not in LOWERINGS:
        raise SettingError(f"The lowering must be one of {', '.join(LOWERINGS)}, but got {name!r}.")
    return name


def convolve(x: Maps, kernels: Array, lanes: Lanes, *, strides: tuple[int, int], padding: str) -> Maps:
    """The convolution of maps in any form with kernels (K, kh, kw, c, f): wide or separate maps."""
    how: dict[str, Any] = {"strides": strides, "padding": padding}
    is_shared = not isinstance(x, list) and len(x.shape) == 5
    if lanes.lowering == "split" and not (is_shared and kernels.shape[-1] % VECTOR):
        pairs = zip(_separate(x, lanes), ops.unstack(kernels), strict=True)
        return [ops.conv_one(maps, kernel, **how) for maps, kernel in pairs]
    if not is_shared:
        return _WIDE[lanes.lowering](x, kernels, **how)
    ends = itertools.accumulate(lanes.blocks)
    own = [kernels[end - size : end] for size, end in zip(lanes.blocks, ends, strict=True)]
    outs = [conv_shared(x[b], each, lanes.lowering, **how) for b, each in enumerate(own)]
    return outs[0] if len(outs) == 1 else ops.concat(outs, -1)


def _separate(x: Maps, lanes: Lanes) -> list[Array]:
    """Maps in any form as separate maps."""
    if isinstance(x, list):
        return x
    if len(x.shape) == 5:
        blocks = ops.unstack(x)
        return [blocks[b] for b in lanes.block_of]
    return ops.split(x, lanes.models, -1)


def conv_shared(x: Array, kernels: Array, lowering: str, *, strides: tuple[int, int], padding: str) -> Array:
    """A convolution whose maps x (N, h, w, c) all models share, once for all: (N, h', w', K * f)."""
    wide = widen(kernels)
    if lowering != "patches":
        return ops.conv(x, wide, strides=strides, padding=padding)
    kh, kw, c, f = wide.shape
    windows = window_matrix(x, (kh, kw), strides, padding)  # (N, h', w', kw * kh * c)
    rows = ops.reshape(windows, (-1, kw * kh * c))
    turned = ops.reshape(ops.transpose(wide, (1, 0, 2, 3)), (kw * kh * c, f))
    return ops.reshape(ops.matmul(rows, turned), (*windows.shape[:3], f))
