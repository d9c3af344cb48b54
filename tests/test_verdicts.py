"""Verdicts on published numbers."""

import math
from dataclasses import replace

import pytest
import repro_factory as factory

from lenet_tune import sections
from lenet_tune.analysis.evidence import common_seeds, pool
from lenet_tune.analysis.verdicts import largest_gaps, rank_agreement, tally, verdicts
from lenet_tune.errors import StudyError
from lenet_tune.sections.published import MARGIN, published

RUNS = sections.runs(1)
NUMBER = next(n for n in published() if n.accuracy == 0.5475)
SETTING = NUMBER.settings[0]
BEST_OF_THREE = next(n for n in published() if n.accuracy == 0.4919)


def verdict(finals, **changes):
    (found,) = verdicts([NUMBER], pool([factory.study([(SETTING, finals)], **changes)]))
    return found


@pytest.mark.parametrize(
    ("finals", "expected"),
    [
        ({0: 0.545, 1: 0.55, 2: 0.549}, "reproduced"),
        ({0: 0.60, 1: 0.602, 2: 0.601}, "higher"),
        ({0: 0.50, 1: 0.502, 2: 0.501}, "lower"),
        ({0: 0.70, 1: 0.45}, "reproduced"),  # far apart: the interval holds anything, and the mean is near
        ({0: 0.95, 1: 0.40}, "higher"),  # ... but the margin does not
        ({0: 0.5475}, "undecided (n = 1)"),
        ({}, "not run"),
    ],
)
def test_the_rule(finals, expected):
    assert verdict(finals).verdict == expected


def test_a_number_inside_the_margin_but_outside_the_interval_is_not_reproduced():
    found = verdict({k: 0.5475 + 0.025 + 0.0001 * k for k in range(5)})
    assert abs(found.difference) < MARGIN
    assert found.verdict == "higher"


def test_the_spread_is_never_smaller_than_the_test_images_make_it():
    found = verdict(dict.fromkeys(range(5), 0.54))
    assert found.sample.sd == pytest.approx(0)
    half = 3.04 * math.sqrt(0.54 * 0.46 / 10_000)
    assert found.interval.high - 0.54 == pytest.approx(half, rel=1e-3)
    assert found.verdict == "reproduced"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"train_size": 2000}, "2,000 training images"),
        ({"held_out_size": 1000}, "1,000 test images"),
        ({"options": {"runs": [], "epochs": 3}}, "3 epochs instead of 30"),
    ],
)
def test_a_run_by_another_protocol_is_not_comparable_and_says_why(changes, reason):
    setting = {**SETTING, "epochs": changes.get("options", {}).get("epochs", 30)}
    (found,) = verdicts([NUMBER], pool([factory.study([(setting, {0: 0.3, 1: 0.31})], **changes)]))
    assert found.verdict == "not comparable"
    assert any(reason in text for text in found.reasons)


def test_a_diverged_execution_counts_with_chance_to_the_last_epoch():
    together = pool([factory.study([(SETTING, {0: factory.DIVERGED, 1: 0.5})])])
    first, second = together.of(SETTING).values()
    assert first.is_diverged
    assert first.accuracy == 0.1
    assert len(first.curve.epochs) == len(second.curve.epochs) == 30
    assert first.curve.held_out_accuracy[:3] == (0.12, 0.13, 0.1)
    (found,) = verdicts([NUMBER], together)
    assert found.sample.mean == pytest.approx(0.3)
    assert found.diverged == 1


def test_where_several_runs_may_be_meant_the_best_counts_and_all_are_needed():
    settings = BEST_OF_THREE.settings
    results = [(settings[0], {0: 0.49, 1: 0.50}), (settings[1], {0: 0.3, 1: 0.3})]
    (part,) = verdicts([BEST_OF_THREE], pool([factory.study(results)]))
    assert part.verdict == "not run"
    results.append((settings[2], {0: 0.2, 1: 0.2}))
    (whole,) = verdicts([BEST_OF_THREE], pool([factory.study(results)]))
    assert whole.sample.mean == pytest.approx(0.495)
    assert whole.verdict == "reproduced"


def test_seeds_of_several_studies_come_together_and_none_counts_twice():
    first = factory.study([(SETTING, {0: 0.5, 1: 0.51})])
    second = factory.study([(SETTING, {1: 0.99, 2: 0.52})], name="reproduction-2")
    together = pool([first, second])
    assert [(e.repeat, e.study) for e in together.of(SETTING).values()] == [
        (0, "reproduction"), (1, "reproduction"), (2, "reproduction-2"),
    ]  # fmt: skip
    assert [round(e.accuracy, 4) for e in together.of(SETTING).values()] == [0.5, 0.51, 0.52]


def test_studies_on_other_data_or_sizes_do_not_mix():
    with pytest.raises(StudyError, match="folders of their own"):
        pool([factory.study([]), factory.study([], train_size=2000)])


def test_studies_of_different_backends_do_not_mix():
    on_jax = replace(factory.study([]), manifest={"backend": "jax"})
    with pytest.raises(StudyError, match="epochs and backend"):
        pool([factory.study([]), on_jax])


def test_common_seeds_are_those_that_every_run_has():
    other = RUNS[0].setting
    together = pool([factory.study([(SETTING, {0: 0.5, 1: 0.5, 2: 0.5}), (other, {1: 0.1, 2: 0.1, 3: 0.1})])])
    seeds = common_seeds(together, [SETTING, other])
    assert seeds == tuple(e.seed for e in together.of(other).values() if e.repeat in (1, 2))
    assert common_seeds(together, [SETTING, RUNS[1].setting]) == ()


def test_rank_agreement_is_by_part_and_leaves_out_numbers_without_a_named_run():
    numbers = published()
    results = [(s, {0: n.accuracy}) for n in numbers for s in n.settings]
    ranks = rank_agreement(verdicts(numbers, pool([factory.study(results)])))
    assert [(r.part, r.n) for r in ranks] == [
        ("section 1, initial", 6), ("section 1, adjusted", 6), ("section 3", 2),
    ]  # fmt: skip
    assert all(r.tau == pytest.approx(1) for r in ranks)


def test_the_tally_and_the_largest_gaps_count_what_was_measured():
    numbers = published()
    results = [
        (n.settings[0], {0: n.accuracy + 0.05, 1: n.accuracy + 0.051}) for n in numbers if not n.unsaid
    ]
    found = verdicts(numbers, pool([factory.study(results[:-1])]))
    assert tally(found) == {"higher": 13, "not run": 3}
    assert len(largest_gaps(found)) == 3
