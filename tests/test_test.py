"""test.py as a user runs it, and its scores computed again from the files it writes."""

import contextlib
import importlib.util
import json
import pathlib

import cv2
import numpy as np
import pytest
from tiny_plots import blank_plots

import predict
import train

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("suite_test", REPOSITORY / "test.py")  # `test` is a package of Python's
verb = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verb)


@pytest.fixture(scope="module")
def run(streets, tmp_path_factory):
    """A folder with a network trained for one epoch, without the class Unlabelled."""
    folder = tmp_path_factory.mktemp("run")
    with blank_plots(), contextlib.chdir(folder):
        assert (
            train.main(
                [
                    "--model",
                    "tiny",
                    "--dataset",
                    str(streets),
                    "--num_epochs",
                    "1",
                    "--crop_height",
                    "64",
                    "--crop_width",
                    "64",
                    "--batch_size",
                    "2",
                    "--learning_rate",
                    "0.01",
                    "--num_val_images",
                    "1",
                    "--ignore_class",
                    "Unlabelled",
                ]
            )
            == 0
        )
    return folder


@pytest.fixture(scope="module")
def tested(run):
    """The folder that test.py wrote for the whole test split."""
    with contextlib.chdir(run):
        assert verb.main(["--model", "tiny", "--dataset", _dataset(run), "--output_dir", "Test"]) == 0
    return run / "Test"


def _dataset(run):
    return json.loads((run / "checkpoints/tiny_Streets/settings.json").read_text())["dataset_path"]


def colors(path):
    return cv2.imread(str(path))[..., ::-1].astype(int)


def test_files(tested, streets):
    names = sorted(path.stem for path in (streets / "test").iterdir())
    expected = {f"{name}_{kind}.png" for name in names for kind in ("pred", "gt")}
    assert {path.name for path in tested.iterdir()} == expected | {
        "scores.json",
        "test_scores.csv",
        "confusion.png",
        "samples.png",
    }
    lines = (tested / "test_scores.csv").read_text().splitlines()
    assert lines[0].startswith("test_name, test_accuracy, precision, recall, f1 score, mean iou, Sky")
    assert [line.split(",")[0] for line in lines[1:]] == names


def test_scores_equal_what_the_pictures_and_the_labels_say(tested, streets):
    """An independent computation: colors compared class by class, no code of the suite."""
    classes = [line.split(",") for line in (streets / "class_dict.csv").read_text().split()[1:]]
    counted = [(name, [int(v) for v in color]) for name, *color in classes if name != "Unlabelled"]
    hits, unions, truths = np.zeros(11), np.zeros(11), np.zeros(11)
    for image in (streets / "test").iterdir():
        truth = colors(streets / "test_labels" / f"{image.stem}_L.png")
        prediction = colors(tested / f"{image.stem}_pred.png")
        valid = (truth != 0).any(axis=-1)  # Unlabelled is black
        for i, (_, color) in enumerate(counted):
            t, p = (truth == color).all(-1) & valid, (prediction == color).all(-1) & valid
            hits[i] += (t & p).sum()
            unions[i] += (t | p).sum()
            truths[i] += t.sum()
    scores = json.loads((tested / "scores.json").read_text())
    iou = {name: hits[i] / unions[i] for i, (name, _) in enumerate(counted) if unions[i]}
    accuracy = {name: hits[i] / truths[i] for i, (name, _) in enumerate(counted) if truths[i]}
    assert {k: v for k, v in scores["class_iou"].items() if v is not None} == pytest.approx(iou)
    assert {k: v for k, v in scores["class_accuracy"].items() if v is not None} == pytest.approx(accuracy)
    assert scores["mean_iou"] == pytest.approx(np.mean(list(iou.values())))
    assert scores["global_accuracy"] == pytest.approx(hits.sum() / truths.sum())
    settings = scores["settings"]
    assert settings["split"] == "test" and settings["scales"] == [1.0] and settings["versions"]["keras"]
    assert settings["checkpoint_path"].endswith("latest_model_tiny_Streets.keras")
    assert scores["images"] == 5 and scores["images_per_second"] > 0


