"""One model's convolution on TensorFlow, with a backward pass that suits a CPU.

oneDNN computes the gradient by the input in blocks of 16 channels, so that with a LeNet's 6 it wastes most
of its work. There the gradient is taken of an equal convolution between pairs of rows: twice the channels,
half the rows, and 1 + 1 / kh of the products.
Letters: N images, h, w, c = height, width, channels of the input, i, j = height and width of the output,
f filters, kh, kw = kernel sides.
"""

import tensorflow as tf

FEW_CHANNELS = 8
"""Up to here pairs of rows are faster (measured on AVX-512: 6 channels 4.1 to 2.4 ms, 16 no gain)."""


def conv_one(x: tf.Tensor, kernel: tf.Tensor, *, strides: tuple[int, int], padding: str) -> tf.Tensor:
    """Convolution of x (N, h, w, c) with kernel (kh, kw, c, f)."""
    how = {"strides": (1, *strides, 1), "padding": padding.upper()}
    if not _pairs_suit(x.shape, kernel.shape, strides, padding):
        return tf.nn.conv2d(x, kernel, **how)

    @tf.custom_gradient
    def run(x: tf.Tensor, kernel: tf.Tensor) -> tuple:
        def backward(gradient: tf.Tensor) -> tuple:
            by_kernel = tf.raw_ops.Conv2DBackpropFilter(
                input=x, filter_sizes=kernel.shape, out_backprop=gradient, **how
            )
            return _by_input_in_pairs(kernel, gradient), by_kernel

        return tf.nn.conv2d(x, kernel, **how), backward

    return run(x, kernel)  # (N, i, j, f)


def _pairs_suit(x: tuple, kernel: tuple, strides: tuple[int, int], padding: str) -> bool:
    odd, even = kernel[0] % 2 == 1, (x[1] - kernel[0] + 1) % 2 == 0
    return padding == "valid" and strides == (1, 1) and odd and even and kernel[2] <= FEW_CHANNELS


def _by_input_in_pairs(kernel: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """The gradient by the input (N, h, w, c) from that by the output (N, i, j, f)."""
    kh, kw, c, f = kernel.shape
    n, i, j, _ = gradient.shape
    h, w, half = i + kh - 1, j + kw - 1, (kh + 1) // 2
    dy = tf.transpose(tf.reshape(gradient, (n, i // 2, 2, j, f)), (0, 1, 3, 2, 4))
    # Row 2 a + p of the input meets row 2 b + q of the output through kernel row 2 (a - b) + p - q.
    both = tf.concat([tf.pad(kernel, [(q, 1 - q), (0, 0), (0, 0), (0, 0)]) for q in (0, 1)], -1)
    both = tf.transpose(tf.reshape(both, (half, 2, kw, c, 2 * f)), (0, 2, 1, 3, 4))
    dx = tf.raw_ops.Conv2DBackpropInput(
        input_sizes=(n, h // 2, w, 2 * c),
        filter=tf.reshape(both, (half, kw, 2 * c, 2 * f)),
        out_backprop=tf.reshape(dy, (n, i // 2, j, 2 * f)),
        strides=(1, 1, 1, 1),
        padding="VALID",
    )
    dx = tf.transpose(tf.reshape(dx, (n, h // 2, w, 2, c)), (0, 1, 3, 2, 4))
    return tf.reshape(dx, (n, h, w, c))
