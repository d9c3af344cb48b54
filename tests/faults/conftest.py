"""What the fault tests share: the command line on tiny data with an engine that trains nothing."""

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes import fake_engine, fake_measurement
from small_studies import asked, begin, tools

from lenet_tune import loop
from lenet_tune.cli import main


@pytest.fixture
def cli(tiny_npz, tmp_path, monkeypatch):
    """Run a command in a folder of its own; standard output and error are kept apart."""
    from lenet_tune import session

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LENET_TUNE_DATA", str(tiny_npz))
    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine())
    monkeypatch.setattr("lenet_tune.artifacts.measure_leaders", fake_measurement)

    def run(*words: str):
        return CliRunner().invoke(main, list(words))

    return run


@pytest.fixture(scope="session")
def whole_study(tiny_data, tmp_path_factory) -> Path:
    """A finished study file: 12 trials of two seeds."""
    options = asked("random", trials=12, seeds=2, name="whole")
    with begin(tmp_path_factory.mktemp("whole"), tiny_data, options) as study:
        loop.run(study, tools(study, tiny_data))
        return study.path


@pytest.fixture
def old_study(tmp_path) -> Path:
    """A half-trained study of format 1, `studies/old/study.db` in `tmp_path`."""
    path = tmp_path / "studies" / "old" / "study.db"
    path.parent.mkdir(parents=True)
    db = sqlite3.connect(path)
    db.executescript((Path(__file__).parent / "study_format_1.sql").read_text(encoding="utf-8"))
    db.close()
    return path