def test_results_of_another_checkpoint_are_kept(run, tmp_path, monkeypatch, capsys):
    """Test/<model>_<dataset>/ by default; the same test again replaces its files."""
    monkeypatch.chdir(tmp_path)
    checkpoint = run / "checkpoints/latest_model_tiny_Streets.keras"
    for changes in ([], ["--batch_size", "2"], ["--split", "val"]):
        assert verb.main(["--checkpoint_path", str(checkpoint), *changes]) == 0
        result = json.loads((tmp_path / "Test/tiny_Streets/scores.json").read_text())["settings"]
        assert result["checkpoint"]["epoch"] == 0 and result["checkpoint"]["weights"]
        assert result["output_dir"] == str(pathlib.Path("Test/tiny_Streets"))
        kept = list((tmp_path / "Test").glob("tiny_Streets_until_*"))
        assert len(kept) == (changes == ["--split", "val"]) and "Test/tiny_Streets\n" in capsys.readouterr().out
    assert (kept[0] / "test_scores.csv").exists() and not (tmp_path / "Test/tiny_Streets/test_scores.csv").exists()


def test_report_adds_a_page_and_scores_and_changes_none(run, tested, tmp_path, monkeypatch):
    monkeypatch.chdir(run)
    words = ["--model", "tiny", "--dataset", _dataset(run), "--report", "--output_dir", str(tmp_path)]
    assert verb.main(words) == 0
    plain, scores = (json.loads((folder / "scores.json").read_text()) for folder in (tested, tmp_path))
    for name in ("mean_iou", "class_iou", "mean_of_per_image_scores"):
        assert scores[name] == plain[name]
    assert {"border", "object_sizes", "calibration"} == set(scores) - set(plain)
    assert 0 <= scores["border"]["mean_iou"] <= 1 and 0 <= scores["calibration"]["ece"] <= 1
    assert sum(scores["object_sizes"]["all"]["count"]) > 5
    page = (tmp_path / "report.html").read_text()
    assert "python test.py --model tiny" in page and page.count("data:image/jpeg") == 5
    assert not (tested / "report.html").exists()


def test_crop_is_the_upper_left_corner(run, tmp_path, monkeypatch):
    monkeypatch.chdir(run)
    checkpoint = "checkpoints/latest_model_tiny_Streets.keras"
    arguments = ["--checkpoint_path", checkpoint, "--crop_height", "40", "--crop_width", "50", "--batch_size", "2"]
    assert verb.main([*arguments, "--output_dir", str(tmp_path)]) == 0
    truth = next(tmp_path.glob("*_gt.png"))
    label = colors(pathlib.Path(_dataset(run)) / "test_labels" / truth.name.replace("_gt", "_L"))
    np.testing.assert_array_equal(colors(truth), label[:40, :50])


def test_another_split_and_batch_size_give_equal_pictures(run, tmp_path, monkeypatch):
    monkeypatch.chdir(run)
    arguments = ["--model", "tiny", "--dataset", _dataset(run), "--split", "val"]
    for batch in ("1", "3"):
        assert verb.main([*arguments, "--batch_size", batch, "--output_dir", str(tmp_path / batch)]) == 0
    assert (tmp_path / "1" / "val_scores.csv").exists()
    for picture in (tmp_path / "1").glob("*_pred.png"):
        assert (colors(picture) == colors(tmp_path / "3" / picture.name)).mean() > 0.999


