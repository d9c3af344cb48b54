"""`FusedTuner` behaves as Keras Tuner's users expect, while its trials train as one program."""

import re
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest
from keras import layers

from lenet_tune import FusedTuner
from lenet_tune.engines import lenets, together
from lenet_tune.errors import SettingError
from lenet_tune.hypermodel import LeNetHyperModel
from lenet_tune.knobs import Choice
from lenet_tune.space import Space
from lenet_tune.studyexport import read_export

# Keras Tuner's lock still calls threading.currentThread and getName.
pytestmark = [
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
]
RNG = np.random.default_rng(0)
LABELS = np.arange(48) % 4
IMAGES = RNG.integers(0, 100, (48, 8, 8, 3), dtype=np.uint8)
for _image, _label in zip(IMAGES, LABELS, strict=True):
    _image[2 * _label : 2 * _label + 2] += 120
SEARCH = {"epochs": 2, "batch_size": 16, "validation_split": 0.25, "verbose": 0}


def build(hp):
    """A user's own small model, with a space of its own; the same values give the same initial weights."""
    init = keras.initializers.GlorotUniform(seed=3)
    model = keras.Sequential([keras.Input((8, 8, 3)), layers.Rescaling(1 / 255)])
    model.add(layers.Conv2D(hp.Choice("filters", [2, 4]), 3, activation="relu", kernel_initializer=init))
    if hp.Boolean("pool"):
        model.add(layers.MaxPooling2D(2))
    model.add(layers.Flatten())
    model.add(layers.Dense(4, activation="softmax", kernel_initializer=init))
    rate = hp.Float("rate", 1e-3, 1.0, sampling="log")
    model.compile(keras.optimizers.SGD(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def tuner(tmp_path, hypermodel=build, **options):
    options = {"max_trials": 4, "seed": 1, "directory": tmp_path, "project_name": "p", **options}
    return FusedTuner(hypermodel, "val_accuracy", **options)


def test_the_readmes_example_runs_as_it_is_written(tmp_path, monkeypatch, capsys):
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"<!-- python -->\n```python\n(import keras\n.*?)```", readme, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    scope = {"images": IMAGES, "labels": LABELS}
    exec(code, scope)
    assert scope["tuner"].groups == [("0", "1", "2", "3")]
    assert scope["model"].predict(IMAGES[:2] / 255.0, verbose=0).shape == (2, 10)
    assert "[('0', '1', '2', '3')] {}" in capsys.readouterr().out


def trials_of(found):
    return [found.oracle.trials[key] for key in sorted(found.oracle.trials)]


@pytest.fixture
def needs_tensorboard():
    if keras.backend.backend() == "tensorflow":
        pytest.importorskip("tensorboard", reason="Keras Tuner's TensorFlow tuners import tensorboard")


def test_trials_train_as_one_program_and_give_what_stock_keras_tuner_gives(tmp_path, needs_tensorboard):
    found = tuner(tmp_path / "fused")
    found.search(IMAGES, LABELS, shuffle=False, **SEARCH)
    stock = keras_tuner.RandomSearch(
        build, keras_tuner.Objective("val_accuracy", "max"), 4, seed=1, directory=tmp_path, project_name="s"
    )
    stock.search(IMAGES, LABELS, shuffle=False, **SEARCH)
    assert found.groups == [tuple(t.trial_id for t in trials_of(found))]
    assert not found.not_fused
    for own, other in zip(trials_of(found), trials_of(stock), strict=True):
        assert own.hyperparameters.values == other.hyperparameters.values
        assert own.score == pytest.approx(other.score, abs=1e-6)
        assert own.best_step == other.best_step
        for name in ("loss", "val_loss", "accuracy"):
            assert own.metrics.get_best_value(name) == pytest.approx(
                other.metrics.get_best_value(name), abs=1e-4
            )


def test_what_users_call_after_a_search(tmp_path, capsys):
    found = tuner(tmp_path)
    found.search(IMAGES, LABELS, **SEARCH)
    found.search_space_summary()
    found.results_summary(2)
    shown = capsys.readouterr().out
    assert "Default search space size: 3" in shown
    assert "Showing 2 best trials" in shown
    assert shown.count("Score: ") == 2
    best = found.oracle.get_best_trials()[0]
    assert best.score == max(t.score for t in trials_of(found))
    assert found.get_best_hyperparameters()[0].values == best.hyperparameters.values
    model = found.get_best_models()[0]
    accuracy = model.evaluate(IMAGES[36:], LABELS[36:], verbose=0, return_dict=True)["accuracy"]
    assert accuracy == pytest.approx(best.score, abs=1e-6)
    assert found.remaining_trials == 0


def test_a_project_is_reloaded_and_goes_on(tmp_path, capsys):
    first = tuner(tmp_path, max_trials=2)
    first.search(IMAGES, LABELS, **SEARCH)
    second = tuner(tmp_path, max_trials=5, group=2)
    assert "Reloading Tuner" in capsys.readouterr().out
    assert [t.score for t in trials_of(second)] == [t.score for t in trials_of(first)]
    second.search(IMAGES, LABELS, **SEARCH)
    assert [len(group) for group in second.groups] == [2, 1]
    assert [t.status for t in trials_of(second)] == ["COMPLETED"] * 5
    assert len(second.get_best_models(5)) == 5
    fresh = tuner(tmp_path, overwrite=True)
    assert not fresh.oracle.trials


def test_trials_that_were_stopped_in_their_group_are_trained_again(tmp_path):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    first = tuner(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        first.search(IMAGES, LABELS, **SEARCH, callbacks=[Stop()])
    second = tuner(tmp_path)
    values = [t.hyperparameters.values for t in trials_of(second)]
    assert len(values) == 4
    second.search(IMAGES, LABELS, **SEARCH)
    assert [t.hyperparameters.values for t in trials_of(second)] == values
    assert [t.status for t in trials_of(second)] == ["COMPLETED"] * 4


def with_lambda(hp):
    init = keras.initializers.GlorotUniform(seed=3)
    twice = layers.Lambda(lambda x: 2 * x, name="twice") if hp.Boolean("own") else layers.ReLU()
    stack = [keras.Input((8, 8, 3)), layers.Flatten(), twice]
    model = keras.Sequential([*stack, layers.Dense(4, "softmax", kernel_initializer=init)])
    rate = hp.Choice("rate", [1e-4, 1e-3, 1e-2])
    model.compile(keras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_what_cannot_be_fused_is_said_by_layer_and_trained_all_the_same(tmp_path, capsys):
    found = tuner(tmp_path, with_lambda, max_trials=6, seed=3)
    found.search(IMAGES, LABELS, **{**SEARCH, "verbose": 1})
    own = {t.trial_id for t in trials_of(found) if t.hyperparameters.values["own"]}
    assert 0 < len(own) < 6
    assert set(found.not_fused) == own
    assert {i for group in found.groups for i in group} == {t.trial_id for t in trials_of(found)} - own
    assert all("Layer 'twice' is a Lambda" in reason for reason in found.not_fused.values())
    assert [t.status for t in trials_of(found)] == ["COMPLETED"] * 6
    assert capsys.readouterr().out.count("is not fused: Layer 'twice' is a Lambda") == 1


SPACE = Space.at({"kernel_size": 3, "padding": "valid", "dense_84": False}).replace(
    {
        "depth": Choice((1, 4)),  # four convolutions do not fit on 8 x 8
        "filters": Choice((2,)),
        "batch_size": Choice((16, 32)),
        "epochs": Choice((1, 2)),
        "learning_rate": Choice((0.001, 0.01)),
    }
)


def test_a_lenet_hypermodel_trains_fused_by_batch_size_with_its_own_epochs(tmp_path):
    hypermodel = LeNetHyperModel.for_data(IMAGES, LABELS, space=SPACE)
    found = tuner(tmp_path, hypermodel, max_trials=8, seed=5)
    found.search(IMAGES, LABELS, validation_data=(IMAGES[:16], LABELS[:16]), verbose=0)
    by_id = {t.trial_id: t for t in trials_of(found)}
    done = [t for t in by_id.values() if t.hyperparameters.values["depth"] == 1]
    assert 2 <= len(done) < 8
    for trial in by_id.values():
        assert trial.status == ("COMPLETED" if trial in done else "FAILED")
        assert trial in done or "does not fit" in trial.message
    for group in found.groups:
        assert len({by_id[i].hyperparameters.values["batch_size"] for i in group}) == 1
    assert sorted(i for group in found.groups for i in group) == sorted(t.trial_id for t in done)
    model = found.get_best_models()[0]
    best = found.oracle.get_best_trials()[0].score
    accuracy = (model.predict(IMAGES[:16], verbose=0).argmax(1) == LABELS[:16]).mean()
    assert accuracy == pytest.approx(best, abs=1e-6)


PLAIN = Space.at(
    {"kernel_size": 3, "depth": 1, "filters": 3, "dense_84": False, "normalization": "unit"}
).replace(
    {
        "normalization": Choice(("unit", "standardize")),
        "activation": Choice(("tanh", "relu")),
        "momentum": Choice((0.0, 0.9)),
        "l2_kernel": Choice((0.0, 1e-3)),
        "loss": Choice(("mean_squared_error", "categorical_crossentropy")),
        "learning_rate": Choice((0.01, 0.05)),
        "batch_size": Choice((16,)),
        "epochs": Choice((3,)),
    }
)


def test_the_engine_of_lenets_gives_what_keras_side_by_side_gives(tmp_path, monkeypatch):
    stop = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=0.02)
    searched = {"validation_data": (IMAGES[:16], LABELS[:16]), "verbose": 0, "callbacks": [stop]}

    def search(name):
        hypermodel = LeNetHyperModel.for_data(IMAGES, LABELS, space=PLAIN)
        found = tuner(tmp_path, hypermodel, max_trials=6, seed=5, project_name=name)
        found.search(IMAGES, LABELS, **searched)
        return found

    used = []
    before = lenets.fit_lenets
    monkeypatch.setattr(
        lenets, "fit_lenets", lambda members, fit: used.append(len(members)) or before(members, fit)
    )
    own = search("own")
    assert used == [6]
    monkeypatch.setattr(lenets, "LISTENERS", ())
    other = search("other")
    assert used == [6]
    assert len(own.groups) == len(other.groups) == 1
    for one, twin in zip(trials_of(own), trials_of(other), strict=True):
        assert one.hyperparameters.values == twin.hyperparameters.values
        assert one.best_step == twin.best_step
        for name in ("loss", "val_loss", "accuracy", "val_accuracy"):
            found, expected = (t.metrics.get_best_value(name) for t in (one, twin))
            assert found == pytest.approx(expected, abs=1e-4)
    for one, twin in zip(own.get_best_models(6), other.get_best_models(6), strict=True):
        for a, b in zip(one.get_weights(), twin.get_weights(), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-4)


LEFT = {
    "no shuffling": {"shuffle": False},
    "nothing to measure on": {"validation_split": None},
    "a callback that changes rates": {"callbacks": [keras.callbacks.ReduceLROnPlateau()]},
    "fractions for pixels": {"x": IMAGES / np.float32(255)},
}


@pytest.mark.parametrize("name", LEFT)
def test_lenets_that_their_engine_cannot_train_are_trained_side_by_side(name, tmp_path, monkeypatch):
    monkeypatch.setattr(lenets, "fit_lenets", None)
    hypermodel = LeNetHyperModel.for_data(IMAGES, LABELS, space=PLAIN)
    objective = "accuracy" if name == "nothing to measure on" else "val_accuracy"
    objective = keras_tuner.Objective(objective, "max")
    found = FusedTuner(hypermodel, objective, 2, seed=1, directory=tmp_path, project_name="p")
    options = {"x": IMAGES, "y": LABELS, "epochs": 1, "validation_split": 0.25, "verbose": 0, **LEFT[name]}
    found.search(**options)
    assert [t.status for t in trials_of(found)] == ["COMPLETED"] * 2
    assert [len(group) for group in found.groups] == [2]


def test_executions_see_their_own_order_and_the_score_is_their_mean(tmp_path):
    found = tuner(tmp_path, max_trials=2, executions_per_trial=2)
    fits = []
    before = together.fit_together
    found_histories = []

    def watch(members, fit):
        fits.append(fit)
        found_histories.append(before(members, fit))
        return found_histories[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "fit_together", watch)
        found.search(IMAGES, LABELS, **SEARCH)
    assert [fit.order_seed for fit in fits] == [1, 2]
    best = [[max(h.history["val_accuracy"]) for h in histories] for histories in found_histories]
    means = np.mean(best, axis=0)
    assert [t.score for t in trials_of(found)] == pytest.approx(list(means))
    model = found.get_best_models()[0]
    accuracy = model.evaluate(IMAGES[36:], LABELS[36:], verbose=0, return_dict=True)["accuracy"]
    assert accuracy == pytest.approx(np.max(np.array(best)[:, means.argmax()]), abs=1e-6)


class Batches(keras.callbacks.Callback):
    """Counts batches over all copies that Keras Tuner makes of it."""

    seen: list = []  # noqa: RUF012

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)


class OwnFit(keras_tuner.HyperModel):
    def build(self, hp):
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        return model.fit(*args, **{**kwargs, "batch_size": 8})


REFERENCE = {
    "a callback of batches": ({}, {"callbacks": [Batches()]}, "The callback Batches"),
    "weights of images": ({}, {"sample_weight": np.ones(48)}, "The argument 'sample_weight'"),
    "a fit of one's own": ({"hypermodel": OwnFit()}, {}, "The hypermodel OwnFit has a fit of its own"),
}


@pytest.mark.usefixtures("needs_tensorboard")
@pytest.mark.parametrize("name", REFERENCE)
def test_what_only_fit_can_do_is_left_to_it_and_said(name, tmp_path):
    made, searched, words = REFERENCE[name]
    found = tuner(tmp_path, max_trials=2, **made)
    found.search(IMAGES, LABELS, **SEARCH, **searched)
    assert [t.status for t in trials_of(found)] == ["COMPLETED"] * 2
    assert found.groups == []
    assert all(words in reason for reason in found.not_fused.values())
    assert len(found.not_fused) == 2
    if name == "a callback of batches":
        assert len(Batches.seen) == 2 * 2 * 3


def test_callbacks_of_epochs_are_copied_for_every_trial(tmp_path):
    stop = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=100.0)
    found = tuner(tmp_path, max_trials=3)
    lengths = []
    before = together.fit_together

    def watch(members, fit):
        histories = before(members, fit)
        lengths.extend(len(h.epoch) for h in histories)
        return histories

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "fit_together", watch)
        found.search(IMAGES, LABELS, **{**SEARCH, "epochs": 4}, callbacks=[stop])
    assert lengths == [2, 2, 2]
    assert stop.model is None


