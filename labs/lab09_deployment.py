"""Lab 9: from training to use: checkpoint, predictions, video, exported files, weights in 8 bits.

Percent-format source; `python labs/lab09_deployment.py` runs it, `python labs/make_labs.py` makes the notebook.
"""

# %% [markdown]
# # Lab 9: From training to use
#
# **Goal.** You take a network from its checkpoint to pictures, to a video and to files for other runtimes. You measure
# the megabytes and milliseconds of each file and how many pixels change their class, and write the rounding to 8 bits.
#
# **Needs** 2 minutes of computing on two CPU cores; lab 1. ONNX, OpenVINO and the web page need optional packages; what
# is not installed is left out, and a line says how to install it.

# %% script
import _path  # noqa: F401

# %% setup
# 5 s
import pathlib

from labs.course import pick, read_split, test
from labs.checks import check
from labs.deployment import agreement_by_bits, export_file, join, megabytes, predict_video, seconds_of_calls
from labs.deployment import train_checkpoint, write_pan
from labs.figures import curves, figure_with_axes, show
from utils.inference import load, load_trained

import numpy as np

folder = pathlib.Path("labs_output") / "lab09"
folder.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## 1. A checkpoint
#
# This runs `python train.py --model custom --frontend MobileNetV3Small ...` for four epochs. A checkpoint holds the
# network, its weights, the state of the optimizer, the settings, the names and colors of the classes.
#
# **Predict.** The network has 1.3 million weights of 4 bytes. How large is the file, if AdamW keeps two more numbers
# for each weight?

