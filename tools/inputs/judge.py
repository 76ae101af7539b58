"""Judgment of label reading: the reading of train.py and test.py compared with the truth of a generated dataset."""

import pathlib
from typing import NamedTuple

import numpy as np

from tools.inputs.datasets import UNKNOWN, write_dataset
from tools.inputs.reading import nearest, possible_readings, read_file
from tools.inputs.storage import BLACK, VOID, WHITE
from tools.inputs.variants import Variant, background_row
from utils.data.checks import check_pairs
from utils.data.folder import list_pairs, other_labels, read_classes
from utils.data.labels import read_label
from utils.errors import UsageError

MAX_LINE = 600  # characters of an error
MIN_KEPT = 0.8  # share of the pixels of a lossy file that keep their class
RIGHT, REFUSED, WRONG = "right", "refused", "WRONG"
# Why a dataset may be refused. Every other one must be read.
LOSSY, UNKNOWN_VALUES, TWO_WAYS = "lossy", "no class", "two ways"
REASONS = {
    LOSSY: "JPEG and lossy WebP have colors that nobody drew; --unknown_colours nearest is a decision of the user",
    UNKNOWN_VALUES: "a value or color has no row in class_dict.csv, as with indices that begin at 1",
    TWO_WAYS: "two readings explain all pixels, and differ: the user alone knows which one is meant",
}
REMEDIES = {
    LOSSY: ("--unknown_colours nearest", "--label_format"),
    UNKNOWN_VALUES: ("class_dict.csv", "--unknown_colours", "--label_format"),
    TWO_WAYS: ("--label_format",),
}
FORMATS = {"colors": "colors", "indices": "indices", "masks": "binary"}  # --label_format of each meaning


class Verdict(NamedTuple):
    """Outcome of a variant.

    Attributes:
        outcome: `RIGHT`, `REFUSED` or `WRONG`.
        reason: of `REASONS` for a refused variant, the difference for a wrong one, else "".
        message: the error of a refused variant, else "".
    """

    outcome: str
    reason: str = ""
    message: str = ""


class _DifferenceError(Exception):
    """A difference."""


def judge(folder: pathlib.Path, variant: Variant) -> Verdict:
    """Generates a dataset and judges how its labels are read.

    A refused dataset is read again with the flag that the error advises, and must then be right.

    Args:
        folder: `pathlib.Path`, to be created.
        variant: `Variant`.

    Returns:
        `Verdict`.
    """
    truth = write_dataset(folder, variant)
    try:
        reason = _expected_refusal(truth, variant)
        message = _read_and_compare(folder, truth, variant)
        if message is None:
            if reason and reason != LOSSY:  # areas of a JPEG may be exact
                raise _DifferenceError(f"read, though there is a reason to refuse: {reason}")
            _read_as_told(folder, truth, variant)
            return Verdict(RIGHT)
        if not reason:
            raise _DifferenceError(f"refused without need: {message}")
        _check_message(message, reason)
        _follow_advice(folder, truth, variant, TWO_WAYS in message, reason)
        return Verdict(REFUSED, reason, message)
    except _DifferenceError as wrong:
        return Verdict(WRONG, str(wrong))


def _expected_refusal(truth, variant):
    """Returns the reason why the labels cannot be read, or None; checks the independent reading on the way."""
    if variant.is_lossy:
        _take_nearest(truth, variant)
        return LOSSY
    stored = [read_file(path) for path in truth]
    has_none = any((rows == UNKNOWN).any() for rows in truth.values())
    if has_none or _has_no_class(truth, variant):
        return UNKNOWN_VALUES
    reason = None
    for kind, readings in possible_readings(stored, variant.rows).items():
        meant = [rows for rows, one in zip(truth.values(), stored) if one.kind == kind]
        if not any(all(map(np.array_equal, reading, meant)) for reading in readings):
            raise _DifferenceError(f"the independent reading of {kind} files is not the truth")
        if len(readings) > 1:
            reason = TWO_WAYS
    return reason


def _has_no_class(truth, variant):
    """Returns whether a file has values that `Part.has_no_class` means."""
    background = background_row(variant.rows)
    parts = (variant.parts[number % len(variant.parts)] for number in range(len(truth)))
    return any(
        part.has_no_class and (part.meaning != "masks" or (rows != background).any())
        for part, rows in zip(parts, truth.values())
    )


