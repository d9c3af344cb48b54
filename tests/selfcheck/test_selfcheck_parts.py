"""The parts of a self-check: published functions, surfaces, runs, tests, promises that can break."""

import math
from dataclasses import replace

import numpy as np
import pytest

from lenet_tune.knobs import Choice
from lenet_tune.oracles import ListOracle, Proposal, make_oracle
from lenet_tune.selfcheck import figures, functions, properties
from lenet_tune.selfcheck.play import Game, play
from lenet_tune.selfcheck.surface import CHANCE, DIVERGED, FAILED, SPEC, Surface, learning
from lenet_tune.selfcheck.surfaces import DEVELOPMENT, HELD_OUT, SYNTHETIC
from lenet_tune.selfcheck.tasks import REAL, Plan, make_plan, tasks
from lenet_tune.space import Space, key

SPACE = Space.at({"epochs": 10}).replace({"batch_size": Choice((32, 64, 128))})


def surface(accuracy, noise=0.0, space=SPACE):
    words = {"name": "made", "about": "", "source": "", "group": "held out"}
    return Surface(**words, space=space, accuracy=accuracy, noise=lambda s: noise)


@pytest.mark.parametrize(
    ("value", "published"),
    [
        (functions.branin(math.pi, 2.275), 0.397887),
        (functions.branin(-math.pi, 12.275), 0.397887),
        (functions.rosenbrock(1, 1), 0),
        (functions.camel(0.0898, -0.7126), -1.031628),
        (functions.beale(3, 0.5), 0),
        (functions.hartmann6((0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573)), -3.32237),
        (functions.ackley((0, 0, 0)), 0),
        (functions.levy((1, 1, 1, 1)), 0),
    ],
)
def test_functions_have_their_published_minimum(value, published):
    assert value == pytest.approx(published, abs=1e-5)


@pytest.mark.parametrize("made", SYNTHETIC, ids=lambda s: s.name)
def test_surfaces_give_accuracies_or_say_why_not_all_over_their_space(made):
    proposals = make_oracle("random", made.space, SPEC, seed=5).ask([], 300)
    values = [made.accuracy(p.setting) for p in proposals]
    numbers = [v for v in values if v is not None and not math.isnan(v)]
    assert len(numbers) > 200
    assert all(CHANCE <= v <= 1 for v in numbers)
    assert max(numbers) > min(numbers) + 0.1
    assert values == [made.accuracy(p.setting) for p in proposals] or any(v != v for v in values)


def test_surfaces_have_categories_conditions_logarithms_failures_and_divergence():
    free = {name for s in SYNTHETIC for name in s.space.free}
    assert {"activation", "pool_places", "bias_std_3", "learning_rate"} <= free
    found = {"failed": 0, "diverged": 0}
    for made in SYNTHETIC:
        for p in make_oracle("random", made.space, SPEC, seed=5).ask([], 200):
            value = made.accuracy(p.setting)
            found["failed"] += value is FAILED
            found["diverged"] += value is not None and math.isnan(value)
    assert min(found.values()) > 0


def test_surfaces_to_develop_on_and_to_judge_by_are_apart():
    assert not {s.name for s in DEVELOPMENT} & {s.name for s in HELD_OUT}
    assert {s.group for s in DEVELOPMENT} == {"development"}
    assert {s.group for s in HELD_OUT} == {"held out"}


