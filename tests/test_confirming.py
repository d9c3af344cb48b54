import numpy as np
import pytest
from fakes import SilentWatcher, fake_engine
from test_loop import KNOBS, begin, tools

from lenet_tune import loop
from lenet_tune.executions import execution_seeds
from lenet_tune.study import Study


def confirmed(tmp_path, tiny_data, **options) -> Study:
    study = begin(tmp_path, tiny_data, **{"trials": 9, "knobs": KNOBS, **options})
    loop.run(study, tools(study, tiny_data))
    return study


def test_the_four_highest_scores_get_fresh_common_seeds_that_no_trial_had(tmp_path, tiny_data):
    with confirmed(tmp_path, tiny_data, seeds=2) as study:
        snapshot = study.snapshot()
    leaders = [t for t in snapshot.trials if t.confirming]
    assert {t.number for t in leaders} == {t.number for t in snapshot.ranked[:4]}
    fresh = {(e.seed, e.order_seed) for t in leaders for e in t.confirming}
    used = {(e.seed, e.order_seed) for t in snapshot.trials for e in t.searched}
    assert not fresh & used
    assert fresh <= {execution_seeds(0, repeat) for repeat in range(2, 8)}
    assert all(len(t.confirming) in (3, 6) for t in leaders)


def test_fresh_seeds_decide_which_trial_is_best_and_leave_the_search_scores_alone(tmp_path, tiny_data):
    def turned(executions, data, *, keep):
        # On fresh seeds the order of trials is the other way round.
        for epoch in fake_engine()(executions, data, keep=keep):
            for result in epoch.results:
                if result.repeat >= 1:
                    object.__setattr__(result, "held_out_accuracy", 1 - result.held_out_accuracy)
            yield epoch

    with begin(tmp_path, tiny_data, trials=6, knobs=KNOBS) as study:
        loop.run(study, tools(study, tiny_data, train_group=turned))
        snapshot = study.snapshot()
    last_of_leaders = snapshot.ranked[3]
    assert snapshot.best is last_of_leaders
    assert snapshot.standing.tied == (last_of_leaders.number,)
    assert snapshot.ranked[0].score > last_of_leaders.score
    told = loop.told(snapshot.trials, 4)
    assert [t.score for t in told] == [t.score for t in snapshot.trials]


def test_trials_that_cannot_be_told_apart_are_tied_and_keep_their_weights(tmp_path, tiny_data):
    def noisy(executions, data, *, keep):
        for epoch in fake_engine()(executions, data, keep=keep):
            for result in epoch.results:
                rng = np.random.default_rng([result.trial, result.repeat])
                object.__setattr__(result, "held_out_accuracy", 0.5 + 0.1 * rng.random())
            yield epoch

    with begin(tmp_path, tiny_data, trials=8, knobs=KNOBS) as study:
        loop.run(study, tools(study, tiny_data, train_group=noisy))
        snapshot = study.snapshot()
        assert len(snapshot.tied) > 1
        assert snapshot.standing.seeds == 6
        for trial in snapshot.trials:
            for execution in trial.confirming:
                kept = study.checkpoint(trial.number, execution.repeat) is not None
                assert kept == (trial in snapshot.tied)


def test_no_trial_is_confirmed_where_it_was_not_asked_for(tmp_path, tiny_data):
    with confirmed(tmp_path, tiny_data, confirm=0) as study:
        assert not any(t.confirming for t in study.trials())
        assert study.snapshot().best == study.snapshot().ranked[0]


def test_an_extended_search_compares_its_new_leaders_with_the_old_ones(tmp_path, tiny_data):
    with confirmed(tmp_path, tiny_data, trials=4) as study:
        first = study.trials()
        study.set_planned(12)
        loop.run(study, tools(study, tiny_data))
        snapshot = study.snapshot()
    assert len(snapshot.trials) == 12
    for before, after in zip(first, snapshot.trials, strict=False):
        assert after.searched == before.searched
        assert after.confirming[: len(before.confirming)] == before.confirming
    assert all(t.confirming for t in snapshot.ranked[:4])
    assert snapshot.standing is not None


class Killed(BaseException):
    pass


@pytest.mark.parametrize("kind", ["random", "bayes", "hyperband"])
def test_a_confirmation_cut_anywhere_ends_like_one_that_was_not(tmp_path, tiny_data, kind):
    options = {"kind": kind, "trials": None if kind == "hyperband" else 5, "knobs": KNOBS, "epochs": 3}
    with begin(tmp_path, tiny_data, name="whole", **options) as study:
        watcher = SilentWatcher()
        loop.run(study, tools(study, tiny_data, watcher=watcher))
        whole = study.trials()
    groups = len(watcher.groups)
    for cut in range(3 * groups - 20, 3 * groups - 1, 4):
        epochs = iter(range(cut))

        def count_down(epochs=epochs) -> None:
            if next(epochs, None) is None:
                raise Killed

        with begin(tmp_path, tiny_data, name=f"cut-{cut}", **options) as study:
            engine = fake_engine(on_epoch=count_down)
            try:
                loop.run(study, tools(study, tiny_data, train_group=engine, checkpoint_every=2))
            except Killed:
                loop.run(study, tools(study, tiny_data))
            assert study.trials() == whole


def test_a_budget_leaves_its_last_part_to_the_confirmation(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, trials=12, knobs=KNOBS, epochs=1) as study:
        with pytest.raises(loop.BudgetSpent):
            loop.run(study, tools(study, tiny_data, deadline=0.0))
        snapshot = study.snapshot()
        assert 0 < snapshot.count("done") < 12
        assert snapshot.standing is not None
        loop.run(study, tools(study, tiny_data))
        assert study.snapshot().count("done") == 12


def test_a_fresh_seed_that_diverges_counts_as_chance(tmp_path, tiny_data):
    def fragile(executions, data, *, keep):
        for epoch in fake_engine()(executions, data, keep=keep):
            for result in epoch.results:
                if result.repeat == 2:
                    object.__setattr__(result, "train_loss", float("nan"))
            yield epoch

    with begin(tmp_path, tiny_data, trials=3, knobs=KNOBS) as study:
        loop.run(study, tools(study, tiny_data, train_group=fragile))
        snapshot = study.snapshot()
    assert all(scores[1] == 0.25 for scores in snapshot.fresh_scores.values())
    assert {t.status for t in snapshot.trials} == {"done"}
