import zipfile

import numpy as np
import pytest

from models import build_model
from utils.checkpoints import load_for_inference, save_checkpoint
from utils.compact import LARGE, WEIGHTS_MEMBER, is_compact, load_compact, quantize, restore, save_compact
from utils.errors import UsageError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(3, 3, 64, 64), (256, 128)])
def test_large_kernels_have_a_byte_for_each_weight(shape):
    weight = RNG.normal(size=shape).astype(np.float32) * np.logspace(-3, 1, shape[-1], dtype=np.float32)
    stored = quantize(weight)
    assert stored["int8"].nbytes == weight.nbytes / 4 and stored["scale"].size == shape[-1]
    error = np.abs(restore(stored) - weight)
    assert (error <= stored["scale"] / 2 * 1.001).all() and restore(stored).dtype == np.float32


@pytest.mark.parametrize(
    "weight, kind",
    [
        (np.zeros((LARGE, 2), np.float32), "int8"),
        (np.ones(LARGE * 2, np.float32), "float16"),
        (np.full((3, 3), 0.1, np.float32), "float16"),
        (np.array([1e6], np.float32), "exact"),
        (np.array([1e6] * LARGE * 2, np.float32), "exact"),
        (np.array([7], np.int32), "exact"),
        (np.zeros(0, np.float32), "float16"),
    ],
)
def test_other_weights(weight, kind):
    stored = quantize(weight)
    assert kind in stored
    np.testing.assert_allclose(restore(stored), weight, rtol=1e-3)
    assert restore(stored).dtype == weight.dtype


@pytest.fixture(scope="module")
def network():
    return build_model("tiny", 3)


def test_a_compact_checkpoint_predicts_as_its_network(network, tmp_path):
    path, settings = tmp_path / "a.keras", {"model": "tiny", "note": "kept"}
    save_compact(path, network, settings)
    assert is_compact(path)
    model, loaded = load_for_inference(path)
    assert loaded == settings
    images = RNG.integers(0, 256, (1, 32, 48, 3)).astype(np.uint8)
    expected = np.asarray(network(images))
    np.testing.assert_allclose(np.asarray(model(images)), expected, atol=0.02 * np.abs(expected).max())
    for weight, original in zip(model.get_weights(), network.get_weights()):
        np.testing.assert_array_equal(weight, restore(quantize(original)))


def test_other_checkpoints_are_not_compact(network, tmp_path):
    save_checkpoint(tmp_path / "a.keras", network, {"model": "tiny"}, {})
    assert not is_compact(tmp_path / "a.keras")


@pytest.mark.parametrize("keep", ["nothing", "half"])
def test_damaged_weights_are_one_line(network, tmp_path, keep):
    path, damaged = tmp_path / "a.keras", tmp_path / "b.keras"
    save_compact(path, network, {"model": "tiny"})
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(damaged, "w") as copy:
        for name in archive.namelist():
            data = archive.read(name)
            copy.writestr(name, data[: len(data) // 2 if keep == "half" else 0] if name == WEIGHTS_MEMBER else data)
    with pytest.raises(UsageError, match="cannot be loaded"):
        load_for_inference(damaged)
    with pytest.raises((ValueError, KeyError, OSError, zipfile.BadZipFile, EOFError)):
        load_compact(damaged)
