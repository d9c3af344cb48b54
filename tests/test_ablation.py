"""Ablation: which settings are trained, what their differences say, and the command from start to page."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes import fake_engine, fake_measurement

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory

from lenet_tune import ablation, analysis, sections
from lenet_tune.analysis.ablation import BETTER, NO_SCORE, ONE_SEED, TIE, WAITS, WORSE, ablated
from lenet_tune.cli import main
from lenet_tune.errors import SettingError, StudyError
from lenet_tune.space import complete
from lenet_tune.study import Study

BASE = sections.BASES["adjusted"]


def of(setting, base=BASE):
    return ablation.Ablation(study="deep", trial=3, setting=complete(setting), towards="adjusted", base=base)


def of_study(snapshot, trial=None):
    return ablation.of_study(snapshot, trial, None, own_data=True)


def taken_apart(setting, base=BASE):
    return dict(ablation.settings(of(setting, base)))


# Which settings are trained


def test_each_change_stands_alone_and_all_of_them_together_last():
    found = taken_apart({"learning_rate": 0.1, "momentum": 0.9})
    assert list(found) == [
        "as it is",
        "learning_rate 0.01 instead of 0.1",
        "momentum 0 instead of 0.9",
        "all of these",
    ]
    assert [(s["learning_rate"], s["momentum"]) for s in found.values()] == [
        (0.1, 0.9), (0.01, 0.9), (0.1, 0.0), (0.01, 0.0),
    ]  # fmt: skip


def test_one_difference_is_not_trained_twice():
    assert list(taken_apart({"momentum": 0.9})) == ["as it is", "momentum 0 instead of 0.9"]


def test_the_biases_of_all_convolutions_are_one_change_and_filters_go_with_their_growth():
    found = taken_apart({"bias_mean_1": 0.0, "bias_mean_2": 0.0, "filters": 32, "filter_step": 0})
    assert list(found)[1:3] == ["filters 6 and 10 instead of 32 and 0", "bias_mean 0.5 instead of 0"]
    changed = found["bias_mean 0.5 instead of 0"]
    assert (changed["bias_mean_1"], changed["bias_mean_2"], changed["filters"]) == (0.5, 0.5, 32)


def test_many_values_of_one_family_are_named_by_where_they_are_from():
    deep = sections.BASES["section3"]
    stds = {f"bias_std_{i}": 0.001 for i in range(1, 6)}
    found = taken_apart({**deep, **stds, "momentum": 0.5}, deep)
    assert "bias_std as in adjusted instead of 0.001" not in found
    assert "bias_std as in adjusted" in found


def test_a_knob_that_only_counts_after_its_change_has_the_bases_value():
    base = complete({**BASE, "bias_mean_1": 0.25})
    found = taken_apart({"conv_bias": False, "momentum": 0.9}, base)
    assert found["conv_bias on instead of off"]["bias_mean_1"] == 0.25
    assert "bias_mean_1" not in found["momentum 0 instead of 0.9"]


def test_epochs_are_everyones_and_no_change():
    found = taken_apart({"epochs": 10, "momentum": 0.9})
    assert {setting["epochs"] for setting in found.values()} == {10}


def test_a_setting_that_does_not_differ_is_refused():
    with pytest.raises(SettingError, match="the same setting"):
        taken_apart(BASE)


def test_the_best_trial_is_taken_apart_unless_another_is_named():
    snapshot = factory.search(6)
    assert of_study(snapshot).setting == snapshot.best.setting
    assert of_study(snapshot, 2).trial == 2
    with pytest.raises(SettingError, match=r"0 to 5, but got 6"):
        of_study(snapshot, 6)
    with pytest.raises(SettingError, match="needs a finished trial"):
        of_study(replace(snapshot, trials=()))


def test_a_model_of_ones_own_has_no_knobs_that_this_package_could_set():
    with pytest.raises(SettingError, match="model of one's own"):
        of_study(factory.search(3, protocol="keras_tuner"))


@pytest.mark.parametrize(("section", "name"), [(None, "adjusted"), (1, "adjusted"), (3, "section3")])
def test_the_other_setting_is_that_of_the_section_that_was_searched(section, name):
    found = of_study(factory.search(6, section=section))
    assert (found.towards, found.base) == (name, sections.BASES[name])


def test_sizes_are_the_studys_and_the_seed_is_a_fresh_one_unless_given():
    snapshot = factory.search(3, seed=4)
    assert ablation.protocol(snapshot, {}) == {"seed": 5, "train_size": 45_000, "validation_size": 5_000}
    assert ablation.protocol(snapshot, {"quick": True, "seed": 9}) == {}
    assert ablation.protocol(factory.section_grid(1), {}) == {"seed": 1}


def test_other_data_than_the_studys_has_to_be_named():
    snapshot = factory.search(3)
    of_study(snapshot).check_data("ab12")
    with pytest.raises(StudyError, match="pass --data"):
        of_study(snapshot).check_data("cd34")
    ablation.of_study(snapshot, None, None, own_data=False).check_data("cd34")


# What the differences say


def study(*scores, outcomes=()):
    """An ablation study: the setting as it is, changes one by one, and all of them, with these accuracies."""
    changes = [f"knob {i}" for i in range(1, len(scores) - 1)]
    labels = (ablation.AS_IT_IS, *changes, ablation.ALL)
    settings = [
        {"learning_rate": 0.1, "momentum": 0.9},
        *({"momentum": 0.1 * i} for i in range(len(changes))),
    ]
    settings.append({})
    found = dict(outcomes)
    return replace(
        factory.search(1),
        definition=factory.definition(
            kind="grid",
            seeds=len(scores[0]),
            options={"ablation": {"study": "deep", "trial": 3, "towards": "adjusted"}},
        ),
        planned=len(scores),
        trials=tuple(
            factory.trial(i, accuracies, setting=settings[i], label=labels[i], outcome=found.get(i, "done"))
            for i, accuracies in enumerate(scores)
        ),
        test_readings=(),
        best_model=None,
    )


WHOLE = (0.70, 0.72, 0.71)


def test_differences_are_taken_seed_by_seed():
    found = ablated(study(WHOLE, (0.60, 0.62, 0.61), (0.71, 0.71, 0.71), (0.5, 0.5, 0.5)))
    clear, luck = found.changes
    assert (clear.label, clear.last.verdict, clear.last.sample.n) == ("knob 1", WORSE, 3)
    assert clear.last.sample.mean == pytest.approx(-0.10)
    assert clear.last.interval.low == pytest.approx(-0.10)
    assert (luck.label, luck.last.verdict) == ("knob 2", TIE)
    assert luck.last.sample.mean == pytest.approx(0.0)
    assert found.together.last.sample.mean == pytest.approx(-0.21)
    assert found.rows[-1] is found.together


def test_a_change_for_the_better_is_said_and_stands_after_what_costs():
    found = ablated(study(WHOLE, (0.80, 0.82, 0.81), (0.60, 0.62, 0.6101), (0.5, 0.5, 0.5)))
    assert [w.last.verdict for w in found.changes] == [WORSE, BETTER]


def test_many_changes_are_corrected_for():
    # The interval of a single one leaves 0 out; as one of nine it may be luck.
    slight = (0.68, 0.705, 0.69)
    alone = ablated(study(WHOLE, slight, (0.5, 0.52, 0.51)))
    assert alone.changes[0].last.verdict == WORSE
    among = ablated(study(WHOLE, slight, *[(0.69, 0.73, 0.70)] * 8, (0.7, 0.72, 0.70)))
    worth = next(w for w in among.changes if w.trial == 1)
    assert worth.last.interval.high < 0
    assert worth.last.verdict == TIE


def test_what_comes_to_nothing_costs_most():
    found = ablated(study(WHOLE, (0.60, 0.62, 0.61), (0.1, 0.1, 0.1), (0.5,) * 3, outcomes={2: "diverged"}))
    assert [w.last.verdict for w in found.changes] == [NO_SCORE, WORSE]
    assert found.changes[0].lost == 3


def test_one_seed_has_a_difference_and_no_verdict_and_what_waits_has_none():
    found = ablated(study((0.7,), (0.6,), (0.5,), (0.4,), outcomes={2: None}))
    assert {w.trial: w.last.verdict for w in found.changes} == {1: ONE_SEED, 2: WAITS}
    assert found.changes[0].last.interval is None


def test_the_summary_of_an_ablation_is_what_its_changes_cost():
    words = analysis.summary(study(WHOLE, (0.60, 0.62, 0.61), (0.71, 0.71, 0.71), (0.5, 0.52, 0.51)))
    assert words == (
        "Trial 3 of deep has 71.0 % as it is, adjusted -20.00 points beside it. One change at a time: "
        "knob 1 -10.00 points; 1 other change cannot be told from luck."
    )


def with_late_means(snapshot, means):
    """The study with eleven epochs before the last: the last two have these means, the last its score."""
    trials = []
    for trial, mean in zip(snapshot.trials, means, strict=True):
        executions = []
        for execution in trial.executions:
            last = execution.epochs[-1]
            early = [replace(last, epoch=i, held_out_accuracy=0.1) for i in range(1, 11)]
            eleventh = replace(last, epoch=11, held_out_accuracy=2 * mean - execution.accuracy)
            executions.append(replace(execution, epochs=(*early, eleventh, replace(last, epoch=12))))
        trials.append(replace(trial, executions=tuple(executions)))
    return replace(snapshot, trials=tuple(trials))


def test_what_the_last_epoch_does_not_tell_the_mean_of_the_last_sixth_may():
    scattered = study(WHOLE, (0.50, 0.73, 0.62), (0.71, 0.71, 0.71), (0.5, 0.52, 0.51))
    smooth = with_late_means(scattered, (0.71, 0.61, 0.71, 0.5))
    found = ablated(smooth)
    first = next(worth for worth in found.changes if worth.trial == 1)
    assert (first.last.verdict, first.late.verdict) == (TIE, WORSE)
    assert first.late.sample.mean == pytest.approx(-0.10)
    assert analysis.summary(smooth).endswith(
        "No single change can be told from luck yet. By the mean of the last 2 epochs: knob 1 -10.00 points; "
        "1 other change cannot be told from luck."
    )


def test_any_other_study_is_no_ablation():
    assert ablated(factory.search(3)) is None


# The command


@pytest.fixture
def cli(tiny_npz, tmp_path, monkeypatch):
    from lenet_tune import session

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LENET_TUNE_DATA", str(tiny_npz))
    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine())

    def run(*words):
        return CliRunner().invoke(main, list(words))

    knobs = ("learning_rate=0.01,0.2", "kernel_size=3", "padding=same", "momentum=0.5")
    words = [word for knob in knobs for word in ("--knob", knob)]
    # Only while the search ends: an ablation has to do without, as it reads no test images.
    with monkeypatch.context() as patch:
        patch.setattr("lenet_tune.artifacts.measure_leaders", fake_measurement)
        made = run("grid", *words, "--epochs", "2", "--train-size", "20", "--name", "mine")
    assert made.exit_code == 0, made.output
    return run


def test_a_study_is_taken_apart_with_its_images_and_a_fresh_seed(cli):
    result = cli("ablate", "mine", "--seeds", "2", "--name", "apart")
    assert result.exit_code == 0, result.output
    assert "One change at a time" in result.stdout or "No single change" in result.stdout
    with Study.read(Path("studies/apart/study.db")) as opened:
        snapshot = opened.snapshot()
    with Study.read(Path("studies/mine/study.db")) as opened:
        source = opened.snapshot()
    d = snapshot.definition
    assert (d.train_size, d.held_out_size, d.seeds, d.seed) == (20, source.definition.held_out_size, 2, 1)
    assert [t.label for t in snapshot.trials] == [
        "as it is",
        "momentum 0 instead of 0.5",
        "kernel_size 5 instead of 3",
        "padding valid instead of same",
        "all of these",
    ]
    assert snapshot.trials[0].setting == source.best.setting
    # Without padding the tiny images are too small: a change that comes to nothing is a finding, too.
    assert [t.status for t in snapshot.trials] == ["done", "done", "done", "failed", "failed"]
    assert snapshot.test_readings == ()
    page = Path(result.stdout.splitlines()[-1]).read_text(encoding="utf-8")
    assert "where they differ" in page
    assert "Which knobs matter?" not in page
    again = cli("ablate", "mine", "--seeds", "2", "--name", "apart")
    assert again.exit_code == 0, again.output


def test_the_same_from_an_export_towards_a_setting_in_a_file(cli):
    cli("export", "mine", "--to", "exported")
    Path("mine-before.json").write_text(json.dumps({"setting": {"momentum": 0.9, "batch_size": 64}}))
    words = ("--towards", "mine-before.json", "--trial", "1", "--seeds", "1", "--epochs", "1", "--dry-run")
    result = cli("ablate", "exported/trials.json", *words)
    assert result.exit_code == 0, result.output
    assert "trial 1 of mine, knob by knob towards mine-before" in result.stderr
    assert "batch_size" in result.stdout
    assert not Path("studies/ablation-mine").exists()


@pytest.mark.parametrize(
    ("words", "code", "names"),
    [
        (["nothing"], 4, "nothing"),
        (["mine", "--trial", "9"], 2, "0 to 1"),
        (["mine", "--towards", "nowhere.json"], 2, "adjusted, initial, section2, section3"),
        (["mine", "--seeds", "0"], 2, "seeds"),
    ],
)
def test_what_cannot_be_taken_apart_is_one_line(cli, words, code, names):
    result = cli("ablate", *words)
    assert result.exit_code == code, result.output
    assert names in result.stderr
    assert "Traceback" not in result.output


def test_the_studys_own_data_is_taken_where_none_is_named(cli, monkeypatch, image_folder):
    monkeypatch.setattr("lenet_tune.artifacts.measure_leaders", fake_measurement)
    where = ("--data", str(image_folder), "--image-size", "12")
    made = cli("grid", *where, *("--knob", "momentum=0,0.5", "--knob", "padding=same"), "--name", "own")
    assert made.exit_code == 0, made.output
    result = cli("ablate", "own", "--trial", "1", "--seeds", "1", "--name", "apart")
    assert result.exit_code == 0, result.output
    with Study.read(Path("studies/apart/study.db")) as apart, Study.read(Path("studies/own/study.db")) as own:
        assert apart.definition.data == own.definition.data
