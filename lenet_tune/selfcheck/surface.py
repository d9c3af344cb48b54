"""A surface: a space of this package's knobs with a known accuracy everywhere, and what surfaces are made of.

An accuracy lies between `CHANCE` and 1. `DIVERGED` (NaN) stands for a loss that is no number, `FAILED` for a
training that raises; a search is told chance accuracy for both, as `loop.told` has it.
"""

import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lenet_tune.config import InputSpec
from lenet_tune.knobs import Choice
from lenet_tune.space import Setting, Space, key

CLASSES = 10
CHANCE = 1 / CLASSES
DIVERGED = math.nan
FAILED = None
SPEC = InputSpec(channel_mean=(120.0,) * 3, channel_std=(60.0,) * 3)
"""The images that decide which settings can be built: CIFAR-10's shape."""

FULL = Space.full().replace({"epochs": Choice((10,))})


@dataclass(frozen=True, kw_only=True)
class Surface:
    """One problem to search.

    Args:
        space: what is searched.
        accuracy: of a setting, without noise; `DIVERGED` or `FAILED` where there is none.
        noise: standard deviation of a setting's score.
        about: what makes it hard, in a sentence for people.
        source: where it is from.
        group: "development", "held out" or "real".
    """

    name: str
    space: Space
    accuracy: Callable[[Setting], float | None]
    noise: Callable[[Setting], float]
    about: str
    source: str
    group: str

    def score(self, setting: Mapping[str, Any], seed: int) -> float | None:
        """What training would measure: the accuracy with noise that is a function of setting and seed."""
        value = self.accuracy(dict(setting))
        if value is None or math.isnan(value):
            return value
        luck = np.random.default_rng([seed, zlib.crc32(repr(key(setting)).encode())]).standard_normal()
        return float(min(1.0, max(0.0, value + self.noise(dict(setting)) * luck)))


def part_of(names: tuple[str, ...], fixed: Mapping[str, Any] | None = None) -> Space:
    """A space of the named knobs over their whole domains, the others at `fixed` or their defaults."""
    return Space.at({"epochs": 10, **(fixed or {})}).replace({name: FULL.domains[name] for name in names})


def place(setting: Mapping[str, Any], name: str) -> float:
    """How far along its whole range a knob stands, in [0, 1], evenly in the logarithm where it is one."""
    domain, value = FULL.domains[name], setting[name]
    if isinstance(domain, Choice):
        return domain.values.index(value) / (len(domain.values) - 1)
    if domain.log:
        return math.log(value / domain.low) / math.log(domain.high / domain.low)
    return (value - domain.low) / (domain.high - domain.low)


def from_regret(regret: float, scale: float, top: float = 0.8) -> float:
    """An accuracy that is `top` without regret and falls to chance over some `scale` of it."""
    return CHANCE + (top - CHANCE) * math.exp(-max(0.0, regret) / scale)


def learning(surface: Surface, most: int) -> Surface:
    """The surface over the number of epochs: `most` of them give its accuracy, fewer less.

    An exponential approach, the slower the smaller the learning rate, so that curves cross and the first
    epochs may mislead.
    """

    def accuracy(setting: Setting) -> float | None:
        final = surface.accuracy(setting)
        if final is None or math.isnan(final):
            return final
        slowness = most * (0.05 + 0.4 * (1 - place(setting, "learning_rate")))
        progress = math.expm1(-setting["epochs"] / slowness) / math.expm1(-most / slowness)
        return CHANCE + (final - CHANCE) * progress

    return replace(surface, accuracy=accuracy)
