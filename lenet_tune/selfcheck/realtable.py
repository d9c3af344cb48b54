"""The table of real results that ships with the package: random settings of the full space, trained.

To make it again, train, then write the study as the two files beside this one:

    lenet-tune random --trials 300 --seeds 2 --train-size 2000 --validation-size 1000 --epochs 4 --name table
    python -m lenet_tune.selfcheck.realtable studies/table/study.db

A trial is a row: its number, its status (done, diverged, failed), the validation accuracy of each seed after
the last epoch, and every knob (empty where it does not count). Trials that have not
ended, or were stopped early, are left out.
"""

import csv
import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lenet_tune.errors import DataError, reason
from lenet_tune.knobs import KNOBS, Choice
from lenet_tune.records import Snapshot, TrialRecord
from lenet_tune.space import Setting

FOLDER = Path(__file__).parent
STATUSES = ("done", "diverged", "failed")
CSV, FACTS = "real_results.csv", "real_results.json"
_NAMES = tuple(knob.name for knob in KNOBS)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One trained setting.

    Args:
        accuracies: of the seeds that finished.
    """

    trial: int
    status: str
    accuracies: tuple[float, ...]
    setting: Setting


@dataclass(frozen=True, kw_only=True)
class RealTable:
    """The rows, and how they came about: data, sizes, epochs, seeds, versions, command, dates."""

    rows: tuple[Row, ...]
    facts: Mapping[str, Any]

    @property
    def done(self) -> tuple[Row, ...]:
        """The rows with an accuracy."""
        return tuple(row for row in self.rows if row.status == "done")


def shipped() -> RealTable:
    """The table that is in the package."""
    return read(FOLDER)


def read(folder: Path) -> RealTable:
    """The table in a folder.

    Raises:
        DataError: a file is missing or a row does not fit the knobs.
    """
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        lines = list(csv.DictReader(io.StringIO((folder / CSV).read_text(encoding="utf-8"))))
        return RealTable(rows=tuple(_row(line) for line in lines), facts=facts)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"The table of real results in {folder.name}/ cannot be read: {reason(error)}. "
            "Install the package again, or make the table again as its module says."
        ) from error


def write(snapshot: Snapshot, folder: Path) -> RealTable:
    """Write a study's ended trials as a table, and return it."""
    from lenet_tune.report.files import write_atomically

    trials = [trial for trial in snapshot.trials if trial.status in STATUSES]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    seeds = range(1, snapshot.definition.seeds + 1)
    writer.writerow(["trial", "status", *(f"accuracy_{i}" for i in seeds), *_NAMES])
    writer.writerows(_cells(trial) for trial in trials)
    write_atomically(folder / CSV, text.getvalue().encode())
    facts = json.dumps(_facts(snapshot, trials), indent=1) + "\n"
    write_atomically(folder / FACTS, facts.encode())
    return read(folder)


def _cells(trial: TrialRecord) -> list[str]:
    accuracies = ["" if e.accuracy is None else f"{e.accuracy:.4f}" for e in trial.searched]
    knobs = [str(trial.setting[name]) if name in trial.setting else "" for name in _NAMES]
    return [str(trial.number), trial.status, *accuracies, *knobs]


def _facts(snapshot: Snapshot, trials: list[TrialRecord]) -> dict[str, Any]:
    definition, manifest = snapshot.definition, snapshot.manifest
    proof = ("command", "commit", "versions", "backend", "device", "dtype", "platform", "started")
    return {
        "what": "validation accuracy after the last epoch of random settings of the full space",
        "data": definition.data["name"],
        "fingerprint": definition.data["fingerprint"],
        "train_size": definition.train_size,
        "validation_size": definition.held_out_size,
        "epochs": trials[0].setting["epochs"] if trials else None,
        "seeds": definition.seeds,
        "study_seed": definition.seed,
        "engine": definition.engine,
        "planned": snapshot.planned,
        "rows": {status: sum(t.status == status for t in trials) for status in STATUSES},
        **{name: manifest.get(name) for name in proof},
    }


def _row(line: Mapping[str, str]) -> Row:
    seeds = [name for name in line if name.startswith("accuracy_")]
    return Row(
        trial=int(line["trial"]),
        status=line["status"],
        accuracies=tuple(float(line[name]) for name in seeds if line[name]),
        setting={name: _value(name, line[name]) for name in _NAMES if line[name]},
    )


_DOMAINS = {knob.name: knob.domain for knob in KNOBS}


def _value(name: str, text: str) -> Any:
    domain = _DOMAINS[name]
    if not isinstance(domain, Choice):
        return float(text)
    if name == "epochs":  # the table's own, which need not be one of those that a search tries
        return int(text)
    found = [value for value in domain.values if str(value) == text]
    if not found:
        raise ValueError(f"`{name}` must be one of {domain}, but got {text!r}")
    return found[0]


if __name__ == "__main__":
    from lenet_tune.study import Study

    if len(sys.argv) != 2:
        sys.exit("usage: python -m lenet_tune.selfcheck.realtable STUDY.db")
    with Study.read(Path(sys.argv[1])) as study:
        made = write(study.snapshot(), FOLDER)
    print(f"{FOLDER / CSV}: {made.facts['rows']}")
