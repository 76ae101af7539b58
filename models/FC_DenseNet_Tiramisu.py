"""The One Hundred Layers Tiramisu: Fully Convolutional DenseNets for Semantic Segmentation
(https://arxiv.org/abs/1611.09326, CVPR workshops 2017).

A DenseNet that goes down and up again. Every layer of a dense block adds a few new features to all the earlier ones;
on the way up only the new features of the last block are upsampled, which keeps the parameters few, and the full stack
of the same resolution comes back over a skip connection.
"""

from keras import layers

from models.blocks import batch_norm_relu, classifier, resize_like

PRESETS = {
    "FC-DenseNet56": {"growth_rate": 12, "layers_per_block": (4,) * 11},
    "FC-DenseNet67": {"growth_rate": 16, "layers_per_block": (5,) * 11},
    "FC-DenseNet103": {"growth_rate": 16, "layers_per_block": (4, 5, 7, 10, 12, 15, 12, 10, 7, 5, 4)},
}
DROPOUT = 0.2


def build_fc_densenet(x, num_classes, growth_rate, layers_per_block):
    """Builds the network.

    Args:
        x: images `(B, H, W, 3)` scaled to 0..1.
        num_classes: int.
        growth_rate: int, new features of each layer.
        layers_per_block: layers of each dense block: the way down, the bottleneck, the way up.

    Returns:
        Logits `(B, H, W, num_classes)`.
    """
    depth = len(layers_per_block) // 2
    x = layers.Conv2D(48, 3, padding="same", name="first_conv")(x)
    skips = []
    for count in layers_per_block[:depth]:
        x, _ = dense_block(x, count, growth_rate)
        skips.append(x)
        x = transition_down(x)  # halves height and width
    _, new_features = dense_block(x, layers_per_block[depth], growth_rate)
    for count in layers_per_block[depth + 1 :]:
        x = transition_up(new_features, skips.pop())  # doubles height and width
        x, new_features = dense_block(x, count, growth_rate)
    return classifier(x, num_classes)


def dense_block(x, count, growth_rate):
    """`count` layers, each seeing the input and all earlier layers' features.

    Returns:
        The whole stack `(B, H, W, C + count * growth_rate)` and the new features alone
        `(B, H, W, count * growth_rate)`.
    """
    new_features = []
    for _ in range(count):
        y = batch_norm_relu(x, scale=False)
        y = layers.Conv2D(growth_rate, 3, padding="same")(y)
        y = layers.Dropout(DROPOUT)(y)
        new_features.append(y)
        x = layers.Concatenate()([x, y])
    return x, layers.Concatenate()(new_features) if count > 1 else new_features[0]


def transition_down(x):
    """Batch norm, ReLU, 1x1 convolution that keeps the channels, dropout, 2x2 max pooling."""
    filters = x.shape[-1]
    x = batch_norm_relu(x, scale=False)
    x = layers.Conv2D(filters, 1)(x)
    x = layers.Dropout(DROPOUT)(x)
    return layers.MaxPooling2D(2)(x)


def transition_up(new_features, skip):
    """Upsamples a block's new features by a transposed convolution and joins the skip connection."""
    x = layers.Conv2DTranspose(new_features.shape[-1], 3, strides=2, padding="same")(new_features)
    return layers.Concatenate()([resize_like(x, skip), skip])
