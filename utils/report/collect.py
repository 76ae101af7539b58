"""Collection of the content of a report, image by image, while a network is evaluated."""

import threading

import numpy as np

from utils.class_dict import IGNORED, ClassDict
from utils.data.folder import Pair
from utils.errors import first_line
from utils.metrics import ImageScores
from utils.report.borders import BorderScores
from utils.report.calibration import Calibration
from utils.report.object_sizes import ObjectSizes
from utils.report.suspects import Region, find_regions, suspicion
from utils.report.thumbnails import MOST_IMAGES, encode_maps, encode_photo, fitted_size, gallery_side

MOST_REGIONS = 20  # of an image in the page, the most suspicious ones


class Collector:
    """Measures and thumbnails of labeled images: the `observe` of `utils.evaluation.evaluate`.

    Memory grows by the thumbnails, some 40 kB an image. An exception ends the collection and not the evaluation.

    Args:
        class_dict: `ClassDict`.
        images: number of images that will come, which decides the size of the thumbnails.

    Attributes:
        problem: str, why the collection ended early; None if it did not.
    """

    def __init__(self, class_dict: ClassDict, images: int):
        self.class_dict, self.side, self.problem = class_dict, gallery_side(images), None
        self.borders = BorderScores(class_dict.class_names)
        self.sizes = ObjectSizes(class_dict.class_names)
        self.calibration = Calibration()
        self._images, self._lock = [], threading.Lock()

    def __call__(
        self,
        pair: Pair,
        image: np.ndarray,
        label: np.ndarray,
        prediction: np.ndarray,
        confidence: np.ndarray | None,
        scores: ImageScores,
    ) -> None:
        """Adds an image; may be called by several threads.

        Args:
            pair: its name and files.
            image: uint8 array `(H, W, 3)`, RGB.
            label, prediction: uint8 arrays `(H, W)`, class indices; 255 = ignored.
            confidence: float array `(H, W)`, probability of the predicted class; None: neither calibration nor
                suspect areas are found.
            scores: of the image.
        """
        if self.problem:
            return
        try:
            record = self._describe(pair, image, label, prediction, scores)
            regions = [] if confidence is None else find_regions(label, prediction, confidence)
            with self._lock:
                self.borders.update(label, prediction)
                self.sizes.update(label, prediction)
                if confidence is not None:
                    self.calibration.update(label, prediction, confidence)
                self._images.append((record, regions))
        except Exception as error:  # whatever it is, the scores are worth more
            self.problem = f"{type(error).__name__}: {first_line(error)}"

    def measures(self) -> dict:
        """Returns the scores that scores.json gets: "border", "object_sizes" and, with confidences, "calibration"."""
        measures = {"border": self.borders.result(), "object_sizes": self.sizes.result()}
        has_confidence = self.calibration.count.any()
        return {**measures, "calibration": self.calibration.result()} if has_confidence else measures

    def images(self) -> list[dict]:
        """Returns the images by name: scores, thumbnails, and suspect regions with their suspicion.

        Of more than `MOST_IMAGES` images, the most suspicious third and those of the least mean IoU are returned.
        """
        images = sorted(self._images, key=lambda entry: entry[0]["name"])
        suspicions = suspicion([regions for _, regions in images])
        records = [
            {**record, "suspicion": round(sum(values), 1), "regions": _strongest(regions, values, record["scale"])}
            for (record, regions), values in zip(images, suspicions)
        ]
        if len(records) <= MOST_IMAGES:
            return records
        by_suspicion = sorted(records, key=lambda record: -record["suspicion"])[: MOST_IMAGES // 3]
        names = {record["name"] for record in by_suspicion}
        others = sorted(
            (record for record in records if record["name"] not in names),
            key=lambda r: (r["mean_iou"] is None, r["mean_iou"] or 0.0),
        )
        names |= {record["name"] for record in others[: MOST_IMAGES - len(names)]}
        return [record for record in records if record["name"] in names]

    def _describe(self, pair, image, label, prediction, scores):
        """Returns an image as JSON types."""
        counted = np.bincount(label.ravel(), minlength=256)
        predicted = np.bincount(prediction[label != IGNORED], minlength=256)
        hits = np.bincount(label[label == prediction], minlength=256)
        union = counted + predicted - hits
        iou = {i: round(float(hits[i] / union[i]), 4) for i in np.flatnonzero(union[:IGNORED]).tolist()}
        is_unlabeled = not counted[:IGNORED].any()
        height, width = size = fitted_size(*label.shape, self.side)
        return {
            "name": pair.name,
            "mean_iou": None if is_unlabeled else round(scores.mean_iou, 4),
            "accuracy": None if is_unlabeled else round(scores.accuracy, 4),
            "class_iou": iou,
            "truth": np.flatnonzero(counted[:IGNORED]).tolist(),
            "width": width,
            "height": height,
            "scale": width / label.shape[1],
            "photo": encode_photo(image, size),
            "maps": encode_maps(label, prediction, size),
        }


def _strongest(regions: list[Region], values: list[float], scale: float) -> list[list]:
    """Returns the most suspicious regions as `[label, prediction, suspicion, x, y, width, height]` in the thumbnail."""
    order = sorted(range(len(regions)), key=lambda index: -values[index])[:MOST_REGIONS]
    return [
        [regions[i].label, regions[i].prediction, round(values[i], 1), *(round(v * scale, 1) for v in regions[i][3:])]
        for i in order
    ]
