"""Scoring a network against labels."""

from utils.images import read_pair, write_image
from utils.metrics import ConfusionMatrix, suite_scores
from utils.threads import on_threads, read_ahead


def evaluate(predictor, pairs, class_dict, unknown="error", crop=None, folder=None, progress=None, workers=2):
    """Scores a network on labeled images and writes what it predicted.

    Args:
        predictor: `Predictor`.
        pairs: list of `dataset_folder.Pair`.
        class_dict: `ClassDict`.
        unknown: "error" or "ignore", what to do with label colors of no class.
        crop: `(height, width)` of the upper left part to use, or None for whole images.
        folder: `pathlib.Path` for `<name>_pred.png` and `<name>_gt.png`, or None to write no pictures.
        progress: function of the number of images done, or None.
        workers: int, threads that read.

    Returns:
        `(confusion, rows)`: the `ConfusionMatrix` over all images, and for each pair in order its `suite_scores`.
    """
    confusion = ConfusionMatrix(class_dict.num_classes, class_dict.class_names)
    height, width = crop or (None, None)
    labels, rows = {}, {}

    def read(pair):
        image, label = read_pair(pair.image, pair.label, class_dict, unknown)
        return image[:height, :width], label[:height, :width]

    def images():
        for pair, (image, label) in read_ahead(read, pairs, workers):
            labels[pair] = label
            yield pair, image

    def write(name, indices):
        write_image(folder / name, class_dict.decode(indices))

    with on_threads(workers) as submit:
        for pair, prediction in predictor(images()):
            label = labels.pop(pair)
            rows[pair] = suite_scores(confusion.update(label, prediction))
            if folder:
                submit(write, f"{pair.name}_pred.png", prediction)
                submit(write, f"{pair.name}_gt.png", label)
            if progress:
                progress(len(rows))
    return confusion, [rows[pair] for pair in pairs]
