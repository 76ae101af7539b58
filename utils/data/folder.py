"""A dataset on disk: where it is, which image belongs to which label, and whether all of it can be used."""

import collections
import concurrent.futures
import os
import pathlib
import re
import sys
from typing import NamedTuple

import numpy as np

from utils.class_dict import ClassDict
from utils.data.images import is_image, read_label, read_pair
from utils.errors import UsageError
from utils.nearest import did_you_mean

SPLITS = ("train", "val", "test")
LABEL_SUFFIX = re.compile(r"_(L|label|labels|gt|mask)$", re.IGNORECASE)
MOST_PROBLEMS = 20  # shown; the rest is counted


class Pair(NamedTuple):
    """An image and its label.

    Attributes:
        name: str, the image's file name without its extension.
        image, label: `pathlib.Path`.
    """

    name: str
    image: pathlib.Path
    label: pathlib.Path


class Checked(NamedTuple):
    """What `check_pairs` saw of one pair.

    Attributes:
        size: `(height, width)` in pixels.
        pixels: int64 array `(C,)`, pixels of each class.
    """

    size: tuple
    pixels: np.ndarray


def find_dataset(name):
    """Finds a dataset's folder, and makes or offers the ones this suite knows how to get.

    Args:
        name: a path, or a name that is looked for in `.` and in `datasets/`. `Streets` is made on first use;
            `CamVid` is offered for download.

    Returns:
        `pathlib.Path` of a folder.

    Raises:
        UsageError: if there is none.
    """
    for folder in (pathlib.Path(name), pathlib.Path("datasets") / name):
        if folder.is_dir():
            return folder
    if name == "Streets":
        from tools.make_streets import make_streets

        print("Making the dataset Streets (a synthetic street, drawn on first use) ...")
        return make_streets(pathlib.Path("datasets") / name, workers=os.cpu_count() or 1)
    remedy = f"put it into {pathlib.Path('datasets') / name}, or give --dataset a path"
    if name == "CamVid":
        can_ask = sys.stdin and sys.stdin.isatty()
        if can_ask and input("There is no CamVid here. Download it now? [y/N] ").lower() in ("y", "yes"):
            from tools.get_camvid import get_camvid

            return get_camvid(pathlib.Path("datasets") / name)
        remedy = "download it with: python tools/get_camvid.py, or give --dataset a path"
    hint = did_you_mean(name, known_datasets())
    raise UsageError(f"no dataset '{name}' in {pathlib.Path.cwd()} or its datasets/{hint}; {remedy}")


def known_datasets():
    """Names that `find_dataset` finds or makes here."""
    places = pathlib.Path(), pathlib.Path("datasets")
    return [*(path.parent.name for place in places for path in place.glob("*/class_dict.csv")), "Streets"]


def dataset_of_run(settings, dataset=None):
    """The dataset that a checkpoint is scored on.

    Args:
        settings: the checkpoint's settings.
        dataset: what `--dataset` says, or None for the one it was trained on.

    Returns:
        `pathlib.Path`.
    """
    trained_on = pathlib.Path(settings["dataset_path"])
    if dataset is None and trained_on.is_dir():
        return trained_on
    return find_dataset(dataset or trained_on.name)


def read_classes(folder, ignore=()):
    """The classes of a dataset.

    Args:
        folder: `pathlib.Path` of the dataset.
        ignore: names of classes to leave out of loss and scores.

    Returns:
        `ClassDict`.
    """
    path = folder / "class_dict.csv"
    if not path.is_file():
        raise UsageError(f"{folder} has no class_dict.csv; it names the classes, a line name,r,g,b for each")
    classes = ClassDict.from_csv(path)
    return classes.without(ignore) if ignore else classes


def list_pairs(folder, split, problems=None):
    """Pairs the images of a split with their labels by name, never by position.

    Args:
        folder: `pathlib.Path` of the dataset.
        split: "train", "val" or "test"; the labels are in `<split>_labels`.
        problems: list of str that takes what is wrong, for `raise_problems`. By default it is raised here.

    Returns:
        List of `Pair`, sorted by the images' file names.

    Raises:
        UsageError: naming everything that is missing or ambiguous.
    """
    if problems is None:
        problems = []
        pairs = list_pairs(folder, split, problems)
        raise_problems(problems)
        return pairs
    folders = folder / split, folder / f"{split}_labels"
    missing = [f"there is no folder {one}" for one in folders if not one.is_dir()]
    if missing:
        problems += missing
        return []
    return pair_folders(*folders, problems)


