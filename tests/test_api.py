"""`lenet_tune.search`: the command line's searches as a call."""

import json
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from fakes import fake_engine, fake_measurement

import lenet_tune
from lenet_tune import session
from lenet_tune.arrays import dataset_of
from lenet_tune.cli import main
from lenet_tune.errors import DataError, LeNetTuneError, SettingError, StudyError

KNOBS = {"kernel_size": 3, "padding": "same"}
SMALL = {"epochs": 2, "knobs": KNOBS, "confirm": 0, "verbose": 0}


@pytest.fixture
def fake(monkeypatch):
    """An engine that trains nothing."""
    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine())
    monkeypatch.setattr("lenet_tune.artifacts.measure_leaders", fake_measurement)


@pytest.fixture
def arrays(tiny_data):
    return tuple((split.images, split.labels) for split in (tiny_data.train, tiny_data.test))


def python_examples() -> list[str]:
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    return re.findall(r"<!-- python -->\n```python\n(.*?)```", readme, re.DOTALL)


def test_the_readmes_first_example_runs_as_it_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    scope = {}
    exec(python_examples()[0], scope)
    study, model = scope["study"], scope["model"]
    assert [t.status for t in study.trials] == ["done"] * 8
    assert model.predict(np.zeros((2, *model.input_shape[1:]), np.uint8), verbose=0).shape[0] == 2
    assert str(study.report()) in capsys.readouterr().out
    assert study.best.score == max(t.score for t in study.trials)


def test_the_readmes_callbacks_run_as_they_are_written(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorboard", reason="needs the extra tensorboard")
    monkeypatch.chdir(tmp_path)
    exec(python_examples()[1], {})
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("trial ") for line in lines) == 4
    assert lines[-1].endswith("True")
    assert len(list(tmp_path.glob("logs/*/trial-*/seed-0/*tfevents*"))) == 2


