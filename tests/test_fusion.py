"""The partition of executions into groups, for any executions and any capacity."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lenet_tune.config import InputSpec, LeNetConfig, TrainConfig
from lenet_tune.engines.base import Execution
from lenet_tune.errors import SettingError
from lenet_tune.fusion import partition, skeleton_key
from lenet_tune.knobs import KNOBS, Choice
from lenet_tune.space import configs


def execution(trial: int, *, train: dict | None = None, **lenet) -> Execution:
    return Execution(
        trial=trial,
        repeat=0,
        seed=trial,
        order_seed=trial % 3,
        lenet=LeNetConfig(**lenet),
        train=TrainConfig(**(train or {})),
    )


@st.composite
def executions(draw) -> list[Execution]:
    settings = draw(
        st.lists(
            st.tuples(
                st.sampled_from([32, 64]),
                st.sampled_from([3, 5]),
                st.sampled_from([0.001, 0.01]),
                st.sampled_from(["tanh", "relu"]),
            ),
            max_size=40,
        )
    )
    return [
        execution(i, train={"batch_size": batch, "learning_rate": rate}, kernel_size=size, activation=kind)
        for i, (batch, size, rate, kind) in enumerate(settings)
    ]


capacities = st.integers(1, 12)


@given(executions(), capacities)
def test_each_execution_is_in_one_group(given_executions, capacity):
    ids = [e.id for group in partition(given_executions, capacity) for e in group]
    assert sorted(ids) == [e.id for e in given_executions]


@given(executions(), capacities)
def test_a_group_shares_its_skeleton_and_keeps_the_capacity(given_executions, capacity):
    for group in partition(given_executions, capacity):
        assert len({skeleton_key(e) for e in group}) == 1
        assert 1 <= len(group) <= capacity


@given(executions(), capacities)
def test_there_are_as_few_groups_as_can_be(given_executions, capacity):
    sizes = Counter(skeleton_key(e) for e in given_executions)
    fewest = sum(math.ceil(size / capacity) for size in sizes.values())
    assert len(partition(given_executions, capacity)) == fewest


@given(executions(), capacities)
def test_order_is_kept_and_sizes_are_balanced(given_executions, capacity):
    groups = partition(given_executions, capacity)
    firsts = [group[0].trial for group in groups]
    assert firsts == sorted(firsts)
    sizes: dict = {}
    for group in groups:
        assert [e.trial for e in group] == sorted(e.trial for e in group)
        sizes.setdefault(skeleton_key(group[0]), []).append(len(group))
    assert all(max(same) - min(same) <= 1 for same in sizes.values())


@pytest.mark.parametrize(
    "change",
    [
        {"train": {"batch_size": 64}},
        {"kernel_size": 3},
        {"filters": (6, 20)},
        {"padding": "same"},
        {"pooling": "max"},
        {"dense_84": False},
        {"filters": (4, 4, 4), "bias_means": (0.0,) * 3, "bias_stds": (0.0,) * 3, "padding": "same"},
    ],
)
def test_partition_splits_on_what_changes_a_shape(change):
    assert len(partition([execution(0), execution(1, **change)], 8)) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"train": {"learning_rate": 0.1, "momentum": 0.9, "loss": "mean_squared_error", "epochs": 3}},
        {"activation": "relu", "final_activation": "same", "kernel_initializer": "he_normal"},
        {"conv_bias": False, "l2_kernel": 0.1, "l2_activity": 0.1, "normalization": "none"},
    ],
)
def test_partition_joins_what_differs_in_numbers_only(change):
    assert len(partition([execution(0), execution(1, **change)], 8)) == 1


def test_equal_pools_of_two_places_are_one_skeleton():
    # With two convolutions, "every" and "first_two" pool in the same places.
    assert len(partition([execution(0), execution(1, pool_places="first_two")], 8)) == 1


def test_a_capacity_below_one_is_refused():
    with pytest.raises(SettingError, match="at least 1"):
        partition([], 0)


@pytest.mark.parametrize("knob", [k for k in KNOBS if k.name != "epochs"], ids=lambda k: k.name)
def test_a_knob_splits_groups_exactly_when_it_is_declared_not_fusible(knob):
    spec = InputSpec(image_shape=(256, 256, 3), channel_mean=(120.0,) * 3, channel_std=(60.0,) * 3)
    parents = {parent: allowed[-1] for parent, allowed in knob.active_if}
    domain = knob.domain
    values = domain.values if isinstance(domain, Choice) else (domain.low, domain.high)
    group = []
    for i, value in enumerate(values):
        lenet, train = configs({**parents, knob.name: value}, spec)
        group.append(Execution(trial=i, repeat=0, seed=i, order_seed=0, lenet=lenet, train=train))
    assert len(partition(group, 100)) == (1 if knob.fusible else len(values))
