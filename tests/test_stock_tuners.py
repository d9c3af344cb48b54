"""The HyperModel, unchanged, in Keras Tuner's own tuners; and the ways of Keras Tuner that we design around.

Each of the latter is pinned here, so that a release that changes it is noticed.
"""

import random

import keras
import keras_tuner
import numpy as np
import pytest

from lenet_tune.errors import SettingError
from lenet_tune.hypermodel import LeNetHyperModel
from lenet_tune.knobs import Choice
from lenet_tune.oracles import OracleOptions, make_oracle
from lenet_tune.space import Space

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (24, 8, 8, 3), dtype=np.uint8)
LABELS = np.arange(24) % 4
OBJECTIVE = keras_tuner.Objective("val_accuracy", "max")
SMALL = Space.at(
    {"kernel_size": 3, "padding": "same", "dense_84": False, "batch_size": 8, "normalization": "standardize"}
).replace(
    {
        "depth": Choice((2, 3)),
        "pool_places": Choice(("every", "first_two")),
        "conv_bias": Choice((False, True)),
        "activation": Choice(("tanh",)),
        "l2_bias": Choice((0.0, 1e-5)),
        "learning_rate": Choice((0.001, 0.01)),
        "epochs": Choice((1,)),
    }
)
# Keras Tuner's lock still calls threading.currentThread and getName.
pytestmark = [
    pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:getName:DeprecationWarning"),
]


def tune(tuner_class, space, tmp_path, images=IMAGES, **options):
    if keras.backend.backend() == "tensorflow":
        pytest.importorskip("tensorboard", reason="Keras Tuner's TensorFlow tuners import tensorboard")
    hypermodel = LeNetHyperModel.for_data(images, LABELS, space=space)
    tuner = tuner_class(hypermodel, OBJECTIVE, seed=1, directory=tmp_path, project_name="p", **options)
    tuner.search(images, LABELS, validation_data=(images[:8], LABELS[:8]), verbose=0)
    return tuner, [t for t in tuner.oracle.trials.values() if t.status == "COMPLETED"]


@pytest.mark.parametrize("tuner_class", [keras_tuner.RandomSearch, keras_tuner.BayesianOptimization])
def test_stock_tuners_search_the_full_space(tuner_class, tmp_path):
    if tuner_class is keras_tuner.BayesianOptimization:
        pytest.importorskip("sklearn", reason="Keras Tuner's Gaussian process is scikit-learn's")
    space = Space.full().replace(
        {"epochs": Choice((1,)), "filters": Choice((6,)), "filter_step": Choice((0,))}
    )
    images = IMAGES.repeat(4, axis=1).repeat(4, axis=2)  # 32 x 32, so that most networks can be built
    options = {"max_trials": 3, "max_consecutive_failed_trials": 20}
    tuner, done = tune(tuner_class, space, tmp_path, images, **options)
    assert 1 <= len(done) <= 3
    assert tuner.get_best_models()[0].predict(images[:2], verbose=0).shape == (2, 4)
    failed = [t.message for t in tuner.oracle.trials.values() if t.status == "FAILED"]
    assert all("does not fit" in message for message in failed)


def test_stock_grid_search_visits_every_setting_once(tmp_path):
    # Depth 2, and depth 3 with two places to pool.
    space = SMALL.replace({"conv_bias": Choice((False,)), "learning_rate": Choice((0.01,))})
    _, done = tune(keras_tuner.GridSearch, space, tmp_path, max_trials=20)
    settings = {tuple(sorted(t.hyperparameters.values.items())) for t in done}
    assert len(done) == len(settings) == space.size() == 3


def test_stock_bayesian_search_gets_to_its_model(tmp_path):
    pytest.importorskip("sklearn", reason="Keras Tuner's Gaussian process is scikit-learn's")
    space = Space.at({name: domain.values[0] for name, domain in SMALL.domains.items()})
    space = space.replace({"learning_rate": Space.full().domains["learning_rate"]})
    _, done = tune(keras_tuner.BayesianOptimization, space, tmp_path, max_trials=3, num_initial_points=2)
    assert len(done) == 3


