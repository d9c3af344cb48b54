"""`build_lenet`: a configuration turned into a Keras model that eats raw pixels.

This is the only place that knows what a LeNet looks like. Scaling is a layer of the model, so that an
exported model works on raw images, and every initialiser has a seed of its own, so that a seed and a
configuration give the same initial weights wherever the model is built.
Shapes: N = images, h, w, c = height, width, channels.
"""

import numpy as np
from keras import Model, initializers, layers, losses, optimizers, regularizers

from lenet_tune.config import LeNetConfig, TrainConfig

_INITIALIZERS = {
    "glorot_uniform": initializers.GlorotUniform,
    "glorot_normal": initializers.GlorotNormal,
    "random_normal": initializers.RandomNormal,
    "he_uniform": initializers.HeUniform,
    "he_normal": initializers.HeNormal,
    "lecun_normal": initializers.LecunNormal,
}
_LOSSES = {
    "mean_squared_error": losses.MeanSquaredError,
    "categorical_crossentropy": losses.CategoricalCrossentropy,
}


def build_lenet(config: LeNetConfig, *, seed: int) -> Model:
    """A LeNet-style network, not compiled.

    Args:
        config: the architecture.
        seed: of the initial weights.

    Returns:
        A model from raw images (N, h, w, c), 0..255 of any dtype, to (N, num_classes) float32.

    Source:
        LeCun et al. 1998, figure 2, as simplified by the report, section 1: convolutions with pooling,
        then dense 120, 84 and one unit a class.
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(2 * config.depth + 3).tolist())
    scale, offset = config.scale_and_offset
    inputs = layers.Input(config.input.image_shape, name="image")
    x = layers.Rescaling(list(scale), list(offset), name="scale")(inputs)  # (N, h, w, c) float32
    pool_type = layers.AveragePooling2D if config.pooling == "average" else layers.MaxPooling2D
    for i, pooled in enumerate(config.pools):
        x = _convolution(config, i, next(seeds), next(seeds))(x)
        if pooled:
            x = pool_type(2, padding=config.padding, name=f"pool_{i + 1}")(x)
    x = layers.Flatten(name="flatten")(x)
    for units in (120, 84) if config.dense_84 else (120,):
        x = _dense(config, units, config.activation, f"dense_{units}", next(seeds))(x)
    outputs = _dense(config, config.input.num_classes, config.output_activation, "output", next(seeds))(x)
    return Model(inputs, outputs, name="lenet")  # (N, num_classes) float32


def compile_lenet(model: Model, train: TrainConfig) -> Model:
    """Give the model its loss, its SGD and the accuracy metric; returns the same model."""
    model.compile(
        optimizer=optimizers.SGD(train.learning_rate, momentum=train.momentum),
        loss=_LOSSES[train.loss](),
        metrics=["accuracy"],
    )
    return model


def _convolution(config: LeNetConfig, i: int, kernel_seed: int, bias_seed: int) -> layers.Layer:
    return layers.Conv2D(
        config.filters[i],
        config.kernel_size,
        padding=config.padding,
        activation=config.activation,
        use_bias=config.conv_bias,
        kernel_initializer=_INITIALIZERS[config.kernel_initializer](seed=kernel_seed),
        bias_initializer=_bias_initializer(config.bias_means[i], config.bias_stds[i], bias_seed),
        kernel_regularizer=_l2(config.l2_kernel),
        bias_regularizer=_l2(config.l2_bias) if config.conv_bias else None,
        activity_regularizer=_l2(config.l2_activity),
        name=f"conv_{i + 1}",
    )


def _dense(config: LeNetConfig, units: int, activation: str, name: str, seed: int) -> layers.Layer:
    kernel = _INITIALIZERS[config.kernel_initializer](seed=seed)
    return layers.Dense(units, activation=activation, kernel_initializer=kernel, name=name)


def _bias_initializer(mean: float, std: float, seed: int) -> initializers.Initializer:
    if std == 0:
        return initializers.Constant(mean)
    return initializers.RandomNormal(mean, std, seed=seed)


def _l2(factor: float) -> regularizers.Regularizer | None:
    return regularizers.L2(factor) if factor else None
