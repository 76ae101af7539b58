"""The template for your own network: copy this file, change it, and add an entry for it in `models/registry.py`.

What it builds is useful as it is: every level of the frontend is reduced to 64 channels and brought to stride 4, and
a few convolutions look at all of them together (after the original suite's `custom`).

How to write a network here:

1. `PRESETS` lists the public names this file makes and the keyword arguments of each variant.
2. The builder gets `end_points`, a dict from `pool1` to `pool5` where `pool{n}` is the frontend's deepest feature of
   stride 2**n, `(B, H / 2**n, W / 2**n, C)`, or, for a network without a frontend, images scaled to 0..1.
3. It returns logits at any size; `build_model` resizes them to the input. With auxiliary outputs that are to be trained
   too, it returns `(logits, {name: output})`, and the registry says what each is compared with (see `Head`).
4. Sizes need not be multiples of anything: bring a tensor to another one's size with `resize_like`.
5. A test fails if the file is not registered, or if the network does not take odd sizes, is not the same after saving
   and loading, or has weights that no gradient reaches.
"""

from keras import layers

from models.blocks import classifier, conv_bn_relu, resize_like

PRESETS = {"custom": {}}


def build_custom(end_points, num_classes):
    """Builds the head.

    Args:
        end_points: dict of the frontend's features; `pool2` to `pool5` are used.
        num_classes: int.

    Returns:
        Logits `(B, H/4, W/4, num_classes)`.
    """
    # 1. The same number of channels for every level.
    levels = [conv_bn_relu(end_points[f"pool{n}"], 64, 1) for n in (2, 3, 4, 5)]

    # 2. The same size for every level: that of the finest.
    finest = levels[0]  # (B, H/4, W/4, 64)
    x = layers.Concatenate()([resize_like(level, finest) for level in levels])  # (B, H/4, W/4, 256)

    # 3. Mix the levels, then refine the mixture.
    x = conv_bn_relu(x, 256, 1)
    for _ in range(3):
        x = conv_bn_relu(x, 64, 3)

    # 4. One logit per class.
    return classifier(x, num_classes)
