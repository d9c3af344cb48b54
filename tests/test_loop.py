import pytest
from fakes import SilentWatcher, fake_accuracy, fake_engine

from lenet_tune import loop, plan, session
from lenet_tune.errors import SearchError
from lenet_tune.plan import Options
from lenet_tune.study import Study


def begin(tmp_path, dataset, **options) -> Study:
    """A new study as `session.start` makes it."""
    asked = Options(
        **{"kind": "random", "epochs": 3, "validation_size": 20, "engine": "reference", **options}
    )
    definition = plan.define(asked, dataset)
    return Study.create(
        tmp_path / definition.name, definition, planned=plan.planned_trials(asked, definition), source=None
    )


def tools(study: Study, dataset, **changes) -> loop.Tools:
    training = plan.training_data(study.definition, dataset)
    spec = plan.input_spec(study.definition, training)
    facts = {
        "oracle": session.build_oracle(study.definition, spec, study.planned),
        "train_group": fake_engine(),
        "data": training,
        "spec": spec,
        "watcher": SilentWatcher(),
        "device": "none",
        "batch": 4,
        "capacity": 3,
    }
    return loop.Tools(**{**facts, **changes})


KNOBS = ("learning_rate=0.001..0.1", "depth=2", "kernel_size=3", "padding=same")


@pytest.mark.parametrize("kind", ["random", "bayes"])
def test_a_search_runs_the_planned_trials_each_setting_once(tmp_path, tiny_data, kind):
    with begin(tmp_path, tiny_data, kind=kind, trials=9, knobs=KNOBS) as study:
        loop.run(study, tools(study, tiny_data))
        trials = study.trials()
    assert len(trials) == 9
    assert {t.status for t in trials} == {"done"}
    assert len({repr(t.setting) for t in trials}) == 9
    assert all(len(t.executions[0].epochs) == 3 for t in trials)


def test_scores_are_means_over_seeds_of_the_last_epoch(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, trials=2, seeds=3, knobs=KNOBS) as study:
        loop.run(study, tools(study, tiny_data))
        for trial in study.trials():
            seeds = [e.seed for e in trial.searched]
            assert len(set(seeds)) == 3
            expected = [fake_accuracy(trial.setting["learning_rate"], seed, 3) for seed in seeds]
            assert trial.accuracies == pytest.approx(expected)
            assert trial.score == pytest.approx(sum(expected) / 3)


def test_executions_of_one_repeat_share_their_seeds_over_trials(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, trials=3, seeds=2, knobs=KNOBS) as study:
        loop.run(study, tools(study, tiny_data))
        seeds = {tuple((e.seed, e.order_seed) for e in t.searched) for t in study.trials()}
    assert len(seeds) == 1


def test_two_studies_with_one_seed_are_equal_and_with_another_are_not(tmp_path, tiny_data):
    found = {}
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        with begin(tmp_path, tiny_data, trials=4, seed=seed, name=name, knobs=KNOBS) as study:
            loop.run(study, tools(study, tiny_data))
            found[name] = [(t.setting, t.accuracies) for t in study.trials()]
    assert found["a"] == found["b"]
    assert found["a"] != found["c"]


class Killed(BaseException):
    """Stands for a process that dies."""


@pytest.mark.parametrize("kind", ["grid", "random", "bayes", "hyperband"])
def test_a_search_cut_at_any_epoch_ends_like_one_that_was_not(tmp_path, tiny_data, kind):
    options = {
        "kind": kind,
        "knobs": KNOBS,
        "epochs": 4,
        "trials": None if kind in ("grid", "hyperband") else 6,
    }
    if kind == "grid":
        options["knobs"] = ("learning_rate=0.001,0.01,0.1", "momentum=0,0.9", "kernel_size=3", "padding=same")
    with begin(tmp_path, tiny_data, name="whole", **options) as study:
        loop.run(study, tools(study, tiny_data))
        whole = study.trials()
    for cut in (1, 2, 5, 8, 11):
        epochs = iter(range(cut))

        def count_down(epochs=epochs) -> None:
            if next(epochs, None) is None:
                raise Killed

        with begin(tmp_path, tiny_data, name=f"cut-{cut}", **options) as study:
            engine = fake_engine(on_epoch=count_down)
            with pytest.raises(Killed):
                loop.run(study, tools(study, tiny_data, train_group=engine, checkpoint_every=2))
            path = study.path
        with Study.open(path) as study:
            loop.run(study, tools(study, tiny_data))
            assert study.trials() == whole


