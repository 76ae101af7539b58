"""Context Encoding for Semantic Segmentation (https://arxiv.org/abs/1803.08904, CVPR 2018).

What kind of scene is this? A small dictionary, learned with the network, describes all pixels of the image together.
The description strengthens the channels that fit the scene, and in training it must also say which classes are
present at all, so that small objects count as much as large ones.
"""

import keras
from keras import layers, ops

from frontends.batch_norm import BATCH_NORM_MOMENTUM
from models.blocks import auxiliary_classifier, classifier, conv_bn_relu

PRESETS = {"EncNet": {"filters": 512, "codewords": 32}}


def build_encnet(end_points, num_classes, filters, codewords, output_stride=None):
    """Builds the head.

    Args:
        end_points: dict of the frontend's features; `pool4` and, for the auxiliary head, `pool3` are used, or `pool5`
            and `pool4` if there is an output stride.
        num_classes: int.
        filters: int, channels of the features.
        codewords: int, entries of the dictionary.
        output_stride: 8 or 16, the stride of the dilated frontend's `pool5`, as in the paper; or None.

    Returns:
        Logits `(B, H/16, W/16, num_classes)`, or at the output stride; and a dict of the "auxiliary" logits at the
        size of the stage they come from, and of "presence", `(B, num_classes)`.
    """
    feature, earlier = ("pool4", "pool3") if output_stride is None else ("pool5", "pool4")
    x = conv_bn_relu(end_points[feature], filters, 3)
    scene = encode(x, codewords)  # (B, filters)
    gate = layers.Reshape((1, 1, filters))(layers.Dense(filters, activation="sigmoid")(scene))
    x = layers.Add()([x, layers.Multiply()([x, gate])])  # no ReLU as in the paper: nothing here can be negative
    heads = {
        "presence": layers.Dense(num_classes, dtype="float32", name="presence_logits")(scene),
        "auxiliary": auxiliary_classifier(end_points[earlier], num_classes, 256, "auxiliary_logits"),
    }
    return classifier(layers.Dropout(0.1)(x), num_classes), heads


def encode(x, codewords):
    """Describes a feature map `(B, h, w, C)` by one vector `(B, C)`: the mean over the dictionary's entries."""
    x = conv_bn_relu(x, x.shape[-1], 1)
    x = Encoding(codewords, dtype="float32")(x)  # (B, codewords, C)
    # One mean and variance for each codeword, taken over the channels too, so that a batch of one is enough.
    x = layers.BatchNormalization(axis=1, epsilon=1e-3, momentum=BATCH_NORM_MOMENTUM)(x)
    return layers.GlobalAveragePooling1D()(layers.ReLU()(x))


@keras.saving.register_keras_serializable(package="suite")
class Encoding(layers.Layer):
    """Describes a set of pixels by how they differ from learned codewords, in order of codeword (section 3.1).

    Every pixel x is shared out among the codewords c_k by the softmax over k of s_k |x - c_k|^2; what is left of it,
    x - c_k, is gathered with these shares. The paper sums over the pixels. Here it is the mean over them, times the
    number of codewords (about the mean difference of the pixels that a codeword has): a sum grows with the image, so
    the batch norm behind it, trained on small crops, would not fit whole images.

    Computes in float32: give it `dtype="float32"` under mixed precision.

    Args:
        codewords: int, number of codewords.

    Input: `(B, h, w, C)`.
    Output: `(B, codewords, C)`.
    """

    def __init__(self, codewords=32, **kwargs):
        super().__init__(**kwargs)
        self.codewords = codewords

    def build(self, input_shape):
        channels = input_shape[-1]
        limit = (self.codewords * channels) ** -0.5
        uniform = keras.initializers.RandomUniform
        self.centers = self.add_weight((self.codewords, channels), uniform(-limit, limit), name="centers")
        self.scale = self.add_weight((self.codewords,), uniform(-1.0, 0.0), name="scale")

    def call(self, x):
        _, height, width, channels = ops.shape(x)
        pixels = height * width
        x = ops.reshape(x, (-1, pixels, channels))
        # By its three terms, and the sum below by its two: the differences themselves, (B, h * w, codewords, C), would
        # be the largest tensor of the network.
        distance = (
            ops.sum(ops.square(x), axis=-1, keepdims=True)
            - 2.0 * ops.matmul(x, ops.transpose(self.centers))
            + ops.sum(ops.square(self.centers), axis=-1)
        )  # squared, (B, h * w, codewords)
        shares = ops.transpose(ops.softmax(self.scale * distance), (0, 2, 1))  # (B, codewords, h * w)
        gathered = ops.matmul(shares, x) - ops.sum(shares, axis=-1, keepdims=True) * self.centers
        return gathered * (self.codewords / ops.cast(pixels, gathered.dtype))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.codewords, input_shape[-1])

    def get_config(self):
        return {**super().get_config(), "codewords": self.codewords}
