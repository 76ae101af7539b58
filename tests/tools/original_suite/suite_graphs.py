"""Networks of the original suite, written again with raw TensorFlow operations and random variables."""

import functools

import keras
import numpy as np
import tensorflow as tf

from models import build_model
from tools.original_suite.variables import import_variables

NUM_CLASSES = 12  # as in the dataset Streets


class Slim:
    """Layers of TF-slim as the original suite called them; creates variables named and counted as TF-slim does.

    Args:
        scope: str, prefix of every name.
        training: bool, whether batch norm uses the statistics of the batch.
    """

    def __init__(self, scope="", training=False):
        self.scope, self.training = scope, training
        self.variables, self.counts, self.rng = [], {}, np.random.default_rng(3)

    def name(self, kind):
        self.counts[kind] = self.counts.get(kind, -1) + 1
        return f"{self.scope}{kind}{f'_{self.counts[kind]}' if self.counts[kind] else ''}"

    def make(self, name, shape, mean=0.0, deviation=0.1):
        value = self.rng.normal(mean, deviation, shape).astype(np.float32)
        self.variables.append((name, value))
        return value

    def conv(self, x, filters, size, strides=1, dilation=1, name=None):
        name, channels = f"{self.scope}{name}" if name else self.name("Conv"), x.shape[-1]
        shape = (size, size, channels, filters)
        kernel = self.make(f"{name}/weights", shape, deviation=(size * size * channels) ** -0.5)
        x = tf.nn.conv2d(x, kernel, strides, "SAME", dilations=dilation)
        return x + self.make(f"{name}/biases", (filters,))

    def transposed(self, x, filters):
        name, (batch, height, width, channels) = self.name("Conv2d_transpose"), x.shape
        kernel = self.make(f"{name}/weights", (3, 3, filters, channels), deviation=(9 / 4 * channels) ** -0.5)
        x = tf.nn.conv2d_transpose(x, kernel, (batch, 2 * height, 2 * width, filters), 2, "SAME")
        return x + self.make(f"{name}/biases", (filters,))

    def depthwise(self, x):
        name, channels = self.name("SeparableConv2d"), x.shape[-1]
        kernel = self.make(f"{name}/depthwise_weights", (3, 3, channels, 1), deviation=1 / 3)
        x = tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "SAME")
        return x + self.make(f"{name}/biases", (channels,))

    def norm(self, x, relu=True):
        name, channels = self.name("BatchNorm"), x.shape[-1]
        beta = self.make(f"{name}/beta", (channels,))
        # Statistics of the images: equal wherever a feature is normalized, as after training. Variances are at least
        # 1, because small ones amplify rounding errors.
        mean, variance = (value.numpy() for value in tf.nn.moments(x, (0, 1, 2)))
        mean, variance = 0.5 * mean + 0.1, 1.0 + variance
        self.variables += [(f"{name}/moving_mean", mean), (f"{name}/moving_variance", variance)]
        if self.training:  # with the fused operation, as in TF-slim
            x, *_ = tf.compat.v1.nn.fused_batch_norm(x, tf.ones(channels), beta, epsilon=0.001, is_training=True)
        else:
            x = (x - mean) / tf.sqrt(variance + 0.001) + beta
        return tf.nn.relu(x) if relu else x


def pool(x, size=2):
    return tf.nn.max_pool2d(x, size, size, "VALID")


def fc_densenet(slim, x, growth_rate, blocks):
    def dense_block(x, count):
        new = []
        for _ in range(count):
            new.append(slim.conv(slim.norm(x), growth_rate, 3))
            x = tf.concat([x, new[-1]], -1)
        return x, tf.concat(new, -1)

    x, skips = slim.conv(x, 48, 3, name="first_conv"), []
    for count in blocks[:5]:
        x, _ = dense_block(x, count)
        skips.append(x)
        x = pool(slim.conv(slim.norm(x), x.shape[-1], 1))
    _, new = dense_block(x, blocks[5])
    for skip, count in zip(reversed(skips), blocks[6:]):
        x = tf.concat([slim.transposed(new, new.shape[-1]), skip], -1)
        x, new = dense_block(x, count)
    return x


def encoder_decoder(slim, x, separable, skip):
    def block(x, filters):
        if separable:
            return slim.norm(slim.conv(slim.norm(slim.depthwise(x)), filters, 1))
        return slim.norm(slim.conv(x, filters, 3))

    x, skips = slim.norm(slim.conv(x, 64, 1 if separable else 3)), []
    for stage in ([64], [128] * 2, [256] * 3, [512] * 3, [512] * 3):
        for filters in stage:
            x = block(x, filters)
        x = pool(x)
        skips.append(x)
    stages = [512, 512, 512, 512], [512, 512, 512, 256], [256, 256, 256, 128], [128, 128, 64], [64, 64, 64]
    for (up, *stage), encoded in zip(stages, [*skips[3::-1], None]):
        x = slim.norm(slim.transposed(x, up))
        for filters in stage:
            x = block(x, filters)
        x = x + encoded if skip and encoded is not None else x
    return x


