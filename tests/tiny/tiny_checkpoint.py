"""What tests of checkpoints share: a compiled network, its batches, settings and state."""

import numpy as np

from models import build_model
from utils.losses import build_loss

SETTINGS = {"model": "tiny", "class_names": ["a", "ü"]}
STATE = {"epoch": 3, "step": 7}


def compiled(optimizer="adam"):
    model = build_model("tiny", 3)
    model.compile(optimizer=optimizer, loss=build_loss("cross_entropy", 3, [1.0, 2.0, 0.5]))
    return model


def batch(seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (2, 16, 16, 3), np.uint8), rng.integers(0, 3, (2, 16, 16), np.uint8)
