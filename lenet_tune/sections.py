"""The report as data: its sections, stages, runs and published numbers.

Source: A. Ferron, "Classifying CIFAR-10 Images with LeNet". Every place a number stands in it is named in
`where`. Choices the report leaves open (pooling, normalisation, the batch size of the initial runs,
section 3's filters) are settings like any other here and are listed in `OPEN_CHOICES`.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lenet_tune.config import InputSpec
from lenet_tune.errors import SettingError
from lenet_tune.knobs import Choice
from lenet_tune.space import Setting, Space, complete, configs

PUBLISHED_EPOCHS = 30
SECTIONS = (1, 2, 3)
STAGES = ("initial", "adjusted")

OPEN_CHOICES = (
    ("optimiser", "SGD without momentum: a momentum term was added and removed"),
    ("pooling", "average 2x2, LeNet-5's subsampling; try --knob pooling=max"),
    ("normalisation", "initial runs divide by 255; try --knob normalization=standardize"),
    (
        "batch size of the initial runs",
        "32, Keras's default when none is given; the report also speaks of 128",
    ),
    (
        "standard deviation of the second bias",
        "1/3702 as printed; 1/3072 = 1/(32*32*3) if digits were swapped",
    ),
    (
        "last activation of the initial runs",
        "the hidden activation: tanh with cross-entropy gives the 0.1000",
    ),
    ("published accuracy", "taken as the accuracy after the last epoch"),
    ("section 3's filters and pooling", "32 filters in each convolution, pooling after each"),
    ("evaluation", "accuracy on the 10,000 test images after every epoch, as the report did"),
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One training run of the report.

    Args:
        where: the table, figure or sentence that shows it.
        published: final test accuracy in the report; None where it shows a picture only.
        note: what the report says in words.
    """

    section: int
    stage: str | None
    where: str
    setting: Setting
    published: float | None
    note: str = ""

    @property
    def label(self) -> str:
        """What sets the run apart from its neighbours, as a caption."""
        s = self.setting
        loss = "MSE" if s["loss"] == "mean_squared_error" else "cross-entropy"
        extra = f", {s['kernel_size']}x{s['kernel_size']} kernels" if self.section == 2 else ""
        return f"lr {s['learning_rate']:g}, {s['activation']}, {loss}{extra}"


INITIAL = complete(
    {
        "dense_84": False,
        "normalization": "unit",
        "conv_bias": False,
        "l2_kernel": 0.0,
        "final_activation": "same",
    }
)
ADJUSTED = complete({})


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


_SECTION_2 = {**ADJUSTED, "activation": "relu", "learning_rate": 0.001}
_FIVE = {**_SECTION_2, "depth": 5, "kernel_size": 3, "padding": "same", "filters": 32, "filter_step": 0}
SECTION_3 = complete({**_FIVE, **bias_stds(_FIVE)})

_MSE, _CE = "mean_squared_error", "categorical_crossentropy"
# (stage, loss, activation, learning rate) -> final test accuracy; Tables 1 and 3 are pictures only.
_PUBLISHED = {
    ("initial", _CE, "sigmoid", 0.1): 0.4322,
    ("initial", _CE, "sigmoid", 0.01): 0.2424,
    ("initial", _CE, "sigmoid", 0.001): 0.0867,
    ("initial", _CE, "tanh", 0.1): 0.1000,
    ("initial", _CE, "tanh", 0.01): 0.1000,
    ("initial", _CE, "tanh", 0.001): 0.1002,
    ("adjusted", _CE, "sigmoid", 0.1): 0.4825,
    ("adjusted", _CE, "sigmoid", 0.01): 0.3988,
    ("adjusted", _CE, "sigmoid", 0.001): 0.1409,
    ("adjusted", _CE, "tanh", 0.1): 0.4595,
    ("adjusted", _CE, "tanh", 0.01): 0.5475,
    ("adjusted", _CE, "tanh", 0.001): 0.4797,
}
_TABLES = {
    ("initial", _MSE): "Table 1",
    ("initial", _CE): "Table 2",
    ("adjusted", _MSE): "Table 3",
    ("adjusted", _CE): "Table 4",
}
_NOTES = {
    (
        "initial",
        _MSE,
        "tanh",
    ): "learns; the best of the initial runs, 0.4919, is one of these (rate not named)",
    ("initial", _MSE, "sigmoid"): "no learning",
    ("adjusted", _MSE, "tanh"): "second best family",
    ("adjusted", _MSE, "sigmoid"): "lags",
}


