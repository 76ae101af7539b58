"""Dilated frontends equal the published ones at common pixels; frontends with shared weights on several images."""

import functools
import re

import keras
import numpy as np
import pytest

from frontends import FRONTENDS, UnknownFrontendError, build_frontend, check_output_stride

FAMILIES = ("ResNet50", "MobileNet", "MobileNetV2", "MobileNetV3Small", "EfficientNetLite0")
REFUSED = ("InceptionV4", "InceptionV3", "InceptionResNetV2", "NASNetMobile", "NASNetLarge")
# The convolution that ends a squeeze-and-excitation, by the end of its name.
GATES = ("se_expand", "squeeze_excite_conv_1")


def images(height, width, seed=0):
    return np.random.default_rng(seed).uniform(0, 255, (1, height, width, 3)).astype("float32")


def build(name, size=(None, None), **kwargs):
    """Returns a model from images to the dict of features."""
    inputs = keras.Input((*size, 3))
    return keras.Model(inputs, build_frontend(inputs, name, **kwargs))


@functools.lru_cache(maxsize=1)
def ordinary(name):
    """Returns a network whose batch norm statistics and biases are unlike fresh ones, and whose gates are constant.

    A squeeze-and-excitation multiplies by a function of the mean over the image, and the dilated network takes that
    over more places, so there the two must differ. With a zero kernel only the bias of that function is left.
    """
    model = build(name)
    rng = np.random.default_rng(1)
    for layer in model.layers:
        for weight in layer.weights:
            if "float" in weight.dtype and len(weight.shape) == 1:
                weight.assign(np.asarray(weight) + rng.uniform(0, 0.2, weight.shape))
        if layer.name.endswith(GATES):
            layer.kernel.assign(np.zeros(layer.kernel.shape))
    return model


def dilated(name, output_stride, size=(None, None)):
    """Returns the same network with an output stride and the same weights."""
    model = build(name, size, output_stride=output_stride)
    assert weighted_layers(model) == weighted_layers(ordinary(name))
    model.set_weights(ordinary(name).get_weights())
    return model


def weighted_layers(model):
    """Names and shapes, without the numbers at the end of a name: Keras numbers unnamed layers per process."""
    return [
        (re.sub(r"_\d+$", "", layer.name), [weight.shape for weight in layer.weights])
        for layer in model.layers
        if layer.weights
    ]


def assert_close(actual, expected, err_msg=""):
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert expected.std() > 0
    np.testing.assert_allclose(actual, expected, atol=1e-4 * np.abs(expected).max(), err_msg=err_msg)


