"""Lab 5: skips and decoders, parameters by hand, and IoU along borders.

Percent-format source; `python labs/lab05_decoders.py` runs it, `python labs/make_labs.py` makes the notebook.
"""

# %% [markdown]
# # Lab 5: Skips and decoders
#
# **Goal.** You count the parameters of FC-DenseNet by hand, to the last one, and measure IoU in a band along the
# borders of classes. You train one small network with four decoders, then switch off each skip connection.
#
# **Needs** 3 minutes of computing on two CPU cores; lab 1.

# %% script
import _path  # noqa: F401

# %% setup
# 5 s
from labs.course import pick
from labs.checks import check
from labs.figures import bars, figure_with_axes, sample, show
from labs.small import mean_and_spread, predict, read_small, score, train_seeds

import functools

import numpy as np

# %% [markdown]
# ## 1. Four ways down and up
#
# An encoder halves the resolution step by step, a decoder returns to full resolution. **Skip connections** bring
# features of the encoder to the decoder, where they are joined at the same resolution.

# %%
# 1 s
KINDS = {"none": "Encoder-Decoder", "add": "Encoder-Decoder-Skip", "concat": "U-Net", "dense": "dense shortcuts"}
figure, (axes,) = figure_with_axes(4, width=3)
for panel, (kind, title) in zip(axes, KINDS.items()):
    for level in range(5):
        panel.barh(-level, 1.4 / 2**level + 0.15, 0.5, color="#4477aa")
        panel.barh(-level, (1.4 / 2**level + 0.15) * (level < 4), 0.5, 2, color="#ee7733")
        panel.text(-0.15, -level, f"/{2**level}", ha="right", va="center")
    arrow = {"arrowstyle": "->", "shrinkA": 2, "shrinkB": 2}
    for level in range(4):
        panel.annotate("", (2, -level), (2 if level < 3 else 0.3, -level - 1), arrowprops=arrow)
        if kind != "none":
            panel.annotate("", (2, -level), (1.4 / 2**level + 0.15, -level), arrowprops={**arrow, "color": "#228833"})
        for coarser in range(level + 2, 5) if kind == "dense" else ():
            bend = {**arrow, "connectionstyle": "arc3,rad=0.3", "color": "#aa3377"}
            start = (2.1 + 1.4 / 2**coarser, -coarser) if coarser < 4 else (0.3, -4)
            panel.annotate("", (2.2 + 1.4 / 2**level, -level), start, arrowprops=bend)
    panel.set(title=title, xlim=(-0.6, 4.2), ylim=(-4.6, 0.6))
    panel.set_axis_off()
show(figure, "decoders")

# %% [markdown]
# Blue is the encoder, orange the decoder, green are the skips: added, or concatenated in U-Net. Purple are the dense
# shortcuts of DDSC: every level of the decoder also takes all coarser ones. Networks of the suite:
#
# | network | joins features of the encoder | how |
# |---|---|---|
# | Encoder-Decoder (SegNet without indices) | nowhere | - |
# | Encoder-Decoder-Skip | strides 2 to 16 | adds |
# | UNet | strides 1 to 8 | concatenates |
# | FC-DenseNet | strides 1 to 16 | concatenates; inside a block every layer takes all earlier ones |
# | RefineNet | strides 4 to 32 | adds, after residual units on both inputs |
# | DeepLabV3_plus | stride 4 only, reduced to 48 channels | concatenates |
# | DDSC | strides 4 to 32 | adds, and adds all coarser decoder levels |
#
# **Predict.** Which of them has the most parameters, and which the most multiply-adds for each parameter?

# %%
# 5 s
from models import build_model
from utils.benchmark.complexity import count_flops, count_parameters, without_weights

names = ("Encoder-Decoder-Skip", "UNet", "FC-DenseNet56", "RefineNet", "DeepLabV3_plus", "DDSC")
for name in pick(names, names[2:3]):
    with without_weights():
        network = build_model(name, 12, "MobileNetV3Small", (192, 256, 3))
    weights, adds = count_parameters(network), count_flops(network) / 2
    print(
        f"{name:21} {weights / 1e6:6.1f} M weights, {adds / 1e9:5.1f} G multiply-adds, {adds / weights:6.0f} for each"
    )

