"""Lab 3: frontends, their cost by hand, their latency on this machine, and which of them are worth it.

Percent-format source; `python labs/lab03_frontends.py` runs it, `python labs/make_labs.py` makes the notebook.
"""

# %% [markdown]
# # Lab 3: Frontends
#
# **Goal.** You compute what a convolution costs, measure the latency of seven frontends on your own machine, and see
# that neither parameters nor multiply-adds tell it. You find the frontends that no other one beats, and train three.
#
# **Needs** 4 minutes of computing on two CPU cores; lab 1 (mean IoU). Close other programs: they disturb latencies.
#
# A frontend computes the features of the image from which a decoder predicts the classes. Published networks start from
# frontends pretrained on ImageNet, whose weights are a download. Without them this lab trains from random weights, so
# its scores tell how fast a frontend learns from 240 images, not how good it is after pretraining. With internet, set
# the environment variable `FRONTEND_WEIGHTS=imagenet`, or to the path of a weights file, for MobileNet alone.

# %% script
import _path  # noqa: F401

# %% setup
# 5 s
import os
import time

from labs.course import pick, read_split, test, train
from labs.checks import check
from labs.figures import figure_with_axes, log_axis, show
from utils.backend import import_backend

import numpy as np

import_backend("float32")
import keras
import tensorflow as tf

from frontends import build_frontend
from utils.benchmark.complexity import count_flops

FRONTEND_WEIGHTS = os.environ.get("FRONTEND_WEIGHTS")  # None, "imagenet", or a file for MobileNet
print("frontend weights:", FRONTEND_WEIGHTS or "none, random initialization")

# %% [markdown]
# ## 1. The cost of a convolution
#
# Two numbers: **weights**, which need memory, and **multiply-adds** of one image, which need time (a multiplication and
# the addition of its product are one). Biases do not count.


# %% exercise conv_cost
# 1 s
def conv_cost(kernel_size, channels, filters, height, width):
    """Counts weights and multiply-adds of a convolution.

    Args:
        kernel_size: int, rows and columns of the kernel.
        channels: int, channels of the input.
        filters: int, channels of the output.
        height, width: int, size of the output.

    Returns:
        `(weights, multiply_adds)`, two int.
    """
    raise NotImplementedError


# %% [markdown]
# A **depthwise separable** convolution (MobileNet) does it in two steps: a depthwise convolution, one kernel for each
# channel that sees this channel alone, then a pointwise convolution, 1x1, that mixes the channels.
#
# **Predict.** By which factor is it cheaper, for a 3x3 kernel and 256 channels in and out: about 2, 9 or 256?


# %% exercise separable_cost
# 1 s
def separable_cost(kernel_size, channels, filters, height, width):
    """Counts weights and multiply-adds of a depthwise separable convolution.

    Args:
        kernel_size: int, rows and columns of the depthwise kernel.
        channels: int, channels of the input.
        filters: int, channels of the output.
        height, width: int, size of the output of both steps.

    Returns:
        `(weights, multiply_adds)`, two int.
    """
    raise NotImplementedError


# %%
# 6 s
conv_cost = check(conv_cost)
separable_cost = check(separable_cost)
ratio = conv_cost(3, 256, 256, 12, 16)[1] / separable_cost(3, 256, 256, 12, 16)[1]
print(f"3x3, 256 channels: {ratio:.2f} times cheaper")

height, width = pick((192, 256), (64, 96))  # pixels of the images of this lab
rows, columns, channels = height // 2, width // 2, 32
costs = [conv_cost(3, 3, channels, rows, columns)]  # MobileNet by hand: a convolution, then thirteen separable ones
for stride, filters in zip((1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1), (64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)):
    rows, columns = rows // stride, columns // stride
    costs.append(separable_cost(3, channels, filters, rows, columns))
    channels = filters
weights, multiply_adds = np.sum(costs, axis=0)
images = keras.Input((height, width, 3))
mobilenet = keras.Model(images, build_frontend(images, "MobileNet")["pool5"])
kernels = sum(int(np.prod(layer.kernel.shape)) for layer in mobilenet.layers if hasattr(layer, "kernel"))
print(f"MobileNet by hand: {weights:,} weights, {multiply_adds / 1e6:.1f} million multiply-adds")
print(f"MobileNet counted: {kernels:,} weights, {count_flops(mobilenet) / 2e6:.1f} million multiply-adds")

