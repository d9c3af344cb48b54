"""Kill real searches at random moments, resume them, and compare them with one that was left alone.

    python -m tests.faults.kill_harness --kind bayes --engine fused --kills 50 --seed 1 --out result.json

Every run is a `lenet-tune` process of its own on small drawn images. A study is started, killed with
SIGKILL at a random moment of its life (start-up, epochs, proposals, commits), started again with the same
command, and so on until it ends; then another study begins, until all kills are spent. After each kill the
study file is copied, so that what it held can be looked for at the end: an epoch that is missing was lost,
one whose training time changed was trained again.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lenet_tune.data.shapes import CLASSES, make_shapes
from lenet_tune.errors import StudyError
from lenet_tune.interchange import snapshot_to_json
from lenet_tune.records import Snapshot
from lenet_tune.study import Study

ROOT = Path(__file__).parents[2]
NAME = "killed"
SPACES = {
    "grid": ("learning_rate=0.01,0.03", "momentum=0,0.9"),
    "random": ("learning_rate=0.001..0.1", "momentum=0..0.9", "filters=6,8"),
    "bayes": ("learning_rate=0.001..0.1", "momentum=0..0.9", "filters=6,8"),
}
_MORE = ("--confirm", "2", "--start", "none")
FIXED = ("batch_size=32", "depth=2", "kernel_size=3", "padding=same")


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is killed.

    Args:
        trials: of a random or Bayesian search; a grid has four points for each number of epochs.
        epochs: numbers of epochs to choose from; several let members of a group end at different times.
        train_size: images.
        commit_share: part of the kills that wait for the next write to the study file, so that some fall
            into commits, which are a small part of a run's life.
    """

    kind: str
    engine: str
    backend: str = "tensorflow"
    kills: int = 50
    seed: int = 0
    trials: int = 8
    epochs: str = "2,4"
    train_size: int = 600
    commit_share: float = 0.3

    def command(self, folder: Path, data: Path) -> list[str]:
        """argv of the search, the same for every life."""
        code = "from lenet_tune.cli import main; main()"
        trials = [] if self.kind == "grid" else ["--trials", str(self.trials), *_MORE]
        given = (*SPACES[self.kind], *FIXED, f"epochs={self.epochs}")
        knobs = [word for knob in given for word in ("--knob", knob)]
        sizes = ["--train-size", str(self.train_size), "--validation-size", "200"]
        place = ["--name", NAME, "--data", str(data), "--out", str(folder)]
        choice = ["--engine", self.engine, "--backend", self.backend, "--device", "cpu"]
        return [sys.executable, "-c", code, self.kind, *trials, *knobs, *sizes, *choice, *place]


@dataclass(frozen=True, kw_only=True)
class Kill:
    """One kill: when in the process's life, how it was timed, and what the study held."""

    study: int
    seconds: float
    timed_by: str
    phase: str
    epochs_stored: int


@dataclass(kw_only=True)
class Tally:
    """What came of all kills."""

    kills: list[Kill] = field(default_factory=list)
    studies: int = 0
    identical: int = 0
    lost: int = 0
    repeated: int = 0
    errors: list[str] = field(default_factory=list)


def comparable(snapshot: Snapshot) -> dict[str, Any]:
    """All that two runs of one study must share: everything but times, versions and where they ran."""
    trials = []
    for trial in snapshot.trials:
        executions = tuple(
            replace(e, device=None, seconds=None, epochs=tuple(replace(r, seconds=0.0) for r in e.epochs))
            for e in trial.executions
        )
        trials.append(replace(trial, executions=executions))
    bare = replace(snapshot, trials=tuple(trials), manifest={}, test_readings=(), best_model=None)
    return json.loads(json.dumps(snapshot_to_json(bare)))


def run(task: Task, folder: Path, say: Any = print) -> dict[str, Any]:
    """Kill as `task` says, in `folder`; JSON-ready figures."""
    data = _write_images(folder / "shapes.npz", task.train_size + 400)
    started = time.monotonic()
    whole_folder = folder / "whole"
    code = _start(task, whole_folder, data).wait()
    life = time.monotonic() - started
    if code != 0:
        raise RuntimeError(f"the uninterrupted run failed: {_last_line(whole_folder)}")
    whole = comparable(_read(_file(whole_folder)))
    say(f"{task.kind} {task.engine}: an uninterrupted run takes {life:.1f} s")
    tally, moments = Tally(), random.Random(task.seed)
    # A run that fails by itself would fail again, and leave nothing to kill.
    while len(tally.kills) < task.kills and not tally.errors:
        _one_study(task, folder / f"study-{tally.studies}", data, (life, moments), tally)
        place = folder / f"study-{tally.studies}"
        try:
            same = comparable(_read(_file(place))) == whole
        except StudyError as error:
            same = False
            tally.errors.append(str(error))
        tally.identical += same
        tally.studies += 1
        if same:
            shutil.rmtree(place)
        say(
            f"{len(tally.kills)}/{task.kills} kills, {tally.identical}/{tally.studies} studies identical, "
            f"{tally.lost} epochs lost, {tally.repeated} repeated"
        )
    return _figures(task, tally, life)


