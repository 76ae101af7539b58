"""Comparison of two training runs, bit for bit: weights, optimizer, state, log and files."""

import contextlib
import csv
import io
import json
import pathlib
import zipfile

import numpy as np

PREVIOUS = "previous_model.keras"
CLOCK = ("seconds",)  # keys of times
# Keys of flags that change no result, and of numbers that Keras takes from addresses in memory.
FREE = ("shared_object_id", "continue_training", "workers", "progress", "cache", "dataset", "dataset_path")


def differences(folder: pathlib.Path, other: pathlib.Path) -> list[str]:
    """Compares the output folders of two complete runs with equal settings.

    Args:
        folder, other: the folders that `--output_dir` named.

    Returns:
        A line for each difference: files that only one has, checkpoints, `log.csv`. Empty if the runs are equal.
        TensorBoard's files, whose names have the time, are left out, and so is the checkpoint before the latest where
        the clock decided which one it is.
    """
    files, others = (list_files(path) for path in (folder, other))
    lines = [f"only in {path}: {name}" for path, name in lonely(folder, files, other, others)]
    for name in sorted(files & others):
        if name.endswith(PREVIOUS) and is_timed(folder / name, other / name):
            continue
        if name.endswith(".keras"):
            try:
                lines += compare_checkpoints(folder / name, other / name)
            except zipfile.BadZipFile as error:
                lines.append(f"{name} is damaged: {error}")
        elif name.endswith("log.csv") and read_log(folder / name) != read_log(other / name):
            lines.append(f"{name} differs: {compare_logs(folder / name, other / name)}")
    return lines


def is_timed(path, other):
    """Returns whether two checkpoints are of different steps, one of them within an epoch, where the clock decides."""
    positions = []
    for place in (path, other):
        with contextlib.suppress(zipfile.BadZipFile, KeyError), zipfile.ZipFile(place) as archive:
            state = json.loads(archive.read("suite.json"))["state"]
            positions.append((state["epoch"], state.get("step", 0)))
    return len(set(positions)) == 2 and any(step for _, step in positions)


def list_files(folder):
    """Returns the paths of all files in a folder but TensorBoard's, whose names have the time."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return {path.as_posix() for path in paths if "tensorboard" not in path.parts}


def lonely(folder, files, other, others):
    """Yields `(folder, name)` of the files that only one of two folders has."""
    yield from ((folder, name) for name in sorted(files - others))
    yield from ((other, name) for name in sorted(others - files))


def compare_checkpoints(path: pathlib.Path, other: pathlib.Path) -> list[str]:
    """Compares two checkpoints: architecture, weights, variables of the optimizer, settings and state."""
    lines = []
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(other) as another:
        names = set(archive.namelist())
        if names != set(another.namelist()):
            return [f"{path.name}: other members"]
        for name in sorted(names - {"metadata.json"}):  # the date
            data = archive.read(name), another.read(name)
            if data[0] == data[1]:
                continue
            if name.endswith(".h5"):
                lines += [f"{path.name}: {line}" for line in compare_arrays(*map(read_arrays, data))]
            elif name.endswith(".json"):
                first, second = (plain(json.loads(text)) for text in data)
                lines += [f"{path.name}: {name}: {line}" for line in compare_values(first, second)]
            else:
                lines.append(f"{path.name}: {name} differs")
    return lines


def read_arrays(data):
    """Returns a dict of all arrays of an HDF5 file, given as bytes."""
    import h5py  # here: a large import

    arrays = {}
    with h5py.File(io.BytesIO(data)) as file:
        file.visititems(lambda name, item: arrays.update({name: item[()]} if hasattr(item, "shape") else {}))
    return arrays


def compare_arrays(arrays, others):
    """Returns a line for each array that is missing or whose bits differ."""
    lines = [f"array {name} is in one only" for name in sorted(arrays.keys() ^ others.keys())]
    for name in sorted(arrays.keys() & others.keys()):
        array, other = np.asarray(arrays[name]), np.asarray(others[name])
        if array.dtype != other.dtype or array.shape != other.shape or array.tobytes() != other.tobytes():
            is_number = array.shape == other.shape and array.dtype.kind in "fiu"
            gap = f" by up to {np.abs(array.astype(float) - other.astype(float)).max():.3g}" if is_number else ""
            lines.append(f"array {name} differs{gap}")
    return lines


def plain(values):
    """Copies JSON values without times and without flags that change no result."""
    if isinstance(values, dict):
        return {name: plain(value) for name, value in values.items() if name not in (*CLOCK, *FREE)}
    return [plain(value) for value in values] if isinstance(values, list) else values


def compare_values(values, others, place=""):
    """Yields a line for each place at which two JSON values differ."""
    if isinstance(values, dict) and isinstance(others, dict):
        for name in {**values, **others}:
            yield from compare_values(values.get(name), others.get(name), f"{place}/{name}")
    elif isinstance(values, list) and isinstance(others, list) and len(values) == len(others):
        for index, pair in enumerate(zip(values, others)):
            yield from compare_values(*pair, f"{place}/{index}")
    elif values != others and not (values != values and others != others):
        yield f"{place}: {values!r:.80} and {others!r:.80}"


def read_log(path):
    """Returns the rows of log.csv without times."""
    with open(path, newline="", encoding="utf-8") as file:
        return [{name: value for name, value in row.items() if name not in CLOCK} for row in csv.DictReader(file)]


def compare_logs(path, other):
    """Describes the first differences of two logs."""
    return "; ".join(list(compare_values(read_log(path), read_log(other)))[:3])


def damaged_files(folder: pathlib.Path) -> list[str]:
    """Returns a line for each file under its final name that is not whole: checkpoints, JSON, CSV and PNG files."""
    import cv2

    lines = []
    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.name.startswith("."):
            continue  # temporary files of a killed run have names with a dot
        try:
            if path.suffix == ".keras":
                with zipfile.ZipFile(path) as archive:
                    bad = archive.testzip()
                    json.loads(archive.read("suite.json"))
                is_whole = bad is None
            elif path.suffix == ".json":
                is_whole = isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
            elif path.suffix == ".csv":
                is_whole = path.read_text(encoding="utf-8").endswith("\n")
            else:
                is_whole = path.suffix != ".png" or cv2.imread(str(path), cv2.IMREAD_UNCHANGED) is not None
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            lines.append(f"{path.name} is damaged: {error}")
        else:
            lines += [] if is_whole else [f"{path.name} is damaged"]
    return lines
