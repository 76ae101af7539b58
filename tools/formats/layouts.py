"""Layouts of image and mask folders: usual names of folders and files, patterns, pairing by a regular expression."""

import collections
import pathlib
import re
from typing import NamedTuple

from tools.datasets.splits import SPLIT_NAMES, group_of
from utils.data.images import is_image
from utils.data.label_files import is_label
from utils.errors import UsageError
from utils.safe_paths import problem_of_name
from utils.text import brief

IMAGE_FOLDERS = ("images", "image", "imgs", "img", "photos", "rgb", "sat", "inputs")
MASK_FOLDERS = (
    "masks",
    "mask",
    "labels",
    "label",
    "annotations/trimaps",
    "annotations",
    "annotation",
    "annot",
    "annots",
    "gt",
    "ground_truth",
    "groundtruth",
    "segmentation",
    "segmentations",
    "targets",
)
BESIDE = ("annot", "annots", "_labels", "_label", "_masks", "_mask", "_annot", "_gt", "labels", "masks", "gt")
IMAGE_SUFFIX = re.compile(r"[-_. ]?(RGB|IRRG|RGBIR|sat|image|img|photo)$", re.IGNORECASE)
MASK_SUFFIX = re.compile(r"[-_. ](L|labels?|gt|masks?|seg|segmentation|annotation|annot|target)$", re.IGNORECASE)


class FoundPair(NamedTuple):
    """An image and its mask.

    Attributes:
        split: "train", "val", "test" or None.
        name: str, of both in the result.
        image, mask: `pathlib.Path`.
    """

    split: str | None
    name: str
    image: pathlib.Path
    mask: pathlib.Path


class Place(NamedTuple):
    """Where images and masks are: the split, or None, and lists of paths with the folders that they are relative to."""

    split: str | None
    images: list
    image_root: pathlib.Path
    masks: list
    mask_root: pathlib.Path


def find_pairs(folder: pathlib.Path, images=None, masks=None, match=None, problems=None) -> tuple[list[FoundPair], str]:
    """Finds the images and masks of a source.

    Args:
        folder: of the source.
        images, masks: patterns relative to the folder, such as `*/photos/*.jpg`, or None for the usual layouts.
        match: compiled regular expression whose match in the paths of an image and of its mask is the same, or None for
            equal names without usual endings such as `_mask`.
        problems: list that collects what is missing or ambiguous.

    Returns:
        `(pairs, layout)`: list of `FoundPair` and a description of the layout.

    Raises:
        UsageError: if a pattern matches nothing, or if no usual layout is found.
    """
    if images or masks:
        if not (images and masks):
            raise UsageError("--images and --masks must be given together")
        places, layout = [_place_of_patterns(folder, images, masks)], f"{images} and {masks}"
    else:
        places, layout = usual_layout(folder)
    pairs = []
    for place in places:
        pairs += _pair(place, match, problems)
    return pairs, layout


def usual_layout(folder: pathlib.Path) -> tuple[list[Place], str]:
    """Recognizes one of the usual layouts.

    Returns:
        `(places, layout)`: list of `Place` and a description of the layout.

    Raises:
        UsageError: if none is found.
    """
    for recognize in (_folders_with_splits, _splits_with_folders, _folders_beside, _one_folder):
        places, layout = recognize(folder)
        if places:
            return places, layout
    raise UsageError(
        f"--source {folder} has no usual layout of images and masks; expected images/ and masks/, train/images/ and "
        "train/masks/, train/ and trainannot/, or x.jpg and x_mask.png in one folder; say where they are with --images "
        "'PATTERN' --masks 'PATTERN', and how names correspond with --match REGEX"
    )


def _folders_with_splits(folder):
    """`images/` and `masks/`, each with folders of splits or without."""
    images, masks = _child(folder, IMAGE_FOLDERS), _child(folder, MASK_FOLDERS)
    if not (images and masks):
        return [], ""
    splits = {path.name: split for path, split in _split_folders(images)}
    layout = f"{images.name}/ and {masks.relative_to(folder).as_posix()}/"
    if not splits:
        return [_place(None, images, masks)], layout
    in_masks = {split: path for path, split in _split_folders(masks)}
    return [
        _place(split, images / name, in_masks.get(split, masks / name)) for name, split in splits.items()
    ], f"{layout}, each with {', '.join(splits)}"


def _splits_with_folders(folder):
    """`train/images/` and `train/masks/`."""
    places = []
    for path, split in _split_folders(folder):
        images, masks = _child(path, IMAGE_FOLDERS), _child(path, MASK_FOLDERS)
        if images and masks:
            places.append(_place(split, images, masks))
    return places, "folders of splits, each with images and masks"


