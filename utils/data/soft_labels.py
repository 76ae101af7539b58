"""Soft labels: class probabilities of a teacher network for the training images, for distillation.

A folder holds one array for each image, `<name of the image>.npy`: uint8 `(ceil(H / 4), ceil(W / 4), C)`, the mean
probability of each class over squares of 4x4 pixels, 255 for 1. `soft_labels.json`, which is written last, describes
them: class names, stride, the teacher, its views, and a checksum of all arrays.
"""

import hashlib
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from utils.errors import UsageError
from utils.files import atomic_write, parse_json, write_json

STRIDE = 4  # pixels
METADATA = "soft_labels.json"
REMEDY = "write them again with tools/make_soft_labels.py"


class SoftLabels:
    """Soft labels of a folder.

    Args:
        folder: of tools/make_soft_labels.py.
        class_names: those of the training, in order.
        names: of the training images, without extension.

    Raises:
        UsageError: if the folder is incomplete, or of other classes or images.

    Attributes:
        metadata: dict of `soft_labels.json`.
    """

    def __init__(self, folder, class_names: Sequence[str], names: Sequence[str]):
        self.folder = pathlib.Path(folder)
        self.metadata = read_metadata(self.folder)
        if self.metadata["class_names"] != list(class_names):
            raise UsageError(
                f"--soft_labels {folder} has the classes {', '.join(self.metadata['class_names'])}, and the training "
                f"has {', '.join(class_names)}: take a teacher with the same classes in the same order"
            )
        files = set(os.listdir(self.folder))  # one call, also for many images on a disk of a network
        missing = [name for name in names if f"{name}.npy" not in files]
        if missing:
            raise UsageError(
                f"--soft_labels {folder} has no {missing[0]}.npy; {len(missing)} of {len(names)} training images have "
                f"no soft label: {REMEDY} for this dataset"
            )

    @property
    def identity(self) -> str:
        """Checksum of all arrays, for a training that resumes."""
        return self.metadata["checksum"]

    def read(self, name: str, size: tuple[int, int]) -> np.ndarray:
        """Reads the soft label of an image.

        Args:
            name: of the image.
            size: its `(height, width)`.

        Returns:
            uint8 array `(ceil(height / 4), ceil(width / 4), C)`.

        Raises:
            UsageError: if it is damaged, or of an image of another size.
        """
        path = self.folder / f"{name}.npy"
        try:
            array = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UsageError(f"{path} cannot be read ({error}); {REMEDY}") from error
        if array.dtype != np.uint8:
            raise UsageError(f"{path} has values of type {array.dtype} instead of uint8; {REMEDY}")
        expected = soft_shape(size, len(self.metadata["class_names"]))
        if array.shape != expected:
            raise UsageError(
                f"{path} has the shape {array.shape}, and the image of {size[1]}x{size[0]} needs {expected}: the soft "
                f"labels are of images of another size; {REMEDY}"
            )
        return array


class SoftLabelWriter:
    """Writer of a folder of soft labels. Until `finish` the folder has no metadata, and training refuses it.

    Args:
        folder: `pathlib.Path`; its metadata of earlier soft labels is removed.

    Attributes:
        size: int, bytes written.
    """

    def __init__(self, folder: pathlib.Path):
        self.folder, self.size, self._hash = folder, 0, hashlib.sha256()
        (folder / METADATA).unlink(missing_ok=True)

    def write(self, name: str, probabilities: np.ndarray) -> None:
        """Writes the soft label of an image from its probabilities, float `(H, W, C)`, 0..1."""
        array = reduce_probabilities(probabilities)
        with atomic_write(self.folder / f"{name}.npy") as temporary:
            np.save(temporary, array)
        self._hash.update(f"{name} {array.shape} ".encode())
        self._hash.update(array)
        self.size += array.nbytes

    def finish(self, class_names: Sequence[str], **about) -> None:
        """Writes the metadata: class names, and what `about` says of teacher and views."""
        checksum = self._hash.hexdigest()[:16]
        write_json(
            self.folder / METADATA, {"class_names": list(class_names), "stride": STRIDE, **about, "checksum": checksum}
        )


def read_metadata(folder: pathlib.Path) -> dict:
    """Reads the metadata of a folder of soft labels.

    Raises:
        UsageError: if it is missing, damaged, or of another stride.
    """
    path = folder / METADATA
    try:
        metadata = parse_json(path.read_bytes())
        stride, names, _ = metadata["stride"], metadata["class_names"], metadata["checksum"]
    except FileNotFoundError as error:
        raise UsageError(f"there is no {path}: not a folder of soft labels, or an incomplete one; {REMEDY}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is damaged ({type(error).__name__}: {error}); {REMEDY}") from error
    if stride != STRIDE or not isinstance(names, list):
        raise UsageError(f"{path} tells of stride {stride}, and only {STRIDE} is known; {REMEDY}")
    return metadata


def check_resumed(settings: dict, identity: str) -> None:
    """Records the identity of the soft labels in the settings of a run, or compares it with that of a resumed one.

    Raises:
        UsageError: if the run was trained with others.
    """
    if settings.setdefault("soft_labels_identity", identity) != identity:
        raise UsageError(
            f"--soft_labels {settings['soft_labels']} holds other soft labels than those this run was trained with; "
            "give the folder of those, or start anew without --continue_training"
        )


def soft_shape(size: tuple[int, int], classes: int) -> tuple[int, int, int]:
    """Returns the shape of the soft label of an image of a `(height, width)`."""
    return -(-size[0] // STRIDE), -(-size[1] // STRIDE), classes


def reduce_probabilities(probabilities: np.ndarray) -> np.ndarray:
    """Averages probabilities over squares of 4x4 pixels.

    Args:
        probabilities: float `(H, W, C)`, 0..1.

    Returns:
        uint8 `(ceil(H / 4), ceil(W / 4), C)`, 255 for 1. Squares beyond the image repeat its last row or column.
    """
    height, width, classes = soft_shape(probabilities.shape[:2], probabilities.shape[2])
    excess = height * STRIDE - probabilities.shape[0], width * STRIDE - probabilities.shape[1]
    padded = np.pad(probabilities.astype(np.float32), ((0, excess[0]), (0, excess[1]), (0, 0)), mode="edge")
    means = padded.reshape(height, STRIDE, width, STRIDE, classes).mean(axis=(1, 3))
    return np.rint(np.clip(means, 0, 1) * 255).astype(np.uint8)
