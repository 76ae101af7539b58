"""A network for tests of the verbs, registered as "tiny": batch norm, dropout, a skip, trained in a second.

Run as a program it is train.py with that network: `python tiny_model.py --model tiny ...`.
"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from models import MODELS, Architecture

PRESETS = {"tiny": {}}
MODELS["tiny"] = Architecture("tiny_model", "build_tiny", False, "none", "for tests")
sys.modules["models.tiny_model"] = sys.modules[__name__]


def build_tiny(x, num_classes):
    from keras import layers

    from models.blocks import classifier, conv_bn_relu, resize_like

    skip = conv_bn_relu(x, 8, 3, strides=2)
    x = conv_bn_relu(skip, 16, 3, strides=2)
    x = layers.Dropout(0.1)(x)
    return classifier(layers.Concatenate()([resize_like(x, skip), skip]), num_classes)


if __name__ == "__main__":
    import train

    sys.exit(train.main())
