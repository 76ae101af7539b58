"""Combinations of flags that are rejected, in one line that says what would be right."""

import argparse
import sys

import pytest

from utils.cli.checks import (
    check_benchmark,
    check_fine_tuning,
    check_label_smoothing,
    check_network,
    check_scale_range,
    check_tensorboard,
    crop_size,
    export_precision,
    tile_size,
)
from utils.errors import UsageError


def export_flags(**flags):
    defaults = {
        "format": "onnx",
        "output": "logits",
        "float16": False,
        "int8": False,
        "crop_height": None,
        "crop_width": None,
        "ort_web": None,
        "scores": None,
    }
    return argparse.Namespace(**defaults | flags)


def benchmark_flags(**flags):
    return argparse.Namespace(**{"all": False, "output_dir": None, "num_classes": 12} | flags)


def fine_tuning_flags(**flags):
    defaults = {"frontend": "ResNet101", "freeze_frontend": 0, "frontend_learning_rate": 1.0, "init_from": None}
    return defaults | flags


def test_valid_combinations_pass():
    assert crop_size(None, None) is None and crop_size(64, 96) == (64, 96)
    assert tile_size(None, 100) is None and tile_size(256, 128) == 256
    check_scale_range(None)
    check_scale_range([0.5, 2.0])
    check_label_smoothing(0.0, "dice")
    check_label_smoothing(0.1, "cross_entropy")
    check_network("DeepLabV3", "ResNet50", 8, 64, 64)
    check_network("FRRN-A", "NASNetLarge", None, 1, 1)  # it has no frontend
    check_fine_tuning(fine_tuning_flags(model="PSPNet", freeze_frontend=2, frontend_learning_rate=0.1))
    check_benchmark(benchmark_flags(all=True, output_dir="speed"), {"output_dir"})
    assert export_precision(export_flags()) == "float32"
    assert export_precision(export_flags(format="litert", int8=True)) == "int8"
    assert export_precision(export_flags(format="keras", int8=True)) == "int8"
    assert export_precision(export_flags(format="openvino", int8=True)) == "int8"
    assert export_precision(export_flags(format="web", float16=True, ort_web="a.tgz")) == "float16"


@pytest.mark.parametrize(
    "check, arguments, message",
    [
        (crop_size, (64, None), "set together"),
        (tile_size, (100, 32), "multiples of 32 pixels"),
        (tile_size, (256, 160), "--overlap 160 must be at most half of --tile 256"),
        (check_scale_range, ([2.0, 0.5],), "--scale_range 2 0.5: the lower factor comes first"),
        (check_scale_range, ([0.01, 1.0],), "from 0.1 to 10"),
        (check_label_smoothing, (0.1, "dice"), "--label_smoothing 0.1: .*cross_entropy"),
        (check_network, ("FRRN-A", "ResNet50", 8, 64, 64), "--output_stride 8: FRRN-A has no"),
        (check_network, ("PSPNet", "VGG16", None, 16, 64), "a crop of 16x64 is too small for VGG16; .*at least 32"),
        (
            check_fine_tuning,
            (fine_tuning_flags(model="FRRN-A", freeze_frontend=1),),
            "--freeze_frontend needs a network with a frontend, and FRRN-A has none; choose from ",
        ),
        (check_fine_tuning, (fine_tuning_flags(model="PSPNet", init_from="no.keras"),), "no checkpoint no.keras"),
        (check_benchmark, (benchmark_flags(all=True), {"model"}), "leave out --model"),
        (check_benchmark, (benchmark_flags(output_dir="speed"), set()), "give --json FILE"),
        (check_benchmark, (benchmark_flags(num_classes=255), set()), "at most 254 classes"),
        (export_precision, (export_flags(format="litert", float16=True, int8=True),), "exclude each other"),
        (
            export_precision,
            (export_flags(format="keras", float16=True),),
            "--float16 is for --format onnx, litert, web only",
        ),
        (
            export_precision,
            (export_flags(format="savedmodel", int8=True),),
            "--int8 is for --format onnx, litert, openvino, keras, hub only",
        ),
        (export_precision, (export_flags(ort_web="a.tgz"),), "--ort_web is for --format web only"),
        (export_precision, (export_flags(format="web", scores="s.json"),), "--scores is for --format hub only"),
        (export_precision, (export_flags(format="hub", output="classes"),), "--format hub keeps logits"),
        (export_precision, (export_flags(format="web", output="classes"),), "--format web .* leave out --output"),
        (export_precision, (export_flags(format="keras", crop_height=64),), "leave out --output"),
    ],
)
def test_invalid_combinations_are_refused(check, arguments, message):
    with pytest.raises(UsageError, match=message):
        check(*arguments)


def test_initial_weights_must_be_of_the_same_network(monkeypatch):
    source = {"model": "PSPNet", "frontend": "ResNet50"}
    monkeypatch.setattr("utils.cli.checks.read_checkpoint", lambda path: (source, None))
    check_fine_tuning(fine_tuning_flags(model="PSPNet", frontend="ResNet50", init_from="a.keras"))
    with pytest.raises(UsageError, match="--init_from a.keras is a PSPNet, not a DFN; give --model PSPNet"):
        check_fine_tuning(fine_tuning_flags(model="DFN", frontend="ResNet50", init_from="a.keras"))
    with pytest.raises(UsageError, match="has the frontend ResNet50, not ResNet101; give --frontend ResNet50"):
        check_fine_tuning(fine_tuning_flags(model="PSPNet", init_from="a.keras"))


def test_tensorboard_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.record_writer", None)
    check_tensorboard(False)
    with pytest.raises(UsageError, match="pip install tensorboard"):
        check_tensorboard(True)