def frrn(slim, x, deep):
    """With the identity mappings that the original lacks."""

    def residual(x):
        y = slim.norm(slim.conv(slim.norm(slim.conv(x, 48, 3)), 48, 3), relu=False)
        return x + y if x.shape[-1] == 48 else y

    x = slim.norm(slim.conv(x, 48, 5))
    for _ in range(3):
        x = residual(x)
    z, p = slim.conv(x, 32, 1), pool(x)
    down = [(96, 2, 3), (192, 4, 4), (384, 8, 2), (384, 16, 2), (384, 32, 2)][: 5 if deep else 4]
    up = [(192, 16, 2), (192, 8, 2), (192, 4, 2), (96, 2, 2)][0 if deep else 1 :]
    for filters, scale, count in down + up:
        size = x.shape[1] // scale, x.shape[2] // scale
        if scale != 2 or filters == 96 and p.shape[-1] != 48:
            p = pool(p) if p.shape[1] > size[0] else tf.image.resize(p, size)
        for _ in range(count):
            p = tf.concat([p, pool(z, scale)], -1)
            for _ in range(2):
                p = slim.norm(slim.conv(p, filters, 3))
            z = z + tf.repeat(tf.repeat(slim.conv(p, 32, 1), scale, 1), scale, 2)
    x = tf.concat([tf.image.resize(p, x.shape[1:3]), z], -1)
    for _ in range(3):
        x = residual(x)
    return x


def adapnet(slim, x, middle):
    """With resizing that samples at pixel centers, unlike the original."""

    def c(x, filters, size, strides=1, dilation=1):
        return slim.conv(slim.norm(x), filters, size, strides, dilation)

    def residual(x, a, b, strides=1, project=False):
        y = c(c(c(x, a, 1, strides), a, 3), b, 1)
        return y + (c(x, b, 1, strides) if project else x)

    def multiscale(x, a, b, m, p, d, project=False):
        y = c(x, a, 1)
        y = c(tf.concat([c(y, m // 2, 3, 1, p), c(y, m // 2, 3, 1, d)], -1), b, 1)
        return y + (c(x, b, 1) if project else x)

    full = x.shape[1:3]
    x = pool(c(c(x, 64, 3), 64, 7, 2))
    x = residual(residual(residual(x, 64, 256, 1, True), 64, 256), 64, 256)
    x = residual(residual(residual(x, 128, 512, 2, True), 128, 512), 128, 512)
    skip = c(x, middle, 1)
    x = multiscale(x, 128, 512, 64, 1, 2)
    x = residual(residual(x, 256, 1024, 2, True), 256, 1024)
    for dilation in (2, 4, 8, 16):
        x = multiscale(x, 256, 1024, 64, 1, dilation)
    x = multiscale(x, 512, 2048, 512, 2, 4, True)
    for dilation in (8, 16):
        x = multiscale(x, 512, 2048, 512, 2, dilation)
    return tf.image.resize(tf.image.resize(c(x, middle, 1), skip.shape[1:3]) + skip, full)


GRAPHS = {
    "FC-DenseNet56": (fc_densenet, 12, [4] * 11),
    "FC-DenseNet67": (fc_densenet, 16, [5] * 11),
    "FC-DenseNet103": (fc_densenet, 16, [4, 5, 7, 10, 12, 15, 12, 10, 7, 5, 4]),
    "Encoder-Decoder": (encoder_decoder, False, False),
    "Encoder-Decoder-Skip": (encoder_decoder, False, True),
    "MobileUNet": (encoder_decoder, True, False),
    "MobileUNet-Skip": (encoder_decoder, True, True),
    "FRRN-A": (frrn, False),
    "FRRN-B": (frrn, True),
    "AdapNet": (adapnet, 12),
}


def suite_graph(name, images, num_classes=NUM_CLASSES, training=False):
    """Runs a network of the original suite.

    Returns:
        `(logits, variables)`; variables is a list of `(name, array)` in the order of creation.
    """
    slim = Slim(f"{name}/" if name.startswith("FC") else "", training)
    graph, *options = GRAPHS[name]
    x = graph(slim, tf.constant(images.astype(np.float32) / 255), *options)
    return slim.conv(x, num_classes, 1, name="logits").numpy(), slim.variables


def random_image(height=64, width=64):
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 256, (1, height // 8, width // 8, 3))
    return np.clip(np.kron(coarse, np.ones((1, 8, 8, 1))) + rng.normal(0, 20, (1, height, width, 3)), 0, 255)


def keras_logits(model, images, training=False):
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return keras.ops.convert_to_numpy(model(images, training=training))


def assert_close(values, expected, tolerance):
    assert np.std(expected) > 0.01
    assert np.abs(values - expected).max() < tolerance * np.abs(expected).max()


@functools.cache
def imported(name):
    """Returns `(model, images, logits, variables)`: a network with the variables of the original, and its logits."""
    images = random_image()
    logits, variables = suite_graph(name, images)
    model = build_model(name, NUM_CLASSES)
    import_variables(model, variables)
    return model, images, logits, variables
