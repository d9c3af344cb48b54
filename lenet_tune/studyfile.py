"""The file under a study: its schema, its lock, and checkpoints as bytes."""

import errno
import fcntl
import io
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np

from lenet_tune.engines.base import Checkpoint
from lenet_tune.errors import DamagedStudyError, StudyError, StudyInUseError, reason
from lenet_tune.interrupts import unbroken

SCHEMA_VERSION = 2
FILE_NAME = "study.db"
HOLDER_TRIES = 20  # for 50 ms each
SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE trial (
    number INTEGER PRIMARY KEY, setting TEXT NOT NULL, label TEXT NOT NULL, proposal TEXT NOT NULL);
CREATE TABLE execution (
    trial INTEGER NOT NULL REFERENCES trial, repeat INTEGER NOT NULL,
    seed INTEGER NOT NULL, order_seed INTEGER NOT NULL,
    outcome TEXT CHECK (outcome IN ('done', 'diverged', 'failed', 'stopped')), error TEXT, device TEXT,
    purpose TEXT NOT NULL DEFAULT 'search' CHECK (purpose IN ('search', 'confirm')),
    cohort INTEGER, stop_epoch INTEGER,
    PRIMARY KEY (trial, repeat));
CREATE TABLE epoch (
    trial INTEGER NOT NULL, repeat INTEGER NOT NULL, epoch INTEGER NOT NULL,
    train_loss REAL, train_accuracy REAL NOT NULL, held_out_loss REAL, held_out_accuracy REAL NOT NULL,
    seconds REAL NOT NULL,
    PRIMARY KEY (trial, repeat, epoch), FOREIGN KEY (trial, repeat) REFERENCES execution);
CREATE TABLE checkpoint (
    trial INTEGER NOT NULL, repeat INTEGER NOT NULL, epoch INTEGER NOT NULL, arrays BLOB NOT NULL,
    PRIMARY KEY (trial, repeat), FOREIGN KEY (trial, repeat) REFERENCES execution);
CREATE TABLE test_reading (
    trial INTEGER NOT NULL, at TEXT NOT NULL, accuracy REAL NOT NULL, images INTEGER NOT NULL,
    repeat INTEGER NOT NULL DEFAULT 0);
"""
UPGRADES = {
    1: (
        "ALTER TABLE execution ADD COLUMN purpose TEXT NOT NULL DEFAULT 'search'",
        "ALTER TABLE execution ADD COLUMN cohort INTEGER",
        "ALTER TABLE execution ADD COLUMN stop_epoch INTEGER",
        "ALTER TABLE test_reading ADD COLUMN repeat INTEGER NOT NULL DEFAULT 0",
    ),
}
"""What turns a file of a format into the next one; an older format knows no stopped executions."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection that leaves transactions to its user."""
    db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    db.row_factory = sqlite3.Row
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA synchronous = FULL")
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """What is done in it is done whole or not at all; a signal to stop waits for its end."""
    with unbroken():
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            # A full disk has SQLite roll back by itself.
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise


def create_tables(db: sqlite3.Connection) -> None:
    """The tables of a new study, inside the caller's transaction."""
    for statement in SCHEMA.split(";\n"):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def open_file(path: Path, *, upgrade: bool) -> sqlite3.Connection:
    """A connection to an existing study file.

    Args:
        upgrade: whether to bring an older file to the present format; one that is only read stays as it is.

    Raises:
        StudyError: no study file, or one of a newer release.
    """
    db = connect(path)
    try:
        _bring_up(db, path, upgrade=upgrade)
    except BaseException:
        db.close()
        raise
    return db


