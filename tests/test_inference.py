"""The statistics of the verdicts against hand-computed values, scipy, and simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lenet_tune.analysis.inference import (
    LEVEL,
    POWER,
    Sample,
    holm,
    kendall,
    mean_interval,
    p_above,
    prediction_interval,
    quantile,
    seeds_needed,
)


def test_a_sample_of_one_has_no_spread_and_nothing_that_needs_one():
    sample = Sample.of([0.5])
    assert sample.sd is None
    assert prediction_interval(sample) is None
    assert mean_interval(sample) is None
    assert p_above(sample, 0.4) is None


def test_the_prediction_interval_of_five_seeds_is_3_04_standard_deviations():
    sample = Sample(n=5, mean=0.5, sd=0.01)
    interval = prediction_interval(sample)
    assert (interval.high - 0.5) / 0.01 == pytest.approx(3.04, abs=0.005)
    assert (0.5 - interval.low) / 0.01 == pytest.approx(3.04, abs=0.005)
    assert (prediction_interval(Sample(n=3, mean=0.5, sd=0.01)).high - 0.5) / 0.01 == pytest.approx(
        4.97, abs=0.005
    )


def test_a_floor_keeps_an_interval_from_closing():
    same = Sample.of([0.1, 0.1, 0.1])
    assert prediction_interval(same).high == pytest.approx(0.1)
    assert prediction_interval(same, floor=0.003).high == pytest.approx(
        0.1 + quantile(3) * 0.003 * 1.1547, rel=1e-4
    )


def test_intervals_hold_what_they_say_in_simulation():
    rng = np.random.default_rng(1)
    runs, n = 4000, 5
    drawn = rng.normal(0.5, 0.01, (runs, n))
    fresh = rng.normal(0.5, 0.01, runs)
    held = sum(f in prediction_interval(Sample.of(row)) for row, f in zip(drawn.tolist(), fresh, strict=True))
    means = sum(0.5 in mean_interval(Sample.of(row)) for row in drawn.tolist())
    for share in (held / runs, means / runs):
        assert share == pytest.approx(1 - LEVEL, abs=0.012)


def test_p_values_are_scipys():
    values = [0.012, 0.004, 0.021, -0.003, 0.015]
    expected = stats.ttest_1samp(values, 0.002, alternative="greater").pvalue
    assert p_above(Sample.of(values), 0.002) == pytest.approx(expected)


def test_values_without_any_spread_are_decided_by_their_side_of_the_bound():
    same = Sample.of([0.1, 0.1])
    assert p_above(same, 0.05) == 0
    assert p_above(same, 0.2) == 1
    assert p_above(same, 0.1) == 0.5


def test_holms_correction_by_hand():
    found = holm({"a": 0.01, "b": 0.04, "c": 0.03}, 3)
    assert found == pytest.approx({"a": 0.03, "c": 0.06, "b": 0.06})


def test_tests_that_were_not_run_count_in_the_correction():
    assert holm({"a": 0.01}, 18) == pytest.approx({"a": 0.18})


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_correction_never_makes_a_p_value_smaller(ps):
    adjusted = holm({str(i): p for i, p in enumerate(ps)}, len(ps))
    assert all(p <= adjusted[str(i)] <= 1 for i, p in enumerate(ps))


@pytest.mark.parametrize(("effect", "sd"), [(0.01, 0.005), (0.005, 0.01), (0.02, 0.02)])
def test_enough_seeds_see_an_effect_as_often_as_promised(effect, sd):
    level = 0.01
    n = seeds_needed(effect, sd, level)
    rng = np.random.default_rng(2)

    def power(seeds):
        values = rng.normal(effect, sd, (6000, seeds))
        t = values.mean(axis=1) / (values.std(axis=1, ddof=1) / math.sqrt(seeds))
        return (t > stats.t.ppf(1 - level, seeds - 1)).mean()

    assert power(n) > POWER - 0.02
    assert power(n - 1) < POWER + 0.02


def test_an_effect_of_nothing_is_never_settled():
    assert seeds_needed(0.0, 0.01, 0.05) is None
    assert seeds_needed(1e-6, 0.01, 0.05) is None
    assert seeds_needed(0.01, 0.0, 0.05) == 2


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=9))
def test_kendalls_tau_is_scipys(pairs):
    xs, ys = zip(*pairs, strict=True)
    expected = stats.kendalltau(xs, ys).statistic if len(set(xs)) > 1 and len(set(ys)) > 1 else None
    found = kendall(xs, ys)
    assert found is None if expected is None else found == pytest.approx(expected)
