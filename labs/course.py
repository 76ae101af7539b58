"""Conditions of a lab: dataset, size, seeds and short trainings.

Environment variables change them without editing a lab: `LABS_DATASET` is a dataset's name or path (default Streets),
`LABS_SIZE=smoke` reduces every training and test to seconds.
"""

import functools
import logging
import os
import pathlib
import subprocess
import sys
import time
from typing import NamedTuple

from utils.backend import import_backend

ROOT = pathlib.Path(__file__).resolve().parents[1]
DATASET = os.environ.get("LABS_DATASET", "Streets")
SIZE = os.environ.get("LABS_SIZE", "default")
CROP = (160, 224) if SIZE == "default" else (64, 64)  # pixels, height and width of training crops
BATCH_SIZE = 8 if SIZE == "default" else 2
IGNORED_CLASS = "Unlabelled"  # of CamVid and Streets: eleven of twelve classes count


class Trained(NamedTuple):
    """Result of a short training.

    Attributes:
        model: `keras.Model` for inference, with the output logits `(B, H, W, C)`.
        loss: list of floats, the training loss of each epoch.
        seconds: float, of training alone.
    """

    model: object
    loss: list
    seconds: float


def pick(default, smoke):
    """Returns the first value at default size and the second at smoke size."""
    return default if SIZE == "default" else smoke


@functools.cache
def dataset_folder() -> pathlib.Path:
    """Finds the folder of the lab's dataset; draws Streets on first use (20 seconds)."""
    from utils.data.folder import find_dataset

    folder = ROOT / "datasets" / DATASET  # wherever the notebook is
    if DATASET == "Streets" and not folder.exists():
        # A process of its own: the workers that draw would import the running lab, which has no main guard.
        subprocess.run([sys.executable, ROOT / "tools" / "make_streets.py", "--output", folder], check=True)
    return folder if folder.is_dir() else find_dataset(DATASET)


@functools.cache
def class_dict(folder: pathlib.Path | None = None):
    """Reads the classes of a dataset, by default the lab's, a `utils.class_dict.ClassDict`."""
    from utils.data import read_classes

    folder = folder or dataset_folder()
    return read_classes(folder, _ignored(folder))


def read_split(split: str, count: int | None = None, folder: pathlib.Path | None = None) -> list:
    """Reads images and labels of a split.

    Args:
        split: "train", "val" or "test".
        count: number of images, evenly spaced; None: all of them at default size, 6 at smoke size.
        folder: of the dataset; default: the lab's.

    Returns:
        List of `(name, image, label)`: str, uint8 RGB `(H, W, 3)` and uint8 class indices `(H, W)`, 255 = ignored.
    """
    from utils.data import list_pairs, read_pair

    pairs = list_pairs(folder or dataset_folder(), split)
    count = min(len(pairs), count or pick(len(pairs), 6))
    chosen = [pairs[number * len(pairs) // count] for number in range(count)]
    return [(pair.name, *read_pair(pair.image, pair.label, class_dict(folder))) for pair in chosen]


def open_training_data(seed: int = 0, **augmentation):
    """Opens the training split as batches of augmented crops, a `utils.data.SegmentationDataset`."""
    from utils.data import SegmentationDataset

    data = SegmentationDataset.from_folder(
        dataset_folder(),
        crop_height=CROP[0],
        crop_width=CROP[1],
        batch_size=BATCH_SIZE,
        ignore_class=_ignored(dataset_folder()),
        seed=seed,
        cache=True,
        **{"h_flip": True, **augmentation},
    )
    data.steps = pick(data.steps, 2)
    return data


def train(
    name: str,
    epochs: int,
    frontend: str = "MobileNetV3Small",
    seed: int = 0,
    loss: str = "cross_entropy",
    learning_rate: float = 3e-3,
    auxiliary: bool = False,
    class_weights=None,
    data=None,
    model=None,
    **network,
) -> Trained:
    """Trains a network from random weights with AdamW and polynomial decay, as train.py does.

    Args:
        name: network, a key of `models.MODELS`.
        epochs: number of passes over the training split.
        frontend: feature extractor of networks that have one.
        seed: of initialization, order, augmentation and dropout.
        loss: a key of `utils.losses.LOSSES`.
        learning_rate: of the first step.
        auxiliary: whether to train the network's auxiliary heads too.
        class_weights: C floats for the loss, or None.
        data: training batches; default: `open_training_data(seed)`.
        model: `keras.Model` to train in place of building `name`.
        **network: further arguments of `models.build_model`.
    """
    import_backend("float32")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it warns that it traces each of many networks
    import keras

    from models import MODELS, build_model, inference_model
    from utils.losses import build_losses
    from utils.training import PreciseBatchNorm, build_optimizer
    from utils.training.build import create_variables
    from utils.training.optimizers import build_schedule

    keras.utils.set_random_seed(seed)
    data = data or open_training_data(seed)
    heads = MODELS[name].heads if auxiliary else {}
    model = model or build_model(name, data.num_classes, frontend, training_heads=bool(heads), **network)
    losses, weights = build_losses(heads, loss, data.num_classes, class_weights)
    data.outputs = ("logits", *heads) if heads else ()
    schedule = build_schedule("poly", learning_rate, data.steps, epochs)
    if not heads:
        losses, weights = losses["logits"], None
    model.compile(build_optimizer("adamw", schedule, weight_decay=1e-2), loss=losses, loss_weights=weights)
    create_variables(model)
    start = time.perf_counter()
    history = model.fit(data, epochs=epochs, shuffle=False, verbose=0, callbacks=[PreciseBatchNorm(data)])
    return Trained(inference_model(model), history.history["loss"], time.perf_counter() - start)


def test(model, split: str = "test", count: int | None = None, folder: pathlib.Path | None = None, **options) -> dict:
    """Scores a network on whole images of a split.

    Args:
        model: `keras.Model`.
        split, count, folder: as in `read_split`.
        **options: of `utils.inference.Predictor`, such as `scales=(0.75, 1)`.

    Returns:
        Dict with "mean_iou", "global_accuracy" (0..1), "class_iou" (dict from name to 0..1 or None), "confusion"
        (int64 `(C, C)`, rows = truth) and "predictions" (dict from name to uint8 `(H, W)`).
    """
    from utils.inference import Predictor
    from utils.metrics import ConfusionMatrix

    images = read_split(split, count, folder)
    classes = class_dict(folder)
    confusion = ConfusionMatrix(classes.num_classes, classes.class_names)
    labels = {name: label for name, _, label in images}
    predictions = {}
    for name, indices in Predictor(model, 4, **options)((name, image) for name, image, _ in images):
        confusion.update(labels[name], indices)
        predictions[name] = indices
    return {**confusion.result(), "confusion": confusion.matrix, "predictions": predictions}


def _ignored(folder):
    from utils.data.folder import read_classes

    return [name for name in read_classes(folder).class_names if name == IGNORED_CLASS]


def register_network(name: str, builder, frontend: bool = True) -> str:
    """Adds a decoder to the networks, so that `train` and `models.build_model` take its name.

    Args:
        name: of the network.
        builder: function of `(end_points, num_classes)` that returns logits, as in `models/custom_model.py`; without a
            frontend its first argument is the images scaled to 0..1.
        frontend: whether it is built on a frontend.

    Returns:
        The name.
    """
    import types

    from models import MODELS, Architecture

    module = types.ModuleType(f"models.{name}")
    module.PRESETS, module.build_network = {name: {}}, builder
    sys.modules[module.__name__] = module
    MODELS[name] = Architecture(
        module=name, builder="build_network", paper="none", special="written in a lab", frontend=frontend
    )
    return name
