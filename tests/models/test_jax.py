"""One training step of every network on JAX. Skipped where JAX is not installed: it is not required."""

import importlib.util
import json
import math
import os
import pathlib
import subprocess
import sys

import pytest

from models import MODELS

NAMES = [name for name in MODELS if MODELS[name].module != "tiny_model"]
PROGRAM = pathlib.Path(__file__).with_name("one_step.py")

pytestmark = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")


@pytest.fixture(scope="module")
def steps():
    """Losses of each network by name, from one process for all: a running process cannot change its backend."""
    # Compiling without optimization takes a tenth of the time, and a single step is run.
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"}
    done = subprocess.run([sys.executable, PROGRAM, *NAMES], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return {step["name"]: step for step in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", NAMES)
def test_one_step_on_jax(steps, name):
    losses, heads = steps[name]["losses"], MODELS[name].heads
    assert all(math.isfinite(value) for value in losses.values())
    assert {f"{head}_loss" for head in heads} <= set(losses)
    expected = losses.get("logits_loss", losses["loss"]) + sum(h.weight * losses[f"{n}_loss"] for n, h in heads.items())
    assert losses["loss"] == pytest.approx(expected, rel=1e-4)
    assert not steps[name]["unchanged"]
