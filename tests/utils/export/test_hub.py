"""The folder for a model hub: card, configuration, scores, and the network in it."""

import json
import os

import numpy as np
import pytest

import predict
import test as test_command
from models import build_model
from utils.checkpoints import save_checkpoint
from utils.class_dict import ClassDict
from utils.cli import train_parser
from utils.data.images import write_image
from utils.errors import UsageError
from utils.export import hub
from utils.export.reference_images import noise_image
from utils.export.write import BundleInputs, ExportOptions, write_export
from utils.files import write_json
from utils.inference import load_trained


@pytest.fixture(scope="module")
def run(streets, tmp_path_factory):
    """A folder with a checkpoint of a network with random weights, and the network."""
    folder = tmp_path_factory.mktemp("run")
    settings = {
        **vars(train_parser().parse_args([])),
        "model": "tiny",
        "frontend": "ResNet101",
        "dataset_path": str(streets),
        **ClassDict.from_csv(streets / "class_dict.csv").to_dict(),
    }
    model = build_model("tiny", len(settings["class_names"]))
    save_checkpoint(folder / "net.keras", model, settings, {})
    return folder, model, settings


def write(run, place, scores=None, **options):
    folder, model, settings = run
    inputs = BundleInputs(folder / "net.keras", [noise_image(0)], "images", None, scores, "python export.py --a 'b c'")
    hub.check(settings, inputs)
    write_export(place, "card", model, settings, ExportOptions("hub", **options), inputs=inputs)
    return place / "card", (place / "card" / "README.md").read_text(encoding="utf-8")


def metadata_of(card):
    """The metadata in YAML at the head of the card."""
    yaml = pytest.importorskip("yaml")
    _, head, text = card.split("---\n", 2)
    return yaml.safe_load(head), text


def test_folder_without_scores(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder, card = write(run, tmp_path)
    names = {"README.md", "model.keras", "config.json", "preprocessor_config.json", "class_dict.csv"}
    assert set(os.listdir(folder)) == names
    assert "Not measured" in card and "run test.py" in hub.hint(folder) and "python export.py --a 'b c'" in card
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    classes = run[2]["class_names"]
    assert config["id2label"] == {str(index): name for index, name in enumerate(classes)}
    assert config["model"] == "tiny" and config["frontend"] is None and config["parameters"] == run[1].count_params()
    for path in folder.glob("*.*"):
        assert str(run[0].parent).encode() not in path.read_bytes()  # no folder of this machine
    assert ClassDict.from_csv(folder / "class_dict.csv").class_names == classes
    assert json.loads((folder / "preprocessor_config.json").read_text())["size_multiple"] == 32


def test_metadata_without_scores(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    metadata, text = metadata_of(write(run, tmp_path)[1])
    assert metadata["library_name"] == "keras" and {"keras", "tiny", "streets"} <= set(metadata["tags"])
    assert (
        "model-index" not in metadata and "license" not in metadata and text.startswith("\n# tiny, trained on Streets")
    )


def test_the_folder_is_a_checkpoint(run, tmp_path, streets, monkeypatch):
    """predict.py and test.py take it; the scores of test.py are then found."""
    monkeypatch.chdir(tmp_path)
    folder, _ = write(run, tmp_path)
    image = noise_image(0)[:64, :96]
    backend, settings, classes = load_trained(folder)
    np.testing.assert_allclose(backend.logits(image[None]), run[1].predict_on_batch(image[None]), atol=1e-4)
    write_image("a.png", image)
    assert predict.main(["--checkpoint_path", str(folder), "--image", "a.png", "--output_dir", "out"]) == 0
    flags = ["--checkpoint_path", str(folder), "--dataset", str(streets)]
    assert test_command.main([*flags, "--output_dir", "scored"]) == 0
    assert json.loads((tmp_path / "scored/scores.json").read_text())["mean_iou"] >= 0


def test_scores_are_found_and_on_the_card(run, tmp_path, streets, monkeypatch):
    monkeypatch.chdir(tmp_path)
    flags = ["--checkpoint_path", str(run[0] / "net.keras"), "--dataset", str(streets), "--batch_size", "2"]
    assert test_command.main(flags) == 0  # to Test/
    folder, card = write(run, tmp_path)
    scores = json.loads(next(tmp_path.glob("Test/*/scores.json")).read_text())
    assert f"mean IoU {100 * scores['mean_iou']:.1f} %" in card and "5 images of the test split of Streets" in card
    assert "`python test.py --checkpoint_path card --dataset Streets --split test --batch_size 2`" in card
    assert json.loads((folder / "scores.json").read_text())["mean_iou"] == scores["mean_iou"]
    assert "run test.py" not in hub.hint(folder)
    os.utime(run[0] / "net.keras", (2e9, 2e9))  # trained further after the test
    (tmp_path / "later").mkdir()
    assert "Not measured" in write(run, tmp_path / "later")[1]
    (tmp_path / "given").mkdir()
    given = write(run, tmp_path / "given", str(next(tmp_path.glob("Test/*/scores.json"))))[1]
    assert "Not measured" not in given
    metadata, _ = metadata_of(given)
    (result,) = metadata["model-index"][0]["results"]
    assert result["dataset"] == {"name": "Streets", "type": "streets", "split": "test"}
    metrics = {metric["name"]: metric["value"] for metric in result["metrics"]}
    assert metrics["Mean IoU"] == pytest.approx(scores["mean_iou"], abs=1e-4)
    known = {f"IoU of {name}" for name, value in scores["class_iou"].items() if value is not None}
    assert known == {name for name in metrics if name.startswith("IoU of")}


def test_scores_of_something_else_are_refused(run, tmp_path):
    (tmp_path / "text.json").write_text("{}")
    with pytest.raises(UsageError, match="is not a scores.json of test.py"):
        write(run, tmp_path, str(tmp_path / "text.json"))
    settings = {"checkpoint_path": "net.keras", "output_dir": "Test"}
    write_json(tmp_path / "other.json", {"mean_iou": 0.5, "class_iou": {"Cat": 0.5}, "settings": settings})
    with pytest.raises(UsageError, match="other classes"):
        write(run, tmp_path, str(tmp_path / "other.json"))


def test_compact_network(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder, _ = write(run, tmp_path, precision="int8")
    backend = load_trained(folder)[0]
    assert backend.logits(noise_image(0)[None, :64, :64]).shape == (1, 64, 64, run[1].output.shape[-1])
