"""Worker process of `networks.py`: trains and predicts with a network of this suite or segmentation_models.pytorch.

    python -m tools.speed.worker keras '{"model": "DeepLabV3_plus", "frontend": "ResNet101", "size": 512, ...}'

Makes the first training step, then answers each line of standard input ("train 3", "predict 3", "memory", "gflops")
with a line of JSON.
"""

import json
import sys
import time

from utils.benchmark.timing import process_memory, seconds_of

LEARNING_RATE, DECAY = 1e-4, 0.995  # of the original suite's RMSprop


class KerasNetwork:
    """A network of this suite, with the steps of train.py and predict.py.

    Args:
        settings: dict of "model", "frontend" unless the network has none, "size" (side of the image in pixels),
            "batch_size", "num_classes"; "keras_convolutions": True for Keras's instead of `models.narrow_conv`'s.
    """

    def __init__(self, settings):
        from utils.backend import import_backend
        from utils.cli import train_parser

        import_backend("float32")
        from models import narrow_conv
        from utils.benchmark import measure
        from utils.training import step_time
        from utils.training.build import build_training_model, output_names

        if settings.get("keras_convolutions"):
            narrow_conv.Conv2D._is_composed = lambda self: False
        size = settings["size"]
        self.settings = {
            **vars(train_parser().parse_args([])),
            **settings,
            "frontend_weights": "none",
            "crop_height": size,
            "crop_width": size,
            "learning_rate": LEARNING_RATE,
        }
        self.measure, self.training_seconds = measure, step_time.training_seconds
        self.model = build_training_model(self.settings, None, 1)
        self.batch = step_time.random_batch(self.settings, output_names(self.settings))
        self.predictor = None
        step_time.training_seconds(self.model, self.batch, 1)

    def train(self, steps):
        """Returns the seconds of each step."""
        return self.training_seconds(self.model, self.batch, 1 + steps)

    def predict(self, steps):
        """Returns the seconds of each batch, from pixels to class indices."""
        if not self.predictor:
            from models import inference_model
            from utils.backend import use_xla
            from utils.inference.keras_backend import KerasBackend
            from utils.inference.predictor import Predictor

            backend = KerasBackend(inference_model(self.model), use_xla(None))
            self.predictor = Predictor(backend, self.settings["batch_size"])
        return seconds_of(lambda: list(self.predictor(enumerate(self.batch[0]))), steps)

    def gflops(self):
        """Counts 10**9 operations of a forward pass for one image."""
        return self.measure.count_gflops(self.settings)


class TorchNetwork:
    """A network of segmentation_models.pytorch in eager mode, channels first (the faster layout on CPUs).

    Args:
        settings: as for `KerasNetwork`, with "model" and "frontend" named as in that package.
    """

    def __init__(self, settings):
        import numpy as np
        import segmentation_models_pytorch
        import torch

        self.torch = torch
        size, num_classes = settings["size"], settings["num_classes"]
        build = getattr(segmentation_models_pytorch, settings["model"])
        self.model = build(settings["frontend"], encoder_weights=None, classes=num_classes)
        rng, shape = np.random.default_rng(0), (settings["batch_size"], size, size)
        self.images = rng.integers(0, 256, (*shape, 3), np.uint8)
        self.labels = torch.from_numpy(rng.integers(0, num_classes, shape))
        self.optimizer = torch.optim.RMSprop(self.model.parameters(), LEARNING_RATE, DECAY)
        self.loss = torch.nn.CrossEntropyLoss()
        self.step()

    def pixels(self):
        """Converts the images to the network's input, float `(B, 3, H, W)` in 0..1."""
        return self.torch.from_numpy(self.images).permute(0, 3, 1, 2).contiguous().float() / 255

    def step(self):
        """Makes a training step and returns the loss."""
        self.model.train()
        for module in self.model.modules():
            if type(module).__name__ == "ASPPPooling":  # its batch norm rejects the single pixel of a batch of one
                module.eval()
        self.optimizer.zero_grad()
        loss = self.loss(self.model(self.pixels()), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def train(self, steps):
        """Returns the seconds of each step."""
        return seconds_of(self.step, steps)

    def predict(self, steps):
        """Returns the seconds of each batch, from pixels to class indices."""
        self.model.eval()
        with self.torch.no_grad():
            return seconds_of(lambda: self.model(self.pixels()).argmax(1).to(self.torch.uint8).numpy(), steps)

    def gflops(self):
        """Counts 10**9 operations of a forward pass for one image."""
        from torch.utils.flop_counter import FlopCounterMode

        self.model.eval()
        with self.torch.no_grad(), FlopCounterMode(display=False) as counter:
            self.model(self.pixels()[:1])
        return counter.get_total_flops() / 1e9


def main(kind, settings):
    """Serves a network until standard input ends."""
    network = {"keras": KerasNetwork, "torch": TorchNetwork}[kind](json.loads(settings))
    answer(time.process_time())  # CPU seconds since the start of the process; other programs do not count
    for line in sys.stdin:
        task, *steps = line.split()
        answer(process_memory() if task == "memory" else getattr(network, task)(*map(int, steps)))


def answer(value):
    """Writes a line of JSON."""
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
