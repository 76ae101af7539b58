"""Tables of runs: flags that differ, groups, formats."""

import csv
import io

import pytest

from tools.results.run_tables import (
    differing_flags,
    group_runs,
    groups_rows,
    groups_table,
    markdown_table,
    run_names,
    runs_rows,
    runs_table,
    text_table,
)
from utils.errors import UsageError
from utils.files import rows_text


def run(folder="c/UNet_Mine", best=0.5, test=None, test_flags=None, **flags):
    """A record as `Run.record` returns it."""
    return {
        "folder": folder,
        "flags": {"model": "UNet", "dataset": "Mine", "seed": 0, **flags},
        **{"epochs": 5, "num_epochs": 5, "best_mean_iou": best, "best_epoch": 3},
        **{"last_mean_iou": best and best - 0.25, "minutes": 2.0},
        **{"test_mean_iou": test, "test_global_accuracy": test, "images_per_second": None},
        **{"test_flags": test_flags or {}, "test_file": None},
    }


def folds(model, scores, **flags):
    return [
        run(f"c/{model}_Mine_fold{number}", score, model=model, dataset=f"Mine_fold{number}", **flags)
        for number, score in enumerate(scores, 1)
    ]


def test_flags_that_differ():
    runs = [
        run(h_flip=True, scale_range=[0.5, 2.0], test_flags={"split": "test", "flip": False}),
        run(seed=1, scale_range=[0.5, 2.0], test_flags={"split": "val", "flip": False}),
        run(seed=1, h_flip=False),
        {**run(), "flags": {}},
    ]
    assert differing_flags(runs) == {
        "seed": [0, 1, 1, None],
        "h_flip": [True, None, False, None],
        "scale_range": [[0.5, 2.0], [0.5, 2.0], None, None],
        "test_split": ["test", "val", None, None],
    }
    assert differing_flags([run(), run()]) == differing_flags([]) == {}


@pytest.mark.parametrize(
    "folders, names",
    [
        (["c/a", "c/b"], ["a", "b"]),
        (["x/1/a", "x/2/a", "x/2/b"], ["1/a", "2/a", "2/b"]),
        (["x/1/a", "y/1/a"], ["x/1/a", "y/1/a"]),
        (["a", "x/a"], ["a", "x/a"]),
        ([], []),
    ],
)
def test_names_are_short_and_different(folders, names):
    assert run_names([run(folder) for folder in folders]) == names


def test_mean_and_deviation_over_folds():
    runs = folds("UNet", [0.4, 0.5, 0.6]) + folds("GCN", [0.7, 0.9])
    first, second = group_runs(runs, folds=True)
    assert first["flags"] == {"model": "GCN"} and first["runs"] == ["GCN_Mine_fold1", "GCN_Mine_fold2"]
    assert first["best_mean_iou"] == pytest.approx({"mean": 0.8, "deviation": 0.02**0.5, "count": 2})
    assert second["best_mean_iou"] == pytest.approx({"mean": 0.5, "deviation": 0.1, "count": 3})
    assert second["varied"] == {"fold": [1, 2, 3]}
    assert second["test_mean_iou"] == {"mean": None, "deviation": None, "count": 0}


def test_folds_of_two_datasets_and_seeds():
    runs = folds("UNet", [0.4, 0.5]) + folds("UNet", [0.6, 0.7], seed=1)
    runs += [run(best=0.9, dataset="Other_fold1"), run(best=0.8, dataset="Other_fold2")]
    groups = group_runs(runs, folds=True)
    assert [(group["flags"], len(group["runs"])) for group in groups] == [
        ({"dataset": "Other", "seed": 0}, 2),
        ({"dataset": "Mine", "seed": 1}, 2),
        ({"dataset": "Mine", "seed": 0}, 2),
    ]
    groups = group_runs(runs, folds=True, seeds=True)
    assert [(group["flags"], len(group["runs"])) for group in groups] == [
        ({"dataset": "Other"}, 2),
        ({"dataset": "Mine"}, 4),
    ]
    assert groups[1]["varied"] == {"seed": [0, 1], "fold": [1, 2]}


