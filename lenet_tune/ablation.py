"""Ablation: a setting, and the same with one knob at a time as another setting has it.

What each value of a good setting is worth shows right beside that setting, where a search has few trials. One
knob at a time, from the good setting: what two values are only worth together counts for each of them.

Source: C. Fawcett and H. H. Hoos, "Analysing differences between algorithm configurations through ablation",
2016; they follow one greedy path between the settings, which costs about the square of this.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lenet_tune import sections
from lenet_tune.errors import SettingError, StudyError
from lenet_tune.knobs import BY_NAME, show
from lenet_tune.records import Snapshot, TrialRecord
from lenet_tune.space import Setting, complete
from lenet_tune.starts import read_setting

AS_IT_IS, ALL = "as it is", "all of these"
_PROTOCOL = ("epochs",)  # how long everything is trained; the same for all


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """What is taken apart.

    Args:
        study, trial: where `setting` comes from.
        towards: the name of `base`, the setting whose values are put in its place.
        fingerprint: of the study's data, where that is what is trained on; None where other data is named.
    """

    study: str
    trial: int
    setting: Setting
    towards: str
    base: Setting
    fingerprint: str | None = None

    def check_data(self, fingerprint: str) -> None:
        """Raise `StudyError` where the data that was found is not the study's, and none was named."""
        if self.fingerprint not in (None, fingerprint):
            raise StudyError(
                f"The study {self.study} was trained on data with fingerprint {self.fingerprint[:16]}, but "
                f"what was found without naming any has {fingerprint[:16]}: pass --data."
            )

    def runs(self, epochs: int | None) -> dict[str, Any]:
        """What a study has to remember: the settings to train, with so many epochs, and where they are from.

        Raises:
            SettingError: the two settings do not differ.
        """
        longer = {} if epochs is None else {"epochs": epochs}
        return {
            "runs": [{"label": label, "setting": {**each, **longer}} for label, each in settings(self)],
            "ablation": {"study": self.study, "trial": self.trial, "towards": self.towards},
        }


def of_study(
    snapshot: Snapshot, trial: int | None, towards: str | Path | Mapping | None, *, own_data: bool
) -> Ablation:
    """What to take apart of a study.

    Args:
        trial: a trial's number; None for the best one.
        towards: a name of `sections.BASES`, a JSON file, or a setting; None for the model of the section
            that was searched, else the adjusted one.
        own_data: whether it is trained on the study's own data, as no other was named.

    Raises:
        SettingError: there is no such trial or setting, or the study is of a model of one's own.
    """
    if snapshot.definition.is_own_model:
        raise SettingError(
            f"`ablate` needs a study of this package's knobs, but {snapshot.definition.name} is of a model "
            "of one's own."
        )
    found = _chosen(snapshot, trial)
    if towards is None:
        section = snapshot.definition.section
        towards = f"section{section}" if section in (2, 3) else "adjusted"
    if isinstance(towards, Mapping):
        name, base = "the other", complete(towards)
    elif str(towards) in sections.BASES:
        name, base = str(towards), sections.BASES[str(towards)]
    else:
        name, base = Path(towards).stem, read_setting("towards", Path(towards))
    return Ablation(
        study=snapshot.definition.name,
        trial=found.number,
        setting=dict(found.setting),
        towards=name,
        base=base,
        fingerprint=str(snapshot.definition.data.get("fingerprint")) if own_data else None,
    )


def protocol(snapshot: Snapshot, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a search that an ablation takes from its study where they are not given.

    That is the size of its splits, unless it measured as the report did, and a seed of its own.
    """
    d = snapshot.definition
    own = {"seed": d.seed + 1}
    if d.protocol == "validation" and not given.get("quick"):
        own |= {"train_size": d.train_size, "validation_size": d.held_out_size}
    return {name: value for name, value in own.items() if given.get(name) is None}


def _chosen(snapshot: Snapshot, number: int | None) -> TrialRecord:
    name, trials = snapshot.definition.name, {trial.number: trial for trial in snapshot.trials}
    if number is None:
        if snapshot.best is None:
            raise SettingError(f"`ablate` needs a finished trial, but {name} has none: pass --trial.")
        return snapshot.best
    if number not in trials:
        raise SettingError(
            f"`trial` must be a trial of {name}, 0 to {len(trials) - 1}, but got {number}: "
            f"lenet-tune trials {name} lists them."
        )
    return trials[number]


def settings(ablation: Ablation) -> Iterator[tuple[str, Setting]]:
    """(label, setting) of the setting itself, of each change by itself, and of all changes together.

    Raises:
        SettingError: the two settings do not differ.
    """
    setting, base = ablation.setting, ablation.base
    changes = list(_changes(setting, base))
    if not changes:
        raise SettingError(
            f"`towards` must differ from trial {ablation.trial} of {ablation.study}, but {ablation.towards} "
            "is the same setting: name another one."
        )
    yield AS_IT_IS, complete(setting)
    for names in changes:
        yield _label(names, ablation), _with(setting, base, names)
    if len(changes) > 1:
        protocol = {name: setting[name] for name in _PROTOCOL}
        yield ALL, complete({**base, **protocol})


def _changes(setting: Mapping[str, Any], base: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The knobs that differ and count in both settings; those that belong together are one change."""
    differing: dict[str, list[str]] = {}
    for name in BY_NAME:
        both = name in setting and name in base and name not in _PROTOCOL
        if both and setting[name] != base[name]:
            differing.setdefault(_family(name), []).append(name)
    yield from map(tuple, differing.values())


def _family(name: str) -> str:
    """Knobs of one family change together: the biases of all convolutions, the filters and their growth."""
    if name.startswith(("bias_mean_", "bias_std_")):
        return name.rpartition("_")[0]
    return "filters" if name == "filter_step" else name


def _with(setting: Mapping[str, Any], base: Mapping[str, Any], names: tuple[str, ...]) -> Setting:
    # A knob that only counts after the change has the base's value.
    woken = {name: value for name, value in base.items() if name not in setting}
    return complete({**woken, **setting, **{name: base[name] for name in names}})


def _label(names: tuple[str, ...], ablation: Ablation) -> str:
    setting, base = ablation.setting, ablation.base
    there, here = (list(dict.fromkeys(show(values[name]) for name in names)) for values in (base, setting))
    family = _family(names[0])
    if len(there) > 2:
        return f"{family} as in {ablation.towards}"
    return f"{family} {' and '.join(there)}" + (f" instead of {' and '.join(here)}" if len(here) <= 2 else "")
