"""Lab 2: the structure of segmentation networks: frontend, features at many scales, upsampling with skips.

Percent-format source; `python labs/lab02_structure.py` runs it, `python labs/make_labs.py` makes the notebook.
"""

# %% [markdown]
# # Lab 2: The basic structure
#
# **Goal.** You build a U-Net by hand: a frontend computes ever coarser features, a decoder enlarges them again, *skips*
# bring features of the same size from one to the other. You measure what skips are worth, and for which classes.
#
# **Needs** 3 minutes of computing on two CPU cores; lab 1 (mean IoU).

# %% script
import _path  # noqa: F401

# %% setup
# 5 s
from labs.course import class_dict, pick, read_split, register_network, test, train
from labs.checks import check
from labs.figures import bars, curves, figure_with_axes, sample, show
from utils.backend import import_backend

import numpy as np

import_backend("float32")
import keras
from keras import layers

from models.blocks import classifier, conv_bn_relu, resize_like
from utils.metrics import ConfusionMatrix

# %% [markdown]
# ## 1. From image to features
#
# Most networks of this suite have three parts: a **frontend** computes features at strides 2, 4, 8, 16 and 32, a module
# in the middle mixes them (a U-Net has none), a **decoder** brings them back to the size of the image. A feature of
# stride 8 has one position for each 8x8 pixels of the image, and many channels.
#
# A convolution with stride $s$ keeps every $s$-th position. With padding "same" the input is padded as needed, so that
# only the stride matters: the size is divided by it and rounded up. With padding "valid" a kernel must lie inside the
# input.


# %% exercise output_size
# 1 s
def output_size(size, kernel_size, stride, padding):
    """Computes the rows or columns after a convolution or pooling.

    Args:
        size: int, rows or columns before.
        kernel_size: int, of the kernel or window in that direction.
        stride: int.
        padding: "same" or "valid".

    Returns:
        int, rows or columns after.
    """
    raise NotImplementedError


# %%
# 1 s
output_size = check(output_size)
for size in (192, 256, 360, 333):
    sizes = [size]
    for _ in range(5):
        sizes.append(output_size(sizes[-1], 3, 2, "same"))
    print(f"{size} pixels, five times stride 2: {sizes[1:]}; back by doubling five times: {32 * sizes[-1]}")

# %% [markdown]
# Doubling does not always come back to the same size. A decoder therefore enlarges to the size of the *skip*, the
# feature of the next finer level, whatever it is.
#
# The next cell builds a frontend of ten convolutions with random weights. The pictures show its five features of one
# street: the three main directions of the channels (principal components) as red, green and blue.

# %%
# 6 s
WIDTHS = (24, 32, 48, 64, 96)  # channels at strides 2, 4, 8, 16, 32


def frontend(images):
    """Builds features `pool1` ... `pool5` of strides 2 ... 32 on images (B, H, W, 3) in 0..1."""
    end_points, x = {}, images
    for number, filters in enumerate(WIDTHS, start=1):
        x = conv_bn_relu(conv_bn_relu(x, filters, 3, strides=2), filters, 3)
        end_points[f"pool{number}"] = x
    return end_points


def draw_features(features, name):
    """Draws the image and the features of a dict of arrays (1, h, w, C)."""
    features = {title: np.array(feature[0]) for title, feature in features.items()}
    figure, (axes,) = figure_with_axes(len(features), width=2.6, height=2.3)
    for panel, (title, feature) in zip(axes, features.items()):
        if feature.shape[2] > 3:
            flat = feature.reshape(-1, feature.shape[2]) - feature.mean((0, 1))
            directions = np.linalg.svd(flat.T @ flat)[0][:, :3]
            feature = (flat @ directions).reshape(*feature.shape[:2], 3)
            low, high = np.percentile(feature, (2, 98), axis=(0, 1))
            feature = np.clip((feature - low) / np.maximum(high - low, 1e-6), 0, 1)
        panel.imshow(feature)
        panel.set_title(f"{title}: {feature.shape[0]}x{feature.shape[1]}", fontsize=10)
        panel.set_axis_off()
    show(figure, name)


keras.utils.set_random_seed(0)
images = keras.Input((None, None, 3))
street = read_split("test", 1)[0][1][None] / 255.0
draw_features({"image": street, **keras.Model(images, frontend(images))(street)}, "features_untrained")

