"""What is not finite is found and named, and no checkpoint is replaced by it."""

import numpy as np
import pytest
from tiny_checkpoint import SETTINGS, STATE, batch, compiled

from utils.checkpoints import save_checkpoint
from utils.errors import DivergedError
from utils.finite import check_finite, non_finite, state_variables
from utils.training.optimizers import build_optimizer


@pytest.fixture(scope="module")
def model():
    model = compiled(build_optimizer("adamw", 1e-3, ema=0.9))
    model.train_on_batch(*batch())
    return model


def test_a_sound_network_passes(model):
    check_finite(model)
    assert non_finite(state_variables(model)) == []
    assert len(state_variables(model)) > 3 * len(model.trainable_variables)  # two slots, the average and the weights


@pytest.mark.parametrize("kind", ["kernel", "moving_variance", "momentum", "velocity", "average"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_statistics_slots_and_averages_are_checked(model, kind, value, tmp_path):
    path = tmp_path / "a.keras"
    path.write_bytes(b"the last good checkpoint")
    variable = next(v for v in state_variables(model) if kind in v.path)
    before = np.array(variable)
    spoiled = before.copy()
    spoiled.flat[-1] = value
    variable.assign(spoiled)
    try:
        with pytest.raises(DivergedError) as error:
            save_checkpoint(path, model, SETTINGS, STATE)
    finally:
        variable.assign(before)
    assert str(error.value).startswith("1 of ") and str(error.value).endswith(variable.path)
    assert path.read_bytes() == b"the last good checkpoint" and list(tmp_path.iterdir()) == [path]
