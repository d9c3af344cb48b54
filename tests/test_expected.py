"""Expected best of n trials, against every choice of n trials."""

import itertools
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lenet_tune import analysis

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory


def study(trials, kind="random"):
    return replace(
        factory.search(1, best=False), definition=factory.definition(kind=kind), trials=tuple(trials)
    )


SCORES = [0.31, 0.52, 0.44, 0.60, 0.28, 0.55, 0.41]


@pytest.mark.parametrize("kind", ["random", "grid"])
def test_the_expected_best_is_the_mean_over_every_choice(kind):
    found = analysis.expected_best(study([factory.trial(i, [s]) for i, s in enumerate(SCORES)], kind))
    assert [p.n for p in found.points] == list(range(1, 8))
    for point in found.points:
        best = [max(chosen) for chosen in itertools.combinations(SCORES, point.n)]
        assert point.mean == pytest.approx(np.mean(best))
        low, high = np.quantile(best, (0.1, 0.9), method="inverted_cdf")
        assert (point.low, point.high) == (low, high)


def test_seconds_are_those_of_the_search_on_average():
    trials = [factory.trial(i, [s, s], epochs=3) for i, s in enumerate(SCORES)]
    found = analysis.expected_best(study(trials))
    spent = sum(e.seconds for t in trials for e in t.executions)
    assert found.points[-1].seconds == pytest.approx(spent)
    assert found.points[0].seconds == pytest.approx(spent / 7)


def test_unlucky_trials_count_as_chance_and_starting_points_not_at_all():
    trials = [factory.trial(i, [s]) for i, s in enumerate(SCORES)]
    trials[0] = replace(trials[0], proposal={"origin": "start"})
    trials[3] = factory.trial(3, [0.6], outcome="diverged")
    found = analysis.expected_best(study(trials))
    assert (found.unlucky, found.starts, len(found.points)) == (1, 1, 6)
    assert found.points[0].mean == pytest.approx(np.mean([0.1, *SCORES[1:3], *SCORES[4:]]))


@pytest.mark.parametrize("kind", ["bayes", "hyperband"])
def test_a_search_whose_order_matters_has_no_such_curve(kind):
    assert analysis.expected_best(study([factory.trial(i, [s]) for i, s in enumerate(SCORES)], kind)) is None


def test_few_trials_have_no_such_curve():
    assert analysis.expected_best(study([factory.trial(i, [0.1 * i]) for i in range(3)])) is None
    bad = [factory.trial(i, [0.1], outcome="failed", error="x") for i in range(6)]
    assert analysis.expected_best(study(bad)) is None


def test_a_thousand_trials_lose_no_precision():
    scores = np.random.default_rng(0).random(1000).tolist()
    found = analysis.expected_best(study([factory.trial(i, [s], epochs=1) for i, s in enumerate(scores)]))
    ordered, counts = sorted(scores), [p.n for p in found.points]
    assert (len(counts), len(set(counts)), counts[0], counts[-1]) == (100, 100, 1, 1000)
    for point in found.points[::9]:
        ways = sum(s * math.comb(i, point.n - 1) for i, s in enumerate(ordered))
        assert point.mean == pytest.approx(ways / math.comb(1000, point.n))


def test_the_sentence_says_what_half_of_the_trials_would_have_done():
    found = analysis.expected_best(study([factory.trial(i, [s]) for i, s in enumerate(SCORES)]))
    half = np.mean([max(chosen) for chosen in itertools.combinations(SCORES, 4)])
    assert found.words.startswith(f"The best of 4 of these 7 trials is expected at {100 * half:.1f} %, ")
