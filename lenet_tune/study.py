"""The store: one SQLite file a study, the only truth about it.

Everything that changes together changes in one transaction: a batch of proposals; the epochs of a group
with the checkpoints behind them; the end of an execution with its weights. A process killed at any moment
leaves the last commit, and what has no outcome is left to do.
"""

import dataclasses
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from lenet_tune.engines.base import Checkpoint, EpochResult
from lenet_tune.errors import StudyError
from lenet_tune.records import (
    Definition,
    Ending,
    NewExecution,
    NewTrial,
    Snapshot,
    TestReading,
    TrialRecord,
)
from lenet_tune.studyfile import (
    FILE_NAME,
    as_study_error,
    connect,
    create_tables,
    open_file,
    pack,
    take_lock,
    transaction,
    unpack,
)
from lenet_tune.studymeta import definition_record, meta_value
from lenet_tune.studyrows import dumps, insert_epochs, insert_trials, read_test_readings, read_trials


class Study:
    """An open study file. Use `create`, `open` or `read`, and close it (or use it in a `with`)."""

    def __init__(self, path: Path, connection: sqlite3.Connection, lock: int | None) -> None:
        self.path = path
        self._db = connection
        self._lock = lock

    # Opening

    @classmethod
    def create(
        cls, folder: Path, definition: Definition, *, planned: int | None, source: str | None
    ) -> "Study":
        """A new study in `folder`; `source` is where its data came from, for resuming.

        Raises:
            StudyError: the folder cannot be written. StudyInUseError: another process has the study.
        """
        path = folder / FILE_NAME
        with as_study_error(path):
            folder.mkdir(parents=True, exist_ok=True)
            study = cls._under(take_lock(folder), path, connect)
            try:
                # The file shrinks as checkpoints go, instead of staying as large as it ever was.
                study._db.execute("PRAGMA auto_vacuum = FULL")
                with study._transaction() as db:
                    create_tables(db)
                    study._put(db, "definition", dataclasses.asdict(definition))
                    study._put(db, "planned", planned)
                    study._put(db, "source", source)
                    study._put(db, "manifest", {})
            except BaseException:
                study.close()
                raise
        return study

    @classmethod
    def open(cls, path: Path) -> "Study":
        """An existing study, for going on: no other process may have it open so.

        Raises:
            StudyError: missing, damaged, or written by a newer release. StudyInUseError: locked.
        """
        return cls._open(path, locked=True)

    @classmethod
    def read(cls, path: Path) -> "Study":
        """An existing study, for reading, also while a search runs on it."""
        return cls._open(path, locked=False)

    @classmethod
    def _open(cls, path: Path, *, locked: bool) -> "Study":
        with as_study_error(path):
            if not path.is_file():
                raise StudyError(f"There is no study file {path}. `lenet-tune studies` lists what is there.")
            lock = take_lock(path.parent) if locked else None
            return cls._under(lock, path, partial(open_file, upgrade=locked))

    @classmethod
    def _under(
        cls, lock: int | None, path: Path, connection: Callable[[Path], sqlite3.Connection]
    ) -> "Study":
        """The study under a lock, which is let go of if its file cannot be opened."""
        try:
            return cls(path, connection(path), lock)
        except BaseException:
            if lock is not None:
                os.close(lock)
            raise

    def close(self) -> None:
        """Close the file and let others open it."""
        self._db.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # Facts about the study

    @property
    def definition(self) -> Definition:
        """What makes this study this study."""
        return definition_record(self._get("definition"))

    @property
    def planned(self) -> int | None:
        """Trials asked for; None where the oracle decides."""
        return self._get("planned")

    @property
    def source(self) -> str | None:
        """Where the data came from: a name, a path, or None for the default."""
        return self._get("source")

    @property
    def manifest(self) -> dict[str, Any]:
        """The proof behind the figures, as `manifest.collect` gives it."""
        return self._get("manifest")

    def set_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest."""
        with self._transaction() as db:
            self._put(db, "manifest", manifest)

    @property
    def channel_statistics(self) -> dict[str, tuple[float, ...]]:
        """`channel_mean` and `channel_std` of the training images, as `InputSpec` takes them."""
        return {name: tuple(values) for name, values in (self._get("channel_statistics") or {}).items()}

    def set_channel_statistics(self, mean: Sequence[float], std: Sequence[float]) -> None:
        """Keep what a standardizing network needs, so that it can be rebuilt without the data."""
        with self._transaction() as db:
            self._put(db, "channel_statistics", {"channel_mean": mean, "channel_std": std})

    def set_planned(self, planned: int) -> None:
        """Ask for another number of trials."""
        with self._transaction() as db:
            self._put(db, "planned", planned)

    def set_best_model(self, figures: Mapping[str, Any], readings: Iterable[TestReading]) -> None:
        """Keep the figures of the best model, and the looks at the test images that were taken with them."""
        with self._transaction() as db:
            self._put(db, "best_model", figures)
            for r in readings:
                values = (r.trial, r.when, r.accuracy, r.images, r.repeat)
                db.execute("INSERT INTO test_reading VALUES (?, ?, ?, ?, ?)", values)

    # Trials

    def add_trials(self, trials: Iterable[NewTrial]) -> None:
        """Store proposals with all their executions, numbered on from the last one."""
        with self._transaction() as db:
            insert_trials(db, trials)

    def add_executions(self, executions: Iterable[NewExecution], trials: Iterable[NewTrial] = ()) -> None:
        """Store further executions of trials that are there, or of `trials`, which are stored before."""
        with self._transaction() as db:
            insert_trials(db, trials)
            db.executemany(
                "INSERT INTO execution (trial, repeat, seed, order_seed, purpose) VALUES (?, ?, ?, ?, ?)",
                [(e.trial, e.repeat, e.seed, e.order_seed, e.purpose) for e in executions],
            )

    def form_cohorts(self, groups: Iterable[Sequence[tuple[int, int]]]) -> None:
        """Remember which executions, by (trial, repeat), train together; groups are numbered on."""
        with self._transaction() as db:
            first = db.execute("SELECT COALESCE(MAX(cohort) + 1, 0) FROM execution").fetchone()[0]
            for cohort, group in enumerate(groups, start=first):
                db.executemany(
                    "UPDATE execution SET cohort = ? WHERE trial = ? AND repeat = ?",
                    [(cohort, *identity) for identity in group],
                )

    def record(
        self,
        epochs: Iterable[EpochResult],
        *,
        checkpoints: Mapping[tuple[int, int], Checkpoint] | None = None,
        endings: Iterable[Ending] = (),
        audited: Mapping[tuple[int, int], int] | None = None,
        device: str | None = None,
    ) -> None:
        """Store epochs, the checkpoints after them and the ends of executions, all or nothing.

        `audited` are executions that train on although the stopping rule is against them since that epoch.
        """
        with self._transaction() as db:
            insert_epochs(db, epochs)
            for identity, state in (checkpoints or {}).items():
                values = (*identity, state.epoch, pack(state))
                db.execute("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?)", values)
            for end in endings:
                db.execute(
                    "UPDATE execution SET outcome = ?, error = ?, device = ?,"
                    " stop_epoch = COALESCE(stop_epoch, ?) WHERE trial = ? AND repeat = ?",
                    (end.outcome, end.error, device, end.stop_epoch, end.trial, end.repeat),
                )
            db.executemany(
                "UPDATE execution SET stop_epoch = COALESCE(stop_epoch, ?) WHERE trial = ? AND repeat = ?",
                [(epoch, *identity) for identity, epoch in (audited or {}).items()],
            )

    def rewind(self, only: Iterable[tuple[int, int]] | None = None) -> None:
        """Forget what unfinished executions, or `only` these, did after their checkpoints: it comes again."""
        forget = (
            "DELETE FROM epoch WHERE EXISTS (SELECT 1 FROM execution x WHERE x.trial = epoch.trial"
            " AND x.repeat = epoch.repeat AND x.outcome IS NULL) AND epoch > COALESCE((SELECT c.epoch"
            " FROM checkpoint c WHERE c.trial = epoch.trial AND c.repeat = epoch.repeat), 0)"
        )
        one = "" if only is None else " AND trial = ? AND repeat = ?"
        with self._transaction() as db:
            db.executemany(forget + one, [()] if only is None else only)

    def accuracies_at(self, epoch: int) -> dict[tuple[int, int], float]:
        """Held-out accuracy after an epoch of every execution of the search that has got so far."""
        with as_study_error(self.path):
            rows = self._db.execute(
                "SELECT trial, repeat, held_out_accuracy FROM epoch JOIN execution USING (trial, repeat)"
                " WHERE epoch = ? AND purpose = 'search'",
                (epoch,),
            )
            return {(trial, repeat): accuracy for trial, repeat, accuracy in rows}

    def checkpoint(self, trial: int, repeat: int) -> Checkpoint | None:
        """The kept state of an execution, where there is one."""
        with as_study_error(self.path):
            row = self._db.execute(
                "SELECT epoch, arrays FROM checkpoint WHERE trial = ? AND repeat = ?", (trial, repeat)
            ).fetchone()
        return None if row is None else unpack(*row)

    def keep_checkpoints(self, trials: Iterable[int]) -> None:
        """Drop the checkpoints of ended trials, except those of `trials`.

        A trial with executions to come keeps all of its own: it may still turn out the best.
        """
        kept = ",".join(str(int(number)) for number in trials)
        with self._transaction() as db:
            db.execute(
                f"DELETE FROM checkpoint WHERE trial NOT IN ({kept}) AND NOT EXISTS"
                " (SELECT 1 FROM execution x WHERE x.trial = checkpoint.trial AND x.outcome IS NULL)"
            )

    def open_cohorts(self, purpose: str) -> list[int]:
        """Numbers of the groups that have executions of a purpose without an outcome, in order."""
        with as_study_error(self.path):
            rows = self._db.execute(
                "SELECT DISTINCT cohort FROM execution WHERE outcome IS NULL AND cohort IS NOT NULL"
                " AND purpose = ? ORDER BY cohort",
                (purpose,),
            )
            return [row["cohort"] for row in rows]

    def unended(self, trials: Iterable[int]) -> list[tuple[int, int]]:
        """(trial, repeat) of the search's executions of `trials` that have not ended."""
        chosen = ",".join(str(int(number)) for number in trials)
        with as_study_error(self.path):
            rows = self._db.execute(
                f"SELECT trial, repeat FROM execution WHERE trial IN ({chosen}) AND outcome IS NULL"
                " AND purpose = 'search' ORDER BY trial, repeat"
            )
            return [tuple(row) for row in rows]

    def trials(self, *, cohort: int | None = None) -> tuple[TrialRecord, ...]:
        """Every trial with its executions and their epochs, or those with an execution in one group."""
        with as_study_error(self.path):
            return read_trials(self._db, cohort)

    def snapshot(self) -> Snapshot:
        """The whole study but its weights."""
        with as_study_error(self.path):
            readings = read_test_readings(self._db)
        return Snapshot(
            definition=self.definition,
            manifest=self.manifest,
            planned=self.planned,
            trials=self.trials(),
            test_readings=readings,
            best_model=self._get("best_model"),
        )

    # Inside

    def _get(self, key: str) -> Any:
        with as_study_error(self.path):
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else meta_value(key, row["value"])

    @staticmethod
    def _put(db: sqlite3.Connection, key: str, value: Any) -> None:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, dumps(value)))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with as_study_error(self.path), transaction(self._db) as db:
            yield db
