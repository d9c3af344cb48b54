"""The reference engine against a training loop written out with numpy-fed Keras calls."""

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from lenet_tune.config import InputSpec, LeNetConfig, TrainConfig
from lenet_tune.data import Split
from lenet_tune.engines import reference
from lenet_tune.engines.base import Execution, TrainingData, balanced_weights, epoch_order
from lenet_tune.model import build_lenet, compile_lenet

SPEC = InputSpec(image_shape=(8, 8, 3), num_classes=4)


def execution(**changes) -> Execution:
    lenet = LeNetConfig(input=SPEC, kernel_size=3, padding="same")
    train = TrainConfig(batch_size=32, epochs=3, momentum=0.5, learning_rate=0.05)
    return Execution(
        **{"trial": 0, "repeat": 0, "seed": 1, "order_seed": 2, "lenet": lenet, "train": train, **changes}
    )


@pytest.fixture
def data(tiny_data) -> TrainingData:
    return TrainingData(train=tiny_data.train, held_out=tiny_data.test)


def test_training_is_a_function_of_the_two_seeds(data):
    runs = [
        list(reference.train_group([execution(**c)], data)) for c in ({}, {}, {"seed": 5}, {"order_seed": 5})
    ]
    losses = [[epoch.results[0].train_loss for epoch in run] for run in runs]
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]
    assert losses[0] != losses[3]


def test_steps_follow_the_stated_order_of_images(data):
    e = execution(train=TrainConfig(batch_size=32, epochs=1, learning_rate=0.05))
    epoch = next(reference.train_group([e], data))
    model = compile_lenet(build_lenet(e.lenet, seed=e.seed), e.train)
    order = epoch_order(e.order_seed, 1, len(data.train))
    labels = np.eye(4, dtype=np.float32)
    for start in range(0, len(order), 32):
        batch = order[start : start + 32]
        model.train_on_batch(data.train.images[batch], labels[data.train.labels[batch]])
    for trained, expected in zip(epoch.checkpoint(e.id).weights, model.get_weights(), strict=True):
        np.testing.assert_allclose(trained, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", ["mean_squared_error", "categorical_crossentropy"])
def test_class_weights_multiply_the_training_loss_and_leave_the_held_out_figures(data, loss):
    factors = np.array([0.25, 1.0, 4.0, 0.5])
    # One step an epoch that moves nothing: its loss is that of the initial weights.
    e = execution(train=TrainConfig(batch_size=200, epochs=1, learning_rate=1e-12, loss=loss))
    weighted = TrainingData(train=data.train, held_out=data.held_out, class_weights=tuple(factors))
    plain, found = (next(reference.train_group([e], d)).results[0] for d in (data, weighted))
    outputs = build_lenet(e.lenet, seed=e.seed).predict(data.train.images, verbose=0)
    hot = np.eye(4)[data.train.labels]
    losses = {
        "mean_squared_error": ((outputs - hot) ** 2).mean(axis=1),
        "categorical_crossentropy": -np.log((outputs * hot).sum(axis=1)),
    }[loss]
    assert plain.train_loss == pytest.approx(losses.mean(), rel=1e-5)
    assert found.train_loss == pytest.approx((losses * factors[data.train.labels]).mean(), rel=1e-5)
    assert found.train_loss != pytest.approx(plain.train_loss, rel=1e-2)
    assert found.held_out_loss == pytest.approx(plain.held_out_loss, rel=1e-6)
    assert found.train_accuracy == pytest.approx(plain.train_accuracy)


def test_balanced_weights_are_those_of_scikit_learn():
    labels = np.repeat(np.array([0, 1, 3]), [50, 30, 5])
    split = Split(images=np.zeros((85, 2, 2, 1), dtype=np.uint8), labels=labels)
    weights = balanced_weights(split, 5)
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=labels)
    assert [weights[c] for c in (0, 1, 3)] == pytest.approx(list(expected))
    assert (weights[2], weights[4]) == (1.0, 1.0)
    assert np.mean([weights[label] for label in labels]) == pytest.approx(1.0)


def test_it_learns(data):
    epochs = list(reference.train_group([execution(train=TrainConfig(epochs=8, learning_rate=0.02))], data))
    assert epochs[-1].results[0].held_out_accuracy > 0.9


def test_going_on_from_a_checkpoint_equals_not_stopping(data):
    whole = list(reference.train_group([execution()], data))
    runs = reference.train_group([execution()], data)
    first = next(runs)
    start = first.checkpoint((0, 0))
    rest = list(reference.train_group([execution(start=start)], data))
    assert [e.results[0].epoch for e in rest] == [2, 3]
    assert [e.results[0].train_loss for e in rest] == [e.results[0].train_loss for e in whole[1:]]


def test_a_diverging_execution_ends_and_the_next_one_trains(data):
    # Each step multiplies the kernels by 1 - 2 * 1000 * learning rate: they overflow within an epoch.
    growing = LeNetConfig(input=SPEC, kernel_size=3, padding="same", l2_kernel=1000.0)
    wild = execution(lenet=growing, train=TrainConfig(epochs=4, learning_rate=1e6))
    results = [e.results[0] for e in reference.train_group([wild, execution(trial=1)], data)]
    assert results[0].diverged
    assert [(r.trial, r.epoch) for r in results] == [(0, 1), (1, 1), (1, 2), (1, 3)]


@pytest.mark.parametrize("epoch", [1, 2])
def test_an_order_is_a_permutation_that_differs_between_epochs(epoch):
    order = epoch_order(3, epoch, 100)
    assert sorted(order) == list(range(100))
    assert not np.array_equal(order, epoch_order(3, epoch + 1, 100))
    np.testing.assert_array_equal(order, epoch_order(3, epoch, 100))