def test_groups_by_flags():
    runs = [run(best=0.2), run(best=0.4, seed=1), run(best=0.8, model="GCN"), {**run(best=0.1), "flags": {}}]
    groups = group_runs(runs, ["model"])
    assert [(group["flags"]["model"], group["best_mean_iou"]["count"]) for group in groups] == [("GCN", 1), ("UNet", 2)]
    assert groups[0]["best_mean_iou"] == {"mean": 0.8, "deviation": None, "count": 1}
    assert groups[0]["varied"] == {} and groups[1]["varied"] == {"seed": [0, 1]}
    (group,) = group_runs(runs, ["dataset"])
    assert group["flags"] == {"dataset": "Mine"} and group["varied"] == {"model": ["UNet", "GCN"], "seed": [0, 1]}
    assert len(group_runs(runs, seeds=True)) == 2


@pytest.mark.parametrize(
    "options, words",
    [
        ({"flags": ["modle"]}, "no run has a flag 'modle'; did you mean model"),
        ({"folds": True}, "ends in _fold1"),
    ],
)
def test_groups_that_cannot_be(options, words):
    with pytest.raises(UsageError, match=words):
        group_runs([run(), run(seed=1)], **options)


def test_table_of_runs():
    off = run("c/off", None, h_flip=False, epochs=0)
    header, rows = runs_table([run("c/low", 0.25), off, run("c/high", 0.75, 0.5, h_flip=True, rate=0.0)])
    assert header == [
        "run",
        "best mean IoU, %",
        "epoch",
        "last, %",
        "epochs",
        "minutes",
        "test mean IoU, %",
        "flags that differ",
    ]
    assert rows[0] == ["high", "75.00", "3", "50.00", "5 of 5", "2.0", "50.00", "h_flip, rate=0.0"]
    assert rows[1] == ["low", "25.00", "3", "0.00", "5 of 5", "2.0", "-", "-"]
    assert [row[0] for row in rows] == ["high", "low", "off"] and rows[2][1] == "-"
    assert "test mean IoU, %" not in runs_table([run()])[0]


def test_table_of_groups():
    runs = folds("UNet", [0.4, 0.5, 0.6])
    runs[0]["test_mean_iou"] = 0.25
    header, rows = groups_table(group_runs(runs, folds=True))
    assert header == ["runs", "best mean IoU, %", "last, %", "test mean IoU, %", "minutes", "over", "group"]
    assert rows == [["3", "50.00 ± 10.00", "25.00 ± 10.00", "25.00 (n=1)", "2.0 ± 0.0", "fold 1, 2, 3", "all"]]
    many = [run(**{f"flag{n}": seed for n in range(9)}) for seed in (0, 1)]
    assert groups_table(group_runs(many, ["model"]))[1][0][-2] == "flag0, flag1, flag2, flag3, ..."


def test_text_and_markdown(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    header, rows = (
        ["run", "score", "flags"],
        [["a", "5.0", "x=1, " * 9 + "y=2"], ["long", "15.0", "a_word_that_is_longer_than_the_column=1"]],
    )
    lines = text_table(header, rows).splitlines()
    assert lines[0] == "run   score  flags" and lines[1].startswith("a       5.0  x=1, x=1,")
    assert max(map(len, lines)) <= 60 and any(
        line.endswith("a_word_that_is_longer_than_the_column=1") for line in lines
    )
    assert markdown_table(["a|b", "c"], [["1", "2"]]).splitlines() == ["| a\\|b | c |", "| --- | --- |", "| 1 | 2 |"]


def test_rows_of_csv_files():
    runs = [run("c/a", h_flip=True, scale_range=[0.5, 2]), run("c/b", None, seed=1)]
    first, second = csv.DictReader(io.StringIO(rows_text(runs_rows(runs))))
    assert (first["name"], first["h_flip"], first["scale_range"], first["seed"]) == ("a", "True", "0.5 2", "0")
    assert (second["h_flip"], second["seed"], second["best_mean_iou"], second["minutes"]) == ("", "1", "", "2.0")
    (row,) = groups_rows(group_runs(runs, ["model"]))
    assert (row["model"], row["runs"], row["best_mean_iou"], row["best_mean_iou_count"]) == ("UNet", "a b", 0.5, 1)
    assert row["minutes"] == 2 and row["minutes_deviation"] == 0
