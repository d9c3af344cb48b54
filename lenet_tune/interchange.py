"""A snapshot as JSON and back, exactly.

The form is plain: field names are those of `records`, the epochs of an execution are stored by column, and
a float that is no finite number stands as `{"$float": "nan"}` (or "inf", "-inf"), so that the text is valid
JSON everywhere. In free mappings (settings, manifest, ...) a key that begins with "$" gets a second "$".
Tuples inside free mappings come back as lists; everything else comes back equal.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from lenet_tune.engines.base import EpochResult
from lenet_tune.errors import StudyError
from lenet_tune.records import (
    OUTCOMES,
    PURPOSES,
    Definition,
    ExecutionRecord,
    Snapshot,
    TestReading,
    TrialRecord,
)

SCHEMA = 2
_COLUMNS = ("epoch", "train_loss", "train_accuracy", "held_out_loss", "held_out_accuracy", "seconds")
_NON_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def snapshot_to_json(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as values that `json.dumps(..., allow_nan=False)` takes, keys in a fixed order."""
    return {
        "schema": SCHEMA,
        "definition": {f.name: _plain(getattr(snapshot.definition, f.name)) for f in fields(Definition)},
        "manifest": _plain(snapshot.manifest),
        "planned": snapshot.planned,
        "trials": [_trial_to_json(trial) for trial in snapshot.trials],
        "test_readings": [
            {f.name: _plain(getattr(reading, f.name)) for f in fields(TestReading)}
            for reading in snapshot.test_readings
        ],
        "best_model": _plain(snapshot.best_model),
    }


