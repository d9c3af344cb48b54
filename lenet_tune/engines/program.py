"""From K Keras models to one program: what is compiled (`Skeleton`) and the arrays it runs on (`Stacked`).

Letters: K models, B blocks, N images a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from keras import Model

from lenet_tune.config import TrainConfig
from lenet_tune.engines.heads import Head
from lenet_tune.engines.layers import fuse_layers
from lenet_tune.engines.parts import Fused, Lanes, Part
from lenet_tune.engines.reading import activation_name, as_keras
from lenet_tune.engines.weighted import Dense
from lenet_tune.errors import SettingError


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """All that the compiled program depends on besides the shapes of its arrays.

    Args:
        parts: the layers, first to last.
        counts: how many weights each part has.
        momentum: whether any model has momentum.
        dtype: of all arithmetic, as numpy names it.
    """

    parts: tuple[Part, ...]
    counts: tuple[int, ...]
    head: Head
    lanes: Lanes
    momentum: bool
    dtype: str

    def by_part(self, weights: Sequence) -> list[tuple]:
        """A flat list of weights, cut into one tuple a part."""
        ends = np.cumsum(self.counts)
        return [tuple(weights[end - n : end]) for end, n in zip(ends, self.counts, strict=True)]


@dataclass(frozen=True, kw_only=True, eq=False)
class Stacked:
    """K models as arrays.

    Args:
        weights: each (K, ...), in the order of `model.get_weights()`.
        present: (K,) bool a weight: whether the model has it.
        vectors: everything that differs by model and does not change: see `_vectors`.
    """

    skeleton: Skeleton
    weights: tuple[np.ndarray, ...]
    present: tuple[np.ndarray, ...]
    vectors: dict

    def of_model(self, arrays: Sequence[np.ndarray], k: int) -> tuple[np.ndarray, ...]:
        """Model k's own of `arrays`, which are like `weights`, in the order of its `get_weights()`."""
        return tuple(a[k].copy() for a, own in zip(arrays, self.present, strict=True) if own[k])

    def stacked(self, rows: Sequence[Sequence[np.ndarray]]) -> tuple[np.ndarray, ...]:
        """The reverse of `of_model` for all K; an empty row, or what a model lacks, is zero."""
        arrays = tuple(np.zeros_like(w) for w in self.weights)
        for k, row in enumerate(rows):
            own = [a for a, present in zip(arrays, self.present, strict=True) if present[k]]
            for array, value in zip(own, row, strict=bool(row)):
                array[k] = value
        return arrays


def stack_models(models: Sequence[Model], trains: Sequence[TrainConfig], lanes: Lanes) -> Stacked:
    """The program of K models that share their layers' types and shapes.

    Args:
        models: chains of layers that end in a dense layer, ordered by block.
        trains: how each is trained.

    Raises:
        SettingError: a layer that has no fused counterpart, named; models of different shapes.
    """
    places = _places(models)
    fused = [fuse_layers(list(same), lanes) for same in places]
    outputs = [activation_name(layer) for layer in places[-1]]
    pairs = [(name, train.loss) for name, train in zip(outputs, trains, strict=True)]
    head = Head(pairs=tuple(sorted(set(pairs))))
    part = fused[-1].part
    assert isinstance(part, Dense)  # `_places` has seen to it
    last = replace(fused[-1], part=part.without_activation())
    fused = _check_hidden([*fused[:-1], last])
    skeleton = Skeleton(
        parts=tuple(f.part for f in fused),
        counts=tuple(len(f.weights) for f in fused),
        head=head,
        lanes=lanes,
        momentum=any(train.momentum for train in trains),
        dtype=places[-1][0].compute_dtype,
    )
    present = tuple(p for f in fused for p in f.present)
    masks = tuple(np.array([pair == own for own in pairs]) for pair in head.pairs)
    return Stacked(
        skeleton=skeleton,
        weights=tuple(w for f in fused for w in f.weights),
        present=present,
        vectors=_vectors(fused, masks, trains, present, skeleton.dtype),
    )


def _places(models: Sequence[Model]) -> list[tuple]:
    lengths = {len(model.layers) for model in models}
    if len(lengths) > 1:
        raise SettingError(f"Models of one group must have as many layers, but have {sorted(lengths)}.")
    places = list(zip(*(model.layers for model in models), strict=True))
    for model in models:
        for before, layer in zip(model.layers, model.layers[1:], strict=False):
            if layer.input is not before.output:
                raise SettingError(f"Layer {layer.name!r} must follow {before.name!r} alone to be fused.")
    if not all(type(layer) is Dense.keras_type for layer in places[-1]):
        raise SettingError(f"The last layer must be dense to be fused, but is {places[-1][0].name!r}.")
    return places


def _check_hidden(fused: list[Fused]) -> list[Fused]:
    if any("softmax" in getattr(f.part, "kinds", ()) for f in fused):
        raise SettingError("A softmax in a hidden layer cannot be fused: use the reference engine.")
    if "activity" in getattr(fused[-1].part, "penalties", ()):
        raise SettingError("An activity regulariser on the last layer cannot be fused: drop it.")
    return fused


def _vectors(
    fused: list[Fused], masks: tuple, trains: Sequence[TrainConfig], present: tuple, dtype: str
) -> dict:
    """The arrays that differ by model and stay.

    Returns:
        parts: one dict a part; head: masks of its pairs; rates: (K,) learning rates for each weight,
        0 where the model lacks it; momentum: (K,).
    """
    rates = np.array([train.learning_rate for train in trains], dtype)
    return {
        "parts": tuple(f.vectors for f in fused),
        "head": masks,
        "rates": tuple(rates * own.astype(dtype) for own in present),
        "momentum": np.array([as_keras(train.momentum, dtype) for train in trains]),
    }
