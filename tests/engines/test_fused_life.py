"""What a group goes through: divergence, early ends, compaction, resuming, running out of memory."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from keras import layers
from small_runs import SPEC, largest_difference, make_data, make_execution, run

from lenet_tune.data import Split
from lenet_tune.engines import fused, reference, strand
from lenet_tune.engines.base import TrainingData, keep_all
from lenet_tune.errors import SettingError

NEAR = 1e-5
"""In float32, where only the grouping differs; measured: below 1e-6."""

AT_ONCE = fused.Options(compact_after=0)
NEVER = fused.Options(compact_after=10**12)


def three(epochs: tuple[int, ...] = (3, 3, 3)) -> list:
    return [
        make_execution(i, train={"learning_rate": 0.02 * (i + 1), "momentum": 0.5, "epochs": epochs[i]})
        for i in range(3)
    ]


def sizes_of_groups(monkeypatch) -> list[int]:
    """The number of members of every program that is set up from now on."""
    sizes = []
    original = fused._Group.__init__

    def counted(self, members, *rest):
        sizes.append(len(members))
        original(self, members, *rest)

    monkeypatch.setattr(fused._Group, "__init__", counted)
    return sizes


@pytest.fixture(scope="module")
def plain() -> dict:
    return run(fused.train_group, three(), make_data())


@pytest.mark.parametrize("options", [AT_ONCE, NEVER])
def test_a_diverged_execution_ends_and_leaves_the_others_alone(plain, options):
    executions = three()
    wild = replace(
        executions[1],
        lenet=replace(executions[1].lenet, activation="relu", final_activation="same"),
        train=replace(executions[1].train, learning_rate=1e9, loss="mean_squared_error"),
    )
    found = run(fused.train_group, [executions[0], wild, executions[2]], make_data(), options=options)
    ends = [result.diverged for (identity, _), (result, _) in found.items() if identity == wild.id]
    assert ends == [False] * (len(ends) - 1) + [True]
    assert len(ends) < 3
    others = {key: value for key, value in found.items() if key[0] != wild.id}
    assert largest_difference(others, {key: plain[key] for key in others}) < NEAR
    assert len(others) == 6


@pytest.mark.parametrize(("options", "expected"), [(AT_ONCE, [3, 2, 1]), (NEVER, [3])])
def test_early_finishers_leave_and_the_group_is_compacted(plain, monkeypatch, options, expected):
    sizes = sizes_of_groups(monkeypatch)
    found = run(fused.train_group, three((3, 1, 2)), make_data(), options=options)
    assert sizes == expected
    assert sorted(found) == [
        ((0, 0), 1),
        ((0, 0), 2),
        ((0, 0), 3),
        ((1, 0), 1),
        ((2, 0), 1),
        ((2, 0), 2),
    ]
    assert largest_difference(found, {key: plain[key] for key in found}) < NEAR


def test_keep_ends_an_execution(plain):
    found = run(fused.train_group, three(), make_data(), keep=lambda r: r.id != (1, 0) and keep_all(r))
    assert [key for key in found if key[0] == (1, 0)] == [((1, 0), 1)]
    assert len(found) == 7


def test_all_results_of_an_epoch_come_at_once():
    epochs = list(fused.train_group(three(), make_data()))
    assert [[r.id for r in epoch.results] for epoch in epochs] == [[(0, 0), (1, 0), (2, 0)]] * 3
    assert all(r.seconds > 0 for epoch in epochs for r in epoch.results)


def test_a_group_is_copied_from_the_device_once_an_epoch(monkeypatch):
    copied = []
    to_numpy = fused.ops.to_numpy
    group = next(fused.train_group(three(), make_data()))
    monkeypatch.setattr(fused.ops, "to_numpy", lambda values: copied.append(values) or to_numpy(values))
    states = [group.checkpoint(result.id) for result in group.results]
    assert len(copied) <= len(states[0].weights) * 2 * fused.ops.default_strands()
    assert not np.array_equal(states[0].weights[0], states[1].weights[0])


def test_going_on_from_a_checkpoint_gives_the_same_bits(plain):
    resumed = [replace(e, start=plain[e.id, 1][1]) for e in three()]
    found = run(fused.train_group, resumed, make_data())
    assert sorted({epoch for _, epoch in found}) == [2, 3]
    assert largest_difference(found, {key: plain[key] for key in found}) == 0.0


def test_members_may_start_at_different_epochs(plain):
    first, *others = three()
    found = run(fused.train_group, [replace(first, start=plain[first.id, 2][1]), *others], make_data())
    assert len(found) == 7
    assert largest_difference(found, {key: plain[key] for key in found}) < NEAR


def test_an_execution_that_is_done_gives_nothing(plain):
    first = three()[0]
    assert run(fused.train_group, [replace(first, start=plain[first.id, 3][1])], make_data()) == {}


def out_of_memory() -> Exception:
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.errors.ResourceExhaustedError(None, None, "no memory left")
    return MemoryError()


@pytest.mark.parametrize("after", [1, 2])
def test_a_group_too_large_for_memory_is_split_and_goes_on(plain, monkeypatch, after):
    calls = []
    original = fused._Group._train

    def small_memory(self, compiler):
        calls.append(len(self.members))
        if len(self.members) > 2 and len(calls) >= after:
            raise out_of_memory()
        return original(self, compiler)

    monkeypatch.setattr(fused._Group, "_train", small_memory)
    found = run(fused.train_group, three(), make_data())
    assert calls == [3] * after + [2] * (4 - after) + [1] * (4 - after)
    assert largest_difference(found, plain) < NEAR


def test_a_single_execution_too_large_for_memory_is_an_error(monkeypatch):
    def no_memory(self, compiler):
        raise MemoryError

    monkeypatch.setattr(fused._Group, "_train", no_memory)
    with pytest.raises(MemoryError):
        run(fused.train_group, three()[:1], make_data())


def test_trained_weights_make_a_keras_model_with_the_recorded_figures(plain):
    execution, data = three()[2], make_data()
    result, checkpoint = plain[execution.id, 3]
    model = reference.initial_model(replace(execution, start=checkpoint))
    labels = reference.one_hot(data.held_out, SPEC.num_classes)
    figures = model.evaluate(data.held_out.images, labels, verbose=0, return_dict=True)
    assert figures["accuracy"] == pytest.approx(result.held_out_accuracy, abs=1e-6)
    assert figures["loss"] == pytest.approx(result.held_out_loss, rel=1e-5)


def test_an_order_of_its_own_for_each_member():
    executions = [make_execution(i, order_seed=i, train={"epochs": 1}) for i in range(3)]
    together = run(fused.train_group, executions, make_data())
    alone = {}
    for execution in executions:
        alone |= run(fused.train_group, [execution], make_data())
    assert largest_difference(together, alone) < NEAR


def model_with(layer: layers.Layer, **last) -> keras.Model:
    inputs = layers.Input((4, 4, 1))
    x = layers.Flatten()(layer(inputs))
    return keras.Model(inputs, layers.Dense(2, activation="softmax", **last)(x))


@pytest.mark.parametrize(
    ("model", "named"),
    [
        (lambda: model_with(layers.LayerNormalization(name="norm")), "'norm' is a LayerNormalization"),
        (lambda: model_with(layers.Conv2D(1, 2, activation="gelu", name="odd")), "'odd' has an activation"),
        (lambda: model_with(layers.Conv2D(1, 2, dilation_rate=2, name="wide")), "'wide': dilated"),
        (
            lambda: model_with(layers.Conv2D(1, 2, kernel_regularizer=keras.regularizers.L1(0.1), name="l1")),
            "'l1' has a kernel regulariser",
        ),
    ],
)
def test_what_cannot_be_fused_is_named(monkeypatch, model, named):
    execution = make_execution(0)
    member = strand.Member(execution=execution, model=model())
    with pytest.raises(SettingError, match=named):
        strand.Strand([member], None)


def test_executions_of_different_shapes_are_refused():
    with pytest.raises(SettingError, match="agree"):
        list(fused.train_group([make_execution(0), make_execution(1, filters=(2, 4))], make_data()))


def test_an_unknown_lowering_is_refused():
    with pytest.raises(SettingError, match="one of grouped, split, patches"):
        run(fused.train_group, three(), make_data(), options=fused.Options(lowering="magic"))


def test_programs_are_kept_for_the_next_group(plain):
    epochs = list(fused.train_group(three(), make_data()))
    assert [epoch.compile_seconds for epoch in epochs] == [0.0] * 3


def test_images_stay_on_the_device_between_groups():
    data = make_data()
    assert fused._resident(data.train) is fused._resident(data.train)
    np.testing.assert_array_equal(fused.ops.to_numpy(fused._resident(data.train)[0]), data.train.images)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="about TensorFlow")
def test_a_program_that_needs_much_memory_has_no_temporary_variable():
    # Strands side by side share them by name: five convolutions measured on 5,000 images ended in an error.
    from tensorflow.python.eager import context

    deep = {"filters": (32,) * 5, "padding": "same", "l2_kernel": 1e-5, "dense_84": True}
    size = replace(SPEC, image_shape=(32, 32, 3))
    executions = [make_execution(i, train={"epochs": 1}, input=size, **deep) for i in range(2)]
    images = np.random.default_rng(0).integers(0, 255, (5_000, 32, 32, 3), dtype=np.uint8)
    held_out = Split(images=images, labels=np.arange(5_000) % SPEC.num_classes)
    few = Split(images=images[:64], labels=held_out.labels[:64])
    context.enable_run_metadata()
    try:
        run(fused.train_group, executions, TrainingData(train=few, held_out=held_out))
        programs = [p.post_optimization_graph for p in context.export_run_metadata().function_graphs]
    finally:
        context.disable_run_metadata()
    operations = [node.op for p in programs for f in p.library.function for node in f.node_def]
    operations += [node.op for p in programs for node in p.node]
    assert "Conv2D" in " ".join(operations)
    assert "TemporaryVariable" not in operations
