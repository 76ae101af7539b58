"""Settings of a training run, read from a checkpoint or a settings.json without Keras."""

import os
import pathlib
import zipfile
from collections.abc import Sequence

from utils.checkpoint_archive import DAMAGES, read_archive
from utils.checkpoint_choice import damaged_checkpoint, offer_others
from utils.errors import UnreadableError, UsageError
from utils.files import parse_json
from utils.text import brief

NEEDED = ("model", "class_names", "label_values", "ignored", "dataset_path")  # for inference


def read_checkpoint(path: str | os.PathLike, resumes: bool = False) -> tuple[dict, dict]:
    """Reads settings and state of a checkpoint, without its weights.

    Args:
        path: of a .keras file.
        resumes: whether a training is to continue from it, for the remedy of a damaged file.

    Returns:
        `(settings, state)`, as given to `checkpoints.save_checkpoint`.

    Raises:
        UsageError: if the file is missing, damaged or not written by train.py; with the undamaged ones of its run.
    """
    if not pathlib.Path(path).is_file():
        raise UsageError(f"there is no checkpoint {path}; train first, or give the path of a .keras file")
    try:
        return read_archive(path)
    except KeyError:
        message = f"{path} is a Keras model that train.py did not write: it has no settings"
        raise offer_others(message, path, resumes) from None
    except UnreadableError as error:
        raise damaged_checkpoint(path, str(error), resumes) from error


def check_complete(settings: dict, path: str | os.PathLike) -> None:
    """Checks that a checkpoint has the settings that inference needs.

    Raises:
        UsageError: naming what is missing.
    """
    missing = [name for name in NEEDED if name not in settings]
    if missing:
        raise UsageError(f"{path} has no {missing[0]} in its settings: train.py did not write it, or it was changed")


def check_classes(path: str | os.PathLike, settings: dict, class_names: Sequence[str], folder, remedy: str) -> None:
    """Compares the classes of a checkpoint with those of a dataset.

    Args:
        path: the checkpoint.
        settings: of its training.
        class_names: those of the dataset, in order.
        folder: of the dataset.
        remedy: what to do if they differ.

    Raises:
        UsageError: telling the difference.
    """
    trained, names = settings.get("class_names") or [], list(class_names)
    if trained == names:
        return
    lists = [name for name in trained if name not in names], [name for name in names if name not in trained]
    parts = [
        f"only {place} has {brief(', '.join(some), 60)}"
        for place, some in zip(("the checkpoint", folder), lists)
        if some
    ]
    difference = "; ".join(parts) or "they are in another order"
    raise UsageError(
        f"{path} was trained on {len(trained)} classes, and {folder} has {len(names)}: {difference}; {remedy}"
    )


def checkpoint_identity(path: str | os.PathLike) -> dict:
    """Describes which state of a training a file holds, wherever the file is.

    Args:
        path: of a checkpoint, or of a file or folder of export.py.

    Returns:
        Dict of "epoch", the last one that was completed, and "weights", a checksum that copies of a checkpoint share.
        Both are None if the file does not tell; "modified", seconds since 1970, is that of a file without a checksum.

    Raises:
        UsageError: if a `.keras` file cannot be read.
    """
    path = pathlib.Path(path)
    if path.suffix != ".keras":
        return {"epoch": None, "weights": None, "modified": path.stat().st_mtime}
    log = read_checkpoint(path)[1].get("log")
    return {"epoch": log[-1]["epoch"] if log else None, "weights": weights_checksum(path)}


def weights_checksum(path: str | os.PathLike) -> str | None:
    """Returns the CRC-32 and the size of a checkpoint's weights, which its zip directory lists; None if it has none."""
    try:
        with zipfile.ZipFile(path) as archive:
            weights = [member for member in archive.infolist() if "weights" in member.filename]
    except DAMAGES:
        return None
    return f"{weights[0].CRC:08x}-{weights[0].file_size}" if weights else None


def read_settings(path: str | os.PathLike) -> dict:
    """Reads the settings of a run.

    Args:
        path: of a JSON file such as a run's settings.json, or of a checkpoint (`.keras`).

    Raises:
        UsageError: if the file is missing or has no settings.
    """
    path = pathlib.Path(path)
    if path.suffix == ".keras":
        return read_checkpoint(path)[0]
    try:
        values = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not JSON ({brief(str(error), 100)})") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} must hold an object of flags and values, such as a run's settings.json")
    return values
