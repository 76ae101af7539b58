"""Fused updates against those of Keras's optimizers."""

import keras
import numpy as np
import pytest

if keras.backend.backend() != "tensorflow":
    pytest.skip("TensorFlow's operations", allow_module_level=True)

from utils.training.optimizers import fused as fused_optimizers

OPTIONS = {
    "RMSprop": {"rho": 0.995},
    "Adam": {},
    "AdamW": {"weight_decay": 0.1},
    "SGD": {"momentum": 0.9, "nesterov": True},
}


def trajectory(module, name, schedule=0.1):
    """Returns two variables after each of three steps, and the optimizer's state after the last."""
    rng = np.random.default_rng(0)
    variables = [keras.Variable(rng.normal(size=shape)) for shape in ((3, 4), (5,))]
    optimizer = getattr(module, name)(schedule, **OPTIONS[name])
    optimizer.build(variables)
    values = []
    for _ in range(3):
        gradients = [keras.ops.convert_to_tensor(rng.normal(size=v.shape).astype("float32")) for v in variables]
        optimizer.apply(gradients, variables)
        values += [np.array(variable) for variable in variables]
    return values, [np.array(variable) for variable in optimizer.variables]


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("schedule", [0.1, "poly"])
def test_weights_and_state_are_those_of_keras(name, schedule):
    if schedule == "poly":
        schedule = keras.optimizers.schedules.PolynomialDecay(0.1, 10)
    (values, state), (keras_values, keras_state) = (
        trajectory(module, name, schedule) for module in (fused_optimizers, keras.optimizers)
    )
    for value, expected in zip(values + state, keras_values + keras_state, strict=True):
        np.testing.assert_allclose(value, expected, rtol=2e-5, atol=2e-6)
