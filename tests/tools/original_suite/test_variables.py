"""Import of the original suite's variables: the logits must equal those of the original networks."""

import hashlib

import keras
import numpy as np
import pytest

pytest.importorskip("tensorflow")

from models import build_model
from tests.tools.original_suite.suite_graphs import (
    GRAPHS,
    NUM_CLASSES,
    assert_close,
    imported,
    keras_logits,
    random_image,
    suite_graph,
)
from tools.original_suite.variables import import_variables, is_statistic

COMPARED = ("FC-DenseNet56", "Encoder-Decoder-Skip", "MobileUNet-Skip", "FRRN-A", "AdapNet")


@pytest.mark.parametrize("name", COMPARED)
def test_logits_equal_those_of_the_original(name):
    model, images, expected, _ = imported(name)
    assert_close(keras_logits(model, images), expected, 2e-5)


@pytest.mark.parametrize("name", COMPARED[:3])
def test_logits_equal_those_of_the_original_with_statistics_of_the_batch(name):
    """With a larger tolerance: rounding errors grow where a channel of the few pixels at stride 32 hardly varies."""
    model, images, _, variables = imported(name)
    expected, _ = suite_graph(name, images, training=True)
    logits = keras_logits(model, images, training=True)
    import_variables(model, variables)  # the moving statistics have moved
    assert_close(logits, expected, 5e-3)


DIGESTS = {  # of the trainable variables of the original's checkpoints for 12 classes, in order
    "FC-DenseNet56": "cf4352b0dcefd683",
    "FC-DenseNet67": "be238c640e491a55",
    "FC-DenseNet103": "cdf68cfe81f091d9",
    "Encoder-Decoder": "0be98292918b7c4f",
    "Encoder-Decoder-Skip": "0be98292918b7c4f",
    "MobileUNet": "3b375ec45fd30e95",
    "MobileUNet-Skip": "3b375ec45fd30e95",
    "FRRN-A": "911cd181fefbcf58",
    "FRRN-B": "7f0908a2ac525c00",
    "AdapNet": "9a97770febfdbd43",
}


@pytest.mark.parametrize("name", GRAPHS)
def test_variables_are_those_of_the_original_checkpoints(name):
    if name in COMPARED:
        *_, variables = imported(name)
    else:
        _, variables = suite_graph(name, random_image())
        import_variables(build_model(name, NUM_CLASSES), variables)
    shapes = [f"{variable} {list(value.shape)}" for variable, value in variables if not is_statistic(variable)]
    assert hashlib.sha256("\n".join(shapes).encode()).hexdigest()[:16] == DIGESTS[name]


def test_optimizers_are_ignored_and_alphabetical_order_is_no_matter():
    model, *_, variables = imported("MobileUNet-Skip")
    before = model.get_weights()
    slots = [(f"{name}/RMSProp{suffix}", value + 1) for name, value in variables for suffix in ("", "_1")]
    zeros = [(name, np.zeros_like(value)) for name, value in variables]
    import_variables(model, zeros)
    assert not any(weight.any() for weight in model.get_weights())
    import_variables(model, sorted([*variables, *slots, ("global_step", np.int64(7))], key=lambda one: one[0]))
    assert all(map(np.array_equal, model.get_weights(), before))


def test_statistics_stay_if_there_are_none():
    model, images, logits, variables = imported("MobileUNet-Skip")
    trainable = [(name, value) for name, value in variables if not is_statistic(name)]
    import_variables(model, [(name, np.zeros_like(value)) for name, value in trainable])
    import_variables(model, trainable)
    assert_close(keras_logits(model, images), logits, 2e-5)


def changed(variables, name, value):
    return [(one, value if one == name else old) for one, old in variables if one != name or value is not None]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda v: changed(v, "logits/biases", None), ["bias", "(12,)", "layer logits"]),
        (lambda v: changed(v, "Conv_3/weights", np.zeros((1, 1, 128, 64))), ["Conv_3/weights", "(1, 1, 128, 64)"]),
        (lambda v: changed(v, "BatchNorm_55/moving_mean", None), ["moving_mean", "(64,)", "batch_normalization"]),
        (lambda v: [*v, ("Conv_26/weights", np.zeros((1, 1, 64, 64)))], ["Conv_26/weights", "no layer"]),
        (lambda v: [*v, ("BatchNorm/gamma", np.ones(64))], ["BatchNorm/gamma", "no layer"]),
        (lambda v: [*v, ("first_conv/weights", np.ones(64))], ["first_conv/weights", "no layer"]),
        (lambda v: [], ["no variable", "conv2d"]),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_assigned(change, words):
    model, *_, variables = imported("MobileUNet-Skip")
    before = model.get_weights()
    with pytest.raises(ValueError) as error:
        import_variables(model, change([(name, 2 * value) for name, value in variables]))
    assert all(word in str(error.value) for word in words) and "\n" not in str(error.value), error.value
    assert all(map(np.array_equal, model.get_weights(), before))


def test_features_that_are_normalized_once_have_one_statistic():
    model, *_, variables = imported("FC-DenseNet56")
    before, (name, value) = model.get_weights(), next(one for one in variables if "BatchNorm_2/moving_mean" in one[0])
    with pytest.raises(ValueError, match="BatchNorm/moving_mean and .*BatchNorm_2/moving_mean"):
        import_variables(model, changed(variables, name, value + 0.1))
    assert all(map(np.array_equal, model.get_weights(), before))


def test_a_network_of_other_layers_is_refused():
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    with pytest.raises(ValueError, match="dense"):
        import_variables(model, [])