def test_a_budget_stops_after_the_epoch_and_keeps_it(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, trials=5, knobs=KNOBS) as study:
        with pytest.raises(loop.BudgetSpent):
            loop.run(study, tools(study, tiny_data, deadline=0.0))
        assert sum(len(e.epochs) for t in study.trials() for e in t.executions) in (1, 2, 3)
        loop.run(study, tools(study, tiny_data))
        assert {t.status for t in study.trials()} == {"done"}


def test_a_diverged_trial_is_never_best_and_is_told_as_chance(tmp_path, tiny_data):
    knobs = ("learning_rate=0.01,0.3", "kernel_size=3", "padding=same")
    with begin(tmp_path, tiny_data, kind="grid", knobs=knobs) as study:
        loop.run(study, tools(study, tiny_data))
        good, diverged = study.trials()
        assert (good.status, diverged.status) == ("done", "diverged")
        assert "epoch 1" in diverged.executions[0].error
        assert study.snapshot().best.number == good.number
        told = loop.told(study.trials(), 4)
    assert [t.score for t in told] == [good.score, 0.25]


def test_a_failing_execution_is_found_in_its_group_and_the_others_finish(tmp_path, tiny_data):
    def fail(execution) -> None:
        if execution.trial == 1:
            raise RuntimeError("out of\nluck")

    with begin(tmp_path, tiny_data, trials=4, knobs=KNOBS) as study:
        loop.run(study, tools(study, tiny_data, train_group=fake_engine(fail=fail)))
        statuses = [t.status for t in study.trials()]
        error = study.trials()[1].executions[0].error
    assert statuses == ["done", "failed", "done", "done"]
    assert error == "RuntimeError: out of luck"


def test_a_search_in_which_everything_fails_stops_and_keeps_its_state(tmp_path, tiny_data):
    def fail(execution) -> None:
        raise RuntimeError("no luck")

    with begin(tmp_path, tiny_data, trials=20, knobs=KNOBS) as study:
        with pytest.raises(SearchError, match=r"5 executions in a row failed.*RuntimeError: no luck"):
            loop.run(study, tools(study, tiny_data, train_group=fake_engine(fail=fail)))
        assert study.snapshot().count("failed") == 5


def test_a_bug_in_the_engine_is_not_a_failed_trial(tmp_path, tiny_data):
    def fail(execution) -> None:
        raise TypeError("a bug")

    with begin(tmp_path, tiny_data, trials=2, knobs=KNOBS) as study:
        with pytest.raises(TypeError):
            loop.run(study, tools(study, tiny_data, train_group=fake_engine(fail=fail)))
        assert study.snapshot().count("failed") == 0


def test_a_grid_point_that_cannot_be_built_is_a_failed_trial_that_says_why(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, kind="grid", knobs=("kernel_size=3", "padding=same,valid")) as study:
        loop.run(study, tools(study, tiny_data))
        same, valid = study.trials()
    assert (same.status, valid.status) == ("done", "failed")
    assert "does not fit" in valid.executions[0].error


@pytest.mark.parametrize("capacity", [1, 3, 100])
def test_only_the_best_trials_weights_stay(tmp_path, tiny_data, capacity):
    with begin(tmp_path, tiny_data, trials=6, seeds=2, knobs=KNOBS) as study:
        loop.run(study, tools(study, tiny_data, capacity=capacity))
        best = study.snapshot().best.number
        kept = [t.number for t in study.trials() if study.checkpoint(t.number, 0) is not None]
    assert kept == [best]


def test_hyperband_continues_its_survivors_from_where_they_stopped(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, kind="hyperband", epochs=4, knobs=KNOBS) as study:
        loop.run(study, tools(study, tiny_data))
        trials = study.trials()
    promoted = [t for t in trials if t.proposal.get("parent") is not None]
    assert promoted
    for trial in promoted:
        parent = trials[trial.proposal["parent"]]
        first, last = trial.executions[0].epochs[0], trial.executions[0].epochs[-1]
        assert first.epoch == parent.executions[0].epochs[-1].epoch + 1
        assert last.epoch == trial.setting["epochs"] > parent.setting["epochs"]
