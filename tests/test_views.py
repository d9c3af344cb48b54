"""What the terminal shows: within its width, whole in a pipe."""

import sys
from pathlib import Path

import pytest
import repro_factory

from lenet_tune import analysis, views
from lenet_tune.analysis.reproduction import reproduction
from lenet_tune.reproduce.words import print_verdicts
from lenet_tune.sections import runs

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory


@pytest.fixture
def printed(capsys, monkeypatch):
    """Prints a study's table for a terminal so wide, or into a pipe; returns the lines."""

    def show(snapshot, width=None, rows=None):
        if width is None:
            monkeypatch.delenv("COLUMNS", raising=False)
        else:
            monkeypatch.setenv("COLUMNS", str(width))
        views.print_trials(snapshot, rows)
        return capsys.readouterr().out.splitlines()

    return show


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize(
    "make", [lambda: factory.search(30, seeds=2, wide=True), lambda: factory.section_grid(1)]
)
def test_no_line_is_wider_than_the_terminal_and_none_is_cut(printed, width, make):
    lines = printed(make(), width)
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines)


def test_a_narrow_terminal_shows_knobs_that_tell_trials_apart_and_how_many_are_left_out(printed):
    study = factory.search(30, wide=True)
    narrow, whole = printed(study, 80), printed(study)
    knobs = set(whole[0].split()) - set(views.RIGHT) - {"status", "seconds"}
    shown = knobs & set(narrow[0].split())
    assert "learning_rate" in shown
    assert shown < knobs
    (left_out,) = [line for line in narrow if "further knob" in line]
    assert left_out.startswith(f"{len(knobs) - len(shown)} further knob")


def test_a_pipe_gets_one_line_a_trial_with_every_knob(printed):
    study = factory.search(30, wide=True)
    lines = printed(study)
    firsts = [line.split()[:2] for line in lines]
    for trial in study.ranked:
        assert firsts.count([str(study.ranks[trial.number]), str(trial.number)]) == 1
    assert set(analysis.varying(study)) <= set(lines[0].split())


def test_a_last_column_goes_on_below_itself():
    lines = views.aligned(("trial", "setting"), [("1", "adjusted: lr 0.01, tanh, cross-entropy")], 30)
    assert lines == ["trial  setting", "    1  adjusted: lr 0.01,", "       tanh, cross-entropy"]


def test_what_fits_is_not_wrapped():
    rows = [("1", "short")]
    assert views.aligned(("trial", "setting"), rows, 80) == views.aligned(("trial", "setting"), rows)


def test_verdicts_fit_a_terminal_of_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    study = repro_factory.study([(run.setting, {0: 0.5, 1: 0.52, 2: 0.51}) for run in runs(1)])
    print_verdicts(reproduction([study], {}))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("C13") for line in lines)
