"""The HyperModel: every choice of every knob builds, trains a step and is the same after saving."""

import keras
import keras_tuner
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lenet_tune.config import InputSpec
from lenet_tune.errors import InfeasibleError, SettingError
from lenet_tune.hypermodel import LeNetHyperModel
from lenet_tune.knobs import KNOBS, Choice, Range
from lenet_tune.space import Space, complete, configs, is_active, is_feasible

FULL = Space.full()
SPEC = InputSpec(channel_mean=(120.0, 121.0, 122.0), channel_std=(60.0, 61.0, 62.0))
RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (16, 32, 32, 3), dtype=np.uint8)
LABELS = RNG.integers(0, 10, 16)
# What the cases build on: small and quick, every knob active.
BASE = {
    "depth": 5,
    "kernel_size": 3,
    "padding": "same",
    "filters": 6,
    "filter_step": 0,
    "normalization": "unit",
    "dense_84": False,
    "learning_rate": 0.001,
}


def hyperparameters(hypermodel, values=None):
    hp = keras_tuner.HyperParameters()
    hypermodel.declare(hp)
    hp.values = dict(complete({**hypermodel.defaults, **(values or {})}))
    return hp


def every_choice():
    """Settings in which together every listed value and both ends of every range occur, few at a time."""
    columns = {
        knob.name: [knob.domain.low, knob.domain.high]
        if isinstance(knob.domain, Range)
        else list(knob.domain.values)
        for knob in KNOBS
    }
    columns |= {"conv_bias": [True], "filters": [32, 16, 6], "filter_step": [16, 10, 0]}  # wide, then deep
    for i in range(max(len(values) for values in columns.values())):
        # A list that has ended repeats its last value.
        yield {name: values[min(i, len(values) - 1)] for name, values in columns.items()} | {
            "padding": "same"
        }
    yield {**BASE, "depth": 2, "padding": "valid", "kernel_size": 5}
    yield {**BASE, "conv_bias": False}
    yield {**BASE, **{k.name: k.domain.low for k in KNOBS if isinstance(k.domain, Range)}}


CASES = list(every_choice())


def test_the_cases_contain_every_choice_of_every_knob():
    cases = [complete(case) for case in CASES]
    for knob in KNOBS:
        tried = {case[knob.name] for case in cases if knob.name in case}
        wanted = (
            {knob.domain.low, knob.domain.high} if isinstance(knob.domain, Range) else set(knob.domain.values)
        )
        assert wanted <= tried, knob.name


