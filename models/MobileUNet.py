"""MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications
(https://arxiv.org/abs/1704.04861, 2017), in the shape of SegNet.

The original suite's own network: Encoder-Decoder with depthwise separable convolutions. Most of the parameters are in
the transposed convolutions, which are not separable.
"""

from keras import layers

from models.blocks import batch_norm_relu
from models.Encoder_Decoder import conv_block, encoder_decoder

PRESETS = {
    "MobileUNet": {"skip": False},
    "MobileUNet-Skip": {"skip": True},
}


def build_mobile_unet(x, num_classes, skip):
    """Builds the network; arguments and result are those of `Encoder_Decoder.build_encoder_decoder`."""
    return encoder_decoder(conv_block(x, 64, kernel_size=1), num_classes, skip, separable_block)


def separable_block(x, filters):
    """Applies a 3x3 depthwise and a 1x1 convolution, each with bias, batch norm without gamma and ReLU."""
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    return conv_block(batch_norm_relu(x, scale=False), filters, kernel_size=1)
