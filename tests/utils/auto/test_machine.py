"""Fingerprint of a machine, and weights in the cache of Keras."""

import pytest

from utils.auto import machine
from utils.auto.machine import is_cached, measure_machine, obtainable_weights


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def test_fingerprint_of_this_machine(cache, monkeypatch):
    monkeypatch.setattr(machine, "can_download", lambda: False)
    monkeypatch.setattr("utils.training.precision.measure_gain", lambda: 1.5)
    found = measure_machine(["MobileNet"])
    assert found.cores >= 1 and found.memory > 2**28 and found.speed > 0.01 and found.pretrained == ()
    assert found.precision in ("float32", "bfloat16")
    assert found.training_memory == (found.gpu_memory if found.gpu_memory is not None else found.memory)
    assert f"{found.cores} cores" in found.describe()


@pytest.mark.parametrize(
    "frontend, file",
    [
        ("MobileNet", "mobilenet_1_0_224_tf_no_top.h5"),
        ("MobileNetV3Small", "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"),
        ("ResNet50", "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
    ],
)
def test_cached_weights_are_found_by_the_names_that_keras_gives(cache, frontend, file):
    """Names of `keras.applications`, of networks without a classifier."""
    assert not is_cached(frontend)
    (cache / file.replace("no_top", "").replace("notop", "")).write_bytes(b"")  # of the network with its classifier
    assert not is_cached(frontend)
    (cache / file).write_bytes(b"")
    assert is_cached(frontend)


def test_weights_are_cached_or_downloaded(cache, monkeypatch):
    (cache / "mobilenet_1_0_224_tf_no_top.h5").write_bytes(b"")
    monkeypatch.setattr(machine, "can_download", lambda: False)
    assert obtainable_weights(["MobileNet", "ResNet50", "InceptionV4"]) == ("MobileNet",)
    monkeypatch.setattr(machine, "can_download", lambda: True)
    assert obtainable_weights(["MobileNet", "ResNet50", "InceptionV4"]) == ("MobileNet", "ResNet50")


def test_weights_of_a_package_are_there_if_it_is_installed(cache, monkeypatch):
    frontends = ["EfficientNetLite0", "MobileNet"]
    for is_there, found in ((False, ()), (True, ("EfficientNetLite0",))):
        monkeypatch.setattr(machine, "can_download", lambda: False)
        monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: "spec" if is_there else None)
        assert obtainable_weights(frontends) == found
        monkeypatch.setattr(machine, "can_download", lambda: True)
        assert obtainable_weights(frontends) == (*found, "MobileNet")
