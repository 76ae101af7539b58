"""Which tensors, and which classes of them, are copied from a checkpoint."""

import keras
import numpy as np
import pytest

from frontends.channels import spread_kernel
from models import build_model, inference_model
from utils.checkpoints import save_checkpoint
from utils.class_dict import ClassDict
from utils.training.warm_start import copy_tensor, start_from, transfer_report

NAMES = ["Sky", "Road", "Car"]


def settings(model, names, no_auxiliary=False):
    return {
        "model": model,
        "frontend": "MobileNetV3Small",
        **ClassDict(names, [[index, 0, 0] for index in range(len(names))]).to_dict(),
        "output_stride": None,
        "no_auxiliary": no_auxiliary,
    }


def random_network(model, num_classes, heads=True):
    network = build_model(model, num_classes, "MobileNetV3Small", training_heads=heads)
    rng = np.random.default_rng(0)
    for variable in network.variables:
        if variable.dtype == "float32":
            variable.assign(rng.normal(size=variable.shape))
    return network


@pytest.fixture
def source(tmp_path):
    """A function that writes a network's checkpoint."""

    def write(network, model, names=NAMES, no_auxiliary=False):
        path = tmp_path / "source.keras"
        network.compile("sgd", "mse")
        save_checkpoint(path, network, settings(model, names, no_auxiliary), {})
        return path

    return write


def test_the_same_classes_in_the_same_order(source):
    """In a later network of the process, whose layers Keras numbers on from those of the first."""
    trained, model = random_network("tiny-heads", 3), build_model("tiny-heads", 3, training_heads=True)
    assert trained.layers[-5].name != model.layers[-5].name
    path = source(trained, "tiny-heads")
    transfer = start_from(path, model, NAMES)
    for weight, expected in zip(model.weights, trained.weights, strict=True):
        np.testing.assert_array_equal(weight, expected)
    count = len(transfer.tensors)
    assert transfer_report(transfer, path) == f"{count} of {count} tensors (100.0 % of parameters) from {path}"


@pytest.mark.parametrize("names", [["car", "Tree", "Road"], ["Road", "Tree"], ["Tree", "Road", "Bus", "Car", "Pole"]])
def test_classes_are_copied_by_name(source, names):
    """As many in another order, fewer, more."""
    trained, model = random_network("tiny", 3), build_model("tiny", len(names))
    initial = [np.array(weight) for weight in model.get_layer("logits").weights]
    path = source(trained, "tiny")
    transfer = start_from(path, model, names)
    where = {"Road": 1, "car": 2, "Car": 2}
    for before, weight, other in zip(initial, model.get_layer("logits").weights, trained.get_layer("logits").weights):
        for index, name in enumerate(names):
            expected = np.array(other)[..., where[name]] if name in where else before[..., index]
            np.testing.assert_array_equal(np.array(weight)[..., index], expected)
    np.testing.assert_array_equal(model.weights[0], trained.weights[0])
    new = ", ".join(name for name in names if name not in where)
    assert transfer_report(transfer, path).endswith(f"; in part, by class name: logits; new classes: {new}")


def test_a_tensor_with_classes_on_two_axes():
    """Such as a convolution of logits: only between classes that both networks have."""
    variable, value = keras.Variable(np.zeros((1, 2, 2))), keras.Variable(np.arange(9.0).reshape(1, 3, 3))
    assert copy_tensor(variable, value, ["b", "a"], ["a", "x", "b"]) == 4
    np.testing.assert_array_equal(variable, [[[8, 6], [2, 0]]])


@pytest.mark.parametrize("shape", [(4,), (18,), (2, 3)])
def test_tensors_that_do_not_fit_are_skipped(shape):
    """Another width, nine numbers for each class, another rank."""
    variable = keras.Variable(np.zeros(shape))
    other = {(4,): (5,), (18,): (27,), (2, 3): (3,)}[shape]
    assert copy_tensor(variable, keras.Variable(np.ones(other)), ["a", "b"], ["a", "b", "c"]) == 0
    assert not np.array(variable).any()


def test_no_common_class_makes_the_classifier_new(source):
    model, path = build_model("tiny", 2), source(random_network("tiny", 3), "tiny")
    text = transfer_report(start_from(path, model, ["Cat", "Dog"]), path)
    assert text.endswith("; new: logits; new classes: Cat, Dog")


def test_heads_that_the_checkpoint_lacks_are_new_and_others_are_skipped(source):
    """The layers of a head are created, and numbered, between those of the network."""
    trained = random_network("tiny-heads", 3, heads=False)
    model = build_model("tiny-heads", 3, training_heads=True)
    transfer = start_from(source(trained, "tiny-heads", no_auxiliary=True), model, NAMES)
    new = {tensor.layer for tensor in transfer.tensors if not tensor.copied}
    assert {"auxiliary_logits", "border_logits"} < new and len(new) == 5  # with convolution, batch norm, dense layer
    np.testing.assert_array_equal(inference_model(model).get_weights()[0], trained.get_weights()[0])
    without = build_model("tiny-heads", 3)
    transfer = start_from(source(model, "tiny-heads"), without, NAMES)
    assert all(tensor.copied == tensor.size for tensor in transfer.tensors)


@pytest.mark.parametrize("channels", [1, 5])
def test_kernels_for_rgb_are_spread_over_other_channels(source, channels):
    trained = random_network("tiny", 3)
    model = build_model("tiny", 3, input_shape=(None, None, channels))
    transfer = start_from(source(trained, "tiny"), model, NAMES)
    assert all(tensor.copied == tensor.size for tensor in transfer.tensors)
    kernel, *others = model.weights
    np.testing.assert_array_equal(kernel, spread_kernel(trained.weights[0].numpy(), channels))
    for weight, expected in zip(others, trained.weights[1:], strict=True):
        np.testing.assert_array_equal(weight, expected)
