"""What a curve is judged by, on curves drawn by hand."""

import math
from itertools import combinations

import pytest

from lenet_tune.analysis.curves import Curve
from lenet_tune.analysis.measures import MEASURES


def made(levels, losses=None):
    n = len(levels)
    losses = losses or [1.0] * n
    return Curve(
        epochs=tuple(range(1, n + 1)),
        train_loss=tuple(losses),
        train_accuracy=tuple(levels),
        held_out_loss=tuple(losses),
        held_out_accuracy=tuple(levels),
    )


QUICK = made([0.35, 0.40, 0.43, 0.45, *[0.45 + 0.002 * i for i in range(26)]])
FLAT_STEEP_PLATEAU = made([0.1] * 5 + [0.2, 0.3, 0.4] + [0.42] * 22)
STILL_RISING = made([0.1 + 0.01 * e for e in range(1, 31)])
NEVER = made([0.1, 0.099, 0.1] * 10)


def of(name, curve):
    return MEASURES[name].of(curve, 0.1)


def test_a_curve_that_rises_at_once_has_most_of_its_rise_early():
    assert of("early share", QUICK) == pytest.approx((0.43 - 0.1) / (0.5 - 0.1))
    assert of("steepest epoch", QUICK) == 1


def test_flat_then_steep_then_plateau_is_seen_as_such():
    assert of("early share", FLAT_STEEP_PLATEAU) == 0
    assert of("steepest epoch", FLAT_STEEP_PLATEAU) == 6
    assert of("late share", FLAT_STEEP_PLATEAU) == 0


def test_a_steady_rise_has_a_tenth_early_and_a_third_late():
    assert of("early share", STILL_RISING) == pytest.approx(0.1)
    assert of("late share", STILL_RISING) == pytest.approx(1 / 3)


def test_a_curve_at_chance_has_no_shape():
    assert of("early share", NEVER) == 0
    assert of("late share", NEVER) == 0
    assert of("steepest epoch", NEVER) == 1


def test_epochs_to_best_is_the_first_epoch_within_a_point_of_the_highest():
    assert of("epochs to best", FLAT_STEEP_PLATEAU) == 9
    assert of("epochs to best", made([0.2, 0.395, 0.4, 0.3])) == 2


def test_overfitting_starts_after_the_lowest_test_loss():
    losses = [2.0, 1.5, 1.2, 1.0, 0.9, 1.0, 1.2]
    assert of("overfitting epoch", made([0.3] * 7, losses)) == 6
    assert of("overfitting epoch", made([0.3] * 3, [2.0, 1.0, 0.5])) == 4


def test_losses_that_are_no_numbers_are_passed_over():
    assert of("overfitting epoch", made([0.3] * 3, [2.0, 1.0, math.nan])) == 3
    assert of("overfitting epoch", made([0.3], [math.nan])) == 1


def test_many_of_ten_wrong_is_counted_out_for_a_model_that_is_always_right_or_wrong():
    assert of("many of ten wrong", made([1.0])) == 0
    assert of("many of ten wrong", made([0.0])) == 1


def test_many_of_ten_wrong_agrees_with_drawing_every_ten_of_a_dozen(monkeypatch):
    from lenet_tune.analysis import measures

    monkeypatch.setattr(measures, "TEST_IMAGES", 12)
    wrong = [1] * 5 + [0] * 7
    draws = list(combinations(wrong, 10))
    share = sum(sum(draw) >= 4 for draw in draws) / len(draws)
    assert measures.many_of_ten_wrong(made([7 / 12]), 0.1) == pytest.approx(share)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("levels", [[0.3], [0.1], [0.2, 0.3], [0.5] * 30, [0.1] * 60])
def test_every_measure_takes_every_length(name, levels):
    assert math.isfinite(of(name, made(levels)))
