"""Figures against independent computations on made-up studies."""

import dataclasses
import math
import statistics
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from lenet_tune import analysis, sections
from lenet_tune.analysis.text import duration, listed, percent, points
from lenet_tune.report.content import method

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory


def study(*trials, **changes):
    return replace(
        factory.search(1, best=False),
        definition=factory.definition(**changes),
        trials=trials,
        planned=len(trials),
        test_readings=(),
    )


def t(number, scores, **setting):
    return factory.trial(number, scores, setting=setting)


# Ranking


def test_ranked_table_puts_varying_knobs_in_columns_and_the_rest_apart():
    made = study(t(0, [0.3, 0.4], learning_rate=0.1), t(1, [0.5, 0.5], learning_rate=0.01), seeds=2)
    table = analysis.ranked_table(made)
    assert table.columns[-1] == "learning_rate"
    assert table.fixed["activation"] == "tanh"
    assert "learning_rate" not in table.fixed
    first, second = table.records()
    assert (first["rank"], first["trial"], first["score"], first["sd"], first["n"]) == (1, 1, 0.5, 0.0, 2)
    assert second["score"] == pytest.approx(0.35)
    assert second["sd"] == pytest.approx(statistics.stdev([0.3, 0.4]))


def test_ranked_table_keeps_unlucky_trials_below_without_a_rank():
    bad = factory.trial(1, [0.9], outcome="failed", error="x")
    table = analysis.ranked_table(study(t(0, [0.2]), bad))
    assert [row["rank"] for row in table.records()] == [1, None]
    assert table.records()[1]["status"] == "failed"
    assert table.cells()[1][0] == "–"


def test_a_knob_that_the_space_frees_is_a_column_even_with_one_trial():
    table = analysis.ranked_table(factory.search(1))
    assert {"learning_rate", "activation", "loss"} <= set(table.columns)


def test_an_inactive_knob_does_not_count_as_another_value():
    made = study(t(0, [0.2], conv_bias=True), t(1, [0.3], conv_bias=False))
    assert analysis.varying(made) == ("conv_bias",)
    assert analysis.fixed(made)["bias_mean_1"] == 0.5


# Curves


def test_best_so_far_counts_trials_and_training_seconds():
    made = factory.search(20)
    best, seconds = None, 0.0
    for step, trial in zip(analysis.best_so_far(made), made.trials, strict=True):
        seconds += sum(e.seconds for e in trial.executions)
        if trial.score is not None:
            best = trial.score if best is None else max(best, trial.score)
        assert (step.number, step.best) == (trial.number, best)
        assert step.seconds == pytest.approx(seconds)


def test_mean_curves_are_means_over_the_seeds():
    trial = factory.trial(0, [0.2, 0.4, 0.6], epochs=4)
    curves = analysis.trial_curves(trial)
    raw = np.array([[r.held_out_accuracy for r in e.epochs] for e in trial.executions])
    assert curves.mean.held_out_accuracy == pytest.approx(raw.mean(axis=0))
    assert len(curves.seeds) == 3
    assert curves.seeds[1].held_out_accuracy == tuple(raw[1])


def test_a_seed_that_is_behind_counts_only_where_it_is():
    trial = factory.trial(0, [0.2, 0.4], epochs=4)
    short = replace(trial.executions[1], epochs=trial.executions[1].epochs[:2], outcome=None)
    curves = analysis.trial_curves(replace(trial, executions=(trial.executions[0], short)))
    assert curves.mean.epochs == (1, 2, 3, 4)
    assert curves.mean.held_out_accuracy[3] == 0.2


def test_overfit_names_the_epoch_of_the_lowest_held_out_loss():
    curve = analysis.trial_curves(factory.trial(0, [0.5], epochs=20)).mean
    found = analysis.overfit(curve)
    assert found.epoch == int(np.argmin(curve.held_out_loss)) + 1
    assert found.happened
    assert found.rise == pytest.approx(curve.held_out_loss[-1] - min(curve.held_out_loss))


