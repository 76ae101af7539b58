"""Convolution to few channels, composed of fast operations for training on processors."""

import keras


@keras.saving.register_keras_serializable(package="suite")
class Conv2D(keras.layers.Conv2D):
    """Keras's convolution; trained on a processor with TensorFlow, it is composed of fast operations.

    TensorFlow's own 3x3 convolution from a hundred channels to sixteen takes one to four times as long as a product of
    two matrices, pixels by kernel, and a sum over the kernel's places; its gradients take two to five times as long
    again. Here the gradient of the input is a convolution with the rotated kernel, and that of the kernel a product of
    two matrices: the input's pixels, and the neighborhoods of the output's gradient, which are small because there are
    few channels. Sums are rounded in another order; weights and configuration are Keras's. Outside of training, where
    images are large, the convolution is Keras's: the products need the memory of nine outputs.

    Strides, dilation, groups, even kernels and other paddings, accelerators and other backends fall back to Keras's
    implementation.
    """

    def call(self, inputs, training=None):
        if not (training and self._is_composed()):
            return super().call(inputs)
        outputs = convolve(inputs, self.kernel)
        if self.use_bias:
            outputs = keras.ops.add(outputs, self.bias)
        return outputs if self.activation is None else self.activation(outputs)

    def _is_composed(self):
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
        height, width, channels, filters = weights.shape

        def gradients(upstream):
            rotated = tf.transpose(tf.reverse(weights, [0, 1]), (0, 1, 3, 2))
            around = tf.reshape(neighborhoods(upstream, height, width), (-1, height * width * filters))
            products = tf.matmul(tf.reshape(x, (-1, channels)), around, transpose_a=True)
            of_kernel = tf.transpose(tf.reshape(products, (channels, height, width, filters)), (1, 2, 0, 3))
            return tf.nn.conv2d(upstream, rotated, 1, "SAME"), of_kernel

        if x.dtype != tf.float32:  # sums of rounded products would be rounded again
            return tf.nn.conv2d(x, weights, 1, "SAME"), gradients
        by_place = tf.reshape(tf.transpose(weights, (2, 0, 1, 3)), (channels, height * width * filters))
        products = tf.reshape(tf.matmul(tf.reshape(x, (-1, channels)), by_place), (*shape(x)[:3], -1))
        return sum_of_places(products, height, width), gradients

    return convolution(inputs, tf.convert_to_tensor(kernel))


def shape(x):
    """Returns the shape of a TensorFlow tensor: int where it is known, tensors elsewhere."""
    import tensorflow as tf

    return [tf.shape(x)[axis] if size is None else size for axis, size in enumerate(x.shape)]


def sum_of_places(products, height, width):
    """Adds up the products of each pixel's neighbors, zeros outside of the image.

    Args:
        products: TensorFlow tensor `(B, H, W, height * width * K)`, each pixel's products with the kernel's places, row
            by row.
        height, width: odd int, of the kernel.

    Returns:
        Tensor `(B, H, W, K)`.
    """
    import tensorflow as tf

    terms = []
    for place, block in enumerate(tf.split(products, height * width, axis=-1)):
        row, column = place // width - height // 2, place % width - width // 2  # of the neighbor
        inside = block[:, cut(row), cut(column)]
        padding = [(max(-offset, 0), max(offset, 0)) for offset in (row, column)]
        terms.append(tf.pad(inside, ((0, 0), *padding, (0, 0))))
    return tf.add_n(terms)


def cut(offset):
    """Returns the slice of the pixels that have a neighbor on the other side, `offset` pixels before them."""
    return slice(max(offset, 0), min(offset, 0) or None)


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
