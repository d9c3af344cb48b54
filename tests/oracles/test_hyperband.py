"""Hyperband: rounds, brackets, and what continues what; all from the trials told."""

from collections import Counter

import pytest
from oracle_surfaces import SPEC, accuracy, search, tell

from lenet_tune.oracles import OracleOptions, Told, make_oracle
from lenet_tune.space import Space, key

FULL = Space.full()


def make(**options):
    return make_oracle("hyperband", FULL, SPEC, seed=0, options=OracleOptions(max_epochs=9, **options))


def places(past):
    return Counter((t.detail["iteration"], t.detail["bracket"], t.detail["round"]) for t in past)


# Li et al. 2018, section 3, with Keras Tuner's sizes: 3 brackets of 9 epochs, from 1, 3 and 9 epochs on.
SCHEDULE = {
    (0, 2, 0): 9,
    (0, 2, 1): 3,
    (0, 2, 2): 1,
    (0, 1, 0): 5,
    (0, 1, 1): 2,
    (0, 0, 0): 3,
}
EPOCHS = {(2, 0): (0, 1), (2, 1): (1, 3), (2, 2): (3, 9), (1, 0): (0, 3), (1, 1): (3, 9), (0, 0): (0, 9)}


@pytest.fixture(scope="module", params=[1, 4, 1000])
def past(request):
    return search(make(), trials=1000, batch=request.param, score=accuracy)


def test_every_round_has_its_size_and_its_epochs(past):
    assert places(past) == SCHEDULE
    for trial in past:
        first, last = EPOCHS[trial.detail["bracket"], trial.detail["round"]]
        assert trial.detail["initial_epoch"] == first
        assert trial.setting["epochs"] == last


def test_a_later_round_continues_a_trial_of_the_round_before_with_its_setting(past):
    for trial in past:
        parent = trial.detail["parent"]
        assert (parent is None) == (trial.detail["round"] == 0)
        if parent is not None:
            before = past[parent]
            assert parent < trial.number
            assert before.detail["bracket"] == trial.detail["bracket"]
            assert before.detail["round"] == trial.detail["round"] - 1
            assert {**before.setting, "epochs": 0} == {**trial.setting, "epochs": 0}
            assert before.setting["epochs"] == trial.detail["initial_epoch"]


def test_the_best_of_each_round_go_on_and_each_once(past):
    rounds = {}
    for trial in past:
        rounds.setdefault((trial.detail["bracket"], trial.detail["round"]), []).append(trial)
    for (bracket, number), trials in rounds.items():
        parents = [t.detail["parent"] for t in rounds.get((bracket, number + 1), [])]
        assert len(parents) == len(set(parents))
        scores = sorted((t.score for t in trials), reverse=True)
        assert sorted((past[p].score for p in parents), reverse=True) == scores[: len(parents)]


def test_new_settings_are_new_in_every_bracket(past):
    new = [key({**t.setting, "epochs": 0}) for t in past if t.detail["parent"] is None]
    assert len(new) == len(set(new))


def test_all_brackets_run_again_in_another_iteration():
    past = search(make(iterations=2), trials=1000, batch=1000, score=accuracy)
    assert places(past) == SCHEDULE | {
        (1, bracket, number): n for (_, bracket, number), n in SCHEDULE.items()
    }


def test_pending_trials_hold_back_only_what_depends_on_them():
    oracle = make()
    past: list[Told] = []
    tell(past, oracle.ask(past, 1000), score=None)
    assert places(past) == {place: n for place, n in SCHEDULE.items() if place[2] == 0}
    assert oracle.ask(past, 1000) == []
    # 8 of bracket 2's 9 have ended; 6 are dropped, so 2 of them are sure to go on.
    ended = [
        Told(
            number=t.number,
            setting=t.setting,
            detail=t.detail,
            score=accuracy(t.setting) if t.number < 8 else None,
        )
        for t in past
    ]
    sure = sorted(range(8), key=lambda i: -ended[i].score)[:2]
    assert [p.detail["parent"] for p in oracle.ask(ended, 1000)] == sure


def test_trials_of_other_searches_are_left_alone():
    other = [Told(number=0, setting={"learning_rate": 0.01}, score=0.5, detail={"origin": "random"})]
    assert {p.detail["round"] for p in make().ask(other, 9)} == {0}
