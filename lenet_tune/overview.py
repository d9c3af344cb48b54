"""What a study takes on disk, and how to go on with it: the facts behind `lenet-tune study`."""

import shlex
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from lenet_tune import analysis
from lenet_tune.progress import duration
from lenet_tune.records import Snapshot
from lenet_tune.studyfile import as_study_error, connect


@dataclass(frozen=True, kw_only=True)
class DiskUse:
    """Bytes of a study file, and of the checkpoints in it; `trials` are those whose weights are kept."""

    total: int
    checkpoints: int
    trials: tuple[int, ...]


def disk_use(path: Path) -> DiskUse:
    """Measure a study file, without changing it.

    Raises:
        StudyError: it cannot be read.
    """
    with as_study_error(path), closing(connect(path)) as db:
        rows = db.execute("SELECT trial, SUM(LENGTH(arrays)) FROM checkpoint GROUP BY trial ORDER BY trial")
        sizes = dict(map(tuple, rows))
        return DiskUse(total=path.stat().st_size, checkpoints=sum(sizes.values()), trials=tuple(sizes))


def facts(snapshot: Snapshot, path: Path, use: DiskUse) -> Iterator[tuple[str, str]]:
    """(name, text) of each line of the overview."""
    definition = snapshot.definition
    yield "study", f"{definition.name}: {definition.title}"
    if definition.notice:
        yield "note", definition.notice
    yield "state", analysis.state(snapshot)
    counts = Counter(trial.status for trial in snapshot.trials)
    planned = "" if snapshot.planned is None else f" of {snapshot.planned}"
    yield "trials", f"{len(snapshot.trials)}{planned}: " + ", ".join(f"{n} {s}" for s, n in counts.items())
    yield "trained", f"{duration(sum(t.seconds for t in snapshot.trials))} in {_sessions(snapshot)}"
    if words := analysis.model_words(snapshot):
        yield "best", words
    kept = f", the weights of {_listed(use.trials)}" if use.trials else ""
    yield "on disk", f"{path}: {_size(use.total)}, {_size(use.checkpoints)} of it checkpoints{kept}"
    yield "keeps", "every epoch's figures; in the end the weights of the leading trials only"
    yield "go on", f"lenet-tune resume {shlex.quote(str(path.parent))}"


def _sessions(snapshot: Snapshot) -> str:
    count = len(snapshot.manifest.get("sessions", ()))
    return f"{count} session{'' if count == 1 else 's'}"


def _listed(trials: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, trials[:8])) + (", ..." if len(trials) > 8 else "")
    return f"trial{'' if len(trials) == 1 else 's'} {shown}"


def _size(count: int) -> str:
    return f"{count / 2**20:,.1f} MiB" if count >= 2**20 else f"{count / 2**10:,.0f} KiB"
