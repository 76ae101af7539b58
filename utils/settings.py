"""Settings of a training run, read from a checkpoint or a settings.json without Keras."""

import json
import pathlib
import zipfile

from utils.errors import UsageError

SUITE_MEMBER = "suite.json"  # our part of the zip archive that a .keras file is


def read_checkpoint(path):
    """Reads settings and state without the weights.

    Returns:
        `(settings, state)`, as given to `checkpoints.save_checkpoint`.

    Raises:
        UsageError: if the file is missing, damaged or not of this suite.
    """
    if not pathlib.Path(path).is_file():
        raise UsageError(f"there is no checkpoint {path}; train first, or give the path of a .keras file")
    try:
        with zipfile.ZipFile(path) as archive:
            values = json.loads(archive.read(SUITE_MEMBER))
    except KeyError:
        raise UsageError(f"{path} is a Keras model that train.py did not write: it has no settings") from None
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise UsageError(f"{path} is damaged or not a .keras checkpoint ({error})") from error
    return values["settings"], values["state"]


def read_settings(path):
    """The settings in a JSON file such as a run's settings.json, or in a checkpoint.

    Returns:
        Dict.

    Raises:
        UsageError: if there is no such file, or no settings in it.
    """
    path = pathlib.Path(path)
    if path.suffix == ".keras":
        return read_checkpoint(path)[0]
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(f"{path} is not JSON ({error})") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} must hold an object of flags and values, such as a run's settings.json")
    return values
