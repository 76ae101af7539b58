"""The speed comparison: its arithmetic, and the command on tiny sizes."""

import json

import cv2
import numpy as np
import pytest

import predict
import train
from tools import compare_speed
from tools.speed import networks as network_contests
from tools.speed import pipeline as speed_contests
from tools.speed import timing as speed_race
from utils.errors import RunError
from utils.metrics import confusion_matrix, image_scores

WITHOUT_NETWORKS = ["--rows", "scoring", "labels", "loading"]
TINY = ["--rounds", "1", "--size", "48", "--num_classes", "4", "--crop_height", "48", "--crop_width", "64"]


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    monkeypatch.setattr(speed_race, "LEAST_SECONDS", 0.0)


@pytest.fixture
def alone(monkeypatch):
    """As if no peer was installed."""
    for module in (speed_contests, network_contests):
        monkeypatch.setattr(module, "is_installed", lambda *packages: False)


def table_rows(output):
    """The cells of each line of the printed table."""
    lines = [line for line in output.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_race_is_the_median_of_seconds_per_unit(monkeypatch):
    """A clock that tells what each call took: the first two calls warm up."""
    now, calls = [0.0], []
    monkeypatch.setattr(speed_race.time, "perf_counter", lambda: now[0])

    def contestant(name, units, durations):
        durations = iter(durations)

        def work():
            calls.append(name)
            now[0] += next(durations)
            return units

        return work

    seconds = speed_race.race(
        {"a": contestant("a", 1, [99, 3, 1, 50]), "b": contestant("b", 4, [99, 8, 8, 4])}, rounds=3
    )
    assert seconds == {"a": 3.0, "b": 2.0}
    assert calls == ["a", "b"] * 4


def test_short_work_is_repeated(monkeypatch):
    monkeypatch.setattr(speed_race, "LEAST_SECONDS", 0.02)
    calls = []
    assert 0 < speed_race.seconds_per_unit(speed_race.once(calls.append, 1)) <= 0.02
    assert len(calls) > 1


def test_scoring_case_is_mostly_right():
    prediction, label = speed_contests.scoring_case(100, 32)
    assert prediction.shape == label.shape == (100, 100) and label.max() < 32
    assert 0.8 < image_scores(confusion_matrix(label, prediction, 32)).accuracy < 0.95


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (0.000874, "s", "0.87 ms"), (0.0123, "s", "12.3 ms"), (0.4567, "s", "457 ms"), (2.345, "s", "2.35 s"),
        (321, "s", "321 s"), (2222.4, "MiB", "2222 MiB"), (17.34, "CPU s", "17.3 CPU s"), (0.5, "CPU s", "0.50 CPU s"),
    ],
)  # fmt: skip
def test_readable(value, unit, text):
    assert compare_speed.readable(value, unit) == text


def test_everything_without_networks(streets, alone, tmp_path, capsys):
    results = tmp_path / "made" / "speed.json"
    assert compare_speed.main([*TINY, *WITHOUT_NETWORKS, "--dataset", str(streets), "--json", str(results)]) == 0
    output = capsys.readouterr().out
    rows = table_rows(output)
    assert [row[2].split(",")[0] for row in rows] == [
        "the suite's evaluate_segmentation", "torchmetrics", "the suite's one_hot_it and argmax", "the suite's loop",
        "albumentations with torch's DataLoader", "the same without --cache",
    ]  # fmt: skip
    assert rows[1][3:] == ["pip install torchmetrics torch", "-"] and "48x64" in rows[3][0]
    assert "cores" in output and "keras" in output
    written = json.loads(results.read_text())
    assert len(written["rows"]) == len(rows) and written["rounds"] == 1 and written["machine"]["cores"] > 0
    for row in written["rows"]:
        assert row["ours"] > 0 and (row["theirs"] or row["note"].startswith("pip install"))


def test_streets_are_drawn_without_a_dataset(alone, monkeypatch, capsys):
    def few(folder):
        return make_streets(folder, train=3, val=0, test=0, height=64, width=96)

    from tools.make_streets import make_streets

    monkeypatch.setattr(compare_speed, "make_dataset", few)
    assert compare_speed.main([*TINY, "--rows", "loading"]) == 0
    assert len(table_rows(capsys.readouterr().out)) == 3


