"""Losses, trainings and predictions on two devices of TensorFlow, beside those of one, as a line of JSON.

TensorFlow divides the processor before its first operation: hence a program of its own. With a dataset and a folder as
arguments, it runs train.py.
"""

import contextlib
import csv
import io
import json
import pathlib
import sys
import zipfile

import keras
import numpy as np
import tensorflow as tf
import tiny_model  # noqa: F401  registers its networks
from tiny_plots import blank_plots

import train as command
from frontends.batch_norm import batch_norm_layers
from models import inference_model
from utils import replicas
from utils.cli import parse, train_parser
from utils.distribution import start_distribution
from utils.inference.keras_backend import KerasBackend
from utils.losses import LOSSES, build_loss
from utils.losses.auxiliary import Border, Presence
from utils.training.build import build_training_model, output_names
from utils.training.freezing import frontend_phase
from utils.training.mid_epoch import running_sums
from utils.training.optimizers import build_optimizer
from utils.training.optimizers.parameter_groups import inner_optimizer
from utils.training.optimizers.replicated import scale_loss

CLASSES, BATCH = 3, 4
FLAGS = "--model tiny-heads --optimizer sgd --schedule constant --learning_rate 0.1".split()
# Without auxiliary heads the network has no dropout.
RUN = "--model tiny-heads --no_auxiliary --optimizer sgd --learning_rate 0.05 --crop_height 32 --crop_width 32"
RUN += " --batch_size 4 --steps_per_epoch 5 --num_val_images 1 --num_epochs 2 --no_report --progress quiet"


class Batches(keras.utils.PyDataset):
    """Batches of images and labels, read by threads as those of train.py."""

    def __init__(self, images, labels):
        super().__init__(workers=2)
        self.images, self.labels = images, labels

    def __len__(self):
        return len(self.images) // BATCH

    def __getitem__(self, index):
        part = slice(index * BATCH, (index + 1) * BATCH)
        return self.images[part], {name: labels[part] for name, labels in self.labels.items()}