def _one_study(
    task: Task, folder: Path, data: Path, timing: tuple[float, random.Random], tally: Tally
) -> None:
    """Run one study to its end, killing it as long as kills are left."""
    held: dict[tuple[int, int, int], float] = {}
    while True:
        process = _start(task, folder, data)
        kill = None
        if len(tally.kills) < task.kills:
            kill = _kill(process, _file(folder), timing, task.commit_share)
        code = process.wait()
        if kill is None or code >= 0:
            if code != 0:
                tally.errors.append(f"exit code {code}: {_last_line(folder)}")
            _compare(held, _stored(_file(folder)), tally)
            return
        stored = _stored(_copy(_file(folder)))
        _compare(held, stored, tally)
        phase = "start-up" if len(stored) == len(held) else "search"
        facts = {"timed_by": kill[1], "phase": phase, "epochs_stored": len(stored)}
        tally.kills.append(Kill(study=tally.studies, seconds=round(kill[0], 3), **facts))
        held = stored


def _kill(
    process: subprocess.Popen, file: Path, timing: tuple[float, random.Random], commit_share: float
) -> tuple[float, str] | None:
    """Kill the process at a random moment; None where it ended before."""
    life, moments = timing
    wait, at_commit = moments.uniform(0, life), moments.random() < commit_share
    started = time.monotonic()
    try:
        process.wait(timeout=wait)
        return None
    except subprocess.TimeoutExpired:
        pass
    journal = Path(f"{file}-journal")
    # SQLite's journal is there exactly while a transaction writes.
    while at_commit and not journal.exists():
        if process.poll() is not None:
            return None
        time.sleep(0.0002)
    process.kill()
    return time.monotonic() - started, "write" if at_commit else "clock"


def _compare(before: dict[tuple[int, int, int], float], now: dict, tally: Tally) -> None:
    tally.lost += sum(key not in now for key in before)
    tally.repeated += sum(key in now and now[key] != seconds for key, seconds in before.items())


def _stored(file: Path) -> dict[tuple[int, int, int], float]:
    """The training time of every stored epoch, by trial, repeat and number."""
    try:
        snapshot = _read(file)
    except StudyError:
        return {}  # killed before the file was made
    return {(*r.id, r.epoch): r.seconds for t in snapshot.trials for e in t.executions for r in e.epochs}


def _read(file: Path) -> Snapshot:
    with Study.read(file) as study:
        return study.snapshot()


def _copy(file: Path) -> Path:
    """A copy to look into: opening the file itself would roll its journal back before the resumed run."""
    copy = file.with_name("copy") / file.name
    shutil.rmtree(copy.parent, ignore_errors=True)
    if file.exists():
        copy.parent.mkdir(parents=True)
        for name in (file, Path(f"{file}-journal")):
            if name.exists():
                shutil.copy(name, copy.parent / name.name)
    return copy


def _file(folder: Path) -> Path:
    return folder / "studies" / NAME / "study.db"


def _start(task: Task, folder: Path, data: Path) -> subprocess.Popen:
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KERAS_BACKEND": ""}
    with open(folder / "log", "ab") as log:
        command = task.command(folder, data)
        return subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)


def _last_line(folder: Path) -> str:
    lines = (folder / "log").read_text(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "nothing was said")


def _write_images(path: Path, train: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = {"train": make_shapes(size=train, seed=0), "test": make_shapes(size=200, seed=1)}
    arrays = {f"{xy}_{name}": a for name, s in parts.items() for xy, a in (("x", s.images), ("y", s.labels))}
    np.savez(path, classes=np.array(CLASSES), **arrays)
    return path


def _figures(task: Task, tally: Tally, life: float) -> dict[str, Any]:
    return {
        "task": asdict(task),
        "uninterrupted_seconds": round(life, 1),
        "kills": len(tally.kills),
        "kills_by_phase": dict(Counter(k.phase for k in tally.kills)),
        "kills_by_timing": dict(Counter(k.timed_by for k in tally.kills)),
        "studies": tally.studies,
        "studies_identical": tally.identical,
        "epochs_lost": tally.lost,
        "epochs_repeated": tally.repeated,
        "errors": tally.errors,
        "moments": [asdict(k) for k in tally.kills],
    }


def passed(figures: dict[str, Any]) -> bool:
    """Whether nothing was lost, repeated or different."""
    clean = not (figures["epochs_lost"] or figures["epochs_repeated"] or figures["errors"])
    return clean and figures["studies_identical"] == figures["studies"]


def main() -> int:
    """The command line; exit 0 when nothing was lost, repeated or different."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kind", choices=sorted(SPACES), required=True)
    parser.add_argument("--engine", choices=["fused", "reference"], required=True)
    parser.add_argument("--backend", choices=["tensorflow", "jax"], default="tensorflow")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = vars(parser.parse_args())
    out = options.pop("out")
    folder = Path(tempfile.mkdtemp(prefix="kill-harness-"))
    figures = run(Task(**options), folder, lambda text: print(text, file=sys.stderr, flush=True))
    text = json.dumps(figures, indent=1)
    if out is not None:
        out.write_text(text + "\n", encoding="utf-8")
    print(json.dumps({k: v for k, v in figures.items() if k != "moments"}))
    if passed(figures):
        shutil.rmtree(folder)
        return 0
    print(f"what differs is kept in {folder}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
