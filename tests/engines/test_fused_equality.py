"""The fused engine gives what the reference engine gives, for every value of every knob."""

import itertools
from dataclasses import replace

import keras
import numpy as np
import pytest
from small_runs import largest_difference, make_data, make_execution, run

from lenet_tune import config
from lenet_tune.engines import fused, reference
from lenet_tune.engines.backend import ops
from lenet_tune.engines.base import Execution
from lenet_tune.engines.reference import initial_model
from lenet_tune.engines.strand import Member, strand_count

TIGHT = {"tensorflow": 1e-12, "jax": 1e-6}[keras.backend.backend()]
"""In float64: the same sums in another order. On JAX, Keras's squared error and XLA's tanh are only good to
4e-9, and the least stable setting makes 2e-7 of it."""

LOOSE = 2e-4
"""In float32: rounding (6e-8) that six steps of SGD have made larger; measured: below 1.1e-5."""


def fusible_variants() -> list[Execution]:
    """Every (activation, last activation, loss), and with them every value of the other fusible knobs."""
    ends = itertools.product(config.ACTIVATIONS, config.FINAL_ACTIVATIONS, config.LOSSES)
    found = []
    for i, (activation, final, loss) in enumerate(ends):
        has_bias = i % 4 != 3
        more = {} if has_bias else {"bias_means": (0.0, 0.0), "bias_stds": (0.0, 0.0)}
        found.append(
            make_execution(
                i,
                order_seed=i % 3 // 2,
                activation=activation,
                final_activation=final,
                kernel_initializer=config.INITIALIZERS[i % 6],
                normalization=("unit", "standardize")[i % 2],
                conv_bias=has_bias,
                l2_kernel=(0.0, 1e-3)[i % 2],
                l2_bias=(0.0, 0.0, 1e-2)[i % 3],
                l2_activity=(0.0, 1e-3, 0.0, 0.0)[i % 4],
                train={
                    "loss": loss,
                    "learning_rate": 0.01 * (1 + i % 5),
                    "momentum": (0.0, 0.0, 0.9)[i % 3],
                    "epochs": 1 + i % 2,
                },
                **more,
            )
        )
    return found


SHAPES = {
    "batch_size 7": {"train": {"batch_size": 7}},
    "batch_size 128": {"train": {"batch_size": 128}},
    "kernel_size 5": {"kernel_size": 5, "pool_places": "first_two", "filters": (2,)},
    "kernel_size 4": {"kernel_size": 4, "padding": "same"},
    "depth 3, spread": {"filters": (2, 3, 4), "pool_places": "spread", "padding": "same"},
    "depth 5, max": {"filters": (2, 2, 2, 2, 2), "padding": "same", "pooling": "max"},
    "first_two": {"filters": (2, 3, 2), "padding": "same", "pool_places": "first_two"},
    "dense_84": {"dense_84": True},
    "many channels": {"filters": (9, 4)},
}


@pytest.fixture(scope="module")
def float32_runs() -> tuple[list[Execution], dict, dict]:
    executions = fusible_variants()[1::3]
    data = make_data()
    return executions, run(reference.train_group, executions, data), run(fused.train_group, executions, data)


def test_fused_equals_reference_in_float32(float32_runs):
    _, expected, found = float32_runs
    assert largest_difference(found, expected) < LOOSE


@pytest.mark.usefixtures("float64")
def test_fused_equals_reference_for_every_fusible_knob_in_float64():
    executions = fusible_variants()
    expected = run(reference.train_group, executions, make_data())
    found = run(fused.train_group, executions, make_data())
    assert largest_difference(found, expected) < TIGHT


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("name", SHAPES)
def test_fused_equals_reference_for_every_shape(name):
    variants = [
        {"activation": "tanh", "normalization": "unit"},
        {"activation": "relu", "normalization": "standardize", "l2_activity": 1e-3},
    ]
    executions = [make_execution(i, **{**variant, **SHAPES[name]}) for i, variant in enumerate(variants)]
    expected = run(reference.train_group, executions[1:], make_data())
    found = run(fused.train_group, executions, make_data())
    assert len(found) == 2 * len(expected)
    assert largest_difference({key: found[key] for key in expected}, expected) < TIGHT


@pytest.mark.usefixtures("float64")
def test_fused_equals_reference_step_by_step():
    # 32 images are one step, so that each epoch is one step; raw pixels are the harshest scaling.
    steps = {"epochs": 4, "learning_rate": 1e-3, "momentum": 0.5}
    executions = [make_execution(0, normalization="none", train=steps)]
    data = make_data(train=32)
    expected = run(reference.train_group, executions, data)
    found = run(fused.train_group, executions, data)
    for step in range(1, 5):
        one, other = ({k: v for k, v in r.items() if k[1] == step} for r in (found, expected))
        assert len(one) == 1
        assert largest_difference(one, other) < TIGHT


