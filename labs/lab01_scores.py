"""Lab 1: scores of segmentation, from the confusion matrix to mean IoU.

Percent-format source; `python labs/lab01_scores.py` runs it, `python labs/make_labs.py` makes the notebook.
"""

# %% [markdown]
# # Lab 1: Scores
#
# **Goal.** You write the confusion matrix, the intersection over union (IoU) of each class, and the mean IoU. You see
# how a network can have 83.8 % accuracy and 44.7 % mean IoU, as one of this suite has on the dataset CamVid, and why
# two tools give two values for the same prediction.
#
# **Needs** 2 minutes of computing on two CPU cores; no earlier lab.

# %% script
import _path  # noqa: F401

# %% setup
# 5 s
from labs.course import class_dict, pick, read_split, test, train
from labs.checks import check
from labs.figures import bars, figure_with_axes, sample, show

import numpy as np

# %% [markdown]
# ## 1. Two small label maps
#
# A label map has the index of a class at each pixel. On the left is the truth, on the right a prediction: class 0 is
# road, 1 is pole, 2 is sky, and 255 marks pixels that nobody labeled.

# %%
# 1 s
truth = np.array([[2, 2, 2, 2, 2, 2], [2, 2, 1, 2, 2, 255], [0, 0, 1, 0, 0, 255], [0, 0, 0, 0, 0, 0]], np.uint8)
prediction = np.array([[2, 2, 2, 2, 2, 2], [2, 2, 2, 2, 2, 2], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]], np.uint8)
figure, (axes,) = figure_with_axes(2)
for panel, title, indices in zip(axes, ("truth", "prediction"), (truth, prediction)):
    panel.imshow(np.where(indices == 255, 3, indices), cmap="Set2", vmin=0, vmax=7)
    panel.set_title(title)
    panel.set_axis_off()
    for (row, column), index in np.ndenumerate(indices):
        panel.text(column, row, index, ha="center", va="center")
show(figure, "label_maps")

# %% [markdown]
# **Predict.** Which share of the 22 labeled pixels is right (the *accuracy*)? The network never finds a pole: should a
# score say so? Write both down before you go on.
#
# ## 2. The confusion matrix
#
# Row $i$, column $j$: the number of pixels of class $i$ that were predicted as class $j$. Pixels with label 255 are in
# no cell. All scores of segmentation are computed from this matrix.


# %% exercise confusion_matrix
# 1 s
def confusion_matrix(labels, predictions, num_classes):
    """Counts pixels by true and predicted class.

    Args:
        labels: uint8 array (H, W), class indices, 255 = ignored.
        predictions: uint8 array (H, W), class indices.
        num_classes: int, C.

    Returns:
        Integer array (C, C), rows = truth, columns = prediction.
    """
    # Without a loop over pixels: number each pair (true, predicted) from 0 to C * C - 1, then use np.bincount.
    raise NotImplementedError


# %%
# 1 s
confusion_matrix = check(confusion_matrix)
print(confusion_matrix(truth, prediction, 3))

# %% [markdown]
# ## 3. Intersection over union
#
# $$\mathrm{IoU}_c = \frac{\text{pixels of class } c \text{ in both}}{\text{pixels of class } c \text{ in either}}$$
#
# The diagonal holds the intersections. The union is row sum plus column sum, minus what both of them count. A class
# that is in neither has no IoU: return `np.nan` for it, not 0 and not 1.


# %% exercise class_iou
# 1 s
def class_iou(matrix):
    """Computes the IoU of each class.

    Args:
        matrix: integer array (C, C), rows = truth, columns = prediction.

    Returns:
        Float array (C,), NaN for a class that is neither in the labels nor in the predictions.
    """
    raise NotImplementedError


# %% exercise mean_iou
# 1 s
def mean_iou(matrix):
    """Averages the IoU over the classes that have one.

    Args:
        matrix: integer array (C, C), rows = truth, columns = prediction.

    Returns:
        float, 0..1.
    """
    raise NotImplementedError


# %%
# 1 s
class_iou = check(class_iou)
mean_iou = check(mean_iou)
matrix = confusion_matrix(truth, prediction, 3)
print("accuracy", round(np.diag(matrix).sum() / matrix.sum(), 3))
print("IoU of road, pole, sky", class_iou(matrix).round(3), "mean", round(mean_iou(matrix), 3))

# %% [markdown]
# **Explain.** 20 of 22 pixels are right, 91 %. The two pixels of the pole are 9 % of the pixels, but the pole is one of
# three classes: its IoU of 0 costs the mean 0.33. In accuracy every pixel counts the same, in mean IoU every class.
#
# ## 4. A street without small things
#
# The same with images of the dataset Streets: the most frequent classes are predicted perfectly, and all pixels of the
# other classes become road.
#
# **Predict.** The dataset has eleven classes. With the six most frequent ones perfect, what are accuracy and mean IoU?

