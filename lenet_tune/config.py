"""What a network is (`LeNetConfig`) and how it is trained (`TrainConfig`): valid once built.

Both are made from a setting of the knobs by `space.configs`; a user may also build them directly.
Shapes: h, w, c = height, width, channels of an image.
"""

import math
from dataclasses import dataclass, replace

from lenet_tune.errors import InfeasibleError, SettingError

ACTIVATIONS = ("sigmoid", "tanh", "relu")
FINAL_ACTIVATIONS = ("same", "softmax")
LOSSES = ("mean_squared_error", "categorical_crossentropy")
INITIALIZERS = (
    "glorot_uniform",
    "glorot_normal",
    "random_normal",
    "he_uniform",
    "he_normal",
    "lecun_normal",
)
NORMALIZATIONS = ("none", "unit", "standardize")
POOLINGS = ("average", "max")
POOL_PLACES = ("every", "spread", "first_two")
PADDINGS = ("valid", "same")


def check_in(name: str, value: object, allowed: tuple) -> None:
    """Raise `SettingError` unless `value` is one of `allowed`."""
    if value not in allowed:
        raise SettingError(f"`{name}` must be one of {', '.join(map(str, allowed))}, but got {value!r}.")


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Raise `SettingError` unless `value` is a finite number in [low, high]."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not low <= value <= high:
        raise SettingError(f"`{name}` must be a number in [{low:g}, {high:g}], but got {value!r}.")


