"""Prediction of an image: classes, confidence, probabilities, shares, overlay and result files."""

import functools
import os
import pathlib
from collections.abc import Callable

import cv2
import numpy as np

from utils.class_dict import ClassDict
from utils.data.images import write_image
from utils.errors import UsageError
from utils.files import make_folder
from utils.inference.drawing import UNKNOWN, Painter
from utils.inference.inputs import tell_replaced
from utils.inference.results import Results
from utils.inference.scored import Scored
from utils.progress import Console


class Prediction:
    """Result of a network for an image; made by `network.Network`. A notebook shows its overlay.

    Args:
        name: str, for the names of files.
        image: uint8 array `(H, W, C)`, RGB or bands.
        scored: `Scored`.
        class_dict: `ClassDict`.
        predict_probabilities: function from the image to probabilities `(H, W, C)`.
        path: `pathlib.Path` of the image, or None.

    Attributes:
        classes: uint8 array `(H, W)`, class indices; 255 = unknown.
        class_names: list of C str.
        name, image, path: as given.
    """

    def __init__(
        self,
        name: str,
        image: np.ndarray,
        scored: Scored,
        class_dict: ClassDict,
        predict_probabilities: Callable[[np.ndarray], np.ndarray],
        path: pathlib.Path | None = None,
    ):
        self.name, self.image, self.path = name, image, path
        self.classes, self.class_names = scored.indices, class_dict.class_names
        self._scored, self._class_dict, self._predict_probabilities = scored, class_dict, predict_probabilities

    def __repr__(self):
        shares = ", ".join(f"{name} {share:.1f} %" for name, share in list(self.shares.items())[:5])
        return f"Prediction({self.name}, {self.classes.shape[1]}x{self.classes.shape[0]}: {shares})"

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the most probable class, float16 array `(H, W)`, 0..1.

        Raises:
            UsageError: if it is the prediction of an exported file without logits.
        """
        if self._scored.confidence is None:
            raise UsageError("the exported file gives no probabilities; export it with --output logits")
        return self._scored.confidence

    @functools.cached_property
    def probabilities(self) -> np.ndarray:
        """The probabilities of all classes, float16 array `(H, W, C)`, 0..1. The network runs again at first use."""
        return self._predict_probabilities(self.image)

    @property
    def shares(self) -> dict[str, float]:
        """Percentage of the pixels of each class that occurs, the greatest first, and of unknown pixels."""
        shares = Painter(self._class_dict).coverage(self.classes)
        shares.setdefault(UNKNOWN, round(100 * float((self.classes == 255).mean()), 4))
        return {name: share for name, share in sorted(shares.items(), key=lambda item: -item[1]) if share}

    def with_unknown(self, below: float) -> "Prediction":
        """Returns the prediction with class 255, unknown, where the confidence is below a threshold, 0..1."""
        scored = Scored(self.classes, self.confidence).with_unknown(below)
        return Prediction(self.name, self.image, scored, self._class_dict, self._predict_probabilities, self.path)

    def overlay(self, path: str | os.PathLike | None = None, alpha: float = 0.5, outlines: bool = True) -> np.ndarray:
        """Blends the colors of the classes with the image, above a legend.

        Args:
            path: of an image file to write, or None.
            alpha: 0..1, the share of the colors.
            outlines: whether to draw darker lines along the borders of classes.

        Returns:
            uint8 array `(H + legend, W, 3)`, RGB.

        Raises:
            RunError: if the file cannot be written.
        """
        drawn = Painter(self._class_dict, alpha=alpha, outlines=outlines).overlay(self.image, self.classes)
        if path is not None:
            write_image(path, drawn)
        return drawn

    def save(
        self,
        folder: str | os.PathLike = "predictions",
        overlay: bool = True,
        indices: bool = False,
        confidence: bool = False,
        probabilities: bool = False,
    ) -> pathlib.Path:
        """Writes the files that predict.py writes: `<name>_pred.png` and those that are chosen.

        Args:
            folder: to write to; it is created if necessary.
            overlay, indices, confidence, probabilities: whether to write these too.

        Returns:
            The folder.

        Raises:
            RunError: if a file cannot be written.
        """
        folder = make_folder(folder)
        tell_replaced(folder, [self.name])
        kinds = {"overlay": overlay, "indices": indices, "confidence": confidence, "probabilities": probabilities}
        results = Results(folder, Painter(self._class_dict), Console("quiet"), **kinds)
        scored = Scored(
            self.classes, self.confidence if confidence else None, self.probabilities if probabilities else None
        )
        results.write(pathlib.Path(self.name), self.path or pathlib.Path(self.name), self.image, scored)
        return folder

    def _repr_png_(self) -> bytes:
        """Returns the overlay as a PNG, which Jupyter shows."""
        return cv2.imencode(".png", cv2.cvtColor(self.overlay(), cv2.COLOR_RGB2BGR))[1].tobytes()