# %%
# 15 s
images = read_split("test")
names = class_dict().class_names
count = len(names)
total = sum(confusion_matrix(label, label, count) for _, _, label in images)
by_size = np.argsort(-np.diag(total))
road = names.index("Road")


def keep_frequent(label, kept):
    """Replaces all classes but the `kept` most frequent ones by road."""
    lookup = np.full(256, road, np.uint8)
    lookup[by_size[:kept]] = by_size[:kept]
    return lookup[label]


accuracies, means = [], []
for kept in range(1, count + 1):
    matrix = sum(confusion_matrix(label, keep_frequent(label, kept), count) for _, _, label in images)
    accuracies.append(np.diag(matrix).sum() / matrix.sum())
    means.append(mean_iou(matrix))
    name = names[by_size[kept - 1]]
    print(f"{kept:2} classes perfect, down to {name:12} accuracy {accuracies[-1]:.3f}, mean IoU {means[-1]:.3f}")

# %%
# 2 s
name, image, label = images[0]
show([sample("the six most frequent classes", image, label, keep_frequent(label, 6))], "six_classes")

# %% [markdown]
# **Explain.** Six of the eleven classes hold 93 % of the pixels. A prediction that has only these has an accuracy of
# 0.93 and a mean IoU of 0.53: the other five classes have IoU 0 and lower the mean by five elevenths.
#
# ## 5. A trained network
#
# `custom` is a small network of this suite; lab 2 shows what such networks are made of. It is trained for three epochs
# from random weights.
#
# **Predict.** Which classes will have an IoU near 0?

# %%
# 75 s
trained = train("custom", epochs=pick(3, 1))
scores = test(trained.model)
print(
    f"accuracy {scores['global_accuracy']:.3f}, mean IoU {scores['mean_iou']:.3f}, trained for {trained.seconds:.0f} s"
)
show(bars(scores["class_iou"], "IoU"), "class_iou")

# %%
# 2 s
from utils.evaluation.plots import confusion_figure

show(confusion_figure(scores["confusion"], names), "confusion")

# %% [markdown]
# **Expected**: accuracy 0.76 ± 0.05, mean IoU 0.37 ± 0.04.
#
# **Explain.** Pole, Pedestrian, Bicyclist and Fence have 1 to 2 % of the pixels each and an IoU near 0. The loss is a
# mean over pixels, as accuracy is, so these classes have little effect on it. Lab 7 changes the loss.
#
# ## 6. Three ways to average
#
# One prediction, three numbers: the mean IoU of the whole split (one matrix); the mean IoU of each image, averaged over
# the images; and the same with a smoothed IoU, $(I + 1) / (U + 1)$, where $I$ and $U$ are the pixels of intersection
# and union. Some frameworks use it to avoid a division by zero.
#
# **Predict** their order. What is the smoothed IoU of a class that is neither in an image nor predicted there?

# %%
# 5 s
per_image, smoothed = [], []
for name, _, label in images:
    matrix = confusion_matrix(label, scores["predictions"][name], count)
    intersection = np.diag(matrix)
    union = matrix.sum(0) + matrix.sum(1) - intersection
    per_image.append(mean_iou(matrix))
    smoothed.append(np.mean((intersection + 1) / (union + 1)))
averages = {
    "one matrix for the split": mean_iou(scores["confusion"]),
    "mean over images": np.mean(per_image),
    "mean over images, smoothed": np.mean(smoothed),
}
show(bars(averages, "mean IoU of the same predictions"), "averages")

# %% [markdown]
# **Expected**: 0.37, 0.35 and 0.38 (± 0.04); within one run, the smoothed mean is higher than the other mean over
# images.
#
# **Explain.** A class that is absent from an image and not predicted there has the smoothed IoU (0 + 1) / (0 + 1) = 1,
# as if it were found perfectly; without smoothing it is left out. So the smoothed mean is higher wherever an image
# lacks a class. In the mean over images a class counts the same in each image that has it, however few its pixels are
# there. The results of this suite, and most published ones, come from one matrix for the whole split.
#
# ## Questions
#
# 1. A network predicts every pixel as road and road has 30 % of the pixels. What are accuracy and mean IoU with eleven
#    classes?
# 2. Why is it wrong to average the IoU over batches during training and publish the result?
# 3. Unlabeled pixels are left out. How can they raise the mean IoU if they are counted as a class of their own? Look at
#    where they are in the picture of section 4.
#
# <details><summary>Answers</summary>
#
# 1. Accuracy 0.30. Road's IoU is 0.30 (its union is the whole image), the others have 0, so the mean is 0.027.
# 2. A batch has few classes; those absent from it are left out of its mean, so each class's weight depends on how the
#    images were grouped.
# 3. In the picture they are the hood of the car, at the lower edge, where the position alone tells the class. An easy
#    class raises the mean. CamVid, too, has eleven classes and *Unlabelled*: compare only results with the same choice.
# </details>