def test_overfit_ignores_losses_that_are_no_numbers():
    curve = analysis.trial_curves(factory.trial(0, [0.5], outcome="diverged")).mean
    assert analysis.overfit(curve).epoch < 5
    all_nan = replace(curve, held_out_loss=(math.nan,) * 5)
    assert analysis.overfit(all_nan) is None


def test_band_is_the_quantiles_over_trials():
    made = factory.search(30)
    curves = analysis.learning_curves(made)
    band = analysis.accuracy_band(curves)
    last = [c.mean.held_out_accuracy[-1] for c in curves]
    assert band.middle[-1] == pytest.approx(np.median(last))
    assert band.n[-1] == len(last)


def test_cost_marks_trials_that_nothing_cheaper_beats():
    made = factory.search(30)
    for point in analysis.cost(made):
        cheaper = [t for t in made.ranked if t.seconds < point.seconds]
        assert point.efficient == all(t.score < point.score for t in cheaper)


# Knobs


@pytest.mark.parametrize(
    ("rates", "best", "edge", "widen"),
    [
        ((0.001, 0.01, 0.1), 0.1, "highest of 3", "higher"),
        ((0.001, 0.01, 0.1), 0.001, "lowest of 3", "lower"),
        ((0.001, 0.01, 0.1), 0.01, None, None),
        ((0.01, 0.1), 0.1, None, None),
    ],
)
def test_edges_of_listed_values(rates, best, edge, widen):
    made = study(
        *(t(i, [0.9 if r == best else 0.1], learning_rate=r) for i, r in enumerate(rates)), kind="grid"
    )
    (value,) = analysis.best_setting(made)
    assert (value.edge, value.widen) == (edge, widen)


@pytest.mark.parametrize(("rate", "widen"), [(0.00011, "lower"), (0.29, "higher"), (0.005, None)])
def test_edges_of_a_logarithmic_range(rate, widen):
    made = factory.search(3)
    best = replace(made.best, setting={**made.best.setting, "learning_rate": rate})
    made = replace(made, trials=tuple(best if t.number == best.number else t for t in made.trials))
    value = next(v for v in analysis.best_setting(made) if v.knob == "learning_rate")
    assert value.widen == widen


def test_a_natural_border_is_not_worth_widening():
    made = study(*(t(i, [0.5 - i / 10], l2_kernel=v) for i, v in enumerate((0.0, 1e-5, 1e-3))))
    (value,) = analysis.best_setting(made)
    assert value.edge == "lowest of 3"
    assert value.widen is None


def test_slices_hold_every_active_trial_once():
    made = factory.search(40, wide=True)
    for part in analysis.slices(made):
        active = [t for t in made.trials if part.knob in t.setting]
        assert [p.number for p in part.points] == [t.number for t in active]
        assert part.inactive == len(made.trials) - len(active)
        assert part.together == ()


def test_knobs_that_change_together_in_a_grid_are_one():
    made = factory.section_grid(1)
    groups = {part.knob: part.together for part in analysis.slices(made)}
    assert groups["learning_rate"] == groups["activation"] == groups["loss"] == ()
    (stage,) = [names for names in groups.values() if names]
    assert {"dense_84", "normalization", "conv_bias"} <= set(stage) | set(groups)


def test_main_effects_are_means_over_the_grid():
    made = factory.section_grid(1)
    effect = next(e for e in analysis.main_effects(made) if e.knob == "activation")
    for level in effect.levels:
        scores = [t.score for t in made.trials if t.setting["activation"] == level.value]
        assert (level.mean, level.n) == (pytest.approx(np.mean(scores)), len(scores))
    assert effect.balanced
    assert analysis.main_effects(factory.search(12)) == ()


# The report beside the study


