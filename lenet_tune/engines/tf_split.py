"""K small convolutions on TensorFlow, with a backward pass that suits a CPU.

oneDNN computes the gradient by the input in blocks of 16 channels, so that with a LeNet's 6 it wastes most
of its work. There the gradient is taken of an equal convolution between pairs of rows: twice the channels,
half the rows, and 1 + 1 / kh of the products.
Letters: K models, N images, h, w, c = height, width, channels of the input, i, j = height and width of the
output, f filters, kh, kw = kernel sides.
"""

import tensorflow as tf

FEW_CHANNELS = 8
"""Up to here pairs of rows are faster (measured on AVX-512: 6 channels 4.1 to 2.4 ms, 16 no gain)."""


def split_conv(x: tf.Tensor, kernels: tf.Tensor, strides: tuple[int, int], padding: str) -> tf.Tensor:
    """Convolution of wide maps x (N, h, w, K * c) with kernels (K, kh, kw, c, f), model by model."""
    how = {"strides": (1, *strides, 1), "padding": padding.upper()}
    shape = tuple(kernels.shape)

    @tf.custom_gradient
    def run(x: tf.Tensor, kernels: tf.Tensor) -> tuple:
        maps = tf.split(x, shape[0], axis=-1)
        each = tf.unstack(kernels)
        outs = [tf.nn.conv2d(own, kernel, **how) for own, kernel in zip(maps, each, strict=True)]

        def backward(gradient: tf.Tensor) -> tuple:
            gradients = tf.split(gradient, shape[0], axis=-1)
            by_kernel = [
                tf.raw_ops.Conv2DBackpropFilter(input=own, filter_sizes=shape[1:], out_backprop=dy, **how)
                for own, dy in zip(maps, gradients, strict=True)
            ]
            if _pairs_suit(shape, gradient.shape, strides, padding):
                by_input = _by_input_in_pairs(kernels, gradient)
            else:
                parts = [
                    tf.raw_ops.Conv2DBackpropInput(
                        input_sizes=own.shape, filter=kernel, out_backprop=dy, **how
                    )
                    for own, kernel, dy in zip(maps, each, gradients, strict=True)
                ]
                by_input = tf.concat(parts, axis=-1)
            return by_input, tf.stack(by_kernel)

        return tf.concat(outs, axis=-1), backward

    return run(x, kernels)  # (N, i, j, K * f)


def _pairs_suit(kernels: tuple, out: tf.TensorShape, strides: tuple[int, int], padding: str) -> bool:
    fits = padding == "valid" and strides == (1, 1) and out[1] % 2 == 0 and kernels[1] % 2 == 1
    return fits and kernels[3] <= FEW_CHANNELS


def _by_input_in_pairs(kernels: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """The gradient by the input (N, h, w, K * c) from that by the output (N, i, j, K * f)."""
    models, kh, kw, c, f = kernels.shape
    n, i, j, _ = gradient.shape
    h, w, half = i + kh - 1, j + kw - 1, (kh + 1) // 2
    dy = tf.reshape(gradient, (n, i // 2, 2, j, models, f))
    dy = tf.reshape(tf.transpose(dy, (4, 0, 1, 3, 2, 5)), (models, n, i // 2, j, 2 * f))
    # Row 2 a + p of the input meets row 2 b + q of the output through kernel row 2 (a - b) + p - q.
    both = tf.concat([tf.pad(kernels, [(0, 0), (q, 1 - q), (0, 0), (0, 0), (0, 0)]) for q in (0, 1)], -1)
    both = tf.transpose(tf.reshape(both, (models, half, 2, kw, c, 2 * f)), (0, 1, 3, 2, 4, 5))
    both = tf.reshape(both, (models, half, kw, 2 * c, 2 * f))
    parts = [
        tf.raw_ops.Conv2DBackpropInput(
            input_sizes=(n, h // 2, w, 2 * c),
            filter=kernel,
            out_backprop=own,
            strides=(1, 1, 1, 1),
            padding="VALID",
        )
        for kernel, own in zip(tf.unstack(both), tf.unstack(dy), strict=True)
    ]
    dx = tf.reshape(tf.stack(parts), (models, n, h // 2, w, 2, c))
    return tf.reshape(tf.transpose(dx, (1, 2, 4, 3, 0, 5)), (n, h, w, models * c))
