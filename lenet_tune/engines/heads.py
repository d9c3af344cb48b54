"""The end of the network: last activation and loss, exactly as Keras combines them.

Letters: K models, N images, C classes.
"""

from dataclasses import dataclass
from typing import TypeAlias

import keras

from lenet_tune.engines.backend import ops
from lenet_tune.engines.weighted import ACTIVATIONS
from lenet_tune.errors import SettingError

Array: TypeAlias = ops.Array

OUTPUTS = {**ACTIVATIONS, "softmax": ops.softmax}


def squared_error(logits: Array, out: Array, labels: Array, activation: str) -> Array:
    """Mean over the classes of the squared difference: (K, N)."""
    return ops.mean(ops.square(out - labels), -1)


def cross_entropy(logits: Array, out: Array, labels: Array, activation: str) -> Array:
    """Keras's categorical cross-entropy: (K, N).

    Where the backend can, Keras goes back to the logits; on TensorFlow it does so for a sigmoid too and
    takes their softmax. Everything else is divided by its sum and clipped, whatever its sign.
    """
    if activation in ops.LOGIT_ACTIVATIONS:
        return ops.logits_cross_entropy(labels, logits)
    shares = out / ops.total(out, (-1,))[..., None]
    epsilon = keras.config.epsilon()
    return -ops.total(labels * ops.log(ops.clip(shares, epsilon, 1.0 - epsilon)), (-1,))


LOSSES = {"mean_squared_error": squared_error, "categorical_crossentropy": cross_entropy}


@dataclass(frozen=True, kw_only=True)
class Head:
    """Which (activation, loss) pairs occur in a group; which model has which is an array."""

    pairs: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        for activation, loss in self.pairs:
            if activation not in OUTPUTS or loss not in LOSSES:
                raise SettingError(f"The loss {loss} after {activation} cannot be fused.")

    def measure(self, logits: Array, labels: Array, masks: tuple[Array, ...]) -> tuple[Array, Array]:
        """Loss and success of each image.

        Args:
            logits: (K, N, C), what the last layer's activation takes.
            labels: (K, N) int32.
            masks: (K,) bool for each pair: the models that end so.

        Returns:
            losses: (K, N).
            correct: (K, N) bool.
        """
        hot = ops.one_hot(labels, logits.shape[-1], dtype=logits.dtype)  # (K, N, C)
        losses = correct = None
        for (activation, loss), mask in zip(self.pairs, masks, strict=True):
            # The other models' logits are kept out: 0 times their NaN would be NaN in the gradient.
            own = (
                logits
                if len(self.pairs) == 1
                else ops.where(mask[:, None, None], logits, ops.ones_like(logits))
            )
            out = OUTPUTS[activation](own)
            values = LOSSES[loss](own, out, hot, activation)
            hits = ops.equal(ops.argmax(out, -1), labels)
            losses = values if losses is None else ops.where(mask[:, None], values, losses)
            correct = hits if correct is None else ops.where(mask[:, None], hits, correct)
        return losses, correct
