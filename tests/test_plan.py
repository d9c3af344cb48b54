import numpy as np
import pytest

from lenet_tune import plan, sections
from lenet_tune.errors import SettingError
from lenet_tune.plan import Options
from lenet_tune.space import Space, key


def test_a_section_grid_holds_the_reports_runs_in_their_order(tiny_data):
    definition = plan.define(Options(kind="grid", section=1), tiny_data)
    settings = [key(run["setting"]) for run in definition.options["runs"]]
    assert settings == [key(run.setting) for run in sections.runs(1)]
    assert definition.stages == ("initial", "adjusted")


def test_a_section_grid_follows_the_reports_protocol(tiny_data):
    definition = plan.define(Options(kind="grid", section=1), tiny_data)
    data = plan.training_data(definition, tiny_data)
    assert definition.protocol == "report"
    assert definition.held_out_name == "test"
    assert len(data.train) == len(tiny_data.train)
    np.testing.assert_array_equal(data.held_out.images, tiny_data.test.images)


@pytest.mark.parametrize(
    "options", [{"kind": "random"}, {"kind": "bayes"}, {"kind": "grid", "knobs": ("epochs=1,2",)}]
)
def test_a_search_is_not_handed_a_test_image(tiny_data, options):
    definition = plan.define(Options(**options, validation_size=20), tiny_data)
    data = plan.training_data(definition, tiny_data)
    assert definition.protocol == "validation"
    seen = {i.tobytes() for i in (*data.train.images, *data.held_out.images)}
    assert len(data.train) + len(data.held_out) == len(tiny_data.train)
    assert not seen & {image.tobytes() for image in tiny_data.test.images}
    assert not {i.tobytes() for i in data.train.images} & {i.tobytes() for i in data.held_out.images}


def test_the_validation_split_is_stratified_and_depends_on_the_seed(tiny_data):
    splits = []
    for seed in (0, 0, 1):
        definition = plan.define(Options(kind="random", validation_size=20, seed=seed), tiny_data)
        splits.append(plan.training_data(definition, tiny_data).held_out)
    assert np.bincount(splits[0].labels).tolist() == [5, 5, 5, 5]
    np.testing.assert_array_equal(splits[0].images, splits[1].images)
    assert not np.array_equal(splits[0].images, splits[2].images)


def test_ones_own_grid_varies_the_base_setting(tiny_data):
    options = Options(
        kind="grid", knobs=("batch_size=32,128", "momentum=0,0.9"), base="initial", validation_size=20
    )
    runs = plan.define(options, tiny_data).options["runs"]
    assert [(r["setting"]["batch_size"], r["setting"]["momentum"]) for r in runs] == [
        (32, 0.0),
        (128, 0.0),
        (32, 0.9),
        (128, 0.9),
    ]
    assert runs[3]["label"] == "batch_size 128, momentum 0.9"
    assert all(r["setting"]["dense_84"] is False for r in runs)


def test_knobs_on_top_of_a_section_multiply_its_runs(tiny_data):
    definition = plan.define(Options(kind="grid", section=3, knobs=("filters=16,32",), epochs=2), tiny_data)
    labels = [run["label"] for run in definition.options["runs"]]
    assert len(labels) == 4
    assert labels[0] == "lr 0.001, relu, cross-entropy, filters 16"
    assert {run["setting"]["epochs"] for run in definition.options["runs"]} == {2}


def test_searches_fix_the_epochs_unless_the_knob_is_given(tiny_data):
    def epochs(**options):
        definition = plan.define(Options(kind="random", validation_size=20, **options), tiny_data)
        return Space.from_json(definition.space).domains["epochs"].values

    assert epochs() == (plan.SEARCH_EPOCHS,)
    assert epochs(epochs=7) == (7,)
    assert epochs(knobs=("epochs=5,9",)) == (5, 9)
    assert epochs(quick=True, train_size=50) == (plan.Quick.epochs,)