def test_predict_an_image_gives_what_test_gave(run, tested, streets, tmp_path, monkeypatch):
    monkeypatch.chdir(run)
    image = next((streets / "test").iterdir())
    monkeypatch.chdir(tmp_path)
    checkpoint = str(run / "checkpoints/latest_model_tiny_Streets.keras")
    assert predict.main(["--image", str(image), "--checkpoint_path", checkpoint]) == 0
    np.testing.assert_array_equal(
        colors(f"predictions/{image.stem}_pred.png"), colors(tested / f"{image.stem}_pred.png")
    )


def test_batch_statistics_are_those_of_training_mode_without_dropout(run, tested, streets, tmp_path, monkeypatch):
    from utils.checkpoints import load_for_inference

    monkeypatch.chdir(run)
    checkpoint = "checkpoints/latest_model_tiny_Streets.keras"
    output = tmp_path / "batch"
    assert verb.main(["--checkpoint_path", checkpoint, "--batch_statistics", "--output_dir", str(output)]) == 0
    assert json.loads((output / "scores.json").read_text())["settings"]["batch_statistics"] is True
    model, _ = load_for_inference(checkpoint)
    for layer in model.layers:
        layer.rate = 0.0  # of dropout
    rows = (streets / "class_dict.csv").read_text().split()[1:]
    palette = np.array([row.split(",")[1:] for row in rows if not row.startswith("Unlabelled")], int)
    for image in (streets / "test").iterdir():
        classes = np.argmax(model(colors(image)[None], training=True), axis=-1)[0]
        found = colors(output / f"{image.stem}_pred.png")
        assert (found == palette[classes]).mean() > 0.999
        assert (found != colors(tested / f"{image.stem}_pred.png")).any()


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], ["--checkpoint_path"]),
        (["--checkpoint_path", "nowhere.keras"], ["nowhere.keras"]),
        (["--checkpoint_path", "text.keras"], ["text.keras", "damaged"]),
        (["--checkpoint_path", "RUN", "--model", "custom"], ["tiny", "custom"]),
        (["--checkpoint_path", "RUN", "--crop_height", "10"], ["--crop_width"]),
        (["--checkpoint_path", "RUN", "--dataset", "Nowhere"], ["Nowhere"]),
    ],
)
def test_bad_use_is_one_line(run, tmp_path, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    pathlib.Path("text.keras").write_text("no archive")
    checkpoint = str(run / "checkpoints/latest_model_tiny_Streets.keras")
    with pytest.raises(SystemExit) as end:
        verb.main([checkpoint if argument == "RUN" else argument for argument in arguments])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2
    assert all(word in error for word in words) and len(error.splitlines()) == 1, error


def test_a_keras_model_of_someone_else_is_refused(tmp_path, capsys):
    import keras

    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(tmp_path / "other.keras")
    with pytest.raises(SystemExit) as end:
        verb.main(["--checkpoint_path", str(tmp_path / "other.keras")])
    assert end.value.code == 2 and "train.py did not write" in capsys.readouterr().err


def test_a_dataset_of_other_classes_is_refused(run, streets, tmp_path, capsys):
    import shutil

    data = shutil.copytree(streets, tmp_path / "data")
    table = data / "class_dict.csv"
    table.write_text(table.read_text().replace("Sky", "Heaven"))
    checkpoint = str(run / "checkpoints/latest_model_tiny_Streets.keras")
    with pytest.raises(SystemExit) as end:
        verb.main(["--checkpoint_path", checkpoint, "--dataset", str(data)])
    assert end.value.code == 2
    error = capsys.readouterr().err
    assert "only the checkpoint has Sky; only " in error and " has Heaven; give the --dataset of its training" in error


@pytest.mark.parametrize(
    "flags, culprit",
    [(["--report"], "--report"), (["--batch_statistics"], "--batch_statistics"), ([], "torchrun")],
)
def test_several_processes_are_refused_without_a_launcher(capsys, flags, culprit):
    with pytest.raises(SystemExit) as end:
        verb.main(["--distribute", "cluster", *flags])
    assert end.value.code == 2 and culprit in capsys.readouterr().err
