"""Dataset folders: finding one, its classes, and pairs of images and labels."""

import collections
import os
import pathlib
import random
import re
from collections.abc import Iterator
from typing import NamedTuple

from utils.class_dict import ClassDict
from utils.data.checks import raise_problems
from utils.data.images import describe_skipped, is_image, skipped_kinds
from utils.data.label_files import is_label
from utils.errors import UsageError, did_you_mean
from utils.notices import tell_once

CONVERSION = "conversion.json"  # written by convert_dataset.py, whose labels are class indices
SPLITS = ("train", "val", "test")
LABEL_SUFFIX = re.compile(r"_(L|label|labels|gt|mask)$", re.IGNORECASE)
VALIDATION_SEED = 16  # the original suite's, so that the same images are selected
DATASETS = pathlib.Path("datasets")  # where a dataset's name is looked for, beside the current folder
OTHER_LAYOUTS = "; tools/convert_dataset.py --format folder reads images and masks in other layouts"
REMEDIES = {
    "CamVid": "download it with: python tools/get_camvid.py, or give --dataset a path",
    "Streets": "make it with: python tools/make_streets.py, or give --dataset a path",
}


class Pair(NamedTuple):
    """An image and its label.

    Attributes:
        name: str, the image's file name without its extension.
        image, label: `pathlib.Path`.
        class_dict: `ClassDict` of the label, if it is that of a further dataset with other colors or rows; else None.
    """

    name: str
    image: pathlib.Path
    label: pathlib.Path
    class_dict: ClassDict | None = None


def find_dataset(name: str | pathlib.Path) -> pathlib.Path:
    """Finds a dataset's folder.

    Args:
        name: a path, or a name that is looked for in `.` and in `datasets/`.

    Returns:
        `pathlib.Path` of a folder.

    Raises:
        UsageError: if there is none; with the command that makes it for the datasets `CamVid` and `Streets`.
    """
    folder = locate_dataset(name)
    if folder:
        return folder
    remedy = REMEDIES.get(str(name), f"put it into {DATASETS / name}, or give --dataset a path")
    hint = did_you_mean(str(name), known_datasets())
    raise UsageError(f"no dataset '{name}' in {pathlib.Path.cwd()} or its datasets/{hint}; {remedy}")


def locate_dataset(name: str | pathlib.Path) -> pathlib.Path | None:
    """Looks for a dataset's folder by path, or by name in `.` and in `datasets/`; None if it is not there."""
    return next((folder for folder in (pathlib.Path(name), DATASETS / name) if folder.is_dir()), None)


def known_datasets() -> list[str]:
    """Lists the names of the datasets that are here, and `Streets`, which can always be made."""
    places = pathlib.Path(), DATASETS
    return [*(path.parent.name for place in places for path in place.glob("*/class_dict.csv")), "Streets"]


def dataset_of_run(trained_on: str | pathlib.Path, dataset: str | None = None) -> str:
    """Returns the dataset that a checkpoint is scored on, for `find_dataset`.

    Args:
        trained_on: folder of the dataset of the training, a path of any operating system.
        dataset: the value of `--dataset`, or None for the dataset of the training.

    Returns:
        A path or a name: the latter where the folder of the training is no longer there.
    """
    if dataset or pathlib.Path(trained_on).is_dir():
        return dataset or str(trained_on)
    return pathlib.PureWindowsPath(trained_on).name  # understands the separators of every system


def read_classes(
    folder: pathlib.Path, ignore: list[str] | tuple = (), unknown: str = "error", label_format: str = "auto"
) -> ClassDict:
    """Reads the classes of a dataset.

    Args:
        folder: `pathlib.Path` of the dataset.
        ignore: names of classes to leave out of loss and scores.
        unknown: "error", "ignore" or "nearest", see `ClassDict`.
        label_format: "auto", "colors", "indices" or "binary"; "auto" is "indices" for a folder of convert_dataset.py.

    Returns:
        `ClassDict`.

    Raises:
        UsageError: if class_dict.csv is missing or malformed, or has no class of a name in `ignore`.
    """
    path = folder / "class_dict.csv"
    if not path.is_file():
        raise UsageError(f"{folder} has no class_dict.csv; it names the classes, a line name,r,g,b for each")
    if label_format == "auto" and (folder / CONVERSION).is_file():
        label_format = "indices"
    classes = ClassDict.from_csv(path, unknown, label_format)
    classes = classes.without(ignore) if ignore else classes
    if (folder / CONVERSION).is_file():
        classes.orientation = "stored"  # convert_dataset.py turns labels as the images are stored
    return classes