# %% [markdown]
# ## 2. Back to the size of the image
#
# Bilinear interpolation computes each new pixel from the four nearest old ones. A pixel is a square: pixel $i$ of $n$
# has its center at $(i + 0.5) / n$ of the width. So the center of new pixel $i$ of $N$ lies at the old position $(i +
# 0.5)\, n / N - 0.5$. Positions outside take the border pixel. Rows and columns can be done one after the other.


# %% exercise resize_bilinear
# 1 s
def resize_bilinear(image, height, width):
    """Resizes an image by bilinear interpolation with half-pixel centers.

    Args:
        image: float array (h, w, C).
        height, width: int, the new size.

    Returns:
        Float array (height, width, C).
    """
    # For one axis: the old positions, clipped to 0 ... n - 1; the pixel below and above; the share of the one above.
    raise NotImplementedError


# %% [markdown]
# **Predict.** A perfect network gives only one answer for each block of 2x2, 4x4, ... 32x32 pixels: the shares of the
# classes there. Your function enlarges them; the largest share decides. Which mean IoU is left? Which class loses most?

# %%
# 15 s
resize_bilinear = check(resize_bilinear)
names, num_classes = class_dict().class_names, len(class_dict().class_names)
limits = {}
for stride in (2, 4, 8, 16, 32):
    confusion = ConfusionMatrix(num_classes, names)
    for _, _, label in read_split("test", pick(20, 2)):
        label = label[: label.shape[0] // 32 * 32, : label.shape[1] // 32 * 32]
        shares = np.eye(256)[label][..., :num_classes]
        blocks = shares.reshape(label.shape[0] // stride, stride, label.shape[1] // stride, stride, num_classes)
        enlarged = resize_bilinear(blocks.mean(axis=(1, 3)), *label.shape)
        confusion.update(label, enlarged.argmax(axis=-1).astype(np.uint8))
    limits[stride] = confusion.result()
    print(f"stride {stride:2}: mean IoU {limits[stride]['mean_iou']:.3f}")
thin = sorted(names, key=lambda name: limits[16]["class_iou"][name] or 0)[:2]
lines = {"mean": [limits[s]["mean_iou"] for s in limits]} | {
    name: [limits[s]["class_iou"][name] for s in limits] for name in (*thin, "Road")
}
show(curves({name: (list(limits), line) for name, line in lines.items()}, "stride", "IoU of perfect answers"), "limits")

# %% [markdown]
# **Expected** on Streets: 0.96, 0.88, 0.79, 0.67, 0.52 (± 0.01) at strides 2 to 32, for Pole 0.81 down to 0.00.
#
# **Explain.** Enlarging cannot bring back where in its block a class was: a pole is thinner than a block. So a decoder
# also takes finer features.
#
# ## 3. Upsample and merge
#
# One step of a U-Net: enlarge the deep features to the size of the finer ones, **concatenate** both, mix them by two
# 3x3 convolutions. `resize_like(x, skip)` is your bilinear function for tensors; `conv_bn_relu(x, filters)` is a 3x3
# convolution with batch norm and ReLU.


# %% exercise merge
# 1 s
def merge(x, skip, filters):
    """Enlarges deep features to the skip's size, concatenates both and convolves twice.

    Args:
        x: Keras tensor (B, h, w, any), deep features.
        skip: Keras tensor (B, H, W, any), finer features, about twice as high and wide.
        filters: int, channels of both 3x3 convolutions.

    Returns:
        Keras tensor (B, H, W, filters).
    """
    raise NotImplementedError


# %%
# 2 s
merge = check(merge)


def unet(images, num_classes):
    """Builds a U-Net on images (B, H, W, 3) in 0..1; logits of stride 2."""
    end_points = frontend(images)
    x = end_points["pool5"]
    for number in (4, 3, 2, 1):
        x = merge(x, end_points[f"pool{number}"], WIDTHS[number - 1])
    return classifier(x, num_classes)


def without_skips(images, num_classes):
    """Builds the same network without skips: each step enlarges and convolves twice."""
    end_points = frontend(images)
    x = end_points["pool5"]
    for number in (4, 3, 2, 1):
        x = resize_like(x, end_points[f"pool{number}"])  # its size, not its values
        x = conv_bn_relu(conv_bn_relu(x, WIDTHS[number - 1]), WIDTHS[number - 1])
    return classifier(x, num_classes)


networks = {
    "U-Net": register_network("UNetByHand", unet, frontend=False),
    "no skips": register_network("WithoutSkips", without_skips, frontend=False),
}

# %% [markdown]
# ## 4. What are the skips worth?
#
# Each network is trained with three seeds, that is other initial weights and another order of the images. Seeds show
# how large a difference can be by chance.
#
# **Predict.** By how much is the mean IoU of the U-Net higher? Which two classes gain most? Which one gains nothing?

# %%
# 40 s
scores = {name: [] for name in networks}


def train_both(seed):
    """Trains both networks with a seed, adds their scores to `scores` and returns the networks."""
    trained = {}
    for name, network in networks.items():
        trained[name] = train(network, epochs=pick(4, 1), seed=seed).model
        scores[name].append(test(trained[name], count=pick(60, 2)))
        score, parameters = scores[name][-1]["mean_iou"], trained[name].count_params()
        print(f"seed {seed}, {name}: mean IoU {score:.3f}, {parameters:,} parameters")
    return trained


trained = train_both(0)

# %%
# 70 s
for seed in pick((1, 2), ()):
    train_both(seed)

# %%
# 2 s
means = {name: [score["mean_iou"] for score in scores[name]] for name in scores}
for name, values in means.items():
    print(f"{name}: mean IoU {np.mean(values):.3f}, lowest {min(values):.3f}, highest {max(values):.3f}")
gains = {}
for name in names:
    pairs = zip(scores["U-Net"], scores["no skips"])
    gains[name] = [(a["class_iou"][name] or 0) - (b["class_iou"][name] or 0) for a, b in pairs]
gains = dict(sorted(gains.items(), key=lambda item: -np.mean(item[1])))
spread = {name: (max(gains[name]) - min(gains[name])) / 2 for name in gains}
show(
    bars({name: np.mean(gains[name]) for name in gains}, "gain of IoU by skips (bar: half the range)", spread), "gains"
)

# %%
# 3 s
name, image, label = read_split("test", 1)[0]
show([sample(network, image, label, scores[network][0]["predictions"][name]) for network in scores], "predictions")
activations = [layer.output for layer in trained["U-Net"].layers if isinstance(layer, layers.ReLU)]
end_points = {f"pool{n}": activations[2 * n - 1] for n in range(1, 6)}
features = keras.Model(trained["U-Net"].input, end_points)(street * 255)
draw_features({"image": street, **features}, "features_trained")

# %% [markdown]
# **Expected** on Streets, three seeds: U-Net 0.35 ± 0.03, without skips 0.22 ± 0.03, and all three U-Nets above the
# others. By chance alone, three are above three others once in 20 times.
#
# **Explain.** Without skips everything must pass `pool5`, 6x8 positions of 96 channels, and comes out as smooth shapes.
# Tree, SignSymbol and Pavement gain most, but these gains differ most between seeds. Pole, Fence, Pedestrian and
# Bicyclist gain nothing: after four epochs neither network finds them (lab 7 changes the loss for such classes).
# Compare the trained features with section 1: `pool2` to `pool4` separate sky, trees and road, `pool1` still has the
# outlines.
#
# ## Questions
#
# 1. An image has 500 rows. Which size have the features of stride 32, and what goes wrong if a decoder doubles them?
# 2. The U-Net has more parameters than the network without skips. Design a control that rules out that this is why it
#    is better.
# 3. U-Net concatenates; the suite's `Encoder-Decoder-Skip` adds. What does each cost, and what does adding require?
#
# <details><summary>Answers</summary>
#
# 1. 16 rows: 250, 125, 63, 32, 16. Doubling 16 gives 32, then 64, where the skip has 63 rows: they cannot be
#    concatenated.
# 2. Give the network without skips wider convolutions until it has as many parameters, and train it with the same three
#    seeds. Or train the U-Net with zeros in place of its skips.
# 3. Concatenation adds the skip's channels, and their weights, to the next convolution. Adding needs equal channels.
# </details>
