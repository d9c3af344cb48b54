"""The Bayesian search: better than random, its parts, and what it replaces in Keras Tuner's oracle."""

import numpy as np
import pytest
from oracle_surfaces import SPEC, accuracy, noisy, search, tell

from lenet_tune.knobs import Choice
from lenet_tune.oracles import OracleOptions, Told, make_oracle
from lenet_tune.oracles.bayes import _ModelBased
from lenet_tune.oracles.codec import Codec
from lenet_tune.oracles.surrogate import KnobMatern, Surrogate, improvement
from lenet_tune.oracles.trees import Mixture, Trees
from lenet_tune.space import Space, complete, is_feasible

FULL = Space.full()
CODEC = Codec(FULL)


def drawn(count, seed=0):
    return CODEC.draw(np.random.default_rng(seed), count)


def distance(a, b):
    """Between the features of two settings."""
    first, second = CODEC.features(np.array([CODEC.positions(complete(s)) for s in (a, b)]))
    return np.linalg.norm(first - second)


def test_settings_become_positions_and_back():
    for row in drawn(50):
        setting = CODEC.setting(row)
        again = CODEC.setting(CODEC.positions(setting))
        assert again.keys() == setting.keys()
        for name, value in setting.items():
            assert again[name] == (pytest.approx(value, rel=2e-3) if isinstance(value, float) else value)


def test_all_categories_are_equally_far_apart_and_numbers_are_in_order():
    pairs = [
        ("glorot_uniform", "lecun_normal"),
        ("glorot_uniform", "glorot_normal"),
        ("he_normal", "random_normal"),
    ]
    distances = [distance({"kernel_initializer": a}, {"kernel_initializer": b}) for a, b in pairs]
    assert distances == pytest.approx([1.0] * 3)
    assert distance({"batch_size": 32}, {"batch_size": 64}) < distance(
        {"batch_size": 32}, {"batch_size": 128}
    )
    assert distance({"pooling": "max"}, {"pooling": "average"}) == pytest.approx(1.0)


def test_knobs_that_do_not_count_make_no_difference():
    off = np.tile(drawn(1), (2, 1))
    off[:, CODEC.names.index("conv_bias")] = 0.1  # off
    off[1, CODEC.names.index("bias_mean_1")] = 0.9
    off[1, CODEC.names.index("l2_bias")] = 0.9
    same = CODEC.features(off)
    assert np.array_equal(same[0], same[1])
    off[:, CODEC.names.index("conv_bias")] = 0.9
    assert not np.array_equal(*CODEC.features(off))


def test_changes_of_one_knob_try_every_listed_value():
    base = drawn(1)[0]
    changed = CODEC.one_knob_changes(base, np.random.default_rng(0), 8)
    assert ((changed != base).sum(axis=1) <= 1).all()
    values = {CODEC.setting(row)["kernel_initializer"] for row in changed}
    assert values == set(FULL.domains["kernel_initializer"].values)


def test_the_kernels_gradient_is_its_derivative():
    features = CODEC.features(drawn(6))
    scales = np.linspace(0.5, 2.0, len(CODEC.names))
    kernel = KnobMatern(scales, CODEC.knob_of)
    _, gradient = kernel(features, eval_gradient=True)
    for i in (0, 5, 30):
        step = np.zeros(len(scales))
        step[i] = 1e-6
        up, down = (KnobMatern(scales * np.exp(s), CODEC.knob_of)(features) for s in (step, -step))
        assert gradient[:, :, i] == pytest.approx((up - down) / 2e-6, abs=1e-7)


def test_the_model_learns_which_knob_counts_and_how_much_noise_there_is():
    positions = drawn(120)
    rate = positions[:, CODEC.names.index("learning_rate")]
    scores = np.sin(5 * rate) + 0.1 * np.random.default_rng(1).standard_normal(120)
    model = Surrogate(CODEC.features(positions), scores, CODEC.knob_of)
    scales = model._gp.kernel_.k1.k2.length_scale
    assert np.argmin(scales) == CODEC.names.index("learning_rate")
    assert scales.min() < 0.5 * np.median(scales)
    noise = np.sqrt(model._gp.kernel_.k2.noise_level) * scores.std()
    assert 0.05 < noise < 0.2


def test_expected_improvement_is_that_of_its_definition():
    positions = drawn(20)
    features = CODEC.features(positions)
    model = Surrogate(features, positions[:, 0], CODEC.knob_of)
    point = CODEC.features(drawn(1, seed=5))
    mean, deviation = model.predict(point)
    samples = np.random.default_rng(0).normal(mean, deviation, 200_000)
    expected = np.maximum(samples - model.best(), 0).mean()
    assert model.expected_improvement(point, model.best())[0] == pytest.approx(
        expected, abs=0.02 * deviation[0]
    )


def test_pending_trials_are_supposed_to_disappoint_so_that_a_batch_keeps_apart():
    features = CODEC.features(drawn(20))
    model = Surrogate(features, drawn(20)[:, 0], CODEC.knob_of)
    pending = CODEC.features(drawn(3, seed=9))
    mean, deviation = model.predict(pending)
    supposed_mean, supposed_deviation = model.supposing(pending).predict(pending)
    assert (supposed_mean < mean).all()
    assert (supposed_mean > mean - 1.5 * deviation).all()
    assert (supposed_deviation < deviation).all()


