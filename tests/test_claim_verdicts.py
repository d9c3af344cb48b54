"""Verdicts on claims, by hand and by simulation."""

import numpy as np
import pytest
import repro_factory as factory

from lenet_tune import sections
from lenet_tune.analysis.claim_verdicts import judge
from lenet_tune.analysis.evidence import pool
from lenet_tune.sections.claim import Claim, Term, Test, gain, level
from lenet_tune.sections.claims import claims

A, B, C = (run.setting for run in sections.runs(1)[:3])


def claim(*tests, name="C1"):
    return Claim(name=name, section=1, words="one beats the other", tests=tests)


def verdict(found, results):
    (judged,) = judge([found], pool([factory.study(results)]))
    return judged


A_BEATS_B = gain("A before B", (A,), (B,))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([0.50, 0.51, 0.52, 0.50, 0.51], [0.40, 0.41, 0.42, 0.41, 0.40], "confirmed"),
        ([0.40, 0.41, 0.42, 0.41, 0.40], [0.50, 0.51, 0.52, 0.50, 0.51], "refuted"),
        ([0.40, 0.45, 0.35, 0.42, 0.38], [0.41, 0.40, 0.42, 0.36, 0.41], "undecided"),
        ([0.5], [0.4], "undecided (n = 1)"),
        ([], [], "not run"),
    ],
)
def test_a_claim_about_an_order(a, b, expected):
    judged = verdict(claim(A_BEATS_B), [(A, dict(enumerate(a))), (B, dict(enumerate(b)))])
    assert judged.verdict == expected
    assert judged.n == len(a)


def test_runs_are_compared_seed_by_seed():
    # The seeds differ far more than the runs, whose difference is the same for each.
    base = [0.30, 0.40, 0.50, 0.60, 0.35]
    results = [(A, {k: v + 0.01 + 0.0005 * k for k, v in enumerate(base)}), (B, dict(enumerate(base)))]
    judged = verdict(claim(A_BEATS_B), results)
    assert judged.verdict == "confirmed"
    assert judged.results[0].sample.mean == pytest.approx(0.011)


def test_the_bound_decides_what_counts_as_a_gain():
    results = [(A, {k: 0.51 + 0.0005 * k for k in range(5)}), (B, dict.fromkeys(range(5), 0.50))]
    small = claim(gain("A a little before B", (A,), (B,), bound=0.005))
    large = claim(gain("A far before B", (A,), (B,), bound=0.02))
    assert verdict(small, results).verdict == "confirmed"
    assert verdict(large, results).verdict == "refuted"


def test_a_claim_of_no_gain_is_confirmed_by_a_small_one():
    results = [(A, {k: 0.5005 + 0.0003 * k for k in range(6)}), (B, dict.fromkeys(range(6), 0.50))]
    assert (
        verdict(claim(gain("no gain", (A,), (B,), relation="<", bound=0.005)), results).verdict == "confirmed"
    )


def test_all_tests_must_come_out_and_one_clear_failure_refutes():
    good, bad = {k: 0.5 + 0.001 * k for k in range(5)}, {k: 0.3 + 0.0012 * k for k in range(5)}
    results = [(A, good), (B, bad), (C, bad)]
    both = claim(gain("A before B", (A,), (B,)), gain("A before C", (A,), (C,)))
    one = claim(gain("A before B", (A,), (B,)), gain("C before A", (C,), (A,)))
    assert verdict(both, results).verdict == "confirmed"
    assert verdict(one, results).verdict == "refuted"


def test_a_claim_with_a_run_missing_can_be_refuted_and_not_confirmed():
    good, bad = {k: 0.5 + 0.001 * k for k in range(5)}, {k: 0.3 + 0.0012 * k for k in range(5)}
    results = [(A, good), (B, bad)]
    missing = gain("A before C", (A,), (C,))
    assert verdict(claim(A_BEATS_B, missing), results).verdict == "undecided"
    assert verdict(claim(gain("B before A", (B,), (A,)), missing), results).verdict == "refuted"