@pytest.mark.usefixtures("float64")
def test_fused_equals_reference_with_class_weights():
    executions = [
        make_execution(i, order_seed=i % 2, l2_activity=1e-3 * (i % 2), train={"loss": loss})
        for i, loss in enumerate(config.LOSSES * 2)
    ]
    plain = make_data()
    weighted = replace(plain, class_weights=(0.25, 3.0, 1.0, 0.5))
    expected = run(reference.train_group, executions, weighted)
    found = run(fused.train_group, executions, weighted)
    assert largest_difference(found, expected) < TIGHT
    assert largest_difference(found, run(fused.train_group, executions, plain)) > 100 * LOOSE
    ones = run(fused.train_group, executions, replace(plain, class_weights=(1.0,) * 4))
    assert largest_difference(ones, run(fused.train_group, executions, plain)) < TIGHT


@pytest.mark.parametrize("lowering", ["split", "patches", "grouped"])
@pytest.mark.usefixtures("float64")
def test_every_lowering_gives_the_same(lowering, cpu_can_run):
    if not cpu_can_run(lowering):
        pytest.skip("TensorFlow has no gradient of grouped convolutions on a CPU")
    executions = [make_execution(i, l2_activity=1e-3 * i) for i in range(3)]
    expected = run(fused.train_group, executions, make_data())
    found = run(
        fused.train_group, executions, make_data(), options=fused.Options(lowering=lowering, strands=2)
    )
    assert largest_difference(found, expected) < TIGHT


@pytest.mark.usefixtures("float64")
def test_strands_that_take_turns_and_maps_that_are_separate_from_the_start_give_the_same(monkeypatch):
    # 16 filters fill a vector, so that the split lowering starts with a convolution a model.
    executions = [
        make_execution(
            i, order_seed=i % 2, filters=(16, 3), activation=("relu", "tanh")[i % 2], l2_activity=1e-3
        )
        for i in range(3)
    ]
    monkeypatch.setattr(ops, "strand_bytes", lambda: 1)
    for count in (1, 3):
        monkeypatch.setattr(ops, "default_strands", lambda count=count: count)
        assert strand_count([Member(execution=e, model=initial_model(e)) for e in executions]) == 3
    monkeypatch.setattr(ops, "default_strands", lambda: 2)
    expected = run(reference.train_group, executions, make_data())
    for bytes_a_strand in (1, 10**9):
        monkeypatch.setattr(ops, "strand_bytes", lambda most=bytes_a_strand: most)
        found = run(fused.train_group, executions, make_data(), options=fused.Options(lowering="split"))
        assert largest_difference(found, expected) < TIGHT


@pytest.mark.usefixtures("float64")
def test_a_group_gives_what_each_alone_gives_in_any_order():
    executions = [
        make_execution(i, order_seed=i % 2, train={"learning_rate": 0.02 * (1 + i)}) for i in range(4)
    ]
    together = run(fused.train_group, executions, make_data())
    turned = run(fused.train_group, executions[::-1], make_data())
    alone = {}
    for execution in executions:
        alone |= run(fused.train_group, [execution], make_data())
    assert largest_difference(together, alone) < TIGHT
    assert largest_difference(together, turned) < TIGHT


def test_the_same_twice_gives_the_same_bits(float32_runs):
    executions, _, found = float32_runs
    again = run(fused.train_group, executions, make_data())
    assert largest_difference(found, again) == 0.0


def test_the_comparison_notices_one_changed_learning_rate(float32_runs):
    executions, expected, _ = float32_runs
    first = executions[0]
    changed = replace(first, train=replace(first.train, learning_rate=first.train.learning_rate * 1.05))
    found = run(fused.train_group, [changed, *executions[1:]], make_data())
    assert largest_difference(found, expected) > LOOSE
    same = {key: value for key, value in found.items() if key[0] != first.id}
    assert largest_difference(same, {key: expected[key] for key in same}) < LOOSE


def test_initial_weights_are_those_of_the_keras_model():
    # A learning rate of next to nothing leaves the weights where they began.
    executions = [make_execution(i, train={"learning_rate": 1e-12, "epochs": 1}) for i in range(2)]
    found = run(fused.train_group, executions, make_data())
    for execution in executions:
        weights = reference.initial_model(execution).get_weights()
        for own, initial in zip(found[execution.id, 1][1].weights, weights, strict=True):
            np.testing.assert_allclose(own, initial, atol=1e-9)