def _section_1(stage: str) -> tuple[Run, ...]:
    base = INITIAL if stage == "initial" else ADJUSTED
    product = itertools.product((_MSE, _CE), (0.1, 0.01, 0.001), ("sigmoid", "tanh"))
    return tuple(
        Run(
            section=1,
            stage=stage,
            where=_TABLES[stage, loss],
            setting=complete({**base, "loss": loss, "learning_rate": rate, "activation": activation}),
            published=_PUBLISHED.get((stage, loss, activation, rate)),
            note=_NOTES.get((stage, loss, activation), ""),
        )
        for loss, rate, activation in product
    )


_RUNS: dict[int, tuple[Run, ...]] = {
    1: (*_section_1("initial"), *_section_1("adjusted")),
    2: (
        Run(
            section=2,
            stage=None,
            where="Figure 1",
            setting=complete({**_SECTION_2, "kernel_size": 3}),
            published=None,
            note="similar to tanh with cross-entropy",
        ),
        Run(
            section=2,
            stage=None,
            where="Figure 2",
            setting=complete(_SECTION_2),
            published=None,
            note="a slow start, then a step",
        ),
    ),
    3: (
        Run(
            section=3,
            stage=None,
            where="Figure 3",
            setting=SECTION_3,
            published=0.5564,
            note="best of the report; overfitting from epoch 5 or 6",
        ),
        Run(
            section=3,
            stage=None,
            where="section 3, text",
            setting=complete({**SECTION_3, "learning_rate": 0.01}),
            published=0.5133,
            note="slightly lower",
        ),
    ),
}

# Base settings by name, for one's own grids and for starting points.
BASES: dict[str, Setting] = {
    "adjusted": ADJUSTED,
    "initial": INITIAL,
    "section2": complete({**_SECTION_2, "kernel_size": 3}),
    "section3": SECTION_3,
}


def runs(section: int, stage: str | None = None) -> tuple[Run, ...]:
    """The report's runs of a section, of one stage where it is named.

    Raises:
        SettingError: no such section or stage.
    """
    if section not in _RUNS:
        raise SettingError(f"`section` must be one of {', '.join(map(str, SECTIONS))}, but got {section}.")
    if stage is None:
        return _RUNS[section]
    if section != 1 or stage not in STAGES:
        raise SettingError(
            f"`stage` must be {' or '.join(STAGES)} and belongs to section 1, but got {stage!r} "
            f"for section {section}. Leave --stage out."
        )
    return tuple(run for run in _RUNS[section] if run.stage == stage)


def search_space(section: int) -> Space:
    """The space that random and Bayesian searches cover for a section: its architecture, every other knob.

    Raises:
        SettingError: no such section.
    """
    if section not in _RUNS:
        raise SettingError(f"`section` must be one of {', '.join(map(str, SECTIONS))}, but got {section}.")
    lenet = {"depth": (2,), "filters": (6,), "filter_step": (10,), "padding": ("valid",)}
    fixed = {
        1: {**lenet, "kernel_size": (5,), "activation": ("sigmoid", "tanh")},
        2: {**lenet, "kernel_size": (3, 5), "activation": ("relu",)},
        3: {"depth": (5,), "kernel_size": (3,), "padding": ("same",)},
    }[section]
    return Space.full().replace({name: Choice(values) for name, values in fixed.items()})