def test_predict_in_one_run_and_in_many(streets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    verbs, runs = {"train.py": train.main, "predict.py": predict.main}, []

    def call(verb, *flags):
        runs.append([verb, *flags])
        assert verbs[verb](list(flags)) == 0

    monkeypatch.setattr(speed_contests, "call", call)
    monkeypatch.setitem(speed_contests.PREDICTOR, "model", "tiny")
    flags = ["--dataset", str(streets), "--rows", "predict", "--images", "4"]
    assert compare_speed.main(flags) == 0
    output = capsys.readouterr().out
    assert runs[0][0] == "train.py"
    assert [run[1].split("/")[-1] for run in runs[1:]] == ["0000.png", "0001.png", "0002.png", "pictures"]
    trained = next(flag for flag in runs[1] if "latest_model_tiny" in flag).removeprefix("--checkpoint_path=")
    assert "DeepLab" not in trained
    (row,) = table_rows(output)
    assert row[0] == "predict.py on 4 images of different sizes" and "3 measured, their median times 4" in row[2]
    assert output.count("Images: 1/1") == 3 and output.count("Images: 4/4") == 1


def test_a_network_trains_and_predicts_in_its_own_process(alone, monkeypatch, capsys):
    pair = network_contests.Pair(("custom", "MobileNetV3Small"), ("Unet", "mobilenet_v2"))
    monkeypatch.setattr(network_contests, "PAIRS", [pair])
    assert compare_speed.main([*TINY, "--rows", "networks", "--size", "64"]) == 0
    rows = table_rows(capsys.readouterr().out)
    assert [row[0].split(",")[0] for row in rows] == [
        "training at 64x64", "prediction at 64x64", "memory of training", "start to the end of the first step",
    ]  # fmt: skip
    assert all("custom on MobileNetV3Small" in row[0] and row[2].endswith("Unet on mobilenet_v2") for row in rows)
    assert all(row[3].startswith("pip install segmentation-models-pytorch") and row[4] == "-" for row in rows)
    assert [row[1].split(" ", 1)[1] for row in rows] == ["ms", "ms", "MiB", "CPU s"]


def test_networks_are_compared_by_operation():
    """The same seconds for twice the operations are twice as fast; memory and start are compared as they are."""
    ours = {"train": 6.0, "predict": 2.0, "memory": 100.0, "cold": 10.0, "gflops": 2.0}
    theirs = {"train": 6.0, "predict": 2.0, "memory": 150.0, "cold": 5.0, "gflops": 1.0}
    rows = network_contests.rows(["ours", "theirs"], [ours, theirs], 512)
    assert [(row.ours, row.theirs) for row in rows] == [(1.0, 2.0), (1.0, 2.0), (100.0, 150.0), (10.0, 5.0)]
    assert [line.rsplit("| ", 1)[1] for line in compare_speed.table(rows).splitlines()[2:]] == [
        "2x |", "2x |", "1.5x |", "0.5x |",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "row, yardstick",
    [
        ("remat", "without --remat"),
        ("normalization", "every layer normalizes all features, as the original"),
    ],
)
def test_training_is_compared_in_two_ways(row, yardstick, monkeypatch, capsys):
    started = []

    class Worker:
        def __init__(self, kind, settings):
            started.append((kind, settings))
            self.first = len(started) == 1

        def read(self):
            return 10.0

        def ask(self, line):
            numbers = {"train": [3.0, 3.0], "memory": 1000} if self.first else {"train": [2.0, 2.0], "memory": 1500}
            return numbers.get(line.split()[0], 1)

        def stop(self):
            started.append("stopped")

    monkeypatch.setattr(network_contests, "Worker", Worker)
    assert compare_speed.main([*TINY, "--rows", row]) == 0
    rows = table_rows(capsys.readouterr().out)
    assert [row[1:] for row in rows] == [
        ["3.00 s", yardstick, "2.00 s", "0.667x"], ["1000 MiB", yardstick, "1500 MiB", "1.5x"],
    ]  # fmt: skip
    (kind, ours), (other_kind, theirs) = started[:2]
    assert ours == ({**theirs, "remat": True} if row == "remat" else theirs)
    assert (kind, other_kind) == ("ours", "ours" if row == "remat" else "suite_densenet")
    assert started[2:] == ["stopped", "stopped"]


def test_the_original_densenet_takes_the_place_of_ours(monkeypatch):
    from models import FC_DenseNet_Tiramisu, build_model
    from tools.speed import worker as network_worker
    from utils.benchmark.complexity import without_weights

    monkeypatch.setattr(FC_DenseNet_Tiramisu, "build_fc_densenet", FC_DenseNet_Tiramisu.build_fc_densenet)  # put back
    monkeypatch.setattr(network_worker.Ours, "__init__", lambda self, settings: None)
    network_worker.SuiteDenseNet({})
    with without_weights():
        model = build_model("FC-DenseNet56", 4)
    assert not any(isinstance(layer, FC_DenseNet_Tiramisu.Shift) for layer in model.layers)


def test_a_network_that_fails_is_reported():
    worker = network_contests.Worker("ours", {"model": "custom"})
    try:
        with pytest.raises(RunError, match="KeyError: 'size'"):
            worker.read()
    finally:
        worker.stop()


def test_both_loaders_give_every_image_once(streets):
    from utils.data.folder import list_pairs, read_classes

    pairs = list_pairs(streets, "train")
    arguments = pairs, read_classes(streets), 48, 64
    assert speed_contests.our_loader(*arguments)() == 12  # ten, and the last batch filled up
    assert speed_contests.suite_loader(*arguments)() == speed_contests.SUITE_IMAGES
    assert speed_contests.suite_loader(pairs[:2], *arguments[1:])() == 2


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


def test_a_busy_machine_is_mentioned():
    machine = {"cpu": "A CPU", "cores": 2, "load_before": 3.21, "python": "3.11"}
    text = compare_speed.description(machine, 7)
    assert "A CPU, 2 cores; python 3.11." in text and "load 3.2" in text
    assert "load" not in compare_speed.description({**machine, "load_before": 0.1}, 7)
