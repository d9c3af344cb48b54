import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet_tune import sections
from lenet_tune.config import InputSpec
from lenet_tune.errors import InfeasibleError, SettingError
from lenet_tune.knobs import BY_NAME, DEFAULTS, KNOBS, Choice, Range
from lenet_tune.parse import parse_domain, parse_duration, parse_value
from lenet_tune.space import Space, complete, configs, is_feasible, key

SPEC = InputSpec(channel_mean=(120.0,) * 3, channel_std=(60.0,) * 3)


@st.composite
def settings(draw):
    """A setting of the full space."""
    values = {}
    for knob in KNOBS:
        domain = knob.domain
        values[knob.name] = (
            draw(st.sampled_from(domain.values))
            if isinstance(domain, Choice)
            else draw(st.floats(domain.low, domain.high))
        )
    return complete(values)


@given(settings())
def test_every_setting_of_the_full_space_builds_a_configuration_or_is_infeasible(setting):
    try:
        lenet, train = configs(setting, SPEC)
    except InfeasibleError:
        assert not is_feasible(setting, SPEC)
    else:
        assert lenet.depth == setting["depth"]
        assert train.learning_rate == setting["learning_rate"]


@given(settings())
def test_completing_a_complete_setting_changes_nothing(setting):
    assert complete(setting) == setting
    assert key(setting) == key(complete(setting))


def test_inactive_knobs_are_left_out_of_a_setting():
    without = complete({"conv_bias": False, "bias_mean_1": 0.7, "l2_bias": 1e-4})
    assert not [name for name in without if name.startswith("bias_") or name == "l2_bias"]
    assert "pool_places" not in complete({"depth": 2})
    assert "bias_mean_4" in complete({"depth": 4})
    assert "bias_mean_5" not in complete({"depth": 4})


def test_settings_that_differ_in_inactive_knobs_only_are_the_same_setting():
    assert key({"conv_bias": False, "bias_mean_1": 0.1}) == key({"conv_bias": False, "bias_mean_1": 0.9})
    assert key({"bias_mean_1": 0.1}) != key({"bias_mean_1": 0.9})


def test_every_knob_changes_the_configuration_it_belongs_to():
    """A knob that is declared but never reaches a network would be searched for nothing."""
    roomy = dataclasses.replace(SPEC, image_shape=(256, 256, 3))
    for knob in KNOBS:
        parents = {parent: allowed[-1] for parent, allowed in knob.active_if}
        values = (
            knob.domain.values if isinstance(knob.domain, Choice) else (knob.domain.low, knob.domain.high)
        )
        built = {configs({**parents, knob.name: value}, roomy) for value in values}
        assert len(built) == len(values), knob.name


def test_defaults_are_the_reports_adjusted_model():
    assert complete({}) == sections.ADJUSTED
    assert DEFAULTS["bias_std_2"] == pytest.approx(1 / 3702)


def test_a_grid_counts_each_setting_once_with_inactive_knobs_collapsed():
    space = Space.at({}).replace(
        {
            "conv_bias": Choice((False, True)),
            "bias_mean_1": Choice((0.0, 0.5, 1.0)),
            "batch_size": Choice((32, 64)),
        }
    )
    grid = list(space.grid())
    assert len(grid) == 2 * (1 + 3) == space.size()
    assert len({key(s) for s in grid}) == len(grid)


def test_a_grid_refuses_a_range():
    with pytest.raises(SettingError, match="learning_rate"):
        list(Space.at({}).replace({"learning_rate": Range(0.001, 0.1)}).grid())


def test_free_leaves_out_knobs_that_can_never_count():
    space = Space.full().replace({"depth": Choice((2,)), "conv_bias": Choice((False,))})
    assert not {"depth", "pool_places", "l2_bias", "bias_mean_1", "bias_std_5"} & set(space.free)
    assert Space.at({}).free == ()


@pytest.mark.parametrize("space", [Space.full(), Space.at({}), sections.search_space(3)])
def test_a_space_survives_json(space):
    assert Space.from_json(space.to_json()) == space


def test_the_full_space_has_no_end_of_settings():
    assert Space.full().size() == math.inf


@pytest.mark.parametrize(
    ("text", "name", "domain"),
    [
        ("batch_size=32,128", "batch_size", Choice((32, 128))),
        ("bias_std_1=1/3072", "bias_std_1", Choice((1 / 3072,))),
        ("learning_rate=0.001..0.1", "learning_rate", Range(0.001, 0.1, log=True)),
        ("momentum=0..0.5", "momentum", Range(0.0, 0.5)),
        ("conv_bias=on,off", "conv_bias", Choice((True, False))),
        ("kernel_size=7", "kernel_size", Choice((7,))),
        (" pooling = max , average", "pooling", Choice(("max", "average"))),
    ],
)
def test_knobs_are_read_as_people_type_them(text, name, domain):
    assert parse_domain(text) == (name, domain)


@pytest.mark.parametrize(
    "text",
    [
        "batch_size",
        "batch_size=",
        "batch_size=many",
        "batch_size=32.5",
        "batch_size=0",
        "batch_size=32..64",
        "speed=3",
        "momentum=0.9..0.1",
        "momentum=1.5",
        "learning_rate=0..1",
        "learning_rate=-1",
        "learning_rate=nan",
        "bias_std_1=1/0",
        "conv_bias=maybe",
        "pooling=sum",
        "depth=9",
    ],
)
def test_a_wrong_knob_is_refused_in_one_line(text):
    with pytest.raises(SettingError) as refusal:
        parse_domain(text)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", BY_NAME)
def test_every_default_reads_back_from_its_text(name):
    default = BY_NAME[name].default
    assert parse_value(name, repr(default) if not isinstance(default, str) else default) == default


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("20m", 1200), ("1.5h", 5400), ("45", 45)])
def test_durations_are_read_with_their_unit(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5m", "soon", "5d", "infm", "nan"])
def test_a_wrong_duration_is_refused(text):
    with pytest.raises(SettingError, match="budget"):
        parse_duration(text)


def test_domains_know_their_members():
    assert 0.5 in Range(0, 1)
    assert True not in Range(0, 1)
    assert 1 not in Choice((True, False))
