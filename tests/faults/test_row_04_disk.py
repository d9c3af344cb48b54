"""Row 4: the disk is full; row 5: a folder that cannot be written; row 6: two processes."""

import json
import os
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fakes import fake_engine
from kill_harness import comparable
from small_studies import WORDS, asked, begin, command, lenet_tune, tools

from lenet_tune import loop, studyfile
from lenet_tune import study as study_module
from lenet_tune.errors import StudyError, StudyInUseError
from lenet_tune.study import Study

SEARCH = ["random", "--trials", "4", "--epochs", "2", "--name", "mine", *WORDS]


def test_row_04_a_disk_that_is_full_at_any_size_loses_nothing_stored(tmp_path, tiny_data, monkeypatch):
    options = asked("random", trials=4, epochs=2)
    with begin(tmp_path / "whole", tiny_data, options) as study:
        loop.run(study, tools(study, tiny_data))
        whole = comparable(study.snapshot())
    pages = {"most": None}

    def connect(path):
        db = studyfile.connect(path)
        db.execute("PRAGMA synchronous = OFF")
        if pages["most"] is not None:
            db.execute(f"PRAGMA max_page_count = {pages['most']}")
        return db

    monkeypatch.setattr(study_module, "connect", connect)
    full = 0
    with begin(tmp_path, tiny_data, options) as study:
        path = study.path
        pages["most"] = path.stat().st_size // 4096
    while True:
        stored = _held(path)
        with study_module.Study(path, connect(path), None) as study:
            try:
                loop.run(study, tools(study, tiny_data, train_group=fake_engine(weights=8000)))
                break
            except StudyError as error:
                told = error
        assert "full" in str(told)
        assert "Everything stored before is safe" in str(told)
        assert told.exit_code == 4
        full += 1
        assert stored.items() <= _held(path).items()
        pages["most"] += 1
    assert full > 10
    with Study.read(path) as study:
        assert comparable(study.snapshot()) == whole


def _held(path) -> dict:
    with Study.read(path) as study:
        return {(*r.id, r.epoch): r for t in study.trials() for e in t.executions for r in e.epochs}


def _at_most(size: int):
    import signal

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


def test_row_04_a_full_disk_is_one_line_with_exit_code_4(tiny_npz, tmp_path):
    environment = {**os.environ, "LENET_TUNE_DATA": str(tiny_npz)}
    words = command(*SEARCH)
    # No file may be larger than what a new study takes: the operating system refuses the next write.
    full = subprocess.run(
        words,
        cwd=tmp_path,
        env=environment,
        preexec_fn=_at_most(60_000),
        capture_output=True,
        text=True,
        check=False,
    )
    assert full.returncode == 4, full.stderr
    assert "Traceback" not in full.stderr
    errors = [line for line in full.stderr.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1
    done = lenet_tune(*SEARCH, cwd=tmp_path, data=tiny_npz)
    assert done.returncode == 0, done.stderr


def test_row_05_a_file_in_the_place_of_a_folder_is_refused_before_any_training(cli):
    Path("reports").write_text("in the way")
    result = cli(*SEARCH)
    assert result.exit_code == 4
    assert "reports" in result.stderr
    assert "--out" in result.stderr
    assert "trial 0" not in result.stderr


@pytest.mark.parametrize("folder", ["studies", "reports"])
def test_row_05_a_read_only_folder_is_refused_before_any_training(cli, monkeypatch, folder):
    make, temporary = Path.mkdir, studyfile.tempfile.TemporaryFile

    def refused(path, *words, **more):
        if folder in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return make(path, *words, **more)

    def no_file(*words, dir=None, **more):
        if dir is not None and folder in str(dir):
            raise PermissionError(13, "Permission denied", str(dir))
        return temporary(*words, dir=dir, **more)

    monkeypatch.setattr(Path, "mkdir", refused)
    monkeypatch.setattr(studyfile.tempfile, "TemporaryFile", no_file)
    result = cli(*SEARCH)
    assert result.exit_code == 4, result.output
    assert "Permission denied" in result.stderr
    assert folder in result.stderr
    assert "trial 0" not in result.stderr


def test_row_05_a_missing_folder_is_made(cli):
    result = cli(*SEARCH, "--out", "not/yet/there")
    assert result.exit_code == 0, result.output
    assert Path("not/yet/there/reports/mine.html").is_file()


def test_row_06_of_two_processes_that_begin_a_study_one_runs_it_and_one_is_refused(tmp_path, tiny_data):
    options, outcomes = asked("random"), []

    def attempt() -> None:
        try:
            with begin(tmp_path, tiny_data, options):
                barrier.wait(timeout=30)
            outcomes.append("ran")
        except StudyInUseError as error:
            outcomes.append(str(error))
            barrier.wait(timeout=30)

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=attempt) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(o == "ran" for o in outcomes) == [False, True]
    assert any(f"in use by pid {os.getpid()} since" in o for o in outcomes)


def test_row_06_the_lock_of_a_killed_process_does_not_hold(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, asked("random")) as study:
        path = study.path
    code = (
        "import sys, os, signal; from pathlib import Path; from lenet_tune.study import Study\n"
        "study = Study.open(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == -9
    Study.open(path).close()


def test_row_06_a_second_command_is_one_line_with_exit_code_5(cli):
    cli(*SEARCH)
    with Study.open(Path("studies/mine/study.db")):
        result = cli("resume", "mine", "--trials", "6")
        assert result.exit_code == 5
        assert result.stderr.count("\n") == 1
        assert len(json.loads(cli("trials", "mine", "--json").stdout)) == 4
