"""Trainings on one and on two devices with JAX, which divides the processor: their differences, as a line of JSON.

Arguments are flags of train.py for a training of its own.
"""

import json
import os
import sys

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "2")
# Compiles in a fraction of the time.
os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"

import keras
import numpy as np
import tiny_model  # noqa: F401  registers its networks

from frontends.batch_norm import batch_norm_layers
from models import inference_model
from utils.cli import parse, train_parser
from utils.distribution import start_distribution
from utils.training.build import build_training_model, output_names
from utils.training.optimizers.ema import averaged_weights
from utils.training.precise_batch_norm import BatchNormStatistics
from utils.training.validation_loss import LossBackend, main_loss

CLASSES, BATCH = 3, 4
FLAGS = "--model tiny-heads --optimizer sgd --schedule constant --learning_rate 0.1".split()
# With other flags the gradient takes other ways through the devices.
COMBINED = "--accumulate 2 --ema 0.5 --steps_per_execution 2 --remat".split()


class Batches(keras.utils.PyDataset):
    """Batches of noise with labels in squares; a seventh of the pixels is ignored."""

    def __init__(self, steps, outputs, batch_size=BATCH):
        super().__init__()
        self.steps, self.outputs, self.batch_size = steps, outputs, batch_size

    def __len__(self):
        return self.steps

    def __getitem__(self, step):
        rng = np.random.default_rng(step)
        images = rng.integers(0, 256, (BATCH, 32, 32, 3), np.uint8)
        labels = np.repeat(np.repeat(rng.integers(0, CLASSES, (BATCH, 4, 4), np.uint8), 8, 1), 8, 2)
        labels[rng.random(labels.shape) < 1 / 7] = 255
        return images, dict.fromkeys(self.outputs, labels)


def train(choice, flags=(), steps=2, has_batch_norm=True):
    """Trains on the devices of `choice`; returns `(loss, weights, predictions)` as lists."""
    settings = {**vars(parse(train_parser(), [*FLAGS, *flags])[0]), "num_classes": CLASSES}
    start_distribution(choice, BATCH)
    model = build_training_model(settings)
    for layer in batch_norm_layers(model):
        layer.trainable = has_batch_norm
    data = Batches(steps, output_names(settings))
    loss = model.fit(data, shuffle=False, verbose=0).history["loss"][0]
    with averaged_weights(model):
        BatchNormStatistics(model).estimate(data)
        backend = LossBackend(inference_model(model), main_loss(model))
        images, labels = data[steps]
        backend.labels = list(labels["logits"])[:3]
        classes, logits = backend.classes(images[:3]), backend.logits(images[:3])
        assert classes.shape == (3, 32, 32) and (classes == logits.argmax(-1)).mean() > 0.99
        predictions = [backend.mean_loss, *logits.ravel().tolist()]
    return loss, flat_weights(model), predictions


def flat_weights(model):
    """All weights of a network, as one list."""
    return sum((keras.ops.convert_to_numpy(weight).ravel().tolist() for weight in model.weights), [])


def greatest(one, other):
    """The greatest difference of two lists of numbers."""
    return float(np.abs(np.subtract(one, other)).max())


def difference(*arguments, **options):
    """Returns the greatest differences of loss, weights and predictions between one device and two."""
    one, two = (train(choice, *arguments, **options) for choice in ("none", "local"))
    assert keras.distribution.distribution().num_model_replicas == 2
    return [greatest(*pair) for pair in zip(one, two)]


if __name__ == "__main__":
    cases = {"without batch norm": (["--learning_rate", "0.01"], 20, False), "combined": (COMBINED, 4, True)}
    if len(sys.argv) > 1:
        cases = {"flags": (sys.argv[1:], 4, True)}
    json.dump({name: difference(*case) for name, case in cases.items()}, sys.stdout)
