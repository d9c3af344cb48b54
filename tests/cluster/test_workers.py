"""Searches on workers of this host: same results as without, whatever becomes of the workers."""

import os
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import keras
import pytest
from cluster_checks import comparable
from fakes import SilentWatcher
from small_studies import asked, begin, tools

from lenet_tune import cluster, loop, plan, session, workers
from lenet_tune.cluster.worker import Duty
from lenet_tune.errors import SearchError


@pytest.mark.parametrize("kind", ["grid", "random", "bayes", "hyperband"])
def test_a_search_on_workers_ends_with_the_trials_of_one_without(searched, alone, notes, kind):
    options = {"seeds": 2} if kind == "grid" else {}
    assert comparable(searched(kind, **options)) == comparable(alone(kind, **options))
    assert len({pid for pid, _ in notes()}) == 2


def test_leaders_are_confirmed_on_workers_too(searched, alone):
    options = {"confirm": 3, "trials": 5}
    assert comparable(searched("random", **options)) == comparable(alone("random", **options))


def test_a_group_whose_worker_is_killed_goes_on_from_its_checkpoints(searched, alone, notes, capsys):
    found = searched("random", "killed_once", epochs=4)
    assert comparable(found) == comparable(alone("random", epochs=4))
    trained = Counter(word for _, words in notes() for word in words)
    assert set(trained.values()) == {1}, "an epoch was trained twice"
    assert len({pid for pid, words in notes() if any(w.startswith("0/0@") for w in words)}) == 2
    assert "A worker is lost: its process ended" in capsys.readouterr().err


def test_epochs_after_the_last_checkpoint_are_trained_again_and_stored_once(searched, alone, notes):
    # Workers learn when to send a state from their duty, the store from the search.
    every = {"changes": {"checkpoint_every": 2}, "duty_options": {"checkpoint_every": 2}}
    found = searched("random", "killed_once", epochs=5, trials=2, **every)
    assert comparable(found) == comparable(alone("random", epochs=5, trials=2))
    trained = Counter(word for _, words in notes() for word in words if word.startswith("0/0@"))
    assert trained == {"0/0@1": 1, "0/0@2": 1, "0/0@3": 2, "0/0@4": 1, "0/0@5": 1}


def test_a_trial_that_kills_its_workers_fails_alone(searched, notes, notes_folder, monkeypatch):
    monkeypatch.setattr("lenet_tune.cluster.shift.DEATHS", 2)
    trials = searched("grid", "killed_by_trial_1")
    assert [t.status for t in trials] == ["done", "failed", "done", "done", "done", "done"]
    error = trials[1].executions[0].error
    assert error.startswith(
        "WorkerLostError: 2 workers were lost with it; of the last one, its process ended"
    )
    sizes = (notes_folder / "deaths").read_text(encoding="utf-8").split()
    assert len(sizes) == 4, "two with its group, two alone"
    assert sizes[2:] == ["1"] * 2


def test_a_worker_that_does_not_answer_is_replaced(searched, alone, notes, capsys, monkeypatch):
    monkeypatch.setattr("lenet_tune.cluster.speeds.WORTH_MOVING", 1e9)
    assert comparable(searched("random", "stopped_once")) == comparable(alone("random"))
    assert "A worker is lost: it did not answer for 2 s" in capsys.readouterr().err


def test_a_trial_that_hangs_fails_and_the_search_goes_on(searched, notes):
    trials = searched("grid", "hangs_in_trial_1", fleet_options={"trial_timeout": 1.0})
    assert [t.status for t in trials] == ["done", "failed", "done", "done", "done", "done"]
    assert "no epoch ended within 2 s (--trial-timeout)" in trials[1].executions[0].error


def test_a_failing_trial_is_found_in_its_group(searched, notes):
    trials = searched("grid", "fails_in_trial_1")
    assert [t.status for t in trials] == ["done", "failed", "done", "done", "done", "done"]
    assert trials[1].executions[0].error == "RuntimeError: out of luck"


