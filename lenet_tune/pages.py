"""The pages of a folder of studies: one a study, and an index over all of them."""

from pathlib import Path

from lenet_tune.errors import LeNetTuneError
from lenet_tune.records import Snapshot
from lenet_tune.report import write_index, write_page
from lenet_tune.study import Study
from lenet_tune.studyexport import read_export
from lenet_tune.studyfile import FILE_NAME


def write_study(snapshot: Snapshot, out: Path) -> Path:
    """Write a study's page and the index anew; returns the page's path.

    Raises:
        StudyError: a file cannot be written; the one that was there stays.
    """
    page = write_page(snapshot, out / "reports" / f"{snapshot.definition.name}.html")
    write_index(found(out), out / "reports")
    return page


def write_all(out: Path) -> list[Path]:
    """Write the page of every study that can be read, and the index; returns their paths.

    Raises:
        StudyError: a file cannot be written.
    """
    folder, studies = out / "reports", found(out)
    pages = [write_page(snapshot, folder / f"{name}.html") for name, snapshot in sorted(studies.items())]
    return [*pages, write_index(studies, folder)]


def found(out: Path) -> dict[str, Snapshot]:
    """The studies of a folder by name: the study files, and exports beside the pages of studies elsewhere.

    What cannot be read is left out: it must not keep the others from their pages.
    """
    studies: dict[str, Snapshot] = {}
    for path in sorted((out / "reports").glob("*.json")):
        try:
            studies[path.stem] = read_export(path)
        except LeNetTuneError:
            continue  # figures of something else, or a damaged export
    for path in sorted(out.glob(f"studies/*/{FILE_NAME}")):
        try:
            with Study.read(path) as study:
                studies[path.parent.name] = study.snapshot()
        except LeNetTuneError:
            continue
    return studies
