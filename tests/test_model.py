import keras
import numpy as np
import pytest

from lenet_tune import sections
from lenet_tune.config import InputSpec, LeNetConfig, TrainConfig
from lenet_tune.model import build_lenet, compile_lenet
from lenet_tune.space import configs

SPEC = InputSpec(
    image_shape=(12, 12, 3), num_classes=4, channel_mean=(120.0,) * 3, channel_std=(60.0, 50.0, 40.0)
)


def images(n: int = 6) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *SPEC.image_shape), dtype=np.uint8)


def test_the_adjusted_model_is_lecuns_lenet():
    lenet, _ = configs(sections.ADJUSTED, InputSpec())
    model = build_lenet(lenet, seed=0)
    shapes = [
        layer.output.shape[1:] for layer in model.layers if layer.name.startswith(("conv", "pool", "dense"))
    ]
    assert shapes == [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (120,), (84,)]
    assert model.count_params() == 456 + 2416 + 48120 + 10164 + 850


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    lenet = LeNetConfig(input=SPEC, kernel_size=3, padding="same")
    one, two, other = (build_lenet(lenet, seed=seed).get_weights() for seed in (0, 0, 1))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one[0], other[0])


def test_layers_of_one_shape_do_not_share_their_draws():
    lenet = LeNetConfig(
        input=SPEC,
        filters=(3, 3, 3),
        kernel_size=3,
        padding="same",
        bias_means=(0.5,) * 3,
        bias_stds=(0.1,) * 3,
    )
    model = build_lenet(lenet, seed=0)
    two, three = (model.get_layer(f"conv_{i}").get_weights() for i in (2, 3))
    assert not np.array_equal(two[0], three[0])
    assert not np.array_equal(two[1], three[1])


def test_scaling_is_inside_the_model():
    """Raw pixels in, whatever the normalisation: a weightless check of the scaling layer itself."""
    pixels = images()
    expected = {
        "none": pixels.astype(float),
        "unit": pixels / 255,
        "standardize": (pixels - np.array(SPEC.channel_mean)) / np.array(SPEC.channel_std),
    }
    for normalization, wanted in expected.items():
        lenet = LeNetConfig(input=SPEC, kernel_size=3, padding="same", normalization=normalization)
        model = build_lenet(lenet, seed=0)
        scaled = keras.Model(model.inputs, model.get_layer("scale").output).predict(pixels, verbose=0)
        np.testing.assert_allclose(scaled, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("mean", "std"), [(0.5, 0.0), (0.0, 0.0), (-0.3, 0.01)])
def test_the_bias_is_drawn_around_its_mean(mean, std):
    lenet = LeNetConfig(
        input=SPEC,
        filters=(400, 16),
        kernel_size=3,
        padding="same",
        bias_means=(mean, 0.0),
        bias_stds=(std, 0.0),
    )
    bias = build_lenet(lenet, seed=0).get_layer("conv_1").get_weights()[1]
    assert bias.mean() == pytest.approx(mean, abs=4 * std / 20 + 1e-7)
    assert bias.std() == pytest.approx(std, rel=0.2, abs=1e-7)


def test_without_bias_the_convolutions_have_kernels_only():
    model = build_lenet(LeNetConfig(input=SPEC, kernel_size=3, padding="same", conv_bias=False), seed=0)
    assert len(model.get_layer("conv_1").get_weights()) == 1


def test_regularisers_enter_the_loss():
    pixels, labels = images(8), np.eye(4, dtype=np.float32)[np.arange(8) % 4]
    losses = {}
    for name in ("none", "l2_kernel", "l2_bias", "l2_activity"):
        factors = {} if name == "none" else {name: 0.01}
        lenet = LeNetConfig(
            input=SPEC, kernel_size=3, padding="same", bias_means=(0.5, 0.5), bias_stds=(0.1, 0.1), **factors
        )
        model = compile_lenet(build_lenet(lenet, seed=0), TrainConfig())
        losses[name] = model.evaluate(pixels, labels, verbose=0)[0]
        weights = [model.get_layer(f"conv_{i}").get_weights() for i in (1, 2)]
        maps = keras.Model(model.inputs, [model.get_layer(f"conv_{i}").output for i in (1, 2)])
        penalties = {
            "none": 0.0,
            "l2_kernel": sum((kernel**2).sum() for kernel, _ in weights),
            "l2_bias": sum((bias**2).sum() for _, bias in weights),
            "l2_activity": sum((m**2).sum() / len(pixels) for m in maps.predict(pixels, verbose=0)),
        }
        assert losses[name] - losses["none"] == pytest.approx(0.01 * penalties[name], rel=1e-3, abs=1e-5)
