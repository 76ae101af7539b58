"""export.py as a user runs it, and the networks that come back."""

import contextlib
import os
import pathlib

import numpy as np
import pytest
from tiny_plots import blank_plots

import export
import train
from models import MODELS, build_model
from utils.backend import set_precision
from utils.class_dict import ClassDict
from utils.inference.exported_backend import load_exported
from utils.inference.loading import load_trained
from utils.settings import read_checkpoint

PACKAGES = {"onnx": ("tf2onnx", "onnxruntime"), "openvino": ("openvino", "scipy")}
SUFFIXES = {"savedmodel": "", "onnx": ".onnx", "litert": ".tflite", "openvino": ".xml"}
FORMATS = list(SUFFIXES)


def need(form):
    for package in PACKAGES.get(form, ()):
        pytest.importorskip(package)


@pytest.fixture(scope="module")
def checkpoint(streets, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with blank_plots(), contextlib.chdir(folder):
        arguments = ["--model", "tiny-heads", "--dataset", str(streets), "--num_epochs", "1", "--batch_size", "4"]
        crop = ["--crop_height", "64", "--crop_width", "64", "--num_val_images", "1"]
        assert train.main([*arguments, *crop, "--mixed_precision", "bfloat16"]) == 0
    set_precision("float32")  # train.py set it for this process
    return str(folder / "checkpoints/latest_model_tiny-heads_Streets.keras")


@pytest.fixture(scope="module")
def network(checkpoint):
    """The network of the checkpoint, in float32."""
    from utils.checkpoints import load_for_inference
    from utils.export.write import to_float32

    model, _ = load_for_inference(checkpoint)
    to_float32(model)
    return model


def images(batch, height, width):
    return np.random.default_rng(height).integers(0, 256, (batch, height, width, 3), np.uint8)


@pytest.mark.parametrize("form", FORMATS)
def test_any_size_and_batch(form, checkpoint, network, tmp_path, capsys):
    need(form)
    path = tmp_path / f"made{SUFFIXES[form]}"
    assert export.main(["--checkpoint_path", checkpoint, "--format", form, "--output_path", str(path)]) == 0
    if form == "savedmodel":  # replaces its own folder
        assert export.main(["--checkpoint_path", checkpoint, "--format", form, "--output_path", str(path)]) == 0
    assert "100.0000 %" in capsys.readouterr().out
    assert not list(tmp_path.glob(".*"))
    loaded, settings = load_exported(path)
    assert (loaded.size, loaded.output) == (None, "logits")
    assert settings["model"] == "tiny-heads" and ClassDict.from_dict(settings).num_classes == 12
    for batch in (images(1, 64, 96), images(3, 50, 41)):
        logits = loaded.logits(batch)
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, network.predict_on_batch(batch), atol=1e-4)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("output", ["classes", "colours"])
def test_classes_and_colors_of_a_fixed_size(form, output, checkpoint, network, tmp_path):
    need(form)
    path = tmp_path / f"made{SUFFIXES[form]}"
    arguments = ["--checkpoint_path", checkpoint, "--format", form, "--output_path", str(path), "--output", output]
    assert export.main([*arguments, "--crop_height", "50", "--crop_width", "70"]) == 0
    loaded, settings = load_exported(path)
    assert (loaded.size, loaded.output) == ((50, 70), output)
    batch = images(2, 50, 70)
    result, classes = loaded.run(batch), network.predict_on_batch(batch).argmax(axis=-1)
    assert (loaded.classes(batch) == classes).mean() > 0.999
    if output == "colours":
        classes = ClassDict.from_dict(settings).decode(classes)
    assert result.dtype == np.uint8 and result.shape == classes.shape
    assert (result == classes).mean() > 0.999


