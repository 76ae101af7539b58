"""Convolution to few channels, with gradients that are fast on processors."""

import keras


@keras.saving.register_keras_serializable(package="suite")
class Conv2D(keras.layers.Conv2D):
    """Keras's convolution; trained on a processor with TensorFlow, its gradients are composed of fast operations.

    TensorFlow's own gradients of a 3x3 convolution from a hundred channels to sixteen take two to five times as long
    each as the convolution. Here the gradient of the input is a convolution with the rotated kernel, and that of the
    kernel a product of two matrices: the input's pixels, and the neighborhoods of the output's gradient, which are
    small because there are few channels. Sums are rounded in another order; weights and configuration are Keras's.

    Strides, dilation, groups, even kernels and other paddings, accelerators and other backends fall back to Keras's
    implementation.
    """

    def call(self, inputs, training=None):
        if not (training and self._has_fast_gradients()):
            return super().call(inputs)
        outputs = convolve(inputs, self.kernel)
        if self.use_bias:
            outputs = keras.ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def _has_fast_gradients(self):
        """Returns whether `convolve` computes this convolution, on a processor with TensorFlow."""
        if keras.config.backend() != "tensorflow" or self.padding != "same" or self.groups != 1:
            return False
        import tensorflow as tf

        is_plain = set(self.strides) == set(self.dilation_rate) == {1} and all(size % 2 for size in self.kernel_size)
        return is_plain and self.data_format == "channels_last" and not tf.config.list_physical_devices("GPU")


def convolve(inputs, kernel):
    """Convolves images with stride 1 and padding "same".

    Args:
        inputs: TensorFlow tensor `(B, H, W, C)`.
        kernel: tensor or variable `(h, w, C, K)` of the same dtype, h and w odd.

    Returns:
        Tensor `(B, H, W, K)`.
    """
    import tensorflow as tf

    @tf.custom_gradient
    def convolution(x, weights):
        def gradients(upstream):
            rotated = tf.transpose(tf.reverse(weights, [0, 1]), (0, 1, 3, 2))
            height, width, channels, filters = weights.shape
            around = tf.reshape(neighborhoods(upstream, height, width), (-1, height * width * filters))
            products = tf.matmul(tf.reshape(x, (-1, channels)), around, transpose_a=True)
            of_kernel = tf.transpose(tf.reshape(products, (channels, height, width, filters)), (1, 2, 0, 3))
            return tf.nn.conv2d(upstream, rotated, 1, "SAME"), of_kernel

        return tf.nn.conv2d(x, weights, 1, "SAME"), gradients

    return convolution(inputs, tf.convert_to_tensor(kernel))


def neighborhoods(x, height, width):
    """Concatenates each pixel's neighbors, zeros outside of the image, in the order in which a kernel meets the pixel.

    Args:
        x: TensorFlow tensor `(B, H, W, K)`.
        height, width: odd int, of the kernel.

    Returns:
        Tensor `(B, H, W, height * width * K)`: the first K channels are the gradient for the kernel's upper left place,
        which the pixel reaches at its lower right neighbor.
    """
    import tensorflow as tf

    rows, columns = tf.shape(x)[1], tf.shape(x)[2]
    padded = tf.pad(x, ((0, 0), (height // 2,) * 2, (width // 2,) * 2, (0, 0)))
    starts = [(top, left) for top in reversed(range(height)) for left in reversed(range(width))]
    return tf.concat([padded[:, top : top + rows, left : left + columns] for top, left in starts], -1)
