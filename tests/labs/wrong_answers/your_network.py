"""Wrong answers of lab 10: `(task, function, part of the hint)`."""

from labs.solutions.your_network import model_card as right_card


def one_level(end_points, num_classes):
    from models.blocks import classifier

    return classifier(end_points["pool3"], num_classes)


def with_softmax(end_points, num_classes):
    from keras import layers

    from labs.solutions.your_network import build_network

    return layers.Softmax()(build_network(end_points, num_classes))


def fixed_factor(end_points, num_classes):
    from keras import layers

    from models.blocks import classifier, conv_bn_relu

    deep = layers.UpSampling2D(4)(conv_bn_relu(end_points["pool4"], 32, 1))
    return classifier(layers.Concatenate()([deep, conv_bn_relu(end_points["pool2"], 32, 1)]), num_classes)


def too_large(end_points, num_classes):
    from models.blocks import classifier, conv_bn_relu, resize_like

    deep = conv_bn_relu(end_points["pool5"], 1024, 3)
    skip = conv_bn_relu(end_points["pool3"], 1024, 1)
    return classifier(resize_like(deep, skip) + skip, num_classes)


def rounded_up(minutes, seconds_per_epoch, other_seconds):
    return (60 * minutes - other_seconds) / seconds_per_epoch


def rest_forgotten(minutes, seconds_per_epoch, other_seconds):
    return int(60 * minutes // seconds_per_epoch)


def share(name, dataset, split, mean_iou, class_iou, parameters, seed):
    return right_card(name, dataset, split, mean_iou, class_iou, parameters, seed).replace("41.3 %", f"{mean_iou:.4f}")


def no_limits(name, dataset, split, mean_iou, class_iou, parameters, seed):
    return right_card(name, dataset, split, mean_iou, class_iou, parameters, seed).split("Limits:")[0]


WRONG = [
    ("build_network", one_level, "only one level"),
    ("build_network", with_softmax, "without softmax"),
    ("build_network", fixed_factor, "resize_like"),
    ("build_network", too_large, "more than 5,000,000"),
    ("epochs_within", rounded_up, "round down"),
    ("epochs_within", rest_forgotten, "not subtracted"),
    ("model_card", share, "percentages"),
    ("model_card", no_limits, "Limits:"),
]
