"""Context Encoding for Semantic Segmentation (https://arxiv.org/abs/1803.08904, CVPR 2018).

Context encoding: a small learned dictionary encodes all pixels of the image as one vector, which scales the channels of
the features. An auxiliary head predicts from that vector which classes are present in the image, so that small objects
weigh as much as large ones (semantic encoding loss).
"""

import keras
from keras import layers, ops

from frontends.batch_norm import BATCH_NORM_MOMENTUM
from models.blocks import auxiliary_classifier, classifier, conv_bn_relu

PRESETS = {"EncNet": {"filters": 512, "codewords": 32}}


def build_encnet(end_points, num_classes, filters, codewords, output_stride=None):
    """Builds the head.

    Args:
        end_points: dict of the frontend's features; `pool4` and, for the auxiliary head, `pool3` are used, with an
            output stride `pool5` and `pool4`.
        num_classes: int.
        filters: int, channels of the features.
        codewords: int, entries of the dictionary, 32 in the paper.
        output_stride: 8 or 16, the stride of the dilated frontend's `pool5`, as in the paper; or None.

    Returns:
        Logits `(B, H/16, W/16, num_classes)`, or at the output stride; and a dict of the heads: "auxiliary", logits at
        the size of their stage, and "presence", `(B, num_classes)`.
    """
    feature, earlier = ("pool4", "pool3") if output_stride is None else ("pool5", "pool4")
    x = conv_bn_relu(end_points[feature], filters, 3)
    scene = encode(x, codewords)  # (B, filters)
    gate = layers.Reshape((1, 1, filters))(layers.Dense(filters, activation="sigmoid")(scene))
    x = layers.Add()([x, layers.Multiply()([x, gate])])  # the paper's ReLU is left out: nothing here can be negative
    heads = {
        "presence": layers.Dense(num_classes, dtype="float32", name="presence_logits")(scene),
        "auxiliary": auxiliary_classifier(end_points[earlier], num_classes, 256, "auxiliary_logits"),
    }
    return classifier(layers.Dropout(0.1)(x), num_classes), heads


def encode(x, codewords):
    """Encodes a feature map `(B, h, w, C)` as one vector `(B, C)`, the mean over the dictionary's entries."""
    x = conv_bn_relu(x, x.shape[-1], 1)
    x = Encoding(codewords, dtype="float32")(x)  # (B, codewords, C)
    # One mean and variance per codeword, over the channels too, so that a batch of one suffices.
    x = layers.BatchNormalization(axis=1, epsilon=1e-3, momentum=BATCH_NORM_MOMENTUM)(x)
    return layers.GlobalAveragePooling1D()(layers.ReLU()(x))


@keras.saving.register_keras_serializable(package="suite")
class Encoding(layers.Layer):
    """Encoding layer: aggregates the residuals of all pixels to learned codewords (section 3.1).

    Every pixel x is softly assigned to the codewords c_k by the softmax over k of s_k |x - c_k|^2, and its residuals
    x - c_k are aggregated with these weights. The paper sums over the pixels; this layer takes the mean, times the
    number of codewords (about the mean residual of a codeword's pixels). A sum grows with the image, so the batch norm
    that follows, trained on small crops, would not fit whole images.

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
        # The square and the sum below are expanded: the differences themselves, (B, h * w, codewords, C), would be the
        # largest tensor of the network.
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
