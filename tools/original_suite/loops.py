"""Per-image loops of the original suite: scoring, label decoding, loading; baselines of `compare_speed.py`.

They are written anew from a description, defects included, for comparison only. The code of this suite is in
`utils/metrics.py`, `utils/class_dict.py`, `utils/data/augmentation.py` and `utils/data/dataset.py`.
"""

import cv2
import numpy as np


def evaluate_segmentation(prediction, label, num_classes):
    """Scores an image.

    Defects: precision and recall are swapped; classes that are not in the image have accuracy 1; mean IoU is the mean
    over the classes in the label of this image; the scores were then averaged over images; void is a class.

    Args:
        prediction, label: int arrays `(H, W)` of class indices.
        num_classes: int, C.

    Returns:
        `(accuracy, class_accuracies, precision, recall, f1, mean_iou)`: floats in 0..1, the second a list of C.
    """
    prediction, label = prediction.ravel(), label.ravel()
    accuracy = global_accuracy(prediction, label)
    accuracies = class_accuracies(prediction, label, num_classes)
    # The arguments are swapped: these functions take the truth first.
    precision = weighted_precision(prediction, label)
    recall = weighted_recall(prediction, label)
    f1 = weighted_f1(prediction, label)
    return accuracy, accuracies, precision, recall, f1, mean_iou(prediction, label)


def global_accuracy(prediction, label):
    """Counts the share of correct pixels of flat arrays in a loop."""
    correct = 0.0
    for i in range(len(label)):
        if prediction[i] == label[i]:
            correct += 1.0
    return correct / len(label)


def class_accuracies(prediction, label, num_classes):
    """Counts the share of correct pixels of each class in a loop; 1 for classes that are not in the label."""
    correct = [0.0] * num_classes
    for i in range(len(label)):
        if prediction[i] == label[i]:
            correct[label[i]] += 1.0
    totals = [(label == index).sum() for index in range(num_classes)]
    return [float(hits / total) if total else 1.0 for hits, total in zip(correct, totals)]


def weighted_precision(truth, prediction):
    """Mean precision of the classes, weighted by their pixels in `truth`."""
    hits, in_truth, predicted = class_counts(truth, prediction)
    return float(in_truth / in_truth.sum() @ (hits / np.maximum(predicted, 1)))


def weighted_recall(truth, prediction):
    """Mean recall of the classes, weighted by their pixels in `truth`; equals the accuracy."""
    hits, in_truth, _ = class_counts(truth, prediction)
    return float(in_truth / in_truth.sum() @ (hits / np.maximum(in_truth, 1)))


def weighted_f1(truth, prediction):
    """Mean F1 score of the classes, weighted by their pixels in `truth`."""
    hits, in_truth, predicted = class_counts(truth, prediction)
    return float(in_truth / in_truth.sum() @ (2 * hits / (in_truth + predicted)))


def class_counts(truth, prediction):
    """Counts the pixels of each class that occurs: correct, in `truth`, in `prediction`.

    The original calls scikit-learn for each of three scores; these are its sums, without its checks of the input.
    """
    classes = np.union1d(truth, prediction)
    truth, prediction = np.searchsorted(classes, truth), np.searchsorted(classes, prediction)
    counted = truth[truth == prediction], truth, prediction
    return [np.bincount(indices, minlength=len(classes)) for indices in counted]


def mean_iou(prediction, label):
    """Mean intersection over union of the classes in `label`."""
    ious = []
    for index in np.unique(label):
        predicted, true = prediction == index, label == index
        ious.append(np.logical_and(predicted, true).sum() / np.logical_or(predicted, true).sum())
    return float(np.mean(ious))


def one_hot_it(label, label_values):
    """Compares a label image with the color of every class.

    Defect: a color of no class is not an error; its pixels belong to no class, and become class 0 by `argmax`.

    Args:
        label: uint8 array `(H, W, 3)`, RGB.
        label_values: C colors.

    Returns:
        bool array `(H, W, C)`.
    """
    return np.stack([np.all(np.equal(label, color), axis=-1) for color in label_values], axis=-1)


def load_and_augment(
    image_path,
    label_path,
    label_values,
    crop_height,
    crop_width,
    rng,
    h_flip=False,
    v_flip=False,
    brightness=0.0,
    rotation=0.0,
):
    """Reads and augments an image and its label, for a training step of batch size 1.

    Defects: brightness wraps around (256 becomes 0); rotation uses nearest neighbor for the image too, and pads image
    and label with black, which is the class of that color in the label, if any.

    Args:
        image_path, label_path: str.
        label_values: C colors.
        crop_height, crop_width: int, pixels.
        rng: `random.Random`.
        h_flip, v_flip: bool, flip with probability 1/2.
        brightness: float, maximum relative change.
        rotation: float, maximum angle in degrees.

    Returns:
        float32 arrays: image `(crop_height, crop_width, 3)` in 0..1 and one-hot label `(crop_height, crop_width, C)`.

    Raises:
        ValueError: if image and label differ in size, or the crop is larger.
    """
    image, label = (cv2.cvtColor(cv2.imread(path, -1), cv2.COLOR_BGR2RGB) for path in (image_path, label_path))
    image, label = random_crop(image, label, crop_height, crop_width, rng)
    if h_flip and rng.randint(0, 1):
        image, label = cv2.flip(image, 1), cv2.flip(label, 1)
    if v_flip and rng.randint(0, 1):
        image, label = cv2.flip(image, 0), cv2.flip(label, 0)
    if brightness:
        factor = 1.0 + rng.uniform(-brightness, brightness)
        table = (np.arange(256) * factor).astype(np.int64).astype(np.uint8)  # the second cast wraps around
        image = cv2.LUT(image, table)
    if rotation:
        center = (crop_width // 2, crop_height // 2)
        matrix = cv2.getRotationMatrix2D(center, rng.uniform(-rotation, rotation), 1.0)
        size = (crop_width, crop_height)
        image, label = (cv2.warpAffine(array, matrix, size, flags=cv2.INTER_NEAREST) for array in (image, label))
    return np.float32(image) / 255.0, np.float32(one_hot_it(label, label_values))


def random_crop(image, label, crop_height, crop_width, rng):
    """Crops the same random area of image and label."""
    height, width = image.shape[:2]
    if image.shape[:2] != label.shape[:2]:
        raise ValueError("image and label must have the same size")
    if crop_height > height or crop_width > width:
        raise ValueError(f"the crop of {crop_width}x{crop_height} is larger than the image of {width}x{height}")
    left, top = rng.randint(0, width - crop_width), rng.randint(0, height - crop_height)
    area = slice(top, top + crop_height), slice(left, left + crop_width)
    return image[area], label[area]
