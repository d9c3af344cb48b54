"""Importance of knobs: on scores whose cause is known."""

import math
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lenet_tune import analysis
from lenet_tune.analysis.encoding import columns
from lenet_tune.analysis.importance import fitted_trees, predicted_by, shuffled
from lenet_tune.space import Space

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory

FREE = ("learning_rate", "momentum", "activation", "batch_size", "depth", "pool_places")


def search(score, trials=120, names=FREE, seed=1, **changes):
    """A random search over some knobs whose scores are `score(setting, rng)`."""
    rng = np.random.default_rng(seed)
    space = Space.at({}).replace({name: Space.full().domains[name] for name in names})
    made = []
    for number in range(trials):
        setting = {name: factory.draw(domain, rng) for name, domain in space.domains.items()}
        made.append(factory.trial(number, [score(setting, rng)], setting=setting))
    definition = factory.definition(space=space.to_json(), **changes)
    return replace(factory.search(1, best=False), definition=definition, trials=tuple(made), test_readings=())


def by_rate_and_activation(setting, rng):
    rate = -0.1 * abs(math.log10(setting["learning_rate"]) + 2)
    return 0.5 + rate + 0.1 * (setting["activation"] == "relu") + rng.normal(0, 0.01)


def test_the_knobs_that_made_the_score_come_first_and_the_others_near_zero():
    found = analysis.importance(search(by_rate_and_activation))
    assert {k.knob for k in found.knobs[:2]} == {"learning_rate", "activation"}
    assert all(k.low <= k.value <= k.high for k in found.knobs)
    assert found.knobs[1].low > 0.05
    assert all(abs(k.value) < 0.02 for k in found.knobs[2:])
    assert found.r2 > 0.7
    assert found.weak is None


def test_importance_is_the_part_of_the_variance_that_a_knob_has_a_hand_in():
    def additive(setting, rng):
        return 0.5 + 0.1 * (setting["activation"] == "relu") + 0.1 * setting["momentum"]

    found = analysis.importance(search(additive, 600, ("activation", "momentum", "batch_size")))
    # Variances, in 0.01: of a coin with probability 1/3, 2/9; of an even draw from [0, 0.95], 0.95^2 / 12.
    coin, even = 2 / 9, 0.95**2 / 12
    assert found.of("activation") == pytest.approx(coin / (coin + even), abs=0.08)
    assert found.of("momentum") == pytest.approx(even / (coin + even), abs=0.08)
    assert found.of("batch_size") == pytest.approx(0, abs=0.01)


def test_scores_without_a_cause_are_not_ranked():
    found = analysis.importance(search(lambda setting, rng: 0.5 + rng.normal(0, 0.05)))
    assert found.r2 < 0.1
    assert "Hardly to be ranked" in found.weak
    assert all(k.low < 0.05 for k in found.knobs)


def test_too_few_trials_are_said_in_a_sentence():
    few = analysis.importance(search(by_rate_and_activation, 30))
    assert few.weak == "Too few to rank: 30 finished trials for 6 knobs, and about 10 a knob are needed."
    assert few.knobs
    none = analysis.importance(search(by_rate_and_activation, 5))
    assert (none.knobs, none.r2) == ((), None)
    assert none.weak.startswith("Too few to rank: 5 finished trials")
    assert analysis.importance(search(lambda setting, rng: 0.1)).weak.startswith("Every finished trial")
    assert "No knob varies" in analysis.importance(search(lambda setting, rng: 0.1, 9, names=())).weak


def test_failures_are_left_out_and_counted():
    made = search(by_rate_and_activation)
    bad = [
        factory.trial(120 + i, [0.0], setting={"learning_rate": 0.01 + i}, outcome="failed", error="x")
        for i in range(7)
    ]
    with_failures = analysis.importance(replace(made, trials=made.trials + tuple(bad)))
    assert (with_failures.trials, with_failures.left_out) == (120, 7)
    assert with_failures.knobs == analysis.importance(made).knobs


def test_knobs_of_a_grid_that_change_together_are_one_entry():
    found = analysis.importance(factory.section_grid(1, seeds=3))
    (stage,) = [k for k in found.knobs if k.together]
    assert "dense_84" in {stage.knob, *stage.together}
    assert found.of("dense_84") == found.of("normalization") == stage.value != 0


