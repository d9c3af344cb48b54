"""What every oracle promises, for all of them."""

import json

import numpy as np
import pytest
from oracle_surfaces import CHANCE, SMALL, SPEC, search, tell
from scipy.stats import kstest

from lenet_tune.config import InputSpec
from lenet_tune.errors import InfeasibleError, SettingError
from lenet_tune.knobs import Choice, Range
from lenet_tune.oracles import KINDS, ListOracle, OracleOptions, Told, grid_oracle, make_oracle
from lenet_tune.oracles.codec import Codec
from lenet_tune.sections import BASES
from lenet_tune.space import Space, complete, is_feasible, key

FULL = Space.full()
LARGE_GRID = SMALL.replace(
    {
        "learning_rate": Choice((0.001, 0.01, 0.1)),
        "momentum": Choice((0.0, 0.9)),
        "activation": Choice(("tanh", "relu")),
    }
)
SPACES = {"grid": LARGE_GRID, "random": FULL, "bayes": FULL, "hyperband": FULL}
OPTIONS = OracleOptions(trials=15, max_epochs=9)


def make(kind, seed=0, space=None):
    return make_oracle(kind, space or SPACES[kind], SPEC, seed=seed, options=OPTIONS)


def plain(proposals):
    return [(key(p.setting), p.detail) for p in proposals]


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def past(kind):
    return search(make(kind), trials=20, batch=4)


def test_proposals_are_complete_feasible_and_all_different(past):
    assert len(past) == 20
    assert len({key(t.setting) for t in past}) == len(past)
    for trial in past:
        assert dict(trial.setting) == complete(trial.setting)
        assert is_feasible(trial.setting, SPEC)


def test_proposals_stay_inside_the_space(kind, past):
    for trial in past:
        for name, value in trial.setting.items():
            assert name == "epochs" or value in SPACES[kind].domains[name], name


def test_proposals_survive_json(past):
    for trial in past:
        both = {"setting": dict(trial.setting), "detail": dict(trial.detail)}
        assert json.loads(json.dumps(both)) == both


@pytest.mark.parametrize("cut", [0, 3, 9, 12, 13, 20])
def test_a_fresh_oracle_goes_on_as_the_old_one_would(kind, past, cut):
    # All that a resumed search has is the trials, after a round trip through JSON.
    stored = [
        Told(
            **json.loads(
                json.dumps({"number": t.number, "setting": t.setting, "score": t.score, "detail": t.detail})
            )
        )
        for t in past[:cut]
    ]
    used = make(kind)
    used.ask(past[:5], 2)
    assert plain(make(kind).ask(stored, 3)) == plain(used.ask(past[:cut], 3))


@pytest.mark.parametrize("cut", [1, 5, 7])
def test_a_batch_cut_short_goes_on_with_the_same_proposals(kind, past, cut):
    finished = past[:12]
    batch = make(kind).ask(finished, 8)
    stored = list(finished)
    tell(stored, batch[:cut], score=None)
    assert plain(batch[:cut]) + plain(make(kind).ask(stored, 8 - cut)) == plain(batch)


def test_asking_is_not_telling(kind, past):
    oracle = make(kind)
    assert plain(oracle.ask(past[:6], 2)) == plain(oracle.ask(past[:6], 2))
    assert oracle.ask(past[:6], 0) == []


@pytest.mark.parametrize("kind", ["random", "bayes", "hyperband"])
def test_seeds_differ_and_seed_zero_is_one_of_them(kind):
    first = [plain(make(kind, seed=seed).ask([], 3)) for seed in (0, 0, 1)]
    assert first[0] == first[1] != first[2]


@pytest.mark.parametrize("kind", ["grid", "random", "bayes"])
@pytest.mark.parametrize("batch", [1, 8])
def test_a_small_space_is_proposed_to_the_last_setting_and_then_no_more(kind, batch):
    everything = {key(s) for s in SMALL.grid() if is_feasible(s, SPEC)}
    past = search(make(kind, space=SMALL), trials=100, batch=batch)
    assert len(past) == len(everything) == len({key(t.setting) for t in past})
    assert {key(t.setting) for t in past} == everything


@pytest.mark.parametrize("kind", ["random", "bayes"])
def test_a_space_of_one_setting_has_one_proposal(kind):
    assert [key(t.setting) for t in search(make(kind, space=Space.at({})), trials=5)] == [key({})]