@pytest.mark.usefixtures("needs_tensorboard")
def test_a_group_that_fails_is_trained_one_by_one(tmp_path, monkeypatch):
    def fail(members, fit):
        raise MemoryError("no room")

    monkeypatch.setattr(together, "fit_together", fail)
    found = tuner(tmp_path, max_trials=2)
    found.search(IMAGES, LABELS, **SEARCH)
    assert [t.status for t in trials_of(found)] == ["COMPLETED"] * 2
    assert all("MemoryError: no room" in reason for reason in found.not_fused.values())


def test_an_oracle_of_ones_own_is_asked_for_groups(tmp_path):
    pytest.importorskip("sklearn", reason="Keras Tuner's Gaussian process is scikit-learn's")
    oracle = keras_tuner.oracles.BayesianOptimizationOracle(
        keras_tuner.Objective("val_loss", "min"), max_trials=5, num_initial_points=3, seed=1
    )
    found = tuner(tmp_path, oracle=oracle, group=3)
    found.search(IMAGES, LABELS, **SEARCH)
    assert [len(group) for group in found.groups] == [3, 2]
    scores = [t.score for t in trials_of(found)]
    assert found.oracle.get_best_trials()[0].score == min(scores)


def test_a_grid_that_waits_for_results_is_trained_to_its_end(tmp_path):
    hp = keras_tuner.HyperParameters()
    hp.Choice("filters", [2, 4])
    hp.Boolean("pool")
    hp.Fixed("rate", 0.01)
    oracle = keras_tuner.oracles.GridSearchOracle(
        keras_tuner.Objective("val_accuracy", "max"), hyperparameters=hp, tune_new_entries=False
    )
    found = tuner(tmp_path, oracle=oracle)
    found.search(IMAGES, LABELS, **SEARCH)
    assert len({str(t.hyperparameters.values) for t in trials_of(found)}) == 4


