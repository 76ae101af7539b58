"""Lab 7: losses for rare classes, and deep supervision.

Percent-format source; `python labs/lab07_losses.py` runs it, `python labs/make_labs.py` makes the notebook.
"""

# %% [markdown]
# # Lab 7: Losses, imbalance, deep supervision
#
# **Goal.** You write cross entropy, class weights and the Dice loss, and measure what losses for rare classes gain for
# *Pole* and cost elsewhere, and whether auxiliary heads, which exist in training only, help more than another seed.
#
# **Needs** 7 minutes of computing on two CPU cores; lab 1.

# %% script
import _path  # noqa: F401

# %% setup
# 5 s
from labs.course import class_dict, import_backend, open_training_data, pick, read_split, test, train
from labs.checks import check
from labs.figures import curves, figure_with_axes, sample, show
from utils.data.augmentation import Augmentation
import numpy as np

import_backend("float32")

# %% [markdown]
# ## 1. The loss of a pixel
#
# A network gives each pixel one logit per class; $p$ is the softmax probability of the true class. Cross entropy is
# $-\log p$. The focal loss multiplies it by $(1-p)^2$. A class weight of 4 multiplies it by 4.
#
# **Predict.** A street has 30 pixels of sky with $p = 0.95$ for each pixel of a pole with $p = 0.1$. Which of the two
# has more of the total cross entropy? And of the total focal loss?

# %%
# 2 s
p = np.linspace(0.01, 1, 100)
lines = {"cross entropy": (p, -np.log(p)), "focal": (p, -((1 - p) ** 2) * np.log(p)), "weight 4": (p, -4 * np.log(p))}
figure = curves(lines, "probability p of the true class", "loss of the pixel")
figure.axes[0].set_ylim(0, 8)
show(figure, "losses")
for name, factor in (("cross entropy", lambda p: 1), ("focal", lambda p: (1 - p) ** 2)):
    sky, pole = (-count * factor(p) * np.log(p) for count, p in ((30, 0.95), (1, 0.1)))
    print(f"{name:14} 30 pixels of sky {sky:.3f}, 1 pixel of the pole {pole:.3f}")

# %% [markdown]
# **Explain.** Cross entropy: 1.54 for the sky, 2.30 for the pole: many easy pixels have two thirds of the loss of the
# hard one. The focal loss divides the sky's part by 400 and leaves the pole's at four fifths.
#
# ## 2. Cross entropy
#
# Pixels with label 255 have no class: they must have no effect on the sum or on the divisor. With class weights
# $w$, the loss is $\sum_i w_{y_i} (-\log p_i) \,/\, \sum_i w_{y_i}$ over labeled pixels $i$ of class $y_i$.
#
# Logits can be large. $\exp(1000)$ is infinite in floating point, and the softmax of very different logits rounds to
# 0, whose logarithm is $-\infty$. With $m$ the largest logit of the pixel:
# $\log p_y = (z_y - m) - \log \sum_c \exp(z_c - m)$, where no power is above 1 and the sum is at least 1.


# %% exercise cross_entropy
# 1 s
def cross_entropy(logits, labels, weights):
    """Computes the cross entropy of an image.

    Args:
        logits: float array (H, W, C).
        labels: uint8 array (H, W), class indices, 255 = ignored.
        weights: float array (C,), weight of each class.

    Returns:
        float, the mean over labeled pixels, weighted by their classes.
    """
    # logits[labels != 255] is an array (labeled pixels, C).
    raise NotImplementedError


# %%
# 3 s
cross_entropy = check(cross_entropy)
from utils.losses import build_loss

random = np.random.default_rng(0)
logits, labels = random.normal(size=(6, 8, 3)), random.choice([0, 1, 2, 255], (6, 8)).astype(np.uint8)
suite = build_loss("cross_entropy", 3, class_weights=[4, 1, 1])(labels[None], logits[None].astype("float32"))
print(f"yours {cross_entropy(logits, labels, np.array([4.0, 1.0, 1.0])):.6f}, --loss cross_entropy {float(suite):.6f}")

# %% [markdown]
# ## 3. Weights for rare classes
#
# Median frequency balancing (Eigen and Fergus 2015), `train.py --class_balancing`, gives each class a weight. The
# *frequency* of a class is its share of the pixels of those images in which it occurs; its weight is the median of all
# frequencies, divided by its own.
#
# **Predict.** Which class gets the largest weight, and which the smallest?


# %% exercise median_frequency_weights
# 1 s
def median_frequency_weights(pixels):
    """Computes class weights by median frequency balancing.

    Args:
        pixels: integer array (N, C), the number of pixels of each class in each image.

    Returns:
        Float array (C,); 0 for classes that never occur, which do not count in the median.
    """
    raise NotImplementedError


