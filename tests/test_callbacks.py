"""What callbacks are told, and what becomes of a search whose callback raises."""

import dataclasses

import pytest
from fakes import fake_engine, fake_measurement

import lenet_tune
from lenet_tune import session
from lenet_tune.errors import CallbackError, SearchError
from lenet_tune.study import Study

SMALL = {"epochs": 3, "knobs": {"kernel_size": 3, "padding": "same"}, "confirm": 0, "verbose": 0, "trials": 4}


class Recorder(lenet_tune.Callback):
    """Remembers events; raises at the first event that `fails` says yes to."""

    def __init__(self, fails=lambda event, *values: False):
        self.events, self.fails = [], fails

    def _note(self, event, *values):
        self.events.append((event, *values))
        if self.fails(event, *values):
            raise ValueError("no more\nof this")

    def on_trial_begin(self, run):
        self._note("begin", run)

    def on_epoch_end(self, run, epoch):
        self._note("epoch", run, epoch)

    def on_trial_end(self, run, ending, last):
        self._note("end", run, ending, last)

    def on_search_end(self, end):
        self._note("search end", end)

    def of(self, event):
        return [values for name, *values in self.events if name == event]


@pytest.fixture
def look(tiny_data, tmp_path, monkeypatch):
    """Search with an engine that trains nothing; the callback, and the study or the error."""
    monkeypatch.setattr("lenet_tune.artifacts.measure_leaders", fake_measurement)

    def run(callback, engine=None, **options):
        monkeypatch.setattr(session, "load_engine", lambda name: engine or fake_engine())
        options = {**SMALL, **options}
        return lenet_tune.search("random", data=tiny_data, out=tmp_path, callbacks=[callback], **options)

    return run


def test_every_trial_begins_has_its_epochs_and_ends(look):
    told = Recorder()
    study = look(told, seeds=2)
    assert [run.id for (run,) in told.of("begin")] == sorted(run.id for (run,) in told.of("begin"))
    assert len(told.of("begin")) == len(told.of("end")) == 8
    for run, epoch in told.of("epoch"):
        stored = study.trials[run.trial].executions[run.repeat]
        assert epoch == stored.epochs[epoch.epoch - 1]
        assert run.setting == study.trials[run.trial].setting
    for run, ending, last in told.of("end"):
        stored = study.trials[run.trial].executions[run.repeat]
        assert ending.outcome == stored.outcome
        assert last == stored.epochs[-1]
    for trial in study.trials:
        for execution in trial.executions:
            mine = [(n, v[1].epoch if n == "epoch" else 0) for n, *v in told.events
                    if n != "search end" and v[0].id == (trial.number, execution.repeat)]  # fmt: skip
            epochs = [("epoch", e.epoch) for e in execution.epochs]
            assert mine == [("begin", 0), *epochs, ("end", 0)]


def test_the_end_of_the_search_comes_last_with_its_best(look):
    told = Recorder()
    study = look(told)
    (end,) = told.events[-1][1:]
    assert told.events[-1][0] == "search end"
    assert (end.complete, end.trials, end.best, end.score) == (True, 4, study.best.trial, study.best.score)


def test_values_are_frozen(look):
    told = Recorder()
    look(told)
    for _, *values in told.events:
        for value in values:
            with pytest.raises(dataclasses.FrozenInstanceError):
                value.study = "another"


def test_fresh_seeds_of_the_confirmation_are_told_as_such(look):
    told = Recorder()
    look(told, confirm=3, seeds=2)
    fresh = [run for (run,) in told.of("begin") if run.fresh is not None]
    assert {run.fresh for run in fresh} >= {0, 1}
    assert all(run.repeat == run.fresh + 2 for run in fresh)


@pytest.mark.parametrize("event", ["begin", "epoch", "end", "search end"])
def test_a_callback_that_raises_ends_the_search_with_one_line_and_nothing_is_lost(look, event, tmp_path):
    seen = []

    def fails(name, *values):
        seen.extend([name] if name == event else [])
        return len(seen) == (1 if event == "search end" else 2)

    told = Recorder(fails)
    with pytest.raises(CallbackError, match="The callback Recorder failed in on_") as stop:
        look(told)
    assert "\n" not in str(stop.value)
    assert isinstance(stop.value, SearchError)
    (path,) = tmp_path.glob("studies/*/study.db")
    with Study.read(path) as study:
        before = study.snapshot()
    assert before.count("failed") == 0
    told_epochs = {(run.id, epoch.epoch) for run, epoch in told.of("epoch")}
    assert told_epochs <= {((t.number, 0), e.epoch) for t in before.trials for e in t.executions[0].epochs}
    after = look(Recorder())
    assert [t.status for t in after.trials] == ["done"] * 4
    for old, new in zip(before.trials, after.trials, strict=False):
        assert new.executions[0].epochs[: len(old.executions[0].epochs)] == old.executions[0].epochs


def test_a_search_that_goes_on_does_not_repeat_finished_epochs(look):
    first = Recorder(lambda event, *values: event == "epoch" and values[1].epoch == 2)
    with pytest.raises(CallbackError):
        look(first, checkpoint_every=1)
    second = Recorder()
    study = look(second)
    keys = [[(run.id, epoch.epoch) for run, epoch in told.of("epoch")] for told in (first, second)]
    assert not set(keys[0]) & set(keys[1])
    begun = [[run.id for (run,) in told.of("begin")] for told in (first, second)]
    assert not set(begun[0]) & set(begun[1])
    assert sorted(begun[0] + begun[1]) == [(t.number, 0) for t in study.trials]
    third = Recorder()
    look(third)
    assert third.events == []


def test_epochs_trained_again_after_an_error_are_told_once(look):
    epochs = []

    def break_once():
        epochs.append(None)
        if len(epochs) == 3:
            raise ValueError("once")

    told = Recorder()
    look(told, fake_engine(on_epoch=break_once), checkpoint_every=10, seeds=2)
    keys = [(run.id, epoch.epoch) for run, epoch in told.of("epoch")]
    assert len(keys) == len(set(keys)) == 24


def test_an_error_of_the_search_is_told_at_its_end_and_stays_the_error(look):
    def fail(execution):
        raise ValueError("out of luck")

    told = Recorder(lambda event, *values: event == "search end")
    with pytest.raises(SearchError, match="in a row failed"):
        look(told, fake_engine(fail=fail), trials=9)
    assert [ending.outcome for _, ending, _ in told.of("end")] == ["failed"] * 5
    ((end,),) = told.of("search end")
    assert not end.complete
    assert end.best is None