# %% [markdown]
# **Explain.** A parameter at full resolution is used at every pixel, at stride 32 at a thousandth of the places. DDSC
# has 132 M parameters, three quarters of them at stride 32. FC-DenseNet56 has 1.4 M; a fifth of them is at strides 1
# and 2 and does nine tenths of its multiply-adds.
#
# ## 2. FC-DenseNet by hand
#
# `models/FC_DenseNet_Tiramisu.py` builds it so ($c$ = channels that come in, $k$ = growth rate):
#
# * first convolution 3x3, 3 to 48 channels. All convolutions have a bias.
# * layer of a block: a shift of each of its $c$ channels, then a convolution 3x3 to $k$ channels, which are
#   concatenated to the $c$. The next layer of the block takes $c + k$.
# * transition down, after each block of the encoder: shifts, then a convolution 1x1 that keeps the channels.
# * transition up, before each block of the decoder: a transposed convolution 3x3 of the **new** features of the block
#   below (layers times $k$) that keeps their number, concatenated with all channels at the end of the encoder's block.
# * classifier 1x1 on all channels at the end of the last block. Batch norm has no factor and shift, so no parameters.
#
# The middle one of `layers_per_block` is the bottleneck. The paper states 1.5, 3.5 and 9.4 million for 56, 67 and 103.


# %% exercise fc_densenet_parameters
# 1 s
def fc_densenet_parameters(growth_rate, layers_per_block, num_classes):
    """Counts the trainable parameters of an FC-DenseNet by hand.

    Args:
        growth_rate: int, new features of each layer.
        layers_per_block: odd number of int: blocks of the encoder, the bottleneck, blocks of the decoder.
        num_classes: int.

    Returns:
        int.
    """
    # Keep the number of channels as you go down and up, and a list of the skips' channels.
    raise NotImplementedError


# %%
# 5 s
fc_densenet_parameters = check(fc_densenet_parameters)
variants = {
    "FC-DenseNet56": (12, (4,) * 11),
    "FC-DenseNet67": (16, (5,) * 11),
    "FC-DenseNet103": (16, (4, 5, 7, 10, 12, 15, 12, 10, 7, 5, 4)),
}
for name, (growth_rate, layers_per_block) in variants.items():
    by_hand = fc_densenet_parameters(growth_rate, layers_per_block, 12)
    built = ""
    if name in pick(tuple(variants), ("FC-DenseNet56",)):
        with without_weights():
            built = f", built {count_parameters(build_model(name, 12)):,}"
    print(f"{name:15} by hand {by_hand:,}{built}")

# %% [markdown]
# **Explain.** 1.4, 3.4 and 9.3 million, a little less than the paper states: in the paper every layer has a batch norm
# of its own with factors, here features are normalized once. Skips by concatenation cost parameters, as each layer of
# the decoder takes more channels; skips by addition cost none.
#
# ## 3. Where decoders differ
#
# A coarse prediction can be right inside large regions. A band along the borders shows the rest (PASCAL's *trimap*).


# %% exercise border_band
# 1 s
def border_band(label, width):
    """Finds the pixels near another class.

    Args:
        label: uint8 array (H, W), class indices, 255 = ignored.
        width: int, pixels.

    Returns:
        Bool array (H, W): True where a pixel of another class lies at most `width` rows and `width` columns away.
        Ignored pixels are never True, and beside them there is no border; neither is there at the edge of the image.
    """
    # Pad the label with 255 and compare it with itself, shifted by -width..width rows and columns.
    raise NotImplementedError


# %%
# 2 s
border_band = check(border_band)
training, testing = read_small("train"), read_small("test")
bands = [border_band(label, 3) for _, _, label in testing]
_, image, label = testing[0]
figure, (axes,) = figure_with_axes(3, width=4, height=3)
for panel, picture in zip(axes, (image, label, np.where(bands[0], label.astype(float), np.nan))):
    panel.imshow(picture, cmap="tab20", vmin=0, vmax=19, interpolation="nearest")
    panel.set_axis_off()
show(figure, "band")
print(f"{np.mean([band.mean() for band in bands]):.0%} of the pixels are in the band")

# %% [markdown]
# ## 4. One network, four decoders
#
# Five levels, a convolution each; skips pass a switch, a factor of 1. Images of 96 rows. ±: deviation of three seeds.
#
# **Predict.** By how much do skips raise the mean IoU inside regions, and in the band?

# %%
# 60 s
from keras import layers

from models.blocks import classifier, conv_bn_relu, resize_like

WIDTHS = pick((8, 16, 32, 48, 64), (8, 8, 8))


def small_network(x, num_classes, kind):
    """Builds the encoder and a decoder of the given kind."""
    encoded = []
    for level, filters in enumerate(WIDTHS):
        x = conv_bn_relu(layers.MaxPooling2D(2)(x) if level else x, filters)
        encoded.append(x)
    decoded = {len(WIDTHS) - 1: x}  # level -> result, coarsest first
    for level in reversed(range(len(WIDTHS) - 1)):
        filters, like = WIDTHS[level], encoded[level]
        terms = [resize_like(conv_bn_relu(x, filters, 1), like)]
        if kind != "none":
            terms.append(layers.Rescaling(1.0, name=f"encoder_{2**level}")(like))  # the switch
        for coarser in list(decoded)[:-1] if kind == "dense" else ():
            shortcut = resize_like(conv_bn_relu(decoded[coarser], filters, 1), like)
            terms.append(layers.Rescaling(1.0, name=f"decoder_{2**coarser}_to_{2**level}")(shortcut))
        join = layers.Concatenate() if kind == "concat" else layers.Add()
        x = decoded[level] = conv_bn_relu(join(terms) if len(terms) > 1 else terms[0], filters)
    return classifier(x, num_classes)


