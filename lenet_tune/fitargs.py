"""What `model.fit` is asked for, read so that models can be fitted together; and what stands against it."""

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from lenet_tune.engines.together import Fit
from lenet_tune.errors import SettingError

_SIGNATURE = inspect.signature(keras.Model.fit)
_READ = (
    "x",
    "y",
    "batch_size",
    "epochs",
    "verbose",
    "callbacks",
    "validation_split",
    "validation_data",
    "shuffle",
    "validation_batch_size",
)
_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_test_begin",
    "on_test_end",
)
_WAY_OUT = "so the reference engine trains all trials"


def arguments(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `fit` by name, those that were given.

    Raises:
        SettingError: an argument that `fit` does not have.
    """
    try:
        bound = _SIGNATURE.bind(None, *args, **kwargs).arguments
    except TypeError as error:
        raise SettingError(f"`fit` would not take these arguments ({error}), {_WAY_OUT}.") from error
    bound.pop("self")
    return bound


def shared_fit(given: Mapping[str, Any], *, order_seed: int) -> Fit:
    """The fit that models can share.

    Args:
        given: as `arguments` gives them; `batch_size` is there.
        order_seed: of the order of the images, unless they are not to be shuffled.

    Raises:
        SettingError: something that only `fit` itself can do, named.
    """
    defaults = {name: p.default for name, p in _SIGNATURE.parameters.items()}
    for name, value in given.items():
        is_default = value is None or (isinstance(value, (int, float)) and value == defaults[name])
        if name not in _READ and not is_default:
            raise SettingError(f"The argument {name!r} of fit cannot be fused, {_WAY_OUT}.")
    x, y = _pair("x and y", (given.get("x"), given.get("y")))
    held_out = given.get("validation_data")
    if held_out is not None:
        held_out = _pair("validation_data", held_out)
    elif given.get("validation_split"):
        at = math.floor(len(x) * (1 - given["validation_split"]))
        (x, y), held_out = (x[:at], y[:at]), (x[at:], y[at:])
    shuffle = given.get("shuffle", True)
    if not isinstance(shuffle, bool):
        raise SettingError(f"shuffle={shuffle!r} of fit cannot be fused, {_WAY_OUT}.")
    return Fit(
        x=x,
        y=y,
        held_out=held_out,
        batch_size=given["batch_size"],
        held_out_batch_size=given.get("validation_batch_size"),
        order_seed=order_seed if shuffle else None,
    )


def check_callbacks(callbacks: Iterable[keras.callbacks.Callback]) -> None:
    """Pass where all callbacks are content to hear of epochs.

    Raises:
        SettingError: one wants to hear of batches, named.
    """
    for callback in callbacks:
        if not _epochs_will_do(callback):
            raise SettingError(
                f"The callback {type(callback).__name__} wants to hear of every batch, but batches of trials "
                f"that train fused never come to Python, {_WAY_OUT}."
            )


def _epochs_will_do(callback: keras.callbacks.Callback) -> bool:
    if type(callback) is keras.callbacks.ModelCheckpoint:
        return callback.save_freq == "epoch"
    if type(callback) is keras.callbacks.TensorBoard:
        return callback.update_freq == "epoch" and not callback.write_steps_per_second
    base = keras.callbacks.Callback
    return all(
        getattr(type(callback), name) is getattr(base, name) and name not in vars(callback)
        for name in _BATCH_HOOKS
    )


def _pair(name: str, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of one length."""
    pair = tuple(values) if isinstance(values, (tuple, list)) else (values,)
    if len(pair) != 2 or not all(isinstance(v, np.ndarray) for v in pair) or len(pair[0]) != len(pair[1]):
        kinds = ", ".join(type(v).__name__ for v in pair)
        raise SettingError(f"`{name}` must be two numpy arrays of one length, but got {kinds}, {_WAY_OUT}.")
    return pair
