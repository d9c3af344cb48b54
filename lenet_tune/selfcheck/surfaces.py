"""The synthetic surfaces, each a published function, or the like of one, over this package's knobs.

None of them is one on which the search's figures were chosen before (`tests/oracles/oracle_surfaces.py`).
`DEVELOPMENT` may be looked at while the search is improved; `HELD_OUT` judges it: nothing is chosen by it.
"""

import math
import zlib
from collections.abc import Callable

import numpy as np

from lenet_tune.selfcheck import functions
from lenet_tune.selfcheck.surface import CHANCE, DIVERGED, FAILED, FULL, Surface, from_regret, part_of, place
from lenet_tune.space import Setting

# Development


def _branin(s: Setting) -> float | None:
    x, y = place(s, "learning_rate"), place(s, "momentum")
    if x + 0.5 * y > 1.2:
        return DIVERGED
    return from_regret(functions.branin(15 * x - 5, 15 * y) - 0.397887, 5)


_TWO = (
    lambda x, y: functions.rosenbrock(4 * x - 2, 4 * y - 2) / 300,
    lambda x, y: (functions.camel(4 * x - 2, 2 * y - 1) + 1.031628) / 10,
    lambda x, y: functions.beale(9 * x - 4.5, 9 * y - 4.5) / 50,
)
_WEIGHT_OF_INITIALIZER = {
    "glorot_uniform": 1.0,
    "glorot_normal": 2.0,
    "random_normal": 5.0,
    "he_uniform": 1.5,
    "he_normal": 1.0,
    "lecun_normal": 3.0,
}


def _categories(s: Setting) -> float | None:
    x, y = place(s, "learning_rate"), place(s, "momentum")
    first = _TWO[("sigmoid", "tanh", "relu").index(s["activation"])](x, y)
    second = _TWO[("none", "unit", "standardize").index(s["normalization"])](y, x)
    offset = {"mean_squared_error": 0.15, "categorical_crossentropy": 0.0}[s["loss"]]
    offset += {6: 0.1, 16: 0.0, 32: 0.05}[s["filters"]]
    return from_regret(offset + _WEIGHT_OF_INITIALIZER[s["kernel_initializer"]] * (first + second), 0.6)


def _tree(s: Setting) -> float | None:
    # Each leaf has a quadratic of its own in a knob that counts only there.
    if not s["conv_bias"]:
        return from_regret((place(s, "learning_rate") - 0.3) ** 2 + 0.35 + 0.1 * s["dense_84"], 0.4)
    regret = (place(s, "learning_rate") - 0.6) ** 2 + 0.5 * (place(s, "bias_mean_1") - 0.25) ** 2
    if s["depth"] < 3:
        regret += 0.2 + (place(s, "bias_std_2") - 0.8) ** 2
    elif s["depth"] < 5:
        regret += (place(s, "bias_mean_3") - 0.7) ** 2
    else:
        if place(s, "bias_std_5") > 0.75:
            return FAILED
        regret += 0.05 + 2 * (place(s, "bias_std_5") - 0.65) ** 2
    return from_regret(regret + {"spread": 0.0, "every": 0.1}.get(s.get("pool_places", ""), 0.05), 0.4)


def _cliff(s: Setting) -> float | None:
    # The best step lies just below the one that diverges, and both move with three other knobs.
    step = math.log10(s["learning_rate"] / (1 - s["momentum"]))
    limit = {"sigmoid": 0.2, "tanh": -0.6, "relu": -1.1}[s["activation"]]
    limit += {"none": -0.7, "unit": 0.4, "standardize": 0.0}[s["normalization"]]
    limit += 0.15 * math.log2(s["batch_size"] / 32)
    if step > limit:
        return DIVERGED
    regret = 0.35 * (limit - step) + {"sigmoid": 0.5, "tanh": 0.1, "relu": 0.0}[s["activation"]]
    regret += {"none": 0.3, "unit": 0.05, "standardize": 0.0}[s["normalization"]]
    regret += 0.1 * (s["final_activation"] == "same") + 0.1 * abs(s["depth"] - 3)
    return from_regret(regret, 0.6, top=0.7)