def test_comparison_matches_runs_to_trials_by_setting_without_epochs():
    made = factory.section_grid(1, seeds=3)
    rows = analysis.comparison(made)
    assert len(rows) == 24
    for row, trial in zip(rows, made.trials, strict=True):
        assert row.trial == trial.number
        assert row.mean == trial.score
        assert row.sd == pytest.approx(statistics.stdev(trial.accuracies))
        if row.run.published is not None:
            assert row.difference == pytest.approx(trial.score - row.run.published)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"epochs": 3}, "3 epochs instead of 30"),
        ({"notice": factory.NOTICE}, "shapes instead of CIFAR-10"),
        ({"train_size": 2000}, "2,000 training images instead of 50,000"),
        ({"held_out_size": 500}, "500 test images instead of 10,000"),
        ({"protocol": "validation"}, "validation images"),
    ],
)
def test_comparison_says_why_it_does_not_compare(changes, reason):
    for row in analysis.comparison(factory.section_grid(3, **changes)):
        assert reason in row.words
        assert row.difference is None


def test_a_run_without_a_trial_is_not_run():
    rows = analysis.comparison(factory.section_grid(3, done=1))
    assert [row.status for row in rows] == ["done", "not run"]
    assert rows[1].words == "not run"


def test_a_diverged_run_says_when_and_at_what_accuracy():
    """The report prints 0.1002 for a run that diverges here: the accuracy must not be lost."""
    made = factory.section_grid(3)
    wild = factory.trial(0, [0.1], setting=made.trials[0].setting, epochs=6, outcome="diverged")
    rows = analysis.comparison(dataclasses.replace(made, trials=(wild, made.trials[1])))
    assert rows[0].words == "diverged in epoch 6, accuracy then 10.00 %"
    assert rows[0].mean is None


def test_one_stage_compares_with_its_own_tables_only():
    made = factory.section_grid(1, stages=("adjusted",))
    assert [table.where for table in analysis.report_tables(analysis.comparison(made))] == [
        "Table 3",
        "Table 4",
    ]


def test_a_study_from_before_a_default_changed_is_compared_under_the_reading_it_had():
    now = factory.section_grid(1, stages=("initial",))
    before = sections.runs(1, "initial", {"batch": "32"})
    trials = tuple(
        dataclasses.replace(trial, setting=run.setting)
        for trial, run in zip(now.trials, before, strict=False)
    )
    for options in ({}, {"reading": {}}, {"reading": sections.full_reading({"batch": "32"})}):
        made = dataclasses.replace(
            now, trials=trials, definition=dataclasses.replace(now.definition, options=options)
        )
        assert {row.status for row in analysis.comparison(made)} == {"done"}
        words = dict(method(made).open_choices.rows)["batch size of the initial runs"]
        assert words.startswith("32; the default is 128 (")


def test_searches_over_a_section_are_not_the_reports_grid():
    assert analysis.comparison(factory.search(3, section=1)) == ()


# Noise, failures, best model


@pytest.mark.parametrize(
    ("n", "value"), [(1, 0.0), (2, 1 / math.sqrt(math.pi)), (3, 1.5 / math.sqrt(math.pi))]
)
def test_expected_maximum_of_few_normals_is_exact(n, value):
    assert analysis.expected_maximum(n) == pytest.approx(value, abs=1e-6)


def test_expected_maximum_of_fifty_agrees_with_simulation():
    drawn = np.random.default_rng(0).normal(size=(20_000, 50)).max(axis=1)
    assert analysis.expected_maximum(50) == pytest.approx(drawn.mean(), abs=0.02)


def test_optimism_is_silent_without_seeds_and_scales_with_their_noise():
    assert analysis.optimism(factory.search(12)) is None
    made = factory.search(12, seeds=4)
    found = analysis.optimism(made)
    pooled = math.sqrt(np.mean([statistics.variance(t.accuracies) for t in made.ranked]))
    assert found.noise.sd == pytest.approx(pooled)
    assert found.excess == pytest.approx(analysis.expected_maximum(len(made.ranked)) * pooled / 2)


def test_failures_are_grouped_by_cause_largest_first():
    groups = analysis.failures(factory.search(40))
    assert [(g.status, g.numbers) for g in groups] == [
        ("diverged", (4, 14, 24, 34)),
        ("failed", (7, 17, 27, 37)),
    ]


def test_failures_name_what_only_they_share():
    bad = [factory.trial(i, [0.1], setting={"batch_size": 128}, outcome="diverged") for i in (1, 2)]
    (group,) = analysis.failures(study(t(0, [0.4]), *bad))
    assert group.shared == {"batch_size": 128}


