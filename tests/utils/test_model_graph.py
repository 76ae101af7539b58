"""Inputs of layers: several tensors, keyword arguments, shared layers, operations without weights."""

import keras

from utils.model_graph import layer_inputs


def test_inputs_by_use():
    images = keras.Input((8, 8, 3), name="images")
    shared = keras.layers.Conv2D(3, 1, name="shared")
    x = shared(shared(images))
    x = keras.layers.Concatenate(name="both")([x, images])
    x = keras.layers.Lambda(lambda tensor: tensor, name="same")(x)
    attended = keras.layers.MultiHeadAttention(1, 2, name="attention")(x, value=x)
    model = keras.Model(images, {"sum": attended + 2.0 * x, "also": x})
    inputs = layer_inputs(model)
    assert inputs.pop("images") == []
    assert inputs.pop("shared") == [["images"], ["shared"]]
    assert inputs.pop("both") == [["shared", "images"]]
    assert inputs.pop("same") == [["both"]]
    assert inputs.pop("attention") == [["same", "same"]]
    (product,) = (name for name in inputs if name.startswith("multiply"))
    assert inputs.pop(product) == [["same"]]
    assert list(inputs.values()) == [[["attention", product]]]


def test_uses_outside_the_model_are_left_out():
    images = keras.Input((8, 8, 3), name="images")
    shared = keras.layers.ReLU(name="shared")
    model = keras.Model(images, shared(images))
    shared(model.output)
    assert layer_inputs(model) == {"images": [], "shared": [["images"]]}