def snapshot_from_json(data: Any) -> Snapshot:
    """The snapshot that `snapshot_to_json` wrote.

    Raises:
        StudyError: anything else, naming the field.
    """
    try:
        return _read_snapshot(data)
    except RecursionError:
        raise StudyError("A study in JSON is nested too deeply to be one. Export it again.") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {("$" + k if k.startswith("$") else k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(value)}
    return value


def _trial_to_json(trial: TrialRecord) -> dict[str, Any]:
    return {
        "number": trial.number,
        "label": trial.label,
        "setting": _plain(trial.setting),
        "proposal": _plain(trial.proposal),
        "executions": [_execution_to_json(execution) for execution in trial.executions],
    }


def _execution_to_json(execution: ExecutionRecord) -> dict[str, Any]:
    # Trial and repeat of the epochs are those of the execution.
    plain = {
        f.name: _plain(getattr(execution, f.name)) for f in fields(ExecutionRecord) if f.name != "epochs"
    }
    columns = {name: [_plain(getattr(e, name)) for e in execution.epochs] for name in _COLUMNS}
    return {**plain, "epochs": columns}


def _free(value: Any) -> Any:
    # Back from `_plain`.
    if isinstance(value, dict):
        if list(value) == ["$float"] and value["$float"] in _NON_FINITE:
            return _NON_FINITE[value["$float"]]
        return {(k[1:] if k.startswith("$$") else k): _free(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_free(item) for item in value]
    return value


def _fail(where: str, rule: str, value: Any) -> StudyError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return StudyError(f"`{where}` in a study's JSON must be {rule}, but got {shown}. Export the study again.")


class _Reader:
    """The fields of one JSON object, each taken once and checked."""

    def __init__(self, data: Any, where: str, names: tuple[str, ...]):
        if not isinstance(data, dict):
            raise _fail(where, "an object", data)
        self._data, self._where = data, where
        for name in names:
            if name not in data:
                raise StudyError(f"`{self._at(name)}` is missing in a study's JSON. Export the study again.")
        for name in data:
            if name not in names:
                raise StudyError(f"`{self._at(str(name))}` in a study's JSON is unknown. Export it again.")

    def _at(self, name: str) -> str:
        return f"{self._where}.{name}".removeprefix("study.")

    def take(self, name: str, rule: str, fits: Callable[[Any], bool]) -> Any:
        value = _free(self._data[name])
        if not fits(value):
            raise _fail(self._at(name), rule, self._data[name])
        return value

    def text(self, name: str) -> str:
        return self.take(name, "text", lambda v: isinstance(v, str))

    def optional_text(self, name: str) -> str | None:
        return self.take(name, "text or null", lambda v: v is None or isinstance(v, str))

    def whole(self, name: str) -> int:
        return self.take(name, "an integer", _is_whole)

    def optional_whole(self, name: str) -> int | None:
        return self.take(name, "an integer or null", lambda v: v is None or _is_whole(v))

    def number(self, name: str) -> float:
        return self.take(name, "a number", _is_number)

    def mapping(self, name: str) -> dict[str, Any]:
        return self.take(name, "an object", lambda v: isinstance(v, dict))

    def items(self, name: str) -> list[tuple[Any, str]]:
        """The items of a list, raw, each with the name of its place."""
        if not isinstance(self._data[name], list):
            raise _fail(self._at(name), "a list", self._data[name])
        return [(item, f"{self._at(name)}[{i}]") for i, item in enumerate(self._data[name])]

    def raw(self, name: str) -> tuple[Any, str]:
        return self._data[name], self._at(name)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _names(record: type) -> tuple[str, ...]:
    return tuple(f.name for f in fields(record))


def _read_snapshot(data: Any) -> Snapshot:
    schema = data.get("schema") if isinstance(data, dict) else None
    if isinstance(data, dict) and schema != SCHEMA:
        raise StudyError(
            f"`schema` in a study's JSON must be {SCHEMA}, but got {schema!r}. "
            "Export the study again with this version of lenet-tune."
        )
    r = _Reader(data, "study", ("schema", *_names(Snapshot)))
    return Snapshot(
        definition=_read_definition(*r.raw("definition")),
        manifest=r.mapping("manifest"),
        planned=r.optional_whole("planned"),
        trials=tuple(_read_trial(*item) for item in r.items("trials")),
        test_readings=tuple(_read_test(*item) for item in r.items("test_readings")),
        best_model=r.take("best_model", "an object or null", lambda v: v is None or isinstance(v, dict)),
    )


def _read_definition(data: Any, where: str) -> Definition:
    r = _Reader(data, where, _names(Definition))
    text: dict[str, Any] = {name: r.text(name) for name in ("name", "kind", "title", "protocol", "engine")}
    whole: dict[str, Any] = {name: r.whole(name) for name in ("train_size", "held_out_size", "seed", "seeds")}
    free: dict[str, Any] = {name: r.mapping(name) for name in ("space", "data", "options")}
    stages = r.take(
        "stages", "a list of texts", lambda v: isinstance(v, list) and all(isinstance(s, str) for s in v)
    )
    return Definition(**text, **whole, **free, section=r.optional_whole("section"), stages=tuple(stages))


def _read_trial(data: Any, where: str) -> TrialRecord:
    r = _Reader(data, where, _names(TrialRecord))
    return TrialRecord(
        number=r.whole("number"),
        setting=r.mapping("setting"),
        label=r.text("label"),
        proposal=r.mapping("proposal"),
        executions=tuple(_read_execution(*item) for item in r.items("executions")),
    )


def _read_execution(data: Any, where: str) -> ExecutionRecord:
    r = _Reader(data, where, _names(ExecutionRecord))
    trial, repeat = r.whole("trial"), r.whole("repeat")
    return ExecutionRecord(
        trial=trial,
        repeat=repeat,
        seed=r.whole("seed"),
        order_seed=r.whole("order_seed"),
        outcome=r.take("outcome", f"null or one of {', '.join(OUTCOMES)}", lambda v: v in (None, *OUTCOMES)),
        error=r.optional_text("error"),
        device=r.optional_text("device"),
        seconds=r.take("seconds", "a number or null", lambda v: v is None or _is_number(v)),
        epochs=_read_epochs(*r.raw("epochs"), trial, repeat),
        purpose=r.take("purpose", f"one of {', '.join(PURPOSES)}", lambda v: v in PURPOSES),
        cohort=r.optional_whole("cohort"),
        stop_epoch=r.optional_whole("stop_epoch"),
    )


def _read_epochs(data: Any, where: str, trial: int, repeat: int) -> tuple[EpochResult, ...]:
    r = _Reader(data, where, _COLUMNS)
    columns = {
        name: r.take(name, "a list of numbers", lambda v: isinstance(v, list) and all(map(_is_number, v)))
        for name in _COLUMNS
    }
    lengths = {len(column) for column in columns.values()}
    if len(lengths) > 1:
        raise _fail(where, "columns of one length", sorted(lengths))
    if not all(map(_is_whole, columns["epoch"])):
        raise _fail(f"{where}.epoch", "a list of integers", columns["epoch"])
    rows = zip(*columns.values(), strict=True)
    return tuple(
        EpochResult(trial=trial, repeat=repeat, **dict(zip(_COLUMNS, row, strict=True))) for row in rows
    )


def _read_test(data: Any, where: str) -> TestReading:
    r = _Reader(data, where, _names(TestReading))
    return TestReading(
        trial=r.whole("trial"),
        repeat=r.whole("repeat"),
        when=r.text("when"),
        accuracy=r.number("accuracy"),
        images=r.whole("images"),
    )
