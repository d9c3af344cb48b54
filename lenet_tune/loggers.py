"""Callbacks that log a search as it runs: to TensorBoard's event files, to MLflow."""

import time
from pathlib import Path

from lenet_tune import tensorboard as events
from lenet_tune.callbacks import Callback, Run, SearchEnd
from lenet_tune.engines.base import EpochResult
from lenet_tune.errors import SettingError
from lenet_tune.records import Ending
from lenet_tune.requirements import RequirementError

FORMS = "tensorboard:FOLDER, mlflow or mlflow:URI"
_TAG = "lenet_tune.run"


def parse(text: str) -> Callback:
    """The logger that `--log` names.

    Raises:
        SettingError: none of `FORMS`. RequirementError: its package is missing.
    """
    name, _, place = text.partition(":")
    if name == "tensorboard" and place:
        return TensorBoardLogger(place)
    if name == "mlflow":
        return MLflowLogger(place or None)
    raise SettingError(f"`log` must be {FORMS}, but got {text!r}.")


class TensorBoardLogger(Callback):
    """A run a seed, with its knobs for the HParams page, below `folder/STUDY`; made as it trains.

    Raises:
        RequirementError: the package tensorboard is missing.

    Example:
        lenet_tune.search("random", callbacks=[TensorBoardLogger("logs")])
    """

    def __init__(self, folder: str | Path) -> None:
        events.check_there("TensorBoardLogger")
        self.folder = Path(folder)
        self._files: dict[tuple[int, int], events.EventFile] = {}

    def on_trial_begin(self, run: Run) -> None:
        now = time.time()
        group = f"trial {run.trial}" + ("" if run.fresh is None else ", fresh seeds")
        self._file(run).add(now, 0, events.beginning(run.setting, group, now))

    def on_epoch_end(self, run: Run, epoch: EpochResult) -> None:
        file, now = self._file(run), time.time()
        for summary in events.curves(epoch, run.held_out):
            file.add(now, epoch.epoch, summary)

    def on_trial_end(self, run: Run, ending: Ending, last: EpochResult | None) -> None:
        now = time.time()
        self._file(run).add(now, 0, events.end(ending.outcome, now))
        self._files.pop(run.id).close()

    def on_search_end(self, end: SearchEnd) -> None:
        while self._files:
            self._files.popitem()[1].close()

    def _file(self, run: Run) -> events.EventFile:
        if run.id not in self._files:
            kind = f"seed-{run.repeat}" if run.fresh is None else f"fresh-{run.fresh}"
            folder = self.folder / run.study / f"trial-{run.trial:04d}" / kind
            self._files[run.id] = events.EventFile.next_in(folder, time.time())
        return self._files[run.id]


class MLflowLogger(Callback):
    """A run a seed in the experiment of the study's name: knobs as parameters, curves as metrics.

    A search that goes on goes on with its runs.

    Args:
        uri: of the tracking server or store; None for MLflow's own default.
        experiment: its name; None for the study's.

    Raises:
        RequirementError: the package mlflow is missing.
    """

    def __init__(self, uri: str | None = None, *, experiment: str | None = None) -> None:
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            raise RequirementError(
                f"MLflowLogger needs the package mlflow ({error}): pip install 'lenet-tune[mlflow]'"
            ) from error
        self._client = MlflowClient(tracking_uri=uri)
        self._experiment = experiment
        self._ids: dict[tuple[int, int], str] = {}

    def on_trial_begin(self, run: Run) -> None:
        from mlflow.entities import Param

        params = [Param(name, str(value)) for name, value in run.setting.items()]
        self._client.log_batch(self._id(run), params=params)

    def on_epoch_end(self, run: Run, epoch: EpochResult) -> None:
        from mlflow.entities import Metric

        now = _milliseconds()
        named = zip(events.tags(run.held_out), events.values(epoch), strict=True)
        metrics = [Metric(name, value, now, epoch.epoch) for name, value in named]
        self._client.log_batch(self._id(run), metrics=metrics)

    def on_trial_end(self, run: Run, ending: Ending, last: EpochResult | None) -> None:
        identity = self._id(run)
        self._client.set_tag(identity, "lenet_tune.outcome", ending.outcome)
        if ending.error:
            self._client.set_tag(identity, "lenet_tune.error", ending.error)
        status = "FINISHED" if ending.outcome in ("done", "stopped") else "FAILED"
        self._client.set_terminated(self._ids.pop(run.id), status=status)

    def on_search_end(self, end: SearchEnd) -> None:
        while self._ids:
            self._client.set_terminated(self._ids.popitem()[1], status="KILLED")

    def _id(self, run: Run) -> str:
        """The run's id; one that an earlier sitting began is found by its tag."""
        if run.id not in self._ids:
            place = self._place(self._experiment or run.study)
            tag = f"{run.study}/{run.trial}/{run.repeat}"
            found = self._client.search_runs([place], f"tags.`{_TAG}` = '{tag}'", max_results=1)
            if found:
                self._client.update_run(found[0].info.run_id, status="RUNNING")
                self._ids[run.id] = found[0].info.run_id
            else:
                name = f"trial {run.trial}, seed {run.repeat}: {run.label}"
                made = self._client.create_run(place, run_name=name, tags={_TAG: tag})
                self._ids[run.id] = made.info.run_id
        return self._ids[run.id]

    def _place(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        return self._client.create_experiment(name) if found is None else found.experiment_id


def _milliseconds() -> int:
    return int(time.time() * 1000)
