"""Paths, packages, precision and atomic folders of exports."""

import pathlib

import keras
import pytest

from utils.class_dict import ClassDict
from utils.errors import RunError, UsageError
from utils.export import converters
from utils.export.write import ExportOptions, atomic_folder, output_path, to_float32, write_export

CHECKPOINT = pathlib.Path("runs/latest.keras")
SETTINGS = ClassDict(["Sky", "Road"], [(0, 0, 255), (255, 0, 0)]).to_dict()


@pytest.mark.parametrize(
    "options, name",
    [
        (ExportOptions("savedmodel"), "latest"),
        (ExportOptions("onnx"), "latest.onnx"),
        (ExportOptions("openvino"), "latest.xml"),
        (ExportOptions("litert", precision="int8"), "latest_int8.tflite"),
        (ExportOptions("keras"), "latest_inference.keras"),
    ],
)
def test_default_path_is_beside_the_checkpoint(options, name):
    assert output_path(None, CHECKPOINT, options) == CHECKPOINT.with_name(name)


def test_paths_that_must_not_be_replaced(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("folder.onnx").mkdir()
    pathlib.Path("saved").mkdir()
    pathlib.Path("saved/saved_model.pb").write_text("")
    assert output_path("saved", CHECKPOINT, ExportOptions("savedmodel")) == pathlib.Path("saved")
    for path, format_name, word in [
        ("a.tflite", "onnx", "end in .onnx"),
        ("runs/latest.keras", "keras", "checkpoint itself"),
        ("folder.onnx", "onnx", "must not replace"),
        ("folder.onnx", "savedmodel", "must not replace"),
    ]:
        with pytest.raises(UsageError, match=word):
            output_path(path, CHECKPOINT, ExportOptions(format_name))


def test_all_layers_compute_in_float32():
    """Also inner layers, which only a private method of Keras lists."""
    inner = keras.layers.Dense(2, dtype="mixed_bfloat16")
    inputs = keras.Input((4,))
    wrapped = keras.layers.TimeDistributed(inner, dtype="mixed_bfloat16")(inputs[:, None])
    model = keras.Model(inputs, keras.layers.Dense(3, dtype="mixed_float16")(wrapped))
    assert inner.compute_dtype == "bfloat16"
    to_float32(model)
    assert inner.compute_dtype == "float32" and {layer.compute_dtype for layer in model.layers} == {"float32"}


def test_a_file_and_its_companion_move_together(tmp_path):
    (tmp_path / "net.xml").write_text("earlier")
    with atomic_folder(tmp_path / "net.xml") as folder:
        (folder / "net.xml").write_text("new")
        (folder / "net.bin").write_text("weights")
        assert (tmp_path / "net.xml").read_text() == "earlier"
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"net.xml": "new", "net.bin": "weights"}


def test_a_folder_replaces_an_earlier_one(tmp_path):
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "old.pb").write_text("")
    with atomic_folder(tmp_path / "net") as folder:
        (folder / "net").mkdir()
        (folder / "net" / "new.pb").write_text("")
    assert [path.name for path in tmp_path.rglob("*")] == ["net", "new.pb"]


@pytest.mark.parametrize("error, raised", [(ValueError, ValueError), (OSError, RunError), (KeyboardInterrupt,) * 2])
def test_an_error_leaves_the_earlier_file(tmp_path, error, raised):
    (tmp_path / "net.onnx").write_text("earlier")
    with pytest.raises(raised), atomic_folder(tmp_path / "net.onnx") as folder:
        (folder / "net.onnx").write_text("half")
        raise error
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"net.onnx": "earlier"}


def test_a_converter_s_error_is_one_line(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ValueError("no such operation\nand a long story")

    monkeypatch.setitem(converters.CONVERTERS, "litert", fail)
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, keras.layers.Rescaling(1.0)(inputs), name="tiny")
    with pytest.raises(RunError, match=r"^tiny cannot .* litert \(no such operation\); a fixed size may help"):
        write_export(tmp_path, "a.tflite", model, SETTINGS, ExportOptions("litert"))
    with pytest.raises(RunError, match=r"operation\)$"):
        write_export(tmp_path, "a.tflite", model, SETTINGS, ExportOptions("litert", (32, 32)))
