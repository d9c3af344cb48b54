"""The report's own training runs, and what each of them is called."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lenet_tune.errors import SettingError
from lenet_tune.knobs import DEFAULTS, show
from lenet_tune.sections.readings import Reading, model
from lenet_tune.space import Setting, complete

PUBLISHED_EPOCHS = 30
SECTIONS = (1, 2, 3)
STAGES = ("initial", "adjusted")
MSE, CE = "mean_squared_error", "categorical_crossentropy"
RATES = (0.1, 0.01, 0.001)


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
        extra = f", {s['kernel_size']}x{s['kernel_size']} kernels" if self.section == 2 else ""
        return f"{_common(s)}{extra}"

    @property
    def caption(self) -> str:
        """The label, after its stage where the section has several."""
        return f"{self.stage}: {self.label}" if self.stage else self.label


def _common(setting: Mapping[str, Any]) -> str:
    loss = "MSE" if setting["loss"] == MSE else "cross-entropy"
    return f"lr {setting['learning_rate']:g}, {setting['activation']}, {loss}"


# (stage, loss, activation, learning rate) -> final test accuracy; Tables 1 and 3 are pictures only.
_PUBLISHED = {
    ("initial", CE, "sigmoid", 0.1): 0.4322,
    ("initial", CE, "sigmoid", 0.01): 0.2424,
    ("initial", CE, "sigmoid", 0.001): 0.0867,
    ("initial", CE, "tanh", 0.1): 0.1000,
    ("initial", CE, "tanh", 0.01): 0.1000,
    ("initial", CE, "tanh", 0.001): 0.1002,
    ("adjusted", CE, "sigmoid", 0.1): 0.4825,
    ("adjusted", CE, "sigmoid", 0.01): 0.3988,
    ("adjusted", CE, "sigmoid", 0.001): 0.1409,
    ("adjusted", CE, "tanh", 0.1): 0.4595,
    ("adjusted", CE, "tanh", 0.01): 0.5475,
    ("adjusted", CE, "tanh", 0.001): 0.4797,
}
_TABLES = {
    ("initial", MSE): "Table 1",
    ("initial", CE): "Table 2",
    ("adjusted", MSE): "Table 3",
    ("adjusted", CE): "Table 4",
}
_BEST_INITIAL = "learns; the best of the initial runs, 0.4919, is one of these (rate not named)"
_NOTES = {
    ("initial", MSE, "tanh"): _BEST_INITIAL,
    ("initial", MSE, "sigmoid"): "no learning",
    ("adjusted", MSE, "tanh"): "second best family",
    ("adjusted", MSE, "sigmoid"): "lags",
}


def changed(settings: tuple[Setting, ...], **knobs: Any) -> tuple[Setting, ...]:
    """The settings with some knobs set."""
    return tuple(complete({**setting, **knobs}) for setting in settings)


def family(base: Setting, activation: str, loss: str) -> tuple[Setting, ...]:
    """A model with one activation and one loss, at the report's three learning rates."""
    return tuple(
        complete({**base, "activation": activation, "loss": loss, "learning_rate": rate}) for rate in RATES
    )


def grid(base: Setting) -> tuple[Setting, ...]:
    """A model with both activations, both losses and the three learning rates."""
    pairs = itertools.product(("sigmoid", "tanh"), (MSE, CE))
    return tuple(setting for pair in pairs for setting in family(base, *pair))


def _section_1(stage: str, reading: Reading | None) -> tuple[Run, ...]:
    base = model(stage, reading)
    product = itertools.product((MSE, CE), RATES, ("sigmoid", "tanh"))
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


def _section_2(reading: Reading | None) -> tuple[Run, ...]:
    base = model("section2", reading)
    figures = (
        ("Figure 1", 3, "similar to tanh with cross-entropy"),
        ("Figure 2", 5, "a slow start, then a step"),
    )
    return tuple(
        Run(
            section=2,
            stage=None,
            where=where,
            setting=complete({**base, "kernel_size": kernel}),
            published=None,
            note=note,
        )
        for where, kernel, note in figures
    )


def _section_3(reading: Reading | None) -> tuple[Run, ...]:
    base = model("section3", reading)
    found = (
        ("Figure 3", 0.001, 0.5564, "best of the report; overfitting from epoch 5 or 6"),
        ("section 3, text", 0.01, 0.5133, "slightly lower"),
    )
    return tuple(
        Run(
            section=3,
            stage=None,
            where=where,
            setting=complete({**base, "learning_rate": rate}),
            published=accuracy,
            note=note,
        )
        for where, rate, accuracy, note in found
    )


def runs(section: int, stage: str | None = None, reading: Reading | None = None) -> tuple[Run, ...]:
    """The report's runs of a section, of one stage where it is named, under a reading.

    Raises:
        SettingError: no such section or stage.
    """
    if section not in SECTIONS:
        raise SettingError(f"`section` must be one of {', '.join(map(str, SECTIONS))}, but got {section}.")
    if stage is not None and (section != 1 or stage not in STAGES):
        raise SettingError(
            f"`stage` must be {' or '.join(STAGES)} and belongs to section 1, but got {stage!r} "
            f"for section {section}. Leave --stage out."
        )
    if section == 1:
        return tuple(run for s in STAGES if stage in (None, s) for run in _section_1(s, reading))
    return _section_2(reading) if section == 2 else _section_3(reading)


_HEADS = {"initial": "initial", "adjusted": "adjusted", "section3": "section 3"}
_COMMON = ("activation", "loss", "learning_rate")


def describe(setting: Setting) -> str:
    """A caption for any setting: the nearest of the report's models, and what differs from it."""
    differing = {scope: _differing(model(scope), setting) for scope in _HEADS}
    nearest = min(differing, key=lambda scope: len(differing[scope]))
    changes = [f"{name} {show(setting[name])}" for name in differing[nearest]]
    return ", ".join([f"{_HEADS[nearest]}: {_common(setting)}", *changes])


def _differing(base: Setting, setting: Setting) -> list[str]:
    # A knob that counts on one side only is the consequence of another one, which is named.
    full = {**DEFAULTS, **base}
    return [name for name in setting if name not in _COMMON and full[name] != setting[name]]