# %% [markdown]
# ## 2. Latency on this machine
#
# Seven frontends, from the image to `pool5`, their features of stride 32, one image at a time. They take turns, so that
# a busy moment of the machine affects all of them; the median of the rounds counts. **Latency** is the time on the
# clock. **Processor time** is what the cores spent on it, summed over the cores: on two cores that have nothing else to
# do, the latency lies between half of it and all of it. If the latency is more, close programs and repeat the cell.
#
# | family | idea |
# |---|---|
# | VGG (2015) | 3x3 convolutions, nothing else |
# | ResNet (2016) | shortcuts around blocks of three convolutions |
# | DenseNet (2017) | each layer sees the concatenation of all earlier ones |
# | MobileNet (2017, V2 2018, V3 2019) | depthwise separable convolutions |
# | NASNet (2018) | a cell of separable convolutions, found by search |
#
# **Predict.** Order the seven by latency. NASNetMobile and MobileNet have the same number of multiply-adds within 1 %:
# which is faster, and by how much?


# %%
# 60 s
def compiled(model):
    """Compiles a network to a graph for one image of this lab's size."""
    return tf.function(lambda x: model(x, training=False)).get_concrete_function(image)


NAMES = ("VGG16", "ResNet50", "DenseNet121", "MobileNet", "MobileNetV2", "MobileNetV3Small", "NASNetMobile")
NAMES = pick(NAMES, ("MobileNet", "VGG16"))
image = tf.constant(read_split("test", 1)[0][1][None, :height, :width], "float32")
runs, table = {}, {}
for name in NAMES:
    images = keras.Input(image.shape[1:])
    model = keras.Model(images, build_frontend(images, name)["pool5"])
    table[name] = {"parameters": model.count_params() / 1e6, "multiply-adds": count_flops(model) / 2e6}
    runs[name] = compiled(model)


