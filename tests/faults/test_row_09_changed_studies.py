"""Row 9: a study resumed with something else; row 10: other formats; row 28: Keras Tuner's workers."""

import json
import sqlite3
from pathlib import Path

import pytest
from small_studies import WORDS

from lenet_tune import manifest
from lenet_tune.study import Study

SEARCH = ["random", "--trials", "3", "--epochs", "2", "--name", "mine", *WORDS]


def other(**changes):
    """`manifest._versions` of a machine where some packages differ."""
    versions = {**manifest._versions(), **changes}
    return lambda: versions


@pytest.mark.parametrize(
    ("words", "differs"),
    [
        (["--seed", "7"], "seed was 0 and is now 7"),
        (["--seeds", "2"], "seeds was 1 and is now 2"),
        (["--knob", "momentum=0"], "space was"),
        (["--train-size", "50"], "train_size was 96 and is now 50"),
        (["--engine", "reference"], "engine was fused and is now reference"),
        (["--section", "3"], "section was None and is now 3"),
        (["--data", "shapes", "--train-size", "96"], "data was"),
        (["--stop-bad"], "options was"),
    ],
)
def test_row_09_another_search_under_the_same_name_is_refused_with_what_differs(cli, words, differs):
    assert cli(*SEARCH).exit_code == 0
    before = Path("studies/mine/study.db").read_bytes()
    result = cli(*SEARCH, *words)
    assert result.exit_code == 4, result.output
    assert differs in result.stderr
    assert "--name" in result.stderr
    assert Path("studies/mine/study.db").read_bytes() == before


@pytest.mark.parametrize("package", ["lenet-tune", "keras", "keras-tuner", "numpy", "tensorflow"])
def test_row_09_other_versions_are_refused_with_the_package_and_the_way_out(cli, monkeypatch, package):
    assert cli(*SEARCH).exit_code == 0
    monkeypatch.setattr(manifest, "_versions", other(**{package: "99.0"}))
    result = cli("resume", "mine", "--trials", "5")
    assert result.exit_code == 4
    assert f"{package} was" in result.stderr
    assert "is now 99.0" in result.stderr
    assert "--accept-versions" in result.stderr
    assert len(json.loads(cli("trials", "mine", "--json").stdout)) == 3


def test_row_09_accepted_versions_stand_in_the_manifest(cli, monkeypatch):
    assert cli(*SEARCH).exit_code == 0
    monkeypatch.setattr(manifest, "_versions", other(keras="99.0"))
    assert cli("resume", "mine", "--trials", "4", "--accept-versions").exit_code == 0
    assert cli("resume", "mine", "--trials", "5").exit_code == 0  # they are the study's versions now
    with Study.read(Path("studies/mine/study.db")) as study:
        versions = [session["versions"]["keras"] for session in study.manifest["sessions"]]
    assert versions[0] != "99.0"
    assert versions[1:] == ["99.0", "99.0"]


def test_row_09_another_backend_is_refused(cli):
    assert cli(*SEARCH).exit_code == 0
    with Study.open(Path("studies/mine/study.db")) as study:
        facts = study.manifest
        facts["sessions"][-1]["backend"] = "jax" if facts["backend"] == "tensorflow" else "tensorflow"
        study.set_manifest(facts)
    result = cli("resume", "mine", "--trials", "5", "--backend", facts["backend"])
    assert result.exit_code == 4
    assert "backend was" in result.stderr


def test_row_09_a_complete_study_is_shown_whatever_the_versions(cli, monkeypatch):
    first = cli(*SEARCH)
    monkeypatch.setattr(manifest, "_versions", other(keras="99.0"))
    again = cli(*SEARCH)
    assert again.exit_code == 0
    assert again.stdout == first.stdout


def test_row_10_a_study_of_the_first_format_is_read_without_being_changed(cli, old_study):
    before = old_study.read_bytes()
    assert cli("trials", "old", "--json").exit_code == 0
    assert cli("study", "old").exit_code == 0
    assert cli("report", "old").exit_code == 0
    assert old_study.read_bytes() == before


def test_row_10_a_study_of_the_first_format_goes_on_to_its_end(cli, old_study, tiny_npz):
    with Study.read(old_study) as study:
        before = study.trials()
    result = cli("resume", "old", "--data", str(tiny_npz), "--accept-versions")
    assert result.exit_code == 0, result.output
    with Study.read(old_study) as study:
        after = study.trials()
    assert [t.status for t in after] == ["done"] * 5
    assert [t.setting for t in after] == [t.setting for t in before]
    for old, new in zip(before, after, strict=True):
        for first, last in zip(old.executions, new.executions, strict=False):
            assert last.epochs[: len(first.epochs)] == first.epochs


def test_row_10_a_study_of_a_newer_format_is_refused_with_its_version_by_every_command(cli, old_study):
    db = sqlite3.connect(old_study)
    db.execute("PRAGMA user_version = 99")
    db.close()
    before = old_study.read_bytes()
    for words in (
        ["trials", "old"],
        ["resume", "old"],
        ["export", "old"],
        ["report", "old"],
        ["study", "old"],
    ):
        result = cli(*words)
        assert result.exit_code == 4
        assert "format 99" in result.stderr
        assert "update lenet-tune" in result.stderr
    assert old_study.read_bytes() == before
    assert not (old_study.parent / "study.db.corrupt").exists()


def test_row_28_keras_tuners_own_workers_are_refused_in_one_line(cli, monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "8000")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
    result = cli(*SEARCH)
    assert result.exit_code != 0
    assert "KERASTUNER_ORACLE_IP" in result.stderr
    assert "Traceback" not in result.output
