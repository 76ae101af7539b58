"""Lab 4: receptive fields by formula and by gradient: dilation, pyramid pooling, large kernels.

Percent-format source; `python labs/lab04_receptive_field.py` runs it, `python labs/make_labs.py` makes the notebook.
"""

# %% [markdown]
# # Lab 4: Receptive field
#
# **Goal.** You compute by a formula how much of an image has an effect on a feature, and you measure the same number,
# to a pixel, as the extent of a gradient. You see how PSPNet, DeepLabV3, DenseASPP and GCN enlarge it, and which holes
# dilation leaves.
#
# **Needs** less than a minute of computing on two CPU cores; no training, no earlier lab.

# %% script
import _path  # noqa: F401

# %% setup
# 5 s
from labs.course import pick, read_split
from labs.checks import check
from labs.figures import figure_with_axes, show
from utils.backend import import_backend

import numpy as np

import_backend("float32")
import keras
import tensorflow as tf
from keras import layers

from frontends import build_frontend
from models.blocks import conv_bn_relu
from models.DeepLabV3 import RATES, atrous_spatial_pyramid_pooling
from models.DenseASPP import RATES as DENSE_RATES
from models.DenseASPP import dense_atrous_pyramid
from models.GCN import global_convolution
from models.PSPNet import pyramid_pooling

# %% [markdown]
# ## 1. The formula
#
# A feature is here one position of a feature map. Its **receptive field** is the part of the image that can change it:
# the feature "sees" it. A single 3x3 convolution sees 3x3 pixels. A second one sees 3x3 features, one step apart, so
# 5x5 pixels. After a stride of 2 the features are two pixels apart, and the next 3x3 convolution adds four pixels, not
# two.
#
# **Dilation** (atrous convolution) with rate $d$ moves the taps of a kernel, the places of its weights, $d$ features
# apart. The kernel then spans more features with the same number of weights.


# %% exercise effective_kernel
# 1 s
def effective_kernel(kernel_size, dilation):
    """Computes how many features a dilated kernel spans, from its first tap to its last.

    Args:
        kernel_size: int, taps per side.
        dilation: int, distance of neighboring taps; 1 = not dilated.

    Returns:
        int, features per side.
    """
    raise NotImplementedError


# %% exercise receptive_field
# 1 s
def receptive_field(layers):
    """Computes the receptive field of a chain of convolutions.

    Args:
        layers: list of `(kernel_size, stride, dilation)`, three int each, from the image to the feature.

    Returns:
        int, pixels per side. An empty list has 1, the pixel itself.
    """
    # Two numbers on the way through the chain: the field, and the distance in pixels of neighboring features.
    raise NotImplementedError


# %%
# 1 s
effective_kernel = check(effective_kernel)
receptive_field = check(receptive_field)
print("3x3 kernel, rates 1, 2, 6, 18:", [effective_kernel(3, rate) for rate in (1, 2, 6, 18)])
print("two 3x3 kernels, the first with stride 1 or 2:", [receptive_field([(3, s, 1), (3, 1, 1)]) for s in (1, 2)])

# %% [markdown]
# ## 2. A real frontend
#
# MobileNet is a chain of 27 convolutions, which the next cell reads from the network. `pool1` ... `pool5` are its
# features of stride 2, 4, 8, 16 and 32.
#
# **Predict.** The images of Streets have 192 rows. Which is the first of the five features that sees all of them?

# %%
# 4 s
size = pick(416, 96)
images = keras.Input((size, size, 3))
end_points = build_frontend(images, "MobileNet")
chain, chains = [], {}  # all convolutions so far; feature -> the convolutions before it
for layer in keras.Model(images, end_points["pool5"]).layers:
    if isinstance(layer, (layers.Conv2D, layers.DepthwiseConv2D)):
        chain.append((layer.kernel_size[0], layer.strides[0], layer.dilation_rate[0]))
    chains.update({name: list(chain) for name, tensor in end_points.items() if tensor is layer.output})
