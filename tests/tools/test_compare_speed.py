"""The command compare_speed.py on tiny sizes."""

import json

import cv2
import numpy as np
import pytest

import predict
import train
from tools import compare_speed, flag_words
from tools.speed import networks, pipeline, timing

WITHOUT_NETWORKS = ["--rows", "scoring", "labels", "loading"]
TINY = ["--rounds", "1", "--size", "48", "--num_classes", "4", "--crop_height", "48", "--crop_width", "64"]


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(timing, "LEAST_SECONDS", 0.0)


@pytest.fixture
def alone(monkeypatch):
    """Hides the other packages."""
    for module in (pipeline, networks):
        monkeypatch.setattr(module, "is_installed", lambda *packages: False)


def table_rows(output):
    """The cells of each line of the printed table."""
    lines = [line for line in output.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_everything_without_networks(streets, alone, tmp_path, capsys):
    results = tmp_path / "made" / "speed.json"
    assert compare_speed.main([*TINY, *WITHOUT_NETWORKS, "--dataset", str(streets), "--json", str(results)]) == 0
    output = capsys.readouterr().out
    rows = table_rows(output)
    assert [row[2].split(",")[0] for row in rows] == [
        "original suite", "torchmetrics", "original suite", "original suite",
        "albumentations with torch's DataLoader", "this suite without --cache",
    ]  # fmt: skip
    assert rows[1][3:] == ["pip install torchmetrics torch", "-"] and "48x64" in rows[3][0]
    assert "cores" in output and "keras" in output
    written = json.loads(results.read_text())
    assert len(written["rows"]) == len(rows) and written["rounds"] == 1 and written["machine"]["cores"] > 0
    for row in written["rows"]:
        assert row["value"] > 0 and (row["baseline_value"] or row["note"].startswith("pip install"))


def test_streets_are_drawn_without_a_dataset(alone, monkeypatch, capsys):
    def few(folder):
        return make_streets(folder, train=3, val=0, test=0, height=64, width=96)

    from tools.make_streets import make_streets

    monkeypatch.setattr(compare_speed, "make_dataset", few)
    assert compare_speed.main([*TINY, "--rows", "loading"]) == 0
    assert len(table_rows(capsys.readouterr().out)) == 3


@pytest.mark.usefixtures("blank_plots")
def test_predict_in_one_run_and_in_many(streets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    commands, runs = {"train.py": train.main, "predict.py": predict.main}, []

    def run_command(command, flags, quiet):
        runs.append((command, flags))
        assert quiet and commands[command](flag_words(flags)) == 0

    monkeypatch.setattr(pipeline, "run_command", run_command)
    monkeypatch.setitem(pipeline.PREDICTOR, "model", "tiny")
    flags = ["--dataset", str(streets), "--rows", "predict", "--images", "4"]
    assert compare_speed.main(flags) == 0
    output = capsys.readouterr().out
    assert runs[0][0] == "train.py"
    assert [flags["image"].name for _, flags in runs[1:]] == ["0000.png", "0001.png", "0002.png", "images"]
    assert runs[1][1]["checkpoint_path"].name.startswith("latest_model_tiny")
    (row,) = table_rows(output)
    assert row[0] == "predict.py on 4 images of different sizes" and "median of 3, times 4" in row[2]
    assert output.count("Images: 1/1") == 3 and output.count("Images: 4/4") == 1


def test_a_network_trains_and_predicts_in_its_own_process(alone, monkeypatch, capsys):
    pair = networks.NetworkPair(("custom", "MobileNetV3Small"), ("Unet", "mobilenet_v2"))
    monkeypatch.setattr(networks, "PAIRS", [pair])
    assert compare_speed.main([*TINY, "--rows", "networks", "--size", "64"]) == 0
    rows = table_rows(capsys.readouterr().out)
    assert [row[0].split(",")[0] for row in rows] == [
        "training at 64x64", "prediction at 64x64", "memory of training", "start to the end of the first step",
    ]  # fmt: skip
    assert all("custom on MobileNetV3Small" in row[0] and row[2].endswith("Unet on mobilenet_v2") for row in rows)
    assert all(row[3].startswith("pip install segmentation-models-pytorch") and row[4] == "-" for row in rows)
    units = [row[1].split(" ", 1)[1].replace("ms", "s") for row in rows]
    assert units == ["s", "s", "MiB", "CPU s"]


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--checkpoint_path", "nowhere.keras"], ["nowhere.keras"]),
        (["--dataset", "nowhere"], ["nowhere"]),
        (["--rows", "speed"], ["--rows", "speed"]),
        (["--rounds", "0"], ["--rounds", "0"]),
        (["--rows", "labels", "--num_classes", "255"], ["--num_classes 255", "254"]),
        (["--rows", "loading", "--dataset", "STREETS", "--crop_height", "65"], ["--crop_height 65", "64x96"]),
    ],
)
def test_mistakes(flags, words, streets, capsys):
    flags = [str(streets) if flag == "STREETS" else flag for flag in flags]
    with pytest.raises(SystemExit) as end:
        compare_speed.main(flags)
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and all(word in error for word in words) and len(error.splitlines()) == 1


def test_labels_that_the_suite_could_not_read(streets, tmp_path, capsys):
    for split in ("train", "train_labels"):
        (tmp_path / split).mkdir()
    (tmp_path / "class_dict.csv").write_text((streets / "class_dict.csv").read_text())
    cv2.imwrite(str(tmp_path / "train" / "a.png"), np.zeros((64, 96, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "train_labels" / "a.png"), np.zeros((64, 96), np.uint8))
    with pytest.raises(SystemExit) as end:
        compare_speed.main([*TINY, "--rows", "loading", "--dataset", str(tmp_path)])
    assert end.value.code == 2 and "one channel" in capsys.readouterr().err


def test_a_failing_program_is_reported(streets, tmp_path, capsys):
    broken = tmp_path / "broken.keras"
    broken.write_text("no checkpoint")
    with pytest.raises(SystemExit) as end:
        compare_speed.main(["--dataset", str(streets), "--rows", "predict", "--checkpoint_path", str(broken)])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 1 and "predict.py failed" in error and "broken.keras" in error