def test_seed_zero_is_a_seed(tmp_path):
    seeds = {tuner(tmp_path, seed=0, overwrite=True).oracle.seed for _ in range(3)}
    assert seeds == {0}


def refused(tmp_path, **options):
    with pytest.raises(SettingError) as refusal:
        tuner(tmp_path, **options)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def test_what_it_cannot_work_with_is_one_line(tmp_path, monkeypatch):
    assert "`group` must be" in refused(tmp_path, group=0)
    hyperband = keras_tuner.oracles.HyperbandOracle(keras_tuner.Objective("val_accuracy", "max"))
    assert "lenet_tune.search('hyperband')" in refused(tmp_path, oracle=hyperband)
    random = keras_tuner.oracles.RandomSearchOracle(keras_tuner.Objective("val_accuracy", "max"))
    assert "belongs to the oracle" in refused(tmp_path, oracle=random, max_retries_per_trial=1)
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    assert "unset it" in refused(tmp_path)


def test_a_project_that_went_on_leaves_one_study_of_all_its_trials(tmp_path):
    tuner(tmp_path, max_trials=2).search(IMAGES, LABELS, **SEARCH)
    found = tuner(tmp_path, max_trials=3, executions_per_trial=1)
    found.search(IMAGES, LABELS, **SEARCH)
    page = found.report(tmp_path / "reports" / "p.html", data="stripes", classes=["a", "b", "c", "d"])
    study = read_export(page.with_suffix(".json"))
    assert [t.status for t in study.trials] == ["done"] * 3
    assert [len(session) > 0 for session in study.manifest["sessions"]] == [True, True]
    assert study.definition.train_size == 36
    assert study.definition.engine == "fused"
    domains = study.definition.space
    assert domains["rate"] == {"range": [1e-3, 1.0], "log": True}
    assert domains["filters"] == {"choice": [2, 4]}
    for own, trial in zip(study.trials, trials_of(found), strict=True):
        epochs = own.executions[0].epochs
        assert own.setting == trial.hyperparameters.values
        assert max(e.held_out_accuracy for e in epochs) == pytest.approx(trial.score)
        assert own.score == epochs[-1].held_out_accuracy
        assert all(e.seconds > 0 for e in epochs)
    text = page.read_text(encoding="utf-8")
    assert "A model of one&#39;s own: trained on 36 images; the 12 images that the search was given" in text
    assert "Keras Tuner itself ranks by val_accuracy (max) at the best epoch" in text
    assert "lenet-tune grid" not in text


