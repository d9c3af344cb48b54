import os
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from lenet_tune.engines.base import Checkpoint, EpochResult
from lenet_tune.errors import StudyError, StudyInUseError
from lenet_tune.records import Definition, Ending, NewTrial, TestReading
from lenet_tune.study import Study
from lenet_tune.studyfile import FILE_NAME


def definition(**changes) -> Definition:
    facts = {
        "name": "a-study",
        "kind": "random",
        "title": "a study",
        "space": {},
        "section": None,
        "stages": (),
        "protocol": "validation",
        "data": {"name": "tiny", "fingerprint": "f" * 64, "num_classes": 4},
        "train_size": 100,
        "held_out_size": 20,
        "seed": 0,
        "seeds": 2,
        "engine": "reference",
    }
    return Definition(**{**facts, **changes})


def epoch(trial, repeat, number, **changes) -> EpochResult:
    facts = {
        "train_loss": 1.0 / number,
        "train_accuracy": 0.5,
        "held_out_loss": 1.1 / number,
        "held_out_accuracy": 0.1 * number,
        "seconds": 0.25,
    }
    return EpochResult(trial=trial, repeat=repeat, epoch=number, **{**facts, **changes})


def state(number) -> Checkpoint:
    weights = (np.full((2, 3), number, np.float32), np.arange(3, dtype=np.float32))
    return Checkpoint(epoch=number, weights=weights, velocities=(weights[0] * 2, weights[1] * 2))


@pytest.fixture
def study(tmp_path):
    with Study.create(tmp_path / "a-study", definition(), planned=2, source=None) as opened:
        settings = ({"learning_rate": 0.1}, {"learning_rate": 0.2})
        opened.add_trials(
            NewTrial(
                setting=s,
                label=f"lr {s['learning_rate']}",
                proposal={"origin": "random"},
                seeds=[(1, 2), (3, 4)],
            )
            for s in settings
        )
        yield opened


def test_a_study_reads_back_what_was_stored(study):
    study.record([epoch(0, 0, 1), epoch(0, 1, 1)])
    ends = [Ending(trial=0, repeat=r, outcome="done") for r in (0, 1)]
    study.record([epoch(0, 0, 2), epoch(0, 1, 2, held_out_accuracy=0.4)], endings=ends, device="CPU")
    reading = TestReading(trial=0, when="2026-01-01T00:00:00+00:00", accuracy=0.3, images=40)
    study.set_best_model({"trial": 0}, [reading])
    snapshot = study.snapshot()
    first, second = snapshot.trials
    assert (first.status, second.status) == ("done", "waiting")
    assert first.accuracies == pytest.approx((0.2, 0.4))
    assert first.score == pytest.approx(0.3)
    assert first.executions[0].seconds == pytest.approx(0.5)
    assert first.executions[1].seed == 3
    assert snapshot.best is first
    assert snapshot.test_readings == (reading,)
    assert snapshot.definition == definition()


def test_not_a_number_survives_the_store_and_marks_divergence(study):
    bad = epoch(0, 0, 1, train_loss=float("nan"), held_out_loss=float("inf"))
    study.record([bad], endings=[Ending(trial=0, repeat=0, outcome="diverged", error="loss not finite")])
    stored = study.trials()[0].executions[0]
    assert stored.epochs[0].diverged
    assert np.isnan(stored.epochs[0].train_loss)
    assert stored.epochs[0].held_out_loss == float("inf")
    assert stored.accuracy is None


def test_a_failed_write_leaves_nothing_of_itself(study):
    study.record([epoch(0, 0, 1)])
    with pytest.raises(StudyError):
        study.record([epoch(1, 0, 1), epoch(0, 0, 1)])  # the second one is there already
    assert study.trials()[1].executions[0].epochs == ()


def test_unfinished_work_goes_on_from_its_checkpoint(study):
    study.record([epoch(0, 0, 1)], checkpoints={(0, 0): state(1)})
    study.record([epoch(0, 0, 2)])
    study.rewind()
    execution = study.trials()[0].executions[0]
    assert [e.epoch for e in execution.epochs] == [1]
    start = study.checkpoint(0, 0)
    assert start.epoch == 1
    for stored, kept in zip(
        start.weights + start.velocities, state(1).weights + state(1).velocities, strict=True
    ):
        np.testing.assert_array_equal(stored, kept)
    assert study.checkpoint(0, 1) is None


