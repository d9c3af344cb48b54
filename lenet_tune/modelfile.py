"""Reads a `.keras` file that may come from anybody, without Keras's own loader.

That loader builds whatever a file names, and its safe mode has been got round again and again
(CVE-2025-1550, -8747, -9905). This one knows the seven layers that a LeNet has: of each it reads a few
checked numbers and words, counts the weights they ask for, builds the network itself, and takes nothing from
the file but arrays of the shapes that the network then has.
"""

import io
import json
import math
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from keras import layers

from lenet_tune.errors import DataError

MAX_WEIGHTS = 50_000_000
"""Numbers in one network; the largest of the knobs' space has about three million."""
_MAX_BYTES = {"config.json": 2**20, "metadata.json": 2**16, "model.weights.h5": 5 * MAX_WEIGHTS}
_ACTIVATIONS = ("linear", "relu", "sigmoid", "softmax", "tanh")
_PADDINGS = ("same", "valid")


class _Refused(ValueError):
    """Something that no exported model holds."""


def load_model(path: Path) -> keras.Model:
    """The network in `path`, rebuilt, with the weights that are in it.

    Raises:
        DataError: anything else than a model that `lenet-tune export` writes.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename: info for info in archive.infolist()}
            if set(members) != set(_MAX_BYTES):
                raise _Refused(f"it must hold {', '.join(_MAX_BYTES)}, but holds {', '.join(members)[:100]}")
            config = json.loads(_read(archive, "config.json"))
            weights = _read(archive, "model.weights.h5")
        model = _build(list(_chain(config)))
        with h5py.File(io.BytesIO(weights), "r") as file:
            _take_weights(model, file)
    except (
        ValueError,
        TypeError,
        LookupError,
        OSError,
        RuntimeError,
        RecursionError,
        zipfile.BadZipFile,
    ) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"{path} is not a model that can be loaded safely: {reason}. Pass a best.keras that "
            "`lenet-tune export` wrote."
        ) from error
    return model


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    # The header's size is only a claim; reading stops at the limit whatever it says.
    with archive.open(name) as file:
        content = file.read(_MAX_BYTES[name] + 1)
    if len(content) > _MAX_BYTES[name]:
        raise _Refused(f"{name} has more than {_MAX_BYTES[name]:,} bytes")
    return content


def _chain(config: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(class, settings) of each layer of a network whose layers follow each other."""
    if config["class_name"] != "Functional":
        raise _Refused(f"the model is {_shown(config['class_name'])}, not Functional")
    before = None
    for layer in config["config"]["layers"]:
        if layer["class_name"] not in _BUILDERS or layer["module"] != "keras.layers":
            raise _Refused(f"it has a layer {_shown(layer['module'])}.{_shown(layer['class_name'])}")
        nodes = layer["inbound_nodes"]
        origins = [argument["config"]["keras_history"][0] for node in nodes for argument in node["args"]]
        if origins != ([] if before is None else [before]):
            raise _Refused("its layers do not follow each other")
        before = layer["name"]
        yield layer["class_name"], layer["config"]


def _build(chain: list[tuple[str, dict[str, Any]]]) -> keras.Model:
    inputs = x = None
    weights = 0
    for place, (kind, settings) in enumerate(chain):
        if (kind == "InputLayer") != (place == 0):
            raise _Refused("its input does not come first, or comes twice")
        if x is None:
            inputs = x = layers.Input([_whole(settings["batch_shape"], i, 4096) for i in (1, 2, 3)])
            continue
        layer, fan_out = _BUILDERS[kind](settings)
        # Counted before the layer is built: building makes its weights.
        weights += fan_out * (math.prod(x.shape[1:]) if kind == "Dense" else int(x.shape[-1]))
        if weights > MAX_WEIGHTS:
            raise _Refused(f"it asks for more than {MAX_WEIGHTS:,} weights")
        x = layer(x)
    if x is None or len(x.shape) != 2:
        raise _Refused("it does not end in one number a class")
    return keras.Model(inputs, x)


