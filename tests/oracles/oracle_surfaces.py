"""Synthetic scores of a setting: cheap, deterministic, shaped like the real thing."""

import math
import zlib

from lenet_tune.config import InputSpec
from lenet_tune.knobs import Choice
from lenet_tune.oracles import Told
from lenet_tune.space import Space, key

SPEC = InputSpec(channel_mean=(120.0,) * 3, channel_std=(60.0,) * 3)
CHANCE = 0.1

# 3 depths x 2 kernels x 2 biases x 2 pool places; the last only count from depth 3, some cannot be built.
SMALL = Space.at({"padding": "valid"}).replace(
    {
        "depth": Choice((2, 3, 5)),
        "kernel_size": Choice((3, 5)),
        "conv_bias": Choice((False, True)),
        "pool_places": Choice(("every", "first_two")),
    }
)


def accuracy(setting) -> float:
    """A ridge in the effective step, optima that depend on the activation, and a region that diverges."""
    step = math.log10(setting["learning_rate"] / (1 - setting["momentum"]) * 32 / setting["batch_size"])
    if step > -0.3:
        return CHANCE
    centre = {"sigmoid": -0.8, "tanh": -1.7, "relu": -1.5}[setting["activation"]]
    score = 0.5 - 0.15 * (step - centre) ** 2
    score += {"none": -0.08, "unit": 0.0, "standardize": 0.03}[setting["normalization"]]
    score += {"sigmoid": -0.1, "tanh": 0.0, "relu": 0.03}[setting["activation"]]
    score -= 0.05 * (setting["loss"] == "mean_squared_error") + 0.06 * (setting["final_activation"] == "same")
    score += {6: -0.04, 16: 0.0, 32: 0.03}[setting["filters"]] + 0.02 * (setting["pooling"] == "max")
    if setting["conv_bias"]:
        score -= 0.1 * (setting["bias_mean_1"] - 0.1) ** 2
    return max(CHANCE, score)


def noisy(setting, seed: int = 0, sd: float = 0.01) -> float:
    """`accuracy` with noise that is a function of the setting and the seed."""
    import numpy as np

    return accuracy(setting) + sd * float(
        np.random.default_rng([seed, zlib.crc32(repr(key(setting)).encode())]).standard_normal()
    )


def tell(past, proposals, score=noisy) -> None:
    """Append the proposals to `past` as finished trials (pending where `score` is None)."""
    for p in proposals:
        value = None if score is None else score(p.setting)
        past.append(Told(number=len(past), setting=p.setting, score=value, detail=p.detail))


def search(oracle, trials: int, batch: int = 1, score=noisy) -> list:
    """Ask and tell until `trials` have finished or nothing is proposed."""
    past: list = []
    while len(past) < trials and (proposals := oracle.ask(past, min(batch, trials - len(past)))):
        tell(past, proposals, score)
    return past
