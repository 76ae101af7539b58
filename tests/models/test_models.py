"""Contracts of every network, and parameter counts of the original suite."""

import functools
import pathlib
from unittest import mock

import keras
import numpy as np
import pytest

import models
from frontends.batch_norm import BATCH_NORM_MOMENTUM
from models import MODELS, Architecture, build_model, import_module, inference_model
from utils.benchmark.complexity import count_parameters, without_weights

NAMES = [name for name in MODELS if MODELS[name].module != "tiny_model"]
WITH_HEADS = [name for name in NAMES if MODELS[name].heads]
# These differ from another network of their file only in depth or skips; the sweep tests them too.
VARIANTS = {"FC-DenseNet67", "FC-DenseNet103", "Encoder-Decoder", "FRRN-B", "MobileUNet"}
ONE_OF_A_FILE = [pytest.param(name, marks=pytest.mark.sweep) if name in VARIANTS else name for name in NAMES]
# Those with layers of their own in a file, and one without; the sweep tests all.
SAVED = {"FC-DenseNet56", "PSPNet", "EncNet", "ExFuse", "DDSC", "custom"}
TO_SAVE = [name if name in SAVED else pytest.param(name, marks=pytest.mark.sweep) for name in NAMES]
NARROW = {"DDSC": {"filters": (256, 128, 64, 64)}}  # in place of 140 million weights
FRONTEND = "MobileNet"
ODD_SIZE = (97, 131)
NUM_CLASSES = 5

# Trainable parameters at 12 and at 32 classes, counted in the original's TensorFlow graphs. AdapNet's are at 12
# classes only: the suite had that number written into the middle of the network.
SUITE_PARAMETERS = {
    "FC-DenseNet56": (1366404, 1370264),
    "FC-DenseNet67": (3443692, 3449472),
    "FC-DenseNet103": (9270812, 9275952),
    "Encoder-Decoder": (34968524, 34969824),
    "Encoder-Decoder-Skip": (34968524, 34969824),
    "FRRN-A": (17740284, 17741264),
    "FRRN-B": (24749180, 24750160),
    "MobileUNet": (8872652, 8873952),
    "MobileUNet-Skip": (8872652, 8873952),
    "AdapNet": (21069239, None),
}


def build(name, *arguments, **options):
    """The network, narrower if it is in `NARROW`."""
    presets = import_module(name).PRESETS
    with mock.patch.dict(presets, {name: {**presets[name], **NARROW.get(name, {})}}):
        return build_model(name, NUM_CLASSES, FRONTEND, *arguments, **options)


@functools.cache
def training_model_of(name):
    """The network with its training heads, if it has any."""
    return build(name, training_heads=True)


@functools.cache
def model_of(name):
    return inference_model(training_model_of(name))


def images_of(*shape):
    return np.random.default_rng(1).integers(0, 256, shape, np.uint8)


def run(model, images):
    """Logits as a NumPy array, without tracing a graph."""
    return keras.ops.convert_to_numpy(model(images, training=False))


def run_on_any_size(model, images):
    """Logits from a graph of unknown image size, where the backend has such graphs."""
    if keras.backend.backend() != "tensorflow":
        return run(model, images)
    import tensorflow as tf

    signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]
    return tf.function(model, input_signature=signature, autograph=False)(images).numpy()


@pytest.mark.parametrize("name", ONE_OF_A_FILE)
def test_odd_sizes_give_finite_float32_logits_of_the_input_size(name):
    logits = run_on_any_size(model_of(name), images_of(1, *ODD_SIZE, 3))
    assert logits.shape == (1, *ODD_SIZE, NUM_CLASSES)
    assert logits.dtype == np.float32
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("name", ONE_OF_A_FILE)
def test_heads_are_those_of_the_registry(name):
    model, heads = training_model_of(name), MODELS[name].heads
    if not heads:
        assert model is model_of(name)
        return
    assert set(model.output) == {"logits", *heads}
    for head, (kind, weight) in heads.items():
        output = model.output[head]
        channels = {"pixels": NUM_CLASSES, "presence": NUM_CLASSES}.get(kind, output.shape[-1])
        assert len(output.shape) == (2 if kind == "presence" else 4) and output.shape[-1] == channels
        assert 0 < weight <= 1


@pytest.mark.parametrize("name", WITH_HEADS)
def test_heads_are_extra_and_the_rest_is_shared(name):
    training, inference = training_model_of(name), model_of(name)
    shared = {id(variable) for variable in training.variables}
    assert {id(variable) for variable in inference.variables} < shared
    with without_weights():
        without = build_model(name, NUM_CLASSES, FRONTEND)
    assert [v.shape for v in without.variables] == [v.shape for v in inference.variables]


@pytest.mark.parametrize("name", ["FC-DenseNet56", "DeepLabV3_plus"])
def test_uint8_and_float_images_mean_the_same(name):
    images = images_of(1, *ODD_SIZE, 3)
    model = model_of(name)
    np.testing.assert_array_equal(run(model, images), run(model, images.astype(np.float32)))


