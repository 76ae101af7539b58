"""Costs of candidate networks: memory and time of a training step, from constants that were measured once."""

import math
from typing import NamedTuple

RUNTIME_MEMORY = 1000 * 2**20  # bytes of Python, TensorFlow and the input pipeline
GPU_RUNTIME_MEMORY = 700 * 2**20  # bytes of CUDA, cuDNN and their work space
VARIABLE_BYTES = 20  # of a parameter: weight, gradient, two slots of the optimizer, a copy for checkpoints
FEATURE_FACTOR = 1.35  # between the outputs of all layers and what a step keeps of them, with gradients
CLASS_FACTOR = 4.5  # the same for the features that further classes add, with the loss and the running scores
LOGIT_BYTES = 8  # of a pixel and class in the loss and the running scores, always float32
PREDICTION_BYTES, PREDICTION_CLASS_BYTES = 200, 12  # of a pixel, and of a pixel and class, in prediction
IMAGE_BYTES = 64  # of a pixel in batches that are read ahead
CLASSES = 12  # of the counted networks
USABLE = 0.8  # share of the free memory that a training may take


class NetworkCosts(NamedTuple):
    """Costs of a network with 12 classes at 3 channels.

    Attributes:
        parameters: number of trainable parameters.
        feature_bytes: bytes of the float32 outputs of all layers for a pixel of the crop.
        class_bytes: bytes that each further class adds to them.
        class_parameters: number of parameters that each further class adds.
        seconds: of a training step on the reference machine, two cores of an AMD EPYC, per 10**6 pixels.
    """

    parameters: int
    feature_bytes: float
    class_bytes: float
    class_parameters: int
    seconds: float


# Seconds are those of the recorded experiments (bfloat16), of the last row by its operations; a test counts the others.
COSTS = {
    ("custom", "MobileNet"): NetworkCosts(3_618_764, 1903, 4.2, 65, 1.3),
    ("custom", "MobileNetV3Small"): NetworkCosts(1_281_964, 987, 4.2, 65, 1.0),
    ("ExFuse", "MobileNet"): NetworkCosts(14_236_910, 1911, 21.6, 59_237, 2.3),
    ("DeepLabV3_plus", "ResNet50"): NetworkCosts(16_671_724, 3000, 4.2, 257, 7.0),
}


def training_memory(
    costs: NetworkCosts, pixels: int, num_classes: int, precision: str = "float32", on_gpu: bool = False
) -> int:
    """Estimates the peak memory of a training in bytes: of the process, or of the GPU.

    Args:
        costs: of the network.
        pixels: of a batch of crops.
        num_classes: number of classes.
        precision: of the features, a value of `--mixed_precision`.
        on_gpu: whether a GPU trains.
    """
    more = max(0, num_classes - CLASSES)
    features = FEATURE_FACTOR * costs.feature_bytes * (1.0 if precision == "float32" else 0.75)
    features += CLASS_FACTOR * costs.class_bytes * more
    runtime = GPU_RUNTIME_MEMORY if on_gpu else RUNTIME_MEMORY
    return math.ceil(
        runtime
        + VARIABLE_BYTES * (costs.parameters + costs.class_parameters * more)
        + pixels * (features + LOGIT_BYTES * num_classes + (0 if on_gpu else IMAGE_BYTES))
    )


def validation_memory(costs: NetworkCosts, pixels: int, num_classes: int, on_gpu: bool = False) -> int:
    """Estimates the peak memory in bytes of predicting whole images, of so many pixels in a batch, while training."""
    runtime = GPU_RUNTIME_MEMORY if on_gpu else RUNTIME_MEMORY
    per_pixel = PREDICTION_BYTES + PREDICTION_CLASS_BYTES * num_classes
    return math.ceil(runtime + VARIABLE_BYTES * costs.parameters + pixels * per_pixel)


def step_seconds(costs: NetworkCosts, pixels: int, speed: float) -> float:
    """Estimates the seconds of a training step for a batch of so many pixels at a speed relative to the reference."""
    return max(0.02, costs.seconds * pixels / 1e6 / speed)
