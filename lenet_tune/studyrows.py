"""What the tables of a study file hold, as records, every value checked, and records as rows.

SQLite takes any value in any column, and a file may have been altered by hand or by another program: what
does not fit is refused with its row and field, before it can reach a ranking or a path.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from lenet_tune import config
from lenet_tune.engines.base import EpochResult
from lenet_tune.errors import SettingError, StudyError
from lenet_tune.knobs import BY_NAME, DEFAULTS
from lenet_tune.records import OUTCOMES, PURPOSES, ExecutionRecord, NewTrial, TestReading, TrialRecord
from lenet_tune.space import configs
from lenet_tune.studymeta import altered, json_object, refuse

_REAL = (float, int)
_ROOMY = config.InputSpec(image_shape=(512, 512, 3), channel_mean=(0.0,) * 3, channel_std=(1.0,) * 3)
"""Images on which any single knob's value that is allowed at all makes a network."""


def insert_trials(db: sqlite3.Connection, trials: Iterable[NewTrial]) -> None:
    """Proposals with all their executions, numbered on from the last one, inside the caller's transaction."""
    count = db.execute("SELECT COUNT(*) FROM trial").fetchone()[0]
    for number, trial in enumerate(trials, start=count):
        row = (number, dumps(trial.setting), trial.label, dumps(trial.proposal))
        db.execute("INSERT INTO trial VALUES (?, ?, ?, ?)", row)
        db.executemany(
            "INSERT INTO execution (trial, repeat, seed, order_seed) VALUES (?, ?, ?, ?)",
            [(number, repeat, *seeds) for repeat, seeds in enumerate(trial.seeds)],
        )


def insert_epochs(db: sqlite3.Connection, epochs: Iterable[EpochResult]) -> None:
    """What epochs came to, inside the caller's transaction.

    SQLite turns NaN into NULL by itself and keeps infinities; a NULL reads back as NaN.
    """
    db.executemany(
        "INSERT INTO epoch VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (*e.id, e.epoch, e.train_loss, e.train_accuracy, e.held_out_loss, e.held_out_accuracy, e.seconds)
            for e in epochs
        ],
    )