@pytest.mark.parametrize("form, words", [("serving", "tensorflow_model_server"), ("hub", "Choose a license")])
def test_folders_of_several_files(form, words, checkpoint, network, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # the second replaces the first
        assert export.main(["--checkpoint_path", checkpoint, "--format", form, "--output_path", "made"]) == 0
    output = capsys.readouterr().out
    assert "100.0000 %" in output and words in output and os.listdir() == ["made"]
    backend, settings, _ = load_trained("made")
    assert settings["model"] == "tiny-heads"
    np.testing.assert_allclose(
        backend.logits(images(2, 64, 96)), network.predict_on_batch(images(2, 64, 96)), atol=1e-4
    )
    (tmp_path / "other").mkdir()
    with pytest.raises(SystemExit) as end:
        export.main(["--checkpoint_path", checkpoint, "--format", form, "--output_path", "other"])
    assert end.value.code == 2 and "something else" in capsys.readouterr().err


def test_compact_keras_file_is_small_and_has_no_folders(checkpoint, tmp_path):
    path = tmp_path / "small.keras"
    flags = ["--checkpoint_path", checkpoint, "--format", "keras", "--int8", "--output_path", str(path)]
    assert export.main(flags) == 0
    settings, _ = read_checkpoint(path)
    assert settings["dataset_path"] == "Streets" and "/" not in settings["dataset"]
    assert path.stat().st_size < os.path.getsize(checkpoint) / 2


def test_keras_file_is_a_checkpoint_without_heads_and_optimizer(checkpoint, tmp_path):
    from utils.checkpoints import load_for_inference

    path = tmp_path / "made.keras"
    assert export.main(["--checkpoint_path", checkpoint, "--format", "keras", "--output_path", str(path)]) == 0
    model, settings = load_for_inference(path)
    assert settings["model"] == "tiny-heads" and model.output.shape[-1] == 12
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert path.stat().st_size < pathlib.Path(checkpoint).stat().st_size


@pytest.mark.parametrize("flag, note", [("--float16", "any"), ("--int8", "8 images")])
def test_smaller_litert(flag, note, checkpoint, tmp_path, monkeypatch, capsys):
    from utils.export import parity

    monkeypatch.setitem(parity.MIN_AGREEMENT, "int8", 80.0)  # a network of one epoch has many near ties
    path = tmp_path / "made.tflite"
    arguments = ["--checkpoint_path", checkpoint, "--format", "litert", "--output_path", str(path), flag]
    assert export.main([*arguments, "--calibration_images", "8"]) == 0
    assert note in capsys.readouterr().out
    loaded, _ = load_exported(path)
    assert loaded.size == ((64, 64) if flag == "--int8" else None)
    assert loaded.logits(images(2, 64, 64)).shape == (2, 64, 64, 12)


def test_onnx_in_8_bits_takes_any_size(checkpoint, tmp_path, monkeypatch, capsys):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("tf2onnx")
    from utils.export import parity

    monkeypatch.setitem(parity.MIN_AGREEMENT, "int8", 80.0)  # a network of one epoch has many near ties
    path, whole = tmp_path / "made.onnx", tmp_path / "whole.onnx"
    arguments = ["--checkpoint_path", checkpoint, "--format", "onnx", "--output_path"]
    assert export.main([*arguments, str(path), "--int8", "--calibration_images", "8"]) == 0
    assert "Calibration --> 8 images" in capsys.readouterr().out
    assert export.main([*arguments, str(whole)]) == 0
    types = {weight.data_type for weight in onnx.load(path).graph.initializer if len(weight.dims) == 4}
    assert types == {onnx.TensorProto.INT8, onnx.TensorProto.FLOAT}
    check_8_bits(path, whole)


def test_openvino_in_8_bits_takes_any_size(checkpoint, tmp_path, monkeypatch, capsys):
    for package in ("openvino", "scipy", "tf2onnx", "onnx", "onnxruntime"):
        pytest.importorskip(package)
    from utils.export import parity

    monkeypatch.setitem(parity.MIN_AGREEMENT, "int8", 80.0)
    path, whole = tmp_path / "made.xml", tmp_path / "whole.xml"
    arguments = ["--checkpoint_path", checkpoint, "--format", "openvino", "--output_path"]
    assert export.main([*arguments, str(path), "--int8", "--calibration_images", "8"]) == 0
    assert "Calibration --> 8 images" in capsys.readouterr().out
    assert export.main([*arguments, str(whole)]) == 0
    assert path.with_suffix(".bin").stat().st_size < 0.6 * whole.with_suffix(".bin").stat().st_size
    check_8_bits(path, whole)


def check_8_bits(path, whole):
    """Compares a file of 8 bits with one of float32."""
    (loaded, settings), (reference, expected) = load_exported(path), load_exported(whole)
    assert loaded.size is None and settings == expected
    for height, width in ((64, 64), (96, 128)):
        batch = images(2, height, width)
        logits = reference.logits(batch)
        assert 0 < np.abs(loaded.logits(batch) - logits).mean() < 0.3 * logits.std()  # calibrated for other images


def test_default_names_and_a_network_with_a_frontend(streets, tmp_path, monkeypatch, capsys):
    """The checkpoint's dataset is gone: noise will do, and is called so."""
    import keras

    from utils.checkpoints import save_checkpoint
    from utils.cli import train_parser

    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    model = spread_out(build_model("tiny-frontend", 12, "MobileNetV3Small"))
    settings = {
        **vars(train_parser().parse_args([])),
        "model": "tiny-frontend",
        "frontend": "MobileNetV3Small",
        "dataset_path": "/gone/Nowhere",
        **ClassDict.from_csv(streets / "class_dict.csv").to_dict(),
    }
    save_checkpoint("net.keras", model, settings, {})
    for form in ("savedmodel", "litert"):
        assert export.main(["--checkpoint_path", "net.keras", "--format", form]) == 0
        assert "noise" in capsys.readouterr().out
    assert sorted(os.listdir()) == ["net", "net.keras", "net.tflite"]


def spread_out(model):
    """Gives every batch norm the statistics of images, so that random weights give logits that differ.

    The square of the mean is added to the variance: with random weights deep features hardly vary, and dividing by that
    little would make rounding errors of the input a hundred thousand times as large, in Keras as in any file.
    """
    import keras

    from utils.export.reference_images import noise_image

    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    model(np.stack([noise_image(seed, 128, 160) for seed in range(4)]), training=True)
    for layer, momentum in zip(norms, momenta):
        layer.momentum = momentum
        layer.moving_variance.assign(layer.moving_variance + layer.moving_mean**2)
    return model


def test_disagreement_leaves_nothing_under_the_name(checkpoint, tmp_path, monkeypatch, capsys):
    from utils.inference import exported_backend

    open_litert = exported_backend.open_litert

    def open_negated(path):
        note, run, shape = open_litert(path)
        return note, lambda images: -run(images), shape

    monkeypatch.setitem(exported_backend.RUNTIMES, ".tflite", open_negated)
    path = tmp_path / "made.tflite"
    path.write_text("earlier")
    with pytest.raises(SystemExit) as end:
        export.main(["--checkpoint_path", checkpoint, "--format", "litert", "--output_path", str(path)])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 1 and len(error.splitlines()) == 1 and "made_rejected.tflite" in error
    assert path.read_text() == "earlier"
    assert sorted(os.listdir(tmp_path)) == ["made.tflite", "made_rejected.tflite"]


@pytest.mark.parametrize("form", ["onnx", "openvino"])
def test_missing_packages(form, checkpoint, monkeypatch, capsys):
    from utils.export import write

    monkeypatch.setattr(write.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as end:
        export.main(["--checkpoint_path", checkpoint, "--format", form])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and "pip install" in error and len(error.splitlines()) == 1


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--format", "web", "--int8"], "onnx, litert"),
        (["--format", "litert", "--int8", "--float16"], "exclude"),
        (["--format", "litert", "--crop_height", "64"], "set together"),
        (["--format", "litert", "--crop_height", "8", "--crop_width", "0"], "at least 1"),
        (["--format", "litert", "--output_path", "x.onnx"], ".tflite"),
        (["--format", "keras", "--output", "classes"], "logits"),
        (["--format", "hub", "--scores", "nowhere.json"], "nowhere.json"),
        (["--format", "savedmodel", "--output_path", "."], "something else"),
        (["--format", "litert", "--dataset", "nowhere"], "nowhere"),
        (["--format", "tflite"], "litert"),
    ],
)
def test_bad_flags(flags, words, checkpoint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        export.main(["--checkpoint_path", checkpoint, *flags])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and words in error and len(error.splitlines()) == 1
    assert not os.listdir()


def test_a_page_without_its_runtime(checkpoint, tmp_path, monkeypatch, capsys):
    need("onnx")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        export.main(["--checkpoint_path", checkpoint, "--format", "web", "--ort_web", "nowhere.tgz"])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and "nowhere.tgz" in error and len(error.splitlines()) == 1 and not os.listdir()


@pytest.mark.sweep
@pytest.mark.parametrize("name", [name for name in MODELS if not name.startswith("tiny")])
def test_every_network_in_every_format(name, tmp_path):
    """Any size, also one that 32 does not divide. A line per format: `pytest -m sweep -s -k every_format`."""
    import keras

    from utils.export.parity import compare
    from utils.export.reference_images import noise_image
    from utils.export.write import ExportOptions, write_export
    from utils.inference.keras_backend import KerasBackend

    keras.utils.set_random_seed(1)
    model = spread_out(build_model(name, 12, "MobileNetV2"))
    settings = {"model": name, **ClassDict(map(str, range(12)), [(index, 0, 0) for index in range(12)]).to_dict()}
    for form, suffix in SUFFIXES.items():
        need(form)
        write_export(tmp_path, f"made{suffix}", model, settings, ExportOptions(form))
        loaded, _ = load_exported(tmp_path / f"made{suffix}")
        noise = [noise_image(seed, 128, 160) for seed in range(2)]
        result = compare(KerasBackend(model), loaded, noise, [(96, 128), (160, 96), (75, 101)])
        print(f"\n{name:22} {form:10} {result.difference:8.1e} of {result.scale:6.2f}  {result.agreement:8.4f} %")
        assert result.agreement >= 99.9
