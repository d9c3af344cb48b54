"""Where a search starts: the report's settings, settings from files, the leaders of another study."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lenet_tune import sections
from lenet_tune.config import InputSpec
from lenet_tune.errors import SettingError, reason
from lenet_tune.knobs import Choice, show
from lenet_tune.space import Setting, Space, complete, configs
from lenet_tune.study import Study

REPORT, NONE = "report", "none"
_NAMED = {"start": f"{REPORT}, {NONE}", "towards": ", ".join(sections.BASES)}
TAKEN_OVER = 5
"""Settings that a search takes over from another study: its leaders."""


def gather(
    words: Sequence[str | Path | Mapping], origin: Path | None, section: int | None
) -> tuple[Setting, ...]:
    """The settings to try first, those of another study first.

    Args:
        words: each `REPORT`, `NONE`, a JSON file, or a setting.
        origin: the other study's file.
        section: whose settings `REPORT` means; None for all.

    Raises:
        SettingError, StudyError: as the functions below.
    """
    found = [] if origin is None else study_starts(origin)
    if REPORT in words:
        found += report_starts(section)
    for word in words:
        if isinstance(word, Mapping):
            found.append(complete(word))
        elif word not in (REPORT, NONE):
            found.append(read_setting("start", Path(word)))
    return tuple(found)


def report_starts(section: int | None) -> list[Setting]:
    """The report's best settings, of one section or of all."""
    names = {None: ("adjusted", "section3"), 1: ("adjusted",), 2: ("section2",), 3: ("section3",)}[section]
    return [dict(sections.BASES[name]) for name in names]


def study_starts(path: Path) -> list[Setting]:
    """The leading settings of another study, best first.

    Raises:
        StudyError: no such study. SettingError: none of its trials is done.
    """
    with Study.read(path) as study:
        snapshot = study.snapshot()
    tied = [*snapshot.tied, *(t for t in snapshot.ranked if t not in snapshot.tied)]
    if not tied:
        raise SettingError(f"`from` needs a study with a finished trial, but {path.parent.name} has none.")
    return [dict(trial.setting) for trial in tied[:TAKEN_OVER]]


def fitted(setting: Mapping[str, Any], space: Space) -> Setting:
    """A starting point as the study can train it: what the study fixes is as the study has it.

    Its epochs are the study's too: the most that it tries, unless it tries as many as the starting point has.
    """
    fixed = {n: d.values[0] for n, d in space.domains.items() if isinstance(d, Choice) and d.is_fixed}
    full = complete({**setting, **fixed})
    epochs = space.domains["epochs"]
    if full["epochs"] not in epochs:
        full["epochs"] = max(epochs.values) if isinstance(epochs, Choice) else int(epochs.high)
    return full


def check(setting: Mapping[str, Any], space: Space, spec: InputSpec) -> None:
    """Refuse a starting point that the study cannot train as it was given, its epochs aside.

    Raises:
        SettingError: it contradicts what the study fixes, or no network can be built from it.
    """
    for name, domain in space.domains.items():
        if name in setting and name != "epochs" and domain.is_fixed and setting[name] not in domain:
            raise SettingError(
                f"A starting point has {name} {show(setting[name])}, but the study fixes it to "
                f"{domain}: change --start or --knob."
            )
    configs(fitted(setting, space), spec)


def read_setting(option: str, path: Path) -> Setting:
    """The setting in a JSON file: the file itself, or its "setting".

    Raises:
        SettingError: it cannot be read, or holds something else; says which `option` named it.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(
            f"`{option}` must be {_NAMED[option]} or a JSON file with a setting, but {path} cannot be read: "
            f"{reason(error)}."
        ) from error
    setting = found.get("setting", found) if isinstance(found, dict) else found
    if not isinstance(setting, dict):
        raise SettingError(
            f"`{option}` must be a JSON object of knobs and values, but {path} holds "
            f"{type(setting).__name__}."
        )
    return complete(setting)
