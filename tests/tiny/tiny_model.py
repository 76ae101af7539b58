"""Small networks for tests of commands, trained in a second: "tiny" has batch norm, dropout, a skip; "tiny-heads" has
one head of each kind; "tiny-frontend" is built on the first layers of any frontend, and has a head too.

Run as a program it is train.py with that network and without plots: `python tiny_model.py --model tiny ...`; or
another command, with `python tiny_model.py test.py ...`.
"""

import importlib
import os
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from models import MODELS, Architecture, Head

NAMES = ("tiny", "tiny-heads", "tiny-frontend")
PRESETS = {name: {} for name in NAMES}
HEADS = {"auxiliary": Head("pixels", 0.4), "presence": Head("presence", 0.2), "border": Head("border", 0.1)}
ROW = {"module": "tiny_model", "paper": "none", "special": "for tests"}
MODELS["tiny"] = Architecture(**ROW, builder="build_tiny")
MODELS["tiny-heads"] = Architecture(**ROW, builder="build_tiny_with_heads", heads=HEADS)
MODELS["tiny-frontend"] = Architecture(
    **ROW, builder="build_tiny_on_frontend", frontend=True, heads={"auxiliary": Head("pixels", 0.4)}
)
sys.modules["models.tiny_model"] = sys.modules[__name__]


def build_tiny(x, num_classes):
    from keras import layers

    from models.blocks import classifier, conv_bn_relu, resize_like

    skip = conv_bn_relu(x, 8, 3, strides=2)
    x = conv_bn_relu(skip, 16, 3, strides=2)
    x = layers.Dropout(0.1)(x)
    return classifier(layers.Concatenate()([resize_like(x, skip), skip]), num_classes)


def build_tiny_with_heads(x, num_classes):
    from keras import layers

    from models.blocks import auxiliary_classifier, classifier, conv_bn_relu

    x = conv_bn_relu(x, 8, 3, strides=2)
    heads = {
        "auxiliary": auxiliary_classifier(x, num_classes, 4, "auxiliary_logits"),
        "presence": layers.Dense(num_classes, dtype="float32")(layers.GlobalAveragePooling2D()(x)),
        "border": classifier(x, 2, "border_logits"),
    }
    return classifier(conv_bn_relu(x, 8, 3), num_classes), heads


def build_tiny_on_frontend(end_points, num_classes):
    from models.blocks import auxiliary_classifier, classifier, conv_bn_relu

    x = conv_bn_relu(end_points["pool2"], 8, 3)
    return classifier(x, num_classes), {"auxiliary": auxiliary_classifier(x, num_classes, 4, "auxiliary_logits")}


def signal_once(words):
    """Makes a training send itself a signal once: `words` are its name, a rank, an epoch and the path of a marker."""
    from utils.training.loop import Trainer

    name, rank, epoch, marker = words.split(",")
    train_steps = Trainer.train_steps

    def with_signal(self, number, *arguments):
        if os.environ.get("RANK") == rank and number == int(epoch) and not os.path.exists(marker):
            pathlib.Path(marker).touch()
            os.kill(os.getpid(), getattr(signal, name))
        return train_steps(self, number, *arguments)

    Trainer.train_steps = with_signal


def write_steps(path):
    """Makes process 0 of a training add a line "epoch step" to a file after each step."""
    from utils.training.callbacks import StepGuard

    on_epoch_begin, on_train_batch_end = StepGuard.on_epoch_begin, StepGuard.on_train_batch_end

    def begin(self, epoch, logs=None):
        self.epoch = epoch
        on_epoch_begin(self, epoch, logs)

    def end(self, batch, logs=None):
        on_train_batch_end(self, batch, logs)
        if os.environ.get("RANK", "0") == "0":
            with open(path, "a") as file:
                file.write(f"{self.epoch} {self.step}\n")

    StepGuard.on_epoch_begin, StepGuard.on_train_batch_end = begin, end


if __name__ == "__main__":
    from tiny_plots import blank_plots

    is_command = len(sys.argv) > 1 and sys.argv[1].endswith(".py")
    command = importlib.import_module(sys.argv.pop(1).removesuffix(".py") if is_command else "train")
    with blank_plots():
        if "TINY_SIGNAL" in os.environ:
            signal_once(os.environ["TINY_SIGNAL"])
        if "TINY_STEPS" in os.environ:
            write_steps(os.environ["TINY_STEPS"])
        sys.exit(command.main())
