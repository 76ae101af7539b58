"""Benchmark cases of the data pipeline: scoring, label decoding, loading with augmentation, and predict.py."""

import pathlib
import time

import cv2
import numpy as np

from tools import run_command
from tools.original_suite import loops
from tools.speed.loaders import WORKERS, dataset_loader, suite_loader, torch_loader
from tools.speed.packages import is_installed
from tools.speed.timing import SUITE, Row, as_unit, comparison_rows, interleaved_medians, missing_rows
from utils.class_dict import UNKNOWN, ClassDict
from utils.errors import UsageError

SINGLE_RUNS = 3  # of predict.py with one image
PREDICTOR = {  # flags of a short training for a checkpoint, if none is given
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


def scoring(size: int, num_classes: int, rounds: int) -> list[Row]:
    """Measures the scores of an image from its class indices.

    Args:
        size: side of the image in pixels.
        num_classes: number of classes.
        rounds: number of measurements.
    """
    from utils.metrics import ConfusionMatrix, image_scores

    prediction, label = scoring_case(size, num_classes)
    confusion = ConfusionMatrix(num_classes)
    indices = label.astype(np.uint8), prediction.astype(np.uint8)
    candidates = {
        SUITE: as_unit(lambda: image_scores(confusion.update(*indices))),
        "original suite, evaluate_segmentation": as_unit(loops.evaluate_segmentation, prediction, label, num_classes),
    }
    package = "torchmetrics, confusion matrix alone"
    if is_installed("torch", "torchmetrics"):
        import torch
        from torchmetrics.classification import MulticlassConfusionMatrix

        matrix = MulticlassConfusionMatrix(num_classes)
        candidates[package] = as_unit(matrix.update, torch.from_numpy(prediction), torch.from_numpy(label))
    seconds = interleaved_medians(candidates, rounds)
    task = f"scoring an image of {size}x{size}, {num_classes} classes"
    return comparison_rows(task, seconds) + missing_rows(task, seconds, package, "pip install torchmetrics torch")


def scoring_case(size: int, num_classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Creates a prediction with errors along the borders of areas.

    Returns:
        `(prediction, label)`: int64 arrays `(size, size)`, as the argmax of logits and of a one-hot label.
    """
    if num_classes > UNKNOWN:
        raise UsageError(f"--num_classes {num_classes}: at most {UNKNOWN} are possible")
    areas = np.random.default_rng(seed).integers(0, num_classes, (size // 16 + 1, size // 16 + 1))
    label = np.kron(areas, np.ones((16, 16), np.int64))[:size, :size].copy()
    return np.roll(label, 1, axis=(0, 1)), label


def labels(size: int, num_classes: int, rounds: int) -> list[Row]:
    """Measures class indices from the colors of a label image; arguments as of `scoring`."""
    _, indices = scoring_case(size, num_classes)
    packed = np.random.default_rng(0).choice(1 << 24, num_classes, replace=False)
    colors = np.stack([packed & 255, packed >> 8 & 255, packed >> 16], axis=1).astype(np.uint8)
    class_dict = ClassDict(map(str, range(num_classes)), colors)
    rgb = colors[indices]
    candidates = {
        SUITE: as_unit(class_dict.encode, rgb),
        "original suite, one_hot_it and argmax": as_unit(lambda: loops.one_hot_it(rgb, colors).argmax(axis=-1)),
    }
    task = f"class indices of a color label of {size}x{size}, {num_classes} classes"
    return comparison_rows(task, interleaved_medians(candidates, rounds))


def loading(dataset: pathlib.Path, pairs: list, crop_height: int, crop_width: int, rounds: int) -> list[Row]:
    """Measures reading and augmentation of images and labels, in seconds per image.

    Args:
        dataset: folder of the dataset.
        pairs: list of `Pair`.
        crop_height, crop_width: pixels.
        rounds: number of measurements.

    Raises:
        UsageError: for images that the original suite cannot load.
    """
    from utils.data import check_pairs, read_classes

    label = cv2.imread(str(pairs[0].label), -1)
    if label is not None and label.ndim == 2:  # a damaged file is reported below
        raise UsageError(f"{pairs[0].label} has one channel; the original suite reads color labels only")
    class_dict = read_classes(dataset, unknown="ignore")
    height, width = np.min([pair.size for pair in check_pairs(pairs, class_dict)], axis=0)
    if crop_height > height or crop_width > width:
        raise UsageError(
            f"--crop_height {crop_height} --crop_width {crop_width}: the images of {dataset} are {height}x{width}, and "
            "crops of the original suite cannot be larger"
        )
    arguments = pairs, class_dict, crop_height, crop_width
    candidates = {
        SUITE: dataset_loader(*arguments),
        "cached": dataset_loader(*arguments, cache=True),
        "original suite, its loop": suite_loader(*arguments),
    }
    package = f"albumentations with torch's DataLoader, {WORKERS} processes"
    if is_installed("albumentations", "torch"):
        candidates[package] = torch_loader(*arguments)
    seconds = interleaved_medians(candidates, rounds)
    cached = seconds.pop("cached")
    task = f"loading and augmenting an image, {crop_height}x{crop_width}, {WORKERS} threads"
    rows = comparison_rows(task, seconds) + missing_rows(task, seconds, package, "pip install albumentations torch")
    return rows + [Row(f"{task}, --cache", cached, "this suite without --cache", seconds[SUITE])]


def predict(
    dataset: pathlib.Path, pairs: list, checkpoint: pathlib.Path | None, count: int, folder: pathlib.Path
) -> list[Row]:
    """Measures one run of predict.py on a folder, compared with a run per image, in seconds for all images.

    Args:
        dataset: folder of the dataset for a short training.
        pairs: list of `Pair`, whose images are resized to different sizes.
        checkpoint: None for a short training.
        count: number of images.
        folder: for images, checkpoints and results.
    """
    from utils.data import read_image
    from utils.data.images import write_image

    if not checkpoint:
        run_command("train.py", {"dataset": dataset, "output_dir": folder / "trained", **PREDICTOR}, quiet=True)
        checkpoint = next((folder / "trained").glob("latest_model_*.keras"))
    images, rng = folder / "images", np.random.default_rng(0)
    images.mkdir()
    paths = [images / f"{number:04d}.png" for number in range(count)]
    for number, path in enumerate(paths):
        image = read_image(pairs[number % len(pairs)].image)
        height, width = np.rint(image.shape[:2] * rng.uniform(0.6, 1.0, 2)).astype(int).tolist()
        write_image(path, cv2.resize(image, (width, height)))
    single = [seconds_of_predict(path, checkpoint, folder) for path in paths[:SINGLE_RUNS]]
    all_at_once = seconds_of_predict(images, checkpoint, folder)
    baseline = f"a run per image (median of {len(single)}, times {count})"
    task = f"predict.py on {count} images of different sizes"
    return [Row(task, all_at_once, baseline, count * float(np.median(single)))]


def seconds_of_predict(image, checkpoint, folder):
    """Runs predict.py on an image or a folder and returns the seconds."""
    start = time.perf_counter()
    flags = {"image": image, "checkpoint_path": checkpoint, "output_dir": folder / "predicted"}
    run_command("predict.py", flags, quiet=True)
    return time.perf_counter() - start
