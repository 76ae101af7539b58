"""What `compare_speed.py` measures: each contest lets our code and its yardsticks take turns at the same work."""

import importlib
import importlib.metadata
import os
import random
import subprocess
import sys
import time

import cv2
import numpy as np

from tools import ROOT
from tools.original_suite import loops as suite_loops
from tools.speed.timing import Row, absent, is_installed, once, race, rows_against_ours
from utils.class_dict import UNKNOWN
from utils.errors import RunError, UsageError

WORKERS, BATCH_SIZE = 2, 4
H_FLIP, BRIGHTNESS, ROTATION = True, 0.1, 10.0  # relative change; degrees
SUITE_IMAGES = 8  # that the suite's loop loads in a round
PEERS = ("torch", "torchmetrics", "albumentations", "segmentation_models_pytorch")
SINGLE_RUNS = 3  # of predict.py with one image
PREDICTOR = {  # the network that predicts, if none is given
    "model": "DeepLabV3_plus",
    "frontend": "MobileNetV2",
    "frontend_weights": "none",
    "num_epochs": 1,
    "steps_per_epoch": 1,
    "num_val_images": 1,
    "crop_height": 64,
    "crop_width": 64,
    "unknown_colours": "ignore",
}


def import_peers():
    """Imports PyTorch if it is installed.

    To be called before Keras's engine is imported: after TensorFlow, PyTorch's compiler (triton) crashes.
    """
    for package in ("torch", "torchmetrics"):
        if is_installed(package):
            importlib.import_module(package)


def peers():
    """Versions of the installed peers, by package."""
    names = [name for name in PEERS if is_installed(name)]
    return {name: importlib.metadata.version(name.replace("_", "-")) for name in names}


def scoring(size, num_classes, rounds):
    """Scores of one image from its class indices.

    Args:
        size: int, side of the image in pixels.
        num_classes: int.
        rounds: int.

    Returns:
        List of `Row`.
    """
    from utils.metrics import ConfusionMatrix, image_scores

    prediction, label = scoring_case(size, num_classes)
    confusion = ConfusionMatrix(num_classes)
    indices = label.astype(np.uint8), prediction.astype(np.uint8)
    contestants = {
        "ours": once(lambda: image_scores(confusion.update(*indices))),
        "the suite's evaluate_segmentation": once(suite_loops.evaluate_segmentation, prediction, label, num_classes),
    }
    peer = "torchmetrics, its confusion matrix alone"
    if is_installed("torch", "torchmetrics"):
        import torch
        from torchmetrics.classification import MulticlassConfusionMatrix

        matrix = MulticlassConfusionMatrix(num_classes)
        contestants[peer] = once(matrix.update, torch.from_numpy(prediction), torch.from_numpy(label))
    seconds = race(contestants, rounds)
    work = f"scoring an image of {size}x{size}, {num_classes} classes"
    return rows_against_ours(work, seconds) + absent(work, seconds, peer, "pip install torchmetrics torch")