# %%
# 15 s
def milliseconds_of(runs, rounds):
    """Measures functions of the image in turn: dict from name to median latency and median processor time, ms."""
    measured = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter(), time.process_time()
            run(image).numpy()
            measured[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return {name: 1000 * np.median(times, axis=0) for name, times in measured.items()}


for name, (latency, processor) in milliseconds_of(runs, pick(30, 2)).items():
    table[name] |= {"latency": latency, "processor time": processor}
print(f"{'frontend':17} parameters  multiply-adds     latency  processor time  multiply-adds per processor second")
for name, row in sorted(table.items(), key=lambda item: item[1]["latency"]):
    print(
        f"{name:17}{row['parameters']:9.1f} M{row['multiply-adds']:13.0f} M{row['latency']:9.1f} ms"
        f"{row['processor time']:13.1f} ms{row['multiply-adds'] / max(row['processor time'], 0.01):18.0f} billion"
    )

# %%
# 2 s
figure, (axes,) = figure_with_axes(2)
for panel, key in zip(axes, ("parameters", "multiply-adds")):
    for name, row in table.items():
        panel.plot(row[key], row["processor time"], "o")
        shift, side = ((-3, 5), "right") if name in ("MobileNetV2", "NASNetMobile", "ResNet50") else ((3, -11), "left")
        panel.annotate(name, (row[key], row["processor time"]), shift, textcoords="offset points", fontsize=8, ha=side)
    panel.set(xlabel=f"{key}, millions", ylabel="processor time, ms")
    log_axis(panel.xaxis, panel.yaxis)
    panel.margins(0.25)
show(figure, "latency")

# %% [markdown]
# **Expected** on two quiet cores (AMD EPYC), processor time: MobileNetV3Small 7 ms, MobileNet 12, MobileNetV2 13,
# NASNetMobile 36, ResNet50 46, DenseNet121 48, VGG16 155 (± 30 %). Other programs can double all of them.
#
# **Explain.** Neither parameters nor multiply-adds order the times. VGG16 does the most multiply-adds in a second of
# processor time, 97 billion there, NASNetMobile 15. A depthwise 3x3 convolution does nine multiply-adds with each
# number of its input, an ordinary one with 256 filters 2304. NASNet has hundreds of layers, and each takes time to
# start.
#
# ## 3. Which are worth it
#
# A network is **dominated** if another one is at least as fast and at least as accurate, and better in one of the two.
# The others form the **Pareto front**: among them, more accuracy costs time.


# %% exercise pareto_front
# 1 s
def pareto_front(latencies, scores):
    """Finds the networks that no other one dominates.

    Args:
        latencies: list of numbers, low is good.
        scores: list of as many numbers, high is good.

    Returns:
        List of as many bool, True = on the front. Of two equal networks both count.
    """
    raise NotImplementedError


# %%
# 2 s
pareto_front = check(pareto_front)


def draw_front(latencies, scores, label, name, errors=None):
    """Draws networks and their Pareto front; the arguments are dicts by frontend."""
    names = sorted(scores, key=lambda key: latencies[key])
    times, values = [latencies[key] for key in names], [scores[key] for key in names]
    front = [key for key, kept in zip(names, pareto_front(times, values)) if kept]
    figure, ((axes,),) = figure_with_axes(width=6)
    axes.errorbar(times, values, yerr=errors and [errors[key] for key in names], fmt="o", color="#888888", capsize=3)
    axes.plot([latencies[key] for key in front], [scores[key] for key in front], "o-", color="#cc3311")
    for key in names:
        axes.annotate(key, (latencies[key], scores[key]), (4, 5), textcoords="offset points", fontsize=8)
    axes.set(xlabel="latency on this machine, ms", ylabel=label)
    log_axis(axes.xaxis)
    axes.margins(0.3, 0.2)
    show(figure, name)
    print("on the front:", ", ".join(front))


# Top-1 accuracy on ImageNet, 224x224, percent: table of Keras Applications; MobileNetV3 by its paper (1905.02244).
IMAGENET = {"VGG16": 71.3, "ResNet50": 76.0, "DenseNet121": 75.0, "MobileNet": 70.4, "MobileNetV2": 71.3}
IMAGENET |= {"MobileNetV3Small": 67.4, "NASNetMobile": 74.4}
latencies = {name: row["latency"] for name, row in table.items()}
draw_front(latencies, {name: IMAGENET[name] for name in NAMES}, "published ImageNet top-1, %", "front_imagenet")

# %% [markdown]
# **Explain.** For each frontend that is not on the front another one is at least as fast here and as accurate.
#
# ## 4. In a segmentation network
#
# The decoder `custom` is trained on three small frontends for three epochs, on the first one with three seeds. Half the
# range of these three scores is the error bar of all: a smaller difference can be chance.
#
# **Predict.** Order the three by mean IoU after three epochs.

# %%
# 55 s
SMALL = pick(("MobileNetV3Small", "MobileNetV2", "MobileNet"), ("MobileNet",))
scores, runs = {name: [] for name in SMALL}, {}


def train_on(frontend, seed):
    """Trains the decoder on a frontend, adds the test score to `scores` and the compiled network to `runs`."""
    usable = FRONTEND_WEIGHTS == "imagenet" or frontend == "MobileNet"
    weights = FRONTEND_WEIGHTS if usable else None
    model = train("custom", epochs=pick(3, 1), frontend=frontend, seed=seed, frontend_weights=weights).model
    scores[frontend].append(test(model, count=pick(60, 2))["mean_iou"])
    runs[frontend] = compiled(model)
    print(f"{frontend}, seed {seed}: mean IoU {scores[frontend][-1]:.3f}")


for seed in pick((0, 1), (0,)):
    train_on(SMALL[0], seed)

# %%
# 85 s
for frontend, seed in pick(((SMALL[0], 2), ("MobileNetV2", 0), ("MobileNet", 0)), ()):
    train_on(frontend, seed)
spread = (max(scores[SMALL[0]]) - min(scores[SMALL[0]])) / 2
print(f"{len(scores[SMALL[0]])} seeds of {SMALL[0]}: ± {spread:.3f}")
latencies = {name: latency for name, (latency, _) in milliseconds_of(runs, pick(30, 2)).items()}
means = {name: np.mean(values) for name, values in scores.items()}
draw_front(latencies, means, "mean IoU", "front_segmentation", dict.fromkeys(SMALL, spread))

# %% [markdown]
# **Expected** on Streets, random weights, ± 0.03: MobileNetV3Small 0.37, 0.35 and 0.37 (three seeds), MobileNetV2 0.36,
# MobileNet 0.34.
#
# **Explain.** A difference that is not larger than that between two seeds says nothing. From random weights, the
# frontend with the fewest multiply-adds was not worse here. For pretrained ones, set `FRONTEND_WEIGHTS` and measure.
#
# ## Questions
#
# 1. A 3x3 convolution from 512 to 512 channels is replaced by a depthwise separable one. How many weights are saved?
# 2. Which share of the multiply-adds of a separable block with 256 channels in and out does its depthwise step have?
#    Why can its share of the time be larger?
#
# <details><summary>Answers</summary>
#
# 1. 9 x 512 x 512 = 2,359,296 against 9 x 512 + 512 x 512 = 266,752: 2.1 million fewer, 8.8 times.
# 2. 9 / (9 + 256) = 3 %. But each number of its input is used in only 9 multiply-adds, in the pointwise step in 256.
# </details>
