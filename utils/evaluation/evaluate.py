"""Evaluation of a network on labeled images."""

import pathlib
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np

from utils.class_dict import ClassDict
from utils.data.folder import Pair, find_dataset, list_pairs, other_labels, read_classes
from utils.data.image_format import ImageFormat
from utils.data.images import RGB_BYTES, to_rgb, write_image
from utils.data.labels import read_pair
from utils.data.verification import check_splits
from utils.inference.predictor import Predictor
from utils.inference.scored import as_scored
from utils.metrics import ConfusionMatrix, ImageScores, image_scores
from utils.peers import ALONE, Peers
from utils.threads import background, prefetch


class Sample(NamedTuple):
    """An image with its label, its prediction and their scores.

    Attributes:
        name: of the image, for captions.
        scores: `ImageScores`.
        image: uint8 array `(H, W, 3)`, RGB, or the first three bands.
        label, prediction: uint8 arrays `(H, W)`, class indices; 255 = ignored.
    """

    name: str
    scores: ImageScores
    image: np.ndarray
    label: np.ndarray
    prediction: np.ndarray


class Evaluation(NamedTuple):
    """Result of `evaluate`.

    Attributes:
        confusion: `ConfusionMatrix` over all images.
        image_scores: list of `ImageScores`, one per image, in the order of the pairs.
        samples: list of `Sample`, the images that were to be kept, in the order of the pairs.
    """

    confusion: ConfusionMatrix
    image_scores: list[ImageScores]
    samples: list[Sample]


def score(
    model,
    dataset: str | pathlib.Path,
    split: str = "test",
    ignore_class: Sequence[str] = (),
    unknown: str = "error",
    batch_size: int = 1,
    folder: pathlib.Path | None = None,
    image_format: ImageFormat = RGB_BYTES,
    label_format: str = "auto",
    **options,
) -> dict:
    """Scores a network on a split of a dataset, as test.py does.

    Args:
        model: `keras.Model` from images to logits, or a `predictor.Backend`.
        dataset: a path, or a name looked for in `.` and `datasets/`.
        split: "train", "val" or "test".
        ignore_class: names of classes to leave out, as in training.
        unknown, label_format: see `ClassDict`.
        batch_size: images of equal size at once.
        folder, image_format: as in `evaluate`.
        **options: `scales`, `flip`, `tile`, `overlap` of `Predictor`.

    Returns:
        Dict with the keys of scores.json: "mean_iou", "class_iou", "global_accuracy" and others, in 0..1.

    Raises:
        UsageError: if the dataset cannot be used.
    """
    dataset_folder = find_dataset(dataset)
    class_dict = read_classes(dataset_folder, ignore_class, unknown, label_format)
    predictor = Predictor(model, batch_size, **options)
    pairs = list_pairs(dataset_folder, split)
    others = other_labels(dataset_folder, pairs)
    check_splits({split: pairs}, class_dict, other_labels=others, image_format=image_format)
    confusion = evaluate(predictor, pairs, class_dict, folder=folder, image_format=image_format).confusion
    return confusion.result(predictor.images_per_second)


def evaluate(
    predictor: Predictor,
    pairs: Sequence[Pair],
    class_dict: ClassDict,
    crop: tuple[int, int] | None = None,
    folder: pathlib.Path | None = None,
    keep: Collection[str] = (),
    progress: Callable[[int], None] | None = None,
    workers: int = 2,
    image_format: ImageFormat = RGB_BYTES,
    observe: Callable[..., None] | None = None,
    peers: Peers = ALONE,
) -> Evaluation:
    """Predicts labeled images, scores the predictions and writes them as images. Each file is read once.

    Several processes share the images out, and all return the scores of all images.

    Args:
        predictor: `Predictor`.
        pairs: images and labels.
        class_dict: `ClassDict`.
        crop: `(height, width)` of the upper left part to use, or None for whole images.
        folder: for `<name>_pred.png` and `<name>_gt.png`, in the colors of the classes; None: no images are written.
        keep: names of pairs to return as `samples`.
        progress: called with the number of images done.
        workers: threads that read, and as many that write.
        image_format: bands and value range of the images.
        observe: called on the writing threads with each pair, its image (uint8 `(H, W, 3)`), label, prediction,
            confidence (`(H, W)`; None if `predictor` keeps classes alone) and `ImageScores`.
        peers: the processes that evaluate together. The images to keep go to the first one, and only it returns
            `samples`; each calls `observe` with its own images.
    """
    confusion = ConfusionMatrix(class_dict.num_classes, class_dict.class_names)
    height, width = crop or (None, None)
    own = own_pairs(pairs, keep, peers)
    kept_images, scores, samples = {}, {}, {}

    def read(pair):
        image, label = read_pair(pair.image, pair.label, pair.class_dict or class_dict, image_format)
        return image[:height, :width], label[:height, :width]

    def images():
        for pair, (image, label) in prefetch(read, own, workers):
            if observe or pair.name in keep:
                kept_images[pair] = to_rgb(image)
            yield (pair, label), image

    def write(name, indices):
        write_image(folder / name, class_dict.decode(indices))

    with background(workers) as submit:
        for (pair, label), result in predictor(images()):
            prediction, confidence, _ = as_scored(result)
            scores[pair] = image_scores(confusion.update(label, prediction))
            image = kept_images.pop(pair, None)
            if pair.name in keep:
                samples[pair] = Sample(pair.name, scores[pair], image, label, prediction)
            if observe:
                submit(observe, pair, image, label, prediction, confidence, scores[pair])
            if folder:
                submit(write, f"{pair.name}_pred.png", prediction)
                submit(write, f"{pair.name}_gt.png", label)
            if progress:
                progress(min(len(pairs), len(scores) * peers.count))
    add_up(confusion, peers)
    in_order = [samples[pair] for pair in pairs if pair in samples]
    return Evaluation(confusion, gather_scores(pairs, scores, peers), in_order)


def own_pairs(pairs: Sequence[Pair], keep: Collection[str], peers: Peers) -> list[Pair]:
    """Returns the pairs of this process: the first one evaluates those to keep, the others are dealt out."""
    kept = [pair for pair in pairs if pair.name in keep] if peers.is_chief else []
    return kept + peers.share([pair for pair in pairs if pair.name not in keep])


def add_up(confusion: ConfusionMatrix, peers: Peers) -> None:
    """Replaces the counts of a confusion matrix by those of all processes."""
    parts = peers.gather([confusion.matrix.tolist(), confusion.images])
    confusion.matrix = sum(np.array(matrix, np.int64) for matrix, _ in parts)
    confusion.images = sum(images for _, images in parts)


def gather_scores(pairs: Sequence[Pair], scores: dict[Pair, ImageScores], peers: Peers) -> list[ImageScores]:
    """Returns the scores of all pairs in order, from those that each process has."""
    own = [[index, *scores[pair]] for index, pair in enumerate(pairs) if pair in scores]
    found = {index: ImageScores(*values) for part in peers.gather(own) for index, *values in part}
    return [found[index] for index in range(len(pairs))]
