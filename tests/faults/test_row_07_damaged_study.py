"""Row 7: a study file that is empty, truncated or garbage."""

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_studies import WORDS

from lenet_tune import salvage
from lenet_tune.errors import StudyError
from lenet_tune.study import Study

SEARCH = ["random", "--trials", "4", "--epochs", "2", "--name", "mine", *WORDS]
FILE = Path("studies/mine/study.db")


@pytest.mark.parametrize("damage", [b"garbage" * 500, b"SQLite format 3\x00" + b"\x00" * 50, None])
def test_row_07_the_search_keeps_a_damaged_study_aside_and_starts_anew(cli, damage):
    assert cli(*SEARCH).exit_code == 0
    bad = FILE.read_bytes()[: FILE.stat().st_size // 2] if damage is None else damage
    FILE.write_bytes(bad)
    result = cli(*SEARCH)
    assert result.exit_code == 0, result.output
    assert "is damaged" in result.stderr
    assert "lenet-tune export studies/mine/study.db.corrupt" in result.stderr
    assert FILE.with_name("study.db.corrupt").read_bytes() == bad
    assert len(json.loads(cli("trials", "mine", "--json").stdout)) == 4


def test_row_07_a_second_damaged_study_does_not_replace_the_first(cli):
    for content in (b"first" * 300, b"second" * 300):
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_bytes(content)
        assert cli(*SEARCH).exit_code == 0
    assert FILE.with_name("study.db.corrupt").read_bytes() == b"first" * 300
    assert FILE.with_name("study.db.corrupt-2").read_bytes() == b"second" * 300


@pytest.mark.parametrize("words", [["trials", "mine"], ["report", "mine"], ["resume", "mine"]])
def test_row_07_other_commands_say_so_in_one_line_and_move_nothing(cli, words):
    FILE.parent.mkdir(parents=True)
    FILE.write_bytes(b"garbage" * 500)
    result = cli(*words)
    assert result.exit_code == 4
    assert result.stderr.count("\n") == 1
    assert "is damaged" in result.stderr
    assert "lenet-tune export" in result.stderr
    assert FILE.read_bytes() == b"garbage" * 500


@pytest.mark.parametrize("content", [b"", None])
def test_row_07_a_study_whose_making_was_cut_short_is_simply_made(cli, content):
    FILE.parent.mkdir(parents=True)
    FILE.touch()
    if content is None:  # SQLite writes the first page before the first table is committed
        import sqlite3

        db = sqlite3.connect(FILE)
        db.execute("PRAGMA auto_vacuum = FULL")
        db.execute("VACUUM")
        db.close()
    result = cli(*SEARCH)
    assert result.exit_code == 0, result.output
    assert [p.name for p in FILE.parent.iterdir() if "corrupt" in p.name] == []


def test_row_07_export_writes_what_can_be_read_of_a_truncated_study(cli, whole_study):
    FILE.parent.mkdir(parents=True)
    # The last page goes: SQLite itself then refuses the file.
    FILE.write_bytes(whole_study.read_bytes()[:-4096])
    result = cli("export", "mine", "--to", "out")
    assert result.exit_code == 0, result.output
    exported = json.loads(Path("out/trials.json").read_text())
    assert "read from a damaged study file" in result.stderr
    assert "read from a damaged study file" in exported["definition"]["data"]["notice"]
    assert 0 < len(exported["trials"]) <= 12


def test_row_07_what_is_read_of_a_damaged_study_is_what_was_stored(tmp_path, whole_study):
    path = tmp_path / "study.db"
    path.write_bytes(whole_study.read_bytes())
    with Study.read(path) as study:
        stored = {trial.number: trial for trial in study.trials()}
    read = 0
    for page in range(1, whole_study.stat().st_size // 4096):
        bad = bytearray(whole_study.read_bytes())
        bad[page * 4096 : page * 4096 + 4096] = b"\xff" * 4096
        path.write_bytes(bad)
        try:
            trials = salvage.readable(path).trials
        except StudyError:
            continue
        read += len(trials)
        for trial in trials:
            assert trial == stored[trial.number]
    assert read > 0


edits = st.lists(st.tuples(st.integers(0, 2**20), st.binary(min_size=1, max_size=64)), max_size=4)


@given(edits=edits, length=st.none() | st.integers(0, 2**20))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_row_07_any_bytes_are_a_study_or_one_line(tmp_path, whole_study, edits, length):
    data = bytearray(whole_study.read_bytes())
    for at, content in edits:
        at %= len(data)
        data[at : at + len(content)] = content
    path = tmp_path / "study.db"
    path.write_bytes(data if length is None else data[: length % len(data)])
    before = path.read_bytes()
    for attempt in (_read, _open, salvage.readable):
        with contextlib.suppress(StudyError):
            attempt(path)
    assert path.read_bytes() == before


def _read(path: Path) -> None:
    with Study.read(path) as study:
        study.snapshot()


def _open(path: Path) -> None:
    with Study.open(path) as study:
        study.snapshot()
