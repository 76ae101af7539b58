"""Lab 6: two streams: operations by resolution, memory, latency, and dominated networks.

Percent-format source; `python labs/lab06_two_streams.py` runs it, `python labs/make_labs.py` makes the notebook.
"""

# %% [markdown]
# # Lab 6: Two streams
#
# **Goal.** FRRN, BiSeNet and ICNet keep detail in a second stream of layers instead of bringing it back by skips. You
# count at which strides their multiply-adds and their memory are, measure their latency on this computer, and find the
# networks that are dominated, because another one is both faster and better.
#
# **Needs** 2 minutes of computing on two CPU cores; labs 1 and 3 (multiply-adds, Pareto front).

# %% script
import _path  # noqa: F401

# %% setup
# 5 s
from labs.course import class_dict, pick
from labs.checks import check
from labs.figures import figure_with_axes, log_axis, show
from labs.small import mean_and_spread, mean_iou, read_small, train_seeds

import functools

import numpy as np

# %% [markdown]
# ## 1. Three ways to have two streams
#
# FRRN (2017) exchanges features between a residual stream at full resolution and a pooling stream through coarser
# strides. BiSeNet (2018) joins a short spatial path down to stride 8 and a deep context path. ICNet (2018) has a branch
# for each of three sizes of the image; the smallest image gets the deepest branch.

# %%
# 1 s
FULL, HALF = [(0, 0), (2, 3), (8, 3)], [(0, 1), (3, 4), (7, 4), (8, 3)]
LANE, CONTEXT = [(0, 0), (8, 0)], [(0, 0), (2, 1), (4, 4), (6, 1), (8, 0)]
STREAMS = {  # network -> lines of (depth, log2 of the stride); where they meet
    "FRRN": ({"residual stream": LANE, "pooling stream": CONTEXT}, [(2, 1), (3, 2.5), (4, 4), (5, 2.5), (6, 1)]),
    "BiSeNet": ({"spatial path": [(0, 0), (2, 3), (7, 3)], "context path": [(0, 0), (5, 5), (7, 3), (8, 3)]}, [(7, 3)]),
    "ICNet": ({"full": FULL, "half": HALF, "quarter image": [(0, 2), (5, 5), (7, 4)]}, [(7, 4), (8, 3)]),
}
figure, (axes,) = figure_with_axes(3, width=4.2, height=3)
for panel, (title, (lines, meetings)) in zip(axes, STREAMS.items()):
    for (name, points), color in zip(lines.items(), ("#ee7733", "#4477aa", "#228833")):
        panel.plot(*zip(*points), color=color, linewidth=3, label=name)
    panel.plot(*zip(*meetings), "ko", label="streams meet")
    panel.set(title=title, yticks=range(6), yticklabels=[f"/{2**n}" for n in range(6)], xticks=[], xlabel="depth")
    panel.invert_yaxis()
    panel.legend(fontsize=8, loc="lower left" if "FRRN" in title else "upper right")
show(figure, "streams")

# %% [markdown]
# ## 2. Where are the operations?
#
# Lab 3: a convolution multiplies all its weights with the input at each position of its output.