fields = {name: receptive_field(chains[name]) for name in sorted(chains)}
print({name: f"{field} pixels" for name, field in fields.items()})
_, street, _ = read_split("test", 1)[0]
height, width = street.shape[:2]
figure, ((axes,),) = figure_with_axes(width=6, height=5)
axes.imshow(street)
for (name, field), color in zip(fields.items(), ("#ffffff", "#ffee88", "#ffaa33", "#ee3333", "#cc33cc")):
    left, top = width / 2 - field / 2, height / 2 - field / 2
    right, bottom = left + field, top + field
    axes.plot([left, right, right, left, left], [top, top, bottom, bottom, top], color, label=f"{name}: {field} px")
axes.legend(loc="lower right", fontsize=8, facecolor="#888888")
axes.set(xlim=(width / 2 - 180, width / 2 + 180), ylim=(height / 2 + 180, height / 2 - 180), facecolor="#333333")
show(figure, "fields_of_mobilenet")

# %% [markdown]
# **Explain.** `pool4`, with 219 pixels. `pool3` sees 43, a small part of the street. PSPNet and DenseASPP add a module
# behind it.
#
# ## 3. The same by gradient
#
# A pixel is in the receptive field of a feature if the gradient of the feature with respect to the pixel is not zero.
# Two things could hide that: a ReLU that is off, and weights that cancel. So every kernel becomes an average: each
# weight is 1 / (number of its inputs). Then all values stay positive, all ReLUs are on, and the gradient at a pixel
# grows with the number of paths that lead from it to the feature.
#
# **Predict.** The gradient is not the same everywhere in the field. Which share of the width holds 95 % of it: all, two
# thirds, a quarter?


