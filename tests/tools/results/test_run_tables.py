"""Tables of runs and groups of runs: columns and formats."""

import csv
import io

from tiny_runs import folds, run

from tools.results.run_tables import (
    groups_rows,
    groups_table,
    markdown_table,
    runs_rows,
    runs_table,
    text_table,
)
from utils.files import rows_text
from utils.runs.groups import group_runs


def test_table_of_runs():
    off = run("c/off", None, h_flip=False, epochs=0)
    header, rows = runs_table([run("c/low", 0.25), off, run("c/high", 0.75, 0.5, h_flip=True, rate=0.0)])
    assert header == [
        "run",
        "best mean IoU, %",
        "in epoch",
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
    header, rows = runs_table([{**run("c/UNet_Mine_wide"), "val_loss": 0.51239}, run()])
    assert [dict(zip(header, row))["val loss"] for row in rows] == ["0.5124", "-"] and rows[0][0] == "UNet_Mine_wide"


def test_flags_of_a_preset_are_not_repeated():
    strong = {"recipe": "strong", "loss": "cross_entropy_lovasz", "batch_size": 4, "h_flip": True}
    suite = {"recipe": "suite", "loss": "cross_entropy", "batch_size": 1, "h_flip": False}
    unknown = {**run("c/c", 0.25), "flags": {}}
    runs = [run("c/a", 0.75, **strong), run("c/b", 0.5, **suite), unknown]
    assert [row[-1] for row in runs_table(runs)[1]] == ["recipe=strong", "recipe=suite", "-"]
    runs[1]["flags"]["batch_size"] = 8
    assert [row[-1] for row in runs_table(runs)[1]] == [
        "recipe=strong, batch_size=4",
        "recipe=suite, batch_size=8",
        "-",
    ]
    groups = group_runs([*runs, run(**{**suite, "batch_size": 8}, seed=1)], seeds=True)
    assert [row[-1] for row in groups_table(groups)[1]] == ["recipe=strong, batch_size=4", "recipe=suite, batch_size=8"]
    assert groups[0]["flags"]["loss"] == "cross_entropy_lovasz"


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
