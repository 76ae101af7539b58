"""FC-DenseNet as the original suite built it, to measure ours beside: every layer normalizes all features before it.

The same network as `models/FC_DenseNet_Tiramisu.py`, which normalizes a feature once for all layers that see it.
"""

from keras import layers

from models.blocks import batch_norm_relu, classifier
from models.FC_DenseNet_Tiramisu import DROPOUT, transition_up


def build_suite_densenet(x, num_classes, growth_rate, layers_per_block):
    """Builds the network. Arguments and result as of `build_fc_densenet`."""
    depth, skips = len(layers_per_block) // 2, []
    x = layers.Conv2D(48, 3, padding="same", name="first_conv")(x)
    for count in layers_per_block[:depth]:
        x, _ = dense_block(x, count, growth_rate)
        skips.append(x)
        x = layers.MaxPooling2D(2)(normalized_conv(x, x.shape[-1], 1))
    _, new_features = dense_block(x, layers_per_block[depth], growth_rate)
    for count in layers_per_block[depth + 1 :]:
        x = layers.Concatenate()([transition_up(new_features, skips[-1]), skips.pop()])
        x, new_features = dense_block(x, count, growth_rate)
    return classifier(x, num_classes)


def dense_block(x, count, growth_rate):
    """`count` layers; returns all features `(B, H, W, C + count * growth_rate)` and the new ones, a list."""
    new_features = []
    for _ in range(count):
        new_features.append(normalized_conv(x, growth_rate, 3))
        x = layers.Concatenate()([x, new_features[-1]])
    return x, new_features


def normalized_conv(x, filters, kernel_size):
    """Batch norm without gamma, ReLU, convolution, dropout."""
    x = layers.Conv2D(filters, kernel_size, padding="same")(batch_norm_relu(x, scale=False))
    return layers.Dropout(DROPOUT)(x)
