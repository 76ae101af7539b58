"""Solutions of lab 10: a decoder, its training time and its model card."""

from models.blocks import classifier, conv_bn_relu, resize_like


def build_network(end_points, num_classes):
    """Builds a decoder that merges strides 4 to 32 at stride 4."""
    finest = conv_bn_relu(end_points["pool2"], 48, 1)
    x = conv_bn_relu(end_points["pool5"], 96, 1)
    for level in ("pool4", "pool3"):
        skip = conv_bn_relu(end_points[level], 96, 1)
        x = conv_bn_relu(resize_like(x, skip) + skip, 96, 3)
    x = conv_bn_relu(resize_like(conv_bn_relu(x, 48, 1), finest) + finest, 48, 3)
    return classifier(x, num_classes)


def epochs_within(minutes, seconds_per_epoch, other_seconds):
    """Computes the number of epochs that end in time."""
    return max(0, int((60 * minutes - other_seconds) // seconds_per_epoch))


def model_card(name, dataset, split, mean_iou, class_iou, parameters, seed):
    """Writes a model card."""
    present = {key: value for key, value in class_iou.items() if value is not None}
    weakest = min(present, key=present.get)
    lines = [
        f"Model: {name}",
        f"Scored on: {dataset}, split {split}, seed {seed}",
        f"Mean IoU: {100 * mean_iou:.1f} %",
        *(f"IoU of {key}: {100 * value:.1f} %" for key, value in present.items()),
        f"Size: {parameters:,} parameters",
        f"Limits: weakest class {weakest}; one seed; not tried on other data than {dataset}",
    ]
    return "\n".join(lines)
