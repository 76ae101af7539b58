"""Losses of auxiliary heads (deep supervision) and of soft labels. All heads are trained on the same label image."""

import functools
from collections.abc import Sequence

import keras
from keras import ops

from utils.class_dict import IGNORED
from utils.losses import build_loss
from utils.losses.base import ScalarLoss, SegmentationLoss
from utils.losses.distillation import SoftCrossEntropy
from utils.replicas import mean_over_replicas


def build_losses(
    heads: dict,
    name: str,
    num_classes: int,
    class_weights: Sequence[float] | None = None,
    label_smoothing: float = 0.0,
) -> tuple[dict, dict]:
    """Builds the losses of a network with auxiliary heads, as `Model.compile` takes them.

    Args:
        heads: dict from the output's name to `models.Head`; may be empty.
        name: a key of `utils.losses.LOSSES`; the loss of the logits and of heads of the kind "pixels".
        num_classes: C.
        class_weights: C floats >= 0, or None for equal weights.
        label_smoothing: label smoothing of that loss, from 0 to below 1.

    Returns:
        `(losses, weights)`: dict from the output's name, "logits" first, to its loss; dict from the same names to the
        float that multiplies the loss: for "logits" 1, or with a head of the kind "soft" 1 - its weight.

    Raises:
        ValueError: for an unknown kind of head, and as `build_loss`.
    """
    pixel_loss = functools.partial(build_loss, name, num_classes, class_weights, label_smoothing)
    losses, weights = {"logits": pixel_loss()}, {"logits": 1.0}
    for output, (kind, weight) in heads.items():
        if kind == "pixels":
            losses[output] = AtHeadResolution(pixel_loss())
        elif kind == "presence":
            losses[output] = Presence(num_classes, class_weights)
        elif kind == "border":
            losses[output] = Border()
        elif kind == "soft":
            losses[output] = SoftCrossEntropy(num_classes, class_weights)
            weights["logits"] = 1.0 - float(weight)
        else:
            raise ValueError(f"the head '{output}' is of unknown kind '{kind}'; choose pixels, presence or border")
        weights[output] = float(weight)
    return losses, weights


@keras.saving.register_keras_serializable(package="suite")
class AtHeadResolution(ScalarLoss):
    """Wraps a loss for logits smaller than the labels: each logit is compared with the label at its center.

    Args:
        loss: `SegmentationLoss`.
        name: str.

    Call arguments:
        labels: `(B, H, W)`, class indices of any dtype, 255 = ignored.
        logits: float `(B, h, w, C)`.

    Returns:
        Scalar float32; 0 if all pixels are ignored.
    """

    def __init__(self, loss, name="at_head_resolution", **kwargs):
        super().__init__(name=name, **kwargs)
        self.loss = loss

    def call(self, labels, logits):
        return self.loss.call(nearest(labels, *ops.shape(logits)[1:3]), logits)

    def get_config(self):
        return {**super().get_config(), "loss": keras.losses.serialize(self.loss)}

    @classmethod
    def from_config(cls, config):
        return cls(**{**config, "loss": keras.losses.deserialize(config["loss"])})


@keras.saving.register_keras_serializable(package="suite")
class Presence(SegmentationLoss):
    """Class presence loss: which classes an image contains (semantic encoding loss of EncNet, Zhang 2018, 1803.08904).

    Sigmoid cross entropy: the weighted mean over classes and the mean over images with labeled pixels. Takes labels
    `(B, H, W)` and logits `(B, C)`.
    """

    def call(self, labels, logits):
        # One class at a time: one-hot labels would be C times as large as the labels.
        present = [ops.any(ops.equal(labels, index), axis=(1, 2)) for index in range(self.num_classes)]
        losses = _binary_cross_entropy(_signed_logits(ops.stack(present, axis=-1), logits))
        labeled = ops.cast(ops.any(ops.not_equal(labels, IGNORED), axis=(1, 2)), "float32")  # (B,)
        weights = ops.expand_dims(labeled, -1) * self.weights()  # (B, C)
        return ops.divide_no_nan(ops.sum(weights * losses), mean_over_replicas(ops.sum(weights)))


@keras.saving.register_keras_serializable(package="suite")
class Border(ScalarLoss):
    """Border loss: where classes meet (DFN, Yu 2018, 1804.09337).

    Focal loss (Lin 2017, 1708.02002) between each channel and the same border map: the mean over pixels, the sum over
    channels.

    Args:
        width: int, odd, side in pixels of the labels of the square that each border pixel is dilated to.
        gamma: float >= 0, focusing parameter; the greater, the smaller the weight of easy pixels.
        alpha: float in 0..1, weight of border pixels; the others have 1 - alpha.
        name: str.

    Call arguments:
        labels: `(B, H, W)`, class indices of any dtype, 255 = ignored.
        logits: float `(B, h, w, K)`, K border maps.

    Returns:
        Scalar float32; 0 if all pixels are ignored.
    """

    def __init__(self, width=7, gamma=2.0, alpha=0.25, name="border", **kwargs):
        super().__init__(name=name, **kwargs)
        self.width, self.gamma, self.alpha = width, gamma, alpha

    def call(self, labels, logits):
        size = ops.shape(logits)[1:3]
        border = ops.expand_dims(nearest(border_map(labels, self.width), *size), -1)  # (B, h, w, 1)
        valid = ops.cast(ops.expand_dims(ops.not_equal(nearest(labels, *size), IGNORED), -1), "float32")
        signed_logits = _signed_logits(border, logits)
        # The probability of the wrong class to the power of gamma, by its logarithm, whose gradient is finite.
        modulation = ops.exp(-self.gamma * _binary_cross_entropy(-signed_logits))
        alpha = ops.where(border, self.alpha, 1.0 - self.alpha)
        losses = alpha * modulation * _binary_cross_entropy(signed_logits)
        return ops.divide_no_nan(ops.sum(valid * losses), mean_over_replicas(ops.sum(valid)))

    def get_config(self):
        return {**super().get_config(), "width": self.width, "gamma": self.gamma, "alpha": self.alpha}


def border_map(labels, width):
    """Marks the pixels where classes meet.

    The pixels on both sides of a border are dilated to squares, so a straight border is `width + 1` pixels wide.
    Ignored pixels form no border.

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
    """Resizes label maps by nearest neighbor: takes the values at the centers of the new pixels.

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


def _signed_logits(truth, logits):
    """Returns the logits of the wrong answer: negated where `truth`, bool, is True."""
    return ops.where(truth, -logits, logits)


def _binary_cross_entropy(signed_logits):
    """Returns -log of the probability of the right answer, from the logits of the wrong one."""
    return ops.softplus(signed_logits)