# %%
# 30 s
checkpoint = train_checkpoint(folder / "checkpoints", epochs=pick(4, 1), steps=pick(30, 2))
print(f"{checkpoint}: {checkpoint.stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# ## 2. A prediction in Python
#
# `load` opens a checkpoint or an exported file. The confidence of a pixel is the softmax probability of its class;
# below a chosen confidence a pixel can be left unknown, class 255.

# %%
# 8 s
net = load(checkpoint)
name, image, label = read_split("test", 1)[0]
prediction = net(image)
sure = prediction.with_unknown(below=0.6)
print(prediction, f"unknown below 0.6: {100 * (sure.classes == 255).mean():.1f} %", sep="\n")
figure, (axes,) = figure_with_axes(3, width=4)
panels = {"overlay": prediction.overlay(), "confidence": prediction.confidence, "unknown below 0.6": sure.overlay()}
for panel, (title, picture) in zip(axes, panels.items()):
    panel.imshow(picture.astype("float32") if picture.ndim == 2 else picture, cmap="gray", vmin=0, vmax=1)
    panel.set(title=title, xticks=[], yticks=[])
show(figure, "prediction")

# %% [markdown]
# Two predictions of one image are compared by the percentage of pixels that have the same class. Pixels that are
# 255 in either of them have no class there, and are left out.


# %% exercise agreement
# 1 s
def agreement(first, second):
    """Computes how far two predictions agree.

    Args:
        first, second: uint8 arrays (H, W), class indices, 255 = no class.

    Returns:
        float, 0..100: percentage of pixels with the same class, of those that are not 255 in either.
    """
    raise NotImplementedError


# %%
# 5 s
agreement = check(agreement)
flipped = net(image[:, ::-1].copy()).classes[:, ::-1]
print(f"the image and its mirror image: {agreement(prediction.classes, flipped):.1f} % of all pixels agree,")
sure_agreement = f"{agreement(sure.classes, flipped):.1f} %" if (sure.classes != 255).any() else "none"
print(f"{sure_agreement} of those with a confidence of 0.6 or more")

# %% [markdown]
# **Explain.** Pixels of low confidence change more often: several classes are nearly equal there, and a small change
# decides. Rounding the weights, in section 4, is another such change.
#
# ## 3. Milliseconds
#
# **Predict.** How much longer does the first call take than the tenth?


# %% exercise latency
# 1 s
def latency(seconds, warm_up):
    """Computes the typical time of a call.

    Args:
        seconds: list of float, the duration of each call, in their order.
        warm_up: int, the number of first calls to leave out.

    Returns:
        float, the median of the other calls in milliseconds.
    """
    raise NotImplementedError


# %%
# 6 s
latency = check(latency)
seconds = seconds_of_calls(load_trained(checkpoint)[0], image, pick(20, 4))
figure = curves({"one image": [1000 * value for value in seconds]}, "call", "milliseconds")
figure.axes[0].set_yscale("log")
show(figure, "calls")
print(f"first call {1000 * seconds[0]:.0f} ms, median after 2 calls {latency(seconds, 2):.1f} ms")

# %% [markdown]
# **Explain.** TensorFlow traces the network in the first call. Single interruptions by other programs hardly change the
# median. On a busy machine all numbers grow: compare only what was measured on one machine at one time.
#
# ## 4. Weights in few bits
#
# With $b$ bits a weight becomes an integer from $-L$ to $L$, $L = 2^{b-1} - 1$ (127 for 8 bits), times a scale. Each
# output channel has a scale of its own, $s_c = \max |w_c| / L$, so that its largest weight is exactly $L$. The error of
# a weight is at most $s_c / 2$.


# %% exercise quantize
# 1 s
def quantize(kernel, bits):
    """Rounds a kernel to integers.

    Args:
        kernel: float array (kh, kw, inputs, outputs).
        bits: int, 2 to 8.

    Returns:
        (codes, scale): int8 array of the kernel's shape, -L..L, and float array (outputs,), so that codes * scale is
        the rounded kernel. The scale of a channel of zeros is any number above 0.
    """
    raise NotImplementedError


# %%
# 8 s
quantize = check(quantize)
x, lines = np.linspace(-1, 1, 1001), {}
for bits in (2, 3, 4):
    codes, scale = quantize(x.reshape(1, 1, -1, 1), bits)
    lines[f"{bits} bits"] = x, (codes * scale).ravel()
show(curves(lines, "weight / largest weight", "after rounding"), "rounding")

# %% [markdown]
# **Predict.** The weights of two networks are rounded to 8, 6, 5, 4, 3 and 2 bits: yours, after four epochs from random
# weights, and the pretrained one of this suite (CamVid), on a street in Cambridge. With how many bits do half of the
# pixels change? Does a scale for each channel help, compared with one scale for the whole kernel?

# %%
# 12 s
from utils.data import read_image
from utils.run_folder import PRETRAINED


def one_scale(kernel, bits):
    """Quantizes with one scale for all channels."""
    codes, scale = quantize(kernel.reshape(1, 1, -1, 1), bits)
    return codes.reshape(kernel.shape), scale


functions = {"a scale for each channel": quantize, "one scale": one_scale}
pictures = [(name, image) for name, image, _ in read_split("test", pick(20, 2))]
street = [("street", read_image(PRETRAINED.parents[2] / "docs" / "images" / "street.jpg"))]
widths = pick((8, 6, 5, 4, 3, 2), (8,))
lines = agreement_by_bits(checkpoint, pictures, widths, functions, agreement)
show(curves(lines, "bits", "pixels of the same class, %"), "bits")
if pick(True, False):
    lines = agreement_by_bits(PRETRAINED, street, widths, functions, agreement)
    show(curves(lines, "bits", "pixels of the same class, %"), "bits_pretrained")

# %% [markdown]
# **Expected**: your network keeps 80 ± 15 % of the pixels with 3 bits and either scale; the pretrained one keeps 91 %
# with 5 bits and a scale for each channel, 45 % with one. **Explain.** In your network the channels of a kernel have
# nearly equal ranges, as at random. In the pretrained one, as printed, they differ more, and with one scale the largest
# channel sets the step of all others.
#
# ## 5. Files
#
# export.py writes the network for other runtimes and compares each file with Keras. `--int8` of `keras` stores weights
# as above and computes in float32; `--int8` of `litert` also computes in integers.
#
# **Predict.** Order the files by size. Which is the fastest on your processor? Which one changes most pixels?

# %%
# 20 s
rows, joined = {}, {}


def add_row(path):
    """Measures a file: megabytes, milliseconds, agreement with the checkpoint, mean IoU."""
    backend, _, _ = load_trained(path)
    milliseconds = latency(seconds_of_calls(backend, image, pick(20, 4)), 2)
    scores = test(backend, count=pick(20, 2))
    joined[path.name] = join(scores["predictions"].items())
    rows[path.name] = megabytes(path), milliseconds, agreement(joined[checkpoint.name], joined[path.name])
    print(f"{path.name:24}", "{:5.1f} MB {:6.1f} ms {:6.2f} %".format(*rows[path.name]), end=" ")
    print(f"mean IoU {scores['mean_iou']:.3f}")


size = [str(-(-side // 32) * 32) for side in image.shape[:2]]
files = {
    "inference.keras": ["keras"],
    "int8.keras": ["keras", "--int8"],
    "float32.tflite": ["litert"],
    "int8.tflite": ["litert", "--int8", "--crop_height", size[0], "--crop_width", size[1]],
    "float32.onnx": ["onnx"],
    "openvino.xml": ["openvino"],
}
add_row(checkpoint)
for name in list(files)[:3] if pick(True, False) else ["int8.keras"]:
    if export_file(checkpoint, folder / name, *files[name]):
        add_row(folder / name)

# %%
# 20 s
for name in list(files)[3:] if pick(True, False) else []:
    if export_file(checkpoint, folder / name, *files[name]):
        add_row(folder / name)

# %%
# 2 s
figure, (axes,) = figure_with_axes(3, width=3.6, height=1 + 0.25 * len(rows))
for panel, column, title in zip(axes, range(3), ("megabytes", "milliseconds for one image", "pixels that change, %")):
    values = [100 - row[column] if column == 2 else row[column] for row in rows.values()][::-1]
    panel.bar_label(panel.barh(range(len(rows)), values, color="#4477aa"), fmt=" %.2f", fontsize=9)
    panel.set_yticks(range(len(rows)), list(rows)[::-1] if column == 0 else [""] * len(rows))
    panel.set_xlabel(title)
    panel.margins(x=0.25)
show(figure, "files")

# %% [markdown]
# **Expected**: mean IoU 0.24 ± 0.03; checkpoint 16 MB, float32 files 5 to 6 MB, 8-bit files 1.5 MB; `int8.keras`
# changes 0.1 % of the pixels, `int8.tflite` 2 %, the others none; their mean IoU differs by less than 0.01.
#
# **Explain.** AdamW's numbers are two thirds of the checkpoint. Rounding the features too changes more pixels than
# rounding the weights alone. Milliseconds depend on the processor and on what else it does: repeat before you rank.
#
# ## 6. A video
#
# A camera pans over a street. predict.py reads, predicts, draws and writes frames.
#
# **Predict.** Are the frames per second of predict.py more or fewer than 1000 / milliseconds of the checkpoint's row?

# %%
# 12 s
video, frames = folder / "pan.mp4", pick(48, 4)
write_pan(video, image, frames)
elapsed = predict_video(checkpoint, video, folder / "video")
print(f"{frames / elapsed:.1f} frames per second with start-up; the network alone could do", end=" ")
print(f"{1000 / rows[checkpoint.name][1]:.1f}", *sorted(path.name for path in (folder / "video").iterdir()))

# %% [markdown]
# **Explain.** Fewer: start-up takes seconds once, and each frame is also decoded, drawn and encoded.
#
# ## 7. A web page
#
# ```
# python export.py --checkpoint_path CHECKPOINT --format web --output_path page
# cd page && python -m http.server 8000
# ```
#
# The folder has the network as ONNX, a runtime for browsers, which is downloaded once (33 MB), and a page that segments
# pictures and frames of the camera. Open `http://localhost:8000`, and compare its milliseconds with your table.
#
# ## Questions
#
# 1. A file agrees with the checkpoint at 99.3 % of the pixels. Can its mean IoU be higher than the checkpoint's?
# 2. Weights in 8 bits make the file four times smaller. Why is it not four times faster?
# 3. Your phone has no Python. Which parts of the chain, beside the network, must be written again, and which mistakes
#    do not show in a crash?
#
# <details><summary>Answers</summary>
#
# 1. Yes. The 0.7 % that change may become right or wrong; where the network is unsure, this is chance.
# 2. `--format keras --int8` restores the weights to float32 when the file is opened and computes as before. Only a
#    runtime that multiplies integers can be faster, if the processor has instructions for it.
# 3. Decoding, resizing, padding, the order of color channels, the range of values, and the colors of the classes. Blue
#    and red exchanged, or values 0..1 for a network that expects 0..255, give a prediction, only a worse one. Files of
#    export.py therefore take raw pixels and contain the preprocessing.
# </details>
