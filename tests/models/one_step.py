"""One training step of networks on the backend of KERAS_BACKEND; prints the losses of each as JSON.

KERAS_BACKEND=jax python tests/models/one_step.py PSPNet BiSeNet
"""

import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

import keras
import numpy as np

from models import MODELS, build_model
from utils.losses.auxiliary import build_losses

NUM_CLASSES = 3


def one_step(name):
    """Dict: "losses" by name before the step, and the kernels that it left "unchanged"."""
    rng = np.random.default_rng(0)
    # Two images: of one so small, DDSC's widest pooling leaves a constant, which batch norm makes 0.
    images = rng.integers(0, 256, (2, 64, 96, 3), np.uint8)
    labels = rng.integers(0, NUM_CLASSES, (2, 64, 96)).astype(np.uint8)
    labels[:, :8] = 255
    model = build_model(name, NUM_CLASSES, "MobileNet", training_heads=True)
    losses, weights = build_losses(MODELS[name].heads, "cross_entropy", NUM_CLASSES)
    if MODELS[name].heads:
        model.compile("sgd", losses, weights)
        labels = dict.fromkeys(losses, labels)
    else:
        model.compile("sgd", losses["logits"])
    kernels = [variable for variable in model.trainable_variables if "kernel" in variable.path]
    before = [keras.ops.convert_to_numpy(kernel).copy() for kernel in kernels]
    logs = model.train_on_batch(images, labels, return_dict=True)
    same = [kernel.path for kernel, old in zip(kernels, before) if (keras.ops.convert_to_numpy(kernel) == old).all()]
    return {"losses": {key: float(value) for key, value in logs.items()}, "unchanged": same}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(json.dumps({"name": name, **one_step(name)}), flush=True)