def test_trials_that_trained_by_themselves_and_that_failed_are_in_the_study(tmp_path):
    def some_break(hp):
        if hp.Choice("kind", ["lambda", "broken"]) == "broken":
            raise ValueError("no such model")
        return with_lambda(hp)

    found = tuner(tmp_path, some_break, max_trials=4, max_consecutive_failed_trials=9)
    found.search(IMAGES, LABELS, **SEARCH)
    study = read_export(found.report(tmp_path / "p.html").with_suffix(".json"))
    kinds = {t.setting["kind"]: t.status for t in study.trials}
    assert kinds == {"lambda": "done", "broken": "failed"}
    broken = next(t for t in study.trials if t.status == "failed")
    assert broken.executions[0].error == "ValueError: no such model"


def test_what_has_no_page_is_refused_in_one_line(tmp_path):
    found = tuner(tmp_path, max_trials=1)
    with pytest.raises(SettingError, match="call search first"):
        found.report(tmp_path / "p.html")
    found.search(IMAGES, LABELS, **SEARCH)
    with pytest.raises(SettingError, match="must name the 4 classes of the labels, but got 2"):
        found.report(tmp_path / "p.html", classes=["a", "b"])
    tuner(tmp_path, max_trials=1).search(IMAGES[:40], LABELS[:40], **SEARCH)
    with pytest.raises(SettingError, match="were given different images"):
        found.report(tmp_path / "p.html")
    objective = keras_tuner.Objective("accuracy", "max")
    bare = FusedTuner(build, objective, 1, directory=tmp_path, project_name="bare")
    bare.search(IMAGES, LABELS, epochs=1, verbose=0)
    with pytest.raises(SettingError, match="The page needs val_loss, val_accuracy of every epoch"):
        bare.report(tmp_path / "p.html")
