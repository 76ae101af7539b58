"""Lab 10: write your own network, within limits of time and size, and its model card.

Percent-format source; `python labs/lab10_your_network.py` runs it, `python labs/make_labs.py` makes the notebook.
"""

# %% [markdown]
# # Lab 10: Your own network
#
# **Goal.** You write a decoder on MobileNetV3Small, with at most 5 million parameters in all, and enter it in the
# leaderboard, which scores it on streets that nobody has seen. You describe it in a model card that others can rely on.
#
# **Needs** 2 minutes of computing on two CPU cores, and ten more for the leaderboard; labs 1 to 3.

# %% script
import _path  # noqa: F401

# %% setup
# 5 s
from labs.course import pick, read_split, register_network, test, train
from labs.checks import check
from labs.figures import bars, figure_with_axes, sample, show
from utils.backend import import_backend

import_backend("float32")
from models.blocks import classifier, conv_bn_relu, resize_like  # noqa: F401  for your decoder

# %% [markdown]
# ## 1. Material
#
# `end_points["pool1"]` to `["pool5"]` are the deepest features of each stride, 2 to 32, and `["images"]` is the image,
# scaled to 0..1. `models/blocks.py` has what decoders are made of:
#
# * `conv_bn_relu(x, filters, kernel, strides=1)`: convolution, batch norm, ReLU
# * `resize_like(x, other)`: bilinear resizing to the height and width of another tensor
# * `classifier(x, num_classes)`: 1x1 convolution to one logit per class
#
# The template `models/custom_model.py`, the network `custom` of lab 1, merges strides 4 to 32 at stride 4. The drawing
# shows where its weights are for several numbers of `filters`; a k x k convolution from c to d channels has $k^2 c d$.

# %%
# 2 s
CHANNELS = {"pool2": 24, "pool3": 48, "pool4": 96, "pool5": 576}  # of MobileNetV3Small


def template_parts(filters):
    """Returns the number of weights of each part of the template."""
    return {
        "1x1 on each level": sum(channels * filters for channels in CHANNELS.values()),
        "1x1 on all levels": 4 * filters * 4 * filters,
        "first 3x3": 9 * 4 * filters * filters,
        "second and third 3x3": 2 * 9 * filters * filters,
    }


figure, ((axes,),) = figure_with_axes(width=7)
widths, left = (16, 32, 64, 96, 128), [0] * 5
for part in template_parts(64):
    sizes = [template_parts(width)[part] / 1e6 for width in widths]
    axes.bar([str(width) for width in widths], sizes, bottom=left, label=part)
    left = [low + size for low, size in zip(left, sizes)]
axes.set(xlabel="filters", ylabel="million weights of the decoder")
axes.legend(frameon=False)
show(figure, "weights")

# %% [markdown]
# ## 2. The decoder
#
# Write a decoder. It must work for images of any size, return logits (no softmax), and use at least two levels.
#
# **Predict.** With three epochs `custom` has a mean IoU of 0.37 ± 0.04. What do you do differently: a finer output,
# more filters, another convolution? Write down the mean IoU that you expect, and one sentence why.


# %% exercise build_network
# 1 s
def build_network(end_points, num_classes):
    """Builds a decoder.

    Args:
        end_points: dict of features "pool1" ... "pool5", (B, H / 2**n, W / 2**n, C), and "images".
        num_classes: int, C.

    Returns:
        Logits (B, h, w, C) of any height and width; they are resized to the image.
    """
    raise NotImplementedError


# %%
# 15 s
build_network = check(build_network)

# %% [markdown]
# ## 3. How many epochs are ten minutes?
#
# Loading, compiling and the final test take some of the time; the epochs take the rest.


# %% exercise epochs_within
# 1 s
def epochs_within(minutes, seconds_per_epoch, other_seconds):
    """Computes the number of epochs that end in time.

    Args:
        minutes: float, the limit.
        seconds_per_epoch: float, of training and validation.
        other_seconds: float, of everything else.

    Returns:
        int, at least 0.
    """
    raise NotImplementedError


# %%
# 1 s
epochs_within = check(epochs_within)

# %%
# 90 s
name = register_network("mine", build_network)
trained = train(name, epochs=pick(3, 1))
scores = test(trained.model)
seconds_per_epoch = trained.seconds / len(trained.loss)
parameters = trained.model.count_params()
print(f"mean IoU {scores['mean_iou']:.3f}, {parameters:,} parameters, {seconds_per_epoch:.0f} s an epoch")
print(f"ten minutes are {epochs_within(10, seconds_per_epoch, 40)} epochs on this machine")

# %%
# 3 s
images = read_split("test", 2)
show([sample(name, image, label, scores["predictions"][name]) for name, image, label in images], "predictions")
show(bars(scores["class_iou"], "IoU after three epochs"), "class_iou")

# %% [markdown]
# **Expected** with the reference solution: mean IoU 0.36 ± 0.05 after three epochs, 1.2 million parameters.
#
# **Explain.** Compare with your sentence. Three epochs favor what learns fast; after twelve the order may be another.
# Change one thing at a time, and repeat with `seed=1` and `seed=2` before you believe a difference.
#
# ## 4. The model card
#
# A score without its conditions cannot be used by others. The card states data, split, seed, scores, size and limits.


# %% exercise model_card
# 1 s
def model_card(name, dataset, split, mean_iou, class_iou, parameters, seed):
    """Writes a model card.

    Args:
        name: str, of the network.
        dataset, split: str, on which it was scored.
        mean_iou: float, 0..1.
        class_iou: dict from class name to float 0..1, or None for a class that is absent.
        parameters: int.
        seed: int.

    Returns:
        str with one fact on each line, all arguments among them: scores as percentages with one decimal, such as
        "Mean IoU: 41.3 %", parameters with their unit, the weakest class by name, and a line that begins with
        "Limits:".
    """
    raise NotImplementedError


# %%
# 1 s
model_card = check(model_card)
print(model_card(name, "Streets", "test", scores["mean_iou"], scores["class_iou"], parameters, seed=0))

# %% [markdown]
# ## 5. The leaderboard
#
# Save your function as `submissions/yourname.py`, with its imports. The teacher draws streets with a secret seed:
#
# ```
# python labs/leaderboard.py submissions --seed SECRET --epochs 12
# ```
#
# It trains each network for twelve epochs, ranks by mean IoU, then by parameters, and shows the time of one image. Why
# a secret seed: whoever tries thirty networks on one test split and keeps the best has chosen on the test split.
#
# ## Questions
#
# 1. Your network scores 41.0 %, your neighbor's 40.2 %. Whose is better?
# 2. Twice the channels in and out at half the resolution: how do multiply-adds and weights of a 3x3 convolution change?
# 3. Which of the lines of your model card does a user need first who wants to find poles?
#
# <details><summary>Answers</summary>
#
# 1. Nobody knows: in labs 2 and 3 seeds alone differed by more. Train both with three seeds, and compare the means.
# 2. Weights: four times as many. Multiply-adds: four times the weights at a quarter of the positions, so the same.
# 3. The IoU of Pole, not the mean.
# </details>
