"""Losses, a training step and predictions under `tf.distribute`, beside those of one device, as a line of JSON.

TensorFlow divides the processor into two devices before its first operation: hence a program of its own.
"""

import contextlib
import json
import sys

import keras
import numpy as np
import tensorflow as tf
import tiny_model  # noqa: F401  registers its networks

from models import inference_model
from utils.cli import parse, train_parser
from utils.inference.keras_backend import KerasBackend
from utils.losses import LOSSES, build_loss
from utils.training.build import build_training_model, output_names
from utils.training.freezing import frontend_phase

CLASSES, BATCH = 3, 4
FLAGS = "--model tiny-heads --optimizer sgd --schedule constant --learning_rate 0.1".split()


def data():
    """Two batches of images and labels without ignored pixels."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2 * BATCH, 32, 32, 3), np.uint8)
    return images, np.repeat(np.repeat(rng.integers(0, CLASSES, (2 * BATCH, 4, 4), np.uint8), 8, 1), 8, 2)


def train(scope):
    """Trains two steps inside `scope`; returns numbers of the epoch, all weights, and the logits of three images."""
    settings = {**vars(parse(train_parser(), FLAGS)[0]), "num_classes": CLASSES}
    images, labels = data()
    with scope:
        model = build_training_model(settings)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
        elif isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    state = {}
    labels = dict.fromkeys(output_names(settings), labels)
    with frontend_phase(model, True, state):
        history = model.fit(images, labels, batch_size=BATCH, shuffle=False, verbose=0).history
    weights = [keras.ops.convert_to_numpy(weight).ravel().tolist() for weight in model.weights]
    logits = KerasBackend(inference_model(model)).logits(images[:3])
    numbers = {name: values[0] for name, values in history.items()}
    return {"numbers": numbers, "weights": sum(weights, []), "state": state, "shape": logits.shape}


def losses(strategy):
    """Returns, by loss, its sum over the replicas, and the mean of the loss of their parts of a batch."""
    _, labels = data()
    logits = np.random.default_rng(1).standard_normal((*labels.shape, CLASSES)).astype(np.float32)
    parts = [(labels[:BATCH], logits[:BATCH]), (labels[BATCH:], logits[BATCH:])]
    values = strategy.experimental_distribute_values_from_function(
        lambda context: tuple(map(tf.constant, parts[context.replica_id_in_sync_group]))
    )
    all_losses = {name: build_loss(name, CLASSES) for name in LOSSES}

    @tf.function
    def all_at_once(*batch):
        return {name: loss(*batch) for name, loss in all_losses.items()}

    sums = strategy.reduce("sum", tf.function(strategy.run)(all_at_once, values), axis=None)
    of_parts = [all_at_once(*part) for part in parts]
    return {name: (float(sums[name]), float(of_parts[0][name] + of_parts[1][name]) / 2) for name in LOSSES}


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    result = {"losses": losses(mirrored), "one": train(contextlib.nullcontext()), "two": train(mirrored.scope())}
    json.dump(result, sys.stdout)
