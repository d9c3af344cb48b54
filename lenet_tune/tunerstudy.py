"""A `FusedTuner`'s project as a study, the form that pages read.

Keras Tuner keeps a trial's setting and best epoch. Beside its files lie `epochs.json` of each trial, with the
figures of every epoch, and `sittings.json` of the project: what was trained on, and the proof.
"""

import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lenet_tune import devices, manifest
from lenet_tune.engines.base import EpochResult
from lenet_tune.engines.together import Fit
from lenet_tune.errors import SettingError
from lenet_tune.fusedjobs import Trained
from lenet_tune.records import OWN_MODEL, Definition, ExecutionRecord, Snapshot, TrialRecord
from lenet_tune.report import write_page
from lenet_tune.report.files import write_atomically
from lenet_tune.studyexport import export_text
from lenet_tune.studymeta import check_name

EPOCHS, SITTINGS = "epochs.json", "sittings.json"
NOTICE = "a model of one's own, not comparable with the report"
_KINDS = {
    "RandomSearchOracle": "random",
    "GridSearchOracle": "grid",
    "BayesianOptimizationOracle": "bayes",
}
_LOGS = {
    "train_loss": "loss",
    "train_accuracy": "accuracy",
    "held_out_loss": "val_loss",
    "held_out_accuracy": "val_accuracy",
}


@contextmanager
def recorded(folder: Path, fit: Fit | None, backend: str) -> Iterator[None]:
    """Keep what a search is fitted to, and its proof, in the folder of its project.

    Args:
        fit: None where it is fitted to what is no arrays, of which there is no page.
    """
    before = _read(folder / SITTINGS) or {"data": [], "manifest": {}}
    data = [*before["data"], None if fit is None else _facts(fit)]
    proof = manifest.collect(
        before["manifest"],
        program="python",
        command=sys.argv,
        device=devices.describe(),
        backend=backend,
    )
    started, interrupted = time.monotonic(), True
    try:
        yield
        interrupted = False
    finally:
        wall = time.monotonic() - started
        proof = manifest.finish(proof, wall_seconds=wall, interrupted=interrupted)
        _write(folder / SITTINGS, {"data": data, "manifest": proof})


def keep_epochs(folder: Path, trained: Sequence[Trained], *, fused: bool) -> None:
    """Keep the epochs of a trial's executions in its folder."""
    executions = [{"logs": one.history.history, "seconds": one.seconds} for one in trained]
    _write(folder / EPOCHS, {"fused": fused, "executions": executions})


def write_report(snapshot: Snapshot, path: Path) -> Path:
    """Write a study's page and, beside it, the JSON from which `lenet-tune report` writes it again.

    Raises:
        StudyError: a file cannot be written.
    """
    write_atomically(path.with_suffix(".json"), export_text(snapshot).encode("ascii"))
    return write_page(snapshot, path)


def snapshot_of(tuner: Any, *, name: str, title: str | None, data: str, classes: Sequence[str]) -> Snapshot:
    """The trials of a tuner's project as a study.

    Args:
        tuner: a `FusedTuner`.
        name: of the study.
        title: for people; None makes one.
        data: what to call the images.
        classes: their names; numbers where there are none.

    Raises:
        SettingError: nothing was searched, or something that the page needs is not there, named.
    """
    sittings = _read(Path(tuner.project_dir) / SITTINGS)
    if sittings is None:
        raise SettingError("There is no trial to report on: call search first.")
    facts = _one(sittings["data"])
    trials = [_trial(tuner, number, trial_id) for number, trial_id in enumerate(tuner.oracle.start_order)]
    definition = _definition(tuner, facts, name, title or f"{name}: a model of one's own on {data}")
    labels = classes or [str(i) for i in range(facts["num_classes"])]
    if len(labels) != facts["num_classes"]:
        raise SettingError(
            f"`classes` must name the {facts['num_classes']} classes of the labels, but got {len(labels)}."
        )
    own = {**definition.data, "name": data, "classes": list(labels)}
    kinds = sorted({"fused" if t.proposal["fused"] else "reference" for t in trials if t.proposal})
    snapshot = Snapshot(
        definition=Definition(**{**vars(definition), "data": own, "engine": ", ".join(kinds) or "none"}),
        manifest=sittings["manifest"],
        planned=tuner.oracle.max_trials,
        trials=tuple(trials),
    )
    check_name(snapshot.definition)
    return snapshot