# %%
# 6 s
def gradient_map(inputs, feature):
    """Computes the gradient (H, W) of the middle unit of a feature with respect to the images, both Keras tensors."""
    model = keras.Model(inputs, feature)
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            *window, channels, _ = layer.kernel.shape
            inputs_of_each = np.prod(window) * (1 if isinstance(layer, layers.DepthwiseConv2D) else channels)
            layer.kernel.assign(np.full(layer.kernel.shape, 1 / inputs_of_each))
    image = tf.fill((1, *inputs.shape[1:]), 200.0)
    with tf.GradientTape() as tape:
        tape.watch(image)
        result = model(image, training=False)
        middle = tf.reduce_mean(result[0, result.shape[1] // 2, result.shape[2] // 2])
    return tf.reduce_sum(tape.gradient(middle, image)[0], axis=-1).numpy()


def extent(gradient):
    """Returns the number of columns between the first and the last with a gradient, both included."""
    columns = np.flatnonzero(np.abs(gradient).max(axis=0))
    return int(columns[-1] - columns[0] + 1)


figure, (axes,) = figure_with_axes(4, width=3, height=3.2)
for panel, name in zip(axes, ("pool2", "pool3", "pool4", "pool5")):
    gradient = gradient_map(images, end_points[name])
    print(f"{name}: {extent(gradient):3} pixels by gradient, {fields[name]:3} by formula")
    below = np.cumsum(gradient.sum(axis=0)) / gradient.sum()  # share of the gradient up to each column
    effective = int(((below > 0.025) & (below < 0.975)).sum())
    panel.imshow(gradient, cmap="magma")
    panel.set_title(f"{name}: {extent(gradient)} px,\n95 % within {effective} ({effective / extent(gradient):.0%})")
    panel.set_axis_off()
show(figure, "gradients_of_mobilenet")

# %% [markdown]
# **Explain.** Many paths lead from the middle, few from the corner: 95 % of the gradient is within a half to three
# quarters of the width (the *effective* receptive field, Luo 2016, 1701.04128). The formula is an upper bound. The fine
# grid comes from 3x3 kernels with stride 2, which overlap at every second pixel.
#
# ## 4. Four ways to see more
#
# The modules below are those of `models/`, with one channel, because channels do not change the field. They stand on
# a copy of MobileNet's chain with one channel, which is cheap even for an image of 1152x1152 pixels.
#
# | network | stands on | adds |
# |---|---|---|
# | PSPNet | `pool3` | averages over the regions of four grids: 1x1 (the whole image), 2x2, 3x3 and 6x6 |
# | DeepLabV3 | `pool4` | parallel 3x3 kernels with rates 6, 12, 18, and an average over the image |
# | DenseASPP | `pool3` | a chain of 3x3 kernels with rates 3, 6, 12, 18, 24 |
# | GCN | `pool5`, and the finer ones | a kernel of 15x15, as 15x1 then 1x15, plus 1x15 then 15x1 |
#
# **Predict.** Order them by receptive field. Then compute two of them by hand.

# %%
# 15 s
size = pick(1152, 192)
pixels = x = keras.Input((size, size, 1))
levels = {}
for number, (kernel, stride, dilation) in enumerate(chain, start=1):
    x = layers.Conv2D(1, kernel, stride, "same", dilation_rate=dilation)(x)
    levels.update({name: x for name in chains if len(chains[name]) == number})

parallel = [conv_bn_relu(levels["pool4"], 1, 3, dilation_rate=rate) for rate in RATES]
heads = {
    "PSPNet, all regions": pyramid_pooling(levels["pool3"], 1),
    "PSPNet, 6x6 regions": pyramid_pooling(levels["pool3"], 1, bins=(6,)),
    "DeepLabV3": atrous_spatial_pyramid_pooling(levels["pool4"], 1),
    "DeepLabV3, rates alone": layers.Concatenate()([levels["pool4"], *parallel]),
    "DenseASPP": dense_atrous_pyramid(levels["pool3"], DENSE_RATES, bottleneck=1, growth_rate=1),
    "GCN, 15x15 on pool5": global_convolution(levels["pool5"], 1, 15),
}
two_regions = 2 * (size // 8) // 6  # features: bilinear upsampling mixes neighboring regions of the 6x6 grid
formulas = {
    "PSPNet, 6x6 regions": receptive_field([*chains["pool3"], (two_regions, 1, 1)]),
    "DeepLabV3, rates alone": receptive_field([*chains["pool4"], (3, 1, max(RATES))]),
    "DenseASPP": receptive_field(chains["pool3"] + [(3, 1, rate) for rate in DENSE_RATES]),
    "GCN, 15x15 on pool5": receptive_field([*chains["pool5"], (15, 1, 1)]),
}
figure, axes = figure_with_axes(3, 2, width=3.4, height=3.4)
for panel, (name, feature) in zip(axes.ravel(), heads.items()):
    gradient = gradient_map(pixels, feature)
    print(f"{name:24} {extent(gradient):5} pixels by gradient, {formulas.get(name, size):5} by formula")
    panel.imshow(np.log10(gradient / gradient.max() + 1e-7), cmap="magma")
    panel.set_title(f"{name}: {extent(gradient)} px", fontsize=10)
    panel.set_axis_off()
show(figure, "gradients_of_heads")

# %% [markdown]
# **Expected**: MobileNet 7, 19, 43, 219, 315 pixels, with 95 % of the gradient within 14, 32, 122 and 166 (± 2) for
# `pool2` to `pool5`; the whole image for PSPNet and DeepLabV3; 419 for 6x6 regions, 795 for the rates alone, 1051 for
# DenseASPP, 763 for GCN. Formula and gradient differ by at most 1 pixel.
#
# **Explain.** An average over the image sees everything, but is the same wherever a thing is. A dilated kernel depends
# on the place, but has only nine taps: around each is a patch as large as the field of `pool4`. GCN's kernel has no
# gaps and costs 2 x 30 weights for each pair of channels, where a full 15x15 kernel has 225.
#
# ## 5. Holes
#
# Between the patches are holes. A chain of dilated convolutions can have them too, depending on its rates: this is
# called **gridding**. Count the paths from every feature to the output.
#
# **Predict.** Which share of the field do they reach: the chain 2, 2, 2; the chain 1, 2, 5; DenseASPP's chain
# 3, 6, 12, 18, 24; DeepLabV3's rates in parallel?


# %% exercise coverage
# 1 s
def coverage(rates):
    """Counts the paths through a chain of dilated 3x3 convolutions of stride 1.

    Args:
        rates: sequence of int, the dilation rates in order.

    Returns:
        Integer array (R, R), R = the chain's receptive field: for each position the number of paths to the output in
        the middle; 0 marks a hole. `coverage([1])` is 3x3 ones, `coverage([])` is [[1]].
    """
    # Going backwards, each convolution sends a map to nine places: add nine shifted copies in a larger map of zeros.
    raise NotImplementedError


# %%
# 2 s
coverage = check(coverage)
side_by_side = sum(np.pad(coverage([rate]), max(RATES) - rate) for rate in RATES)
side_by_side[max(RATES), max(RATES)] += 1  # the branch with a 1x1 kernel
cover = {"chain 2, 2, 2": coverage([2, 2, 2]), "chain 1, 2, 5": coverage([1, 2, 5])}
cover |= {"DenseASPP": coverage(DENSE_RATES), "DeepLabV3": side_by_side}
figure, (axes,) = figure_with_axes(len(cover), width=3, height=3.3)
for panel, (name, paths) in zip(axes, cover.items()):
    panel.imshow(np.where(paths, np.log(paths + 1.0), np.nan), cmap="viridis")
    panel.set_facecolor("#dddddd")
    panel.set_title(f"{name}: {len(paths)}x{len(paths)},\n{np.mean(paths > 0):.1%} reached")
    panel.set(xticks=[], yticks=[])
    print(f"{name:14} field {len(paths):3} features, {np.mean(paths > 0):.1%} reached, {paths.sum()} paths")
show(figure, "coverage")

# %% [markdown]
# **Expected**: 29 %, 100 %, 11.5 % and 1.8 % reached.
#
# **Explain.** The chain 2, 2, 2 reaches every second feature in each direction: neighboring outputs have no input in
# common. 1, 2, 5 (hybrid dilation, Wang 2018, 1702.08502) has a larger field without holes, with as many weights. The
# rates of DenseASPP are multiples of 3, so it reaches every third feature.
#
# Are these holes in the image as well? The features that DenseASPP reaches are 3 x 8 = 24 pixels apart and see 43: no.
# The taps of DeepLabV3's rate 18 are 18 x 16 = 288 pixels apart and see 219: holes of 69 pixels, as in section 4.
#
# ## Questions
#
# 1. GCN's 15x15 kernel stands on features of stride 32 and is trained on crops of 160x224. How many rows of features
#    has a crop, and which of the 15 rows of the kernel ever meet a feature that is not padding?
# 2. MobileNet with output stride 8: its last two strides of 2 are left out, and the kernels behind them have rates 2
#    and 4 instead. Does the receptive field of `pool5` change? What changes?
# 3. Why can DeepLabV3's rate 18 behave like a 1x1 kernel on small images?
#
# <details><summary>Answers</summary>
#
# 1. 160 / 32 = 5 rows. From a feature, the others are at most 4 rows away, so only the middle 9 of 15 rows are trained;
#    the others take part when a larger image is predicted, with weights on which no training image had an effect.
# 2. No: 315 pixels, because each later step keeps its size in pixels. There are 16 times more features, one every 8
#    pixels instead of one every 32.
# 3. On an image of 288x288 pixels, `pool4` has 18 rows and columns: every tap but the middle one is in the padding
#    (Chen 2017, 1706.05587, section 3.3). The average over the image was added for this reason.
# </details>