# %%
# 10 s
median_frequency_weights = check(median_frequency_weights)
names, count = class_dict().class_names, class_dict().num_classes
pixels = np.array([np.bincount(label.ravel(), minlength=256)[:count] for _, _, label in read_split("train")])
weights = median_frequency_weights(pixels)
figure, (axes,) = figure_with_axes(2, width=4.5)
for panel, values, title in zip(axes, (pixels.sum(0) / pixels.sum(), weights), ("share of pixels", "class weight")):
    panel.barh(names[::-1], values[::-1], color="#4477aa")
    panel.set_xlabel(title)
show(figure, "weights")

# %% [markdown]
# **Explain.** On Streets, SignSymbol, Pedestrian and Pole get the largest weights, Road the smallest. A class in few
# images, but large there, gets no large weight: its frequency counts only those images.
#
# ## 4. The Dice loss
#
# Weights change what a pixel costs. Region losses compare areas, as the mean IoU does. Soft Dice of class $c$, with
# $p_{ic}$ its probability at pixel $i$ and $y_{ic} = 1$ where $i$ is of class $c$, else 0, is
#
# $$D_c = \frac{2 \sum_i p_{ic} \, y_{ic}}{\sum_i y_{ic} + \sum_i p_{ic}}$$
#
# over labeled pixels, and the loss is 1 minus the mean of $D_c$ over the classes in the labels. The Lovász loss (Berman
# 2018, 1705.08790) is such a loss for IoU, which sorts the errors of the pixels.


# %% exercise soft_dice
# 1 s
def soft_dice(probabilities, labels):
    """Computes the Dice loss of an image.

    Args:
        probabilities: float array (H, W, C), 0..1, sum 1 over the classes.
        labels: uint8 array (H, W), class indices, 255 = ignored.

    Returns:
        float, 0..1: 1 - the mean Dice score of the classes that occur in the labels.
    """
    raise NotImplementedError


# %%
# 1 s
soft_dice = check(soft_dice)
street = np.zeros((10, 30), np.uint8)
street[:, 7] = 1  # a pole, 1 pixel wide
missed = np.stack([np.full((10, 30), 0.99), np.full((10, 30), 0.01)], axis=-1)
found = np.eye(2)[street] * 0.98 + 0.01
for title, p in (("pole missed", missed), ("pole found", found)):
    entropy = cross_entropy(np.log(p), street, np.ones(2))
    print(f"{title}: cross entropy {entropy:.3f}, with weight 10 for the pole", end=" ")
    print(f"{cross_entropy(np.log(p), street, np.array([1.0, 10.0])):.3f}, Dice loss {soft_dice(p, street):.3f}")

# %% [markdown]
# **Explain.** The pole has 10 of 300 pixels. When it is missed, cross entropy is 0.16, with its weight 1.19, Dice 0.50.
#
# ## 5. Four losses, three seeds each
#
# `custom` is trained for four epochs on crops of 96x128 pixels; "CE and Lovász" is the mean of both losses. Three seeds
# show how much of a difference is chance.
#
# **Predict.** Write down for each loss against cross entropy: does the recall of *Pole* rise? Does the global accuracy?
# Recall is the share of the true pole pixels that are found; global accuracy is the share of all pixels that are right.


# %%
# 1 s
SEEDS, ONLY = range(pick(3, 1)), pick(None, ("class weights", "ICNet with"))
pole = names.index("Pole")
shown = read_split("test", 1)[0]
results, pictures = {}, []
COLUMNS = ("recall of Pole, %", "precision of Pole, %", "global accuracy, %", "mean IoU, %")


def measure(name, network="custom", epochs=4, **options):
    """Trains with each seed; prints the scores and keeps them in `results`, percentages (seeds, 4)."""
    if ONLY and name not in ONLY:
        return
    scores = []
    for seed in SEEDS:
        data = open_training_data(seed)
        data.augmentation = Augmentation(*pick((96, 128), (64, 64)), h_flip=True)
        result = test(train(network, pick(epochs, 1), seed=seed, data=data, **options).model, count=pick(60, None))
        matrix = result["confusion"]
        found = matrix[pole, pole] / matrix[pole].sum()
        precise = matrix[pole, pole] / max(1, matrix[:, pole].sum())
        scores.append([100 * x for x in (found, precise, result["global_accuracy"], result["mean_iou"])])
    pictures.append(sample(name, *shown[1:], result["predictions"][shown[0]]))
    mean, spread = np.mean(scores, 0), np.std(scores, 0, ddof=1 if len(scores) > 1 else 0)
    print(f"{name:16}", *(f"{c} {m:5.1f} ± {s:.1f}" for c, m, s in zip(COLUMNS, mean, spread)), sep="  ")
    results[name] = np.array(scores)


