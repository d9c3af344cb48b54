"""Settings of the knobs, and the space of settings a study searches.

A **setting** is a plain mapping from knob name to value that holds the active knobs only.
"""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lenet_tune.config import InputSpec, LeNetConfig, TrainConfig
from lenet_tune.errors import InfeasibleError, SettingError
from lenet_tune.knobs import BY_NAME, DEFAULTS, KNOBS, Choice, Domain, Knob, Range

Setting = dict[str, Any]

SHAPE_KNOBS = ("kernel_size", "depth", "padding", "pool_places")
"""The knobs that decide whether a network can be built (`LeNetConfig.map_shapes`)."""


def is_active(knob: Knob, values: Mapping[str, Any]) -> bool:
    """Whether `knob` counts where the other knobs have `values`."""
    return all(values.get(parent) in allowed for parent, allowed in knob.active_if)


def complete(values: Mapping[str, Any]) -> Setting:
    """The setting of `values`: missing knobs at their defaults, inactive ones left out, in table order.

    Raises:
        SettingError: a name that is no knob.
    """
    for name in values:
        check_name(name)
    full = {**DEFAULTS, **values}
    return {knob.name: full[knob.name] for knob in KNOBS if is_active(knob, full)}


def key(setting: Mapping[str, Any]) -> tuple:
    """A hashable identity: equal exactly for settings that train the same network the same way."""
    return tuple(sorted((name, repr(value)) for name, value in complete(setting).items()))


def check_name(name: str) -> None:
    """Raise `SettingError` unless `name` is a knob."""
    if name not in BY_NAME:
        raise SettingError(f"Unknown knob {name!r}: the knobs are {', '.join(BY_NAME)}.")


def configs(values: Mapping[str, Any], spec: InputSpec) -> tuple[LeNetConfig, TrainConfig]:
    """The two configurations of a setting for one data set.

    Raises:
        SettingError: a knob outside its rule.
        InfeasibleError: no network can be built from it.
    """
    s = {**DEFAULTS, **complete(values)}
    convolutions = range(1, s["depth"] + 1)
    with_bias = s["conv_bias"]
    lenet = LeNetConfig(
        input=spec,
        filters=tuple(s["filters"] + s["filter_step"] * (i - 1) for i in convolutions),
        bias_means=tuple(s[f"bias_mean_{i}"] if with_bias else 0.0 for i in convolutions),
        bias_stds=tuple(s[f"bias_std_{i}"] if with_bias else 0.0 for i in convolutions),
        **{name: s[name] for name in _LENET_KNOBS},
    )
    return lenet, TrainConfig(**{name: s[name] for name in _TRAIN_KNOBS})


_TRAIN_KNOBS = ("learning_rate", "momentum", "loss", "batch_size", "epochs")
_LENET_KNOBS = (
    "kernel_size",
    "padding",
    "pooling",
    "pool_places",
    "dense_84",
    "activation",
    "final_activation",
    "kernel_initializer",
    "conv_bias",
    "l2_kernel",
    "l2_bias",
    "l2_activity",
    "normalization",
)


def is_feasible(values: Mapping[str, Any], spec: InputSpec) -> bool:
    """Whether a network can be built from the setting for images of `spec`."""
    try:
        configs(values, spec)
    except InfeasibleError:
        return False
    return True


def default_in(knob: Knob, domain: Domain) -> Any:
    """The knob's default, or the value of the domain that stands for it."""
    if isinstance(domain, Range):
        return min(max(knob.default, domain.low), domain.high)
    return knob.default if knob.default in domain else domain.values[0]


def _range(data: Mapping[str, Any]) -> Range:
    low, high = data["range"]
    return Range(low, high, log=data["log"])


@dataclass(frozen=True)
class Space:
    """What a study varies: one domain a knob; a domain of one value fixes the knob."""

    domains: Mapping[str, Domain]

    @classmethod
    def full(cls) -> "Space":
        """Every knob over its whole domain."""
        return cls({knob.name: knob.domain for knob in KNOBS})

    @classmethod
    def at(cls, setting: Mapping[str, Any]) -> "Space":
        """Every knob fixed to `setting` (defaults where it is silent)."""
        return cls({name: Choice((value,)) for name, value in {**DEFAULTS, **setting}.items()})

    def replace(self, domains: Mapping[str, Domain]) -> "Space":
        """The space with some domains changed."""
        for name in domains:
            check_name(name)
        return replace(self, domains={**self.domains, **domains})

    @property
    def free(self) -> tuple[str, ...]:
        """Names of the knobs with something to choose that can come into play, in table order."""
        return tuple(k.name for k in KNOBS if not self.domains[k.name].is_fixed and self.can_count(k))

    def can_count(self, knob: Knob) -> bool:
        """Whether some setting of the space makes the knob active."""
        return all(
            any(value in self.domains[parent] for value in allowed) for parent, allowed in knob.active_if
        )

    def size(self) -> float:
        """Number of distinct settings (infinite where a range is free)."""
        if any(isinstance(self.domains[name], Range) for name in self.free):
            return math.inf
        return sum(1 for _ in self.grid())

    def grid(self) -> Iterator[Setting]:
        """Every setting once, in the order of the product, inactive knobs collapsed.

        Raises:
            SettingError: a free range, which has no end of values.
        """
        for name, domain in self.domains.items():
            if isinstance(domain, Range):
                raise SettingError(
                    f"A grid needs listed values, but `{name}` is the range {domain}: list them."
                )
        seen = set()
        names = list(self.domains)
        listed = [domain.values for domain in self.domains.values() if isinstance(domain, Choice)]
        for values in itertools.product(*listed):
            setting = complete(dict(zip(names, values, strict=True)))
            identity = key(setting)
            if identity not in seen:
                seen.add(identity)
                yield setting

    def shapes(self) -> Iterator[Setting]:
        """A setting for every distinct combination of `SHAPE_KNOBS`, the other knobs near their defaults."""
        others = {
            name: Choice((default_in(BY_NAME[name], domain),))
            for name, domain in self.domains.items()
            if name not in SHAPE_KNOBS
        }
        return self.replace(others).grid()

    def to_json(self) -> dict[str, Any]:
        """A plain form that `from_json` reads back."""
        return {
            name: {"choice": list(d.values)}
            if isinstance(d, Choice)
            else {"range": [d.low, d.high], "log": d.log}
            for name, d in self.domains.items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Space":
        """The space that `to_json` wrote."""
        return cls(
            {name: Choice(tuple(d["choice"])) if "choice" in d else _range(d) for name, d in data.items()}
        )
