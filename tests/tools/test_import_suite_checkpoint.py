"""The command import_suite_checkpoint.py, on checkpoints written as by the original suite."""

import importlib.util
import pathlib

import keras
import numpy as np
import pytest

from tools import import_suite_checkpoint as tool
from utils.checkpoints import load_for_inference
from utils.data.images import read_image

tf = pytest.importorskip("tensorflow")

from tests.tools.original_suite.suite_graphs import NUM_CLASSES, assert_close, imported, keras_logits

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("suite_test", REPOSITORY / "test.py")  # `test` is a package of Python's
test_command = importlib.util.module_from_spec(spec)
spec.loader.exec_module(test_command)


def write_checkpoint(path, variables):
    """Writes a checkpoint as the original train.py: with a Saver of all variables, and slots of RMSProp for a few."""
    v1 = tf.compat.v1
    slots = [(f"{name}/RMSProp{suffix}", value + 1) for name, value in variables[:5] for suffix in ("", "_1")]
    with tf.Graph().as_default(), v1.Session() as session:
        for name, value in variables + slots:
            v1.get_variable(name, initializer=value, use_resource=False)
        session.run(v1.global_variables_initializer())
        v1.train.Saver(max_to_keep=1000).save(session, str(path))


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A folder with `own.ckpt` and, its statistics never updated, `suite.ckpt`, of FC-DenseNet56."""
    folder, variables = tmp_path_factory.mktemp("suite"), imported("FC-DenseNet56")[-1]
    write_checkpoint(folder / "own.ckpt", variables)
    untouched = {"moving_mean": 0, "moving_variance": 1}
    values = [(name, np.full_like(value, untouched.get(name.split("/")[-1], value))) for name, value in variables]
    write_checkpoint(folder / "suite.ckpt", values)
    return folder


def run(checkpoints, streets, output, *flags, checkpoint="suite.ckpt"):
    return tool.main(
        [
            "--checkpoint",
            str(checkpoints / checkpoint),
            "--model",
            "FC-DenseNet56",
            "--dataset",
            str(streets),
            "--output",
            str(output),
            *flags,
        ]
    )


def test_own_statistics_are_kept(checkpoints, streets, tmp_path, capsys):
    assert run(checkpoints, streets, tmp_path / "new" / "m.keras", checkpoint="own.ckpt") == 0
    assert "statistics of the checkpoint are kept" in capsys.readouterr().out
    model, settings = load_for_inference(tmp_path / "new" / "m.keras")
    reference, images, expected, _ = imported("FC-DenseNet56")
    assert_close(keras_logits(model, images), expected, 2e-5)
    assert all(map(np.array_equal, model.get_weights(), reference.get_weights()))
    assert settings["model"] == "FC-DenseNet56" and settings["dataset_path"] == str(streets.resolve())


def test_statistics_are_estimated_and_the_result_can_be_tested(checkpoints, streets, tmp_path, capsys):
    assert run(checkpoints, streets, tmp_path / "m.keras", checkpoint="suite.ckpt.index") == 0
    assert "estimating" in capsys.readouterr().out
    model, settings = load_for_inference(tmp_path / "m.keras")
    reference, *_, variables = imported("FC-DenseNet56")
    assert all(map(np.array_equal, model.get_weights()[:2], reference.get_weights()[:2]))
    # The first batch norm's statistics, over all the training images rather than eight of them.
    first, values = next(one for one in model.layers if hasattr(one, "moving_mean")), dict(variables)
    images = np.stack([read_image(path) for path in sorted((streets / "train").iterdir())]) / np.float32(255)
    x = tf.nn.conv2d(images, values["FC-DenseNet56/first_conv/weights"], 1, "SAME")
    mean, variance = tf.nn.moments(x + values["FC-DenseNet56/first_conv/biases"], (0, 1, 2))
    assert np.abs(first.moving_mean - mean).max() < 0.2 * np.sqrt(variance).mean()
    np.testing.assert_allclose(first.moving_variance, variance, rtol=0.5)
    arguments = ["--checkpoint_path", str(tmp_path / "m.keras"), "--output_dir", str(tmp_path / "Test")]
    assert test_command.main(arguments) == 0
    assert (tmp_path / "Test" / "scores.json").exists()
    assert settings["num_classes"] == NUM_CLASSES


def test_without_statistics(checkpoints, streets, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tool, "prepare_model", lambda *_: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
    monkeypatch.delattr(tool, "estimate_statistics")
    assert run(checkpoints, streets, tmp_path / "m.keras", "--no_statistics") == 0
    assert "needs training" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"--model": "DeepLabV3_plus"}, ["DeepLabV3_plus", "frontend"]),
        ({"--model": "UNet"}, ["UNet"]),
        ({"--checkpoint": "nowhere.ckpt"}, ["nowhere.ckpt", "nowhere.ckpt.index"]),
        ({"--checkpoint": "text.ckpt"}, ["text.ckpt", "cannot be read"]),
        ({"--output": "m.h5"}, ["m.h5", ".keras"]),
        ({"--output": "taken.keras"}, ["taken.keras", "exists"]),
        ({"--dataset": "two"}, ["12", "two", "2"]),
        ({"--model": "Encoder-Decoder"}, ["Encoder-Decoder", "BatchNorm/beta"]),
    ],
)
def test_usage_errors_are_one_line(checkpoints, streets, tmp_path, monkeypatch, capsys, changes, words):
    monkeypatch.chdir(tmp_path)
    for name in ("text.ckpt.index", "taken.keras"):
        pathlib.Path(name).write_text("text")
    pathlib.Path("two").mkdir()
    pathlib.Path("two/class_dict.csv").write_text("name,r,g,b\na,0,0,0\nb,1,1,1\n")
    flags = {
        "--checkpoint": str(checkpoints / "suite.ckpt"),
        "--model": "FC-DenseNet56",
        "--dataset": str(streets),
        "--output": "m.keras",
        **changes,
    }
    with pytest.raises(SystemExit) as end:
        tool.main([text for flag in flags.items() for text in flag])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2
    assert all(word in error for word in words) and len(error.splitlines()) == 1, error
    assert not pathlib.Path("m.keras").exists()
