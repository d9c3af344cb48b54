"""`reports/index.html`: every study of a folder and its page, the latest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lenet_tune import analysis
from lenet_tune.analysis.confirmation import interval
from lenet_tune.analysis.text import NONE, duration, percent
from lenet_tune.records import Snapshot
from lenet_tune.report.files import write_atomically
from lenet_tune.report.live import page_data
from lenet_tune.report.page import rendered

NAME = "index.html"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the index.

    Args:
        href: of its page beside the index; None where it has none yet.
        cells: under `COLUMNS`, after the name.
    """

    name: str
    href: str | None
    cells: tuple[str, ...]


COLUMNS = ("study", "what it is", "state", "trials", "best", "on fresh seeds", "trained", "begun (UTC)")


def write_index(studies: Mapping[str, Snapshot], folder: Path) -> Path:
    """Write the index of the studies and of every other page in the folder of reports.

    Raises:
        StudyError: the file cannot be written.
    """
    return write_atomically(folder / NAME, render_index(studies, _pages(folder)).encode("utf-8"))


def render_index(studies: Mapping[str, Snapshot], pages: Sequence[str]) -> str:
    """The index; the same studies and page names give the same text."""
    order = sorted(studies.items(), key=lambda item: (_begun(item[1]), item[0]), reverse=True)
    entries = tuple(_entry(name, snapshot, pages) for name, snapshot in order)
    known = {entry.href for entry in entries}
    others = tuple((page, quote(page)) for page in pages if quote(page) not in known)
    parts: dict[str, Any] = {
        "title": "Studies of LeNet-style networks",
        "state": "1 study" if len(entries) == 1 else f"{len(entries)} studies",
        "notice": None,
        "columns": COLUMNS,
        "entries": entries,
        "others": others,
        "contents": (),
    }
    return rendered("index.html", {**parts, "data": page_data(parts)})


def _pages(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.html") if path.name != NAME)


def _begun(snapshot: Snapshot) -> str:
    return str(snapshot.manifest.get("started") or "")


def _entry(name: str, snapshot: Snapshot, pages: Sequence[str]) -> Entry:
    page, best = f"{name}.html", snapshot.best
    standing = snapshot.standing
    fresh = NONE if standing is None else interval(standing.estimates[standing.leader])
    notice = snapshot.definition.notice
    cells = (
        snapshot.definition.title + (f" [{notice}]" if notice else ""),
        analysis.state(snapshot),
        str(len(snapshot.trials)),
        NONE if best is None or best.score is None else f"{percent(best.score)} (trial {best.number})",
        fresh,
        duration(sum(trial.seconds for trial in snapshot.trials)),
        _begun(snapshot)[:16].replace("T", " ") or NONE,
    )
    return Entry(name=name, href=quote(page) if page in pages else None, cells=cells)