def test_class_accuracies_come_from_the_rows_of_the_confusion_matrix():
    data = factory.best_model(0)
    found = analysis.class_accuracies(analysis.best_model(data))
    confusion = np.array(data["confusion"])
    assert [c.accuracy for c in found] == pytest.approx(np.diag(confusion) / confusion.sum(axis=1))
    wrong = confusion - np.diag(np.diag(confusion))
    assert [c.taken_count for c in found] == wrong.max(axis=1).tolist()


def figures(confusion, **more):
    """A best model's figures with this confusion matrix."""
    confusion = np.array(confusion)
    names = [f"c{i}" for i in range(len(confusion))]
    return {
        "trial": 0, "images": int(confusion.sum()), "split": "test", "classes": names,
        "accuracy": float(np.trace(confusion) / confusion.sum()), "confusion": confusion.tolist(), **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("confusion", "balanced", "unbalanced"),
    [
        ([[8, 2], [5, 5]], 0.65, False),
        ([[90, 0], [10, 0]], 0.5, True),
        ([[90, 10, 0], [0, 5, 5], [0, 0, 1]], (0.9 + 0.5 + 1) / 3, True),
        ([[3, 1, 0], [1, 1, 0], [0, 0, 0]], (0.75 + 0.5) / 2, True),
    ],
)
def test_balanced_accuracy_is_the_mean_over_classes_with_images(confusion, balanced, unbalanced):
    model = analysis.best_model(figures(confusion))
    assert model.balanced_accuracy == pytest.approx(balanced)
    assert model.is_unbalanced == unbalanced
    true, predicted = (np.repeat(i.ravel(), np.ravel(confusion)) for i in np.indices(np.shape(confusion)))
    assert model.balanced_accuracy == pytest.approx(balanced_accuracy_score(true, predicted))


def test_balanced_accuracy_is_unknown_without_a_confusion_matrix():
    for confusion in (None, [[0, 0], [0, 0]]):
        model = analysis.best_model({**figures([[1, 0], [0, 1]]), "confusion": confusion})
        assert model.balanced_accuracy is None
        kept = {**figures([[1]]), "confusion": confusion}
        assert analysis.model_words(replace(study(t(0, [0.5])), best_model=kept)) is None


def test_the_summary_names_balanced_accuracy_where_classes_are_unequal():
    def told(confusion):
        found = replace(study(t(0, [0.5])), best_model=figures(confusion))
        return analysis.summary(found), analysis.model_words(found)

    even, words = told([[8, 2], [5, 5]])
    assert "balanced" not in even
    assert words == "model of trial 0: accuracy 65.0 %, balanced accuracy 65.0 % on 20 test images"
    uneven, words = told([[90, 0], [10, 0]])
    assert "balanced accuracy of the model shown 50.0 %, its classes unequal" in uneven
    assert words == "model of trial 0: accuracy 90.0 %, balanced accuracy 50.0 % on 100 test images"


@pytest.mark.parametrize(
    "damage",
    [
        {"confusion": [[1, 2]]}, {"confusion": "x"}, {"confusion": [[-1]]}, {"confusion": [[1, 2], [3]]},
        {"classes": 3}, {"kernels": [[1]]}, {"kernels": None},
        {"samples": [3]}, {"samples": [{}]}, {"samples": None},
    ],
    ids=str,
)  # fmt: skip
def test_a_best_model_without_sound_parts_loses_them_only(damage):
    found = analysis.best_model({**factory.best_model(0), **damage})
    analysis.class_accuracies(found)
    assert analysis.best_model({}) is None


# Words


def test_summary_says_how_good_how_sure_and_how_many():
    words = analysis.summary(study(t(0, [0.5], learning_rate=0.1), t(1, [0.4])))
    assert words.startswith(
        "Best validation accuracy 50.0 % after 5 epochs (trial 0: 1 seed, spread unknown)"
    )
    seeds = analysis.summary(study(t(0, [0.5, 0.51, 0.52]), seeds=3))
    assert "standard deviation 1.00 points over 3 seeds" in seeds


