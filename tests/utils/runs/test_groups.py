"""Groups of runs: flags that differ, means and deviations."""

import pytest
from tiny_runs import folds, run

from utils.errors import UsageError
from utils.runs.groups import differing_flags, group_runs, run_names


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


def test_folds_among_several_datasets():
    runs = [run(f"c/{number}", dataset=f"Mine_fold{number}+Other") for number in (1, 2)]
    (group,) = group_runs(runs, folds=True)
    assert group["varied"] == {"fold": [1, 2]} and group["flags"] == {}


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
