"""Template for a new network: copy this file, change it, and add a row for it to `models/registry.py`.

The network in it is usable (after the original suite's `custom`): every level of the frontend is reduced to 64
channels, resized to stride 4, concatenated and refined.

How to write a network:

1. `PRESETS` maps each public name of this file to the keyword arguments of its variant. The registry has a row for
   each of these names.
2. The builder takes `end_points`, a dict of the frontend's features: `pool{n}` is the deepest feature of stride 2**n,
   `(B, H / 2**n, W / 2**n, C)`, n from 1 to 5. `pool1` may be missing (ConvNeXt's first stage has stride 4): use
   `end_points.get("pool1")` and decide what to do without it, as `models/UNet.py` does. `end_points["images"]` are the
   images `(B, H, W, 3)` scaled to 0..1. A network without a frontend takes these images in place of the dict.
3. The builder returns logits at any size; `build_model` resizes them to the input. With auxiliary outputs for deep
   supervision it returns `(logits, {name: output})`, and the registry row names them in `heads`.
4. Height and width need not be multiples of anything: bring a tensor to another one's size with `resize_like`.
5. `pytest tests/models -k NAME` checks that the network is registered, takes odd sizes, computes the same after saving
   and loading, and that a gradient reaches each of its weights.
"""

from keras import layers

from models.blocks import classifier, conv_bn_relu, resize_like

# Public name -> keyword arguments of the builder. A variant is another line, and another row of the registry with the
# same module and builder: "custom-Wide": {"filters": 128}.
PRESETS = {"custom": {"filters": 64}}


def build_custom(end_points, num_classes, filters):
    """Builds the decoder.

    Args:
        end_points: dict of the frontend's features; `pool2` to `pool5` are used.
        num_classes: int.
        filters: int, channels of every level.

    Returns:
        Logits `(B, H/4, W/4, num_classes)`.
    """
    # 1. The same number of channels for every level.
    levels = [conv_bn_relu(end_points[f"pool{n}"], filters, 1) for n in (2, 3, 4, 5)]

    # 2. The same size for every level: that of the finest.
    finest = levels[0]  # (B, H/4, W/4, filters)
    x = layers.Concatenate()([resize_like(level, finest) for level in levels])  # (B, H/4, W/4, 4 * filters)

    # 3. Mix the levels, then refine the mixture.
    x = conv_bn_relu(x, 4 * filters, 1)
    for _ in range(3):
        x = conv_bn_relu(x, filters, 3)

    # 4. One logit per class.
    return classifier(x, num_classes)