def test_a_slow_worker_does_not_hold_the_search_up(searched, alone, notes, capsys, monkeypatch):
    monkeypatch.setattr("lenet_tune.cluster.speeds.WORTH_MOVING", 1.0)
    found = searched("random", "slow_first_worker", trials=8)
    assert comparable(found) == comparable(alone("random", trials=8))
    assert "changes to a faster worker" in capsys.readouterr().err


def test_ray_on_this_host_listens_on_the_loopback_device_only(ray):
    own = {os.getpid()}
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    while more := {pid for pid, parent in parents.items() if parent in own} - own:
        own |= more
    sockets = set()
    for pid in own:
        with suppress(OSError):
            sockets |= {os.readlink(fd) for fd in Path(f"/proc/{pid}/fd").iterdir()}
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                listening.append(fields[1].partition(":")[0])
    assert len(listening) > 3
    assert set(listening) <= {"0100007F", "0000000000000000FFFF00000100007F"}


class Late(SilentWatcher):
    """Remembers epochs of executions that had ended."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list = []

    def epoch(self, epoch) -> None:
        over = {(end.trial, end.repeat) for end in self.endings}
        self.late += [r for r in epoch.results if r.id in over]


def test_early_stopping_reaches_executions_that_other_workers_train(searched, notes):
    watcher = Late()
    options = {"epochs": 8, "seeds": 3, "stop_bad": True, "audit": 0.0, "seed": 4}
    trials = searched("random", trials=16, changes={"watcher": watcher}, **options)
    assert watcher.late == []
    stopped = [t for t in trials if t.status == "stopped"]
    assert stopped
    assert all(e.outcome == "stopped" for t in stopped for e in t.executions)
    for trial in trials:
        for e in trial.executions:
            assert [r.epoch for r in e.epochs] == list(range(1, len(e.epochs) + 1))
            assert e.outcome == "stopped" or len(e.epochs) == 8


def test_a_budget_stops_after_the_epochs_under_way_and_keeps_them(searched, notes):
    with pytest.raises(loop.BudgetSpent):
        searched("random", "slow", trials=12, changes={"deadline": time.monotonic() - 1})
    assert len(notes()) == 1, "one group got an epoch, however late it was"


def test_a_worker_that_cannot_start_is_one_line(searched):
    with pytest.raises(SearchError, match=r"No worker can be started: .*no_such_engine"):
        searched("random", "no_such_engine")


def test_the_real_engine_gives_the_numbers_it_gives_without_workers(ray, tmp_path, tiny_data):
    knobs = ("learning_rate=0.01,0.1", "depth=2", "filters=6", "kernel_size=3", "padding=same")
    options = asked("grid", knobs=knobs, epochs=2)
    with begin(tmp_path / "alone", tiny_data, options) as study:
        loop.run(study, tools(study, tiny_data, train_group=session.load_engine("fused"), capacity=1))
        alone = study.trials()
    with begin(tmp_path / "workers", tiny_data, options) as study:
        data = plan.training_data(study.definition, tiny_data)
        duty = Duty(engine=workers.engine_of("fused"), backend=keras.backend.backend())
        facts = {"capacities": {"CPU": 1, "GPU": 1}, "trial_timeout": None}
        with cluster.staffed(ray, workers=2, duty=duty, data=data, **facts) as fleet:
            loop.run(study, tools(study, tiny_data, site=fleet))
        found = study.trials()
    assert [t.setting for t in found] == [t.setting for t in alone]
    for one, other in zip(found, alone, strict=True):
        for a, b in zip(one.executions[0].epochs, other.executions[0].epochs, strict=True):
            assert a.train_loss == pytest.approx(b.train_loss, rel=1e-5)
            assert a.held_out_loss == pytest.approx(b.held_out_loss, rel=1e-5)
    assert {e.device.startswith("CPU, 1 of") or "GPU" in e.device for t in found for e in t.executions} == {
        True
    }