def _take_nearest(truth, variant):
    """Replaces the truth of lossy files by the nearest colors; only smooth borders may differ."""
    rows, ignored = list(variant.rows.values()), [list(variant.rows).index(name) for name in variant.ignored]
    background = background_row(variant.rows)
    for path, drawn in truth.items():
        colors = read_file(path).colors
        if variant.parts[0].meaning == "masks":
            found = np.where(nearest(colors, [BLACK, WHITE]) == 0, background, 1 - background)
        else:
            found = nearest(colors, rows, tuple(ignored))
        if np.mean(found == drawn) < MIN_KEPT:
            raise _DifferenceError(f"the compression of {path.name} has changed the classes")
        truth[path] = found


def _read_and_compare(folder, truth, variant, **flags):
    """Reads as train.py and test.py do. Returns None if all is right, or the error; raises `_DifferenceError`."""
    errors = []
    for splits in (["train", "val"], ["val"]):
        try:
            _compare(folder, splits, truth, variant, flags)
            errors.append(None)
        except UsageError as error:
            errors.append(str(error))
        except _DifferenceError as wrong:
            raise _DifferenceError(f"{' and '.join(splits)}: {wrong}") from None
        except Exception as error:  # a defect, reported with its dataset
            raise _DifferenceError(f"{' and '.join(splits)}: {type(error).__name__}: {error}") from error
    if errors[0] is None and errors[1]:
        raise _DifferenceError(f"test.py refuses what train.py reads: {errors[1]}")
    return errors[0]


def _compare(folder, splits, truth, variant, flags):
    """Compares the labels of splits, and the pixels of each class in the report, with the truth."""
    unknown, label_format = flags.get("unknown", "error"), flags.get("label_format", "auto")
    classes = read_classes(folder, variant.ignored, unknown, label_format)
    problems, pairs = [], []
    for split in splits:
        pairs += list_pairs(folder, split, problems)
    statistics = check_pairs(pairs, classes, 2, problems, other_labels(folder, pairs))
    for pair, counted in zip(pairs, statistics, strict=True):
        expected = _class_of_rows(variant)[truth[pair.label]]
        label = read_label(pair.label, classes)
        if not np.array_equal(label, expected):
            read = {(int(one), int(other)) for one, other in zip(expected.ravel(), label.ravel()) if one != other}
            raise _DifferenceError(f"{pair.label.name}: (meant, read) {sorted(read)[:6]}; readings {classes.readings}")
        counts = np.bincount(expected.ravel(), minlength=256)
        if counted.pixels.tolist() != counts[: classes.num_classes].tolist() or counted.ignored != counts[VOID]:
            raise _DifferenceError(
                f"{pair.label.name}: the report counts {counted.pixels.tolist()}, {counted.ignored} ignored"
            )


def _class_of_rows(variant):
    """Returns the class index of each row of class_dict.csv, `(256,)`: 255 for ignored ones and unknown values."""
    table = np.full(256, VOID)
    kept = [row for row, name in enumerate(variant.rows) if name not in variant.ignored]
    table[kept] = np.arange(len(kept))
    return table


def _check_message(message, reason):
    """Checks that an error is short and names a remedy."""
    if not any(remedy in message for remedy in REMEDIES[reason]):
        raise _DifferenceError(f"no remedy: {message}")
    longest = max(map(len, message.splitlines()))
    if longest > MAX_LINE:
        raise _DifferenceError(f"a line of {longest} characters: {message}")


def _read_as_told(folder, truth, variant):
    """Reads again with the true `--label_format`, which must change nothing."""
    meanings = {part.meaning for part in variant.parts}
    if len(meanings) == 1:
        message = _read_and_compare(folder, truth, variant, label_format=FORMATS[meanings.pop()])
        if message is not None:
            raise _DifferenceError(f"read, but refused with the true --label_format: {message}")


def _follow_advice(folder, truth, variant, is_ambiguous, reason):
    """Reads again with the flags that help, where there are some."""
    meanings = {part.meaning for part in variant.parts}
    if _has_no_class(truth, variant):
        return
    flags = {LOSSY: {"unknown": "nearest"}, UNKNOWN_VALUES: {"unknown": "ignore"}}.get(reason, {})
    if is_ambiguous or reason == LOSSY and meanings == {"masks"}:
        if len(meanings) > 1:
            return
        flags["label_format"] = FORMATS[meanings.pop()]
    message = _read_and_compare(folder, truth, variant, **flags)
    if message is not None:
        raise _DifferenceError(f"refused with {flags}: {message}")
