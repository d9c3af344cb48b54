"""Studies as JSON files: small enough to be committed, and all that pages need."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from lenet_tune.engines.base import EpochResult
from lenet_tune.errors import StudyError, reason
from lenet_tune.interchange import snapshot_from_json, snapshot_to_json
from lenet_tune.records import ExecutionRecord, Snapshot, TrialRecord

_DIGITS = {"train_loss": 5, "held_out_loss": 5, "train_accuracy": 6, "held_out_accuracy": 6, "seconds": 3}


def read_export(path: Path) -> Snapshot:
    """The study that a JSON file holds.

    Raises:
        StudyError: a file that is missing, no JSON, or no study.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(
            f"{path} cannot be read as a study's JSON: {reason(error)}. `lenet-tune export STUDY` writes one."
        ) from error
    return snapshot_from_json(data)


def export_text(snapshot: Snapshot) -> str:
    """The study as JSON, a line a trial, so that a later version of the file differs by lines."""
    data = snapshot_to_json(snapshot)
    trials = ",\n".join(map(_dumps, data.pop("trials")))
    head = _dumps(data)
    return f'{head[:-1]},"trials":[\n{trials}\n]}}\n'


def _dumps(value: object) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))


def compact(snapshot: Snapshot) -> Snapshot:
    """The finished executions of a study, figures rounded to what they mean.

    Losses keep five significant digits, accuracies six (exact for up to 100,000 images), times three. The
    figures of a model stay when its trial was proposed to be shown.
    """
    trials = tuple(t for trial in snapshot.trials if (t := _finished(trial)).executions)
    shown = next((t.number for t in trials if t.proposal.get("shown")), None)
    model = snapshot.best_model
    keep = model is not None and model["trial"] == shown
    return replace(snapshot, trials=trials, best_model=model if keep else None)


def _finished(trial: TrialRecord) -> TrialRecord:
    return replace(trial, executions=tuple(_rounded(e) for e in trial.executions if e.outcome is not None))


def _rounded(execution: ExecutionRecord) -> ExecutionRecord:
    def rounded(epoch: EpochResult) -> dict[str, Any]:
        return {name: _round(getattr(epoch, name), digits) for name, digits in _DIGITS.items()}

    epochs = tuple(replace(epoch, **rounded(epoch)) for epoch in execution.epochs)
    seconds = execution.seconds
    return replace(execution, epochs=epochs, seconds=None if seconds is None else _round(seconds, 3))


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}") if math.isfinite(value) else value