def _bring_up(db: sqlite3.Connection, path: Path, *, upgrade: bool) -> None:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise StudyError(
            f"{path} has study format {version}, and this release reads up to {SCHEMA_VERSION}: "
            "update lenet-tune."
        )
    if version == 0:
        raise DamagedStudyError(path, "it is empty, or no study file")
    for older in range(version, SCHEMA_VERSION if upgrade else version):
        with transaction(db):
            for statement in UPGRADES[older]:
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {older + 1}")
    if (upgrade or version == SCHEMA_VERSION) and columns(db) != study_columns():
        raise DamagedStudyError(path, "its tables are not those of a study")
    # A search must not find out after hours that a page of its file is bad.
    if upgrade and (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise DamagedStudyError(path, found)


def take_lock(folder: Path) -> int:
    """Lock the study in `folder` for this process; closing the returned descriptor unlocks it."""
    # flock ends with its process, however that dies, so no stale lock has to be judged.
    lock = os.open(folder / "study.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _holder(lock)
        os.close(lock)
        raise StudyInUseError(
            f"The study {folder.name} is in use by {holder}: wait for it, or choose another --name."
        ) from None
    text = f"pid {os.getpid()} since {datetime.now(UTC):%Y-%m-%d %H:%M} UTC".encode()
    try:
        os.truncate(lock, os.pwrite(lock, text, 0))
    except OSError:
        os.close(lock)
        raise
    return lock


def _holder(lock: int) -> str:
    """Who holds a lock, in words: its holder writes its name just after it has got it."""
    for _ in range(HOLDER_TRIES):
        if text := os.pread(lock, 200, 0).decode(errors="replace").strip():
            return text
        time.sleep(0.05)
    return "another process"


def holds_nothing(path: Path) -> bool:
    """Whether there is no study file, or one whose making was cut short before its first commit.

    Raises:
        StudyError: something is there that cannot be read.
    """
    if not path.is_file():
        return True
    with as_study_error(path):
        db = connect(path)
        try:
            return not db.execute("SELECT 1 FROM sqlite_master").fetchone()
        finally:
            db.close()


def check_writable(folder: Path) -> None:
    """Make `folder` and try a file in it, so that a search does not find out after hours.

    Raises:
        StudyError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StudyError(
            f"{folder} cannot be written: {reason(error)}. Name another place with --out."
        ) from error


def columns(db: sqlite3.Connection) -> dict[str, list[str]]:
    """The columns of every table."""
    tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return {
        table: [row[0] for row in db.execute("SELECT name FROM pragma_table_info(?)", (table,))]
        for table in sorted(tables)
    }


@cache
def study_columns() -> dict[str, list[str]]:
    """The columns that a study file has."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(SCHEMA)
        return columns(db)


@contextmanager
def as_study_error(path: Path) -> Iterator[None]:
    """Turn what goes wrong with the file into one line about it."""
    try:
        yield
    except (sqlite3.Error, OSError, json.JSONDecodeError, LookupError, UnicodeError) as error:
        raise _told(path, error) from error


def _told(path: Path, error: Exception) -> StudyError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return DamagedStudyError(path, error)
    if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR) or getattr(error, "errno", 0) in _NO_SPACE:
        return StudyError(
            f"The study file {path} cannot be written: {error}. Everything stored before is safe: make room "
            "there and run the same command again."
        )
    return StudyError(f"The study file {path} cannot be used: {error}. What it holds was not changed.")


_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def pack(state: Checkpoint) -> bytes:
    """A checkpoint's arrays as an uncompressed `.npz`."""
    buffer = io.BytesIO()
    arrays = {f"w{i}": a for i, a in enumerate(state.weights)}
    arrays |= {f"v{i}": a for i, a in enumerate(state.velocities)}
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def unpack(epoch: int, data: bytes) -> Checkpoint:
    """The checkpoint that `pack` wrote."""
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        groups = {
            letter: tuple(arrays[f"{letter}{i}"] for i in range(sum(n[0] == letter for n in arrays.files)))
            for letter in "wv"
        }
    return Checkpoint(epoch=epoch, weights=groups["w"], velocities=groups["v"])


def find_study(name: str, out: Path) -> Path:
    """The study file that a name, a folder or a path stands for; it need not exist."""
    stored = out / "studies" / name / FILE_NAME
    return next((path for path in (Path(name), Path(name) / FILE_NAME) if os.path.isfile(path)), stored)