def test_work_that_is_going_on_elsewhere_is_not_rewound(study):
    study.record([epoch(0, 0, 1), epoch(1, 0, 1)], checkpoints={(0, 0): state(1), (1, 0): state(1)})
    study.record([epoch(0, 0, 2), epoch(1, 0, 2)])
    study.rewind([(0, 0)])
    assert [[e.epoch for e in t.executions[0].epochs] for t in study.trials()] == [[1], [1, 2]]


def test_groups_are_remembered_and_open_until_their_last_execution_has_ended(study):
    study.form_cohorts([[(0, 0), (1, 1)], [(0, 1)]])
    study.form_cohorts([[(1, 0)]])
    assert study.open_cohorts("search") == [0, 1, 2]
    assert [t.number for t in study.trials(cohort=0)] == [0, 1]
    study.record([epoch(0, 0, 1)], endings=[Ending(trial=0, repeat=0, outcome="done")])
    assert study.open_cohorts("search") == [0, 1, 2]
    study.record([epoch(1, 1, 1)], endings=[Ending(trial=1, repeat=1, outcome="stopped", stop_epoch=1)])
    assert study.open_cohorts("search") == [1, 2]
    assert study.open_cohorts("confirm") == []
    assert study.trials()[1].executions[1].stop_epoch == 1
    assert study.unended([0, 1]) == [(0, 1), (1, 0)]


def test_ended_trials_keep_their_epochs_and_only_wanted_weights(study):
    for trial in (0, 1):
        for repeat in (0, 1):
            end = Ending(trial=trial, repeat=repeat, outcome="done")
            here = (trial, repeat)
            study.record([epoch(*here, 1)], checkpoints={here: state(1)}, endings=[end])
    study.keep_checkpoints([1])
    assert study.checkpoint(0, 0) is None
    assert study.checkpoint(1, 0) is not None
    study.keep_checkpoints([])
    assert study.checkpoint(1, 0) is None
    assert len(study.trials()[0].executions[0].epochs) == 1


def test_a_trial_with_a_seed_to_come_keeps_the_weights_of_those_that_ended(study):
    end = Ending(trial=0, repeat=0, outcome="done")
    study.record([epoch(0, 0, 1)], checkpoints={(0, 0): state(1)}, endings=[end])
    study.keep_checkpoints([])
    assert study.checkpoint(0, 0) is not None


def test_a_second_process_is_refused_in_one_line_and_a_reader_is_not(study):
    code = (
        "import sys; from pathlib import Path; from lenet_tune.study import Study\n"
        "Study.read(Path(sys.argv[1])).close(); print('read', flush=True)\n"
        "Study.open(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, study.path], capture_output=True, text=True, check=False
    )
    assert done.stdout == "read\n"
    assert f"in use by pid {os.getpid()} since" in done.stderr


def test_the_lock_of_a_dead_process_does_not_hold(study, tmp_path):
    path = study.path
    study.close()
    code = (
        "import os, sys; from pathlib import Path; from lenet_tune.study import Study\n"
        "Study.open(Path(sys.argv[1])); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 9
    Study.open(path).close()


@pytest.mark.parametrize("content", [b"", b"garbage" * 300, b"SQLite format 3\x00" + b"\x00" * 50])
def test_a_file_that_is_no_study_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / FILE_NAME
    path.write_bytes(content)
    with pytest.raises(StudyError) as refusal:
        Study.open(path)
    assert str(path) in str(refusal.value)
    assert path.read_bytes() == content


def test_a_study_of_a_newer_release_is_refused_with_its_version(study):
    path = study.path
    study.close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StudyError, match="format 99"):
        Study.open(path)


def test_a_locked_study_raises_its_own_error(study):
    with pytest.raises(StudyInUseError):
        Study.open(study.path)


@pytest.mark.parametrize("step", ["connect", "create_tables"])
def test_a_study_whose_making_fails_can_be_made_by_the_same_process(tmp_path, monkeypatch, step):
    def full(*words):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(f"lenet_tune.study.{step}", full)
        with pytest.raises(StudyError, match="full"):
            Study.create(tmp_path / "study", definition(), planned=1, source=None)
    with Study.create(tmp_path / "study", definition(), planned=1, source=None) as study:
        assert study.snapshot().planned == 1


def test_a_lock_that_cannot_be_signed_is_let_go_of(tmp_path, monkeypatch):
    def full(*words):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("lenet_tune.studyfile.os.pwrite", full)
        with pytest.raises(StudyError, match="No space left"):
            Study.create(tmp_path / "study", definition(), planned=1, source=None)
    Study.create(tmp_path / "study", definition(), planned=1, source=None).close()


def test_an_unwritable_place_is_refused_before_anything_is_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StudyError, match="file"):
        Study.create(tmp_path / "file" / "study", definition(), planned=1, source=None)
