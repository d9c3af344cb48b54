"""Row 11: loss not finite; row 12: everything fails; row 13: out of memory; row 15: slow trials."""

import numpy as np
import pytest
from fakes import fake_engine
from small_studies import WORDS, asked, begin, tools

from lenet_tune import loop, session, sites
from lenet_tune.errors import SearchError

SEARCH = ["random", "--trials", "8", "--epochs", "2", "--name", "mine", "--confirm", "0", *WORDS]


@pytest.mark.parametrize("engine", ["reference", "fused"])
def test_row_11_a_learning_rate_of_a_million_diverges_and_is_never_best(tmp_path, tiny_data, engine):
    knobs = ("learning_rate=0.05,1000000", "activation=relu", "final_activation=same", "kernel_size=3")
    knobs += ("padding=same", "loss=mean_squared_error", "filters=6", "depth=2")
    options = asked("grid", knobs=knobs, epochs=3, engine=engine)
    with begin(tmp_path, tiny_data, options) as study:
        loop.run(study, tools(study, tiny_data, train_group=session.load_engine(engine)))
        good, diverged = study.trials()
        assert study.snapshot().best.number == good.number
    assert (good.status, diverged.status) == ("done", "diverged")
    assert "loss not finite in epoch" in diverged.executions[0].error
    assert np.isfinite([e.held_out_accuracy for e in diverged.executions[0].epochs]).all()


def test_row_12_five_failures_in_a_row_end_the_search_with_the_common_error_once(cli, monkeypatch):
    def fail(execution) -> None:
        raise RuntimeError("the cable is out")

    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine(fail=fail))
    result = cli(*SEARCH)
    assert result.exit_code == 3
    error = result.stderr.splitlines()[-1]
    assert error.startswith("Error: 5 executions in a row failed")
    assert error.count("the cable is out") == 1
    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine())
    assert cli(*SEARCH).exit_code == 0  # mended, the same command goes on with the rest
    assert "5 failed, 3 done" in cli("study", "mine").stdout


def test_row_13_a_group_too_large_for_memory_is_tried_one_by_one(tmp_path, tiny_data):
    groups = []

    def train_group(executions, data, **more):
        groups.append(len(executions))
        if len(executions) > 1:
            np.empty(2**60, np.uint8)  # a real MemoryError
        return fake_engine()(executions, data, **more)

    with begin(tmp_path, tiny_data, asked("grid")) as study:
        search = tools(study, tiny_data, train_group=train_group)
        loop.run(study, search)
        assert {t.status for t in study.trials()} == {"done"}
    assert max(groups) > 1
    parted, reason = search.watcher.partings[0]
    assert len(parted) == groups[0]
    assert "MemoryError" in reason


def test_row_13_a_trial_too_large_for_memory_fails_with_its_size_and_the_search_goes_on(tmp_path, tiny_data):
    def fail(execution) -> None:
        if execution.trial == 1:
            np.empty(2**60, np.uint8)

    with begin(tmp_path, tiny_data, asked("random")) as study:
        loop.run(study, tools(study, tiny_data, train_group=fake_engine(fail=fail)))
        statuses = [t.status for t in study.trials()]
        error = study.trials()[1].executions[0].error
    assert statuses == ["done", "failed", "done", "done", "done", "done"]
    assert "MemoryError" in error
    assert "1.00 EiB" in error


def test_row_15_of_a_slow_group_each_trial_gets_its_own_time(tmp_path, tiny_data, monkeypatch):
    clock = {"now": 0.0}
    monkeypatch.setattr(sites.time, "monotonic", lambda: clock["now"])

    def train_group(executions, data, **more):
        def slow() -> None:
            clock["now"] += 10 * len(executions) * (4 if executions[0].trial == 3 else 1)

        return fake_engine(on_epoch=slow)(executions, data, **more)

    with begin(tmp_path, tiny_data, asked("grid", epochs=5)) as study:
        loop.run(study, tools(study, tiny_data, train_group=train_group, trial_timeout=65))
        statuses = [t.status for t in study.trials()]
        error = study.trials()[3].executions[0].error
    assert statuses == ["done", "done", "done", "failed", "done", "done"]
    assert error == "TimeoutError: not at its end after 65 s (--trial-timeout)"


def test_row_15_an_engine_that_never_answers_ends_the_search_with_exit_code_3(tmp_path, tiny_data):
    import threading

    release = threading.Event()
    with begin(tmp_path, tiny_data, asked("grid")) as study:
        engine = fake_engine(on_epoch=lambda: release.wait(30))
        with pytest.raises(SearchError, match="--trial-timeout") as refusal:
            loop.run(study, tools(study, tiny_data, train_group=engine, capacity=1, trial_timeout=0.1))
        release.set()
        assert refusal.value.exit_code == 3
        assert study.snapshot().count("failed") == 1


def test_row_13_a_group_that_is_tried_one_by_one_is_said_to_be(cli, monkeypatch):
    def train_group(executions, data, **more):
        if len(executions) > 1:
            raise MemoryError("no room")
        return fake_engine()(executions, data, **more)

    monkeypatch.setattr(session, "load_engine", lambda name: train_group)
    result = cli(*SEARCH, "--seeds", "2")
    assert result.exit_code == 0, result.output
    assert "failed and trains on one by one, which takes longer: MemoryError: no room" in result.stderr
