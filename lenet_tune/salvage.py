"""What is left of a damaged study file: kept aside, and read as far as it can be."""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lenet_tune import studymeta, studyrows
from lenet_tune.engines.base import EpochResult
from lenet_tune.errors import StudyError
from lenet_tune.records import Definition, ExecutionRecord, Snapshot, TrialRecord
from lenet_tune.studyfile import take_lock


def set_aside(path: Path) -> Path:
    """Rename a damaged study file to `.corrupt`, beside it; an earlier one is never overwritten.

    Raises:
        StudyError: the folder cannot be written. StudyInUseError: a process works on it.
    """
    lock = take_lock(path.parent)
    aside = next(p for p in _names_aside(path) if not p.exists())
    try:
        os.rename(path, aside)
        journal = Path(f"{path}-journal")
        if journal.exists():
            # It belongs to the damaged file: rolled into a new one, it would damage that too.
            os.rename(journal, f"{aside}-journal")
    except OSError as error:
        raise StudyError(f"{path} is damaged and cannot be kept aside: {error}. Move it away.") from error
    finally:
        os.close(lock)
    return aside


def _names_aside(path: Path) -> Iterator[Path]:
    yield Path(f"{path}.corrupt")
    number = 2
    while True:
        yield Path(f"{path}.corrupt-{number}")
        number += 1


def readable(path: Path) -> Snapshot:
    """The trials of a damaged file that are whole, with a notice that says so; the file is not touched.

    A trial whose epochs have a hole would get a wrong score: it counts as unreadable.

    Raises:
        StudyError: not even what the study was can be read.
    """
    try:
        # immutable: neither locks nor rolls back a journal, so nothing is written.
        address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as db:
            db.row_factory = sqlite3.Row
            # Else SQLite refuses the whole of a file that is shorter than its header says.
            db.execute("PRAGMA writable_schema = ON")
            db.text_factory = lambda data: data.decode("utf-8", "replace")
            meta = {row["key"]: row["value"] for row in _rows(db, "meta")}
            definition = studymeta.definition_record(_json(meta.get("definition")))
            trials, seen = _whole_trials(db, definition.seeds)
            readings = tuple(_valid(studyrows.test_reading, _rows(db, "test_reading")))
    except (sqlite3.Error, StudyError) as error:
        reason = "what it was a study of is lost" if isinstance(error, StudyError) else str(error)
        raise StudyError(f"Nothing can be read of the damaged study file {path}: {reason}.") from error
    notice = f"read from a damaged study file: {len(trials)} whole trials of the {seen} that it names"
    manifest, planned = _json(meta.get("manifest")), _json(meta.get("planned"))
    return Snapshot(
        definition=_noticed(definition, notice),
        manifest=manifest if isinstance(manifest, dict) else {},
        planned=planned if isinstance(planned, int) else None,
        trials=trials,
        test_readings=readings,
    )


def _noticed(definition: Definition, notice: str) -> Definition:
    both = "; ".join(filter(None, (definition.notice, notice)))
    return replace(definition, data={**definition.data, "notice": both})


def _rows(db: sqlite3.Connection, table: str) -> list[sqlite3.Row]:
    """The rows that can be reached from either end of a table, in order."""
    found: dict[int, sqlite3.Row] = {}
    for direction in ("ASC", "DESC"):
        try:
            rows = db.execute(
                f"SELECT rowid AS at_row, * FROM {table} NOT INDEXED ORDER BY rowid {direction}"
            )
            for row in rows:
                found.setdefault(row["at_row"], row)
        except (sqlite3.Error, UnicodeError):
            continue  # a bad page: what lies behind it may be reached from the other end
    return [found[number] for number in sorted(found)]


def _valid(read: Any, rows: list[sqlite3.Row]) -> Iterator[Any]:
    for row in rows:
        try:
            yield read(_without_rowid(row))
        except (StudyError, KeyError, TypeError, IndexError):
            continue


def _without_rowid(row: sqlite3.Row) -> dict[str, Any]:
    return {name: row[name] for name in row.keys() if name != "at_row"}  # noqa: SIM118


def _json(text: Any) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None


def _whole_trials(db: sqlite3.Connection, seeds: int) -> tuple[tuple[TrialRecord, ...], int]:
    """(whole trials, how many the file names)."""
    epochs: dict[tuple[int, int], list[EpochResult]] = {}
    for result in _valid(studyrows.epoch_result, _rows(db, "epoch")):
        epochs.setdefault(result.id, []).append(result)

    def execution(row: dict[str, Any]) -> ExecutionRecord:
        own = sorted(epochs.get((row["trial"], row["repeat"]), ()), key=lambda e: e.epoch)
        return studyrows.execution_record(row, tuple(own))

    executions: dict[int, list[ExecutionRecord]] = {}
    for record in _valid(execution, _rows(db, "execution")):
        executions.setdefault(record.trial, []).append(record)

    def trial(row: dict[str, Any]) -> TrialRecord:
        own = sorted(executions.get(row["number"], ()), key=lambda e: e.repeat)
        return studyrows.trial_record(row, tuple(own))

    rows = _rows(db, "trial")
    whole = tuple(t for t in _valid(trial, rows) if _is_whole(t, seeds))
    named = {row["number"] for row in rows} | set(executions) | {trial for trial, _ in epochs}
    return whole, len(named)


def _is_whole(trial: TrialRecord, seeds: int) -> bool:
    for execution in trial.executions:
        numbers = [e.epoch for e in execution.epochs]
        if numbers and numbers != list(range(numbers[0], numbers[0] + len(numbers))):
            return False
        if execution.outcome == "done" and numbers[-1:] != [trial.setting.get("epochs")]:
            return False
    return len(trial.executions) >= seeds
