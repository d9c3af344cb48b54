"""What the report leaves open, as named choices with named options, and the models that follow from them.

A **reading** is what somebody takes the report to mean: one option of each open choice. `DEFAULT` options are
this package's; every other one stays available by name, so both can be run and compared.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lenet_tune.config import InputSpec, check_in
from lenet_tune.errors import SettingError
from lenet_tune.space import Setting, complete, configs

SCOPES = ("initial", "adjusted", "section2", "section3")
Reading = Mapping[str, str]  # name of a choice -> name of an option; a choice left out is at its default


@dataclass(frozen=True, kw_only=True)
class OpenChoice:
    """Something the report does not say, or says unclearly.

    Args:
        question: what is open, in words.
        scopes: the models it concerns.
        options: what each option sets; the default stands first.
        reason: why the default is the default.
        is_fitted: whether the default was taken because it fits the published numbers best.
    """

    name: str
    question: str
    scopes: tuple[str, ...]
    options: Mapping[str, Mapping[str, Any]]
    reason: str
    is_fitted: bool = False

    @property
    def default(self) -> str:
        """The name of the option this package takes."""
        return next(iter(self.options))


CHOICES = (
    OpenChoice(
        name="pooling",
        question="kind of pooling",
        scopes=SCOPES,
        options={"average": {"pooling": "average"}, "max": {"pooling": "max"}},
        reason="2x2 averages are LeNet-5's subsampling",
    ),
    OpenChoice(
        name="normalization",
        question="normalisation of the initial runs",
        scopes=("initial",),
        options={"unit": {"normalization": "unit"}, "standardize": {"normalization": "standardize"}},
        reason="the report says normalised and not how: divide by 255",
    ),
    OpenChoice(
        name="batch",
        question="batch size of the initial runs",
        scopes=("initial",),
        options={"128": {"batch_size": 128}, "32": {"batch_size": 32}},
        reason="Table 2 fits it best by far, and the report calls its later 32 a change from 128",
        is_fitted=True,
    ),
    OpenChoice(
        name="last",
        question="last activation of the initial runs",
        scopes=("initial",),
        options={"hidden": {"final_activation": "same"}, "softmax": {"final_activation": "softmax"}},
        reason="the hidden activation: tanh with cross-entropy gives the 0.1000",
    ),
    OpenChoice(
        name="bias-std",
        question="standard deviation of the second bias",
        scopes=("adjusted", "section2"),
        options={"1/3702": {"bias_std_2": 1 / 3702}, "1/3072": {"bias_std_2": 1 / 3072}},
        reason="as printed; 1/3072 = 1/(32*32*3) if digits were swapped",
    ),
    OpenChoice(
        name="filters",
        question="section 3's filters",
        scopes=("section3",),
        options={
            "growing": {"filters": 6, "filter_step": 10},
            "16": {"filters": 16, "filter_step": 0},
            "32": {"filters": 32, "filter_step": 0},
        },
        reason="LeNet's 6 and 16 going on to 46 fit section 3 best, about level with 16 throughout",
        is_fitted=True,
    ),
    OpenChoice(
        name="pools",
        question="where section 3 pools",
        scopes=("section3",),
        options={
            "every": {"pool_places": "every"},
            "spread": {"pool_places": "spread"},
            "first_two": {"pool_places": "first_two"},
        },
        reason="not given: after each convolution",
    ),
)
BY_NAME = {choice.name: choice for choice in CHOICES}

# Readings that are run and compared with the default: each other option alone, and these together.
TOGETHER: tuple[Reading, ...] = (
    {"pooling": "max", "batch": "32"},
    {"normalization": "standardize", "batch": "32"},
)

# The defaults of studies from before a default changed; they recorded only what they read otherwise.
_FIRST_DEFAULTS: Reading = {"batch": "32", "filters": "32"}

_MODELS: dict[str, dict[str, Any]] = {
    "initial": {"dense_84": False, "conv_bias": False, "l2_kernel": 0.0},
    "adjusted": {},
    "section2": {"activation": "relu", "learning_rate": 0.001},
    "section3": {
        "activation": "relu",
        "learning_rate": 0.001,
        "depth": 5,
        "kernel_size": 3,
        "padding": "same",
    },
}


def model(scope: str, reading: Reading | None = None) -> Setting:
    """The setting of one of the report's models under a reading: lr 0.01 and tanh where it names several."""
    check_in("scope", scope, SCOPES)
    values = dict(_MODELS[scope])
    for choice in CHOICES:
        if scope in choice.scopes:
            values |= choice.options[(reading or {}).get(choice.name, choice.default)]
    if scope == "section3":
        values |= bias_stds(values)
    return complete(values)


def bias_stds(values: Mapping[str, Any]) -> dict[str, float]:
    """The report's rule for the bias: 1 / number of nodes in each convolution's input.

    The report counts the second convolution's input before the pooling (4704 = 28 * 28 * 6), and so do we.
    """
    lenet, _ = configs(values, InputSpec())
    shapes = list(lenet.map_shapes)
    nodes = [(*shapes.pop(0), 3)]
    for filters, pooled in zip(lenet.filters, lenet.pools, strict=True):
        nodes.append((*shapes.pop(0), filters))
        if pooled:
            shapes.pop(0)
    return {f"bias_std_{i + 1}": 1.0 / (h * w * c) for i, (h, w, c) in enumerate(nodes[: lenet.depth])}


def others(scope: str) -> tuple[Reading, ...]:
    """The readings that are compared with the default for a model: each differs from it for that model."""
    found: list[Reading] = []
    for choice in CHOICES:
        if scope in choice.scopes:
            found += [{choice.name: option} for option in choice.options if option != choice.default]
    return (*found, *(r for r in TOGETHER if all(scope in BY_NAME[name].scopes for name in r)))


def full_reading(reading: Reading) -> Reading:
    """The option of every choice, as a study records it: a later default must not change what it meant."""
    return {choice.name: reading.get(choice.name, choice.default) for choice in CHOICES}


def recorded(options: Mapping[str, Any]) -> Reading:
    """The option of every choice from a study's options; the default where it names one that is not known."""
    found = {**_FIRST_DEFAULTS, **options.get("reading", {})}
    return full_reading(
        {n: option for n, option in found.items() if n in BY_NAME and option in BY_NAME[n].options}
    )


def parse_reading(texts: Iterable[str]) -> Reading:
    """A reading from "choice=option" texts; defaults are left out.

    Raises:
        SettingError: an unknown choice or option.
    """
    found = {}
    for text in texts:
        name, equals, option = text.partition("=")
        if not equals or name not in BY_NAME:
            raise SettingError(
                f"A reading is CHOICE=OPTION with a choice of {', '.join(BY_NAME)}, but got {text!r}."
            )
        check_in(name, option, tuple(BY_NAME[name].options))
        if option != BY_NAME[name].default:
            found[name] = option
    return {choice.name: found[choice.name] for choice in CHOICES if choice.name in found}


def show_reading(reading: Reading) -> str:
    """A reading as people read it, and as `parse_reading` takes it."""
    return ", ".join(f"{name}={option}" for name, option in reading.items()) or "default"