def test_importing_the_package_imports_neither_keras_nor_numpy():
    code = (
        "import lenet_tune, sys; sys.exit(str({'keras', 'numpy', 'click', 'rich'} & set(sys.modules) or 0))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or done.stderr.strip() == "0", done.stderr


def test_names_that_the_package_does_not_have_are_attribute_errors():
    with pytest.raises(AttributeError, match="serach"):
        lenet_tune.serach  # noqa: B018
    assert {"search", "LeNetHyperModel", "LeNetTuneError"} <= set(dir(lenet_tune))


def test_the_best_model_of_arrays_has_the_recorded_accuracy(arrays, tiny_data, tmp_path):
    study = lenet_tune.search("random", data=arrays, trials=3, out=tmp_path, **SMALL)
    model = study.best_model()
    labels = np.eye(4, dtype=np.float32)[tiny_data.test.labels]
    measured = model.evaluate(tiny_data.test.images, labels, verbose=0, return_dict=True)["accuracy"]
    assert measured == pytest.approx(study.snapshot.best_model["accuracy"], abs=1e-6)
    assert study.path.is_file()


@pytest.mark.usefixtures("fake")
def test_call_and_command_find_the_same_study(tiny_npz, tmp_path):
    words = ["random", "--trials", "4", "--epochs", "2", "--knob", "kernel_size=3", "--knob", "padding=same"]
    words += ["--confirm", "0", "--data", str(tiny_npz), "--out", str(tmp_path)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    before = {p: p.read_bytes() for p in tmp_path.glob("studies/*/study.db")}
    study = lenet_tune.search("random", data=tiny_npz, trials=4, out=tmp_path, **SMALL)
    assert [study.path] == list(before)
    assert len(study.trials) == 4
    shown = json.loads(
        CliRunner().invoke(main, ["trials", study.name, "--json", "--out", str(tmp_path)]).stdout
    )
    frame = study.frame()
    records = frame if isinstance(frame, list) else frame.to_dict("records")
    assert [r["trial"] for r in records] == [r["trial"] for r in shown]


@pytest.mark.usefixtures("fake")
def test_the_same_call_with_more_trials_goes_on(arrays, tmp_path):
    first = lenet_tune.search("random", data=arrays, trials=2, out=tmp_path, **SMALL)
    second = lenet_tune.search("random", data=arrays, trials=5, out=tmp_path, **SMALL)
    assert second.path == first.path
    assert second.trials[:2] == first.trials
    assert len(second.trials) == 5


@pytest.mark.usefixtures("fake")
def test_a_frame_is_a_table_of_pandas_where_that_is_installed(arrays, tmp_path, monkeypatch):
    study = lenet_tune.search("random", data=arrays, trials=2, out=tmp_path, **SMALL)
    made = SimpleNamespace(DataFrame=SimpleNamespace(from_records=lambda records: ("frame", records)))
    monkeypatch.setitem(sys.modules, "pandas", made)
    kind, records = study.frame()
    assert kind == "frame"
    assert records[0]["score"] == study.best.score
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert study.frame() == records


@pytest.mark.usefixtures("fake")
def test_verbose_0_says_nothing_and_1_says_it_on_stderr(arrays, tmp_path, capfd):
    lenet_tune.search("random", data=arrays, trials=2, out=tmp_path / "quiet", **SMALL)
    assert capfd.readouterr() == ("", "")
    lenet_tune.search("random", data=arrays, trials=2, out=tmp_path / "loud", **{**SMALL, "verbose": 1})
    out, err = capfd.readouterr()
    assert out == ""
    assert "trial 1" in err


@pytest.mark.usefixtures("fake")
def test_starting_points_and_the_command_are_as_on_the_command_line(arrays, tmp_path):
    first = lenet_tune.search("random", data=arrays, trials=2, out=tmp_path, **SMALL)
    start = [{"momentum": 0.25, "kernel_size": 3, "padding": "same"}]
    options = {**SMALL, "start": start, "from_study": first.name, "name": "second"}
    second = lenet_tune.search("bayes", data=arrays, trials=3, out=tmp_path, **options)
    assert second.trials[0].setting == first.best.setting
    assert second.trials[2].setting["momentum"] == 0.25
    command = second.snapshot.manifest["command"]
    assert command.startswith("lenet-tune bayes --data ARRAYS --trials 3 --epochs 2")
    assert "--knob kernel_size=3 --knob padding=same" in command


@pytest.mark.usefixtures("fake")
def test_a_search_runs_in_a_thread_that_gets_no_signals(arrays, tmp_path):
    found = []
    run = lambda: found.append(lenet_tune.search("random", data=arrays, trials=2, out=tmp_path, **SMALL))  # noqa: E731
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(found[0].trials) == 2


@pytest.mark.usefixtures("fake")
def test_ctrl_c_keeps_what_is_finished_and_is_an_interrupt(arrays, tmp_path, monkeypatch):
    import os
    import signal

    calls = []

    def stop_at_the_third_epoch():
        calls.append(None)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGINT)

    engine = fake_engine(on_epoch=stop_at_the_third_epoch)
    monkeypatch.setattr(session, "load_engine", lambda name: engine)
    options = {**SMALL, "engine": "reference"}
    with pytest.raises(KeyboardInterrupt):
        lenet_tune.search("random", data=arrays, trials=4, out=tmp_path, **options)
    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine())
    study = lenet_tune.search("random", data=arrays, trials=4, out=tmp_path, **options)
    assert [t.status for t in study.trials].count("done") >= 3
    assert len(study.snapshot.manifest["sessions"]) == 2