def check(name, output_stride, size=(64, 64)):
    """Compares a dilated network with the ordinary one, pixel by pixel where both have one."""
    model = dilated(name, output_stride)
    assert model.count_params() == FRONTENDS[name].parameters
    pixels = images(*size)
    expected, features = ordinary(name)(pixels), model(pixels)
    assert list(features) == list(expected)
    for level, feature in features.items():
        stride = 2 ** int(level.removeprefix("pool"))
        step = max(stride // output_stride, 1)
        assert feature.shape[1:3] == tuple(step * count for count in expected[level].shape[1:3])
        assert_close(feature[:, ::step, ::step], expected[level], f"{name} {output_stride} {level}")
        assert step == 1 or np.asarray(feature[:, 1:step, 1:step]).std() > 0


@pytest.mark.parametrize("name", FAMILIES)
def test_dilated_network_is_the_ordinary_one_at_more_places(name):
    check(name, 8)


def test_output_stride_16_and_another_shape():  # output stride 8 changes the last level, too
    check("MobileNet", 16, (64, 96))


@pytest.mark.sweep
@pytest.mark.parametrize("name", [name for name in FRONTENDS if name not in REFUSED and "ConvNeXt" not in name])
def test_every_frontend(name):
    keras.backend.clear_session(free_memory=True)
    check(name, 16)
    check(name, 8)


@pytest.mark.sweep
@pytest.mark.parametrize("name", [name for name in FRONTENDS if "ConvNeXt" in name])
def test_convnext(name):
    # Keras's weights for its small inner models are those of their layers here.
    keras.backend.clear_session(free_memory=True)
    model, other = build(name), build(name, output_stride=16)
    assert other.count_params() == model.count_params() == FRONTENDS[name].parameters
    other.set_weights(model.get_weights())
    expected, features = model(images(64, 64)), other(images(64, 64))
    assert_close(features["pool5"][:, ::2, ::2], expected["pool5"])
    assert_close(features["pool4"], expected["pool4"])


@pytest.mark.parametrize("output_stride", [16, 8])
def test_means_over_the_image_are_over_all_places(output_stride):
    # With its gates at work, a network with squeeze-and-excitation agrees up to the first one behind the conversion.
    model, other = build("MobileNetV3Small"), build("MobileNetV3Small", output_stride=output_stride)
    other.set_weights(model.get_weights())
    expected, features = model(images(64, 64)), other(images(64, 64))
    for level in ("pool1", "pool2", "pool3"):
        assert_close(features[level], expected[level])
    assert features["pool5"].shape == (1, 64 // output_stride, 64 // output_stride, 576)
    assert np.isfinite(np.asarray(features["pool5"])).all()


def test_constant_image():
    # Away from the borders (the receptive field is 315 pixels wide) all places of both are alike, also the new ones.
    gray = np.full((1, 384, 384, 3), 100, "float32")
    expected = np.asarray(ordinary("MobileNet")(gray)["pool5"])[:, 6:7, 6:7]
    for output_stride, center in ((16, slice(11, 14)), (8, slice(22, 27))):
        feature = np.asarray(dilated("MobileNet", output_stride)(gray)["pool5"])[:, center, center]
        assert_close(feature, np.broadcast_to(expected, feature.shape))


@pytest.mark.parametrize("name", ["MobileNetV2", "VGG16", pytest.param("Xception", marks=pytest.mark.sweep)])
def test_any_size(name):
    import tensorflow as tf

    model = build(name, output_stride=8)
    run = tf.function(model, input_signature=[tf.TensorSpec((None, None, None, 3))])
    for height, width in ((97, 131), (64, 75)):
        features = run(images(height, width))
        shapes = {level: tuple(feature.shape[1:3]) for level, feature in features.items()}
        assert shapes["pool5"] == shapes["pool4"] == shapes["pool3"]
        sizes = zip((height, width), shapes["pool5"], strict=True)
        assert all(0 <= -(-size // 8) - count <= 1 for size, count in sizes)
        assert np.isfinite(np.asarray(features["pool5"])).all()


def test_known_odd_size():
    pixels = images(97, 131)
    feature = dilated("MobileNet", 16, (97, 131))(pixels)["pool5"]
    assert_close(feature, dilated("MobileNet", 16)(pixels)["pool5"])
    assert feature.shape[1:3] == build("MobileNet", (97, 131), output_stride=16).output["pool5"].shape[1:3]


@pytest.mark.parametrize("name", ["VGG16", "MobileNetV3Small"])
def test_saving(name, tmp_path):
    model = build(name, output_stride=16)
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(restored(images(75, 101))["pool5"], model(images(75, 101))["pool5"])


@pytest.mark.parametrize("name", ["MobileNet", pytest.param("EfficientNetB0", marks=pytest.mark.sweep)])
def test_weights_file_of_the_ordinary_network(name, tmp_path):
    source = getattr(keras.applications, name)(include_top=False, weights=None, input_shape=(64, 64, 3))
    source.save_weights(tmp_path / "model.weights.h5")
    model = build(name, weights=tmp_path / "model.weights.h5", output_stride=16)
    for loaded, weight in zip(model.weights, source.weights, strict=True):
        if "normalization" not in weight.path or "batch" in weight.path:  # Fresh files lack the ImageNet statistics.
            np.testing.assert_array_equal(loaded, weight, err_msg=weight.path)
    expected = build(name, weights=tmp_path / "model.weights.h5")(images(64, 64))["pool3"]
    assert_close(model(images(64, 64))["pool3"], expected)


@pytest.mark.parametrize("name", ["MobileNetV2", "VGG16"])
def test_gradient_reaches_the_first_layer(name):
    import tensorflow as tf

    model = build(name, output_stride=8)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.square(model(images(64, 64), training=True)["pool5"]))
    gradients = tape.gradient(loss, model.trainable_variables)
    assert all(gradient is not None and np.isfinite(np.asarray(gradient)).all() for gradient in gradients)
    assert np.abs(np.asarray(gradients[0])).max() > 0


def test_half_precision():
    previous = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        feature = build("VGG16", output_stride=8)(images(40, 48))["pool5"]
    finally:
        keras.config.set_dtype_policy(previous)
    assert keras.backend.standardize_dtype(feature.dtype) == "bfloat16"
    assert np.isfinite(np.asarray(keras.ops.cast(feature, "float32"))).all()


def test_layers_belong_to_the_graph_of_the_images():
    model = build("MobileNet", output_stride=16)
    part = keras.Model(model.input, model.get_layer("conv_pw_13_relu").output)
    assert part.get_layer("conv_dw_13").dilation_rate == (2, 2)
    assert part.output is model.output["pool5"]


def test_refused_choices():
    for name in REFUSED:
        with pytest.raises(ValueError, match=f"{name} cannot.*ResNet101.*Xception") as error:
            check_output_stride(name, 16)
        assert "\n" not in str(error.value)
        check_output_stride(name, None)
    for value in (0, 4, 32, "16"):
        with pytest.raises(ValueError, match=f"8 or 16, not {value!r}"):
            check_output_stride("MobileNet", value)
    for name in FRONTENDS:
        if name not in REFUSED:
            check_output_stride(name, 8)
    with pytest.raises(UnknownFrontendError, match="ResNet51"):
        check_output_stride("ResNet51", None)
    with pytest.raises(ValueError, match="InceptionV3"):
        build("InceptionV3", output_stride=16)
    with pytest.raises(ValueError, match="not 32"):
        build("MobileNet", output_stride=32)


@pytest.mark.parametrize(
    "name",
    ["MobileNetV3Small", *(pytest.param(name, marks=pytest.mark.sweep) for name in ("InceptionV3", "NASNetMobile"))],
)
def test_several_images_share_one_network(name):
    sizes = (96, 128), (97, 80)
    inputs = [keras.Input((None, None, 3)), keras.Input((*sizes[1], 3))]
    model = keras.Model(inputs, build_frontend(inputs, name))
    alone = build(name)
    assert model.count_params() == alone.count_params() == FRONTENDS[name].parameters
    assert weighted_layers(model) == weighted_layers(alone)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)
    alone.set_weights(model.get_weights())
    pixels = [images(*size, seed) for seed, size in enumerate(sizes)]
    for features, image in zip(model(pixels), pixels, strict=True):
        for level, expected in alone(image).items():
            assert_close(features[level], expected, level)


@pytest.mark.parametrize("size", [(None, None), (97, 131)])
def test_small_images(size, tmp_path):
    # Reduced to a quarter they are less than 32 pixels high; the features are those of images padded with mean gray.
    inputs = keras.Input((*size, 3))
    scales = [keras.layers.AveragePooling2D(times, padding="same")(inputs) for times in (2, 4)]
    first, second = build_frontend(scales, "MobileNet")
    model = keras.Model(inputs, {"pool3": first["pool3"], **{level: second[level] for level in ("pool4", "pool5")}})
    pixels = images(97, 131)
    features = model(pixels)
    assert {level: feature.shape[1:3] for level, feature in features.items()} == {
        "pool3": (6, 8),
        "pool4": (2, 2),
        "pool5": (1, 1),
    }
    if None not in size:
        assert {level: x.shape[1:3] for level, x in model.output.items()} == {
            level: x.shape[1:3] for level, x in features.items()
        }
    model.save(tmp_path / "model.keras")
    restored = keras.models.load_model(tmp_path / "model.keras")(pixels)
    alone = build("MobileNet")
    alone.set_weights(model.get_weights())
    padded = np.full((1, 32, 33, 3), 127.5, "float32")
    padded[:, :25] = keras.layers.AveragePooling2D(4, padding="same")(pixels)
    for level in ("pool4", "pool5"):
        assert_close(features[level], alone(padded)[level])
        np.testing.assert_array_equal(restored[level], features[level])
    assert_close(features["pool3"], alone(keras.layers.AveragePooling2D(2, padding="same")(pixels))["pool3"])


def test_several_images_must_have_one_number_of_channels():
    with pytest.raises(ValueError, match=r"one number of channels; received \[3, 1\]"):
        build_frontend([keras.Input((None, None, 3)), keras.Input((None, None, 1))], "MobileNet")
