"""Compact checkpoints: a network in a quarter of its size, with 8-bit weights, for inference.

The zip archive has the members of a Keras file, `config.json` and the suite's settings, and `compact_weights.npz` in
place of the float32 weights. Large kernels are stored as int8 with a scale for each output channel, all other weights
as float16; on loading all become float32.
"""

import io
import json
import pathlib
import zipfile

import keras
import numpy as np

from utils.checkpoint_archive import SUITE_MEMBER
from utils.files import atomic_write

WEIGHTS_MEMBER = "compact_weights.npz"
CONFIG_MEMBER = "config.json"
LARGE = 16384  # elements; smaller kernels, such as those of depthwise convolutions, lose accuracy and save nothing
FLOAT16_MAX = float(np.finfo(np.float16).max)


def save_compact(path: str | pathlib.Path, model: keras.Model, settings: dict) -> None:
    """Writes a compact checkpoint atomically.

    Args:
        path: ending in `.keras`.
        model: `keras.Model` for inference, without auxiliary heads.
        settings: JSON types, the settings of its training.

    Raises:
        RunError: if the file cannot be written.
    """
    arrays = {}
    for index, weight in enumerate(model.weights):
        arrays.update({f"{index}_{name}": array for name, array in quantize(np.asarray(weight)).items()})
    weights = io.BytesIO()
    np.savez(weights, **arrays)
    members = {
        CONFIG_MEMBER: json.dumps(keras.saving.serialize_keras_object(model)),
        WEIGHTS_MEMBER: weights.getvalue(),
        SUITE_MEMBER: json.dumps({"settings": settings, "state": {}}),
    }
    with atomic_write(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def is_compact(path: str | pathlib.Path) -> bool:
    """Returns whether a zip archive is a compact checkpoint."""
    with zipfile.ZipFile(path) as archive:
        return WEIGHTS_MEMBER in archive.namelist()


def load_compact(path: str | pathlib.Path) -> keras.Model:
    """Loads the network of a compact checkpoint, not compiled.

    Raises:
        ValueError, KeyError, OSError: if the file is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        model = keras.saving.deserialize_keras_object(json.loads(archive.read(CONFIG_MEMBER)))
        weights = archive.read(WEIGHTS_MEMBER)
        with zipfile.ZipFile(io.BytesIO(weights)) as inner:
            size = sum(member.file_size for member in inner.infolist())
        if size > 2 * len(weights):
            raise ValueError(f"{WEIGHTS_MEMBER} has {len(weights):,} bytes for arrays of {size:,}")
        with np.load(io.BytesIO(weights), allow_pickle=False) as arrays:
            stored = {name: arrays[name] for name in arrays.files}
    parts = [{} for _ in model.weights]
    for name, array in stored.items():
        index, _, part = name.partition("_")
        parts[int(index)][part] = array
    model.set_weights([restore(part) for part in parts])
    return model


def quantize(weight: np.ndarray) -> dict[str, np.ndarray]:
    """Stores a weight in fewer bytes.

    Args:
        weight: float array.

    Returns:
        Dict with "int8" and "scale" of each last-axis channel for a large kernel, "float16" for other floats in its
        range, else "exact".
    """
    if weight.dtype.kind != "f":
        return {"exact": weight}
    if weight.ndim > 1 and weight.size >= LARGE:
        scale = np.abs(weight).max(axis=tuple(range(weight.ndim - 1)), keepdims=True) / 127
        scale = np.where(scale == 0, 1, scale).astype(np.float32)
        return {"int8": np.rint(weight / scale).astype(np.int8), "scale": scale}
    if np.abs(weight).max(initial=0) < FLOAT16_MAX:
        return {"float16": weight.astype(np.float16)}
    return {"exact": weight}


def restore(stored: dict[str, np.ndarray]) -> np.ndarray:
    """Restores a weight that `quantize` stored; float32 for floats."""
    if "int8" in stored:
        return stored["int8"].astype(np.float32) * stored["scale"]
    return stored["float16"].astype(np.float32) if "float16" in stored else stored["exact"]
