"""SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation
(https://arxiv.org/abs/1511.00561, PAMI 2017).

Encoder of VGG-16's thirteen convolutions, down to stride 32, and a mirrored decoder. As in the original suite,
transposed convolutions replace unpooling by the pooling indices, and the "-Skip" variant adds the pooled encoder
features to the decoder features of the same size.
"""

from keras import layers

from models.blocks import batch_norm_relu, classifier, resize_like

PRESETS = {
    "Encoder-Decoder": {"skip": False},
    "Encoder-Decoder-Skip": {"skip": True},
}
# Filters of the convolutions of each stage, after a first convolution of 64.
ENCODER = ((64,), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# Filters of the transposed convolution of each stage, then of its convolutions.
DECODER = (
    (512, (512, 512, 512)),
    (512, (512, 512, 256)),
    (256, (256, 256, 128)),
    (128, (128, 64)),
    (64, (64, 64)),
)


def conv_block(x, filters, kernel_size=3):
    """Applies a convolution with bias, batch norm without gamma and ReLU."""
    return batch_norm_relu(layers.Conv2D(filters, kernel_size, padding="same")(x), scale=False)


def build_encoder_decoder(x, num_classes, skip):
    """Builds the network.

    Args:
        x: images `(B, H, W, 3)` scaled to 0..1.
        num_classes: int.
        skip: bool, whether the encoder's features are added to those of the decoder.

    Returns:
        Logits `(B, h, w, num_classes)`, where h and w are H and W rounded down to a multiple of 32, with `skip` of 2.
    """
    return encoder_decoder(conv_block(x, 64), num_classes, skip, conv_block)


def encoder_decoder(x, num_classes, skip, block):
    """Applies all stages after the first convolution.

    Args:
        x: tensor `(B, H, W, 64)`.
        num_classes, skip: as in `build_encoder_decoder`.
        block: function `(x, filters) -> x`, a convolution with its batch norm and activation.

    Returns:
        Logits `(B, h, w, num_classes)`.
    """
    pooled = []
    for stage in ENCODER:
        for filters in stage:
            x = block(x, filters)
        x = layers.MaxPooling2D(2)(x)
        pooled.append(x)
    pooled.pop()  # the input of the decoder
    for up_filters, stage in DECODER:
        x = layers.Conv2DTranspose(up_filters, 3, strides=2, padding="same")(x)
        x = batch_norm_relu(x, scale=False)
        for filters in stage:
            x = block(x, filters)
        if skip and pooled:
            encoded = pooled.pop()
            x = layers.Add()([resize_like(x, encoded), encoded])
    return classifier(x, num_classes)
