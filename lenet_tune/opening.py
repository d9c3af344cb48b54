"""What is checked before a sitting at a study begins: its file, definition, software; and its first words."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lenet_tune import buildable, devices, manifest
from lenet_tune.errors import DamagedStudyError, StudyError
from lenet_tune.progress import say
from lenet_tune.records import Definition, Snapshot
from lenet_tune.salvage import set_aside
from lenet_tune.study import Study
from lenet_tune.studyfile import FILE_NAME, holds_nothing


def stored(folder: Path) -> Study | None:
    """The study of `folder`, opened; None where there is none, or only a damaged one, now kept aside."""
    path = folder / FILE_NAME
    try:
        return None if holds_nothing(path) else Study.open(path)
    except DamagedStudyError as error:
        aside = set_aside(path)
        say(
            f"{path} is damaged ({error.reason}) and kept as {aside.name}; `lenet-tune export {aside}` "
            "writes what can be read of it. The search starts anew."
        )
        return None


def check_same(kept: Definition, asked: Definition) -> None:
    """Refuse a search whose name is taken by another one.

    Raises:
        StudyError: naming what differs.
    """
    old, new = asdict(kept), asdict(asked)
    # JSON has lists where Python has tuples.
    differing = [k for k in old if _plain(old[k]) != _plain(new[k])]
    if differing:
        parts = [f"{k} was {_short(old[k])} and is now {_short(new[k])}" for k in differing]
        raise StudyError(
            f"The study {kept.name} exists and differs: {'; '.join(parts)}. Choose another --name."
        )


def backend_for(study: Study, asked: str | None, *, accept_versions: bool) -> str:
    """The backend to train on: the one asked for, or the study's own.

    Raises:
        StudyError: the study was begun with other software, which gives other numbers.
    """
    before = study.manifest
    backend = asked or os.environ.get("KERAS_BACKEND") or manifest.last_backend(before)
    backend = backend or devices.BACKENDS[0]
    differing = manifest.differences(before, backend)
    if differing and not accept_versions:
        raise StudyError(
            f"The study {study.definition.name} was begun with other software: {'; '.join(differing)}. "
            "Install what it was begun with, or pass --accept-versions to mix them; the page then shows both."
        )
    return backend


def greet(study: Study, facts: dict[str, Any]) -> None:
    """Say what trains, on what, and how far the study has come."""
    d = study.definition
    say(
        f"{d.title}: study {d.name}, {d.data['name']} ({d.train_size:,} training, {d.held_out_size:,} "
        f"{d.held_out_name} images), {facts['device']}, {facts['backend']}, {d.engine} engine"
    )
    if left_out := buildable.sentence(d):
        say(left_out)
    snapshot = study.snapshot()
    if snapshot.trials:
        again = len(snapshot.trials) - snapshot.ended
        to_go = "" if snapshot.planned is None else f", {snapshot.planned - len(snapshot.trials)} to go"
        say(f"resuming: {snapshot.ended} done, {again} again{to_go}")


def extend(study: Study, trials: int) -> None:
    """Ask a study for more trials than before.

    Raises:
        StudyError: it has as many as it has, or had more.
    """
    planned = study.planned
    if planned is None or study.definition.kind == "grid":
        raise StudyError(f"A {study.definition.kind} study has as many trials as it has; leave --trials out.")
    if trials < planned:
        raise StudyError(f"`trials` must be at least the {planned} asked for before, but got {trials}.")
    study.set_planned(trials)


def is_complete(snapshot: Snapshot) -> bool:
    """Whether nothing is left to train or to measure."""
    measured = snapshot.best is None or snapshot.best_model is not None
    if snapshot.manifest.get("interrupted", True) or not measured:
        return False
    return snapshot.planned is None or snapshot.ended >= snapshot.planned


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."
