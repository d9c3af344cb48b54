"""The closing question: which search answers it, and what is said of how high it got."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory

from lenet_tune.analysis.closing import (
    answering,
    closing_headline,
    closing_words,
    fresh_words,
    heights,
    together,
)
from lenet_tune.records import TestReading


def search(name, *scores, fresh=()):
    """A search whose trials have these scores; the first is trained again with fresh seeds."""
    trials = [factory.trial(number, [score]) for number, score in enumerate(scores)]
    if fresh:
        more = tuple(
            replace(factory.execution(0, 1 + i, score), purpose="confirm") for i, score in enumerate(fresh)
        )
        trials[0] = replace(trials[0], executions=trials[0].executions + more)
    return replace(
        factory.search(1),
        definition=factory.definition(
            name=name, options={"confirm": len(fresh)}, data={**factory.definition().data, "num_classes": 10}
        ),
        planned=len(trials),
        trials=tuple(trials),
        test_readings=(),
        best_model=None,
    )


def test_the_highest_score_answers():
    assert answering([search("low", 0.5), search("high", 0.6)]).definition.name == "high"


def test_fresh_seeds_go_before_a_higher_score_of_a_search():
    searches = [search("lucky", 0.74), search("confirmed", 0.72, fresh=(0.71, 0.70))]
    assert searches[1].standing is not None
    assert answering(searches).definition.name == "confirmed"


def test_without_a_score_nothing_is_said():
    assert answering([search("empty")]) is None
    assert closing_words([search("empty")]) == ()
    assert closing_words([]) == ()


def test_an_answer_says_the_accuracy_its_study_and_what_the_report_has():
    height, cost = closing_words([search("deep", 0.5, 0.7214)])
    assert "validation accuracy found is 72.14 % in the search, not confirmed" in height
    assert "trial 1 of the study deep, 5 epochs on 45,000 images" in height
    assert "the test images were not read" in height
    assert "55.64 % on the test images (Figure 3)" in height
    assert "the 2 trials of all searches" in cost


def test_a_confirmed_answer_has_the_interval_of_its_fresh_seeds_and_the_mean_of_its_readings():
    found = search("deep", 0.72, fresh=(0.71, 0.70))
    readings = [
        TestReading(trial=0, repeat=i, when="2026-01-01T11:00:00Z", accuracy=a, images=10_000)
        for i, a in ((1, 0.69), (2, 0.70))
    ]
    height, _ = closing_words([replace(found, test_readings=tuple(readings))])
    assert "70.50 % ±" in height
    assert "(95 % interval, n = 2) on fresh seeds" in height
    assert "on 10,000 test images, read once, 69.50 % (mean of 2 models)" in height


def test_a_row_of_the_table_has_score_fresh_seeds_and_cost():
    first, second = heights([search("deep", 0.72, fresh=(0.71, 0.70)), search("plain", 0.5)])
    assert (first.name, first.trials, first.score) == ("deep", 1, pytest.approx(0.72))
    assert fresh_words(first).startswith("70.50 % ± ")
    assert fresh_words(first).endswith(" points, n = 2")
    assert (fresh_words(second), second.test) == ("–", None)


def test_searches_that_trained_alike_are_taken_together_and_others_are_not():
    few, more = search("few", 0.5, 0.6), search("more", 0.4, 0.7, 0.3)
    larger = search("larger", *[0.8] * 4)
    larger = replace(larger, definition=replace(larger.definition, train_size=20_000))
    whole = together([few, larger, more])
    assert [(t.number, t.score) for t in whole.trials] == list(enumerate([0.5, 0.6, 0.4, 0.7, 0.3]))
    assert together([few, larger]) is None
    assert together([]) is None


@pytest.mark.parametrize("count", [1, 3])
def test_the_cost_is_of_all_searches(count):
    _, cost = closing_words([search(f"s{i}", 0.5, 0.6) for i in range(count)])
    each = sum(1.5 * 5 + 0.1 * number for number in range(2))
    assert f"the {2 * count} trials" in cost
    assert f"took {count * each:.1f} s." in cost


def test_the_headline_is_of_the_test_images_where_they_were_read():
    found = search("deep", 0.72, fresh=(0.71, 0.70))
    assert closing_headline([found]) == "The architecture of section 3, searched: 70.5 % validation accuracy."
    reading = TestReading(trial=0, repeat=1, when="2026-01-01T11:00:00Z", accuracy=0.694, images=10_000)
    found = replace(found, test_readings=(reading,))
    assert closing_headline([found]) == "The architecture of section 3, searched: 69.4 % test accuracy."
    assert closing_headline([]) is None
