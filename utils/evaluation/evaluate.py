"""Scoring a network against labels."""

from utils.data.folder import find_dataset, list_pairs, read_classes
from utils.data.images import write_image
from utils.data.labels import read_pair
from utils.inference.keras_backend import KerasBackend
from utils.inference.predictor import Predictor
from utils.metrics import ConfusionMatrix, image_scores
from utils.threads import background, prefetch


def score(model, dataset, split="test", ignore_class=(), unknown="error", batch_size=1, folder=None, **options):
    """Scores a network on a split of a dataset, as test.py does.

    Args:
        model: `keras.Model` from images to logits.
        dataset: a path, or a name looked for in `.` and `datasets/`.
        split: "train", "val" or "test".
        ignore_class: names of classes to leave out, as in training.
        unknown: "error" or "ignore", see `ClassDict`.
        folder: as in `evaluate`.
        batch_size: int, images of equal size at once.
        **options: `scales`, `flip`, `tile`, `overlap` of `Predictor`.

    Returns:
        Dict with the keys of scores.json: "mean_iou", "class_iou", "global_accuracy" and others, in 0..1.

    Raises:
        UsageError: if the dataset cannot be used.
    """
    where = find_dataset(dataset)
    class_dict, pairs = read_classes(where, ignore_class, unknown), list_pairs(where, split)
    predictor = Predictor(KerasBackend(model), batch_size, **options)
    confusion, _ = evaluate(predictor, pairs, class_dict, folder=folder)
    return confusion.result(predictor.images_per_second)


def evaluate(predictor, pairs, class_dict, crop=None, folder=None, progress=None, workers=2):
    """Scores a network on labeled images and writes what it predicted.

    Args:
        predictor: `Predictor`.
        pairs: list of `folder.Pair`.
        class_dict: `ClassDict`.
        crop: `(height, width)` of the upper left part to use, or None for whole images.
        folder: `pathlib.Path` for `<name>_pred.png` and `<name>_gt.png`, or None to write no pictures.
        progress: function of the number of images done, or None.
        workers: int, threads that read.

    Returns:
        `(confusion, rows)`: the `ConfusionMatrix` over all images, and for each pair in order its `image_scores`.
    """
    confusion = ConfusionMatrix(class_dict.num_classes, class_dict.class_names)
    height, width = crop or (None, None)
    labels, rows = {}, {}

    def read(pair):
        image, label = read_pair(pair.image, pair.label, class_dict)
        return image[:height, :width], label[:height, :width]

    def images():
        for pair, (image, label) in prefetch(read, pairs, workers):
            labels[pair] = label
            yield pair, image

    def write(name, indices):
        write_image(folder / name, class_dict.decode(indices))

    with background(workers) as submit:
        for pair, prediction in predictor(images()):
            label = labels.pop(pair)
            rows[pair] = image_scores(confusion.update(label, prediction))
            if folder:
                submit(write, f"{pair.name}_pred.png", prediction)
                submit(write, f"{pair.name}_gt.png", label)
            if progress:
                progress(len(rows))
    return confusion, [rows[pair] for pair in pairs]
