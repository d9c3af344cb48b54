"""Exports: numbers as they were measured, cells that spreadsheets do not run, plots of every chart."""

import csv
import io
import json
from dataclasses import replace

import pytest
import report_factory as factory
from PIL import Image

from lenet_tune.errors import StudyError
from lenet_tune.interchange import snapshot_from_json
from lenet_tune.report import export_plots, export_tables
from lenet_tune.report.exports import all_charts, csv_cell, to_csv, trials_csv


@pytest.fixture(scope="module")
def snapshot():
    return factory.search(12, seeds=2, epochs=3)


def read(path):
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


def test_tables_hold_every_trial_and_every_epoch(snapshot, tmp_path):
    trials_path, epochs_path, json_path = export_tables(snapshot, tmp_path / "new")
    trials = read(trials_path)
    assert len(trials) == len(snapshot.trials)
    assert int(trials[0]["trial"]) == snapshot.best.number
    assert float(trials[0]["score"]) == snapshot.best.score
    assert [float(trials[0][f"accuracy_{i}"]) for i in range(2)] == list(snapshot.best.accuracies)
    assert float(trials[0]["learning_rate"]) == snapshot.best.setting["learning_rate"]
    epochs = read(epochs_path)
    assert len(epochs) == sum(len(e.epochs) for t in snapshot.trials for e in t.executions)
    first = snapshot.trials[0].executions[0].epochs[0]
    assert float(epochs[0]["held_out_accuracy"]) == first.held_out_accuracy
    back = snapshot_from_json(json.loads(json_path.read_text(encoding="ascii")))
    assert repr(back) == repr(snapshot)


def test_every_row_of_every_table_carries_the_notice(tmp_path):
    made = factory.section_grid(2, epochs=2, notice=factory.NOTICE)
    for path in export_tables(made, tmp_path)[:2]:
        assert {row["notice"] for row in read(path)} == {factory.NOTICE}


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0"]
)
def test_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text):
    cell = csv_cell(text)
    assert cell.startswith(("'", "\ufffd"))


def test_numbers_keep_their_sign_and_every_digit():
    assert csv_cell(-0.1) == "-0.1"
    assert float(csv_cell(1 / 3)) == 1 / 3
    assert csv_cell(True) == "true"
    assert csv_cell(None) == ""


def test_quotes_commas_and_newlines_come_back():
    row = ['a "b"', "c,d", "e\nf"]
    assert list(csv.reader(io.StringIO(to_csv([row]), newline=""))) == [row]


def test_hostile_labels_and_errors_cannot_break_the_csv():
    bad = factory.trial(0, [0.1], label='=HYPERLINK("x")', outcome="failed", error='a"\n=2,\x00\ud800')
    made = replace(factory.search(1, best=False), trials=(bad,), test_readings=())
    row = next(csv.DictReader(io.StringIO(trials_csv(made), newline="")))
    assert row["label"] == '\'=HYPERLINK("x")'
    assert row["error"] == 'a"\n=2,\ufffd\ufffd'
    trials_csv(made).encode("utf-8")


def test_an_empty_study_exports_headers(tmp_path):
    made = replace(factory.search(3, best=False), trials=(), test_readings=())
    paths = export_tables(made, tmp_path)
    assert [read(path) for path in paths[:2]] == [[], []]
    assert export_plots(made, tmp_path) == []


def test_plots_are_written_as_png_and_svg(tmp_path):
    made = factory.section_grid(2, seeds=2, epochs=3)
    paths = export_plots(made, tmp_path)
    names = {path.stem for path in paths}
    assert {c.name for c in all_charts(made)} <= names
    assert {"kernels", "maps-0", "image-9", "confusion", "best-so-far"} <= names
    assert {path.suffix for path in paths} == {".png", ".svg"}
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as image:
                image.verify()
        else:
            assert path.read_bytes().startswith(b"<svg xmlns=")


def test_every_plot_carries_the_notice(tmp_path):
    made = factory.section_grid(2, epochs=2, notice=factory.NOTICE)
    for path in export_plots(made, tmp_path):
        if path.suffix == ".svg":
            assert factory.NOTICE in path.read_text(encoding="utf-8")
    with Image.open(tmp_path / "kernels.png") as image:
        assert factory.NOTICE in image.info["Description"]


def test_plots_of_hostile_names_can_be_drawn(tmp_path):
    made = factory.search(4)
    classes = ["$x^2$", "\\frac{", "🦊", "<b>", "nul\x00", "\ud800", "a" * 500, "%", "שלום", ""]
    made = replace(made, best_model=factory.best_model(0, classes=classes))
    assert export_plots(made, tmp_path)


def test_exports_are_the_same_twice(snapshot, tmp_path):
    one, two = (export_tables(snapshot, tmp_path / name) for name in ("a", "b"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in two]


def test_a_file_in_the_place_of_the_folder_is_one_clear_line(snapshot, tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(StudyError, match="Cannot write") as caught:
        export_tables(snapshot, tmp_path / "out")
    assert "\n" not in str(caught.value)
