"""The report as data: its sections, stages, runs, published numbers, claims, and what it leaves open.

Source: A. Ferron, "Classifying CIFAR-10 Images with LeNet". Every place a number stands in it is named in
`where`. Everything a verdict depends on (arms, margins, rules) is fixed here, before anything is run, but
for the defaults of the open choices, which follow the runs. Adding a claim or an open choice means adding
data.
"""

from lenet_tune.errors import SettingError
from lenet_tune.knobs import Choice
from lenet_tune.sections.readings import (
    Reading,
    bias_stds,
    full_reading,
    model,
    parse_reading,
    recorded,
    show_reading,
)
from lenet_tune.sections.runs import PUBLISHED_EPOCHS, SECTIONS, STAGES, Run, describe, runs
from lenet_tune.space import Setting, Space, complete

__all__ = [
    "ADJUSTED",
    "BASES",
    "INITIAL",
    "PUBLISHED_EPOCHS",
    "SECTIONS",
    "SECTION_3",
    "STAGES",
    "Reading",
    "Run",
    "bias_stds",
    "describe",
    "full_reading",
    "model",
    "parse_reading",
    "recorded",
    "runs",
    "search_space",
    "show_reading",
]

INITIAL = model("initial")
ADJUSTED = model("adjusted")
SECTION_3 = model("section3")

# Base settings by name, for one's own grids and for starting points.
BASES: dict[str, Setting] = {
    "adjusted": ADJUSTED,
    "initial": INITIAL,
    "section2": complete({**model("section2"), "kernel_size": 3}),
    "section3": SECTION_3,
}


def search_space(section: int) -> Space:
    """The space that random and Bayesian searches cover for a section: its architecture, every other knob.

    Raises:
        SettingError: no such section.
    """
    if section not in SECTIONS:
        raise SettingError(f"`section` must be one of {', '.join(map(str, SECTIONS))}, but got {section}.")
    lenet = {"depth": (2,), "filters": (6,), "filter_step": (10,), "padding": ("valid",)}
    parts: dict[int, dict[str, tuple]] = {
        1: {**lenet, "kernel_size": (5,), "activation": ("sigmoid", "tanh")},
        2: {**lenet, "kernel_size": (3, 5), "activation": ("relu",)},
        3: {"depth": (5,), "kernel_size": (3,), "padding": ("same",)},
    }
    return Space.full().replace({name: Choice(values) for name, values in parts[section].items()})