def region_scores(model):
    """Scores a network on all pixels, inside regions and in the band."""
    predictions, labels = predict(model, testing), [label for _, _, label in testing]
    inside = [np.where(band, 255, label) for band, label in zip(bands, labels)]
    near = [np.where(band, label, 255) for band, label in zip(bands, labels)]
    return [score(part, predictions)["mean_iou"] for part in (labels, inside, near)]


def train_kind(kind):
    """Trains a decoder with every seed and prints its scores."""
    models[kind] = train_seeds(f"small-{kind}", functools.partial(small_network, kind=kind), training, epochs=10)
    results[kind] = np.array([region_scores(model) for model in models[kind]])
    means = [mean_and_spread(column) for column in results[kind].T]
    text = ", ".join(f"{part} {m:.3f} ± {s:.3f}" for part, (m, s) in zip(("all", "inside", "band"), means))
    print(f"{KINDS[kind]:23} {models[kind][0].count_params():,} parameters, mean IoU {text}")


models, results = {}, {}
for kind in pick(("none", "add"), ("none",)):
    train_kind(kind)

# %%
# 75 s
for kind in pick(("concat", "dense"), ("dense",)):
    train_kind(kind)

# %%
# 2 s
means, spreads = ({KINDS[kind]: mean_and_spread(results[kind][:, 2])[part] for kind in results} for part in (0, 1))
show(bars(means, "mean IoU in the band of 3 pixels", spreads), "regions")
show([sample(KINDS[kind], image, label, predict(models[kind][0], testing[:1])[0]) for kind in results], "predictions")

# %% [markdown]
# **Expected**: mean IoU 0.31 ± 0.03 without skips, 0.37 ± 0.02 with any of them; in the band 0.21 ± 0.03, 0.28 ± 0.02.
#
# **Explain.** Skips raise the IoU inside regions by a seventh and in the band by a third. The three kinds of skips
# differ by about as much as seeds do: no order of them is shown.
#
# ## 5. Cut each skip
#
# Now a trained network loses one skip at a time: its switch becomes 0. `encoder_4` is the skip at stride 4, and
# `decoder_16_to_4` the shortcut from stride 16 to it.
#
# **Predict.** Without which skip does the network with added skips lose most? Without which dense shortcut?


# %%
# 25 s
def cut(model, name):
    """Scores a network without one of its skips, on all pixels."""
    layer = model.get_layer(name)
    layer.scale = 0.0
    without = region_scores(model)[0]
    layer.scale = 1.0
    return without


for kind in [kind for kind in ("add", "dense") if kind in models]:
    switches = [layer.name for layer in models[kind][0].layers if layer.name.startswith(("encoder_", "decoder_"))]
    whole = [region_scores(model)[0] for model in models[kind]]
    losses = {
        name: mean_and_spread([before - cut(model, name) for before, model in zip(whole, models[kind])])
        for name in pick(switches, switches[:1])
    }
    means, spreads = ({name: loss[part] for name, loss in losses.items()} for part in (0, 1))
    show(bars(means, f"mean IoU lost without this skip, {KINDS[kind]}", spreads), f"cut_{kind}")

# %% [markdown]
# **Expected**: without its finest skip *Encoder-Decoder-Skip* loses 0.08 ± 0.03, without the coarsest 0.02 ± 0.01.
#
# **Explain.** Without the finest skip the network loses most. The four losses add up to 0.20, three times the distance
# to the network that was trained without skips (0.06). Cutting `decoder_4_to_1` costs the dense network 0.05, and yet
# the network trained without dense shortcuts is as good: a cut shows what this network uses, not what a network needs.
#
# ## Questions
#
# 1. A skip is cut and the score falls by 0.2. Why is that not what the skip is worth?
# 2. FC-DenseNet's transition up takes only the new features of the block below. What would happen with all features?
# 3. Two networks differ by 0.01 in mean IoU over all pixels. Why look at the band before calling them equal?
#
# <details><summary>Answers</summary>
#
# 1. All that follows was trained with it. Its worth is the difference to a network *trained* without it, section 4.
# 2. Each block would pass on its whole input too: channels would grow up to full resolution, where they cost most.
# 3. In large images the band has few of the pixels: a large difference there is small in the total.
# </details>