def test_summary_of_a_study_without_a_score_says_so():
    assert "No trial has ended" in analysis.summary(study())
    bad = factory.trial(0, [0.1], outcome="failed", error="x")
    assert "1 failed" in analysis.summary(study(bad))


def test_summary_gives_the_test_figure_of_a_validation_study_apart():
    made = factory.search(12)
    assert f"on 10,000 test images {percent(made.test_readings[-1].accuracy, 1)}" in analysis.summary(made)


@pytest.mark.parametrize(
    ("manifest", "planned", "start"),
    [
        ({"interrupted": True}, 2, "running or cut off, 1 of 2 trials ended"),
        ({"interrupted": True, "ended": "x"}, 2, "interrupted, 1 of 2 trials"),
        ({"interrupted": False, "ended": "x"}, 1, "complete, 1 trial"),
    ],
)
def test_state_tells_running_from_interrupted(manifest, planned, start):
    made = replace(study(t(0, [0.3])), manifest=manifest, planned=planned)
    assert analysis.state(made).startswith(start)


def said(snapshot):
    return " ".join(f"{a.do} {a.why}" for a in analysis.advice(snapshot))


def test_advice_widens_at_an_edge_and_asks_for_seeds():
    made = study(
        *(t(i, [0.1 + i / 10], learning_rate=r) for i, r in enumerate((0.001, 0.01, 0.1))), kind="grid"
    )
    assert "Try higher values of learning_rate" in said(made)
    assert "--seeds 5" in said(made)


def test_advice_stops_a_flat_search_and_looks_at_failures():
    flat = study(*(t(i, [0.5 if i == 0 else 0.4]) for i in range(12)))
    assert "Stop here" in said(flat)
    bad = [factory.trial(i, [0.1], outcome="failed", error="x") for i in range(2, 5)]
    assert "See why trials failed" in said(study(t(0, [0.5]), t(1, [0.4]), *bad))


def test_advice_prefers_the_cheaper_of_two_within_noise():
    dear = factory.trial(0, [0.50, 0.54], epochs=20)
    cheap = factory.trial(1, [0.49, 0.54], epochs=2)
    assert "Consider trial 1, which is cheaper" in said(study(dear, cheap, seeds=2))


def test_numbers_are_said_one_way():
    assert percent(0.5475) == "54.75 %"
    assert percent(None) == percent(math.nan) == "–"
    assert points(-0.0123, signed=True) == "-1.23 points"
    assert (duration(3), duration(200), duration(3720)) == ("3.0 s", "3 min 20 s", "1 h 02 min")
    assert listed(range(14), limit=2) == "0, 1, and 12 more"


def test_figures_of_every_kind_of_study_can_be_had():
    for made in (study(), factory.search(1), factory.section_grid(2, done=0), factory.search(6, seeds=2)):
        for figure in (
            analysis.ranked_table, analysis.learning_curves, analysis.best_so_far, analysis.cost,
            analysis.slices, analysis.main_effects, analysis.failures, analysis.comparison, analysis.advice,
            analysis.summary, analysis.state, analysis.optimism, analysis.best_setting,
        ):  # fmt: skip
            figure(made)


def test_advice_asks_for_more_seeds_only_while_the_lead_is_within_their_scatter():
    close = study(t(0, [0.50, 0.54]), t(1, [0.49, 0.54]), seeds=2)
    clear = study(t(0, [0.80, 0.81]), t(1, [0.49, 0.50]), seeds=2)
    assert "with more seeds" in said(close)
    assert "seeds" not in said(clear)


def test_mistakes_are_the_surest_wrong_labels_first():
    model = analysis.best_model(factory.best_model(0))
    assert [m.index for m in model.mistakes[:3]] == [0, 7, 14]
    first = model.mistakes[0]
    assert (first.true, first.predicted) == ("airplane", "automobile")
    assert [m.confidence for m in model.mistakes] == sorted(
        (m.confidence for m in model.mistakes), reverse=True
    )
