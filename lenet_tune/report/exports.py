"""Exports of a study for other tools: tables as CSV and JSON, every chart as PNG and SVG."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lenet_tune import analysis
from lenet_tune.analysis.ranking import epochs_done, in_order
from lenet_tune.interchange import snapshot_to_json
from lenet_tune.records import ExecutionRecord, Snapshot
from lenet_tune.report import pictures
from lenet_tune.report.chart import Chart
from lenet_tune.report.draw import unchecked
from lenet_tune.report.files import write_atomically
from lenet_tune.report.live import drawings
from lenet_tune.report.page import page_parts
from lenet_tune.report.safe import clean
from lenet_tune.report.vega import png_file, svg_file

_ACTS = ("=", "+", "-", "@", "\t", "\r", "\n")  # how a cell begins that a spreadsheet may run


def export_tables(snapshot: Snapshot, folder: Path) -> list[Path]:
    """Write `trials.csv`, `epochs.csv` and `trials.json`; returns their paths.

    Raises:
        StudyError: a file cannot be written; the one that was there stays.
    """
    folder = Path(folder)
    text = json.dumps(snapshot_to_json(snapshot), allow_nan=False, ensure_ascii=True) + "\n"
    return [
        write_atomically(folder / "trials.csv", trials_csv(snapshot).encode("utf-8")),
        write_atomically(folder / "epochs.csv", to_csv(epoch_rows(snapshot)).encode("utf-8")),
        write_atomically(folder / "trials.json", text.encode("ascii")),
    ]


def export_plots(snapshot: Snapshot, folder: Path) -> list[Path]:
    """Write every chart and picture of the page as PNG and SVG; returns their paths.

    The study's notice stands in the title of every chart and in the description inside every picture.

    Raises:
        StudyError: a file cannot be written; the one that was there stays.
    """
    folder, written = Path(folder), []
    notice = snapshot.definition.notice
    for chart in all_charts(snapshot):
        if notice:
            chart = replace(chart, title=f"{chart.title} [{notice}]")
        written.append(write_atomically(folder / f"{chart.name}.png", png_file(chart)))
        written.append(write_atomically(folder / f"{chart.name}.svg", svg_file(chart)))
    for picture in _all_pictures(snapshot):
        written.append(write_atomically(folder / f"{picture.name}.png", pictures.enlarged(picture, notice)))
        written.append(write_atomically(folder / f"{picture.name}.svg", pictures.as_svg(picture, notice)))
    return written


def all_charts(snapshot: Snapshot) -> Iterator[Chart]:
    """Every chart that the page shows."""
    with unchecked():
        for drawing in drawings(page_parts(snapshot)):
            yield drawing.chart


def _all_pictures(snapshot: Snapshot) -> Iterator[pictures.Picture]:
    model = analysis.best_model(snapshot.best_model)
    if model is None:
        return
    found = [pictures.kernels_picture(model)]
    for pair in pictures.sample_pictures(model):
        found += [pair.image, pair.maps]
    yield from (picture for picture in found if picture is not None)


def trials_csv(snapshot: Snapshot) -> str:
    """What `trials.csv` holds."""
    return to_csv(trial_rows(snapshot))


def trial_rows(snapshot: Snapshot) -> list[list[Any]]:
    """A header, then a row a trial, best first: raw numbers, every knob, and each seed's accuracy."""
    knobs = in_order(name for trial in snapshot.trials for name in trial.setting)
    repeats = range(max((len(t.searched) for t in snapshot.trials), default=0))
    fresh = range(max((len(t.confirming) for t in snapshot.trials), default=0))
    d = snapshot.definition
    head = ["rank", "trial", "label", "status", "held_out", "score", "sd", "n"]
    head += [f"accuracy_{i}" for i in repeats] + [f"fresh_accuracy_{i}" for i in fresh]
    rows: list[list[Any]] = [[*head, "epochs_done", "train_seconds", *knobs, "error", "notice"]]
    ranks = snapshot.ranks
    others = (trial for trial in snapshot.trials if trial.number not in ranks)
    for trial in (*snapshot.order, *others):
        cells = [ranks.get(trial.number), trial.number, trial.label, trial.status, d.held_out_name]
        cells += [trial.score, trial.spread, len(trial.accuracies)]
        cells += _accuracies(trial.searched, len(repeats)) + _accuracies(trial.confirming, len(fresh))
        cells += [epochs_done(trial), trial.seconds, *(trial.setting.get(name) for name in knobs)]
        errors = "; ".join(dict.fromkeys(e.error for e in trial.executions if e.error))
        rows.append([*cells, errors or None, d.notice])
    return rows


def _accuracies(executions: Sequence[ExecutionRecord], width: int) -> list[float | None]:
    found = [execution.accuracy for execution in executions]
    return found + [None] * (width - len(found))


def epoch_rows(snapshot: Snapshot) -> list[list[Any]]:
    """A header, then a row for each epoch of each execution."""
    names = ("epoch", "train_loss", "train_accuracy", "held_out_loss", "held_out_accuracy", "seconds")
    d = snapshot.definition
    rows: list[list[Any]] = [["trial", "repeat", "purpose", "seed", *names, "held_out", "notice"]]
    for trial in snapshot.trials:
        for execution in trial.executions:
            start = [trial.number, execution.repeat, execution.purpose, execution.seed]
            for result in execution.epochs:
                rows.append([*start, *(getattr(result, n) for n in names), d.held_out_name, d.notice])
    return rows


def to_csv(rows: Iterable[Iterable[Any]]) -> str:
    """Rows as CSV; text that a spreadsheet would run gets an apostrophe before it."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([csv_cell(value) for value in row] for row in rows)
    return buffer.getvalue()


def csv_cell(value: Any) -> str:
    """A value as the text of a cell: nothing for None, numbers in full precision."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    text = clean(str(value))
    return f"'{text}" if text.startswith(_ACTS) else text
