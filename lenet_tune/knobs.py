"""The knobs, declared once: name, domain, default, and when each one counts.

The HyperModel, the oracles, the command line and the pages all read this table.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lenet_tune import config
from lenet_tune.errors import SettingError

MAX_DEPTH = 5


def show(value: Any) -> str:
    """A value as people read it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


@dataclass(frozen=True)
class Choice:
    """A finite, ordered list of values."""

    values: tuple

    @property
    def is_fixed(self) -> bool:
        """Whether there is nothing to choose."""
        return len(self.values) == 1

    def __contains__(self, value: object) -> bool:
        return any(value == v and isinstance(value, bool) == isinstance(v, bool) for v in self.values)

    def __str__(self) -> str:
        return ", ".join(show(v) for v in self.values)


@dataclass(frozen=True)
class Range:
    """The real numbers from `low` to `high`, drawn evenly, or evenly in the logarithm."""

    low: float
    high: float
    log: bool = False
    is_fixed = False

    def __post_init__(self) -> None:
        if not self.low < self.high or not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise SettingError(f"A range must run from low to high, but got {self.low:g}..{self.high:g}.")
        if self.log and self.low <= 0:
            raise SettingError(f"A logarithmic range must be positive, but got {self.low:g}..{self.high:g}.")

    def __contains__(self, value: object) -> bool:
        return (
            isinstance(value, (int, float)) and not isinstance(value, bool) and self.low <= value <= self.high
        )

    def __str__(self) -> str:
        return f"{show(self.low)} .. {show(self.high)}{' (log)' if self.log else ''}"


Domain = Choice | Range


@dataclass(frozen=True, kw_only=True)
class Knob:
    """One hyper-parameter.

    Args:
        domain: what a search draws from; a base setting may hold any value of the same type that
            `config` accepts.
        default: its value in the report's adjusted model (section 1).
        fusible: whether executions that differ in it can train in one group.
        active_if: (parent, values) pairs that must all hold for the knob to count.
        help: one line for people.
    """

    name: str
    domain: Domain
    default: Any
    fusible: bool
    help: str
    active_if: tuple[tuple[str, tuple], ...] = ()


def _bias_knobs() -> Iterator[Knob]:
    # Defaults: 1 / number of input nodes, except that the report prints 3702 for the second (section 1).
    stds = (1 / 3072, 1 / 3702, 1 / 3072, 1 / 3072, 1 / 3072)
    for i in range(1, MAX_DEPTH + 1):
        when: tuple[tuple[str, tuple], ...] = (("conv_bias", (True,)),)
        if i > 2:
            when += (("depth", tuple(range(i, MAX_DEPTH + 1))),)
        yield Knob(
            name=f"bias_mean_{i}",
            domain=Range(-0.5, 1.0),
            default=0.5,
            fusible=True,
            active_if=when,
            help=f"mean of the Gaussian that draws the bias of convolution {i}",
        )
        yield Knob(
            name=f"bias_std_{i}",
            domain=Range(1e-4, 1.0, log=True),
            default=stds[i - 1],
            fusible=True,
            active_if=when,
            help=f"standard deviation of the Gaussian that draws the bias of convolution {i}",
        )


_L2 = Choice((0.0, 1e-6, 1e-5, 1e-4, 1e-3))
_BOOL = Choice((False, True))


def _knob(name: str, domain: Domain, default: Any, fusible: bool, text: str, **more: Any) -> Knob:
    return Knob(name=name, domain=domain, default=default, fusible=fusible, help=text, **more)


KNOBS: tuple[Knob, ...] = (
    _knob("learning_rate", Range(1e-4, 0.3, log=True), 0.01, True, "step of SGD"),
    _knob("momentum", Range(0.0, 0.95), 0.0, True, "momentum of SGD"),
    _knob("activation", Choice(config.ACTIVATIONS), "tanh", True, "activation of the hidden layers"),
    _knob(
        "final_activation",
        Choice(config.FINAL_ACTIVATIONS),
        "softmax",
        True,
        "last layer: softmax, or the hidden one",
    ),
    _knob("loss", Choice(config.LOSSES), "categorical_crossentropy", True, "training loss"),
    _knob(
        "kernel_initializer",
        Choice(config.INITIALIZERS),
        "glorot_uniform",
        True,
        "initialiser of every kernel",
    ),
    _knob("batch_size", Choice((32, 64, 128)), 32, False, "images a step"),
    _knob("kernel_size", Choice((3, 5)), 5, False, "side of the convolution kernels"),
    _knob("depth", Choice((2, 3, 4, 5)), 2, False, "number of convolutions"),
    _knob("filters", Choice((6, 16, 32)), 6, False, "filters of the first convolution"),
    _knob("filter_step", Choice((0, 10, 16)), 10, False, "filters each further convolution adds"),
    _knob("padding", Choice(config.PADDINGS), "valid", False, "padding of convolutions and poolings"),
    _knob("pooling", Choice(config.POOLINGS), "average", False, "kind of pooling"),
    _knob(
        "pool_places",
        Choice(config.POOL_PLACES),
        "every",
        False,
        "pool after every convolution, every other one, or the first two",
        active_if=(("depth", (3, 4, 5)),),
    ),
    _knob("dense_84", _BOOL, True, False, "whether the 84-unit dense layer is there"),
    _knob("normalization", Choice(config.NORMALIZATIONS), "none", True, "scaling of the raw pixels"),
    _knob("l2_kernel", _L2, 1e-5, True, "L2 factor on convolution kernels"),
    _knob("l2_activity", _L2, 0.0, True, "L2 factor on convolution outputs"),
    _knob("conv_bias", _BOOL, True, True, "whether the convolutions have a bias"),
    _knob("l2_bias", _L2, 0.0, True, "L2 factor on convolution biases", active_if=(("conv_bias", (True,)),)),
    *_bias_knobs(),
    _knob("epochs", Choice((10, 20, 30)), 30, True, "passes over the training images"),
)
BY_NAME: dict[str, Knob] = {knob.name: knob for knob in KNOBS}
DEFAULTS: dict[str, Any] = {knob.name: knob.default for knob in KNOBS}
