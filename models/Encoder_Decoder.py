"""SegNet: A Deep Convolutional Encoder-Decoder Architecture for Image Segmentation
(https://arxiv.org/abs/1511.00561, PAMI 2017).

VGG-16's thirteen convolutions down to 1/32 and their mirror image up again. As in the original suite, transposed
convolutions take the place of unpooling by the pooling indices, and the "-Skip" variant adds the pooled encoder
features to the decoder's of the same size.
"""

from keras import layers

from models.blocks import batch_norm_relu, classifier, resize_like

PRESETS = {
    "Encoder-Decoder": {"skip": False},
    "Encoder-Decoder-Skip": {"skip": True},
}
# Filters of each stage's convolutions after the very first one, which has 64.
ENCODER = ((64,), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
# Filters of each stage's transposed convolution, then of its convolutions.
DECODER = (
    (512, (512, 512, 512)),
    (512, (512, 512, 256)),
    (256, (256, 256, 128)),
    (128, (128, 64)),
    (64, (64, 64)),
)


def conv_block(x, filters, kernel_size=3):
    """Convolution with bias, batch norm without gamma, ReLU."""
    return batch_norm_relu(layers.Conv2D(filters, kernel_size, padding="same")(x), scale=False)


def build_encoder_decoder(x, num_classes, skip):
    """Builds the network.

    Args:
        x: images `(B, H, W, 3)` scaled to 0..1.
        num_classes: int.
        skip: bool, whether the encoder's features are added to the decoder's.

    Returns:
        Logits `(B, h, w, num_classes)`, where h and w are H and W rounded down to what the poolings leave.
    """
    return encoder_decoder(conv_block(x, 64), num_classes, skip, conv_block)


def encoder_decoder(x, num_classes, skip, block):
    """The stages after the first convolution.

    Args:
        x: tensor `(B, H, W, 64)`.
        num_classes, skip: as in `build_encoder_decoder`.
        block: function `(x, filters) -> x`, one convolution with all that belongs to it.
    """
    pooled = []
    for stage in ENCODER:
        for filters in stage:
            x = block(x, filters)
        x = layers.MaxPooling2D(2)(x)
        pooled.append(x)
    pooled.pop()  # the decoder starts from the last one
    for up_filters, stage in DECODER:
        x = layers.Conv2DTranspose(up_filters, 3, strides=2, padding="same")(x)
        x = batch_norm_relu(x, scale=False)
        for filters in stage:
            x = block(x, filters)
        if skip and pooled:
            encoded = pooled.pop()
            x = layers.Add()([resize_like(x, encoded), encoded])
    return classifier(x, num_classes)
