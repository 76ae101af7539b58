"""The parity check, on backends whose deviation is known."""

import numpy as np
import pytest

from utils.errors import RunError
from utils.export.parity import MAX_SIDE, MIN_SIDE, Comparison, compare, reject, sizes_to_check
from utils.export.write import ExportOptions

IMAGES = [np.random.default_rng(seed).integers(0, 256, (64, 96, 3), np.uint8) for seed in range(2)]


class Pointwise:
    """A backend whose logits are the colors, shifted; notes the sizes of its images."""

    size, compiles_each_shape = None, False

    def __init__(self, shift=(0, 0, 0)):
        self.shift, self.sizes = np.float32(shift), []

    def logits(self, images):
        self.sizes.append(images.shape[1:3])
        return images / np.float32(255) + self.shift

    def classes(self, images):
        return self.logits(images).argmax(-1).astype(np.uint8)


@pytest.mark.parametrize("output", ["logits", "classes", "colours"])
def test_equal_backends_agree(output):
    exported = Pointwise()
    result = compare(Pointwise(), exported, IMAGES, [(64, 96), (32, 32)], output)
    assert result.agreement == 100.0 and 0.9 < result.scale <= 1.0 and result.sizes == [(64, 96), (32, 32)]
    assert result.difference == (0.0 if output == "logits" else None)
    assert exported.sizes == [(64, 96)] * 2 + [(32, 32)] * 2


def test_deviations_are_measured():
    result = compare(Pointwise(), Pointwise((0.5, 0, 0)), IMAGES, [(64, 96)])
    assert result.difference == pytest.approx(0.5) and 20 < result.agreement < 80
    assert compare(Pointwise(), Pointwise((np.nan, 0, 0)), IMAGES, [(64, 96)]).agreement == 0.0
    classes = compare(Pointwise(), Pointwise((0.5, 0, 0)), IMAGES, [(64, 96)], "classes")
    assert classes.agreement == pytest.approx(result.agreement)


def test_text():
    assert str(Comparison(99.98765, 1e-6, 12.345, [(32, 32)])).splitlines() == [
        "  greatest difference of a logit 1e-06 (logits up to 12.3)",
        "  pixels of the same class       99.9877 %",
    ]
    assert len(str(Comparison(50.0, None, 1.0, [])).splitlines()) == 1


@pytest.mark.parametrize("height, width", [(5, 5), (96, 96), (97, 130), (360, 480), (3000, 4000), (20, 5000)])
def test_sizes(height, width):
    sizes = sizes_to_check(None, [np.zeros((height, width, 3), np.uint8)])
    assert len(set(sizes)) == 2
    for side in np.ravel(sizes):
        assert side % 32 == 0 and MIN_SIDE <= side <= MAX_SIDE + 32
    assert sizes_to_check((50, 70), []) == [(50, 70)]


def test_a_rejected_file_is_kept_under_another_name(tmp_path):
    folder, path = tmp_path / ".new", tmp_path / "net.tflite"
    folder.mkdir()
    (folder / "net.tflite").write_text("")
    reject(99.0, folder, path, ExportOptions("litert", precision="float16"))
    assert not list(tmp_path.glob("*.tflite"))
    with pytest.raises(RunError, match=r"99\.00 % of the pixels, and float32 must in 99\.9 %.*net_rejected\.tflite"):
        reject(99.0, folder, path, ExportOptions("litert"))
    assert [path.name for path in tmp_path.glob("*.tflite")] == ["net_rejected.tflite"]
