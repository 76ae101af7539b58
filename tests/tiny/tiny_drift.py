"""Trainings with JAX on one device and on all those of a job: differences of weights after some steps, as JSON.

python tools/launch_local.py --processes 4 python tests/tiny/tiny_drift.py 1 5 20
"""

import json
import os
import sys

os.environ.update(KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "1")

from utils.distribution import join_cluster, start_distribution

job = join_cluster()  # before any computation, as an import below makes one

import tiny_devices
from tiny_devices import BATCH, CLASSES, FLAGS, Batches

from frontends.batch_norm import batch_norm_layers
from utils.cli import parse, train_parser
from utils.peers import ALONE
from utils.training.build import build_training_model, output_names


class Parts(Batches):
    """This process's part of the batches from number `first` on."""

    def __init__(self, first, steps, outputs, peers):
        super().__init__(steps, outputs)
        self.first, self.peers = first, peers

    def __getitem__(self, step):
        images, labels = super().__getitem__(self.first + step)
        size = BATCH // self.peers.count
        part = slice(self.peers.rank * size, (self.peers.rank + 1) * size)
        return images[part], {name: label[part] for name, label in labels.items()}


def weights_after(steps, choice, has_batch_norm, peers):
    """The weights after each of some numbers of steps."""
    settings = {**vars(parse(train_parser(), [*FLAGS, "--learning_rate", "0.01"])[0]), "num_classes": CLASSES}
    start_distribution(choice, BATCH, peers)
    model = build_training_model(settings)
    for layer in batch_norm_layers(model):
        layer.trainable = has_batch_norm
    found, done = [], 0
    for step in steps:
        model.fit(Parts(done, step - done, output_names(settings), peers), shuffle=False, verbose=0)
        found.append(tiny_devices.flat_weights(model))
        done = step
    return found


if __name__ == "__main__":
    numbers = list(map(int, sys.argv[1:]))
    result = {"steps": numbers}
    for name, has_batch_norm in (("without batch norm", False), ("with batch norm", True)):
        one = weights_after(numbers, "none", has_batch_norm, ALONE)
        all_of_them = weights_after(numbers, "cluster", has_batch_norm, job)
        result[name] = [tiny_devices.greatest(*pair) for pair in zip(one, all_of_them)]
    if job.is_chief:
        json.dump(result, sys.stdout)
