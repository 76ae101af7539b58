"""Report of a dataset before training: how labels are read, pixels per class, and warnings."""

import collections
import hashlib
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from utils.class_dict import ClassDict
from utils.data.headers import map_files
from utils.data.label_format import describe
from utils.data.label_statistics import SplitStatistics
from utils.errors import UsageError
from utils.text import display_width, pad, percentage

MUCH_IGNORED = 0.1  # share of the training pixels
FEW = 4096  # bytes
MAX_ROWS = 40  # classes in the table; of more the rarest are left out


def describe_labels(statistics: SplitStatistics, class_dict: ClassDict, readings: dict[str, str] | None = None) -> str:
    """Describes in one line how labels are read, and which classes they have.

    Args:
        statistics: of all splits together; checking them has set `class_dict.readings`.
        class_dict: `ClassDict`.
        readings: of another dataset, whose labels are mapped to these classes; default: those of `class_dict`.
    """
    readings = readings or class_dict.readings
    files, unknown = statistics.kinds, statistics.unknown / statistics.area
    parts = [
        describe({kind: readings[kind] for kind in files}, files),
        f"{np.count_nonzero(statistics.pixels)} of {class_dict.num_classes} classes found",
        f"{percentage(statistics.ignored / statistics.area)} ignored",
    ]
    if unknown:
        what = "took the nearest class color" if class_dict.unknown == "nearest" else "are of no class (ignored)"
        parts.append(f"{percentage(unknown)} {what}")
    return f"labels: {', '.join(parts)}"


def class_table(splits: dict[str, SplitStatistics], class_dict: ClassDict) -> str:
    """Formats the share of each class in the pixels of each split, and the number of images that have it.

    Args:
        splits: statistics by the name of the split, such as "train".
        class_dict: `ClassDict`.

    Returns:
        Lines: a header, one for each class, and one for ignored pixels if there are any.
    """
    columns = {}
    for split, statistics in splits.items():
        shares = statistics.pixels / statistics.area
        cells = [f"{percentage(share):>16} {count:>6}" for share, count in zip(shares, statistics.images)]
        ignored = percentage(statistics.ignored / statistics.area)
        columns[split] = [*cells, f"{ignored:>16} {statistics.with_ignored:>6}"]
    names = [*class_dict.class_names, "(ignored)"]
    any_ignored = any(statistics.ignored for statistics in splits.values())
    order = list(range(len(names) if any_ignored else class_dict.num_classes))
    if len(order) > MAX_ROWS:
        pixels = next(iter(splits.values())).pixels
        order = sorted(np.argsort(-pixels, kind="stable")[: MAX_ROWS - 2].tolist()) + order[class_dict.num_classes :]
    width = max(display_width(names[i]) for i in order)
    header = "".join(f"{split + ' pixels':>16} {'images':>6}" for split in splits)
    lines = [f"  {'class':<{width}}{header}"]
    lines += [f"  {pad(names[i], width)}" + "".join(cells[i] for cells in columns.values()) for i in order]
    hidden = class_dict.num_classes - sum(index < class_dict.num_classes for index in order)
    if hidden:
        lines.append(f"  ... and {hidden} rarer classes")
    return "\n".join(lines)


def check_labeled(split: str, statistics: SplitStatistics) -> None:
    """Raises UsageError if no pixel of a split has a class."""
    if statistics.read and not statistics.pixels.any():
        of_sample = f" of {_sample(statistics, split)}" if statistics.is_sample else ""
        raise UsageError(
            f"none of the {statistics.area:,} pixels of the {split} labels{of_sample} has a class: all are ignored; "
            "check class_dict.csv, --unknown_colours, --ignore_class and --label_format"
        )


def training_warnings(
    training: SplitStatistics,
    validation: SplitStatistics,
    class_dict: ClassDict,
    crop: tuple[int, int],
) -> list[str]:
    """Lists surprises in the labels of a training, each with its remedy.

    Args:
        training, validation: statistics of the two splits.
        class_dict: `ClassDict`.
        crop: `(height, width)` of the training crop.

    Returns:
        List of lines.
    """
    names, absent, warnings = np.array(class_dict.class_names), training.pixels == 0, []
    if np.count_nonzero(~absent) == 1:
        warnings.append(
            f"all labeled training pixels are {names[~absent][0]}: there is nothing to tell it from; check the labels, "
            "class_dict.csv and --label_format"
        )
    elif absent.any() and training.is_sample:
        warnings.append(f"{_enumerate(names[absent])} no pixel in {_sample(training, 'training')}")
    elif absent.any():
        leave_out = " ".join(f"'{name}'" if " " in name else name for name in names[absent][:3])
        warnings.append(
            f"{_enumerate(names[absent])} no pixel in train and cannot be learned; check the labels and "
            f"class_dict.csv, or leave out with --ignore_class {leave_out}{' ...' if absent.sum() > 3 else ''}"
        )
    unscored = (validation.pixels == 0) & ~absent & (validation.read > 0)
    if unscored.any() and validation.is_sample:
        warnings.append(f"{_enumerate(names[unscored])} no pixel in {_sample(validation, 'validation')}")
    elif unscored.any():
        warnings.append(
            f"{_enumerate(names[unscored])} no pixel in the validation images and cannot be scored there; "
            "take all of them with --num_val_images 0, or move some of train to val"
        )
    ignored = training.ignored / training.area
    if ignored > MUCH_IGNORED:
        chosen = f" (with those of {', '.join(class_dict.ignored)})" if class_dict.ignored else ""
        warnings.append(
            f"{percentage(ignored)} of the training pixels are ignored{chosen} and teach nothing; check the labels and "
            "class_dict.csv"
        )
    return warnings + _crop_warnings(training.sizes, crop)


