"""A study as TensorBoard event files: a run an execution, with its epochs and its knobs.

Written with TensorBoard's own messages and record writer, without TensorFlow. The seeds of a trial are one
session group of the HParams page; the fresh seeds of a leader are another.
"""

import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from lenet_tune import analysis
from lenet_tune.engines.base import EpochResult
from lenet_tune.knobs import BY_NAME
from lenet_tune.records import ExecutionRecord, Snapshot, TrialRecord
from lenet_tune.requirements import RequirementError

FILE_NAME = "events.out.tfevents.0.lenet-tune"
"""One name for all, so that a second export replaces the first; TensorBoard asks for the middle part only."""

Event = tuple[float, int, Any]
"""Time (seconds since 1970), step, summary message."""


def check_there(who: str = "--tensorboard") -> None:
    """Refuse where the package is missing; `who` needs it.

    Raises:
        RequirementError: with the pip command that mends it.
    """
    try:
        import tensorboard.summary.writer.record_writer  # noqa: F401
    except ImportError as error:
        raise RequirementError(
            f"{who} needs the package tensorboard ({error}): pip install 'lenet-tune[tensorboard]'"
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


class EventFile:
    """Records of events, written to a stream one by one.

    Args:
        stream: open for bytes.
        started: seconds since 1970.
    """

    def __init__(self, stream: BinaryIO, started: float) -> None:
        from tensorboard.compat.proto.event_pb2 import Event as Message
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._stream, self._message = stream, Message
        self._writer = RecordWriter(stream)
        self._writer.write(Message(wall_time=started, file_version="brain.Event:2").SerializeToString())

    @classmethod
    def next_in(cls, folder: Path, started: float) -> "EventFile":
        """A new file in a folder, after those that are there: TensorBoard reads them by name."""
        folder.mkdir(parents=True, exist_ok=True)
        number = len(list(folder.glob("events.out.tfevents.*")))
        path = folder / f"events.out.tfevents.{number:010d}.lenet-tune"
        return cls(path.open("xb", buffering=0), started)

    def add(self, when: float, step: int, summary: Any) -> None:
        """Write one event."""
        message = self._message(wall_time=when, step=step, summary=summary)
        self._writer.write(message.SerializeToString())

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


def _file(events: list[Event]) -> bytes:
    buffer = io.BytesIO()
    file = EventFile(buffer, events[0][0])
    for event in events:
        file.add(*event)
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


def values(epoch: EpochResult) -> tuple[float, float, float, float]:
    """The values of an epoch that belong to `tags`."""
    return epoch.held_out_accuracy, epoch.held_out_loss, epoch.train_accuracy, epoch.train_loss


def curves(epoch: EpochResult, held_out: str) -> Iterator[Any]:
    """The summaries of an epoch, one a curve."""
    from tensorboard.plugins.scalar.summary_v2 import scalar_pb

    for tag, value in zip(tags(held_out), values(epoch), strict=True):
        yield scalar_pb(tag, value)


def beginning(setting: Mapping[str, Any], group: str, started: float) -> Any:
    """The summary that gives a run its knobs; runs of one group are seeds of one trial."""
    from tensorboard.plugins.hparams import summary_v2

    return summary_v2.hparams_pb(dict(setting), trial_id=group, start_time_secs=started)


def _run(trial: TrialRecord, execution: ExecutionRecord, started: float, held_out: str) -> Iterator[Event]:
    yield started, 0, beginning(trial.setting, _group(trial, execution), started)
    when = started
    for epoch in execution.epochs:
        when += epoch.seconds
        for summary in curves(epoch, held_out):
            yield when, epoch.epoch, summary
    if execution.outcome is not None:
        yield when, 0, end(execution.outcome, when)


def end(outcome: str, when: float) -> Any:
    """The summary that ends a run."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    status = api_pb2.STATUS_SUCCESS if outcome in ("done", "stopped") else api_pb2.STATUS_FAILURE
    info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=when)
    data = plugin_data_pb2.HParamsPluginData(session_end_info=info)
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