def scoring_case(size, num_classes, seed=0):
    """A prediction that is wrong along the borders of areas.

    Returns:
        `(prediction, label)`: int64 arrays `(size, size)`, as the argmax of logits and of a one-hot label.
    """
    if num_classes > UNKNOWN:
        raise UsageError(f"--num_classes {num_classes}: at most {UNKNOWN} are possible")
    areas = np.random.default_rng(seed).integers(0, num_classes, (size // 16 + 1, size // 16 + 1))
    label = np.kron(areas, np.ones((16, 16), np.int64))[:size, :size].copy()
    return np.roll(label, 1, axis=(0, 1)), label


def labels(size, num_classes, rounds):
    """Class indices from the colors of a label image; arguments and result as `scoring`."""
    from utils.class_dict import ClassDict

    _, indices = scoring_case(size, num_classes)
    packed = np.random.default_rng(0).choice(1 << 24, num_classes, replace=False)
    colors = np.stack([packed & 255, packed >> 8 & 255, packed >> 16], axis=1).astype(np.uint8)
    class_dict = ClassDict(map(str, range(num_classes)), colors)
    rgb = colors[indices]
    contestants = {
        "ours": once(class_dict.encode, rgb),
        "the suite's one_hot_it and argmax": once(lambda: suite_loops.one_hot_it(rgb, colors).argmax(axis=-1)),
    }
    work = f"class indices of a color label of {size}x{size}, {num_classes} classes"
    return rows_against_ours(work, race(contestants, rounds))


def loading(dataset, pairs, crop_height, crop_width, rounds):
    """Reads images and labels from disk and augments them.

    Args:
        dataset: `pathlib.Path`.
        pairs: list of `folder.Pair`.
        crop_height, crop_width: int, pixels.
        rounds: int.

    Returns:
        List of `Row`, with seconds per image.

    Raises:
        UsageError: for images that the suite's loop cannot load.
    """
    from utils.data.checks import check_pairs
    from utils.data.folder import read_classes

    class_dict = read_classes(dataset, unknown="ignore")
    height, width = np.min([pair.size for pair in check_pairs(pairs, class_dict)], axis=0)
    if crop_height > height or crop_width > width:
        raise UsageError(
            f"--crop_height {crop_height} --crop_width {crop_width}: the images of {dataset} are {height}x{width}, and "
            "the original suite could not crop more than that"
        )
    if cv2.imread(str(pairs[0].label), -1).ndim == 2:
        raise UsageError(f"{pairs[0].label} has one channel; the original suite read color labels only")
    arguments = pairs, class_dict, crop_height, crop_width
    contestants = {"ours": our_loader(*arguments), "cached": our_loader(*arguments, cache=True)}
    contestants["the suite's loop"] = suite_loader(*arguments)
    peer = f"albumentations with torch's DataLoader, {WORKERS} processes"
    if is_installed("albumentations", "torch"):
        contestants[peer] = torch_loader(*arguments)
    seconds = race(contestants, rounds)
    cached = seconds.pop("cached")
    work = f"loading and augmenting an image, {crop_height}x{crop_width}, {WORKERS} threads"
    rows = rows_against_ours(work, seconds) + absent(work, seconds, peer, "pip install albumentations torch")
    return rows + [Row(f"{work}, --cache", cached, "the same without --cache", seconds["ours"])]


def our_loader(pairs, class_dict, crop_height, crop_width, cache=False):
    """An epoch of batches from `SegmentationDataset`, through threads as `fit` reads them; for `race`."""
    from utils.data.augmentation import Augmentation
    from utils.data.dataset import SegmentationDataset

    augmentation = Augmentation(crop_height, crop_width, H_FLIP, brightness=BRIGHTNESS, rotation=ROTATION)
    data = SegmentationDataset(pairs, class_dict, augmentation, BATCH_SIZE, cache=cache, workers=WORKERS)
    return lambda: sum(len(images) for images, _ in data.batches())


def suite_loader(pairs, class_dict, crop_height, crop_width):
    """Some images through the suite's loop; for `race`."""
    rng, number = random.Random(0), min(SUITE_IMAGES, len(pairs))

    def work():
        for pair in rng.sample(pairs, number):
            suite_loops.load_and_augment(
                str(pair.image),
                str(pair.label),
                class_dict.label_values,
                crop_height,
                crop_width,
                rng,
                H_FLIP,
                brightness=BRIGHTNESS,
                rotation=ROTATION,
            )
        return number

    return work


def torch_loader(pairs, class_dict, crop_height, crop_width):
    """An epoch of batches from torch; for `race`. Its processes start once and stay."""
    from torch.utils.data import DataLoader

    data = TorchPairs(pairs, class_dict, crop_height, crop_width)
    loader = DataLoader(data, BATCH_SIZE, num_workers=WORKERS, persistent_workers=True, multiprocessing_context="spawn")
    return lambda: sum(len(images) for images, _ in loader)


class TorchPairs:
    """What torch's processes read: the same files by the same functions, augmented by albumentations."""

    def __init__(self, pairs, class_dict, crop_height, crop_width):
        os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # else it asks the network for its newest version
        import albumentations

        self.pairs, self.class_dict = pairs, class_dict
        self.augment = albumentations.Compose([
            albumentations.RandomCrop(crop_height, crop_width),
            albumentations.HorizontalFlip(p=0.5),
            albumentations.RandomBrightnessContrast(BRIGHTNESS, 0, p=1),
            albumentations.Rotate(ROTATION, p=1),
        ])  # fmt: skip

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        from utils.data.labels import read_pair

        image, label = read_pair(self.pairs[index].image, self.pairs[index].label, self.class_dict)
        augmented = self.augment(image=image, mask=label)
        return augmented["image"], augmented["mask"]


def predict(dataset, pairs, checkpoint, count, folder):
    """A folder of images by one run of predict.py, against a run for each image.

    Args:
        dataset: `pathlib.Path`, to make a checkpoint with.
        pairs: list of `folder.Pair`, whose images are used in different sizes.
        checkpoint: `pathlib.Path`; None for a network that has hardly learned anything.
        count: int, images.
        folder: `pathlib.Path` to write to.

    Returns:
        List of one `Row`, with the seconds of all images.
    """
    from utils.data.images import read_image, write_image

    if not checkpoint:
        flags = [f"--{name}={value}" for name, value in PREDICTOR.items()]
        call("train.py", f"--dataset={dataset}", f"--output_dir={folder / 'trained'}", *flags)
        checkpoint = next((folder / "trained").glob("latest_model_*.keras"))
    pictures, rng = folder / "pictures", np.random.default_rng(0)
    pictures.mkdir()
    paths = [pictures / f"{number:04d}.png" for number in range(count)]
    for number, path in enumerate(paths):
        image = read_image(pairs[number % len(pairs)].image)
        height, width = np.rint(image.shape[:2] * rng.uniform(0.6, 1.0, 2)).astype(int).tolist()
        write_image(path, cv2.resize(image, (width, height)))
    singles = [seconds_of_predict(path, checkpoint, folder) for path in paths[:SINGLE_RUNS]]
    whole = seconds_of_predict(pictures, checkpoint, folder)
    yardstick = f"a run for each image ({len(singles)} measured, their median times {count})"
    separate = count * float(np.median(singles))
    return [Row(f"predict.py on {count} images of different sizes", whole, yardstick, separate)]


def seconds_of_predict(image, checkpoint, folder):
    """Runs predict.py and returns how long it took."""
    start = time.perf_counter()
    call("predict.py", f"--image={image}", f"--checkpoint_path={checkpoint}", f"--output_dir={folder / 'predicted'}")
    return time.perf_counter() - start


def call(verb, *flags):
    """Runs one of the programs; its output is seen only if it fails."""
    done = subprocess.run([sys.executable, ROOT / verb, *flags], capture_output=True, text=True)
    if done.returncode:
        raise RunError(f"{verb} failed: {' '.join(done.stderr.strip().splitlines()[-1:])}")
