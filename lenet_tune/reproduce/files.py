"""The folder that holds a reproduction's results, and the study that new ones go into.

Results are JSON files in `reports/NAME/`, one a study. They are committed, so a fresh clone takes them as
done. A study holds what one commit of one version trained, so every figure has one of each: a run with
another commit, or where only the JSON is there, starts the next study and adds what is missing to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lenet_tune import __version__, manifest
from lenet_tune.analysis.reproduction import settings_done
from lenet_tune.errors import StudyError
from lenet_tune.records import Snapshot
from lenet_tune.report.files import write_atomically
from lenet_tune.sections import Reading
from lenet_tune.study import Study
from lenet_tune.studyexport import compact, export_text, read_export
from lenet_tune.studyfile import FILE_NAME


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """Where a reproduction keeps its things.

    Args:
        out: folder that holds studies/ and reports/.
        name: of the reproduction.
    """

    out: Path
    name: str

    @property
    def folder(self) -> Path:
        """The folder of results."""
        return self.out / "reports" / self.name

    def page(self, reading: Reading) -> Path:
        """The page; that of another reading than the default has the reading in its name."""
        words = [f"{choice}-{option.replace('/', '-')}" for choice, option in reading.items()]
        return self.out / "reports" / f"{'-'.join([self.name, *words])}.html"

    def study(self, number: int) -> Path:
        """The file of the `number`-th study, from 1; it need not exist."""
        return self.out / "studies" / self._stem(number) / FILE_NAME

    def result(self, number: int) -> Path:
        """The results of the `number`-th study; the file need not exist."""
        return self.folder / f"{self._stem(number)}.json"

    def _stem(self, number: int) -> str:
        return self.name if number == 1 else f"{self.name}-{number}"


def results(folder: Path) -> dict[Path, Snapshot]:
    """The studies in a folder of results, by file, in order of name length and name.

    Raises:
        StudyError: a file there is no study's JSON.
    """
    paths = sorted(folder.glob("*.json"), key=lambda path: (len(path.name), path.name))
    return {path: read_export(path) for path in paths}


def stored(shelf: Shelf) -> dict[int, Snapshot]:
    """The studies of a reproduction that are on this machine, by number."""
    found = {}
    for path in sorted(shelf.out.glob(f"studies/{shelf.name}*/{FILE_NAME}")):
        tail = path.parent.name.removeprefix(shelf.name)
        number = 1 if not tail else int(tail[1:]) if tail[:1] == "-" and tail[1:].isdigit() else None
        if number is not None:
            with Study.read(path) as study:
                found[number] = study.snapshot()
    return found


def next_number(shelf: Shelf, studies: Mapping[int, Snapshot], files: Mapping[Path, Snapshot]) -> int:
    """The number of the study that new results go into: the last one where it may be, else a new one."""
    last = max(studies, default=0)
    if last and _may_grow(studies[last], files.get(shelf.result(last))):
        return last
    number = last + 1
    while shelf.result(number) in files or shelf.study(number).exists():
        number += 1
    return number


def _may_grow(study: Snapshot, result: Snapshot | None) -> bool:
    """Whether it was trained by this version and commit, and has all that its file of results has."""
    proof = study.manifest
    own = (__version__, _clean(manifest.commit()))
    same = not proof or (proof.get("versions", {}).get("lenet-tune"), _clean(proof.get("commit"))) == own
    return same and (result is None or settings_done([result]) <= settings_done([study]))


def _clean(commit: str | None) -> str | None:
    # Results written beside the code make a checkout "dirty" without changing what it does.
    return commit and commit.removesuffix("-dirty")


def write_results(shelf: Shelf, studies: Mapping[int, Snapshot]) -> None:
    """Write the finished executions of each study, except where the file there knows of more."""
    files = results(shelf.folder)
    for number, study in studies.items():
        path, done = shelf.result(number), settings_done([study])
        if done and (path not in files or settings_done([files[path]]) <= done):
            write_atomically(path, export_text(compact(study)).encode("ascii"))


def add_closing(shelf: Shelf, study: Snapshot) -> Path:
    """Put a search that answers the closing question into the folder of results.

    Raises:
        StudyError: a study that measured on the test images while it searched.
    """
    if study.definition.protocol == "report":
        raise StudyError(
            f"The study {study.definition.name} measured on the test images after every epoch, so it answers "
            "no question about the best. Pass a search: lenet-tune bayes --section 3."
        )
    name = f"closing-{study.definition.name.removeprefix('closing-')}.json"
    path = shelf.folder / name
    return write_atomically(path, export_text(study).encode("ascii"))
