"""File formats of exported networks: packages and precisions."""

import importlib.util

import pytest

from utils.cli.choices import CALIBRATED_FORMATS
from utils.errors import UsageError
from utils.export.converters import CONVERTERS
from utils.export.formats import BUNDLES, FORMATS, check_packages


def test_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "scipy" else "found")
    check_packages("onnx")
    check_packages("litert")
    with pytest.raises(UsageError, match="needs scipy: pip install openvino==.* scipy"):
        check_packages("openvino")


def test_openvino_in_8_bits_needs_the_packages_of_onnx_too(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else "found")
    check_packages("openvino")
    with pytest.raises(UsageError, match="^--format openvino --int8 needs tf2onnx: pip install tf2onnx==[^o]*onnx=="):
        check_packages("openvino", "int8")


def test_every_format_has_a_converter_or_a_module():
    assert set(FORMATS) == {*CONVERTERS, *BUNDLES, "keras"}
    assert set(CALIBRATED_FORMATS) <= set(CONVERTERS)