def list_pairs(folder: pathlib.Path, split: str, problems: list[str] | None = None) -> list[Pair]:
    """Pairs the images of a split with their labels by name, never by position.

    Args:
        folder: `pathlib.Path` of the dataset.
        split: "train", "val" or "test"; the labels are in `<split>_labels`.
        problems: list that collects what is missing or ambiguous, for `check_pairs`. By default it is raised here.

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
    missing = [f"there is no folder {path}" for path in folders if not path.is_dir()]
    if missing:
        if split == "train":
            missing[-1] += OTHER_LAYOUTS
        problems += missing
        return []
    return pair_folders(*folders, problems)


def pair_folders(image_folder: pathlib.Path, label_folder: pathlib.Path, problems: list[str]) -> list[Pair]:
    """Pairs the images of a folder with the labels of another one by name.

    Args:
        image_folder, label_folder: `pathlib.Path`.
        problems: list that collects what is missing or ambiguous.

    Returns:
        List of `Pair`, sorted by the images' file names.
    """
    images = _files_by_name(image_folder, is_image, problems)
    labels = _files_by_name(label_folder, is_label, problems)
    if not images:
        problems.append(f"{image_folder} has no images")
    with_suffix = collections.defaultdict(list)
    for label in labels:
        with_suffix[LABEL_SUFFIX.sub("", label)].append(label)
    pairs = []
    for name, image in images.items():
        # A label with exactly the image's name comes first, one with another image's name last: an image may itself
        # be called `street_L`.
        candidates = [name, *sorted(with_suffix[name], key=images.__contains__)]
        label = next((labels.pop(candidate) for candidate in candidates if candidate in labels), None)
        if label is None:
            problems.append(f"{image} has no label {label_folder.name}/{name}.png or {name}_L.png")
        else:
            pairs.append(Pair(name, image, label))
    problems += [f"{label} belongs to no image of {image_folder.name}" for label in labels.values()]
    return pairs


def split_off_validation(pairs: list[Pair], share: float) -> tuple[list[Pair], list[Pair]]:
    """Draws validation images from those of the training, the same ones in every run.

    Args:
        pairs: list of `Pair`.
        share: of the images, more than 0 and less than 1; at least one is drawn.

    Returns:
        `(training, validation)`; a single image is in both.
    """
    if len(pairs) < 2:
        return pairs, pairs
    count = min(max(1, round(share * len(pairs))), len(pairs) - 1)
    drawn = set(random.Random(VALIDATION_SEED).sample(range(len(pairs)), count))
    training = [pair for index, pair in enumerate(pairs) if index not in drawn]
    return training, [pairs[index] for index in sorted(drawn)]


def choose_validation_pairs(pairs: list[Pair], count: int) -> list[Pair]:
    """Selects validation images at random as the original suite does, the same ones in every run.

    Args:
        pairs: list of `Pair`.
        count: number of pairs; 0 means all.

    Returns:
        List of at most `count` of the pairs.
    """
    count = min(count or len(pairs), len(pairs))
    return [pairs[i] for i in random.Random(VALIDATION_SEED).sample(range(len(pairs)), count)]


def other_labels(folder: pathlib.Path, pairs: list[Pair]) -> Iterator[pathlib.Path]:
    """Yields the label files of all splits of a dataset that are not among `pairs`, sorted.

    The folders are listed when the first one is asked for, which most datasets do not need.
    """
    used = {pair.label for pair in pairs}
    for place in (folder / f"{split}_labels" for split in SPLITS):
        names = sorted(os.listdir(place)) if place.is_dir() else []
        yield from (path for name in names if is_label(name) and (path := place / name) not in used)


def walk_once(folder: pathlib.Path) -> list[pathlib.Path]:
    """Lists the files of a folder and its subfolders, sorted, but for hidden folders.

    Links to folders are followed, but every folder is listed once, by its inode: a link may lead to a folder above it.
    """
    paths, seen = [], set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        status = os.stat(parent)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        # A folder is listed under its own name rather than that of a link to it.
        folders[:] = sorted(
            (name for name in folders if not name.startswith(".")),
            key=lambda name: (os.path.islink(os.path.join(parent, name)), name),
        )
        paths += [pathlib.Path(parent, name) for name in files]
    return sorted(paths)


def _files_by_name(folder, is_wanted, problems):
    """Maps the images or labels of a folder by their names without extension, sorted."""
    paths, others, twins = {}, [], collections.defaultdict(list)
    for name in sorted(os.listdir(folder)):  # names, not paths: a path takes longer to sort and to take apart
        path, stem = folder / name, os.path.splitext(name)[0]
        if not is_wanted(name):
            others.append(path)
        elif stem in paths:
            twins[stem].append(path)
        else:
            paths[stem] = path
    _tell_skipped(folder, others)
    problems += [f"{', '.join(map(str, [paths[stem], *more]))} have the same name" for stem, more in twins.items()]
    return paths


def _tell_skipped(folder, others):
    """Tells which files of a folder of images or labels are not read, and that its subfolders are not."""
    inner = sum(path.is_dir() and not path.name.startswith(".") for path in others)
    parts = [describe_skipped(skipped_kinds(path for path in others if not path.is_dir()))]
    if inner:
        parts.append(f"{inner} folder{'s' * (inner > 1)} inside {'are' if inner > 1 else 'is'} not read")
    text = "; ".join(filter(None, parts))
    if text:
        tell_once(f"skipped in {folder}", f"{folder}: {text}")