def scoring_warnings(split: str, statistics: SplitStatistics, class_dict: ClassDict) -> list[str]:
    """Lists classes and images that the scores of a split leave out, each with the remedy.

    Args:
        split: "train", "val" or "test".
        statistics: of its images.
        class_dict: `ClassDict`.

    Returns:
        List of lines.
    """
    names, absent, warnings = np.array(class_dict.class_names), statistics.pixels == 0, []
    if np.count_nonzero(~absent) == 1:
        warnings.append(
            f"all labeled {split} pixels are {names[~absent][0]}: the scores do not tell whether the network knows it "
            "from others; check the labels, class_dict.csv and --label_format"
        )
    elif absent.any() and statistics.is_sample:
        warnings.append(f"{_enumerate(names[absent])} no pixel in {_sample(statistics, split)}")
    elif absent.any():
        warnings.append(
            f"{_enumerate(names[absent])} no pixel in the {split} images and cannot be scored: predicted there, a "
            "class has the IoU 0; score another --split, or add images"
        )
    if statistics.unlabeled:
        warnings.append(
            f"{statistics.unlabeled} of {statistics.read} {split} images have no labeled pixel and no scores; check "
            "their labels"
        )
    return warnings


def repeated_images(training: Sequence[pathlib.Path], validation: Sequence[pathlib.Path]) -> list[str]:
    """Warns about validation images that are also training images, by the bytes of the files.

    Args:
        training, validation: paths of the images.

    Returns:
        List of at most one line.
    """
    sizes = collections.defaultdict(list)
    training = training if validation else []
    for path, size in zip(training, map_files(lambda path: path.stat().st_size, training, 1)):
        sizes[size].append(path)
    parts, hashes = {}, {}  # few bytes are compared first, because files of one size may be all of a dataset
    repeated = [
        path
        for path in validation
        if any(
            _digest(other, parts, _few_bytes) == _digest(path, parts, _few_bytes)
            and _digest(other, hashes) == _digest(path, hashes)
            for other in sizes.get(path.stat().st_size, ())
        )
    ]
    if not repeated:
        return []
    return [
        f"{len(repeated)} of {len(validation)} validation images are training images too, such as {repeated[0].name}: "
        "their scores say nothing about new images; tools/analyse_dataset.py lists them"
    ]


def _digest(path, hashes, read=lambda file: hashlib.file_digest(file, "blake2b").digest()):
    """Returns the hash of a file, or what `read` returns of it, computed once."""
    if path not in hashes:
        with open(path, "rb") as file:
            hashes[path] = read(file)
    return hashes[path]


def _few_bytes(file):
    """Returns bytes of the middle and of the end of a file."""
    size = file.seek(0, os.SEEK_END)
    file.seek(size // 2)
    middle = file.read(FEW)
    file.seek(max(0, size - FEW))
    return hash(middle + file.read(FEW))


def _sample(statistics, split):
    """Names the images that were read, where statements about all would need the others."""
    return f"the {statistics.read:,} of {statistics.pairs:,} {split} images that were read; --verify full reads all"


def _crop_warnings(sizes, crop):
    """Warns about a crop that is larger than some images, and names one that is not, a multiple of 32 if possible."""
    smaller = {size: count for size, count in sizes.items() if size[0] < crop[0] or size[1] < crop[1]}
    if not smaller:
        return []
    number = f"{sum(smaller.values())} of {sizes.total()}"
    height, width = (min(side, *(size[axis] for size in smaller)) for axis, side in enumerate(crop))
    height, width = (side // 32 * 32 or side for side in (height, width))
    return [
        f"the crop of {crop[0]}x{crop[1]} is larger than {number} training images: beyond them "
        f"it is reflected and ignored; --crop_height {height} --crop_width {width} fits into all"
    ]


def _enumerate(names):
    """Joins at most eight names, and adds the verb."""
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    return f"{', '.join(names[:8])}{more} {'has' if len(names) == 1 else 'have'}"
