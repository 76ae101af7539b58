"""Parity check: compares an exported file with the Keras model on the same images."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from utils.backend import silence_stderr
from utils.errors import RunError
from utils.export.reference_images import resize_image
from utils.export.write import ExportOptions, move_contents
from utils.inference.keras_backend import KerasBackend
from utils.inference.loading import load_trained
from utils.inference.predictor import SIZE_MULTIPLE, Backend, round_up

MIN_AGREEMENT = {"float32": 99.9, "float16": 99.0, "int8": 90.0}  # percent of pixels with the same class
MIN_SIDE, MAX_SIDE = 96, 1024  # pixels; every frontend takes the first, the second limits time and memory


class Comparison(NamedTuple):
    """Deviation of an exported file from its Keras model.

    Attributes:
        agreement: percent of pixels with the same class; 0 if the file gives logits that are not finite.
        difference: greatest absolute difference of a logit, or None if the file gives no logits.
        scale: greatest absolute logit of the model.
        sizes: list of `(height, width)` of the images.
    """

    agreement: float
    difference: float | None
    scale: float
    sizes: list[tuple[int, int]]

    def __str__(self):
        lines = [f"  pixels of the same class       {self.agreement:.4f} %"]
        if self.difference is not None:
            logits = f"{self.difference:.2g} (logits up to {self.scale:.3g})"
            lines.insert(0, f"  greatest difference of a logit {logits}")
        return "\n".join(lines)


def check_parity(path: pathlib.Path, model, images: Sequence[np.ndarray], output: str = "logits") -> Comparison:
    """Loads a file that `write_export` wrote and compares it with its model.

    Args:
        path: of the file or folder.
        model: `keras.Model` from images to logits.
        images: uint8 arrays `(h, w, channels)`.
        output: "logits", "classes" or "colours", see `ExportOptions`.
    """
    with silence_stderr():
        exported, _, _ = load_trained(path, jit_compile=False)
        return compare(KerasBackend(model), exported, images, sizes_to_check(exported.size, images), output)


def compare(
    reference: Backend,
    exported: Backend,
    images: Sequence[np.ndarray],
    sizes: Sequence[tuple[int, int]],
    output: str = "logits",
) -> Comparison:
    """Compares two backends on images of several sizes.

    Args:
        reference: the backend of the Keras model.
        exported: the backend of the exported file.
        images: uint8 arrays `(h, w, channels)` of any size.
        sizes: each a `(height, width)` to resize the images to.
        output: of the exported file; its logits are compared if it is "logits", else only its classes.
    """
    agreements, scale, difference = [], 0.0, 0.0 if output == "logits" else None
    for size in sizes:
        for image in images:
            batch = resize_image(image, size)[None]
            logits = reference.logits(batch)
            scale = max(scale, float(np.abs(logits).max()))
            if output != "logits":
                agreements.append((logits.argmax(-1) == exported.classes(batch)).mean())
                continue
            result = exported.logits(batch)
            same = (logits.argmax(-1) == result.argmax(-1)).mean()
            agreements.append(same if np.isfinite(result).all() else -np.inf)
            difference = max(difference, float(np.abs(logits - result).max()))
    return Comparison(max(0.0, 100 * float(np.mean(agreements))), difference, scale, list(sizes))


def sizes_to_check(size: tuple[int, int] | None, images: Sequence[np.ndarray]) -> list[tuple[int, int]]:
    """Returns the fixed size of a file, or that of the first image and about half of it, as multiples of 32."""
    if size:
        return [size]
    height, width = images[0].shape[:2]
    factor = min(1.0, MAX_SIDE / max(height, width))
    whole, half = (
        tuple(max(MIN_SIDE, round_up(round(side * scale), SIZE_MULTIPLE)) for side in (height, width))
        for scale in (factor, factor / 2)
    )
    return [whole, half] if half != whole else [whole, (whole[0], whole[1] + SIZE_MULTIPLE)]


def reject(agreement: float, folder: pathlib.Path, path: pathlib.Path, options: ExportOptions):
    """Raises RunError if the agreement is too low, and keeps the file under another name.

    Args:
        agreement: percent.
        folder: that holds the new file.
        path: where it would have gone; it is kept as `<name>_rejected` there.
        options: `ExportOptions`.
    """
    least = MIN_AGREEMENT[options.precision]
    if agreement >= least:
        return
    rejected = path.with_name(f"{path.stem}_rejected{path.suffix}")
    move_contents(folder, rejected)
    raise RunError(
        f"the file agrees with Keras in {agreement:.2f} % of the pixels, and {options.precision} must in "
        f"{least} %; to look into it, it is kept as {rejected}"
    )
