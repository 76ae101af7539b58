"""Measurement of a small network. The whole of it is in tests/test_benchmark.py."""

import keras
import pytest

from utils.benchmark.measure import (
    ROUND_SECONDS,
    count_gflops,
    device_memory,
    inference_speed,
    input_speed,
    matmul_peak,
    scoring_seconds,
    steps_of_round,
    training_speed,
    utilization,
)
from utils.training.step_time import random_batch

SETTINGS = {
    "model": "tiny",
    "frontend": None,
    "output_stride": None,
    "crop_height": 64,
    "crop_width": 96,
    "batch_size": 2,
    "num_classes": 12,
    "rounds": 2,
    "steps": 3,
    "jit_compile": False,
}


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Conv2D(12, 3, padding="same")(inputs))
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def test_steps_fill_a_round():
    assert steps_of_round(ROUND_SECONDS / 40) == 40
    assert steps_of_round(10 * ROUND_SECONDS) == 1
    assert steps_of_round(0.001, 7) == 7


def test_share_of_the_peak():
    result = {
        "gflops_per_image": 123.4,
        "training_images_per_second": 0.5,
        "inference_images_per_second": 2.0,
        "matmul_peak_gflops_per_second": 400.0,
    }
    expected = {"training_gflops_per_second": 3 * 123.4 * 0.5, "training_share_of_peak": 185.1 / 400}
    assert utilization(result, "training", 3) == pytest.approx(expected)
    assert set(utilization({**result, "gflops_per_image": None}, "inference", 1).values()) == {None}


def test_speeds_of_training_and_inference(model):
    batch = random_batch(SETTINGS)
    training = training_speed(model, batch, 2, 3)
    assert training["training_steps"] == 3 and training["training_images_per_second"] > 0
    inference = inference_speed(model, batch[0], SETTINGS)
    assert inference["inference_steps"] == 3 and inference["latency_ms_p95"] >= inference["latency_ms_median"] > 0


def test_input_pipeline(streets):
    speed = input_speed({**SETTINGS, "dataset": str(streets), "workers": 2})
    assert speed.keys() == {"workers", "input_images_per_second", "input_cached_images_per_second"}
    assert all(value > 0 for value in speed.values())


def test_the_machine(monkeypatch):
    monkeypatch.setattr("utils.benchmark.measure.MATRIX_SIZES", (64, 128))
    assert 1e6 < matmul_peak("float32") < 1e16
    assert 0 < scoring_seconds() < 1
    memory = device_memory()
    assert memory is None or memory > 0


def test_operations():
    assert count_gflops(SETTINGS) > 0
    assert count_gflops({**SETTINGS, "model": "PSPNet", "frontend": "InceptionV4", "crop_height": 8}) is None
