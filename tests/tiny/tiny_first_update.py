"""First update on two devices of TensorFlow against one device, and against weights that differ by rounding, as JSON.

    PYTHONPATH=. python tests/tiny/tiny_first_update.py custom MobileNetV3Small 0 1 2

The numbers are seeds of weights and images. The length of each difference is relative to that of the update.
"""

import json
import sys

import keras
import numpy as np
import tensorflow as tf

from utils.cli import parse, train_parser
from utils.distribution import start_distribution
from utils.training.build import build_training_model, output_names

CLASSES, BATCH, SIZE, ROUNDING = 5, 4, 64, 1e-7
FLAGS = f"--frontend_weights none --optimizer sgd --schedule constant --crop_height {SIZE} --crop_width {SIZE}".split()


def first_update(words, choice, seed, noise=0.0):
    """Trains a step.

    Args:
        words: flags of train.py.
        choice: "none" for one device, "local" for both.
        seed: of weights, images and labels.
        noise: relative change of all weights before the step, up or down at random.

    Returns:
        `(update, loss)`: the change of all weights as one array, and the loss of the step.
    """
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (BATCH, SIZE, SIZE, 3), np.uint8)
    labels = np.repeat(np.repeat(rng.integers(0, CLASSES, (BATCH, 8, 8), np.uint8), SIZE // 8, 1), SIZE // 8, 2)
    keras.utils.set_random_seed(seed)
    settings = {**vars(parse(train_parser(), [*FLAGS, *words])[0]), "num_classes": CLASSES}
    start_distribution(choice, BATCH)
    model = build_training_model(settings)
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # all replicas draw one mask
    if noise:
        for variable in model.weights:
            signs = np.sign(rng.standard_normal(variable.shape)).astype(np.float32)
            variable.assign(keras.ops.convert_to_numpy(variable) * (1 + noise * signs))
    before = all_weights(model)
    labels = dict.fromkeys(output_names(settings), labels) or labels
    history = model.fit(images, labels, batch_size=BATCH, shuffle=False, verbose=0).history
    return all_weights(model) - before, history["loss"][0]


def all_weights(model):
    """Joins all weights to one array."""
    return np.concatenate([keras.ops.convert_to_numpy(variable).ravel() for variable in model.weights])


def differences(words, seed):
    """Returns relative differences: from one device's update, of two devices and of rounded weights; between these."""
    one, loss = first_update(words, "none", seed)
    two, loss_of_two = first_update(words, "local", seed)
    rounded, _ = first_update(words, "none", seed, ROUNDING)
    relative = {"loss": abs(loss_of_two / loss - 1)}
    for name, change in (("two devices", two - one), ("rounding", rounded - one), ("between them", two - rounded)):
        relative[name] = float(np.linalg.norm(change) / np.linalg.norm(one))
    return relative


if __name__ == "__main__":
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    network, frontend, *seeds = sys.argv[1:]
    flags = ["--model", network, "--frontend", frontend]
    json.dump({seed: differences(flags, int(seed)) for seed in seeds}, sys.stdout)