def pair_folders(image_folder, label_folder, problems):
    """Pairs the images of a folder with the labels of another by name.

    Args:
        image_folder, label_folder: `pathlib.Path`.
        problems: list of str that takes what is missing or ambiguous.

    Returns:
        List of `Pair`, sorted by the images' file names.
    """
    images, labels = (_by_name(one, problems) for one in (image_folder, label_folder))
    if not images:
        problems.append(f"{image_folder} has no images")
    with_suffix = collections.defaultdict(list)
    for label in labels:
        with_suffix[LABEL_SUFFIX.sub("", label)].append(label)
    pairs = []
    for name, image in images.items():
        # A label of the image's very name comes first, one of another image's name last: an image may itself be
        # called `street_L`.
        candidates = [name, *sorted(with_suffix[name], key=images.__contains__)]
        label = next((labels.pop(one) for one in candidates if one in labels), None)
        if label is None:
            problems.append(f"{image} has no label {label_folder.name}/{name}.png or {name}_L.png")
        else:
            pairs.append(Pair(name, image, label))
    problems += [f"{label} belongs to no image of {image_folder.name}" for label in labels.values()]
    return pairs


def check_pairs(pairs, class_dict, unknown="error", workers=2, problems=()):
    """Reads every image and label once, so that nothing can go wrong in the middle of the work.

    Args:
        pairs: list of `Pair`.
        class_dict: `ClassDict`.
        unknown: "error" or "ignore", as in `ClassDict.encode`.
        workers: int, threads.
        problems: what `list_pairs` found, to be raised together with what is wrong here.

    Returns:
        List of `Checked`.

    Raises:
        UsageError: naming all problems, unreadable files, unequal sizes and unknown colors at once.
    """

    def check(pair):
        """What there is to see, and what is wrong."""
        try:
            _, label = read_pair(pair.image, pair.label, class_dict, unknown)
        except UsageError as problem:
            return None, [str(problem), *_problem_of_label(pair, class_dict, unknown, str(problem))]
        return Checked(label.shape, np.bincount(label.ravel(), minlength=256)[: class_dict.num_classes]), []

    with concurrent.futures.ThreadPoolExecutor(workers) as executor:
        results = list(executor.map(check, pairs))
    raise_problems([*problems, *(problem for _, found in results for problem in found)])
    return [checked for checked, _ in results]


def median_frequency_weights(checked):
    """Median frequency balancing (Eigen and Fergus 2015, 1411.4734): median of the frequencies / frequency.

    A class's frequency is its share of the pixels of those images in which it occurs.

    Args:
        checked: list of `Checked`, of the training set.

    Returns:
        float32 array `(C,)`; 0 for classes that never occur.
    """
    pixels = np.array([one.pixels for one in checked])  # (images, C)
    of_images_with_class = ((pixels > 0) * pixels.sum(axis=1, keepdims=True)).sum(axis=0)
    total = pixels.sum(axis=0)
    present = total > 0
    weights = np.zeros(len(total), np.float32)
    if present.any():
        frequency = total[present] / of_images_with_class[present]
        weights[present] = np.median(frequency) / frequency
    return weights


def _by_name(folder, problems):
    """Images of a folder by name without extension, sorted."""
    paths = collections.defaultdict(list)
    for path in sorted(folder.iterdir()):
        if is_image(path):
            paths[path.stem].append(path)
    problems += [f"{', '.join(map(str, twins))} have the same name" for twins in paths.values() if len(twins) > 1]
    return {name: twins[0] for name, twins in paths.items()}


def _problem_of_label(pair, class_dict, unknown, reported):
    """What is wrong with the label of a pair, as a list, if it is something else than `reported`."""
    try:
        read_label(pair.label, class_dict, unknown)
    except UsageError as problem:
        return [str(problem)] if str(problem) != reported else []
    return []


def raise_problems(problems):
    """Reports all problems, a list of str, in one error, a line each if there are several; none if there are none."""
    if not problems:
        return
    shown = problems[:MOST_PROBLEMS]
    if len(problems) > MOST_PROBLEMS:
        shown.append(f"... and {len(problems) - MOST_PROBLEMS} more")
    raise UsageError(shown[0] if len(problems) == 1 else f"{len(problems)} problems:\n  " + "\n  ".join(shown))
