"""Result tables, from example experiments."""

import json

import pytest

from tools.results import records, tables

CLASSES = (
    "Sky",
    "Building",
    "Pole",
    "Road",
    "Pavement",
    "Tree",
    "SignSymbol",
    "Fence",
    "Car",
    "Pedestrian",
    "Bicyclist",
)


def result(mean_iou, **more):
    scores = dict.fromkeys(CLASSES, mean_iou)
    return {
        "mean_iou": mean_iou,
        "global_accuracy": 0.9,
        "class_iou": scores,
        "class_accuracy": scores,
        "epochs": 3,
        "train_minutes": 12.4,
        **more,
    }


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "EXPERIMENTS", tmp_path)
    monkeypatch.setattr(records, "LATENCIES", tmp_path / "latency" / "none.json")

    def write(name, table, **more):
        train = {"model": "custom", "dataset": "CamVid"}
        records.write_experiment(name, {"about": name.upper(), "table": table, "train": train, "test": {}, **more})

    return write


def rows(text):
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]


def test_camvid_best_first_with_papers_below(write, tmp_path, monkeypatch):
    write("a", "camvid", result=result(0.5))
    write("b", "camvid", result=result(0.612), train="a", test={"scales": "1,2", "flip": True})
    write("c", "camvid")
    write("d", "streets", result=result(0.9))
    latencies = tmp_path / "latencies"
    once, views = "custom", "custom, 4 views at 1-2"
    latencies.write_text(
        json.dumps(
            {
                "milliseconds": {once: 12.3, views: 99},
                "parameters": {once: 31e6, views: 31e6},
            }
        )
    )
    monkeypatch.setattr(records, "LATENCIES", latencies)
    header, _, best, second, *papers = rows(tables.iou_table())
    assert header[1:12] == list(CLASSES) and len({len(row) for row in (header, best, second, *papers)}) == 1
    assert best[0] == "`custom`, 4 views at 1-2" and best[12:] == [
        "**61.2**",
        "90.0",
        "31.0 M",
        "99 ms",
        "12 min, 3 epochs: `b`",
    ]
    assert second[0] == "`custom`" and second[1] == "50.0" and second[15] == "12 ms"
    assert papers[-1][0] == "*FC-DenseNet103*" and papers[-1][12] == "66.9" and "Jégou" in papers[-1][-1]
    ours, suite = rows(tables.accuracy_table())[2:]
    assert ours[0] == "`custom`, 4 views at 1-2: `b`" and ours[1] == "61.2" and ours[-1] == "90.0"
    assert "original suite" in suite[0] and suite[3] == "38.3" and suite[-1] == "89.6"


def test_streets_fine_tuning_and_scores(write):
    history = {"loss": [1.5, 0.754], "val_mean_iou": [0.2, 0.255]}
    write("s", "streets", result=result(0.4))
    write("f2", "fine_tuning", result=result(0.4, history=history))
    write("f1", "fine_tuning", result=result(0.3, history=history))
    write("d1", "drives", result=result(0.3))
    write("d2", "drives", result=result(0.4))
    assert rows(tables.streets_table())[2] == ["`s`", *["40.0"] * 12, "90.0"]
    assert rows(tables.fine_tuning_table())[2:] == [
        ["F1", "1.50, 0.75", "20.0, 25.5", "`f1`"],
        ["F2", "1.50, 0.75", "20.0, 25.5", "`f2`"],
    ]
    assert [row[0] for row in rows(tables.scores_table("drives"))[2:]] == ["D2", "D1"]


def test_repetitions_by_other_seeds_give_mean_and_deviation(write):
    others = {"1": result(0.41), "2": result(0.39)}
    write("steady", "drives", result=result(0.4), repetitions=others)
    write("lucky", "drives", result=result(0.45), repetitions={"1": result(0.31)})
    steady, lucky = rows(tables.scores_table("drives"))[2:]
    assert steady == ["STEADY", "40.0 ± 1.0", "90.0 ± 0.0", "`steady`"] and lucky[1] == "38.0 ± 9.9"
    write("c", "camvid", result=result(0.4), repetitions=others)
    assert rows(tables.iou_table())[2][12] == "**40.0 ± 1.0**"
