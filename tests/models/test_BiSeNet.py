"""BiSeNet: channel attention, also for a batch of one, and the sizes of the paths."""

import keras
import numpy as np

from models.BiSeNet import attention_refinement, build_bisenet, channel_gate, context_path, feature_fusion


def numbers(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_a_gate_is_the_sigmoid_of_the_transformed_mean():
    inputs = keras.Input((None, None, 3))
    gate = keras.Model(inputs, channel_gate(inputs))
    kernel, bias = numbers(1, 1, 3, 3), np.array([0.5, 0.0, -0.5], np.float32)
    gate.set_weights([kernel, bias])
    x = numbers(2, 4, 5, 3)
    expected = 1 / (1 + np.exp(-(x.mean((1, 2)) @ kernel[0, 0] + bias)))
    np.testing.assert_allclose(gate.predict_on_batch(x)[:, 0, 0], expected, rtol=1e-5)


def test_the_refinement_of_a_single_image_depends_on_its_mean():
    inputs = keras.Input((None, None, 3))
    refined = keras.Model(inputs, attention_refinement(inputs, 4))
    gates = keras.Model(inputs, refined.layers[-1].input[1])
    x = np.abs(numbers(1, 4, 4, 3))
    one, other = (np.asarray(gates(batch, training=True)) for batch in (x, numbers(1, 4, 4, 3)))
    assert np.abs(one - other).max() > 1e-3


def test_fusion_with_indifferent_gates_adds_half():
    inputs = [keras.Input((4, 4, 3)), keras.Input((4, 4, 5))]
    fusion = keras.Model(inputs, feature_fusion(*inputs, filters=6))
    model = keras.Model(inputs, [fusion.layers[-1].input[0], fusion.output])
    for layer in fusion.layers[-4:]:
        layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    mixed, result = model.predict_on_batch([numbers(1, 4, 4, 3), numbers(1, 4, 4, 5)])
    assert mixed.max() > 0
    np.testing.assert_allclose(result, 1.5 * mixed, rtol=1e-6)


def test_the_context_gets_the_sizes_of_what_it_meets():
    pool4, pool5, like = (keras.Input(shape) for shape in ((7, 9, 5), (3, 4, 6), (13, 17, 8)))
    context_16, context_8 = context_path(pool4, pool5, like)
    assert context_16.shape == (None, 7, 9, 128)
    assert context_8.shape == (None, 13, 17, 128)


def test_features_may_have_any_number_of_channels():
    end_points = {name: keras.Input((None, None, channels)) for name, channels in (("pool4", 7), ("pool5", 11))}
    logits, heads = build_bisenet({**end_points, "images": keras.Input((None, None, 3))}, 5)
    assert logits.shape[-1] == 5
    assert {name: head.shape[-1] for name, head in heads.items()} == {"context_8": 5, "context_16": 5}
