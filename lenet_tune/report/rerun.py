"""The commands that do again what a study did: all of it, or one trial."""

import shlex
from collections.abc import Mapping
from typing import Any

from lenet_tune import sections
from lenet_tune.records import Snapshot, TrialRecord

DEFAULT_BASE = "adjusted"
_NOTHING = object()


def again(session: Mapping[str, Any]) -> str | None:
    """What to type to do as a session did: its command, after a backend that was chosen elsewhere."""
    command, backend = session.get("command"), session.get("backend")
    if not command or backend in (None, "tensorflow") or "--backend" in command:
        return command
    return f"KERAS_BACKEND={backend} {command}"


def rerun_command(snapshot: Snapshot, trial: TrialRecord) -> str | None:
    """A `lenet-tune grid` of one setting that measures as the study did, with the same seeds.

    None for a study of the report's protocol, whose trials are runs of a section: its own command runs them;
    and for a model of the user's own, which no command knows.
    """
    d = snapshot.definition
    if d.protocol != "validation":
        return None
    base = sections.BASES[DEFAULT_BASE]
    words = ["lenet-tune", "grid"]
    for name, value in trial.setting.items():
        if base.get(name, _NOTHING) != value:
            words += ["--knob", f"{name}={_typed(value)}"]
    if len(words) == 2:  # a grid needs a knob
        words += ["--knob", f"batch_size={_typed(trial.setting['batch_size'])}"]
    words += ["--train-size", str(d.train_size), "--validation-size", str(d.held_out_size)]
    words += ["--seeds", str(d.seeds)] if d.seeds != 1 else []
    words += ["--seed", str(d.seed)] if d.seed else []
    command = shlex.join([*words, *_data(d.data)])
    return again({"command": command, "backend": snapshot.manifest.get("backend")})


def _typed(value: Any) -> str:
    """A value as `--knob` takes it, in full precision."""
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _data(data: Mapping[str, Any]) -> list[str]:
    name = data.get("name")
    return [] if name in (None, "cifar10") else ["--data", str(name)]
