"""The report as data: claims, published numbers, readings and the arms they need."""

import pytest

from lenet_tune import sections
from lenet_tune.analysis.measures import MEASURES
from lenet_tune.config import InputSpec
from lenet_tune.errors import SettingError
from lenet_tune.sections import readings
from lenet_tune.sections.arms import PARTS, Pick, arms, fitted
from lenet_tune.sections.claim import MEASURES as MEASURE_NAMES
from lenet_tune.sections.claims import claims
from lenet_tune.sections.published import published
from lenet_tune.space import configs, key

SPEC = InputSpec(channel_mean=(0.5,) * 3, channel_std=(0.25,) * 3)
READINGS = ({}, {"pooling": "max"}, {"batch": "32", "normalization": "standardize"}, {"filters": "32"})


def test_there_are_eighteen_claims_in_order():
    assert [claim.name for claim in claims()] == [f"C{i}" for i in range(1, 19)]


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_every_claim_has_tests_whose_runs_can_be_built(reading):
    for claim in claims(reading):
        assert claim.tests
        for setting in claim.settings:
            lenet, train = configs(setting, SPEC)
            assert train.epochs == 30
            assert lenet.depth in (2, 5)


@pytest.mark.parametrize("claim", claims(), ids=lambda claim: claim.name)
def test_no_test_compares_a_run_with_itself(claim):
    for test in claim.tests:
        sides = [{key(s) for s in term.settings} for term in test.terms]
        assert all(a.isdisjoint(b) for i, a in enumerate(sides) for b in sides[:i] if len(test.terms) == 2)


def test_every_measure_that_claims_may_use_exists():
    assert set(MEASURE_NAMES) == set(MEASURES)


def test_single_knob_claims_change_that_knob_only():
    changed = {"C3": {"kernel_initializer"}, "C4": {"normalization"}, "C8": {"dense_84"}, "C11": {"momentum"},
               "C16": {"learning_rate"}}  # fmt: skip
    for claim in claims():
        if claim.name in changed:
            for test in claim.tests:
                these, those = (term.settings for term in test.terms)
                for a, b in zip(these, those, strict=True):
                    assert {name for name in {*a, *b} if a.get(name) != b.get(name)} == changed[claim.name]


def test_the_report_prints_sixteen_numbers():
    numbers = published()
    assert [n.accuracy for n in numbers] == [
        0.4919, 0.4881,
        0.4322, 0.1000, 0.2424, 0.1000, 0.0867, 0.1002,
        0.4825, 0.4595, 0.3988, 0.5475, 0.1409, 0.4797,
        0.5564, 0.5133,
    ]  # fmt: skip
    assert len({n.name for n in numbers}) == 16


def test_numbers_that_the_report_ties_to_no_run_are_no_evidence_for_a_reading():
    assert [len(fitted(scope, {})) for scope in PARTS] == [6, 6, 2]
    assert all(not n.unsaid for scope in PARTS for n in fitted(scope, {}))


@pytest.mark.parametrize("scope", readings.SCOPES)
def test_every_other_reading_of_a_model_differs_from_the_default(scope):
    models = [key(readings.model(scope, reading)) for reading in ({}, *readings.others(scope))]
    assert len(set(models)) == len(models)


def test_every_choice_has_a_default_and_an_alternative_that_change_its_models():
    for choice in readings.CHOICES:
        assert len(choice.options) > 1
        for scope in choice.scopes:
            assert scope in readings.SCOPES
            settings = {key(readings.model(scope, {choice.name: option})) for option in choice.options}
            assert len(settings) == len(choice.options)


def test_a_reading_changes_the_stage_it_is_about_only():
    assert {run.setting["batch_size"] for run in sections.runs(1, "initial")} == {128}
    reading = sections.parse_reading(["batch=32"])
    assert {run.setting["batch_size"] for run in sections.runs(1, "initial", reading)} == {32}
    assert {run.setting["batch_size"] for run in sections.runs(1, "adjusted", reading)} == {32}


def test_section_threes_biases_follow_its_filters():
    setting = readings.model("section3", {"filters": "16"})
    assert setting["bias_std_2"] == pytest.approx(1 / (32 * 32 * 16))


