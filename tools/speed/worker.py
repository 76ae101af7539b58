"""A network at work in a process of its own, for `networks.py`: ours, the original suite's FC-DenseNet, or one
of segmentation_models.pytorch.

    python -m tools.speed.worker ours '{"model": "DeepLabV3_plus", "frontend": "ResNet101", "size": 512, ...}'

Makes the first training step, then answers each line of standard input ("train 3", "predict 3", "memory", "gflops")
with a line of JSON.
"""

import json
import sys
import time

from utils.benchmark.timing import process_memory, seconds_of

LEARNING_RATE, DECAY = 1e-4, 0.995  # the original suite's RMSprop


class Ours:
    """The network that train.py trains and predict.py runs, with all that they do in a step.

    Args:
        settings: dict of "model", "frontend", "size" (side of the image in pixels), "batch_size", "num_classes".
    """

    def __init__(self, settings):
        from utils.backend import import_backend
        from utils.cli.arguments import train_parser
        from utils.training.build import build_training_model, output_names

        import_backend()
        from utils.benchmark import measure as speed

        size = settings["size"]
        self.settings = {
            **vars(train_parser().parse_args([])),
            **settings,
            "frontend_weights": "none",
            "crop_height": size,
            "crop_width": size,
            "learning_rate": LEARNING_RATE,
        }
        self.speed = speed
        self.model = build_training_model(self.settings, None, 1)
        self.batch = speed.random_batch(self.settings, output_names(self.settings))
        self.predictor = None
        self.speed.training_seconds(self.model, self.batch, 1)

    def train(self, steps):
        """Seconds of each step."""
        return self.speed.training_seconds(self.model, self.batch, 1 + steps)

    def predict(self, steps):
        """Seconds of each batch, from pixels to class indices."""
        if not self.predictor:
            from models import inference_model
            from utils.backend import use_xla
            from utils.inference.keras_backend import KerasBackend
            from utils.inference.predictor import Predictor

            network = KerasBackend(inference_model(self.model), use_xla(None))
            self.predictor = Predictor(network, self.settings["batch_size"])
        return seconds_of(lambda: list(self.predictor(enumerate(self.batch[0]))), steps)

    def gflops(self):
        """10**9 operations of a forward pass for one image."""
        return self.speed.count_gflops(self.settings)


class SuiteDenseNet(Ours):
    """An FC-DenseNet as the original suite built it, and everything else ours."""

    def __init__(self, settings):
        from utils.backend import import_backend

        import_backend()
        from models import FC_DenseNet_Tiramisu
        from tools.original_suite.densenet import build_suite_densenet

        FC_DenseNet_Tiramisu.build_fc_densenet = build_suite_densenet
        super().__init__(settings)


class Torch:
    """A network of segmentation_models.pytorch on PyTorch, eager, channels first (on CPUs the faster layout).

    Args:
        settings: as for `Ours`, with "model" and "frontend" in that package's words.
    """

    def __init__(self, settings):
        import numpy as np
        import segmentation_models_pytorch
        import torch

        self.torch = torch
        kind, size, classes = settings["model"], settings["size"], settings["num_classes"]
        build = getattr(segmentation_models_pytorch, kind)
        self.model = build(settings["frontend"], encoder_weights=None, classes=classes)
        rng, shape = np.random.default_rng(0), (settings["batch_size"], size, size)
        self.images = rng.integers(0, 256, (*shape, 3), np.uint8)
        self.labels = torch.from_numpy(rng.integers(0, classes, shape))
        self.optimizer = torch.optim.RMSprop(self.model.parameters(), LEARNING_RATE, DECAY)
        self.loss = torch.nn.CrossEntropyLoss()
        self.step()

    def pixels(self):
        """The images as the network takes them: float `(B, 3, H, W)`."""
        return self.torch.from_numpy(self.images).permute(0, 3, 1, 2).contiguous().float() / 255

    def step(self):
        """A training step."""
        self.model.train()
        for module in self.model.modules():
            if type(module).__name__ == "ASPPPooling":  # its batch norm refuses the single pixel of a batch of one
                module.eval()
        self.optimizer.zero_grad()
        loss = self.loss(self.model(self.pixels()), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def train(self, steps):
        """Seconds of each step."""
        return seconds_of(self.step, steps)

    def predict(self, steps):
        """Seconds of each batch, from pixels to class indices."""
        self.model.eval()
        with self.torch.no_grad():
            return seconds_of(lambda: self.model(self.pixels()).argmax(1).to(self.torch.uint8).numpy(), steps)

    def gflops(self):
        """10**9 operations of a forward pass for one image."""
        from torch.utils.flop_counter import FlopCounterMode

        self.model.eval()
        with self.torch.no_grad(), FlopCounterMode(display=False) as counter:
            self.model(self.pixels()[:1])
        return counter.get_total_flops() / 1e9


def main(kind, settings):
    """Serves one network until standard input ends."""
    network = {"ours": Ours, "suite_densenet": SuiteDenseNet, "torch": Torch}[kind](json.loads(settings))
    # CPU seconds since the process began; other programs on the machine do not count.
    answer(time.process_time())
    for line in sys.stdin:
        what, *steps = line.split()
        if what == "memory":
            answer(process_memory())
        else:
            answer(getattr(network, what)(*map(int, steps)))


def answer(value):
    """Writes a line of JSON."""
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