def data():
    """Five batches of images and labels; of the second half of each more pixels are ignored, and one whole image."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5 * BATCH, 32, 32, 3), np.uint8)
    labels = np.repeat(np.repeat(rng.integers(0, CLASSES, (5 * BATCH, 4, 4), np.uint8), 8, 1), 8, 2)
    for number, label in enumerate(labels):
        label[: (2, 2, 16, 32)[number % BATCH]] = 255
    return images, labels


def flat(variables):
    """The values of variables as one list."""
    return sum((keras.ops.convert_to_numpy(variable).ravel().tolist() for variable in variables), [])


def losses():
    """Returns, by loss, its sum over the replicas, the loss of the whole batch, and the mean of those of its halves."""
    _, labels = data()
    labels, rng = labels[:BATCH], np.random.default_rng(1)
    logits = rng.standard_normal((*labels.shape, CLASSES)).astype(np.float32)
    batches = {name: (build_loss(name, CLASSES, [0.5, 1.0, 2.0]), labels, logits) for name in LOSSES}
    batches["presence"] = Presence(CLASSES), labels, logits[:, 0, 0]
    batches["border"] = Border(), labels, logits[..., :2]
    halves = [{name: (y[part], x[part]) for name, (_, y, x) in batches.items()} for part in (slice(2), slice(2, 4))]

    def all_at_once(values):
        return {name: loss(*values[name]) for name, (loss, _, _) in batches.items()}

    strategy = replicas._strategy
    values = strategy.experimental_distribute_values_from_function(
        lambda context: tf.nest.map_structure(tf.constant, halves[context.replica_id_in_sync_group])
    )
    sums = tf.function(lambda: strategy.reduce("sum", strategy.run(all_at_once, (values,)), axis=None))()
    whole = all_at_once({name: batch[1:] for name, batch in batches.items()})
    parts = list(map(all_at_once, halves))
    return {name: [float(sums[name]), float(whole[name]), float(sum(p[name] for p in parts)) / 2] for name in batches}


def train_steps(choice, *flags):
    """Trains five steps on the devices of `choice`; returns numbers of the epoch, weights, logits of three images."""
    settings = {**vars(parse(train_parser(), [*FLAGS, *flags])[0]), "num_classes": CLASSES}
    line = start_distribution(choice, BATCH)
    images, labels = data()
    model = build_training_model(settings)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    state = {}
    labels = dict.fromkeys(output_names(settings), labels)
    with frontend_phase(model, True, state):
        history = model.fit(Batches(images, labels), shuffle=False, verbose=0).history
    return {
        "line": line,
        "numbers": {name: values[0] for name, values in history.items()},
        "weights": flat(model.weights),
        "state": state,
        "shape": KerasBackend(inference_model(model)).logits(images[:3]).shape,
        "sums": running_sums(model),
        "synchronized": [layer.synchronized for layer in batch_norm_layers(model)],
    }


def accumulate(choice):
    """Updates with mean gradients of two steps, other ones on each replica; returns the weights after each step."""
    start_distribution(choice, BATCH)
    with replicas.replica_scope():
        variable = keras.Variable([1.0], name="a")
        optimizer = build_optimizer("adam", 0.1, accumulate=2)
        optimizer.build([variable])

    def step(gradients):
        number = tf.distribute.get_replica_context().replica_id_in_sync_group
        sums = sum(gradients) if choice == "none" else tf.gather(gradients, number)
        optimizer.apply([tf.reshape(sums, [1])], [variable])

    strategy, weights = replicas._strategy or tf.distribute.get_strategy(), []
    for gradients in ([1.0, 10.0], [2.0, -30.0], [3.0, 30.0], [-4.0, 40.0]):
        tf.function(lambda gradients=gradients: strategy.run(step, (gradients,)))()
        weights += flat([variable])
    return weights


def overflow(replica, *, half):
    """Updates with a gradient that is infinite on one replica; returns what the optimizer tells, and the weights."""
    with replicas.replica_scope():
        if half:
            keras.mixed_precision.set_global_policy("mixed_float16")
        variables = [keras.Variable([1.0, 1.0], name=name) for name in ("a", "b")]
        optimizer = scale_loss(build_optimizer("sgd", 0.1))
        optimizer.build(variables)
        keras.mixed_precision.set_global_policy("float32")

    def step():
        is_bad = tf.distribute.get_replica_context().replica_id_in_sync_group == replica
        gradient = tf.where(is_bad, np.float32(np.inf), 1.0)
        optimizer.apply([tf.ones(2), tf.stack([gradient, 1.0])], variables)

    tf.function(lambda: replicas._strategy.run(step))()
    bad = inner_optimizer(optimizer).first_bad_gradients()
    scale = flat([optimizer.dynamic_scale])[0] / optimizer.initial_scale if half else None
    return {"bad": bad and [v.name for v in bad[1]], "scale": scale, "weights": flat(variables[:1])}


def run(dataset, folder, *flags):
    """Runs train.py; returns its exit code, what it prints, its log and the configuration of its network."""
    words = [*RUN.split(), "--dataset", dataset, "--output_dir", folder, *flags]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), blank_plots():
        code = command.main(words)
    (log,) = pathlib.Path(folder).glob("*/log.csv")
    with open(log, newline="") as file:
        rows = [
            {name: row[name] for name in ("loss", "mean_iou", "val_loss", "val_mean_iou")}
            for row in csv.DictReader(file)
        ]
    (checkpoint,) = pathlib.Path(folder).glob("latest*.keras")
    with zipfile.ZipFile(checkpoint) as archive:
        config = archive.read("config.json").decode()
    return {"code": code, "printed": printed.getvalue(), "rows": rows, "config": config}


def runs(dataset, folder):
    """A run on one device, one on two, and its second epoch on one."""
    return {
        "one": run(dataset, f"{folder}/one", "--distribute", "none"),
        "two": run(dataset, f"{folder}/two", "--num_epochs", "1"),
        "resumed": run(dataset, f"{folder}/two", "--distribute", "none", "--continue_training"),
    }


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    processor = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration()] * 2)
    if len(sys.argv) > 1:
        result = runs(*sys.argv[1:])
    else:
        result = {"one": train_steps("none"), "two": train_steps("local"), "losses": losses()}
        result["accumulated"] = [accumulate("none"), accumulate("local")]
        result["overflow"] = [overflow(1, half=half) for half in (False, True)]
    json.dump(result, sys.stdout)
