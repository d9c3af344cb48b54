"""Several studies side by side: figures against independent reckoning, and refusals."""

import re
import statistics
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from scipy.stats import ttest_1samp

from lenet_tune import analysis
from lenet_tune.analysis.compare import Steps
from lenet_tune.cli import main
from lenet_tune.errors import SettingError
from lenet_tune.studyexport import export_text

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory


def study(name, trials, **changes):
    return replace(
        factory.search(1, best=False),
        definition=factory.definition(name=name, **changes),
        trials=tuple(trials),
        planned=len(trials),
        test_readings=(),
    )


def rates(shift=0.0, n=8, start=0, seeds=1):
    return [
        factory.trial(
            i,
            [0.3 + 0.01 * ((i * 5) % 7) + shift + 0.003 * (i % 3) + 0.001 * s for s in range(seeds)],
            setting={"learning_rate": 0.001 * (start + i + 1)},
        )
        for i in range(n)
    ]


def test_best_so_far_is_read_at_what_every_study_has_spent():
    short, long = study("short", rates(n=4)), study("long", rates(0.02, n=8))
    found = analysis.compare([short, long])
    assert found.trials == 4
    spent = sum(e.seconds for t in short.trials for e in t.executions)
    assert found.seconds == pytest.approx(spent)
    first, second = found.studies
    assert first.at_trials == first.at_seconds == first.best == max(t.score for t in short.trials)
    assert second.at_trials == max(t.score for t in long.trials[:4])
    # Both train as long a trial, so equal time is equal trials here.
    assert second.at_seconds == second.at_trials
    assert second.best == max(t.score for t in long.trials)
    assert (second.trial, second.ended) == (long.best.number, 8)
    assert second.median == statistics.median(t.score for t in long.trials)


def test_steps_start_before_the_first_score_and_never_fall():
    bad = factory.trial(0, [0.1], outcome="failed", error="x")
    made = study("a", [bad, *(replace(t, number=t.number + 1) for t in rates(n=4))])
    (steps, _) = analysis.compare([made, study("b", rates())]).steps
    assert steps.best[0] is None
    assert list(steps.best[1:]) == sorted(steps.best[1:])
    assert steps.trials == (1, 2, 3, 4, 5)
    assert steps.at_trials(1) is steps.at_seconds(0.1) is None
    assert steps.at_trials(100) == steps.best[-1]


def test_steps_are_read_at_a_limit_that_counts():
    steps = Steps(study="a", trials=(1, 2, 3), seconds=(1.0, 2.0, 4.0), best=(0.1, 0.2, 0.3))
    assert (steps.at_seconds(2.0), steps.at_seconds(1.9), steps.at_trials(2)) == (0.2, 0.1, 0.2)


def test_the_ecdf_counts_trials_without_a_score_below_all():
    trials = [factory.trial(i, [score]) for i, score in enumerate((0.5, 0.3, 0.5, 0.4))]
    trials.append(factory.trial(4, [0.1], outcome="diverged"))
    (ecdf, _) = analysis.compare([study("a", trials), study("b", rates())]).ecdfs
    assert ecdf.scores == (0.3, 0.4, 0.5)
    assert ecdf.shares == pytest.approx((2 / 5, 3 / 5, 1))


def test_pairs_are_settings_with_a_common_seed_and_their_t_interval():
    first, second = study("a", rates(n=6, seeds=2), seeds=2), study("b", rates(0.004, n=8, start=2))
    # The second study holds the settings of trials 2 to 5 of the first, and the first of its two seeds.
    (pair,) = analysis.compare([first, second]).pairs
    assert [(p.first_trial, p.second_trial, p.n) for p in pair.settings] == [(2, 0, 1), (3, 1, 1), (4, 2, 1),
                                                                             (5, 3, 1)]  # fmt: skip
    differences = [
        second.trials[i - 2].executions[0].accuracy - first.trials[i].executions[0].accuracy
        for i in range(2, 6)
    ]
    assert pair.sample.mean == pytest.approx(statistics.fmean(differences))
    low, high = ttest_1samp(differences, 0).confidence_interval(0.95)
    assert (pair.interval.low, pair.interval.high) == (pytest.approx(low), pytest.approx(high))
    assert pair.words.startswith("b minus a on 4 settings with common seeds: ")