def test_the_best_of_some_runs_is_taken_seed_by_seed():
    best = level("best of A and B", (A, B), ">", 0.3)
    judged = verdict(claim(best), [(A, {0: 0.5, 1: 0.1}), (B, {0: 0.1, 1: 0.4})])
    assert judged.results[0].sample.mean == pytest.approx(0.45)


def test_an_undecided_claim_says_how_many_seeds_would_settle_it():
    results = [(A, dict(enumerate([0.512, 0.498, 0.509, 0.505]))), (B, dict.fromkeys(range(4), 0.50))]
    judged = verdict(claim(A_BEATS_B), results)
    assert judged.verdict == "undecided"
    assert 4 < judged.seeds < 100


def test_verdicts_without_any_true_difference_are_false_at_most_as_often_as_promised():
    rng = np.random.default_rng(5)
    settings = [run.setting for run in sections.runs(1)]
    pairs = [(settings[2 * i], settings[2 * i + 1]) for i in range(6)]
    all_claims = [claim(gain("a before b", (a,), (b,)), name=f"C{i}") for i, (a, b) in enumerate(pairs)]
    rounds, wrong = 300, 0
    for _ in range(rounds):
        results = [
            (setting, {k: [value] for k, value in enumerate(rng.normal(0.4, 0.01, 4).tolist())})
            for pair in pairs
            for setting in pair
        ]
        found = judge(all_claims, pool([factory.study(results)]))
        wrong += any(v.verdict in ("confirmed", "refuted") for v in found)
    assert wrong / rounds <= 0.05 + 0.03
    assert wrong > 0


def test_runs_by_another_protocol_decide_nothing():
    results = [(A, {k: 0.5 + 0.001 * k for k in range(5)}), (B, dict.fromkeys(range(5), 0.3))]
    (judged,) = judge([claim(A_BEATS_B)], pool([factory.study(results, train_size=2000)]))
    assert judged.verdict == "not comparable"
    assert judged.results[0].sample.mean == pytest.approx(0.202)


def test_claims_that_were_not_run_make_the_others_no_surer():
    results = [(A, {k: 0.51 + 0.004 * k for k in range(3)}), (B, dict.fromkeys(range(3), 0.50))]
    alone = verdict(claim(A_BEATS_B), results)
    others = [claim(gain("B before C", (B,), (C,)), name=f"C{i}") for i in range(2, 19)]
    among, *_ = judge([claim(A_BEATS_B), *others], pool([factory.study(results)]))
    assert among.corrected == pytest.approx(min(1, 18 * alone.p))


def test_measures_that_count_epochs_are_never_surer_than_an_epoch():
    early = Test(words="A overfits by epoch 20", terms=(Term(weight=1, settings=(A,)),),
                 measure="overfitting epoch", relation="<", bound=31.5)  # fmt: skip
    judged = verdict(claim(early), [(A, {0: 0.5, 1: 0.5})])
    assert judged.results[0].sample.sd == 0
    assert judged.results[0].p_for > 0.1


def test_all_eighteen_claims_are_judged_with_any_part_of_the_evidence():
    everything = {repr(s): s for c in claims() for s in c.settings}.values()
    rng = np.random.default_rng(3)
    for share in (0.0, 0.4, 1.0):
        results = [
            (s, {k: float(rng.uniform(0.1, 0.6)) for k in range(rng.integers(1, 4))})
            for s in everything
            if rng.uniform() < share
        ]
        judged = judge(claims(), pool([factory.study(results)]))
        assert [j.claim.name for j in judged] == [f"C{i}" for i in range(1, 19)]
        assert {j.verdict for j in judged} <= {
            "confirmed", "refuted", "undecided", "undecided (n = 1)", "not run",
        }  # fmt: skip