# %%
# 1 s
for stride, channels in ((1, 48), (4, 192), (16, 384)):
    count = 3 * 3 * channels * channels * (192 // stride) * (256 // stride)
    print(f"FRRN, 3x3, {channels} to {channels} channels at stride {stride:2}: {count / 1e9:.2f} G multiply-adds")

# %% [markdown]
# The stride of a layer follows from the rows of its output. Sizes are rounded up at each stride of 2, so the quotient
# is close to a power of 2, but need not be one: of 181 rows, 12 are left at stride 16.
#
# **Predict.** FRRN has 48 channels at full resolution and 384 at stride 16. At which stride are most of its operations?
# And those of BiSeNet and ICNet?


# %% exercise operations_by_stride
# 1 s
def operations_by_stride(height, layers):
    """Sums the multiply-adds of a network by the stride of its layers.

    Args:
        height: int, rows of the image.
        layers: list of `(rows, multiply_adds)`, two int: rows of the layer's output, and what the layer computes.

    Returns:
        Dict from the strides 1, 2, 4, 8, 16 and 32 to int. Layers with fewer rows than stride 32 count as stride 32.
    """
    # math.log2 and round find the nearest power of 2.
    raise NotImplementedError


# %%
# 5 s
operations_by_stride = check(operations_by_stride)
from models import build_model
from utils.benchmark.complexity import layer_flops, without_weights

SIZE = pick((192, 256), (64, 96))
NAMES = pick(("FRRN-A", "BiSeNet", "ICNet", "DeepLabV3_plus"), ("BiSeNet",))
operations, built = {}, {}
for name in NAMES:
    with without_weights():
        built[name] = build_model(name, 12, "MobileNetV3Small", (*SIZE, 3))
    rows = [(positions[0] if positions else 1, flops // 2) for _, positions, flops in layer_flops(built[name])]
    operations[name] = operations_by_stride(SIZE[0], rows)
    print(f"{name:15} {sum(operations[name].values()) / 1e9:6.2f} G multiply-adds")

figure, ((axes,),) = figure_with_axes(width=8, height=3)
left = np.zeros(len(NAMES))
for number, stride in enumerate((1, 2, 4, 8, 16, 32)):
    share = np.array([operations[name][stride] / sum(operations[name].values()) for name in NAMES])
    axes.barh(NAMES, share, left=left, color=f"C{number}", label=f"stride {stride}")
    left += share
axes.set(xlabel="share of the multiply-adds", xlim=(0, 1.25), xticks=(0, 0.25, 0.5, 0.75, 1))
axes.legend(fontsize=8, loc="upper right", frameon=False)
show(figure, "operations")

# %% [markdown]
# **Explain.** FRRN's operations are about equal at strides 1, 2 and 4: from one to the next the positions are divided
# by four and the channels doubled, and a kernel grows with both numbers of channels. BiSeNet's spatial path reaches
# stride 8 after three convolutions; half of the network's operations are there. ICNet's deepest branch gets a sixteenth
# of the pixels, and its branch for the full image has at most half of the channels of BiSeNet's spatial path.
#
# ## 3. Memory
#
# Training keeps the features of all layers until the backward pass has used them, as float32: 4 bytes a number.


# %% exercise stream_bytes
# 1 s
def stream_bytes(height, width, features, batch_size):
    """Computes the memory of the features that training keeps.

    Args:
        height, width: int, of the images.
        features: list of `(stride, channels)`, one for each feature; its size is rounded up.
        batch_size: int.

    Returns:
        int, bytes of float32.
    """
    raise NotImplementedError


# %%
# 5 s
stream_bytes = check(stream_bytes)
for name in NAMES:
    shapes = [layer.output.shape for layer in built[name].layers if len(getattr(layer.output, "shape", ())) == 4]
    features = [(2 ** round(np.log2(SIZE[0] / shape[1])), shape[3]) for shape in shapes if shape[1] > 1]
    whole, fine = (stream_bytes(1024, 2048, [f for f in features if f[0] <= most], 1) / 2**30 for most in (64, 1))
    print(f"{name:15} one image of 1024x2048: {whole:6.2f} GiB, of these at full resolution {fine:.2f} GiB")

# %% [markdown]
# **Explain.** The estimate counts each layer's output once; a framework reuses some of them. FRRN needs tens of GiB for
# one image of the size of Cityscapes: its authors trained it on images of half and of a quarter of the height and
# width.
#
# ## 4. Latency on this computer
#
# **Predict.** ICNet needs a fraction of BiSeNet's operations. Is it as many times faster?

# %%
# 10 s
from utils.benchmark.timing import cpu_cores, cpu_name, quantile, seconds_of
from utils.inference import KerasBackend

backends = {name: KerasBackend(build_model(name, 12, "MobileNetV3Small")) for name in NAMES}
image = np.random.default_rng(0).integers(0, 256, (1, *SIZE, 3)).astype(np.uint8)
seconds = {name: [] for name in NAMES}
for _ in range(pick(11, 3)):  # in turn, so that other work on the computer slows all of them
    for name, backend in backends.items():
        seconds[name] += seconds_of(functools.partial(backend.classes, image), 1)
print(f"{cpu_name()}, {cpu_cores()} cores; batch of one, {SIZE[0]}x{SIZE[1]}")
for name in NAMES:
    milliseconds = 1000 * quantile(seconds[name][2:], 0.5)  # the first calls trace the network
    count = sum(operations[name].values()) / 1e6
    print(f"{name:15} {milliseconds:7.1f} ms, {count:8.0f} M multiply-adds, {count / milliseconds:6.1f} G per second")

# %% [markdown]
# **Expected**: FRRN 54 times BiSeNet's operations, ICNet 0.29 times; on two quiet cores tens of times, and 0.6 (± 0.2)
# times, its milliseconds.
#
# **Explain.** ICNet does fewer multiply-adds in a second: most of its layers are small, and each layer costs a fixed
# time too. Here the operations tell the order; only a measurement on your hardware tells the latency.
#
# ## 5. Dominated networks
#
# Lab 3: a network is *dominated* if another one is at least as fast and at least as accurate, and better in one of the
# two. The others are the Pareto front. Here are all recorded runs of this suite on CamVid.

# %%
# 2 s
from tools.results.records import recorded, title
from tools.results.tables import read_latencies
from tools.speed.latency_plot import pareto_front

latencies = read_latencies()["milliseconds"]  # of docs/results.md: CamVid, one image of 360x480, two CPU cores
runs = [one for one in recorded("camvid").values() if title(one) in latencies]
times = np.array([latencies[title(one)] for one in runs])
scores = np.array([one["result"]["mean_iou"] for one in runs])
best = pareto_front(list(zip(times, scores)))
beaten = [pair not in best for pair in zip(times, scores)]
figure, ((axes,),) = figure_with_axes(width=9, height=5)
axes.scatter(times, scores, c=np.where(beaten, "#bbbbbb", "#cc3311"))
for one, milliseconds, mean, is_beaten in zip(runs, times, scores, beaten):
    if not is_beaten or one["train"]["model"] in ("ICNet", "BiSeNet"):
        axes.annotate(one["train"]["model"], (milliseconds, mean), (4, 5), textcoords="offset points", fontsize=8)
        print(f"{'dominated' if is_beaten else 'front':9} {milliseconds:6.0f} ms, mean IoU {mean:.3f}: {title(one)}")
axes.set(xlabel="milliseconds for one image", ylabel="mean IoU, CamVid test; red = front")
log_axis(axes.xaxis)
show(figure, "front")

# %% [markdown]
# **Explain.** ICNet and BiSeNet, made for speed, are dominated on this CPU: `custom` on the same MobileNet is faster
# and better than both. Each point is one run with one seed, and the trainings differ in minutes: BiSeNet is 2 points
# and 2 ms behind, which may be chance, ICNet more than 7 points. It was designed for images of 1024x2048.
#
# ## 6. Does the second stream help?
#
# One small context path down to stride 16 is trained alone, with a spatial path as in BiSeNet, and with a lane, a
# residual stream at full resolution as in FRRN; three seeds each, ± is their standard deviation.
#
# **Predict** the order in mean IoU. Is one of the three dominated, in multiply-adds and mean IoU?

# %%
# 75 s
from keras import layers

from models.blocks import classifier, conv_bn_relu, resize_like

WIDTHS, LANE = pick((16, 32, 64, 96), (8, 8)), 8  # strides 2 to 16; channels of the lane at full resolution


def two_streams(x, num_classes, second):
    """Builds a context path, and a second stream: "alone" (none), "spatial" or "lane"."""
    images, lane = x, conv_bn_relu(x, LANE) if second == "lane" else None
    for number, filters in enumerate(WIDTHS, 1):
        x = conv_bn_relu(x, filters, strides=2)
        if lane is not None:  # as in FRRN: the stream takes the pooled lane, and adds its result to it
            pooled = resize_like(layers.MaxPooling2D(2**number, padding="same")(lane), x)
            x = conv_bn_relu(layers.Concatenate()([x, pooled]), filters)
            lane = layers.Add()([lane, resize_like(layers.Conv2D(LANE, 1)(x), lane, "nearest")])
        else:
            x = conv_bn_relu(x, filters)
    if second == "spatial":  # as in BiSeNet, down to stride 4: the pictures are small
        spatial = conv_bn_relu(conv_bn_relu(images, 16, strides=2), 32, strides=2)
        x = conv_bn_relu(layers.Concatenate()([spatial, resize_like(x, spatial)]), 64, 1)
    if lane is not None:
        x = conv_bn_relu(layers.Concatenate()([lane, resize_like(conv_bn_relu(x, 16, 1), lane)]), 16)
    return classifier(x, num_classes)


def train_streams(second):
    """Trains a network with three seeds and prints its scores and operations."""
    name = f"context-{second}"
    models = train_seeds(name, functools.partial(two_streams, second=second), training, epochs=8)
    mean, spread = mean_and_spread([mean_iou(model, testing) for model in models])
    with without_weights():
        small = build_model(name, class_dict().num_classes, input_shape=training[0][1].shape)
    count = sum(flops for _, _, flops in layer_flops(small)) / 2e6
    print(f"{name:15} mean IoU {mean:.3f} ± {spread:.3f}, {count:5.1f} M multiply-adds")
    table.append((count, mean))


training, testing, table = read_small("train"), read_small("test"), []
for second in pick(("alone", "spatial", "lane"), ("spatial",)):
    train_streams(second)
print("dominated in operations and mean IoU:", [row not in pareto_front(table) for row in table])

# %% [markdown]
# **Expected**: mean IoU 0.30 ± 0.02 alone, 0.36 ± 0.02 with the spatial path, 0.39 ± 0.03 with the lane.
#
# **Explain.** Either second stream helps by more than seeds differ. The spatial path has two thirds of the lane's gain
# for a fifth of the multiply-adds that the lane adds. None of the three is dominated: the lane is best, the path
# cheaper.
#
# ## Questions
#
# 1. Images get twice as wide and twice as high. What happens to the multiply-adds of each stream, to the memory of its
#    features and to its parameters?
# 2. ICNet trains auxiliary classifiers at strides 8 and 16 (cascade label guidance). Why must the labels be resized by
#    taking single pixels (nearest), not by averaging?
# 3. Network A is dominated by B in a table. When should you still try A?
#
# <details><summary>Answers</summary>
#
# 1. Multiply-adds and memory become four times as many in all streams; the parameters stay.
# 2. Class indices are names, not amounts: the mean of Sky (0) and Pole (2) is 1, Building.
# 3. If the difference is within the spread between seeds, if A was trained for less time, or on other hardware: on a
#    GPU the number of layers counts more.
# </details>
