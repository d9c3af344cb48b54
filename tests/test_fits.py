"""How well readings of the open choices fit, on made-up executions with known distances."""

import pytest
import repro_factory as factory

from lenet_tune.analysis.evidence import pool
from lenet_tune.analysis.fits import fit_beside, fits
from lenet_tune.sections.arms import PARTS, fitted
from lenet_tune.sections.readings import others


def off_by(scope, reading, distances, seeds=2):
    """Executions whose means lie `distances` from the published numbers of a scope."""
    numbers = fitted(scope, reading)
    return [
        (n.settings[0], dict.fromkeys(range(seeds), n.accuracy + d))
        for n, d in zip(numbers, distances, strict=True)
    ]


def found(*results, part="section 3"):
    study = factory.study([pair for group in results for pair in group])
    return [fit for fit in fits(pool([study])) if fit.part == part]


def test_the_distance_is_the_root_mean_square():
    default, *_ = found(off_by("section3", {}, (0.03, -0.04)))
    assert default.is_default
    assert default.rms == pytest.approx((0.5 * (0.03**2 + 0.04**2)) ** 0.5)
    assert (default.numbers, default.seeds) == (2, 2)
    assert default.interval.low == pytest.approx(0.03)
    assert default.interval.high == pytest.approx(0.04)


def test_the_closest_reading_is_marked_and_its_gain_is_beside_it():
    fit = {
        tuple(f.reading.items()): f
        for f in found(
            off_by("section3", {}, (0.04, 0.04)), off_by("section3", {"pooling": "max"}, (0.01, 0.01))
        )
    }
    best = fit[("pooling", "max"),]
    assert best.is_best
    assert not fit[()].is_best
    assert best.gain == pytest.approx(0.03)
    assert best.gain_interval.low == pytest.approx(0.03)


def test_a_gain_that_hangs_on_one_number_is_not_sure():
    (worse,) = (
        f
        for f in found(
            off_by("section3", {}, (0.0, 0.05)), off_by("section3", {"filters": "16"}, (0.04, 0.0))
        )
        if f.reading == {"filters": "16"}
    )
    assert worse.gain_interval.low < 0 < worse.gain_interval.high


def test_a_reading_with_a_number_missing_has_no_distance():
    part = off_by("section3", {"pooling": "max"}, (0.0, 0.0))[:1]
    (fit,) = (f for f in found(off_by("section3", {}, (0.1, 0.1)), part) if f.reading == {"pooling": "max"})
    assert fit.rms is None
    assert fit.numbers == 1
    assert not fit.is_best


def test_without_any_run_there_is_no_best():
    assert not any(f.is_best for f in fits(pool([])))


def test_every_alternative_of_every_part_is_compared():
    every = fits(pool([]))
    assert len(every) == sum(1 + len(others(scope)) for scope in PARTS)


def test_two_pools_are_compared_over_the_numbers_that_both_have():
    near = pool([factory.study(off_by("section3", {}, (0.01, -0.01)))])
    far = pool([factory.study(off_by("section3", {}, (0.05, 0.05)))])
    fit = fit_beside(near, far)
    assert fit.numbers == 2
    assert fit.rms == pytest.approx((0.01, 0.05))
    assert fit.excess == pytest.approx(0.04)
    assert 0 not in fit.interval
    assert fit.interval.low == pytest.approx(0.04)
    assert fit_beside(far, near).excess == pytest.approx(-0.04)
    other = pool([factory.study(off_by("adjusted", {}, (0.0,) * len(fitted("adjusted", {}))))])
    assert fit_beside(near, other) is None


def test_intervals_are_the_same_every_time():
    results = off_by("initial", {}, (0.01, 0.0, -0.02, 0.03, 0.0, 0.01))
    first, second = (found(results, part="section 1, initial")[0] for _ in range(2))
    assert first == second
    assert first.interval.low < first.rms < first.interval.high