def test_trees_see_a_cliff_and_are_less_sure_where_they_know_nothing():
    positions = drawn(150)
    rate = positions[:, CODEC.names.index("learning_rate")]
    model = Trees(CODEC.features(positions), np.where(rate < 0.6, rate, -1.0))
    fresh = drawn(300, seed=1)
    fresh_rate = fresh[:, CODEC.names.index("learning_rate")]
    mean, deviation = model.predict(CODEC.features(fresh))
    assert mean[fresh_rate < 0.5].min() > mean[fresh_rate > 0.7].max()
    beside, far = np.abs(fresh_rate - 0.6) < 0.05, np.abs(fresh_rate - 0.6) > 0.3
    assert deviation[beside].mean() > 1.5 * deviation[far].mean()


def test_the_mixture_is_half_each_and_unsure_where_its_halves_differ():
    positions = drawn(30)
    features = CODEC.features(positions)
    model = Mixture(features, positions[:, 0], CODEC.knob_of)
    points = CODEC.features(drawn(5, seed=3))
    (a, a_sd), (b, b_sd) = (part.predict(points) for part in model._parts)
    mean, deviation = model.predict(points)
    rng = np.random.default_rng(0)
    samples = np.concatenate([rng.normal(a, a_sd, (200_000, 5)), rng.normal(b, b_sd, (200_000, 5))])
    assert mean == pytest.approx(samples.mean(axis=0), abs=0.01)
    assert deviation == pytest.approx(samples.std(axis=0), abs=0.01)
    gain = model.expected_improvement(points, model.best())
    assert gain == pytest.approx(improvement(mean, deviation, model.best()))


def test_pending_trials_make_both_halves_expect_less_there():
    positions = drawn(30)
    model = Mixture(CODEC.features(positions), positions[:, 0], CODEC.knob_of)
    pending = CODEC.features(drawn(4, seed=8))
    before = model.expected_improvement(pending, model.best())
    after = model.supposing(pending).expected_improvement(pending, model.best())
    assert (after < before).all()


def test_the_same_trials_give_the_same_model():
    positions = drawn(30)
    features, points = CODEC.features(positions), CODEC.features(drawn(5, seed=3))
    first, second = (Mixture(features, positions[:, 0], CODEC.knob_of).predict(points) for _ in range(2))
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


def test_no_candidate_is_a_setting_that_cannot_be_built():
    oracle = _ModelBased(FULL, SPEC, initial=3)
    drawn_ones = drawn(500)
    kept = oracle._buildable(drawn_ones)
    feasible = [is_feasible(CODEC.setting(row), SPEC) for row in drawn_ones]
    assert 0 < sum(feasible) < 500
    assert np.array_equal(kept, drawn_ones[feasible])


def test_a_batch_is_spread_out():
    past = search(make_oracle("bayes", FULL, SPEC, seed=0), trials=16, batch=8)
    batch = make_oracle("bayes", FULL, SPEC, seed=0).ask(past, 6)
    assert {p.detail["origin"] for p in batch} == {"model"}
    rows = CODEC.features(np.array([CODEC.positions(p.setting) for p in batch]))
    apart = np.linalg.norm(rows[:, None] - rows[None], axis=-1)[np.triu_indices(6, 1)]
    assert apart.min() > 0.1


def test_diverging_settings_are_learned_to_be_avoided():
    # Keras Tuner's own oracle went there 7 times in 7; here they come as chance accuracy.
    past = search(make_oracle("bayes", FULL, SPEC, seed=1), trials=30, batch=5)
    diverged = [accuracy(t.setting) == 0.1 for t in past]
    assert sum(diverged[15:]) <= 3


@pytest.mark.parametrize(("trials", "initial"), [(50, 10), (200, 10), (30, 6), (5, 3)])
def test_at_most_a_fifth_of_the_trials_are_random_and_never_more_than_ten(trials, initial):
    oracle = make_oracle("bayes", FULL, SPEC, seed=0, options=OracleOptions(trials=trials))
    proposals = oracle.ask([], 60)
    assert len(proposals) == initial
    past: list[Told] = []
    tell(past, proposals)
    assert oracle.ask(past, 1)[0].detail["origin"] == "model"


def test_starting_points_outside_the_space_do_not_disturb_the_model():
    space = FULL.replace({"kernel_initializer": Choice(("he_normal", "he_uniform", "random_normal"))})
    start = {
        "learning_rate": 5.0,
        "kernel_initializer": "glorot_uniform",
        "batch_size": 500,
        "kernel_size": 7,
    }
    options = OracleOptions(trials=15, starts=(start,))
    past = search(make_oracle("bayes", space, SPEC, seed=0, options=options), trials=5, score=lambda s: 0.5)
    assert past[-1].detail["origin"] == "model"


def test_thirty_four_trials_in_batches_of_eight_find_more_than_a_hundred_random_ones():
    # The true accuracy of the trial that looks best under noise (sd 0.01), mean of four seeds. Measured:
    # 0.574 against 0.529; with the expected improvement replaced by random numbers 0.505.
    names = ("learning_rate", "momentum", "activation", "final_activation", "loss", "batch_size")
    names += ("normalization", "filters", "pooling", "bias_mean_1")
    space = Space.at({}).replace({name: FULL.domains[name] for name in names})

    def found(kind, trials, seed):
        past = search(make_oracle(kind, space, SPEC, seed=seed), trials, 8, lambda s: noisy(s, seed))
        return accuracy(max(past, key=lambda t: t.score).setting)

    model_based = np.mean([found("bayes", 34, seed) for seed in range(4)])
    at_random = np.mean([found("random", 100, seed) for seed in range(4)])
    assert model_based > at_random + 0.02
