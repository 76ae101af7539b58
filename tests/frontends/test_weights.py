"""Pretrained weights: every file format, and errors for every kind of unsuitable file."""

import functools
import pathlib

import h5py
import keras
import numpy as np
import pytest

from frontends import FrontendWeightsError, InvalidFrontendWeightsError, build_frontend
from frontends.layers import IMAGENET_STD

MOBILENET = pathlib.Path(__file__).parents[3] / "shared" / "weights" / "mobilenet_1_0_224_imagenet_notop.weights.h5"
IMAGES = np.random.default_rng(0).uniform(0, 255, (1, 96, 128, 3)).astype("float32")
SCALED = IMAGES / 127.5 - 1


@functools.cache
def original(network, **kwargs):
    """Returns Keras's own network with batch norm statistics and biases unlike fresh ones. Do not change it."""
    source = getattr(keras.applications, network)(
        **{"include_top": False, "weights": None, "input_shape": (224, 224, 3), **kwargs}
    )
    rng = np.random.default_rng(1)
    for weight in source.weights:
        if len(weight.shape) == 1:
            weight.assign(np.asarray(weight) + rng.uniform(0, 0.2, weight.shape))
    return source


def save(model, path):
    """Saves in the format of the ending; `.h5` is the one of the files that Keras distributes."""
    model.save_weights(path) if path.name.endswith(".weights.h5") else model.save(path)
    return path


def build(name, weights, before=()):
    """Returns a model from images to the deepest feature; `before` are layers in front of the frontend."""
    inputs = x = keras.Input((None, None, 3))
    for layer in before:
        x = layer(x)
    return keras.Model(inputs, build_frontend(x, name, weights)["pool5"])


