import pytest
from fakes import fake_accuracy, fake_engine
from test_loop import begin, tools

from lenet_tune import loop
from lenet_tune.errors import SettingError
from lenet_tune.options import Options
from lenet_tune.stopping import StopRule, rungs

RATES = "learning_rate=0.00015,0.0003,0.0006,0.0012,0.0025,0.005,0.01,0.02,0.04,0.08,0.16,0.2"
GRID = {"kind": "grid", "knobs": (RATES, "kernel_size=3", "padding=same"), "epochs": 8}


def stopped_study(tmp_path, tiny_data, **options):
    study = begin(tmp_path, tiny_data, **{**GRID, "stop_bad": True, **options})
    loop.run(study, tools(study, tiny_data))
    return study


def test_trials_are_judged_after_a_quarter_and_half_of_their_epochs():
    assert rungs(8) == (2, 4)
    assert rungs(10) == (3, 5)
    assert rungs(2) == (1,)
    assert rungs(1) == ()


def test_bad_trials_stop_at_a_rung_and_the_best_trains_on(tmp_path, tiny_data):
    with stopped_study(tmp_path, tiny_data, audit=0.0) as study:
        snapshot = study.snapshot()
    stopped = [t for t in snapshot.trials if t.status == "stopped"]
    assert stopped
    for trial in stopped:
        (execution,) = trial.searched
        assert execution.stop_epoch == len(execution.epochs)
        assert execution.stop_epoch in rungs(8)
        assert trial.score is None
    assert snapshot.best.setting["learning_rate"] == 0.01
    assert all(t not in snapshot.ranked for t in stopped)


def test_a_stopped_trial_lies_below_the_median_of_those_before_it(tmp_path, tiny_data):
    with stopped_study(tmp_path, tiny_data, audit=0.0) as study:
        trials = study.trials()
    for trial in (t for t in trials if t.status == "stopped"):
        (execution,) = trial.searched
        epoch = execution.stop_epoch
        # Those of its group and of the groups before had got so far.
        reached = [
            e.epochs[epoch - 1].held_out_accuracy
            for t in trials
            for e in t.searched
            if e.cohort <= execution.cohort and len(e.epochs) >= epoch
        ]
        own = execution.epochs[-1].held_out_accuracy
        assert len(reached) >= 6
        assert sum(value > own for value in reached) >= len(reached) / 2


def test_an_audited_trial_trains_on_and_says_where_it_would_have_stopped(tmp_path, tiny_data):
    with stopped_study(tmp_path, tiny_data, audit=1.0) as study:
        trials = study.trials()
    assert {t.status for t in trials} == {"done"}
    would = [t for t in trials if t.searched[0].stop_epoch is not None]
    assert would
    assert all(t.searched[0].stop_epoch in rungs(8) for t in would)


def test_all_executions_of_a_trial_stop_together(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, **{**GRID, "stop_bad": True, "audit": 0.0, "seeds": 4}) as study:
        loop.run(study, tools(study, tiny_data))  # groups of three cut trials of four in two
        for trial in study.trials():
            outcomes = {e.outcome for e in trial.searched}
            assert outcomes in ({"done"}, {"stopped"}, {"done", "stopped"})
            assert ("stopped" in outcomes) == (trial.status == "stopped")


def test_the_oracle_learns_what_a_stopped_trial_had_reached(tmp_path, tiny_data):
    with stopped_study(tmp_path, tiny_data, audit=0.0) as study:
        trials = study.trials()
    for trial, told in zip(trials, loop.told(trials, 4), strict=True):
        (execution,) = trial.searched
        expected = fake_accuracy(trial.setting["learning_rate"], execution.seed, len(execution.epochs))
        assert told.score == pytest.approx(expected)


def test_the_audit_spares_its_share_and_the_same_trials_each_time():
    rule = StopRule(seed=3, audit=0.1)
    spared = [rule.is_audited(trial) for trial in range(4000)]
    assert 0.08 < sum(spared) / 4000 < 0.12
    assert spared == [StopRule(seed=3, audit=0.1).is_audited(trial) for trial in range(4000)]
    assert not any(StopRule(seed=3, audit=0.0).is_audited(trial) for trial in range(100))


class Killed(BaseException):
    pass


@pytest.mark.parametrize("cut", range(1, 24, 3))
def test_a_search_with_early_stopping_cut_anywhere_ends_like_one_that_was_not(tmp_path, tiny_data, cut):
    with stopped_study(tmp_path, tiny_data, audit=0.5, name="whole") as study:
        whole = study.trials()
    epochs = iter(range(cut))

    def count_down() -> None:
        if next(epochs, None) is None:
            raise Killed

    with begin(tmp_path, tiny_data, **{**GRID, "stop_bad": True, "audit": 0.5, "name": "cut"}) as study:
        engine = fake_engine(on_epoch=count_down)
        with pytest.raises(Killed):
            loop.run(study, tools(study, tiny_data, train_group=engine, checkpoint_every=3))
        loop.run(study, tools(study, tiny_data, checkpoint_every=3))
        assert study.trials() == whole


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "hyperband", "stop_bad": True}, "stops trials itself"),
        ({"kind": "grid", "section": 1, "stop_bad": True}, "test images"),
        ({"kind": "random", "audit": 0.5}, "add --stop-bad"),
        ({"kind": "random", "stop_bad": True, "audit": 1.5}, r"in \[0, 1\]"),
    ],
)
def test_early_stopping_is_refused_where_it_makes_no_sense(options, words):
    with pytest.raises(SettingError, match=words):
        Options(**options)