def _facts(fit: Fit) -> dict[str, Any]:
    """What a search is fitted to: sizes, shape, classes, fingerprint."""
    arrays = (fit.x, fit.y, *(fit.held_out or ()))
    digest = hashlib.sha256()
    for values in arrays:
        digest.update(f"{values.shape} {values.dtype}".encode())
        digest.update(np.ascontiguousarray(values).data)
    labels = arrays[1::2]
    wide = fit.y.ndim == 2 and fit.y.shape[1] > 1
    return {
        "train_size": len(fit.x),
        "held_out_size": 0 if fit.held_out is None else len(fit.held_out[0]),
        "image_shape": list(fit.x.shape[1:]),
        "num_classes": fit.y.shape[1] if wide else int(max(y.max() for y in labels)) + 1,
        "fingerprint": digest.hexdigest(),
    }


def _one(data: Sequence[dict[str, Any] | None]) -> dict[str, Any]:
    """The facts of all sittings, which must be the same."""
    first = data[0]
    if first is None or any(facts != first for facts in data):
        what = "no arrays" if None in data else "different images"
        raise SettingError(
            f"The page of a project needs one set of arrays, but its searches were given {what}. Pass numpy "
            "arrays, the same each time, or another project_name."
        )
    return first


def _definition(tuner: Any, facts: Mapping[str, Any], name: str, title: str) -> Definition:
    oracle, objective = tuner.oracle, tuner.oracle.objective
    found = {key: facts[key] for key in ("fingerprint", "image_shape", "num_classes")}
    return Definition(
        name=name,
        kind=_KINDS.get(type(oracle).__name__, "tuner"),
        title=title,
        space={hp.name: _domain(hp) for hp in oracle.get_space().space},
        section=None,
        stages=(),
        protocol=OWN_MODEL,
        data={**found, "comparable": False, "notice": NOTICE},
        train_size=facts["train_size"],
        held_out_size=facts["held_out_size"],
        seed=oracle.seed,
        seeds=tuner.executions_per_trial,
        engine="",
        options={
            "oracle": type(oracle).__name__,
            "objective": f"{objective.name} ({objective.direction})",
            "group": tuner.group,
        },
    )


def _domain(hp: Any) -> dict[str, Any]:
    """A hyper-parameter of Keras Tuner's in the form of `Space.to_json`."""
    low, high = getattr(hp, "min_value", None), getattr(hp, "max_value", None)
    if low is not None and high is not None and low < high:
        return {"range": [low, high], "log": getattr(hp, "sampling", None) == "log"}
    return {"choice": list(getattr(hp, "values", None) or [hp.default])}


def _trial(tuner: Any, number: int, trial_id: str) -> TrialRecord:
    trial = tuner.oracle.trials[trial_id]
    kept = _read(Path(tuner.get_trial_dir(trial_id)) / EPOCHS)
    hps = trial.hyperparameters
    active = {hp.name: hps.values[hp.name] for hp in hps.space if hp.name in hps.values and hps.is_active(hp)}
    if kept is None and trial.status == "COMPLETED":
        raise SettingError(
            f"Trial {trial_id} has no figures of its epochs: its hypermodel's fit must return what model.fit "
            "returns."
        )
    device = devices.describe()
    return TrialRecord(
        number=number,
        setting=active,
        label="",
        proposal={} if kept is None else {"fused": kept["fused"]},
        executions=tuple(
            _execution(trial, number, k, kept, tuner.oracle.seed + k, device)
            for k in range(tuner.executions_per_trial)
        ),
    )


def _execution(
    trial: Any, number: int, repeat: int, kept: Mapping[str, Any] | None, seed: int, device: str
) -> ExecutionRecord:
    epochs = () if kept is None else _epochs(kept["executions"][repeat], number, repeat)
    is_over = trial.status in ("COMPLETED", "FAILED", "INVALID")
    broken = "diverged" if epochs and epochs[-1].diverged else "failed"
    done = trial.status == "COMPLETED" and broken == "failed"
    outcome = None if not is_over else "done" if done else broken
    lines = (trial.message or "").strip().splitlines()
    return ExecutionRecord(
        trial=number,
        repeat=repeat,
        seed=seed,
        order_seed=seed,
        outcome=outcome,
        error=(lines[-1][:300] if lines else "no reason was given") if outcome == "failed" else None,
        device=device,
        seconds=sum(e.seconds for e in epochs) if is_over else None,
        epochs=epochs,
    )


def _epochs(kept: Mapping[str, Any], trial: int, repeat: int) -> tuple[EpochResult, ...]:
    logs = kept["logs"]
    missing = [name for name in _LOGS.values() if name not in logs]
    if missing:
        raise SettingError(
            f"The page needs {', '.join(missing)} of every epoch, which the models do not give: compile them "
            "with metrics=['accuracy'], and search with validation images."
        )
    return tuple(
        EpochResult(
            trial=trial,
            repeat=repeat,
            epoch=i + 1,
            seconds=seconds,
            **{field: logs[name][i] for field, name in _LOGS.items()},
        )
        for i, seconds in enumerate(kept["seconds"])
    )


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def _write(path: Path, value: Any) -> None:
    write_atomically(path, json.dumps(value).encode("utf-8"))