@pytest.mark.parametrize("case", range(len(CASES)))
def test_every_choice_builds_trains_a_step_and_is_the_same_after_saving(case, tmp_path):
    hypermodel = LeNetHyperModel(SPEC)
    hp = hyperparameters(hypermodel, CASES[case])
    model = hypermodel.build(hp)
    before = model.get_weights()
    history = hypermodel.fit(hp, model, IMAGES, LABELS, epochs=1, verbose=0)
    assert set(history.history) == {"accuracy", "loss"}
    assert any(not np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    predictions = model.predict(IMAGES[:4], verbose=0)  # raw uint8 images
    assert predictions.shape == (4, 10)
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.saving.load_model(path)
    np.testing.assert_allclose(again.predict(IMAGES[:4], verbose=0), predictions, rtol=1e-6, equal_nan=True)


def test_knobs_are_declared_once_in_table_order_with_their_conditions():
    hp = keras_tuner.HyperParameters()
    hypermodel = LeNetHyperModel(SPEC)
    for _ in range(2):  # declaring again changes nothing
        hypermodel.declare(hp)
        assert [p.name for p in hp.space] == [knob.name for knob in KNOBS]
    assert hypermodel.values_to_setting(hp) == complete(hypermodel.defaults)
    for knob, declared in zip(KNOBS, hp.space, strict=True):
        assert {c.name for c in declared.conditions} == {parent for parent, _ in knob.active_if}
        assert hp.is_active(declared) == is_active(knob, hypermodel.defaults)


def test_kinds_of_hyperparameter_follow_the_domains():
    hp = keras_tuner.HyperParameters()
    LeNetHyperModel(SPEC, space=FULL.replace({"depth": Choice((3,)), "epochs": Choice((2,))})).declare(hp)
    kinds = {p.name: type(p).__name__ for p in hp.space}
    assert (kinds["depth"], kinds["dense_84"], kinds["activation"]) == ("Fixed", "Boolean", "Choice")
    rate = next(p for p in hp.space if p.name == "learning_rate")
    momentum = next(p for p in hp.space if p.name == "momentum")
    assert (rate.sampling, rate.min_value, rate.max_value) == ("log", 1e-4, 0.3)
    assert momentum.sampling == "linear"


def test_knobs_that_can_never_count_are_not_declared():
    hp = keras_tuner.HyperParameters()
    space = FULL.replace({"depth": Choice((2, 3)), "conv_bias": Choice((False,))})
    LeNetHyperModel(SPEC, space=space).declare(hp)
    names = {p.name for p in hp.space}
    assert not {"l2_bias", "bias_mean_1", "bias_std_5"} & names
    assert "pool_places" in names


def test_the_full_space_needs_channel_statistics_and_says_how_to_get_them():
    with pytest.raises(SettingError, match=r"LeNetHyperModel\.for_data"):
        LeNetHyperModel(InputSpec())
    LeNetHyperModel(InputSpec(), space=FULL.replace({"normalization": Choice(("none", "unit"))}))
    hypermodel = LeNetHyperModel.for_data(IMAGES, LABELS)
    assert hypermodel.spec.channel_mean == pytest.approx(IMAGES.mean(axis=(0, 1, 2)))
    assert hypermodel.spec.num_classes == LABELS.max() + 1
    assert LeNetHyperModel.for_data(IMAGES, np.eye(12)[LABELS]).spec.num_classes == 12


def test_defaults_are_moved_to_where_a_network_can_be_built():
    space = FULL.replace({"depth": Choice((4, 5))})  # with the default 5x5 kernels nothing fits
    hypermodel = LeNetHyperModel(SPEC, space=space)
    assert is_feasible(hypermodel.defaults, SPEC)
    assert all(hypermodel.defaults[name] in domain for name, domain in space.domains.items())
    with pytest.raises(InfeasibleError, match="does not fit"):
        LeNetHyperModel(
            SPEC, space=space.replace({"padding": Choice(("valid",)), "kernel_size": Choice((5,))})
        )


def test_an_infeasible_setting_fails_the_trial_at_once_with_our_message():
    hypermodel = LeNetHyperModel(SPEC)
    hp = hyperparameters(hypermodel, {"depth": 5, "kernel_size": 5, "padding": "valid"})
    with pytest.raises(keras_tuner.errors.FailedTrialError, match=r"does not fit in the \S+ map at"):
        hypermodel.build(hp)


@st.composite
def full_settings(draw):
    values = {}
    for name, domain in FULL.domains.items():
        values[name] = (
            draw(st.floats(domain.low, domain.high))
            if isinstance(domain, Range)
            else draw(st.sampled_from(domain.values))
        )
    return complete(values)


@given(full_settings())
@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_any_setting_is_feasible_or_refused_before_a_network_is_built(setting):
    hypermodel = LeNetHyperModel(SPEC)
    hp = hyperparameters(hypermodel, setting)
    assert hypermodel.values_to_setting(hp) == setting
    if is_feasible(setting, SPEC):
        lenet, train = configs(setting, SPEC)
        assert min(min(shape) for shape in lenet.map_shapes) >= 1
        assert train.batch_size == setting["batch_size"]
    else:
        with pytest.raises(keras_tuner.errors.FailedTrialError):
            hypermodel.build(hp)


class Recorder:
    """Stands for a model and remembers how it was fitted."""

    def fit(self, x, y, **kwargs):
        self.y, self.kwargs = y, kwargs


def test_fit_applies_batch_size_and_epochs_and_one_hot_labels():
    hypermodel = LeNetHyperModel(SPEC)
    hp = hyperparameters(hypermodel, {"batch_size": 64, "epochs": 20})
    model = Recorder()
    hypermodel.fit(hp, model, IMAGES, LABELS, validation_data=(IMAGES, LABELS[:, None]), verbose=0)
    assert (model.kwargs["batch_size"], model.kwargs["epochs"], model.kwargs["verbose"]) == (64, 20, 0)
    np.testing.assert_array_equal(model.y, np.eye(10)[LABELS])
    np.testing.assert_array_equal(model.kwargs["validation_data"][1], np.eye(10)[LABELS])
    hypermodel.fit(hp, model, IMAGES, np.eye(10)[LABELS], epochs=3)
    assert model.kwargs["epochs"] == 3
    np.testing.assert_array_equal(model.y, np.eye(10)[LABELS])


def test_the_seed_fixes_the_initial_weights():
    first, same, other = (
        LeNetHyperModel(SPEC, seed=seed).build(keras_tuner.HyperParameters()).get_weights()
        for seed in (0, 0, 1)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not np.array_equal(first[0], other[0])
