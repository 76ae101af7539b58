"""DenseASPP for Semantic Segmentation in Street Scenes
(https://openaccess.thecvf.com/content_cvpr_2018/papers/Yang_DenseASPP_for_Semantic_CVPR_2018_paper.pdf, CVPR 2018).

Densely connected atrous convolutions: they are chained instead of parallel, and each takes the features and all earlier
results. The receptive fields cover many scales densely, also where a single large dilation rate would skip most pixels.
"""

from keras import layers

from models.blocks import batch_norm_relu, classifier

PRESETS = {"DenseASPP": {}}
RATES = (3, 6, 12, 18, 24)  # in pixels of features of stride 8
DROPOUT = 0.1


def build_dense_aspp(end_points, num_classes, output_stride=None):
    """Builds the head.

    Args:
        end_points: dict of the frontend's features; `pool3`, `(B, H/8, W/8, C)`, is used, with an output stride
            `pool5`.
        num_classes: int.
        output_stride: 8 or 16, the stride of the dilated frontend's `pool5`, or None. At 16 the rates are halved and
            rounded up, so that the receptive fields in the image are those at 8.

    Returns:
        Logits `(B, H/8, W/8, num_classes)`, or `(B, H/16, W/16, num_classes)` for an output stride of 16.
    """
    x = end_points["pool3" if output_stride is None else "pool5"]
    rates = [(rate + 1) // 2 for rate in RATES] if output_stride == 16 else RATES
    x = dense_atrous_pyramid(x, rates)
    return classifier(layers.Dropout(DROPOUT)(x), num_classes)


def dense_atrous_pyramid(x, rates, bottleneck=256, growth_rate=64):
    """Applies a chain of atrous convolutions, each to the input concatenated with all earlier results.

    Args:
        x: tensor `(B, h, w, C)`.
        rates: sequence of int, dilation rates, in pixels of `x`.
        bottleneck: int, channels to which a 1x1 convolution reduces the input of each atrous convolution.
        growth_rate: int, new features of each atrous convolution.

    Returns:
        Tensor `(B, h, w, C + len(rates) * growth_rate)`: the input and all results.
    """
    for rate in rates:
        y = layers.Conv2D(bottleneck, 1, use_bias=False)(batch_norm_relu(x))
        y = layers.Conv2D(growth_rate, 3, dilation_rate=rate, padding="same")(batch_norm_relu(y))
        x = layers.Concatenate()([x, layers.Dropout(DROPOUT)(y)])
    return x