def test_other_seeds_make_no_pair():
    other = [replace(t, executions=tuple(replace(e, seed=e.seed + 1) for e in t.executions)) for t in rates()]
    found = analysis.compare([study("a", rates()), study("b", other)])
    assert found.pairs == ()


def test_a_seed_that_failed_in_one_study_is_no_pair_and_is_counted():
    second = rates(0.01)
    second[3] = factory.trial(3, [0.1], setting=second[3].setting, outcome="failed", error="x")
    (pair,) = analysis.compare([study("a", rates()), study("b", second)]).pairs
    assert (pair.sample.n, pair.unmatched) == (7, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"held_out_size": 2000}, ["held-out images", "5,000", "2,000", "--validation-size"]),
        ({"protocol": "report"}, ["protocol", "validation", "report", "a section's own grid"]),
        ({"data": {"name": "cifar10", "fingerprint": "ffff"}}, ["fingerprint ab12", "ffff", "--data"]),
        ({"data": {"name": "mnist", "fingerprint": "ab12"}}, ["cifar10", "mnist", "--data"]),
    ],
)
def test_scores_that_do_not_compare_are_refused_with_the_way_out(changes, words):
    with pytest.raises(SettingError) as caught:
        analysis.compare([study("a", rates()), study("b", rates(), **changes)])
    for word in ["a has", "b has", *words]:
        assert word in str(caught.value)


def test_what_else_differs_is_said():
    other = study("b", rates(), train_size=1000, seed=5, seeds=2, engine="fused")
    found = analysis.compare([study("a", rates()), replace(other, manifest={"backend": "jax"})])
    text = " ".join(found.cautions)
    for words in (
        "training images: a 45,000, b 1,000",
        "seeds a trial: a 1, b 2",
        "engine: a reference, b fused",
        "backend: a tensorflow, b jax",
        "other validation images: a 0, b 5",
    ):
        assert words in text
    assert analysis.compare([study("a", rates()), study("b", rates())]).cautions == ()


def test_studies_of_one_name_are_told_apart():
    found = analysis.compare([study("a", rates()), study("a", rates()), study("b", rates())])
    assert [s.name for s in found.studies] == ["a", "a (2)", "b"]
    assert len(found.pairs) == 3


def test_an_empty_study_compares_without_a_best():
    found = analysis.compare([study("a", []), study("b", rates())])
    assert found.studies[0].best is None
    assert found.studies[1].at_trials is None
    assert found.pairs == ()


# The command


def run(folder, *snapshots, width="80"):
    paths = []
    for i, snapshot in enumerate(snapshots):
        path = folder / f"{i}.json"
        path.write_text(export_text(snapshot), encoding="utf-8")
        paths.append(str(path))
    return CliRunner().invoke(main, ["compare", *paths], env={"COLUMNS": width})


def test_the_command_prints_a_table_of_80_columns_without_colour(tmp_path):
    name = "a-rather-long-name-of-a-study-that-goes-on"
    done = run(tmp_path, study("random", rates()), study(name, rates(0.1, n=12), kind="bayes"))
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert re.search(r"^random +8 +36\.3 % ", done.stdout, re.MULTILINE)
    text = " ".join(done.stdout.split())
    # A name too long for its column goes on below: nothing of it is lost.
    end = next(i for i, line in enumerate(lines) if line.startswith("best:"))
    column = "".join(line.split(" ")[0] for line in lines[:end])
    assert name in column
    assert f"{name} minus random on 8 settings with common seeds: +10.00 points ± 0.00" in text


def test_the_command_refuses_in_one_line(tmp_path):
    done = run(tmp_path, study("a", rates()), study("b", rates(), held_out_size=7))
    assert done.exit_code == 2
    assert len(done.stderr.splitlines()) == 1
    one = run(tmp_path, study("a", rates()))
    assert one.exit_code == 2
    assert "at least two studies" in one.stderr