@pytest.mark.parametrize("name", TO_SAVE)
def test_round_trip_through_a_file_keeps_the_logits(name, tmp_path):
    """The file has the training heads; what is loaded for inference has one output."""
    images = images_of(1, 65, 83, 3)
    training_model_of(name).save(tmp_path / "model.keras")
    loaded = inference_model(keras.models.load_model(tmp_path / "model.keras"))
    np.testing.assert_array_equal(run(loaded, images), run(model_of(name), images))


@pytest.mark.parametrize("name", ONE_OF_A_FILE)
def test_a_gradient_reaches_every_weight(name):
    tf = pytest.importorskip("tensorflow")
    model = training_model_of(name)
    images = images_of(1, 64, 64, 3)
    with tf.GradientTape(persistent=True) as tape:
        outputs = model(images, training=True)
        losses = [keras.ops.mean(keras.ops.square(x - np.arange(x.shape[-1]))) for x in keras.tree.flatten(outputs)]
        main = keras.ops.mean(keras.ops.square(outputs["logits"] if isinstance(outputs, dict) else outputs))
        total = sum(losses)
    for network, loss in ((model, total), (model_of(name), main)):
        gradients = tape.gradient(loss, [variable.value for variable in network.trainable_variables])
        assert not [v.path for v, g in zip(network.trainable_variables, gradients) if g is None]
        assert np.abs(gradients[0]).max() > 0, "the first layer learns nothing"


@pytest.mark.parametrize("name", ONE_OF_A_FILE)
def test_logits_stay_float32_under_mixed_precision(name):
    earlier = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        with without_weights():
            model = build_model(name, 3, FRONTEND, input_shape=(128, 128, 3), training_heads=True)
    finally:
        keras.mixed_precision.set_global_policy(earlier)
    assert {output.dtype for output in keras.tree.flatten(model.output)} == {"float32"}
    assert any(layer.compute_dtype == "bfloat16" for layer in model.layers)


@pytest.mark.parametrize("name", ONE_OF_A_FILE)
def test_batch_norms_have_the_momentum_of_the_suite(name):
    momenta = {layer.momentum for layer in model_of(name).layers if isinstance(layer, keras.layers.BatchNormalization)}
    assert momenta == {BATCH_NORM_MOMENTUM}


@pytest.mark.parametrize("name", SUITE_PARAMETERS)
def test_parameter_counts_equal_the_original_suite(name):
    for num_classes, expected in zip((12, 32), SUITE_PARAMETERS[name]):
        if expected and (num_classes == 12 or name not in VARIANTS):
            with without_weights():
                model = build_model(name, num_classes)
            assert count_parameters(model) == expected


def test_static_and_dynamic_sizes_give_the_same_network():
    dynamic, static = (build_model("DeepLabV3_plus", 4, FRONTEND, shape) for shape in ((None, None, 3), (64, 96, 3)))
    static.set_weights(dynamic.get_weights())
    images = images_of(1, 64, 96, 3)
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
    assert files - {"__init__", "blocks", "narrow_conv", "registry"} == registered - {"tiny_model"}


@pytest.mark.parametrize("name", NAMES)
def test_row_and_file_agree(name):
    module, row = import_module(name), MODELS[name]
    registered = {other for other in MODELS if MODELS[other].module == row.module}
    assert set(module.PRESETS) == registered, f"the keys of PRESETS in models/{row.module}.py are not those of MODELS"
    assert callable(getattr(module, row.builder))
    assert name == "custom" or "(http" in module.__doc__, "the docstring begins with title, URL, venue and year"


def test_rows_have_keywords_only():
    with pytest.raises(TypeError):
        Architecture("custom_model", "build_custom", "paper", "special")


@pytest.mark.parametrize(
    "arguments, options, culprit",
    [
        (("DeepLab", 12), {}, "DeepLab"),
        (("custom", 0), {}, "num_classes"),
        (("custom", 12, "ResNet18"), {}, "ResNet18"),
        (("BiSeNet", 12), {"output_stride": 8}, "BiSeNet has no output stride"),
        (("PSPNet", 12, "InceptionV3"), {"output_stride": 8}, "InceptionV3"),
        (("PSPNet", 12), {"output_stride": 4}, "4"),
    ],
)
def test_bad_arguments_name_the_culprit(arguments, options, culprit):
    with pytest.raises(ValueError, match=culprit):
        build_model(*arguments, **options)


@pytest.mark.parametrize("name", [name for name in NAMES if MODELS[name].dilates])
def test_dilated_networks_keep_the_weights_and_take_odd_sizes(name):
    model = build_model(name, NUM_CLASSES, FRONTEND, output_stride=8)
    with without_weights():
        other = build_model(name, NUM_CLASSES, FRONTEND, output_stride=16)
    assert [v.shape for v in model.variables] == [v.shape for v in other.variables]
    logits = run_on_any_size(model, images_of(1, *ODD_SIZE, 3))
    assert logits.shape == (1, *ODD_SIZE, NUM_CLASSES) and np.isfinite(logits).all()


@pytest.mark.parametrize("name", ONE_OF_A_FILE)
def test_any_number_of_input_channels(name):
    """More bands change the layers on the images alone."""
    with without_weights():
        model = build(name, (64, 96, 5))
    assert model.input.shape == (None, 64, 96, 5) and model.output.shape == (None, 64, 96, NUM_CLASSES)
    assert 0 < count_parameters(model) - count_parameters(model_of(name)) < 20000
