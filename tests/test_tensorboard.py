"""Event files, read back by TensorBoard itself."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lenet_tune import tensorboard as events
from lenet_tune.cli import main
from lenet_tune.studyexport import export_text

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory


@pytest.fixture(scope="module")
def made():
    """A search with a failed trial, one that still runs, and a leader with fresh seeds."""
    search = factory.search(9, seeds=2, best=False)
    data = {**search.definition.data, "num_classes": 10}
    search = replace(search, definition=replace(search.definition, data=data))
    leader = search.trials[0]
    fresh = [replace(factory.execution(0, r, 0.5), purpose="confirm") for r in (2, 3)]
    running = search.trials[8]
    trials = (
        replace(leader, executions=(*leader.executions, *fresh)),
        *search.trials[1:8],
        replace(running, executions=tuple(replace(e, outcome=None) for e in running.executions)),
    )
    return replace(search, trials=trials)


@pytest.fixture(scope="module")
def folder(made, tmp_path_factory):
    return events.write_events(made, tmp_path_factory.mktemp("events"))


def read(path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(path)).Reload()


def hparams(path):
    """What the HParams page reads of a run: its start and, if it has ended, its end."""
    from tensorboard.plugins.hparams import metadata

    content = read(path).PluginTagToContent(metadata.PLUGIN_NAME)
    start = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    end = content.get(metadata.SESSION_END_INFO_TAG)
    return start, None if end is None else metadata.parse_session_end_info_plugin_data(end)


def test_every_execution_is_a_run_with_its_curves(made, folder):
    from tensorboard.util import tensor_util

    runs = {str(p.parent.relative_to(folder)) for p in folder.glob("*/*/*tfevents*")}
    expected = {f"trial-{t.number:04d}/seed-{k}" for t in made.trials for k in range(2)}
    assert runs == expected | {"trial-0000/fresh-0", "trial-0000/fresh-1"}
    run = read(folder / "trial-0003" / "seed-1")
    for tag, name in zip(
        events.tags("validation"),
        ("held_out_accuracy", "held_out_loss", "train_accuracy", "train_loss"),
        strict=True,
    ):
        found = [(e.step, float(tensor_util.make_ndarray(e.tensor_proto))) for e in run.Tensors(tag)]
        recorded = made.trials[3].executions[1].epochs
        assert found == [(r.epoch, float(np.float32(getattr(r, name)))) for r in recorded]


def test_times_run_from_the_start_of_the_study_by_seconds_of_training(folder):
    points = read(folder / "trial-0003" / "seed-0").Tensors("validation/accuracy")
    start = 1767261600  # 2026-01-01T10:00:00Z
    assert [p.wall_time for p in points] == [start + 1.5 * k for k in range(1, 6)]


def test_a_loss_that_is_no_number_is_kept(folder):
    from tensorboard.util import tensor_util

    last = read(folder / "trial-0004" / "seed-0").Tensors("train/loss")[-1]
    assert math.isnan(float(tensor_util.make_ndarray(last.tensor_proto)))


def test_the_seeds_of_a_trial_are_one_session_group_and_fresh_ones_another(folder):
    names = {
        str(p.parent.relative_to(folder)): hparams(p.parent)[0].group_name
        for p in folder.glob("trial-000[01]/*/*")
    }
    assert names == {
        "trial-0000/seed-0": "trial 0",
        "trial-0000/seed-1": "trial 0",
        "trial-0000/fresh-0": "trial 0, fresh seeds",
        "trial-0000/fresh-1": "trial 0, fresh seeds",
        "trial-0001/seed-0": "trial 1",
        "trial-0001/seed-1": "trial 1",
    }


def test_a_run_holds_its_setting_and_how_it_ended(made, folder):
    from tensorboard.plugins.hparams import api_pb2

    start, end = hparams(folder / "trial-0003" / "seed-0")
    setting = made.trials[3].setting
    assert set(start.hparams) == set(setting)
    assert start.hparams["learning_rate"].number_value == setting["learning_rate"]
    assert start.hparams["activation"].string_value == setting["activation"]
    assert start.hparams["conv_bias"].bool_value is setting["conv_bias"]
    assert end.status == api_pb2.STATUS_SUCCESS
    assert hparams(folder / "trial-0004" / "seed-0")[1].status == api_pb2.STATUS_FAILURE
    assert hparams(folder / "trial-0008" / "seed-0")[1] is None


def test_the_experiment_names_the_knobs_that_vary_and_the_metrics(folder):
    from tensorboard.plugins.hparams import metadata

    content = read(folder).PluginTagToContent(metadata.PLUGIN_NAME)[metadata.EXPERIMENT_TAG]
    experiment = metadata.parse_experiment_plugin_data(content)
    assert [i.name for i in experiment.hparam_infos] == ["learning_rate", "activation", "loss"]
    assert [i.name.tag for i in experiment.metric_infos] == list(events.tags("validation"))


def test_the_same_study_gives_the_same_bytes_and_replaces_the_files(made, folder):
    before = {p: p.read_bytes() for p in folder.rglob("*tfevents*")}
    events.write_events(made, folder)
    assert {p: p.read_bytes() for p in folder.rglob("*tfevents*")} == before


def test_writing_needs_no_tensorflow(made, tmp_path):
    study = tmp_path / "study.json"
    study.write_text(export_text(made), encoding="utf-8")
    code = (
        "import sys; from pathlib import Path; from lenet_tune import tensorboard\n"
        "from lenet_tune.studyexport import read_export\n"
        f"tensorboard.write_events(read_export(Path({str(study)!r})), Path({str(tmp_path / 'e')!r}))\n"
        "sys.exit(str({'tensorflow', 'keras'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stderr.strip(), len(list(tmp_path.glob("e/*/*/*tfevents*")))) == ("", 20)


def test_the_export_command_writes_them_beside_the_tables(made, tmp_path, monkeypatch):
    monkeypatch.setattr("lenet_tune.cli_views._export_model", lambda *words: [])
    monkeypatch.setattr("lenet_tune.report.export_plots", lambda *words: [])
    study, to = tmp_path / "study.json", tmp_path / "to"
    study.write_text(export_text(made), encoding="utf-8")
    plain = CliRunner().invoke(main, ["export", str(study), "--to", str(to)])
    assert not (to / "tensorboard").exists()
    done = CliRunner().invoke(main, ["export", str(study), "--to", str(to), "--tensorboard"])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{plain.stdout}{to / 'tensorboard'}\n"
    assert hparams(to / "tensorboard" / "trial-0001" / "seed-1")[0].group_name == "trial 1"


def test_a_missing_package_is_one_line_with_the_way_out(made, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "tensorboard.summary.writer.record_writer", raising=False)
    study = tmp_path / "study.json"
    study.write_text(export_text(made), encoding="utf-8")
    done = CliRunner().invoke(main, ["export", str(study), "--to", str(tmp_path / "to"), "--tensorboard"])
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 1
    assert "pip install 'lenet-tune[tensorboard]'" in done.stderr
    assert not (tmp_path / "to").exists()
