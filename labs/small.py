"""Reduced images in memory: training batches, trainings with several seeds, scores.

    models = train_seeds("my-network", builder, read_small("train"), epochs=10)
    print(mean_and_spread([mean_iou(model, read_small("test")) for model in models]))

Images of 96 rows keep a training of ten epochs of Streets below ten seconds.
"""

import pathlib
from collections.abc import Sequence

import cv2
import numpy as np

from labs.course import class_dict, pick, read_split, register_network, train
from utils.backend import import_backend

import_backend("float32")  # before a lab imports networks, which would print the start-up messages


def read_small(split: str, count: int | None = None, rows: int | None = None) -> list:
    """Reads a split and reduces it.

    Args:
        split, count: as in `labs.course.read_split`.
        rows: height of the results in pixels, by default 96; the aspect ratio is kept.

    Returns:
        List of `(name, image, label)`, as `read_split` returns it.
    """
    rows = rows or pick(96, 32)
    return [(name, *reduce(image, label, rows)) for name, image, label in read_split(split, count)]


def reduce(image: np.ndarray, label: np.ndarray, rows: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """Reduces an image by averaging and its label by taking single pixels, to a multiple of 16 columns."""
    size = round(rows * image.shape[1] / image.shape[0] / 16) * 16, rows
    small_label = cv2.resize(label, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA), small_label


def open_small(samples: Sequence, seed: int = 0, num_classes: int | None = None, epoch_images: int | None = None):
    """Opens samples as training batches with random flips, scales and crops, for `labs.course.train(data=...)`.

    Args:
        samples: list of `(name, image, label)` of one size.
        seed: of order and augmentation.
        num_classes: default: that of the lab's dataset.
        epoch_images: number of images of an epoch; default: each sample once.

    Returns:
        `utils.data.SegmentationDataset`.
    """
    import types

    from utils.data import SegmentationDataset
    from utils.data.augmentation import Augmentation
    from utils.data.folder import Pair

    class InMemory(SegmentationDataset):
        def _read(self, index):
            return samples[index][1:]

    rows, columns = samples[0][2].shape
    batch_size = pick(8, 2)
    classes = types.SimpleNamespace(num_classes=num_classes or class_dict().num_classes)
    steps = pick(-(-(epoch_images or len(samples)) // batch_size), 2)
    augmentation = Augmentation(rows, columns, h_flip=True, scale_range=(0.8, 1.25))
    pairs = [Pair(name, pathlib.Path(name), pathlib.Path(name)) for name, _, _ in samples]
    return InMemory(pairs, classes, augmentation, batch_size, seed, steps)


def train_seeds(name: str, builder, samples: Sequence, epochs: int, seeds: int = 3) -> list:
    """Trains a network without a frontend with several seeds: 0, 1, 2 ...

    Args:
        name: of letters, digits, "-" and "_".
        builder: function of images `(B, H, W, 3)`, scaled to 0..1, and the number of classes; returns logits.
        samples: list of `(name, image, label)` of one size.
        epochs: passes over the samples.
        seeds: their number; 1 at smoke size.

    Returns:
        List of `keras.Model`.
    """
    register_network(name, builder, frontend=False)
    return [
        train(name, pick(epochs, 1), seed=seed, data=open_small(samples, seed), learning_rate=1e-2).model
        for seed in range(pick(seeds, 1))
    ]


def predict(model, samples: Sequence) -> list[np.ndarray]:
    """Predicts the class indices of samples, a list of uint8 `(H, W)`."""
    from utils.inference import Predictor

    images = ((number, image) for number, (_, image, _) in enumerate(samples))
    return [indices for _, indices in sorted(Predictor(model, 8)(images), key=lambda result: result[0])]


def score(labels: Sequence, predictions: Sequence, num_classes: int | None = None) -> dict:
    """Scores predictions; pixels with label 255 are left out.

    Args:
        labels, predictions: lists of uint8 `(H, W)`.
        num_classes: default: that of the lab's dataset.

    Returns:
        Dict with "mean_iou" and "global_accuracy" (0..1).
    """
    from utils.metrics import ConfusionMatrix

    count = num_classes or class_dict().num_classes
    confusion = ConfusionMatrix(count, [str(number) for number in range(count)])
    for label, prediction in zip(labels, predictions):
        confusion.update(label, prediction)
    return confusion.result()


def mean_iou(model, samples: Sequence, num_classes: int | None = None) -> float:
    """Computes the mean IoU of a network on samples, 0..1."""
    return score([label for _, _, label in samples], predict(model, samples), num_classes)["mean_iou"]


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Computes the mean and the standard deviation (of a sample, n - 1) of the scores of several seeds."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