def assert_close(actual, expected):
    expected = np.asarray(expected)
    assert expected.std() > 0
    np.testing.assert_allclose(actual, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize(
    "name, images, ending",
    [
        ("MobileNetV3Small", IMAGES, "weights.h5"),
        ("MobileNetV3Small", IMAGES, "h5"),
        ("MobileNetV3Small", IMAGES, "keras"),
        ("MobileNet", SCALED, "h5"),
    ],
)
def test_every_format(name, images, ending, tmp_path):
    source = original(name)
    path = save(source, tmp_path / f"model.{ending}")
    expected = source.call(images)
    # The frontend's layers shall not be the first of their class in the graph.
    identity = keras.layers.Conv2D(
        3, 1, use_bias=False, kernel_initializer=lambda shape, dtype: np.eye(3).reshape(shape)
    )
    model = build(name, str(path), before=[identity])
    assert_close(model(IMAGES), expected)
    for loaded, weight in zip(model.weights[1:], source.weights, strict=True):
        np.testing.assert_array_equal(loaded, weight, err_msg=weight.path)
    with pytest.raises(AssertionError):
        assert_close(build(name, None)(IMAGES), expected)


@pytest.mark.parametrize(
    "name, ending", [("InceptionV3", "h5"), pytest.param("NASNetMobile", "weights.h5", marks=pytest.mark.sweep)]
)
def test_branches_are_not_mixed_up(name, ending, tmp_path):
    source = original(name, input_shape=(225, 225, 3))  # NASNet takes its paddings from the parity of this size.
    path = save(source, tmp_path / f"model.{ending}")
    # As the frontend does for NASNet: 96 x 128 to 97 x 129.
    images = np.pad(SCALED, [(0, 0), (0, 1), (0, 1), (0, 0)]) if name == "NASNetMobile" else SCALED
    last = keras.Model(source.input, source.get_layer({"InceptionV3": "mixed10"}.get(name, "normal_concat_12")).output)
    assert_close(build(name, path)(IMAGES), last.call(images))


@pytest.mark.skipif(not MOBILENET.exists(), reason=f"{MOBILENET.name} is not there")
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_imagenet_file_of_mobilenet(policy):
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = build("MobileNet", str(MOBILENET))
        fresh = build("MobileNet", None)
    finally:
        keras.config.set_dtype_policy(previous)
    with h5py.File(MOBILENET, "r") as file:
        for layer, group in (("conv1", "conv2d"), ("conv_pw_13", "conv2d_13"), ("conv_dw_7", "depthwise_conv2d_6")):
            np.testing.assert_array_equal(model.get_layer(layer).kernel, file[f"layers/{group}/vars/0"])
        variance = file["layers/batch_normalization_26/vars/3"][()]
        np.testing.assert_array_equal(model.get_layer("conv_pw_13_bn").moving_variance, variance)
    features, other = (np.asarray(keras.ops.cast(m(IMAGES), "float32")) for m in (model, fresh))
    assert np.isfinite(features).all()
    assert np.abs(features - other).mean() > 0.5 * other.mean()


def test_file_with_classifier(tmp_path):
    source = original("MobileNetV3Small", include_top=True, classes=7)
    path = save(source, tmp_path / "model.weights.h5")
    model = build("MobileNetV3Small", path)
    for loaded, weight in zip(model.weights, source.weights, strict=False):
        np.testing.assert_array_equal(loaded, weight, err_msg=weight.path)


@pytest.mark.parametrize("ending", ["weights.h5", "h5", "keras"])
def test_file_of_another_network(ending, tmp_path):
    path = save(original("MobileNet", alpha=0.5), tmp_path / f"model.{ending}")
    check_bad_file("MobileNet", path)
    check_bad_file("MobileNetV3Small", path)


def test_file_of_a_deeper_network(tmp_path):
    source = original("MobileNet")
    x = source.output
    for _ in range(4):
        x = keras.layers.Conv2D(1024, 1)(x)
    check_bad_file("MobileNet", save(keras.Model(source.input, x), tmp_path / "model.weights.h5"))


def test_incomplete_file(tmp_path):
    path = save(original("MobileNet"), tmp_path / "model.weights.h5")
    with h5py.File(path, "r+") as file:
        del file["layers/conv2d_13/vars/0"]
    check_bad_file("MobileNet", path)


def test_layer_that_was_silently_not_loaded(tmp_path, monkeypatch):
    path = save(original("MobileNet"), tmp_path / "model.weights.h5")
    # A lenient loader: Keras's own if it skipped what does not fit.
    monkeypatch.setattr(keras.Model, "load_weights", lambda self, path: None)
    check_bad_file("MobileNet", path)


@pytest.mark.parametrize("ending", ["weights.h5", "h5", "keras"])
@pytest.mark.parametrize("content", [b"not weights", b""])
def test_file_of_something_else(ending, content, tmp_path):
    path = tmp_path / f"model.{ending}"
    path.write_bytes(content)
    check_bad_file("MobileNet", path)


def test_missing_file_and_wrong_ending(tmp_path):
    check_bad_file("MobileNet", tmp_path / "missing.weights.h5")
    (tmp_path / "model.ckpt").write_bytes(b"weights of another program")
    check_bad_file("MobileNet", tmp_path / "model.ckpt")


def check_bad_file(name, path):
    with pytest.raises(InvalidFrontendWeightsError) as error:
        build(name, path)
    message = str(error.value)
    assert error.value.exit_code == 2
    assert str(path) in message and name in message and "\n" not in message


def test_efficientnet_file_holds_deviations_for_variances(tmp_path):
    source = original.__wrapped__("EfficientNetB0")  # a new one, to be changed
    layer = next(layer for layer in source.layers if isinstance(layer, keras.layers.Normalization))
    layer.set_weights([np.array([0.485, 0.456, 0.406]), np.array(IMAGENET_STD), np.array(0)])
    model = build("EfficientNetB0", save(source, tmp_path / "model.weights.h5"))
    images = IMAGES.copy()
    expected = keras.applications.imagenet_utils.preprocess_input(images, mode="torch")
    layer = next(layer for layer in model.layers if isinstance(layer, keras.layers.Normalization))
    np.testing.assert_allclose(layer(IMAGES / 255), expected, rtol=1e-4, atol=1e-4)


def test_imagenet_is_copied(monkeypatch):
    source = original("MobileNetV3Small")
    network = keras.applications.MobileNetV3Small
    monkeypatch.setattr(
        keras.applications,
        "MobileNetV3Small",
        lambda weights, **kwargs: source if weights == "imagenet" else network(weights=None, **kwargs),
    )
    assert_close(build("MobileNetV3Small", "imagenet")(IMAGES), source.call(IMAGES))


def test_imagenet_without_a_network(monkeypatch):
    network = keras.applications.MobileNet

    def offline(weights, **kwargs):
        if weights == "imagenet":
            raise Exception("URL fetch failure on https://example.org/x.h5: None -- [Errno -2] Name not known\nmore")
        return network(weights=weights, **kwargs)

    monkeypatch.setattr(keras.applications, "MobileNet", offline)
    with pytest.raises(FrontendWeightsError) as error:
        build("MobileNet", "imagenet")
    message = str(error.value)
    assert error.value.exit_code == FrontendWeightsError.exit_code == 1
    assert "MobileNet" in message and "URL fetch failure" in message and "\n" not in message
    assert "--frontend_weights none" in message and "--frontend_weights PATH" in message


def test_inception_v4_has_no_imagenet_weights():
    with pytest.raises(InvalidFrontendWeightsError, match="InceptionV4.*none") as error:
        build("InceptionV4", "imagenet")
    assert error.value.exit_code == 2
