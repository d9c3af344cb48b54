"""A study as TensorBoard event files: a run an execution, with its epochs and its knobs.

Written with TensorBoard's own messages and record writer, without TensorFlow. The seeds of a trial are one
session group of the HParams page; the fresh seeds of a leader are another.
"""

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from lenet_tune import analysis
from lenet_tune.knobs import BY_NAME
from lenet_tune.records import ExecutionRecord, Snapshot, TrialRecord
from lenet_tune.requirements import RequirementError

FILE_NAME = "events.out.tfevents.0.lenet-tune"
"""One name for all, so that a second export replaces the first; TensorBoard asks for the middle part only."""


def check_there() -> None:
    """Refuse where the package is missing.

    Raises:
        RequirementError: with the pip command that mends it.
    """
    try:
        import tensorboard.summary.writer.record_writer  # noqa: F401
    except ImportError as error:
        raise RequirementError(
            f"--tensorboard needs the package tensorboard ({error}): pip install 'lenet-tune[tensorboard]'"
        ) from error


def write_events(snapshot: Snapshot, folder: Path) -> Path:
    """Write the study's runs below `folder`, and return it.

    Raises:
        RequirementError: the package tensorboard is missing. StudyError: a file cannot be written.
    """
    check_there()
    from lenet_tune.report.files import write_atomically

    held_out = snapshot.definition.held_out_name
    write_atomically(folder / FILE_NAME, _file([(_started(snapshot), 0, _experiment(snapshot))]))
    for trial in snapshot.trials:
        for execution in trial.executions:
            if execution.epochs or execution.outcome:
                events = list(_run(trial, execution, _started(snapshot), held_out))
                write_atomically(folder / _run_name(trial, execution) / FILE_NAME, _file(events))
    return folder


Event = tuple[float, int, Any]
"""Time (seconds since 1970), step, summary message."""


def _file(events: list[Event]) -> bytes:
    from tensorboard.compat.proto.event_pb2 import Event as Message
    from tensorboard.summary.writer.record_writer import RecordWriter

    buffer = io.BytesIO()
    writer = RecordWriter(buffer)
    writer.write(Message(wall_time=events[0][0], file_version="brain.Event:2").SerializeToString())
    for when, step, summary in events:
        writer.write(Message(wall_time=when, step=step, summary=summary).SerializeToString())
    return buffer.getvalue()


def _experiment(snapshot: Snapshot) -> Any:
    """The knobs that vary and the metrics, for the HParams page."""
    from tensorboard.plugins.hparams import summary_v2

    knobs = [
        summary_v2.HParam(name, description=BY_NAME[name].help if name in BY_NAME else None)
        for name in analysis.varying(snapshot)
    ]
    held_out = snapshot.definition.held_out_name
    metrics = [summary_v2.Metric(tag, display_name=tag) for tag in tags(held_out)]
    return summary_v2.hparams_config_pb(knobs, metrics, time_created_secs=_started(snapshot))


def tags(held_out: str) -> tuple[str, str, str, str]:
    """Names of the four curves: accuracy and loss on held-out images, then on training images."""
    return f"{held_out}/accuracy", f"{held_out}/loss", "train/accuracy", "train/loss"


def _run(trial: TrialRecord, execution: ExecutionRecord, started: float, held_out: str) -> Iterator[Event]:
    from tensorboard.plugins.hparams import summary_v2
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb

    yield started, 0, summary_v2.hparams_pb(trial.setting, trial_id=_group(trial, execution),
                                            start_time_secs=started)  # fmt: skip
    when = started
    for epoch in execution.epochs:
        when += epoch.seconds
        values = (epoch.held_out_accuracy, epoch.held_out_loss, epoch.train_accuracy, epoch.train_loss)
        for tag, value in zip(tags(held_out), values, strict=True):
            yield when, epoch.epoch, scalar_pb(tag, value)
    if execution.outcome is not None:
        yield when, 0, _end(execution.outcome, when)


def _end(outcome: str, when: float) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_SUCCESS if outcome in ("done", "stopped") else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=when)
    data = plugin_data_pb2.HParamsPluginData(session_end_info=end)
    described = metadata.create_summary_metadata(data)
    return Summary(
        value=[
            Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=described, tensor=metadata.NULL_TENSOR)
        ]
    )


def _group(trial: TrialRecord, execution: ExecutionRecord) -> str:
    return f"trial {trial.number}" + (", fresh seeds" if execution.purpose == "confirm" else "")


def _run_name(trial: TrialRecord, execution: ExecutionRecord) -> str:
    seeds = [e.repeat for e in trial.executions if e.purpose == execution.purpose]
    kind = "fresh" if execution.purpose == "confirm" else "seed"
    return f"trial-{trial.number:04d}/{kind}-{seeds.index(execution.repeat)}"


def _started(snapshot: Snapshot) -> float:
    """When the study began, seconds since 1970; 0 where it does not say."""
    try:
        return datetime.fromisoformat(snapshot.manifest["started"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return 0.0
