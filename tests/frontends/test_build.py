"""Frontend construction for every family of networks: channels, strides, stable taps, any size, saving."""

import math

import keras
import numpy as np
import pytest

from frontends import FRONTENDS, build_frontend
from utils.benchmark.complexity import without_weights

FAMILIES = (
    "ResNet50",
    "ResNet50V1",
    "VGG16",
    "DenseNet121",
    "MobileNet",
    "MobileNetV2",
    "MobileNetV3Small",
    "EfficientNetB0",
    "EfficientNetV2B0",
    "EfficientNetLite0",
    "ConvNeXtTiny",
    "InceptionV3",
    "Xception",
    "NASNetMobile",
)
SIZES = ((224, 224), (250, 331))
# By how many pixels a feature may be smaller than ceil(size / stride); unpadded convolutions lose some at the border.
UNPADDED = {"InceptionV3": 5, "InceptionResNetV2": 5, "InceptionV4": 5, "Xception": 3}
LOSS = {**dict.fromkeys(FRONTENDS, 1), **UNPADDED, "NASNetMobile": 0, "NASNetLarge": 0}


def build(name, size=(None, None), **kwargs):
    """Returns a model from images to the dict of features."""
    inputs = keras.Input((*size, 3))
    return keras.Model(inputs, build_frontend(inputs, name, **kwargs))


def check_shapes(name, shapes, size):
    """Compares a dict of shapes (B, h, w, C) to the table and to the strides."""
    channels = {f"pool{n}": c for n, c in enumerate(FRONTENDS[name].channels, start=1) if c is not None}
    assert {level: shape[-1] for level, shape in shapes.items()} == channels
    for level, shape in shapes.items():
        stride = 2 ** int(level.removeprefix("pool"))
        for whole, part in zip(size, shape[1:3], strict=True):
            assert 0 <= math.ceil(whole / stride) - part <= LOSS[name], (name, level, size, shape)


def describe(model):
    """Returns for each feature the kinds of layers that lead to it: which place in the network it is, without names."""
    return {
        level: [type(layer).__name__ for layer in keras.Model(model.input, feature).layers]
        for level, feature in model.output.items()
    }


def check_twice(name):
    """Builds a frontend at both sizes, one after the other."""
    with without_weights():
        models = [build(name, size) for size in SIZES]
    for model, size in zip(models, SIZES, strict=True):
        check_shapes(name, {level: feature.shape for level, feature in model.output.items()}, size)
        assert model.count_params() == FRONTENDS[name].parameters
    assert describe(models[0]) == describe(models[1])
    for model in models:
        check_numbered_taps(name, model)


def check_numbered_taps(name, model):
    """A tap that is a mere number is, in both networks that have some, what goes into a max pooling."""
    for level, place in zip(model.output, FRONTENDS[name].taps, strict=False):
        if isinstance(place, int):
            readers = [layer for layer in model.layers if layer.input is model.output[level]]
            assert "MaxPooling2D" in [type(layer).__name__ for layer in readers]


@pytest.mark.parametrize("name", FAMILIES)
def test_family(name):
    check_twice(name)


@pytest.mark.sweep
@pytest.mark.parametrize("name", FRONTENDS)
def test_every_frontend(name):
    keras.backend.clear_session(free_memory=True)
    check_twice(name)


@pytest.mark.parametrize(
    "name",
    [
        "MobileNet",
        "MobileNetV3Small",
        *(pytest.param(name, marks=pytest.mark.sweep) for name in ("InceptionV3", "NASNetMobile")),
    ],
)
def test_any_size(name):
    model = build(name)
    for size in ((97, 131), (128, 96)):
        features = model.predict_on_batch(np.random.default_rng(0).uniform(0, 255, (1, *size, 3)))
        check_shapes(name, {level: feature.shape for level, feature in features.items()}, size)
        assert all(np.isfinite(feature).all() and feature.std() > 0 for feature in features.values())