WRONG = {
    "an unknown kind": ({"kind": "genetic"}, "one of grid, random, bayes, hyperband"),
    "an unknown option": ({"trails": 3}, "Did you mean trials?"),
    "nothing like an option": ({"zzz": 3}, "There are accept_versions"),
    "no trials": ({"trials": 0}, "`trials`"),
    "a wrong knob": ({"knobs": {"speed": 3}}, "speed"),
    "a wrong value": ({"knobs": ["depth=many"]}, "`depth` must be an integer"),
    "a start of a grid": ({"kind": "grid", "start": "report"}, "belongs to random and bayes"),
    "a wrong budget": ({"budget": "soon"}, "`budget` must be a time"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_one_line(name, arrays, tmp_path):
    options, words = WRONG[name]
    with pytest.raises(SettingError, match=re.escape(words)) as refusal:
        lenet_tune.search(**{"kind": "random", "data": arrays, "out": tmp_path, "verbose": 0, **options})
    assert "\n" not in str(refusal.value)
    assert isinstance(refusal.value, LeNetTuneError)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("fake")
def test_without_a_finished_trial_there_is_no_best_model(arrays, tmp_path, monkeypatch):
    def fail(execution):
        raise ValueError("out of luck")

    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine(fail=fail))
    monkeypatch.setattr("lenet_tune.artifacts.measure_leaders", lambda *facts: None)
    study = lenet_tune.search("random", data=arrays, trials=2, out=tmp_path, **SMALL)
    assert study.best is None
    with pytest.raises(StudyError, match="no finished trial"):
        study.best_model()


def test_fractions_and_other_whole_numbers_become_pixels():
    pixels = np.arange(2 * 4 * 4, dtype=np.uint8).reshape(2, 4, 4)
    labels = np.array([[0], [1]])
    for images in (pixels / np.float32(255), pixels.astype(np.float64) / 255, pixels.astype(np.int64)):
        found = dataset_of(((images, labels), (images, labels)))
        assert found.train.images.dtype == np.uint8
        assert (found.train.images[..., 0] == pixels).all()
        assert found.fingerprint == dataset_of(((pixels, labels), (pixels, labels))).fingerprint
    floats = dataset_of(((pixels.astype(float), labels), (pixels, labels)))
    assert (floats.train.images[..., 0] == pixels).all()


IMAGES, LABELS = np.zeros((2, 4, 4, 3), np.uint8), np.array([0, 1])


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ((IMAGES,), "two pairs of arrays"),
        ((IMAGES - 1.0, LABELS), "spans -1.0 to -1.0"),
        ((IMAGES * np.nan, LABELS), "spans nan"),
        ((np.zeros((2, 4, 4, 2)), LABELS), "is (2, 4, 4, 2)"),
        ((IMAGES, np.eye(2, dtype=int)), "labels.argmax"),
        ((IMAGES, LABELS / 2), "whole numbers"),
        ((IMAGES, LABELS[:1]), "one an image"),
        ((IMAGES[:0], LABELS[:0]), "must hold numbers"),
        ((np.array([["a"]]), LABELS), "must hold numbers"),
    ],
)
def test_arrays_of_the_wrong_form_are_one_line(train, words):
    with pytest.raises(DataError, match=re.escape(words)) as refusal:
        dataset_of((train, (IMAGES, LABELS)))
    assert "\n" not in str(refusal.value)


@pytest.mark.usefixtures("fake")
def test_a_setting_is_taken_apart_as_the_command_does(tiny_npz, tmp_path):
    knobs = {**KNOBS, "momentum": 0.5, "bias_mean_1": 0.0}
    study = lenet_tune.search(
        "grid", data=tiny_npz, knobs=knobs, epochs=2, out=tmp_path, name="mine", verbose=0
    )
    other = {**study.best.setting, "momentum": 0.9}
    apart = study.ablate(towards=other, seeds=2, name="apart", verbose=0)
    assert [t.label for t in apart.trials] == ["as it is", "momentum 0.9 instead of 0.5"]
    assert {len(t.executions) for t in apart.trials} == {2}
    assert apart.snapshot.definition.seed == 1
    assert apart.snapshot.manifest["command"].startswith("lenet-tune ablate mine")
    words = ["ablate", "mine", "--seeds", "2", "--dry-run", "--out", str(tmp_path)]
    assert "momentum" in CliRunner().invoke(main, words).stdout


@pytest.mark.usefixtures("fake")
def test_what_cannot_be_taken_apart_is_an_error_of_one_line(arrays, tmp_path):
    study = lenet_tune.search("grid", data=arrays, **SMALL, out=tmp_path)
    with pytest.raises(SettingError, match="Did you mean seeds"):
        study.ablate(seed_s=1)
    with pytest.raises(StudyError, match="pass --data"):
        study.ablate(verbose=0)
    assert study.ablate(data=arrays, seeds=1, verbose=0).trials[0].label == "as it is"