# %%
# 70 s
measure("cross entropy")

# %%
# 70 s
measure("class weights", class_weights=weights)

# %%
# 70 s
measure("focal", loss="focal")

# %%
# 70 s
measure("CE and Lovász", loss="cross_entropy_lovasz")


# %%
# 3 s
def dots(results, columns=range(4)):
    """Draws a dot for each seed, a line at the mean."""
    figure, (axes,) = figure_with_axes(len(columns), width=3.4, height=2.6)
    for panel, column in zip(axes, columns):
        for row, scores in enumerate(results.values()):
            panel.plot(scores[:, column], [row] * len(scores), "o", color="#4477aa", alpha=0.6)
            panel.plot(scores[:, column].mean(), row, "|", color="k", markersize=18)
        panel.set_yticks(range(len(results)), results if panel is axes[0] else [""] * len(results))
        panel.set(xlabel=COLUMNS[column], ylim=(len(results) - 0.5, -0.5))
    return figure


show(dots(results), "four_losses")
show(pictures, "four_losses_samples")

# %% [markdown]
# **Expected** (mean ± standard deviation of three seeds): cross entropy finds no pole, accuracy 64.0 ± 1.7 %, mean IoU
# 24.6 ± 0.9 %. Class weights: recall of *Pole* 22 ± 4 %, accuracy 55 ± 5 %, mean IoU 26 ± 3 %. Cross entropy with
# Lovász: no pole, accuracy 66 ± 2 %, mean IoU 27 ± 2 %. Focal: no pole, accuracy 62 ± 4 %, mean IoU 23 ± 3 %.
#
# **Explain.** With class weights 22 % of the pole pixels are found, but 14 of 15 pixels called *Pole* are wrong, and
# the accuracy is nine points lower. The mean IoU, within its spread, shows none of this. The other losses find no pole.
#
# ## 6. Deep supervision
#
# Some networks have auxiliary heads: a classifier on an earlier or coarser feature, with a loss of its own, that exists
# in training only. Layers far from the output get a gradient by a shorter way. `--no_auxiliary` of train.py leaves them
# out. ICNet and BiSeNet have two, at strides 16 and 8. A guide to segmentation networks says that such deep supervision
# "can bump up your accuracy a bit".
#
# **Predict.** Is the difference after three epochs larger than that between two seeds? Do heads slow down prediction?

# %%
# 45 s
measure("ICNet without", "ICNet", epochs=3)

# %%
# 45 s
measure("ICNet with", "ICNet", epochs=3, auxiliary=True)

# %%
# 75 s
measure("BiSeNet without", "BiSeNet", epochs=3)

# %%
# 75 s
measure("BiSeNet with", "BiSeNet", epochs=3, auxiliary=True)

# %%
# 2 s
heads = {name: scores for name, scores in results.items() if name.startswith(("ICNet", "BiSeNet"))}
show(dots(heads, (2, 3)), "deep_supervision")
for network in pick(("ICNet", "BiSeNet"), ()):
    without, supervised = heads[f"{network} without"][:, 3], heads[f"{network} with"][:, 3]
    error = np.sqrt((without.var(ddof=1) + supervised.var(ddof=1)) / len(SEEDS))
    print(f"{network}: heads change the mean IoU by {supervised.mean() - without.mean():+.1f} points,", end=" ")
    print(f"standard error of this difference {error:.1f}")

# %% [markdown]
# **Expected**: ICNet 22.2 ± 2.7 % mean IoU without heads, 20.5 ± 1.7 % with them, BiSeNet 22.4 ± 2.2 and 22.3 ± 0.5 %.
#
# **Explain.** With three seeds each, a difference below 2.8 standard errors can be chance (t test, four degrees of
# freedom, 5 %): after three epochs no effect of heads is shown. Predictions leave the heads out and take as long.
#
# ## Questions
#
# 1. A cane for the blind warns of poles. Which of the four losses do you choose, and which number decides?
# 2. Auxiliary heads cost nothing in prediction. What do they cost in training? Why are their loss weights at most 1?
# 3. Your colleague compares two losses with one seed each and finds 1.5 points. What do you ask for?
#
# <details><summary>Answers</summary>
#
# 1. Class weights: the recall of *Pole* decides, as a missed pole hurts; its precision says how many alarms are false.
# 2. More time and memory for each step. With large weights the shared layers would be trained mostly for the heads.
# 3. The same with two or more further seeds, and the spread. Differences of the size of the spread are not a finding.
# </details>
