import json

import pytest
from fakes import fake_engine
from test_loop import KNOBS, begin, tools

from lenet_tune import loop, plan, sections, starts
from lenet_tune.errors import SettingError, StudyError
from lenet_tune.options import Options

FITS = ("kernel_size=3", "padding=same")  # on the small images of these tests


def test_a_bayesian_search_starts_at_the_reports_best_settings(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, kind="bayes", trials=5, knobs=FITS) as study:
        loop.run(study, tools(study, tiny_data))
        trials = study.trials()
    assert [t.proposal["origin"] for t in trials[:3]] == ["start", "start", "random"]
    for trial, name in zip(trials, ("adjusted", "section3"), strict=False):
        expected = {**sections.BASES[name], "kernel_size": 3, "padding": "same", "epochs": 3}
        assert trial.setting == expected


def test_a_starting_point_takes_what_the_study_fixes(tmp_path, tiny_data):
    with begin(
        tmp_path, tiny_data, kind="bayes", trials=3, knobs=("batch_size=64", "depth=2", *FITS)
    ) as study:
        loop.run(study, tools(study, tiny_data))
        first, second = study.trials()[:2]
    assert first.setting["batch_size"] == second.setting["batch_size"] == 64
    assert second.setting["depth"] == 2
    assert "bias_mean_3" not in second.setting


def test_a_starting_point_trains_no_longer_than_the_study_tries(tiny_data):
    asked = Options(kind="bayes", knobs=("epochs=2,4", *FITS))
    assert {s["epochs"] for s in plan.define(asked, tiny_data).options["starts"]} == {4}
    asked = Options(kind="bayes", knobs=("epochs=4,30", *FITS))
    assert {s["epochs"] for s in plan.define(asked, tiny_data).options["starts"]} == {30}


def test_a_random_search_starts_anywhere_unless_told(tiny_data):
    assert plan.define(Options(kind="random"), tiny_data).options["starts"] == []


def test_settings_come_from_files_bare_or_as_exported(tmp_path):
    bare, exported = tmp_path / "a.json", tmp_path / "best.json"
    bare.write_text(json.dumps({"learning_rate": 0.02}))
    exported.write_text(json.dumps({"trial": 3, "setting": {"momentum": 0.5}}))
    first, second = starts.gather([str(bare), str(exported)], None, None)
    assert first["learning_rate"] == 0.02
    assert second["momentum"] == 0.5
    assert second["depth"] == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read"),
        ("[1]", "holds list"),
        ('{"colour": 1}', "Unknown knob"),
        (None, "cannot be read"),
    ],
)
def test_a_file_without_a_setting_is_refused(tmp_path, text, words):
    path = tmp_path / "start.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingError, match=words):
        starts.gather([str(path)], None, None)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"batch_size": 128}, "fixes it to 32"),
        ({"learning_rate": -1.0, "kernel_size": 3, "padding": "same"}, "learning_rate"),
        ({"depth": 5, "kernel_size": 5, "padding": "valid"}, "does not fit"),
    ],
)
def test_a_starting_point_that_cannot_be_trained_as_given_is_refused(tiny_data, setting, words):
    asked = Options(kind="random", knobs=("batch_size=32",), starts=(setting,))
    with pytest.raises(SettingError, match=words):
        plan.define(asked, tiny_data)


def test_a_search_takes_over_the_leaders_of_another_study(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, trials=9, knobs=KNOBS, name="first") as study:
        loop.run(study, tools(study, tiny_data))
        snapshot, path = study.snapshot(), study.path
    found = starts.study_starts(path)
    assert found[0] == snapshot.best.setting
    assert len(found) == starts.TAKEN_OVER
    asked = {"kind": "bayes", "trials": 6, "starts": tuple(found), "name": "second", "knobs": KNOBS}
    with begin(tmp_path, tiny_data, **asked) as study:
        loop.run(study, tools(study, tiny_data, train_group=fake_engine()))
        assert [t.setting for t in study.trials()[:5]] == found


def test_a_study_without_a_result_cannot_be_started_from(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, trials=2) as study, pytest.raises(SettingError, match="finished trial"):
        starts.study_starts(study.path)
    with pytest.raises(StudyError, match="no study file"):
        starts.study_starts(tmp_path / "nowhere" / "study.db")
