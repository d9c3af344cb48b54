"""What the tables of a study file hold, as records, and records as rows."""

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from lenet_tune.engines.base import EpochResult
from lenet_tune.records import ExecutionRecord, NewTrial, TestReading, TrialRecord


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


def dumps(value: Any) -> str:
    """A value as it stands in a column of JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def read_trials(db: sqlite3.Connection, cohort: int | None = None) -> tuple[TrialRecord, ...]:
    """Every trial with its executions and their epochs, or those with an execution in one group."""
    epochs: dict[tuple[int, int], list[EpochResult]] = {}
    for row in _rows(db, "epoch", "trial", cohort, "trial, repeat, epoch"):
        result = _epoch_result(row)
        epochs.setdefault(result.id, []).append(result)
    executions: dict[int, list[ExecutionRecord]] = {}
    for row in _rows(db, "execution", "trial", cohort, "trial, repeat"):
        record = _execution_record(row, tuple(epochs.get((row["trial"], row["repeat"]), ())))
        executions.setdefault(record.trial, []).append(record)
    return tuple(
        TrialRecord(
            number=row["number"],
            setting=json.loads(row["setting"]),
            label=row["label"],
            proposal=json.loads(row["proposal"]),
            executions=tuple(executions[row["number"]]),
        )
        for row in _rows(db, "trial", "number", cohort, "number")
    )


def read_test_readings(db: sqlite3.Connection) -> tuple[TestReading, ...]:
    """Every look at the test images, in order."""
    rows = map(dict, db.execute("SELECT * FROM test_reading ORDER BY rowid"))
    return tuple(TestReading(when=row.pop("at"), **row) for row in rows)


def _rows(db: sqlite3.Connection, table: str, trial: str, cohort: int | None, order: str) -> sqlite3.Cursor:
    where, values = "", ()
    if cohort is not None:
        where, values = f" WHERE {trial} IN (SELECT trial FROM execution WHERE cohort = ?)", (cohort,)
    return db.execute(f"SELECT * FROM {table}{where} ORDER BY {order}", values)


def _epoch_result(row: sqlite3.Row) -> EpochResult:
    values: dict[str, Any] = dict(row)
    return EpochResult(**{name: float("nan") if value is None else value for name, value in values.items()})


def _execution_record(row: sqlite3.Row, epochs: tuple[EpochResult, ...]) -> ExecutionRecord:
    seconds = sum(e.seconds for e in epochs) if row["outcome"] is not None else None
    return ExecutionRecord(**dict(row), seconds=seconds, epochs=epochs)
