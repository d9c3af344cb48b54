"""Splits: exact sizes, nothing lost or doubled, proportions kept, one result a seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lenet_tune.data import DataSet, Split, channel_statistics, stratified_split, subset
from lenet_tune.errors import DataError, SettingError


def numbered_split(labels):
    """A split whose image i spells i in its first pixels, so that images can be told apart."""
    labels = np.asarray(labels, dtype=np.int64)
    images = np.zeros((len(labels), 2, 2, 1), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(len(labels)) % 256
    images[:, 0, 1, 0] = np.arange(len(labels)) // 256
    return Split(images=images, labels=labels)


def numbers(split):
    return split.images[:, 0, 0, 0].astype(int) + 256 * split.images[:, 0, 1, 0].astype(int)


@st.composite
def splits_and_sizes(draw):
    labels = draw(st.lists(st.integers(0, 7), min_size=2, max_size=200))
    return numbered_split(labels), draw(st.integers(1, len(labels) - 1))


@settings(max_examples=150, deadline=None)
@given(case=splits_and_sizes(), seed=st.integers(0, 2**40))
def test_stratified_split_is_exact_disjoint_complete_ordered_and_proportional(case, seed):
    split, size = case
    rest, held_out = stratified_split(split, size=size, seed=seed)
    assert len(held_out) == size
    assert sorted([*numbers(rest), *numbers(held_out)]) == list(range(len(split)))
    for part in (rest, held_out):
        assert (np.diff(numbers(part)) > 0).all()
        np.testing.assert_array_equal(part.labels, split.labels[numbers(part)])
        for label in range(8):
            share = (split.labels == label).sum() * len(part) / len(split)
            assert abs((part.labels == label).sum() - share) < 1


def test_stratified_split_is_the_same_for_a_seed_and_differs_between_seeds():
    split = numbered_split(np.arange(300) % 3)
    chosen = [numbers(stratified_split(split, size=30, seed=seed)[1]).tolist() for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]


def test_stratified_split_lets_the_seed_settle_ties_between_classes():
    split = numbered_split(np.arange(100) % 10)
    favoured = {tuple(stratified_split(split, size=3, seed=seed)[1].labels) for seed in range(20)}
    assert len({label for labels in favoured for label in labels}) == 10


@pytest.mark.parametrize("size", [0, -1, 10, 11, 2.5, "5", True, None])
def test_stratified_split_refuses_a_size_out_of_range(size):
    with pytest.raises(SettingError, match=r"held-out part must be a whole number in \[1, 9\]"):
        stratified_split(numbered_split([0, 1] * 5), size=size, seed=0)


@pytest.mark.parametrize("seed", [-1, 0.5, None, False])
def test_stratified_split_refuses_a_bad_seed(seed):
    with pytest.raises(SettingError, match="seed must be a whole number at least 0"):
        stratified_split(numbered_split([0, 1] * 5), size=2, seed=seed)


def test_subset_has_exactly_its_size_in_stable_order_with_proportions():
    part = subset(numbered_split([0] * 60 + [1] * 30 + [2] * 10), size=20, seed=3)
    assert np.bincount(part.labels).tolist() == [12, 6, 2]
    assert (np.diff(numbers(part)) > 0).all()


def test_subset_of_everything_is_the_split_itself():
    split = numbered_split([0, 1, 2])
    assert subset(split, size=3, seed=0) is split


@pytest.mark.parametrize("size", [0, 4])
def test_subset_refuses_a_size_out_of_range(size):
    with pytest.raises(SettingError, match=r"in \[1, 3\]"):
        subset(numbered_split([0, 1, 2]), size=size, seed=0)


def test_channel_statistics_equal_numpy_over_more_than_one_chunk():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5000, 4, 4, 3), dtype=np.uint8)
    images[..., 1] //= 4
    mean, std = channel_statistics(Split(images=images, labels=np.zeros(5000, dtype=np.int64)))
    np.testing.assert_allclose(mean, images.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(std, images.std(axis=(0, 1, 2)), rtol=1e-12)
    assert mean.dtype == std.dtype == np.float64


def test_channel_statistics_floor_the_spread_of_a_constant_channel():
    images = np.full((3, 2, 2, 1), 255, dtype=np.uint8)
    mean, std = channel_statistics(Split(images=images, labels=np.zeros(3, dtype=np.int64)))
    assert (mean.tolist(), std.tolist()) == ([255.0], [1.0])


IMAGES = np.zeros((3, 2, 2, 1), dtype=np.uint8)
LABELS = np.zeros(3, dtype=np.int64)


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (IMAGES.astype(np.float32), LABELS),
        (IMAGES[..., 0], LABELS),
        (np.zeros((3, 2, 2, 17), dtype=np.uint8), LABELS),
        (IMAGES[:0], LABELS[:0]),
        (IMAGES, LABELS[:2]),
        (IMAGES, LABELS.astype(np.uint8)),
        (IMAGES, LABELS - 1),
    ],
)
def test_split_refuses_other_shapes_and_types(images, labels):
    with pytest.raises(DataError):
        Split(images=images, labels=labels)


def test_split_cannot_be_written_through_but_leaves_the_callers_array_alone():
    images = IMAGES.copy()
    split = Split(images=images, labels=LABELS)
    with pytest.raises(ValueError, match="read-only"):
        split.images[0] = 1
    images[0] = 1


def dataset(train, test, classes=("a", "b"), name="x"):
    return DataSet(name=name, train=train, test=test, classes=classes)


def test_dataset_fingerprint_depends_on_content_only():
    train, test = numbered_split([0, 1, 0]), numbered_split([1, 0])
    reference = dataset(train, test).fingerprint
    assert len(reference) == 64
    assert dataset(train, test, name="y").fingerprint == reference
    assert dataset(test, train).fingerprint != reference
    assert dataset(numbered_split([0, 1, 1]), test).fingerprint != reference
    other = train.images.copy()
    other[2, 1, 1, 0] = 1
    assert dataset(Split(images=other, labels=train.labels), test).fingerprint != reference
    wide = Split(images=train.images.reshape(3, 1, 4, 1), labels=train.labels)
    assert (
        dataset(wide, Split(images=test.images.reshape(2, 1, 4, 1), labels=test.labels)).fingerprint
        != reference
    )


def test_dataset_tells_its_shape_and_classes():
    data = dataset(numbered_split([0, 1]), numbered_split([1]))
    assert (data.image_shape, data.num_classes, data.comparable) == ((2, 2, 1), 2, False)


@pytest.mark.parametrize("classes", [("a",), ("a", "b")])
def test_dataset_refuses_labels_without_a_class(classes):
    with pytest.raises(DataError, match="Fix the labels"):
        dataset(numbered_split([0, 1]), numbered_split([2]), classes)


def test_dataset_refuses_test_images_of_another_shape():
    with pytest.raises(DataError, match="one shape"):
        dataset(
            numbered_split([0, 1]),
            Split(images=np.zeros((1, 3, 3, 1), dtype=np.uint8), labels=np.array([0])),
        )
