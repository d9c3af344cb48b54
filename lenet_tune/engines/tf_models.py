"""Steps of several Keras models in one TensorFlow program; `jax_models` has the same names.

Letters: n images, N images a batch.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf
from keras import Model

LOWERINGS = ("unrolled",)


def default_lowering() -> str:
    """How the models lie in the program: as many subgraphs, which TensorFlow runs side by side."""
    return "unrolled"


def program(models: Sequence[Model], step: str, batch: int, lowering: str) -> Callable:
    """A function of images, answers and the order of the images that runs an epoch of all models.

    The models' own variables take part: weights, optimizer, seeds and metrics are moved on in place.

    Args:
        step: "train_step" or "test_step" of the models.
        batch: N; a last partial batch is a step of its own size, as in Keras.
    """

    @tf.function(autograph=False)
    def run(x: tf.Tensor, y: tf.Tensor, order: tf.Tensor) -> None:
        def body(start: tf.Tensor) -> tuple:
            rows = order[start : start + batch]  # (N,), fewer at the end
            data = tf.gather(x, rows), tf.gather(y, rows)
            for model in models:
                getattr(model, step)(data)
            return (start + batch,)

        size = tf.shape(order)[0]
        tf.while_loop(lambda start: start < size, body, (tf.constant(0),), parallel_iterations=1)

    return run