# Held out


def _hartmann(s: Setting) -> float | None:
    names = ("learning_rate", "momentum", "bias_mean_1", "bias_std_1", "bias_mean_2", "bias_std_2")
    unit = [place(s, name) for name in names]
    if unit[0] > 0.9 and unit[1] > 0.6:
        return DIVERGED
    return from_regret(3.32237 + functions.hartmann6(unit), 1.6)


_FIVE = ("dense_84", "pooling", "padding", "loss", "final_activation")
_OPTIMUM = (False, "max", "same", "categorical_crossentropy", "softmax")


def _ackley(s: Setting) -> float | None:
    categories = [0.0 if s[name] == value else 1.0 for name, value in zip(_FIVE, _OPTIMUM, strict=True)]
    shifted = [place(s, n) - c for n, c in (("learning_rate", 0.62), ("momentum", 0.35), ("bias_std_1", 0.2))]
    return from_regret(functions.ackley([*categories, *(2 * v for v in shifted)]), 2.0)


def _table_number(*words: object) -> float:
    # A fixed number of standard deviation 1 for any words: the "random" couplings of `_couplings`.
    return float(np.random.default_rng(zlib.crc32(repr(words).encode())).standard_normal())


_COUPLED = ("activation", "normalization", "kernel_initializer", "loss", "pooling", "padding", "filters",
            "batch_size", "depth", "dense_84", "conv_bias", "l2_kernel")  # fmt: skip


def _couplings(s: Setting) -> float | None:
    total = sum(0.6 * _table_number(name, s[name]) for name in _COUPLED)
    pairs = zip(_COUPLED, _COUPLED[1:] + _COUPLED[:1], strict=True)
    total += sum(0.5 * _table_number(a, s[a], b, s[b]) for a, b in pairs)
    total -= 8 * (place(s, "learning_rate") - 0.55) ** 2
    return CHANCE + 0.75 / (1 + math.exp(-0.5 * (total - 3)))


def _levy(s: Setting) -> float | None:
    if not s["conv_bias"]:
        return from_regret(2.0 + 4 * (place(s, "learning_rate") - 0.5) ** 2, 3.0)
    if s["depth"] == 4 and s["kernel_size"] == 5:
        return FAILED
    x = [12 * place(s, f"bias_mean_{i}") - 6 for i in range(1, s["depth"] + 1)]
    regret = functions.levy(x) / s["depth"] + 10 * (place(s, "learning_rate") - 0.7) ** 2
    return from_regret(regret + {2: 1.0, 3: 0.4, 4: 0.0, 5: 0.6}[s["depth"]], 3.0)


def _plateau(s: Setting) -> float | None:
    # Most settings learn nothing; where they do, several knobs have to agree.
    step = place(s, "learning_rate") + 0.25 * place(s, "momentum")
    scale = {"none": 0.25, "unit": 0.0, "standardize": 0.1}[s["normalization"]]
    stiff = {"sigmoid": -0.25, "tanh": 0.1, "relu": 0.2}[s["activation"]]
    level = step + scale + stiff - 0.04 * (s["depth"] - 2)
    if level > 1.15:
        return DIVERGED
    window = math.exp(-(((level - 0.85) / 0.13) ** 2))
    head = {("same", "sigmoid"): 0.15, ("same", "tanh"): 0.5, ("same", "relu"): 0.1}
    factor = head.get((s["final_activation"], s["activation"]), 1.0)
    factor *= 0.6 if s["loss"] == "mean_squared_error" else 1.0
    factor *= {6: 0.8, 16: 0.95, 32: 1.0}[s["filters"]] * (1.0 if s["pooling"] == "max" else 0.93)
    factor *= 1 - 0.3 * (place(s, "bias_mean_1") - 0.33) ** 2 if s["conv_bias"] else 0.97
    return CHANCE + 0.55 * window * factor


def _flat(sd: float) -> Callable[[Setting], float]:
    return lambda setting: sd


