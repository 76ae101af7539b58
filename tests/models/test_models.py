"""Contracts that every network keeps, and parameter counts of the original suite."""

import functools
import math
import pathlib

import keras
import numpy as np
import pytest

import models
from models import MODELS, build_model
from models.blocks import BATCH_NORM_MOMENTUM

NAMES = [name for name in MODELS if name != "tiny"]
FRONTEND = "MobileNet"
ODD_SIZE = (97, 131)

# Trainable parameters at 12 and at 32 classes, counted in the original's TensorFlow graphs.
SUITE_PARAMETERS = {
    "FC-DenseNet56": (1366404, 1370264),
    "FC-DenseNet67": (3443692, 3449472),
    "FC-DenseNet103": (9270812, 9275952),
    "Encoder-Decoder": (34968524, 34969824),
    "Encoder-Decoder-Skip": (34968524, 34969824),
    "MobileUNet": (8872652, 8873952),
    "MobileUNet-Skip": (8872652, 8873952),
}


@functools.cache
def model_of(name):
    return build_model(name, 5, FRONTEND)


def parameters(model):
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)


def picture(*shape):
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("name", NAMES)
def test_odd_sizes_give_finite_float32_logits_of_the_input_size(name):
    logits = model_of(name).predict_on_batch(picture(1, *ODD_SIZE, 3))
    assert logits.shape == (1, *ODD_SIZE, 5)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("name", ["FC-DenseNet56", "DeepLabV3_plus"])
def test_uint8_and_float_images_mean_the_same(name):
    images = picture(1, *ODD_SIZE, 3)
    model = model_of(name)
    np.testing.assert_array_equal(model.predict_on_batch(images), model.predict_on_batch(images.astype(np.float32)))


@pytest.mark.parametrize("name", NAMES)
def test_round_trip_through_a_file_keeps_the_logits(name, tmp_path):
    model, images = model_of(name), picture(1, *ODD_SIZE, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict_on_batch(images), model.predict_on_batch(images))


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_reaches_every_weight(name):
    tf = pytest.importorskip("tensorflow")
    model = model_of(name)
    images = picture(2, 64, 64, 3)
    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        loss = keras.ops.mean(keras.ops.square(logits - 1.0 - np.arange(5)))
    gradients = tape.gradient(loss, [variable.value for variable in model.trainable_variables])
    unreached = [v.path for v, g in zip(model.trainable_variables, gradients) if g is None]
    assert not unreached
    assert np.abs(gradients[0]).max() > 0, "the first layer learns nothing"


@pytest.mark.parametrize("name", NAMES)
def test_logits_stay_float32_under_mixed_precision(name):
    earlier = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = build_model(name, 3, FRONTEND, input_shape=(64, 64, 3))
    finally:
        keras.mixed_precision.set_global_policy(earlier)
    assert model.output.dtype == "float32"
    assert any(layer.compute_dtype == "bfloat16" for layer in model.layers)


@pytest.mark.parametrize("name", NAMES)
def test_batch_norms_have_the_momentum_of_the_suite(name):
    momenta = {layer.momentum for layer in model_of(name).layers if isinstance(layer, keras.layers.BatchNormalization)}
    assert momenta == {BATCH_NORM_MOMENTUM}


@pytest.mark.parametrize("name", SUITE_PARAMETERS)
@pytest.mark.parametrize("which, num_classes", enumerate((12, 32)))
def test_parameter_counts_equal_the_original_suite(name, which, num_classes):
    assert parameters(build_model(name, num_classes)) == SUITE_PARAMETERS[name][which]


def test_static_and_dynamic_sizes_give_the_same_network():
    dynamic, static = (build_model("DeepLabV3_plus", 4, FRONTEND, shape) for shape in ((None, None, 3), (64, 96, 3)))
    static.set_weights(dynamic.get_weights())
    images = picture(1, 64, 96, 3)
    np.testing.assert_allclose(static.predict_on_batch(images), dynamic.predict_on_batch(images), atol=1e-5)


def test_image_pooling_learns_from_a_batch_of_one():
    """Batch norm over one pixel would give the branch a constant output and no gradient."""
    tf = pytest.importorskip("tensorflow")
    from models.DeepLabV3 import image_pooling

    inputs = keras.Input((4, 4, 3))
    branch = keras.Model(inputs, image_pooling(inputs, 8))
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(branch(np.ones((1, 4, 4, 3), np.float32), training=True))
    gradient = tape.gradient(loss, branch.trainable_variables[0].value)
    assert np.abs(gradient).max() > 0


def test_every_file_is_registered():
    registered = {architecture.module for architecture in MODELS.values()}
    files = {path.stem for path in pathlib.Path(models.__file__).parent.glob("*.py")}
    assert files - {"__init__", "blocks"} == registered - {"tiny_model"}


@pytest.mark.parametrize("name", NAMES)
def test_presets_and_docstring_are_there(name):
    module = __import__(f"models.{MODELS[name].module}", fromlist=["PRESETS"])
    assert name in module.PRESETS
    assert name in ("custom",) or "arxiv.org" in module.__doc__


@pytest.mark.parametrize(
    "arguments, culprit",
    [(("DeepLab", 12), "DeepLab"), (("custom", 0), "num_classes"), (("custom", 12, "ResNet18"), "ResNet18")],
)
def test_bad_arguments_name_the_culprit(arguments, culprit):
    with pytest.raises(ValueError, match=culprit):
        build_model(*arguments)