def test_a_conditional_knob_counts_only_where_it_is_active():
    def score(setting, rng):
        places = {"every": 0.0, "spread": 0.1, "first_two": 0.2}
        return 0.4 + (places[setting["pool_places"]] if setting["depth"] > 2 else 0.1) + rng.normal(0, 0.005)

    made = search(score, 200, ("depth", "pool_places", "momentum"))
    found = analysis.importance(made)
    assert found.knobs[0].knob == "pool_places"
    assert found.of("momentum") < 0.02
    (places,) = [c for c in columns(analysis.slices(made), made.trials) if c.knob == "pool_places"]
    assert [bool(a) for a in places.active] == [t.setting["depth"] > 2 for t in made.trials]
    assert np.isfinite(places.encoded).all()


def test_a_parent_keeps_what_is_its_own():
    def score(setting, rng):
        return 0.4 + 0.1 * setting["conv_bias"] + rng.normal(0, 0.001)

    found = analysis.importance(search(score, 200, ("conv_bias", "l2_bias", "bias_mean_1", "bias_std_1")))
    assert found.of("conv_bias") == pytest.approx(1, abs=0.15)
    assert all(abs(found.of(name)) < 0.01 for name in ("l2_bias", "bias_mean_1", "bias_std_1"))


def test_a_knob_is_shuffled_by_itself_and_only_where_it_is_active():
    made = search(by_rate_and_activation, 60)
    known = columns(analysis.slices(made), made.trials)
    trials = np.arange(5, 60)
    plain, *versions = shuffled(known, trials, np.random.default_rng(0))
    assert len(versions) == len(known)
    start = 0
    for column, version in zip(known, versions, strict=True):
        own = np.arange(start, start := start + column.encoded.shape[1])
        others = np.setdiff1d(np.arange(plain.shape[1]), own)
        active = column.active[trials]
        assert (version[:, others] == plain[:, others]).all()
        assert (version[~active] == plain[~active]).all()
        assert (version[np.ix_(active, own)] != plain[np.ix_(active, own)]).any()
        assert sorted(map(tuple, version[np.ix_(active, own)])) == sorted(
            map(tuple, plain[np.ix_(active, own)])
        )
    assert sum(not column.active.all() for column in known) == 1


def test_columns_are_logarithms_places_and_one_column_a_word():
    made = search(by_rate_and_activation, 50)
    found = {c.knob: c for c in columns(analysis.slices(made), made.trials)}
    rates = [math.log(t.setting["learning_rate"]) for t in made.trials]
    assert found["learning_rate"].encoded[:, 0] == pytest.approx(rates)
    sizes = [(32, 64, 128).index(t.setting["batch_size"]) for t in made.trials]
    assert found["batch_size"].encoded[:, 0].tolist() == sizes
    words = found["activation"]
    assert words.encoded.shape == (50, 3)
    assert [words.values[i] for i in words.encoded.argmax(axis=1)] == [
        t.setting["activation"] for t in made.trials
    ]


def test_importance_from_guided_searches_says_that_it_is_biased():
    assert "Moosbauer" in analysis.importance(search(by_rate_and_activation, 40, kind="bayes")).note
    assert "epochs" in analysis.importance(search(by_rate_and_activation, 40, kind="hyperband")).note
    assert analysis.importance(search(by_rate_and_activation, 40)).note is None


def test_importance_of_a_thousand_trials_is_quick_and_the_same_each_time():
    import sklearn.ensemble  # noqa: F401 (its import is not what is timed)

    made = factory.search(1000, wide=True, best=False)
    start = time.process_time()
    first = analysis.importance(made)
    assert time.process_time() - start < 2  # 0.6 s on a quiet core
    assert analysis.importance(made) == first


@pytest.mark.parametrize(("trials", "trees", "least"), [(40, 12, 2), (320, 6, 4)])
def test_the_trees_are_those_of_a_random_forest(trials, trees, least):
    from sklearn.ensemble import RandomForestRegressor

    rng = np.random.default_rng(5)
    table, scores = rng.random((trials, 7)).astype(np.float32), rng.random(trials)
    forest = RandomForestRegressor(
        n_estimators=trees, max_features=0.5, min_samples_leaf=least, bootstrap=False, random_state=3
    ).fit(table, scores)
    others = rng.random((25, 7)).astype(np.float32)
    found = predicted_by(fitted_trees(table, scores, seed=3), others)
    assert found == pytest.approx(forest.predict(others), abs=1e-12)