def test_defaults_are_left_out_of_a_reading_and_it_can_be_typed_again():
    reading = sections.parse_reading(["batch=32", "pooling=average", "last=softmax"])
    assert reading == {"batch": "32", "last": "softmax"}
    assert sections.show_reading(reading) == "batch=32, last=softmax"
    assert sections.parse_reading(sections.show_reading(reading).split(", ")) == reading


def test_a_study_records_every_choice_and_an_older_one_had_the_defaults_of_its_time():
    full = sections.full_reading({"pooling": "max"})
    assert set(full) == {choice.name for choice in readings.CHOICES}
    assert (full["pooling"], full["batch"]) == ("max", "128")
    assert sections.recorded({"reading": full}) == full
    assert sections.recorded({}) == {**sections.full_reading({}), "batch": "32", "filters": "32"}
    partial = {"batch": "128", "filters": "growing"}
    assert sections.recorded({"reading": partial}) == sections.full_reading({})
    unknown = {**partial, "pooling": "median", "colour": "red"}
    assert sections.recorded({"reading": unknown}) == sections.full_reading({})


@pytest.mark.parametrize("text", ["pooling", "colour=red", "pooling=median", "=max"])
def test_an_unknown_reading_is_refused_with_what_there_is(text):
    with pytest.raises(SettingError):
        sections.parse_reading([text])


def test_arms_are_unique_and_start_with_the_reports_own_runs():
    found = arms(Pick(readings=True))
    assert len({key(arm.setting) for arm in found}) == len(found)
    assert len({arm.label for arm in found}) == len(found)
    own = [run.setting for section in sections.SECTIONS for run in sections.runs(section)]
    assert [arm.setting for arm in found[: len(own)]] == own


def test_a_claim_needs_its_own_runs_only():
    (arm_a, *rest) = arms(Pick(claims=("C16",)))
    assert arm_a.needed_by == ("C16",)
    assert [arm.setting["learning_rate"] for arm in (arm_a, *rest)] == [0.001, 0.01]


def test_the_published_numbers_need_their_runs_and_nothing_else():
    found = {key(arm.setting) for arm in arms(Pick(published=True))}
    assert found == {key(setting) for number in published() for setting in number.settings}
    assert {arm.setting["epochs"] for arm in arms(Pick(published=True, sections=(1,)))} == {30, 60}


def test_an_open_choice_needs_its_alternatives_its_default_and_nothing_else():
    one = arms(Pick(choices=("batch",)))
    assert {(arm.setting["batch_size"], arm.needed_by) for arm in one} == {
        (128, ("Table 2",)),
        (32, ("batch=32: Table 2",)),
    }
    assert len(one) == 2 * 6
    two = {name for arm in arms(Pick(choices=("batch", "pooling"), sections=(1,))) for name in arm.needed_by}
    alternatives = ("batch=32: Table 2", "pooling=max: Table 2", "pooling=max, batch=32: Table 2")
    assert two == {"Table 2", "Table 4", *alternatives, "pooling=max: Table 4"}
    assert arms(Pick(choices=("filters",), sections=(1,))) == ()


def test_runs_that_several_things_need_stand_once_with_all_of_them():
    best = key(sections.runs(1, "adjusted")[9].setting)
    (arm,) = (arm for arm in arms(Pick()) if key(arm.setting) == best)
    assert {"Table 4", "C6", "C9", "C15", "C18"} <= set(arm.needed_by)


@pytest.mark.parametrize("section", sections.SECTIONS)
def test_a_section_needs_all_of_its_own_runs(section):
    needed = {key(arm.setting) for arm in arms(Pick(sections=(section,)))}
    assert {key(run.setting) for run in sections.runs(section)} <= needed
    assert len(needed) < len(arms(Pick()))


@pytest.mark.parametrize("more", [{"claims": ("C19",)}, {"choices": ("colour",)}, {"sections": (4,)}])
def test_an_unknown_pick_is_refused(more):
    with pytest.raises(SettingError):
        Pick(**more)


def test_captions_name_what_differs_from_the_nearest_model():
    base = sections.ADJUSTED
    assert sections.describe(base) == "adjusted: lr 0.01, tanh, cross-entropy"
    changed = {**base, "momentum": 0.9, "bias_mean_1": 0.0}
    assert sections.describe(changed).endswith("cross-entropy, momentum 0.9, bias_mean_1 0")
