"""Losses of networks with training heads, all against the same label image. Pixels labeled 255 never count."""

import functools

import keras
from keras import ops

from utils.class_dict import IGNORED
from utils.losses import build_loss
from utils.losses.cross_entropy import SegmentationLoss


def build_losses(heads, name, num_classes, class_weights=None, label_smoothing=0.0):
    """Makes the losses of a network with training heads, as `Model.compile` takes them.

    Args:
        heads: dict from the output's name to `models.Head`; may be empty.
        name: str, one of `utils.losses.LOSSES`; for the logits and for heads of the kind "pixels".
        num_classes: int, C.
        class_weights: C floats >= 0, or None.
        label_smoothing: float from 0 to below 1, of the losses by `name`.

    Returns:
        losses: dict from the output's name, "logits" first, to its loss.
        weights: dict from the same names to the factors of the losses, floats; 1 for "logits".

    Raises:
        ValueError: for an unknown name or kind, and as `build_loss`.
    """
    chosen = functools.partial(build_loss, name, num_classes, class_weights, label_smoothing)
    losses, weights = {"logits": chosen()}, {"logits": 1.0}
    for output, (kind, weight) in heads.items():
        if kind == "pixels":
            losses[output] = AtHeadResolution(chosen())
        elif kind == "presence":
            losses[output] = Presence(num_classes, class_weights)
        elif kind == "border":
            losses[output] = Border()
        else:
            raise ValueError(f"the head '{output}' is of unknown kind '{kind}'; choose pixels, presence or border")
        weights[output] = float(weight)
    return losses, weights


@keras.saving.register_keras_serializable(package="suite")
class AtHeadResolution(keras.losses.Loss):
    """Another loss, of logits that are smaller than the labels: each is compared with the label at its center.

    Args:
        loss: `SegmentationLoss`.
        name: str.

    Call arguments:
        labels: `(B, H, W)`, class indices of any dtype, 255 = ignored.
        logits: float `(B, h, w, C)`.

    Returns:
        Scalar float32; 0 where no pixel counts.
    """

    def __init__(self, loss, name="at_head_resolution", **kwargs):
        super().__init__(name=name, **kwargs)
        self.loss = loss

    def call(self, labels, logits):
        return self.loss(nearest(labels, *ops.shape(logits)[1:3]), logits)

    def get_config(self):
        return {**super().get_config(), "loss": keras.losses.serialize(self.loss)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.losses.deserialize(config["loss"])})


@keras.saving.register_keras_serializable(package="suite")
class Presence(SegmentationLoss):
    """Which classes an image contains (semantic encoding loss of EncNet, Zhang 2018, 1803.08904).

    Sigmoid cross entropy, the weighted mean over the classes and the mean over the images that have labeled pixels.
    Called with labels `(B, H, W)` and logits `(B, C)`.
    """

    def call(self, labels, logits):
        # One class at a time: their one-hot images together are C times as large as the labels.
        present = [ops.any(ops.equal(labels, index), axis=(1, 2)) for index in range(self.num_classes)]
        losses = _binary_cross_entropy(_contradiction(ops.stack(present, axis=-1), logits))
        counted = ops.cast(ops.any(ops.not_equal(labels, IGNORED), axis=(1, 2)), "float32")  # (B,)
        weights = ops.expand_dims(counted, -1) * self.weights()  # (B, C)
        return ops.divide_no_nan(ops.sum(weights * losses), ops.sum(weights))


@keras.saving.register_keras_serializable(package="suite")
class Border(keras.losses.Loss):
    """Where one class meets another (border loss of DFN, Yu 2018, 1804.09337).

    Focal loss (Lin 2017, 1708.02002) between each channel and the same map of borders, the mean over pixels, the sum
    over channels.

    Args:
        width: int, odd, pixels at the labels' size: side of the square that each border pixel grows to.
        gamma: float >= 0; the greater, the less do easy pixels count.
        alpha: float in 0..1, weight of border pixels; the others have 1 - alpha.
        name: str.

    Call arguments:
        labels: `(B, H, W)`, class indices of any dtype, 255 = ignored.
        logits: float `(B, h, w, K)`, K guesses.

    Returns:
        Scalar float32; 0 where no pixel counts.
    """

    def __init__(self, width=7, gamma=2.0, alpha=0.25, name="border", **kwargs):
        super().__init__(name=name, **kwargs)
        self.width, self.gamma, self.alpha = width, gamma, alpha

    def call(self, labels, logits):
        size = ops.shape(logits)[1:3]
        border = ops.expand_dims(nearest(border_map(labels, self.width), *size), -1)  # (B, h, w, 1)
        valid = ops.cast(ops.expand_dims(ops.not_equal(nearest(labels, *size), IGNORED), -1), "float32")
        contradiction = _contradiction(border, logits)
        # The probability of the wrong answer to the power of gamma; through its logarithm, whose gradient is finite.
        fade = ops.exp(-self.gamma * _binary_cross_entropy(-contradiction))
        alpha = ops.where(border, self.alpha, 1.0 - self.alpha)
        losses = alpha * fade * _binary_cross_entropy(contradiction)
        return ops.divide_no_nan(ops.sum(valid * losses), ops.sum(valid))

    def get_config(self):
        return {**super().get_config(), "width": self.width, "gamma": self.gamma, "alpha": self.alpha}


def border_map(labels, width):
    """Where classes meet.

    The pixels on both sides of a border, grown to squares; a straight border is so `width + 1` pixels wide. Ignored
    pixels make no border.

    Args:
        labels: `(B, H, W)`, class indices, 255 = ignored.
        width: int, odd, side of the squares in pixels.

    Returns:
        bool `(B, H, W)`.
    """
    valid = ops.not_equal(labels, IGNORED)
    down = (labels[:, 1:] != labels[:, :-1]) & valid[:, 1:] & valid[:, :-1]  # (B, H - 1, W)
    right = (labels[:, :, 1:] != labels[:, :, :-1]) & valid[:, :, 1:] & valid[:, :, :-1]  # (B, H, W - 1)
    down, right = ops.cast(down, "float32"), ops.cast(right, "float32")
    border = ops.maximum(
        ops.maximum(ops.pad(down, ((0, 0), (1, 0), (0, 0))), ops.pad(down, ((0, 0), (0, 1), (0, 0)))),
        ops.maximum(ops.pad(right, ((0, 0), (0, 0), (1, 0))), ops.pad(right, ((0, 0), (0, 0), (0, 1)))),
    )
    border = ops.expand_dims(border, -1)
    for window in ((width, 1), (1, width)):
        border = ops.max_pool(border, window, strides=1, padding="same", data_format="channels_last")
    return ops.squeeze(border, -1) > 0.5


def nearest(maps, height, width):
    """Resizes to the values at the centers of the new pixels.

    Args:
        maps: tensor `(B, H, W)` of any dtype.
        height, width: int or int32 scalar, the new size in pixels.

    Returns:
        Tensor `(B, height, width)` of the same dtype.
    """
    for axis, size in ((1, height), (2, width)):
        source = ops.shape(maps)[axis]
        # floor((i + 0.5) * source / size), exactly
        maps = ops.take(maps, (2 * ops.arange(size, dtype="int32") + 1) * source // (2 * size), axis=axis)
    return maps


def _contradiction(truth, logits):
    """Logits for the wrong answer; `truth` is bool."""
    return ops.where(truth, -logits, logits)


def _binary_cross_entropy(contradiction):
    """-log of the probability of the right answer, from the logit of the wrong one."""
    return ops.softplus(contradiction)
