import numpy as np
import pytest

from lenet_tune.standing import ALPHA, estimate, looks, standing, wanted


def test_leaders_are_compared_half_way_and_at_the_end():
    assert looks(0) == ()
    assert looks(3) == (3,)
    assert looks(6) == (3, 6)
    assert looks(7) == (4, 7)


def test_there_is_no_standing_before_every_leader_has_reached_the_first_look():
    scores = {4: (0.5, 0.51, 0.52), 7: (0.4, 0.41)}
    assert standing(scores, (3, 6)) is None
    assert wanted(scores, (3, 6)) == {4: 3, 7: 3}


def test_a_leader_far_ahead_is_settled_at_the_first_look():
    scores = {4: (0.50, 0.51, 0.52), 7: (0.30, 0.312, 0.319)}
    found = standing(scores, (3, 6))
    assert (found.tied, found.dropped, found.is_settled, found.seeds) == ((4,), (7,), True, 3)
    assert wanted(scores, (3, 6)) == {}


def test_leaders_that_cannot_be_told_apart_get_the_second_look_and_then_tie():
    scores = {1: (0.50, 0.52, 0.51), 2: (0.51, 0.50, 0.52), 3: (0.10, 0.11, 0.12)}
    assert wanted(scores, (3, 6)) == {2: 6, 1: 6} or wanted(scores, (3, 6)) == {1: 6, 2: 6}
    more = {number: values * 2 for number, values in scores.items() if number != 3}
    found = standing({**more, 3: scores[3]}, (3, 6))
    assert set(found.tied) == {1, 2}
    assert found.dropped == (3,)
    assert found.is_settled
    assert found.estimates[3].n == 3


def test_a_single_leader_is_settled_after_the_first_look():
    assert standing({9: (0.4, 0.5, 0.6)}, (3, 6)).is_settled
    assert wanted({9: (0.4, 0.5, 0.6)}, (3, 6)) == {}


def test_common_seeds_tell_leaders_apart_that_their_spread_would_hide():
    seeds = np.array([0.0, 0.1, -0.1, 0.05])
    better, worse = 0.5 + seeds, 0.48 + seeds + np.array([0.001, -0.001, 0.0005, 0.0])
    assert standing({0: tuple(better), 1: tuple(worse)}, (4,)).tied == (0,)


def test_an_interval_is_students():
    found = estimate((0.1, 0.2, 0.3))
    assert found.mean == pytest.approx(0.2)
    assert found.half_width == pytest.approx(4.30265 * 0.1 / 3**0.5, rel=1e-5)
    assert estimate((0.4,)).half_width is None


@pytest.mark.parametrize(
    ("means", "spreads"),
    [
        ((0.50, 0.50, 0.50, 0.50), (0.01, 0.01, 0.01, 0.01)),
        ((0.502, 0.50, 0.50, 0.49), (0.02, 0.003, 0.01, 0.001)),
        ((0.51, 0.505, 0.50, 0.495), (0.03, 0.005, 0.005, 0.005)),
    ],
)
def test_the_best_leader_is_dropped_as_rarely_as_promised(means, spreads):
    rng = np.random.default_rng(5)
    planned, runs, lost = looks(6), 3000, 0
    for _ in range(runs):
        common = rng.normal(0, 0.01, 6)  # what seeds share
        scores = {
            i: tuple(mean + common + rng.normal(0, sd, 6))
            for i, (mean, sd) in enumerate(zip(means, spreads, strict=True))
        }
        lost += 0 not in standing(scores, planned).tied
    # Three standard errors above the promised rate.
    assert lost / runs <= ALPHA + 3 * (ALPHA * (1 - ALPHA) / runs) ** 0.5


def test_a_clear_difference_is_found_with_six_seeds():
    rng = np.random.default_rng(6)
    alone = 0
    for _ in range(500):
        scores = {i: tuple(mean + rng.normal(0, 0.005, 6)) for i, mean in enumerate((0.52, 0.50, 0.49, 0.48))}
        alone += standing(scores, looks(6)).tied == (0,)
    assert alone / 500 > 0.8