def dumps(value: Any) -> str:
    """A value as it stands in a column of JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def read_trials(db: sqlite3.Connection, cohort: int | None = None) -> tuple[TrialRecord, ...]:
    """Every trial with its executions and their epochs, or those with an execution in one group."""
    epochs: dict[tuple[int, int], list[EpochResult]] = {}
    for row in _rows(db, "epoch", "trial", cohort, "trial, repeat, epoch"):
        result = epoch_result(dict(row))
        epochs.setdefault(result.id, []).append(result)
    executions: dict[int, list[ExecutionRecord]] = {}
    for row in _rows(db, "execution", "trial", cohort, "trial, repeat"):
        record = execution_record(dict(row), tuple(epochs.get((row["trial"], row["repeat"]), ())))
        executions.setdefault(record.trial, []).append(record)
    return tuple(
        trial_record(dict(row), tuple(executions.get(row["number"], ())))
        for row in _rows(db, "trial", "number", cohort, "number")
    )


def read_test_readings(db: sqlite3.Connection) -> tuple[TestReading, ...]:
    """Every look at the test images, in order."""
    return tuple(test_reading(dict(row)) for row in db.execute("SELECT * FROM test_reading ORDER BY rowid"))


def _rows(db: sqlite3.Connection, table: str, trial: str, cohort: int | None, order: str) -> sqlite3.Cursor:
    where = ""
    values: tuple[int, ...] = ()
    if cohort is not None:
        where, values = f" WHERE {trial} IN (SELECT trial FROM execution WHERE cohort = ?)", (cohort,)
    return db.execute(f"SELECT * FROM {table}{where} ORDER BY {order}", values)


def epoch_result(row: dict[str, Any]) -> EpochResult:
    """A row of `epoch`."""
    for name in ("train_accuracy", "held_out_accuracy"):
        if type(row[name]) not in _REAL or not 0 <= row[name] <= 1:
            refuse("epoch", _place(row), name, "a number in [0, 1]", row[name])
    for name in ("train_loss", "held_out_loss", "seconds"):
        # SQLite keeps NaN as NULL.
        if row[name] is None:
            row[name] = float("nan")
        elif type(row[name]) not in _REAL:
            refuse("epoch", _place(row), name, "a number", row[name])
    return EpochResult(**row)


def execution_record(row: dict[str, Any], epochs: tuple[EpochResult, ...]) -> ExecutionRecord:
    """A row of `execution` with its epochs."""
    for name in ("trial", "repeat", "seed", "order_seed"):
        if type(row[name]) is not int or row[name] < 0:
            refuse("execution", _place(row), name, "an integer of at least 0", row[name])
    for name in ("cohort", "stop_epoch"):  # not there before format 2
        if type(row.get(name)) not in (int, type(None)):
            refuse("execution", _place(row), name, "an integer or NULL", row[name])
    for name, allowed in (("outcome", (None, *OUTCOMES)), ("purpose", (*PURPOSES,))):
        if row.get(name, allowed[0]) not in allowed:
            refuse("execution", _place(row), name, f"one of {', '.join(map(str, allowed))}", row[name])
    for name in ("error", "device"):
        if type(row[name]) not in (str, type(None)):
            refuse("execution", _place(row), name, "text or NULL", row[name])
    seconds = sum(e.seconds for e in epochs) if row["outcome"] is not None else None
    return ExecutionRecord(**row, seconds=seconds, epochs=epochs)


def trial_record(row: dict[str, Any], executions: tuple[ExecutionRecord, ...]) -> TrialRecord:
    """A row of `trial` with its executions."""
    where = f"number {row['number']}"
    if type(row["label"]) is not str:
        refuse("trial", where, "label", "text", row["label"])
    if not executions:
        raise StudyError(altered(f"trial, row {where}: it must have rows in `execution`, but has none"))
    _check_setting(row["setting"], where)
    return TrialRecord(
        number=row["number"],
        setting=json_object("trial", where, "setting", row["setting"]),
        label=row["label"],
        proposal=json_object("trial", where, "proposal", row["proposal"]),
        executions=executions,
    )


def test_reading(row: dict[str, Any]) -> TestReading:
    """A row of `test_reading`."""
    where = f"trial {row['trial']}"
    if type(row["accuracy"]) not in _REAL or not 0 <= row["accuracy"] <= 1:
        refuse("test_reading", where, "accuracy", "a number in [0, 1]", row["accuracy"])
    if type(row["at"]) is not str:
        refuse("test_reading", where, "at", "text", row["at"])
    for name in ("trial", "images", "repeat"):
        if type(row.get(name, 0)) is not int:
            refuse("test_reading", where, name, "an integer", row[name])
    return TestReading(when=row.pop("at"), **row)


@lru_cache(maxsize=2**17)
def _check_setting(text: Any, where: str) -> None:
    # Cached, all of them: a search reads its trials again and again, in order.
    for name, value in json_object("trial", where, "setting", text).items():
        field = f"setting.{name}"
        if name not in BY_NAME:
            refuse("trial", where, field, f"a knob ({', '.join(BY_NAME)})", name)
        default = DEFAULTS[name]
        kinds = (int, float) if type(default) is float else (type(default),)
        if type(value) not in kinds:
            refuse("trial", where, field, f"of type {kinds[-1].__name__}", value)
        try:
            configs({"conv_bias": True, name: value}, _ROOMY)
        except SettingError as error:
            raise StudyError(altered(f"trial, row {where}: `{field}` breaks its rule: {error}")) from None


def _place(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {row[name]}" for name in ("trial", "repeat", "epoch") if name in row)