def _rescaling(settings: dict[str, Any]) -> tuple[layers.Layer, int]:
    return layers.Rescaling(_numbers(settings["scale"]), _numbers(settings["offset"])), 0


def _convolution(settings: dict[str, Any]) -> tuple[layers.Layer, int]:
    filters, size = _whole(settings, "filters", 4096), _whole(settings["kernel_size"], 0, 64)
    layer = layers.Conv2D(
        filters,
        size,
        padding=_word(settings, "padding", _PADDINGS),
        activation=_word(settings, "activation", _ACTIVATIONS),
        use_bias=settings["use_bias"] is True,
    )
    return layer, size * size * filters


def _pooling(kind: Callable[..., layers.Layer]) -> Callable[[dict[str, Any]], tuple[layers.Layer, int]]:
    def build(settings: dict[str, Any]) -> tuple[layers.Layer, int]:
        size = _whole(settings["pool_size"], 0, 64)
        return kind(size, padding=_word(settings, "padding", _PADDINGS)), 0

    return build


def _dense(settings: dict[str, Any]) -> tuple[layers.Layer, int]:
    units = _whole(settings, "units", 100_000)
    layer = layers.Dense(
        units,
        activation=_word(settings, "activation", _ACTIVATIONS),
        use_bias=settings["use_bias"] is True,
    )
    return layer, units


_BUILDERS: dict[str, Callable[[dict[str, Any]], tuple[layers.Layer, int]]] = {
    "InputLayer": lambda settings: (layers.Flatten(), 0),
    "Rescaling": _rescaling,
    "Conv2D": _convolution,
    "AveragePooling2D": _pooling(layers.AveragePooling2D),
    "MaxPooling2D": _pooling(layers.MaxPooling2D),
    "Flatten": lambda settings: (layers.Flatten(), 0),
    "Dense": _dense,
}


def _take_weights(model: keras.Model, file: h5py.File) -> None:
    """Give each layer its arrays; Keras files them by class, numbered in the order of the layers."""
    seen: Counter[str] = Counter()
    for layer in model.layers:
        kind = type(layer).__name__.lower()
        number, seen[kind] = seen[kind], seen[kind] + 1
        place = f"layers/{kind}_{number}" if number else f"layers/{kind}"
        arrays = [_array(file, f"{place}/vars/{i}", w.shape) for i, w in enumerate(layer.weights)]
        if arrays:
            layer.set_weights(arrays)


def _array(file: h5py.File, place: str, shape: tuple[int, ...]) -> np.ndarray:
    """An array of the wanted shape that lies in the file itself."""
    item = file
    for part in place.split("/"):
        # Links may lead to other files, on this machine too.
        if not isinstance(item.get(part, getlink=True), h5py.HardLink):
            raise _Refused(f"its weights {place} are missing, or a link")
        item = item[part]
    if not isinstance(item, h5py.Dataset) or item.external or item.is_virtual or item.dtype.kind != "f":
        raise _Refused(f"its weights {place} are no plain array of numbers")
    if item.shape != tuple(shape):
        raise _Refused(f"its weights {place} must have the shape {tuple(shape)}, but have {item.shape}")
    return item[()]


def _whole(settings: Any, key: Any, high: int) -> int:
    value = settings[key]
    if type(value) is not int or not 1 <= value <= high:
        raise _Refused(f"{key} must be an integer in [1, {high:,}], but is {_shown(value)}")
    return value


def _word(settings: dict[str, Any], key: str, allowed: tuple[str, ...]) -> str:
    if settings[key] not in allowed:
        raise _Refused(f"{key} must be one of {', '.join(allowed)}, but is {_shown(settings[key])}")
    return settings[key]


def _numbers(value: Any) -> Any:
    listed = value if isinstance(value, list) else [value]
    if len(listed) > 4096 or not all(type(v) in (int, float) for v in listed):
        raise _Refused("a Rescaling must hold numbers")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