def declared(space=SMALL):
    hp = keras_tuner.HyperParameters()
    LeNetHyperModel.for_data(IMAGES, LABELS, space=space).declare(hp)
    return hp


def finish(oracle, trial, score):
    oracle.update_trial(trial.trial_id, {"val_accuracy": score})
    trial.status = "COMPLETED"
    oracle.end_trial(trial)


def kt_oracle(kind, tmp_path, **options):
    oracle = kind(objective=OBJECTIVE, hyperparameters=declared(), **options)
    oracle._set_project_dir(tmp_path, "p")
    oracle.verbose = 0
    return oracle


def test_keras_tuner_takes_seed_zero_for_no_seed():
    random.seed(0)
    seeds = {keras_tuner.oracles.RandomSearchOracle(OBJECTIVE, seed=0).seed for _ in range(5)}
    assert len(seeds) > 1


def test_keras_tuner_gives_one_tuner_id_one_trial_at_a_time(tmp_path):
    oracle = kt_oracle(keras_tuner.oracles.RandomSearchOracle, tmp_path, seed=1)
    first, again, other = (oracle.create_trial(name) for name in ("a", "a", "b"))
    assert first.trial_id == again.trial_id != other.trial_id


def test_keras_tuners_grid_hands_out_two_trials_and_then_waits(tmp_path):
    oracle = kt_oracle(keras_tuner.oracles.GridSearchOracle, tmp_path)
    statuses = [oracle.create_trial(str(i)).status for i in range(4)]
    assert statuses.count("RUNNING") < 4
    assert "IDLE" in statuses


def test_keras_tuner_turns_an_infinite_score_into_a_good_one():
    # Its Gaussian process minimises, and `nan_to_num(posinf=0)` makes 0 of the worst.
    assert np.nan_to_num(np.inf, posinf=0) < 0.1


def test_keras_tuners_grid_of_a_range_is_ten_places_inside_it():
    rate = next(p for p in declared(Space.full()).space if p.name == "learning_rate")
    assert len(rate.values) == 10
    assert min(rate.values) > rate.min_value


def test_keras_tuners_conditional_scopes_do_not_nest_two_independent_parents():
    hp = keras_tuner.HyperParameters()
    hp.Boolean("a", default=True)
    hp.Boolean("b", default=True)
    with hp.conditional_scope("a", [True]), pytest.raises(ValueError, match="not defined"):
        hp.conditional_scope("b", [True]).__enter__()


def test_keras_tuner_labels_a_promoted_trial_with_the_bracket_begun_last(tmp_path):
    oracle = kt_oracle(keras_tuner.oracles.HyperbandOracle, tmp_path, seed=1, max_epochs=4, factor=4)
    first = [oracle.create_trial(str(i)) for i in range(oracle._get_size(1, 0))]
    later = oracle.create_trial("later")  # nothing is left in bracket 1 until it has results
    assert later.hyperparameters.values["tuner/bracket"] == 0
    for i, trial in enumerate(first):
        finish(oracle, trial, i / 100)
    promoted = oracle.create_trial("promoted").hyperparameters.values
    assert promoted["tuner/trial_id"] == first[-1].trial_id
    assert promoted["tuner/bracket"] == 0  # though it belongs to bracket 1


def test_our_oracles_write_no_files_and_say_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    spec = LeNetHyperModel.for_data(IMAGES, LABELS, space=SMALL).spec
    for kind in ("random", "bayes", "hyperband"):
        space = Space.full().replace({"padding": Choice(("same",))})
        assert make_oracle(kind, space, spec, seed=0, options=OracleOptions(max_epochs=3)).ask([], 2)
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().out == ""


def test_hyperband_refuses_a_space_smaller_than_its_first_rounds():
    spec = LeNetHyperModel.for_data(IMAGES, LABELS, space=SMALL).spec
    with pytest.raises(SettingError, match="begins with 62 settings, but the space has 18"):
        make_oracle("hyperband", SMALL, spec, seed=0, options=OracleOptions(max_epochs=30))