def test_the_same_command_finds_its_study_and_another_does_not(tiny_data):
    commands = [
        Options(kind="grid", section=1),
        Options(kind="grid", section=1, stage="initial"),
        Options(kind="grid", section=1, epochs=3),
        Options(kind="grid", knobs=("momentum=0,0.9",), validation_size=20),
        Options(kind="grid", knobs=("momentum=0,0.8",), validation_size=20),
        Options(kind="bayes", validation_size=20),
        Options(kind="bayes", validation_size=24),
        Options(kind="bayes", validation_size=20, seed=1),
        Options(kind="bayes", validation_size=20, seeds=2),
        Options(kind="bayes", validation_size=20, section=3),
        Options(kind="bayes", validation_size=20, engine="reference"),
    ]
    names = [plan.define(options, tiny_data).name for options in commands]
    assert len(set(names)) == len(names)
    assert names == [plan.define(options, tiny_data).name for options in commands]


def test_asking_for_more_trials_is_the_same_study(tiny_data):
    few, many = (Options(kind="bayes", trials=n, validation_size=20) for n in (10, 50))
    assert plan.define(few, tiny_data) == plan.define(many, tiny_data)


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "grid"},
        {"kind": "random", "trials": 0},
        {"kind": "random", "seeds": 0},
        {"kind": "random", "seed": -1},
        {"kind": "random", "stage": "initial"},
        {"kind": "grid", "section": 2, "stage": "initial"},
        {"kind": "grid", "section": 1, "validation_size": 20},
        {"kind": "grid", "knobs": ("learning_rate=0.1..0.2",)},
        {"kind": "random", "train_size": 1000},
        {"kind": "random", "validation_size": 120},
        {"kind": "random", "name": "../../x"},
        {"kind": "random", "name": "a" * 300},
        {"kind": "random", "name": ""},
        {"kind": "simulated-annealing"},
    ],
)
def test_an_option_outside_its_rule_is_refused_in_one_line(tiny_data, options):
    with pytest.raises(SettingError) as refusal:
        plan.define(Options(**options), tiny_data)
    assert "\n" not in str(refusal.value)


def test_quick_is_small(tiny_data):
    definition = plan.define(Options(kind="random", quick=True, trials=3), tiny_data)
    assert definition.train_size <= plan.Quick.train_size
    assert definition.held_out_size <= plan.Quick.held_out_size


def uneven(tiny_data):
    from dataclasses import replace

    kept = np.flatnonzero((tiny_data.train.labels != 0) | (np.arange(len(tiny_data.train)) < 40))
    return replace(tiny_data, train=tiny_data.train.take(kept))


@pytest.mark.parametrize(
    "options", [{"kind": "random"}, {"kind": "hyperband"}, {"kind": "grid", "section": 1}], ids=str
)
def test_balanced_class_weights_come_from_the_images_that_are_trained_on(tiny_data, options):
    data = uneven(tiny_data)
    definition = plan.define(Options(**options, class_weights="balanced", train_size=50), data)
    training = plan.training_data(definition, data)
    counts = np.bincount(training.train.labels)
    assert training.class_weights == pytest.approx(50 / (4 * counts))
    assert training.class_weights[0] > 2 * training.class_weights[1]
    assert definition.title.endswith(", balanced class weights")


def test_class_weights_make_another_study_and_none_is_as_before(tiny_data):
    plain, none, balanced = (
        plan.define(Options(kind="random", **more), tiny_data)
        for more in ({}, {"class_weights": "none"}, {"class_weights": "balanced"})
    )
    assert plain == none
    assert "class_weights" not in none.options
    assert plan.training_data(none, tiny_data).class_weights is None
    assert balanced.name != plain.name


def test_unknown_class_weights_are_refused():
    with pytest.raises(SettingError, match="class_weights"):
        Options(kind="random", class_weights="heavy")