def _growing(low: float, high: float) -> Callable[[Setting], float]:
    # Noisier for fast learners, as real training is.
    return lambda setting: low + (high - low) * place(setting, "learning_rate")


_TREE_KNOBS = ("learning_rate", "conv_bias", "l2_bias", "depth", "pool_places", "padding", "dense_84")
_BIASES = tuple(f"bias_{what}_{i}" for i in range(1, 6) for what in ("mean", "std"))

DEVELOPMENT = (
    Surface(
        name="branin", space=FULL, accuracy=_branin, noise=_flat(0.01), group="development",
        about="Branin in learning rate (log) and momentum; the other 28 knobs of the full space do nothing; "
        "a corner diverges.",
        source="Dixon and Szego 1978; unused knobs as in Wang et al. 2016",
    ),
    Surface(
        name="categories", accuracy=_categories, noise=_flat(0.01), group="development",
        space=part_of(("learning_rate", "momentum", "activation", "normalization", "kernel_initializer",
                       "loss", "filters", "batch_size")),
        about="Two categories choose Rosenbrock, camel or Beale, others weigh and shift them.",
        source="func-3C of Ru et al. 2020",
    ),
    Surface(
        name="tree", accuracy=_tree, noise=_growing(0.005, 0.02), group="development",
        space=part_of((*_TREE_KNOBS, *_BIASES), {"kernel_size": 3}),
        about="Each leaf of a tree of conditions has its own quadratic; a leaf fails beside its optimum.",
        source="the tree-structured function of Jenatton et al. 2017",
    ),
    Surface(
        name="cliff", accuracy=_cliff, noise=_growing(0.005, 0.02), group="development",
        space=part_of(("learning_rate", "momentum", "activation", "normalization", "batch_size",
                       "final_activation", "depth", "padding", "pooling", "dense_84")),
        about="The best effective step is the largest that does not diverge, which other knobs move.",
        source="unknown constraints as in Gardner et al. 2014; step lr / (1 - momentum), Smith and Le 2018",
    ),
)  # fmt: skip

HELD_OUT = (
    Surface(
        name="hartmann", accuracy=_hartmann, noise=_flat(0.01), group="held out",
        space=part_of(("learning_rate", "momentum", "activation", "padding", "pooling", "l2_bias",
                       "bias_mean_1", "bias_std_1", "bias_mean_2", "bias_std_2")),
        about="Hartmann in six ranges (three log), four knobs that do nothing; a corner diverges.",
        source="Hartman 1973; Dixon and Szego 1978",
    ),
    Surface(
        name="ackley", accuracy=_ackley, noise=_flat(0.02), group="held out",
        space=part_of(("learning_rate", "momentum", "bias_std_1", *_FIVE)),
        about="Ackley's ripples in five categories and three ranges.",
        source="Ackley 1987; mixed as in Wan et al. 2021",
    ),
    Surface(
        name="couplings", accuracy=_couplings, noise=_growing(0.01, 0.03), group="held out",
        space=part_of((*_COUPLED, "learning_rate", "momentum")),
        about="Twelve listed knobs with random effects, each coupled to the next; strong noise.",
        source="random quadratic and Ising problems of Baptista and Poloczek 2018",
    ),
    Surface(
        name="levy", accuracy=_levy, noise=_flat(0.015), group="held out",
        space=part_of(("learning_rate", "conv_bias", "depth", "kernel_size", "padding", "pool_places",
                       *_BIASES)),
        about="Levy in as many knobs as there are convolutions; one kind of network always fails.",
        source="Levy and Montalvo 1985; conditions as in Jenatton et al. 2017",
    ),
    Surface(
        name="plateau", space=FULL, accuracy=_plateau, noise=_growing(0.003, 0.015), group="held out",
        about="The full space; most settings stay at chance, some diverge, and a few knobs have to agree.",
        source="the shape of short trainings; needle problems as in Hutter et al. 2011",
    ),
)  # fmt: skip
SYNTHETIC = (*DEVELOPMENT, *HELD_OUT)
