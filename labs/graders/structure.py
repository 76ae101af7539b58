"""Graders of lab 2: output size, bilinear resizing, upsample-and-merge block."""

import numpy as np

from labs.checks import AnswerError
from labs.graders.compare import as_array, expect


def grade_output_size(function):
    """Grades `output_size(size, kernel_size, stride, padding)`."""
    for size in (1, 2, 5, 7, 8, 9, 192, 333):
        for kernel in (1, 2, 3, 5, 7):
            for stride in (1, 2, 3):
                same = (size + stride - 1) // stride
                hints = [
                    (size // stride, "padding same rounds up: the last, incomplete step still has an output"),
                    (size / stride, "a size is an integer: round up"),
                    ((size - kernel) // stride + 1, "padding same pads the input: the kernel size does not matter"),
                ]
                context = f"for size {size}, kernel {kernel}, stride {stride}, padding same"
                expect("output_size", function(size, kernel, stride, "same"), same, hints=hints, context=context)
                if kernel > size:
                    continue
                valid = len(range(0, size - kernel + 1, stride))
                hints = [
                    (same, "padding valid pads nothing: the whole kernel must lie inside the input"),
                    (valid - 1, "the first position counts too: add 1"),
                    (-(-(size - kernel) // stride) + 1, "padding valid rounds down: an incomplete step has no output"),
                    (-(-size // stride) - kernel + 1, "take the kernel off before you divide by the stride"),
                ]
                context = f"for size {size}, kernel {kernel}, stride {stride}, padding valid"
                expect("output_size", function(size, kernel, stride, "valid"), valid, hints=hints, context=context)


def grade_resize_bilinear(function):
    """Grades `resize_bilinear(image, height, width)`."""
    random = np.random.default_rng(0)
    for old, new in (((3, 4), (6, 8)), ((7, 9), (10, 11)), ((8, 8), (4, 2)), ((5, 6), (5, 6)), ((1, 2), (3, 5))):
        image = random.random((*old, 3))
        before = image.copy()
        found = function(image, *new)
        if not np.array_equal(image, before):
            raise AnswerError("resize_bilinear changes its argument; work on a copy")
        if np.shape(found)[:2] == new[::-1] != new:
            raise AnswerError("rows and columns are exchanged: the first axis is the height")
        found = as_array("resize_bilinear", found, (*new, 3))
        hints = [
            (_resize(image, new, _corners), "the corners are aligned; with half-pixel centers add 0.5 before scaling"),
            (_resize(image, new, _legacy), "without half-pixel centers the image moves: add 0.5, scale, subtract 0.5"),
            (_resize(image, new, _centers, clip=False), "positions outside must take the border pixel: clip them"),
            (_resize(image, new, _nearest), "this is the nearest pixel; mix the pixels below and above"),
            (_resize(image, new, _centers, swap=True), "the shares are exchanged: a position of 2.1 is mostly pixel 2"),
        ]
        context = f"for {old[0]}x{old[1]} to {new[0]}x{new[1]}"
        expect("resize_bilinear", found, _resize(image, new, _centers), 1e-5, hints, context)


def grade_merge(function):
    """Grades `merge(x, skip, filters)`."""
    import keras

    for size, skip_size, deep, fine in (((4, 4), (8, 8), 6, 6), ((6, 8), (11, 15), 10, 6)):
        x, skip = keras.Input((*size, deep)), keras.Input((*skip_size, fine))
        y = function(x, skip, 5)
        if not isinstance(y, keras.KerasTensor):
            raise AnswerError(f"merge returns {type(y).__name__}, not a Keras tensor")
        if y.shape[1:3] == size:
            raise AnswerError("the skip was made smaller; enlarge the deep features to the skip's size")
        if y.shape[1:3] != skip_size:
            raise AnswerError(f"the result is {y.shape[1]}x{y.shape[2]}, the skip {skip_size[0]}x{skip_size[1]}")
        if y.shape[3] != 5:
            raise AnswerError(f"the result has {y.shape[3]} channels; the convolutions must have `filters` channels")
        model = keras.Model([x, skip], y)
        kernels = [layer.kernel.shape for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
        kernels = [tuple(shape) for shape in kernels if tuple(shape[:2]) == (3, 3)]
        if not kernels or kernels[0][2] in (deep, fine):
            raise AnswerError("the features are added or one is left out; U-Net concatenates them along the channels")
        if kernels != [(3, 3, deep + fine, 5), (3, 3, 5, 5)]:
            raise AnswerError(f"two 3x3 convolutions follow the concatenation; found kernels {kernels}")


def _resize(image, size, places_of, clip=True, swap=False):
    """Resizes by two matrices; `places_of(old, new)` are the old positions of the new pixels."""
    matrices = []
    for old, new in zip(image.shape, size):
        places = places_of(old, new)
        below = np.floor(places).astype(int)
        matrix = np.zeros((new, old))
        for row, (pixel, place) in enumerate(zip(below, places)):
            share = place - pixel
            ends = (pixel % old, min(pixel + 1, old - 1))  # an index of -1 is the last pixel
            ends = np.clip((pixel, pixel + 1), 0, old - 1) if clip else ends
            matrix[row, ends[0]] += share if swap else 1 - share
            matrix[row, ends[1]] += 1 - share if swap else share
        matrices.append(matrix)
    return np.einsum("yh,xw,hwc->yxc", *matrices, image)


def _centers(old, new):
    """Positions of half-pixel centers."""
    return (np.arange(new) + 0.5) * old / new - 0.5


def _legacy(old, new):
    """Positions of pixel corners, as in TensorFlow 1."""
    return np.arange(new) * old / new


def _corners(old, new):
    """Positions with aligned corners."""
    return np.arange(new) * ((old - 1) / max(new - 1, 1))


def _nearest(old, new):
    """Positions of the nearest pixels."""
    return np.clip(np.floor((np.arange(new) + 0.5) * old / new), 0, old - 1)
