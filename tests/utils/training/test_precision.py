"""The automatic choice of the precision: by GPU, by processor, or measured; recorded as what was chosen."""

import json
import pathlib

import keras
import pytest

import train
from utils.training import precision
from utils.training.precision import choose_precision, measure_gain, small_network

AMD = {"avx2", "avx512f", "avx512_bf16"}


@pytest.mark.parametrize(
    "capability, flags, gain, name, words",
    [
        ((9, 0), set(), None, "bfloat16", "compute capability 9.0"),
        ((7, 5), AMD, None, "float32", "7.5 is below 8.0"),
        (None, {"avx2"}, None, "float32", "no bfloat16 arithmetic"),
        (None, {*AMD, "amx_bf16"}, None, "bfloat16", "has AMX"),
        (None, AMD, 1.62, "bfloat16", "1.6 times as fast as float32"),
        (None, AMD, 0.5, "float32", "bfloat16 is 0.5 times as fast"),
        (None, None, 1.3, "bfloat16", "1.3 times"),  # not Linux, or not x86: measured
    ],
)
def test_choice(monkeypatch, capability, flags, gain, name, words):
    monkeypatch.setattr(precision, "gpu_capability", lambda: capability)
    monkeypatch.setattr(precision, "processor_flags", lambda: flags)
    monkeypatch.setattr(precision, "measure_gain", lambda: gain or pytest.fail("measured without need"))
    found, reason = choose_precision()
    assert found == name and words in reason


def test_the_measurement_leaves_names_and_policy_alone(monkeypatch):
    monkeypatch.setattr(precision, "ROUNDS", 1)
    name = keras.layers.Conv2D(1, 1).name
    before = keras.config.dtype_policy().name
    assert 0.01 < measure_gain() < 100
    assert keras.config.dtype_policy().name == before
    number = int(name.rpartition("_")[2]) if "_" in name else 0
    assert keras.layers.Conv2D(1, 1).name == f"conv2d_{number + 1}"
    assert small_network().compute_dtype == "float32"


def test_what_was_chosen_is_recorded_and_resumed(streets, tmp_path, monkeypatch, blank_plots, capsys):
    """With the preset that has it by default; the checkpoint never says "auto"."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(precision, "choose_precision", lambda: ("bfloat16", "7 times as fast"))
    flags = ["--model", "tiny", "--crop_height", "32", "--crop_width", "32", "--dataset", str(streets)]
    more = ["--recipe", "strong", "--steps_per_epoch", "2", "--num_epochs"]
    try:
        assert train.main([*flags, *more, "1"]) == 0
        assert "Precision --> bfloat16 (auto: 7 times as fast)" in capsys.readouterr().out
        settings = json.loads(pathlib.Path("checkpoints/tiny_Streets/settings.json").read_text())
        assert settings["mixed_precision"] == "bfloat16"
        monkeypatch.setattr(precision, "choose_precision", lambda: pytest.fail("chosen again"))
        assert train.main([*flags, *more, "2", "--continue_training", "--mixed_precision", "auto"]) == 0
    finally:
        keras.mixed_precision.set_global_policy("float32")
