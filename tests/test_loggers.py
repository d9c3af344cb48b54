"""Loggers with the packages that they log to."""

import sys

import pytest
from click.testing import CliRunner
from fakes import fake_engine, fake_measurement
from test_callbacks import SMALL

import lenet_tune
from lenet_tune import loggers, session
from lenet_tune import tensorboard as events
from lenet_tune.cli import main
from lenet_tune.errors import CallbackError, SettingError
from lenet_tune.requirements import RequirementError


class Stopper(lenet_tune.Callback):
    """Stops the search at the end of an epoch."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, run, epoch):
        if epoch.epoch == self.epoch:
            raise ValueError("stop")


@pytest.fixture
def look(tiny_data, tmp_path, monkeypatch):
    monkeypatch.setattr("lenet_tune.artifacts.measure_leaders", fake_measurement)
    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine())

    def run(*callbacks, **options):
        options = {**SMALL, **options}
        return lenet_tune.search("random", data=tiny_data, out=tmp_path, callbacks=callbacks, **options)

    return run


@pytest.fixture
def tensorboard():
    return pytest.importorskip("tensorboard", reason="needs the extra tensorboard")


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    read = EventAccumulator(str(folder)).Reload()
    tags = events.tags("validation")
    return {
        t: [(e.step, float(tensor_util.make_ndarray(e.tensor_proto))) for e in read.Tensors(t)] for t in tags
    }


@pytest.mark.usefixtures("tensorboard")
def test_tensorboard_reads_back_every_epoch(look, tmp_path):
    study = look(lenet_tune.TensorBoardLogger(tmp_path / "logs"), seeds=2)
    for trial in study.trials:
        for e in trial.executions:
            found = scalars(tmp_path / "logs" / study.name / f"trial-{trial.number:04d}" / f"seed-{e.repeat}")
            for tag, *values in zip(events.tags("validation"), *map(events.values, e.epochs), strict=True):
                assert found[tag] == [(i, pytest.approx(v, rel=1e-6)) for i, v in enumerate(values, start=1)]


@pytest.mark.usefixtures("tensorboard")
def test_tensorboard_has_the_knobs_and_how_a_run_ended(look, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import api_pb2, metadata

    study = look(lenet_tune.TensorBoardLogger(tmp_path / "logs"))
    read = EventAccumulator(str(tmp_path / "logs" / study.name / "trial-0001" / "seed-0")).Reload()
    content = read.PluginTagToContent(metadata.PLUGIN_NAME)
    start = metadata.parse_session_start_info_plugin_data(content[metadata.SESSION_START_INFO_TAG])
    end = metadata.parse_session_end_info_plugin_data(content[metadata.SESSION_END_INFO_TAG])
    assert start.hparams["momentum"].number_value == study.trials[1].setting["momentum"]
    assert end.status == api_pb2.STATUS_SUCCESS


@pytest.mark.usefixtures("tensorboard")
def test_a_run_that_goes_on_is_one_curve_in_tensorboard(look, tmp_path):
    with pytest.raises(CallbackError):
        look(lenet_tune.TensorBoardLogger(tmp_path / "logs"), Stopper(2))
    study = look(lenet_tune.TensorBoardLogger(tmp_path / "logs"))
    for folder in (tmp_path / "logs" / study.name).glob("*/*"):
        for points in scalars(folder).values():
            assert [step for step, _ in points] == [1, 2, 3]
    counts = [len(list(f.glob("*tfevents*"))) for f in (tmp_path / "logs" / study.name).glob("*/*")]
    assert 2 in counts


@pytest.mark.usefixtures("tensorboard")
def test_the_command_line_logs_too(tiny_npz, tmp_path, monkeypatch):
    monkeypatch.setattr("lenet_tune.artifacts.measure_leaders", fake_measurement)
    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine())
    words = ["random", "--trials", "2", "--epochs", "2", "--confirm", "0", "--knob", "kernel_size=3"]
    words += ["--knob", "padding=same", "--data", str(tiny_npz), "--out", str(tmp_path)]
    done = CliRunner().invoke(main, [*words, "--log", f"tensorboard:{tmp_path / 'logs'}"])
    assert done.exit_code == 0, done.output
    assert len(list(tmp_path.glob("logs/*/trial-*/seed-0/*tfevents*"))) == 2
    wrong = CliRunner().invoke(main, [*words, "--log", "paper"])
    assert wrong.exit_code == 2
    assert "tensorboard:FOLDER, mlflow or mlflow:URI" in wrong.stderr


@pytest.mark.usefixtures("tensorboard")
def test_a_folder_that_cannot_be_written_is_one_line(look, tmp_path):
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(CallbackError, match="TensorBoardLogger failed in on_trial_begin of trial 0"):
        look(lenet_tune.TensorBoardLogger(tmp_path / "logs"))


# MLflow and SQLAlchemy warn of each other.
mlflow_warns = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def store(tmp_path):
    """The address of a store of MLflow's, and a client that reads it."""
    mlflow = pytest.importorskip("mlflow", reason="needs the extra mlflow")
    pytest.importorskip("sqlalchemy", reason="MLflow's SQLite store needs sqlalchemy")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    return uri, mlflow.MlflowClient(tracking_uri=uri)


def mlflow_runs(client, study):
    return client.search_runs([client.get_experiment_by_name(study.name).experiment_id])


@mlflow_warns
def test_mlflow_reads_back_knobs_epochs_and_ends(look, store):
    uri, client = store
    study = look(lenet_tune.MLflowLogger(uri), seeds=2)
    found = {run.data.tags["lenet_tune.run"]: run for run in mlflow_runs(client, study)}
    assert len(found) == 8
    for trial in study.trials:
        for e in trial.executions:
            run = found[f"{study.name}/{trial.number}/{e.repeat}"]
            assert run.info.status == "FINISHED"
            assert run.data.params == {name: str(value) for name, value in trial.setting.items()}
            history = client.get_metric_history(run.info.run_id, "validation/accuracy")
            assert [(m.step, m.value) for m in history] == [
                (epoch.epoch, pytest.approx(epoch.held_out_accuracy)) for epoch in e.epochs
            ]


@mlflow_warns
def test_a_run_that_goes_on_is_one_run_in_mlflow(look, store):
    uri, client = store
    with pytest.raises(CallbackError):
        look(lenet_tune.MLflowLogger(uri), Stopper(2), lenet_tune.Callback())
    study = look(lenet_tune.MLflowLogger(uri))
    runs = mlflow_runs(client, study)
    assert len(runs) == 4
    for run in runs:
        history = client.get_metric_history(run.info.run_id, "train/loss")
        assert [m.step for m in history] == [1, 2, 3]
        assert run.info.status == "FINISHED"


@pytest.mark.parametrize("text", ["paper", "tensorboard", "tensorboard:", "", "mlflows"])
def test_a_log_of_another_form_is_refused(text):
    with pytest.raises(SettingError, match="`log` must be"):
        loggers.parse(text)


@pytest.mark.parametrize("name", ["tensorboard", "mlflow"])
def test_a_missing_package_is_one_line_with_the_way_out(name, monkeypatch):
    for module in [m for m in sys.modules if m.split(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RequirementError) as refusal:
        loggers.parse(f"{name}:somewhere")
    assert f"pip install 'lenet-tune[{name}]'" in str(refusal.value)
    assert "\n" not in str(refusal.value)