def check_int(name: str, value: int, low: int, high: int) -> None:
    """Raise `SettingError` unless `value` is an integer in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SettingError(f"`{name}` must be an integer in [{low}, {high}], but got {value!r}.")


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """What a network has to know of a data set: image shape, classes, and raw channel statistics.

    Args:
        image_shape: (h, w, c).
        num_classes: at least 2.
        channel_mean: mean of each channel over the training images, raw 0..255; `standardize` needs it.
        channel_std: standard deviation of each channel, raw 0..255, positive.
    """

    image_shape: tuple[int, int, int] = (32, 32, 3)
    num_classes: int = 10
    channel_mean: tuple[float, ...] | None = None
    channel_std: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for side in self.image_shape:
            check_int("image_shape", side, 1, 4096)
        check_int("num_classes", self.num_classes, 2, 100_000)


@dataclass(frozen=True, kw_only=True)
class LeNetConfig:
    """The architecture of one LeNet-style network.

    The layers: scaling of raw pixels; one convolution per entry of `filters`, each followed by a
    pooling of 2x2 where `pools` says so; dense 120; dense 84 where `dense_84`; dense `num_classes`.
    The regularisers and the bias initialiser act on the convolutions, the kernel initialiser on every
    kernel (report, section 1).

    Args:
        filters: filters of each convolution.
        bias_means: mean of the Gaussian that draws each convolution's bias.
        bias_stds: its standard deviation; 0 makes the bias constant.
        final_activation: "softmax", or "same" as `activation` (report, Tables 1 and 2).
        normalization: "none" (raw 0..255), "unit" (divided by 255), "standardize" (by channel).

    Raises:
        SettingError: a value outside its rule.
        InfeasibleError: a map shrinks to nothing.
    """

    input: InputSpec = InputSpec()
    filters: tuple[int, ...] = (6, 16)
    kernel_size: int = 5
    padding: str = "valid"
    pooling: str = "average"
    pool_places: str = "every"
    dense_84: bool = True
    activation: str = "tanh"
    final_activation: str = "softmax"
    kernel_initializer: str = "glorot_uniform"
    conv_bias: bool = True
    bias_means: tuple[float, ...] = (0.0, 0.0)
    bias_stds: tuple[float, ...] = (0.0, 0.0)
    l2_kernel: float = 0.0
    l2_bias: float = 0.0
    l2_activity: float = 0.0
    normalization: str = "unit"

    def __post_init__(self) -> None:
        check_in("activation", self.activation, ACTIVATIONS)
        check_in("final_activation", self.final_activation, FINAL_ACTIVATIONS)
        check_in("kernel_initializer", self.kernel_initializer, INITIALIZERS)
        check_in("normalization", self.normalization, NORMALIZATIONS)
        check_in("pooling", self.pooling, POOLINGS)
        check_in("pool_places", self.pool_places, POOL_PLACES)
        check_in("padding", self.padding, PADDINGS)
        check_int("kernel_size", self.kernel_size, 1, 31)
        check_int("depth", self.depth, 1, 8)
        for count in self.filters:
            check_int("filters", count, 1, 4096)
        if not len(self.bias_means) == len(self.bias_stds) == self.depth:
            raise SettingError(
                f"`bias_means` and `bias_stds` must have one value a convolution ({self.depth}), "
                f"but got {len(self.bias_means)} and {len(self.bias_stds)}."
            )
        for mean, std in zip(self.bias_means, self.bias_stds, strict=True):
            check_range("bias_mean", mean, -1000, 1000)
            check_range("bias_std", std, 0, 1000)
        for name in ("l2_kernel", "l2_bias", "l2_activity"):
            check_range(name, getattr(self, name), 0, 1000)
        if self.normalization == "standardize" and self.input.channel_std is None:
            raise SettingError(
                "`normalization` standardize needs the channel statistics of the training images."
            )
        _ = self.map_shapes

    @property
    def depth(self) -> int:
        """Number of convolutions."""
        return len(self.filters)

    @property
    def pools(self) -> tuple[bool, ...]:
        """Whether each convolution is followed by a pooling layer."""
        places = {
            "every": range(self.depth),
            "spread": range(0, self.depth, 2),
            "first_two": range(min(2, self.depth)),
        }[self.pool_places]
        return tuple(i in places for i in range(self.depth))

    @property
    def map_shapes(self) -> tuple[tuple[int, int], ...]:
        """(h, w) after the input, each convolution and each pooling.

        Raises:
            InfeasibleError: a kernel or pooling window does not fit in its map.
        """
        shapes = [self.input.image_shape[:2]]
        for i, pooled in enumerate(self.pools):
            shapes.append(self._shrink(shapes[-1], self.kernel_size, 1, f"convolution {i + 1}"))
            if pooled:
                shapes.append(self._shrink(shapes[-1], 2, 2, f"pooling {i + 1}"))
        return tuple(shapes)

    def _shrink(self, shape: tuple[int, int], window: int, stride: int, where: str) -> tuple[int, int]:
        if self.padding == "same":
            return -(-shape[0] // stride), -(-shape[1] // stride)
        if min(shape) < window:
            raise InfeasibleError(
                f"A {window}x{window} window does not fit in the {shape[0]}x{shape[1]} map at {where}: "
                "use padding=same, a smaller kernel_size, or fewer convolutions."
            )
        return (shape[0] - window) // stride + 1, (shape[1] - window) // stride + 1

    @property
    def scale_and_offset(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Per-channel factor and offset that turn raw pixels into the network's input."""
        channels = self.input.image_shape[2]
        if self.normalization == "none":
            return (1.0,) * channels, (0.0,) * channels
        if self.normalization == "unit":
            return (1.0 / 255.0,) * channels, (0.0,) * channels
        scale = tuple(1.0 / std for std in self.input.channel_std or ())
        return scale, tuple(-m * s for m, s in zip(self.input.channel_mean or (), scale, strict=True))

    @property
    def output_activation(self) -> str:
        """Keras name of the last layer's activation."""
        return self.activation if self.final_activation == "same" else self.final_activation


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """How one network is trained: plain SGD, as the report did.

    Args:
        learning_rate: positive.
        momentum: in [0, 1).
        loss: a Keras loss name; labels are one-hot for both.
        batch_size: images a step.
        epochs: passes over the training images.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    loss: str = "categorical_crossentropy"
    batch_size: int = 32
    epochs: int = 30

    def __post_init__(self) -> None:
        check_range("learning_rate", self.learning_rate, 1e-12, 1e12)
        check_range("momentum", self.momentum, 0, 0.999999)
        check_in("loss", self.loss, LOSSES)
        check_int("batch_size", self.batch_size, 1, 1_000_000)
        check_int("epochs", self.epochs, 1, 1_000_000)

    def with_epochs(self, epochs: int) -> "TrainConfig":
        """The same training with another number of epochs."""
        return replace(self, epochs=epochs)
