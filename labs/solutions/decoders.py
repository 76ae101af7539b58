"""Solutions of lab 5: parameters of FC-DenseNet, and the band along borders."""

import numpy as np


def fc_densenet_parameters(growth_rate, layers_per_block, num_classes):
    """Counts the trainable parameters of an FC-DenseNet by hand."""

    def conv(inputs, outputs, size):
        return size * size * inputs * outputs + outputs

    def dense_layer(channels):
        return channels + conv(channels, growth_rate, 3)

    depth = len(layers_per_block) // 2
    total, channels, below, skips = conv(3, 48, 3), 48, 0, []
    for number, count in enumerate(layers_per_block):
        if number > depth:  # transition up: of the new features alone; the skip is concatenated
            total += conv(below, below, 3)
            channels = below + skips.pop()
        for _ in range(count):
            total += dense_layer(channels)
            channels += growth_rate
        below = count * growth_rate
        if number < depth:  # transition down keeps the channels
            skips.append(channels)
            total += channels + conv(channels, channels, 1)
    return total + conv(channels, num_classes, 1)


def border_band(label, width):
    """Finds the pixels near another class."""
    rows, columns = label.shape
    padded = np.pad(label, width, constant_values=255)
    band = np.zeros(label.shape, bool)
    for down in range(2 * width + 1):
        for right in range(2 * width + 1):
            neighbor = padded[down : down + rows, right : right + columns]
            band |= (neighbor != label) & (neighbor != 255)
    return band & (label != 255)