@pytest.mark.parametrize("kind", ["random", "bayes"])
def test_a_feasible_corner_is_found_however_small(kind):
    # 1 shape of network in 40 fits images of 16 x 16; the learning rate makes its settings endless.
    space = FULL.replace({"kernel_size": Choice((5, 7, 9, 11)), "padding": Choice(("valid",))})
    spec = InputSpec(image_shape=(16, 16, 1), channel_mean=(1.0,), channel_std=(1.0,))
    past = search(make_oracle(kind, space, spec, seed=0, options=OPTIONS), trials=6)
    assert len({key(t.setting) for t in past}) == 6
    assert all(is_feasible(t.setting, spec) for t in past)


@pytest.mark.parametrize("kind", ["random", "bayes", "hyperband"])
def test_a_space_without_any_network_is_refused_at_once(kind):
    space = FULL.replace({"kernel_size": Choice((5,)), "depth": Choice((5,)), "padding": Choice(("valid",))})
    with pytest.raises(InfeasibleError, match="does not fit"):
        make(kind, space=space)


@pytest.mark.parametrize("kind", ["random", "bayes", "hyperband"])
def test_standardize_without_statistics_is_refused_at_once(kind):
    with pytest.raises(SettingError, match="channel statistics"):
        make_oracle(kind, FULL, InputSpec(), seed=0)


@pytest.mark.parametrize("kind", ["random", "bayes"])
def test_starting_points_come_first_and_only_once(kind):
    outside = {**BASES["section3"], "learning_rate": 0.9, "kernel_size": 7}
    starts = (BASES["adjusted"], outside, BASES["adjusted"], {"depth": 5, "kernel_size": 5})
    options = OracleOptions(trials=15, starts=starts)
    past = search(make_oracle(kind, FULL, SPEC, seed=0, options=options), trials=6)
    assert [t.detail["origin"] for t in past[:3]] == ["start", "start", "random"]
    assert [key(t.setting) for t in past[:2]] == [key(BASES["adjusted"]), key(outside)]


def test_grids_keep_the_order_of_the_product():
    listed = [key(s) for s in SMALL.grid() if is_feasible(s, SPEC)]
    assert [key(t.setting) for t in search(grid_oracle(SMALL, SPEC), trials=100, batch=5)] == listed


def test_grids_refuse_ranges():
    with pytest.raises(SettingError, match="list them"):
        make("grid", space=FULL)


def test_lists_are_proposed_in_order_each_setting_once():
    settings = [
        {"batch_size": 64},
        {"depth": 3, "kernel_size": 5},
        {"batch_size": 64, "pool_places": "spread"},
    ]
    assert [p.setting["batch_size"] for p in ListOracle(settings).ask([], 9)] == [64, 32]
    assert len(ListOracle(settings, SPEC)) == 1


def test_random_settings_cover_every_choice_and_the_whole_of_every_range():
    drawn = [t.setting for t in search(make("random"), trials=200, batch=200)]
    codec = Codec(FULL)
    for name, positions in zip(codec.names, np.transpose([codec.positions(s) for s in drawn]), strict=True):
        positions = positions[[name in s for s in drawn]]  # in [0, 1], evenly spread
        if isinstance(FULL.domains[name], Range):
            assert kstest(positions, "uniform").pvalue > 1e-4, name
        else:
            assert {s[name] for s in drawn if name in s} == set(FULL.domains[name].values), name


def test_unknown_kinds_and_options_are_refused():
    with pytest.raises(SettingError, match="kind"):
        make_oracle("annealing", FULL, SPEC, seed=0)
    with pytest.raises(SettingError, match="factor"):
        OracleOptions(factor=1)


@pytest.mark.parametrize("kind", KINDS)
def test_chief_and_worker_mode_is_refused(kind, monkeypatch):
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with pytest.raises(SettingError, match="Unset it"):
        make(kind)


def test_scores_at_chance_everywhere_do_not_stop_a_bayesian_search():
    past = search(make("bayes"), trials=14, batch=2, score=lambda setting: CHANCE)
    assert len(past) == 14
    assert past[-1].detail["origin"] == "model"


def test_a_bayesian_search_waits_for_first_results_instead_of_guessing():
    proposals = make("bayes").ask([], 100)
    assert len(proposals) == 3  # a fifth of the 15 trials planned