def _folders_beside(folder):
    """`train/` and `trainannot/`, as in SegNet's CamVid, or `train_labels/`."""
    places, names = [], {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    for path, split in _split_folders(folder):
        beside = [names[path.name.lower() + ending] for ending in BESIDE if path.name.lower() + ending in names]
        if beside:
            places.append(_place(split, path, beside[0]))
    return places, "folders of images with a folder of masks beside each"


def _one_folder(folder):
    """`x_sat.jpg` and `x_mask.png` in one folder, or in one for each split."""
    places = []
    for path, split in _split_folders(folder) or [(folder, None)]:
        files = sorted(path.iterdir())
        masks = [file for file in files if is_label(file) and MASK_SUFFIX.search(file.stem)]
        images = [file for file in files if is_image(file) and not MASK_SUFFIX.search(file.stem)]
        if masks and images and not (path / "_classes.csv").is_file():  # Roboflow's names of the classes
            places.append(Place(split, images, path, masks, path))
    return places, "images and masks in one folder, told apart by the endings of their names"


def _child(folder, names):
    """Returns the first subfolder of one of several names, in any case; None if there is none."""
    for name in names:
        parent = folder
        for part in name.split("/"):
            found = [path for path in parent.iterdir() if path.name.lower() == part and path.is_dir()]
            if not found:
                break
            parent = found[0]
        else:
            return parent
    return None


def _split_folders(folder):
    """Lists `(path, split)` of the subfolders that are named like splits, in the order of the splits."""
    found = [(path, SPLIT_NAMES.get(path.name.lower())) for path in folder.iterdir() if path.is_dir()]
    order = list(dict.fromkeys(SPLIT_NAMES.values()))
    return sorted(((path, split) for path, split in found if split), key=lambda item: (order.index(item[1]), item[0]))


def _place(split, images, masks):
    """A `Place` of two folders with all their subfolders."""
    return Place(split, _files(images, is_image), images, _files(masks, is_label), masks)


def _place_of_patterns(folder, images, masks):
    """A `Place` of two patterns."""
    found = []
    for flag, pattern, is_wanted in (("--images", images, is_image), ("--masks", masks, is_label)):
        if problem := problem_of_name(pattern):
            raise UsageError(f"{flag} '{brief(pattern)}' {problem}; give a pattern relative to --source {folder}")
        paths = sorted(path for path in folder.glob(pattern) if is_wanted(path) and path.is_file())
        if not paths:
            raise UsageError(f"{flag} '{pattern}' matches no file in {folder} that can be read")
        found.append(paths)
    return Place(None, found[0], folder, found[1], folder)


def _files(folder, is_wanted):
    """Lists the images or masks of a folder and its subfolders, sorted."""
    return sorted(path for path in folder.rglob("*") if is_wanted(path) and path.is_file()) if folder.is_dir() else []


def _pair(place, match, problems):
    """Pairs images and masks by their keys."""
    keys = {}
    for kind, paths, root, ending in (
        ("image", place.images, place.image_root, IMAGE_SUFFIX),
        ("mask", place.masks, place.mask_root, MASK_SUFFIX),
    ):
        by_key = collections.defaultdict(list)
        for path in paths:
            by_key[_key(path, root, match, ending)].append(path)
        twins = [paths for paths in by_key.values() if len(paths) > 1]
        problems += [f"{', '.join(map(str, paths))} are {kind}s of one name" for paths in twins]
        keys[kind] = by_key
    if not keys["image"]:
        problems.append(f"{place.image_root} has no images")
    _match_whole_names(keys["image"], keys["mask"], place, match)
    pairs = []
    for key, (path, *_) in keys["image"].items():
        masks = keys["mask"].pop(key, None)
        if masks is None:
            problems.append(f"{path} has no mask of the name {key} in {place.mask_root}")
        else:
            pairs.append(FoundPair(place.split, key.replace("/", "_"), path, masks[0]))
    problems += [f"{paths[0]} belongs to no image in {place.image_root}" for paths in keys["mask"].values()]
    return pairs


def _match_whole_names(images, masks, place, match):
    """Lets a mask of exactly an image's name belong to it, also where that name has a usual ending."""
    if match:
        return
    for path in place.images:
        whole = path.relative_to(place.image_root).with_suffix("").as_posix()
        short = _key(path, place.image_root, None, IMAGE_SUFFIX)
        if whole != short and whole in masks and short not in masks and images.get(short) == [path]:
            images[whole] = images.pop(short)


def _key(path, root, match, ending):
    """Returns the text that an image and its mask have in common."""
    relative = path.relative_to(root).with_suffix("")
    if match:
        return group_of(relative.as_posix(), match, "--match")
    return relative.with_name(ending.sub("", relative.name) or relative.name).as_posix()