@pytest.mark.parametrize("name", [name for name, row in FRONTENDS.items() if row.smallest_size > 32])
def test_smallest_size(name):
    smallest = FRONTENDS[name].smallest_size
    with without_weights():
        assert all(all(feature.shape[1:3]) for feature in build(name, (smallest, smallest)).output.values())
        with pytest.raises(ValueError):
            build(name, (smallest - 1, smallest))


def test_resnet_taps_are_the_inputs_of_the_strided_blocks():
    model = build("ResNet50")
    for level, stage in (("pool2", "conv2_block3"), ("pool3", "conv3_block4"), ("pool4", "conv4_block6")):
        assert model.get_layer(f"{stage}_1_conv").input is model.output[level]
        assert model.get_layer(f"{stage}_2_conv").strides == (2, 2)


def test_model_holds_only_the_layers_its_head_uses():
    inputs = keras.Input((None, None, 3))
    end_points = build_frontend(inputs, "MobileNet")
    model = keras.Model(inputs, end_points["pool2"])
    assert model.count_params() < 50_000
    assert model.get_layer("conv_pw_3_relu").output is end_points["pool2"]
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)


@pytest.mark.parametrize("name, policy", [("MobileNetV3Small", "mixed_float16"), ("MobileNet", "mixed_bfloat16")])
def test_half_precision(name, policy):
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = build(name)
        features = model(np.full((1, 64, 64, 3), 100, "uint8"))
    finally:
        keras.config.set_dtype_policy(previous)
    for feature in features.values():
        assert keras.backend.standardize_dtype(feature.dtype) == policy.removeprefix("mixed_")
        assert np.isfinite(np.asarray(keras.ops.cast(feature, "float32"))).all()
    assert {keras.backend.standardize_dtype(weight.dtype) for weight in model.weights} == {"float32"}


@pytest.mark.parametrize("name", ["EfficientNetB0", "VGG16", pytest.param("NASNetMobile", marks=pytest.mark.sweep)])
def test_saving(name, tmp_path):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, build_frontend(inputs, name)["pool2"])
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras")
    images = np.random.default_rng(0).uniform(0, 255, (1, 75, 101, 3))
    expected = np.asarray(model(images))
    assert expected.std() > 0
    np.testing.assert_allclose(restored(images), expected, rtol=1e-5, atol=1e-6)


def test_efficientnet_normalizes_with_or_without_weights():
    layers = build("EfficientNetB0").layers
    normalization = next(layer for layer in layers if isinstance(layer, keras.layers.Normalization))
    images = np.random.default_rng(0).uniform(0, 255, (1, 4, 4, 3)).astype("float32")
    expected = keras.applications.imagenet_utils.preprocess_input(images.copy(), mode="torch")
    np.testing.assert_allclose(normalization(images / 255), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(None, None, None), (None, 3)])
def test_input_must_be_images(shape):
    with pytest.raises(ValueError, match="needs images"):
        build_frontend(keras.Input(shape), "MobileNet")


def test_inception_v4(tmp_path):
    model = build("InceptionV4")
    check_shapes("InceptionV4", model.compute_output_shape((1, *SIZES[1], 3)), SIZES[1])
    assert sum(math.prod(weight.shape) for weight in model.trainable_weights) == 41_111_232  # As TF-slim's.
    assert sum(math.prod(weight.shape) for weight in model.non_trainable_weights) == 63_168
    sizes = {level: shape[1:3] for level, shape in model.compute_output_shape((1, 512, 480, 3)).items()}
    assert sizes == {"pool1": (253, 237), "pool2": (124, 116), "pool3": (61, 57), "pool4": (30, 28), "pool5": (14, 13)}
    model.save_weights(tmp_path / "model.weights.h5")
    images = np.random.default_rng(0).uniform(0, 255, (1, 96, 80, 3))
    expected = np.asarray(model(images)["pool5"])
    assert expected.std() > 0
    again = build("InceptionV4", weights=tmp_path / "model.weights.h5")
    assert describe(again) == describe(model)
    np.testing.assert_allclose(again(images)["pool5"], expected, rtol=1e-4, atol=1e-6)
