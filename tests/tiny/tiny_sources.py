"""Tiny datasets in the formats of annotation tools, and their conversion from the command line."""

from tools import convert_dataset
from tools.soak.mask_sources import *  # noqa: F403
from tools.soak.sources import *  # noqa: F403
from tools.soak.sources import SPLITS
from utils.data.folder import list_pairs, read_classes
from utils.data.labels import read_label


def convert(format, source, target, *flags):
    """Converts a dataset from the command line: its `ClassDict`, and its labels by `split/name`."""
    flags = ["--format", format, "--source", str(source), "--target", str(target), *flags]
    assert convert_dataset.main(flags) == 0
    classes, labels = read_classes(target), {}
    for split in SPLITS:
        for pair in list_pairs(target, split) if (target / split).is_dir() else ():
            labels[f"{split}/{pair.name}"] = read_label(pair.label, classes)
    return classes, labels


def by_name(labels):
    """Labels by name alone, where the splits are random."""
    return {name.split("/")[1]: label for name, label in labels.items()}


def refused(format, source, target, *flags):
    """Converts a dataset that is refused: the exit code."""
    try:
        return convert_dataset.main(["--format", format, "--source", str(source), "--target", str(target), *flags])
    except SystemExit as end:
        return end.code
