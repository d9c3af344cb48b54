import json
from dataclasses import replace
from statistics import fmean

import pytest
from fakes import fake_engine
from scipy.stats import beta
from test_loop import KNOBS, begin, tools
from test_stopping import GRID

from lenet_tune import analysis, loop
from lenet_tune.interchange import snapshot_from_json, snapshot_to_json
from lenet_tune.records import TestReading
from lenet_tune.report.exports import epoch_rows, trial_rows
from lenet_tune.report.page import render_page


def noisy(executions, data, *, keep):
    """Accuracies that differ by trial less than by seed."""
    for epoch in fake_engine()(executions, data, keep=keep):
        for result in epoch.results:
            luck = (7 * result.trial + 13 * result.repeat) % 11
            object.__setattr__(result, "held_out_accuracy", 0.5 + luck / 100)
        yield epoch


@pytest.fixture(scope="module")
def confirmed(tmp_path_factory, tiny_data):
    with begin(tmp_path_factory.mktemp("study"), tiny_data, trials=7, knobs=KNOBS) as study:
        loop.run(study, tools(study, tiny_data, train_group=noisy))
        snapshot = study.snapshot()
    fresh = [(t.number, e.repeat) for t in snapshot.tied for e in t.confirming]
    readings = tuple(
        TestReading(trial=t, repeat=r, when="2026-01-01T00:00:00+00:00", accuracy=0.4 + r / 100, images=40)
        for t, r in fresh
    )
    return replace(snapshot, test_readings=readings)


def test_leaders_show_what_they_had_in_the_search_on_fresh_seeds_and_on_the_test_images(confirmed):
    found = analysis.leaders(confirmed)
    assert [leader.number for leader in found] == list(confirmed.standing.order)
    for leader in found:
        trial = confirmed.trials[leader.number]
        fresh = [e.epochs[-1].held_out_accuracy for e in trial.confirming]
        assert leader.fresh.mean == pytest.approx(fmean(fresh))
        assert leader.optimism == pytest.approx(trial.score - fmean(fresh))
        tied = trial in confirmed.tied
        assert leader.verdict == ("tied for first" if tied else "behind")
        assert (leader.test is not None) == tied
        if tied:
            assert leader.test == pytest.approx(fmean(0.4 + e.repeat / 100 for e in trial.confirming))
            assert leader.test_gap == pytest.approx(leader.test - leader.fresh.mean)


def test_trials_that_cannot_be_told_apart_share_rank_one_in_every_table(confirmed):
    tied = [t.number for t in confirmed.tied]
    assert len(tied) > 1
    table = analysis.ranked_table(confirmed).records()
    assert [row["trial"] for row in table[: len(tied)]] == tied
    assert [row["rank"] for row in table[: len(tied) + 1]] == [1] * len(tied) + [len(tied) + 1]
    assert table[0]["fresh n"] == len(confirmed.trials[tied[0]].confirming)
    head, *rows = trial_rows(confirmed)
    assert [row[head.index("rank")] for row in rows[: len(tied)]] == [1] * len(tied)
    assert rows[0][head.index("fresh_accuracy_0")] == confirmed.fresh_scores[tied[0]][0]


def test_the_summary_calls_a_tie_a_tie(confirmed):
    others = [t.number for t in confirmed.tied[1:]]
    text = analysis.summary(confirmed)
    assert "cannot be told apart from trial" in text
    assert all(str(number) in text for number in others)
    assert "on fresh seeds" in text
    assert "ahead of the second" not in text


def test_seed_noise_is_known_from_fresh_seeds_where_the_search_had_one_seed(confirmed):
    noise = analysis.seed_noise(confirmed)
    assert noise.trials == len(confirmed.fresh_scores)
    assert analysis.optimism(confirmed).excess > 0


def test_the_page_shows_the_leaders_and_the_method(confirmed):
    page = render_page(confirmed)
    assert "trained again with fresh seeds" in page
    assert "Bonferroni" in page
    assert "tied for first" in page


def test_a_confirmed_study_goes_through_json_and_its_epochs_say_what_they_were_for(confirmed):
    assert snapshot_from_json(json.loads(json.dumps(snapshot_to_json(confirmed)))) == confirmed
    head, *rows = epoch_rows(confirmed)
    purposes = {row[head.index("purpose")] for row in rows}
    assert purposes == {"search", "confirm"}


def test_the_audit_counts_what_was_stopped_saved_and_lost(tmp_path, tiny_data):
    with begin(tmp_path, tiny_data, **{**GRID, "stop_bad": True, "audit": 0.4}) as study:
        loop.run(study, tools(study, tiny_data))
        snapshot = study.snapshot()
    found = analysis.audit(snapshot)
    executions = [e for t in snapshot.trials for e in t.searched]
    assert found.stopped == sum(e.outcome == "stopped" for e in executions) > 0
    assert found.audited == sum(e.outcome == "done" and e.stop_epoch is not None for e in executions) > 0
    assert found.saved_epochs == 8 * len(executions) - sum(len(e.epochs) for e in executions)
    assert found.lost == 0
    assert found.lost_at_most == pytest.approx(beta.ppf(0.95, 1, found.audited))
    assert f"{found.stopped} trial" in found.words
    assert "Early stopping" in render_page(snapshot)


def test_an_audited_trial_that_ends_above_all_others_is_a_lost_winner(tmp_path, tiny_data):
    def late(executions, data, *, keep):
        # Trial 11 is the worst until the last epoch.
        for epoch in fake_engine()(executions, data, keep=keep):
            for result in epoch.results:
                if result.trial == 11:
                    object.__setattr__(result, "held_out_accuracy", 0.99 if result.epoch == 8 else 0.01)
            yield epoch

    with begin(tmp_path, tiny_data, **{**GRID, "stop_bad": True, "audit": 1.0}) as study:
        loop.run(study, tools(study, tiny_data, train_group=late))
        found = analysis.audit(study.snapshot())
    assert found.lost == 1
    assert found.lost_at_most > 1 / found.audited


def test_a_study_that_stops_nothing_has_no_audit(confirmed):
    assert analysis.audit(confirmed) is None