def test_noise_is_a_function_of_setting_and_seed():
    made = surface(lambda s: 0.5, noise=0.1)
    first, again, other = (made.score({"batch_size": 32}, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert made.score({"batch_size": 64}, 0) != first
    scores = [made.score({"batch_size": 32}, seed) for seed in range(500)]
    assert np.std(scores) == pytest.approx(0.1, rel=0.15)


def test_more_epochs_are_better_and_all_of_them_give_the_surface():
    made = learning(surface(lambda s: 0.6), 27)
    values = [made.accuracy({"learning_rate": 0.01, "epochs": e}) for e in (1, 3, 9, 27)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(0.6)
    slow = made.accuracy({"learning_rate": 0.0002, "epochs": 3})
    assert slow < values[1]


def test_best_is_the_accuracy_without_noise_of_the_highest_score():
    # The second setting is worse but lucky: it leads, and the curve falls.
    luck = {32: (0.5, 0.5), 64: (0.4, 0.7), 128: (0.6, 0.6)}
    made = surface(lambda s: luck[s["batch_size"]][0])
    object.__setattr__(made, "score", lambda s, seed: luck[s["batch_size"]][1])
    run = play(ListOracle(SPACE.grid(), SPEC), made, seed=0, trials=9, batch=2)
    assert run.best == (0.5, 0.4, 0.4)
    assert run.epochs == (10, 20, 30)


def test_diverged_and_failed_trials_are_told_as_chance_and_never_lead():
    outcomes = {32: DIVERGED, 64: FAILED, 128: 0.3}
    game = Game(surface(lambda s: outcomes[s["batch_size"]]), 0)
    for setting in SPACE.grid():
        game.play(Proposal(setting=setting, detail={}))
    assert [t.score for t in game.told()] == [CHANCE, CHANCE, 0.3]
    assert game.best == [CHANCE, CHANCE, 0.3]
    assert game.run(slowest=0.0).bad == 2


class Broken:
    """An oracle that proposes what it is given, told or not."""

    def __init__(self, settings):
        self._settings = settings

    def ask(self, past, count):
        left = self._settings[len(past) : len(past) + count]
        return [Proposal(setting=s, detail={"origin": "broken"}) for s in left]


def test_a_run_counts_duplicates_and_proposals_outside_the_space():
    first, second, _ = SPACE.grid()
    outside = {**second, "momentum": 0.5}
    oracle = Broken([first, second, first, outside])
    run = play(oracle, surface(lambda s: 0.5), seed=0, trials=9, batch=3)
    assert (run.duplicates, run.outside) == (1, 1)


@pytest.mark.parametrize(
    ("places", "found"), [((0, 1, 2), (0, 0)), ((0, 1), (1, 0)), ((0, 1, 2, 1), (0, 1)), ((0, 1, 1), (1, 1))]
)
def test_coverage_finds_what_is_missing_and_what_came_twice(places, found):
    settings = list(SPACE.grid())
    missing, extra, size = properties.coverage(Broken([settings[i] for i in places]), SPACE, 2)
    assert (missing, extra, size) == (*found, 3)


@pytest.mark.parametrize("asked", list(properties.checks(quick=True)), ids=str)
def test_every_promise_of_the_quick_check_is_kept(asked):
    promise = properties.check(asked)
    assert promise.checked > 0
    assert promise.broken == 0


def test_a_search_that_forgets_its_seed_breaks_the_promise_of_resuming(monkeypatch):
    made = {"calls": 0}

    def forgetful(kind, surface):
        made["calls"] += 1
        return make_oracle(kind, surface.space, SPEC, seed=made["calls"])

    monkeypatch.setattr(properties, "_oracle", forgetful)
    assert properties.broken_resumes("random", DEVELOPMENT[1]) > 0


def test_the_paired_test_is_small_only_where_one_side_is_better():
    rng = np.random.default_rng(0)
    assert figures.paired_p(rng.normal(1, 1, 20)) < 0.01
    assert figures.paired_p(rng.normal(-1, 1, 20)) > 0.9
    assert figures.paired_p(np.zeros(20)) == 1.0


def test_holm_corrects_over_the_family():
    assert figures.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert figures.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_what_random_search_needs_is_the_first_trial_with_that_median():
    assert figures.first_reaching((0.1, 0.3, 0.2, 0.4), 0.25) == 2
    assert figures.first_reaching((0.1, 0.3), 0.5) is None


def run_of(*best):
    return play(Broken([]), surface(lambda s: 0.5), seed=0, trials=1, batch=1).__class__(
        best=best, epochs=tuple(range(1, len(best) + 1)), duplicates=0, outside=0, bad=0, slowest=0.1
    )


def test_a_comparison_puts_the_ends_against_random_search_at_its_trials():
    task = next(t for t in tasks(Plan(seeds=8, trials=5, batches=(1,))) if t.kind == "bayes")
    own = [run_of(0.2, 0.5 + i / 100) for i in range(8)]
    random = [run_of(0.1, 0.2, 0.3, 0.6) for _ in range(8)]
    trial = figures.comparison(surface(lambda s: 0.5), task, own, random, rival=3)
    assert trial.best == pytest.approx(0.535)
    assert trial.random == 0.3
    assert trial.needs == 4
    assert trial.p == pytest.approx(1 / 2**8)
    assert trial.reached
    assert not replace(trial, needs=2).reached
    assert not replace(trial, adjusted=0.06).reached


def test_a_plan_asks_for_every_search_on_every_surface_with_every_seed():
    plan = Plan(seeds=3, trials=10, batches=(1, 8), surfaces=("tree", REAL), tpe=True)
    asked = list(tasks(plan))
    assert len(asked) == len(set(asked)) == 2 * 3 * (2 + 2 + 1 + 1)
    assert {t.trials for t in asked if t.kind == "random"} == {80}


def test_quick_is_smaller_and_numbers_asked_for_count():
    full, quick = (make_plan(seeds=None, trials=None, batches=(), quick=q) for q in (False, True))
    assert full.seeds >= 20
    assert {1, 4, 8} <= set(full.batches)
    assert set(full.surfaces) == {*(s.name for s in SYNTHETIC), REAL}
    assert len(list(tasks(quick))) < len(list(tasks(full))) / 10
    assert make_plan(seeds=7, trials=None, quick=True).seeds == 7
    assert make_plan(batches=(2, 8)).batches == (2, 8)


def test_finite_spaces_are_listed_by_brute_force():
    small = properties.SMALL["conditions, some of which cannot be built"]
    from lenet_tune.space import is_feasible

    assert len(properties.everything(small)) == len({key(s) for s in small.grid() if is_feasible(s, SPEC)})
