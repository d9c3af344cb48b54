import dataclasses

import pytest

from lenet_tune.config import InputSpec, LeNetConfig, TrainConfig
from lenet_tune.errors import InfeasibleError, SettingError


def test_lenet_maps_shrink_as_lecun_drew_them():
    assert LeNetConfig().map_shapes == ((32, 32), (28, 28), (14, 14), (10, 10), (5, 5))


def test_same_padding_keeps_convolutions_and_halves_poolings_upwards():
    five = LeNetConfig(
        filters=(4,) * 5, kernel_size=3, padding="same", bias_means=(0.0,) * 5, bias_stds=(0.0,) * 5
    )
    assert five.map_shapes[-1] == (1, 1)


@pytest.mark.parametrize(
    ("places", "pools"),
    [
        ("every", (True,) * 5),
        ("spread", (True, False, True, False, True)),
        ("first_two", (True, True, False, False, False)),
    ],
)
def test_pool_places_say_after_which_convolutions_to_pool(places, pools):
    config = LeNetConfig(
        filters=(4,) * 5, padding="same", pool_places=places, bias_means=(0.0,) * 5, bias_stds=(0.0,) * 5
    )
    assert config.pools == pools


def test_a_kernel_larger_than_its_map_is_infeasible_and_says_where():
    with pytest.raises(InfeasibleError, match=r"does not fit in the 2x2 map at convolution 2"):
        LeNetConfig(input=InputSpec(image_shape=(8, 8, 3)))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("activation", "swish"),
        ("final_activation", "linear"),
        ("kernel_initializer", "zeros"),
        ("normalization", "batch"),
        ("pooling", "sum"),
        ("pool_places", "last"),
        ("padding", "full"),
        ("kernel_size", 0),
        ("kernel_size", 5.0),
        ("filters", (6, 0)),
        ("bias_means", (0.5,)),
        ("bias_stds", (-1.0, 0.0)),
        ("l2_kernel", -1e-5),
        ("l2_activity", float("nan")),
        ("normalization", "standardize"),
    ],
)
def test_architecture_refuses_a_value_outside_its_rule(field, value):
    with pytest.raises(SettingError):
        LeNetConfig(**{field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("learning_rate", 0.0),
        ("learning_rate", float("inf")),
        ("momentum", 1.0),
        ("momentum", True),
        ("loss", "hinge"),
        ("batch_size", 0),
        ("epochs", -1),
        ("epochs", 2.5),
    ],
)
def test_training_refuses_a_value_outside_its_rule_and_names_it(field, value):
    with pytest.raises(SettingError, match=field):
        TrainConfig(**{field: value})


def test_standardize_maps_the_mean_to_zero_and_one_deviation_to_one():
    spec = InputSpec(channel_mean=(100.0, 120.0, 140.0), channel_std=(50.0, 60.0, 70.0))
    scale, offset = LeNetConfig(input=spec, normalization="standardize").scale_and_offset
    assert [m * s + o for m, s, o in zip(spec.channel_mean, scale, offset, strict=True)] == pytest.approx(
        [0] * 3
    )
    assert 170 * scale[0] + offset[0] == pytest.approx(70 / 50)


def test_configurations_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        LeNetConfig().depth = 3
