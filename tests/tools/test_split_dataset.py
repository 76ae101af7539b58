"""The command split_dataset.py: splits, modes, and what it refuses."""

import os
import re

import numpy as np
import pytest
from PIL import Image

from tools import split_dataset
from utils.data.checks import check_pairs
from utils.data.folder import list_pairs, read_classes


@pytest.fixture
def source(tmp_path):
    """Twenty images of ten scenes; only scenes 0, 1 and 2 have class 2."""
    folder = tmp_path / "in"
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for number in range(20):
        name = f"scene{number // 2}_{number}"
        Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(folder / "images" / f"{name}.png")
        label = np.repeat([0, 1], 32).reshape(8, 8).astype(np.uint8)
        if number < 6:
            label[0, :4] = 2
        Image.fromarray(label).save(folder / "labels" / f"{name}_L.png")
    (folder / "class_dict.csv").write_text("name,r,g,b\nroad,9,0,0\ncar,0,9,0\nlamp,0,0,9\n")
    return folder


def run(*flags):
    """Runs the command line and returns its exit code."""
    try:
        return split_dataset.main([str(flag) for flag in flags])
    except SystemExit as end:
        return end.code


def flags_of(source):
    return ("--images", source / "images", "--labels", source / "labels", "--class_dict", source / "class_dict.csv")


def split_of(target):
    return {path.stem: path.parent.name for split in ("train", "val", "test") for path in (target / split).iterdir()}


def test_by_scene_and_with_rare_classes_everywhere(source, tmp_path):
    target = tmp_path / "out"
    flags = ("--target", target, "--fractions", "0.6,0.2,0.2", "--stratify", "--group", r"scene\d+")
    assert run(*flags_of(source), *flags) == 0
    splits, classes = split_of(target), read_classes(target)
    assert len({(name.split("_")[0], split) for name, split in splits.items()}) == 10
    for split, number in (("train", 12), ("val", 4), ("test", 4)):
        checked = check_pairs(list_pairs(target, split), classes)
        assert len(checked) == number and sum(one.pixels for one in checked)[2] == 8
    assert len(list((source / "images").iterdir())) == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


@pytest.mark.parametrize("mode", ["copy", "link", "move"])
def test_modes(source, tmp_path, mode):
    before = {path.name: path.read_bytes() for path in source.rglob("*.png")}
    inodes = {path.name: path.stat().st_ino for path in source.rglob("*.png")}
    assert run(*flags_of(source), "--target", tmp_path / "out", "--mode", mode) == 0
    after = {path.name: path for path in (tmp_path / "out").rglob("*.png")}
    assert {name: path.read_bytes() for name, path in after.items()} == before
    assert len(list(source.rglob("*.png"))) == (0 if mode == "move" else 40)
    same = [os.stat(path).st_ino == inodes[name] for name, path in after.items()]
    assert all(same) if mode == "link" else mode == "move" or not any(same)


def test_dry_run_prints_the_shares_and_writes_nothing(source, tmp_path, capsys):
    assert run(*flags_of(source), "--dry_run", "--stratify") == 0
    out = capsys.readouterr().out
    assert re.search(r"nothing is written: 14 train, 3 val, 3 test", out)
    lamp = next(line for line in out.splitlines() if line.strip().startswith("lamp")).split()
    assert [int(lamp[1]), int(lamp[4]), int(lamp[7])] == [4, 1, 1] and lamp[2] == "1.79"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_a_test_split_out_of_train(source, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(*flags_of(source), "--target", first, "--fractions", "0.8,0.2") == 0
    assert run("--dataset", first, "--target", second, "--fractions", "0.75,0,0.25", "--mode", "move") == 0
    assert {path.name for path in (second / "val").iterdir()} == {path.name for path in (first / "val").iterdir()}
    assert [len(list((second / split).iterdir())) for split in ("train", "val", "test")] == [12, 4, 4]
    assert not list((first / "train").iterdir()) and (second / "class_dict.csv").is_file()


def test_an_interruption_leaves_nothing_and_moves_nothing(source, tmp_path, monkeypatch):
    copy, copied = split_dataset.copy_file, []

    def interrupt(*args, **kwargs):
        copied.append(args)
        if len(copied) > 9:
            raise KeyboardInterrupt
        copy(*args, **kwargs)

    monkeypatch.setattr(split_dataset, "copy_file", interrupt)
    assert run(*flags_of(source), "--target", tmp_path / "out", "--mode", "move", "--workers", "1") == 130
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"] and len(list(source.rglob("*.png"))) == 40


def test_without_class_dict(source, tmp_path, capsys):
    flags = ("--images", source / "images", "--labels", source / "labels", "--target", tmp_path / "out")
    assert run(*flags, "--stratify") == 2
    assert "--stratify needs --class_dict" in capsys.readouterr().err
    assert run(*flags) == 0
    assert "no class_dict.csv yet" in capsys.readouterr().out
    assert run(*flags) == 2
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags, words",
    [
        ((), "give --target"),
        (("--target", "x"), "give --dataset, or --images and --labels"),
        (("--target", "x", "--images", "gone", "--labels", "gone"), "there is no folder gone"),
        (("--target", "x", "--dataset", ".", "--images", "y"), "leave out the other flags"),
    ],
)
def test_bad_flags(capsys, flags, words):
    assert run(*flags) == 2
    assert words in capsys.readouterr().err
