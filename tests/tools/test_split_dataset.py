"""The command split_dataset.py: splits, modes, and what it refuses."""

import os
import re

import numpy as np
import pytest
from PIL import Image

from tools import split_dataset
from tools.datasets import folders
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
    """The split of each image, by name."""
    return {path.stem: path.parent.name for split in ("train", "val", "test") for path in target.glob(f"{split}/*")}


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


def test_a_test_split_out_of_train(source, tmp_path, capsys):
    first, second = tmp_path / "first", tmp_path / "second"
    assert run(*flags_of(source), "--target", first, "--fractions", "0.8,0.2") == 0
    assert run("--dataset", first, "--target", tmp_path / "x", "--dry_run") == 0
    assert f"Images of {first / 'val'} are in no split of the result" in capsys.readouterr().out
    assert run("--dataset", first, "--target", second, "--fractions", "0.75,0,0.25", "--mode", "move") == 0
    assert "in no split" not in capsys.readouterr().out
    assert {path.name for path in (second / "val").iterdir()} == {path.name for path in (first / "val").iterdir()}
    assert [len(list((second / split).iterdir())) for split in ("train", "val", "test")] == [12, 4, 4]
    assert not list((first / "train").iterdir()) and (second / "class_dict.csv").is_file()


def fold_splits(folder, count):
    """The split of each image in each fold: a list of dicts."""
    return [split_of(folder.with_name(f"{folder.name}_fold{number}")) for number in range(1, count + 1)]


def test_each_image_is_in_val_of_one_fold(source, tmp_path, capsys):
    flags = ("--folds", "4", "--group", r"scene\d+", "--stratify", "--seed")
    assert run(*flags_of(source), "--target", tmp_path / "A", *flags, "3") == 0
    assert (
        "A_fold1 to A_fold4 are complete: 6, 6, 4, 4 of 20 images are in val, others in train"
        in capsys.readouterr().out
    )
    folds = fold_splits(tmp_path / "A", 4)
    for name in folds[0]:
        assert sorted(fold[name] for fold in folds) == ["train"] * 3 + ["val"]
    for fold in folds:
        assert len({(name.split("_")[0], split) for name, split in fold.items()}) == 10
    lamps = [sum(fold[f"scene{n // 2}_{n}"] == "val" for n in range(6)) for fold in folds]
    assert sorted(lamps) == [0, 2, 2, 2]  # three scenes with lamps
    for number in range(1, 5):
        folder = tmp_path / f"A_fold{number}"
        checked = check_pairs(
            [pair for split in ("train", "val") for pair in list_pairs(folder, split)], read_classes(folder)
        )
        assert len(checked) == 20
    assert run(*flags_of(source), "--target", tmp_path / "B", *flags, "3") == 0
    assert fold_splits(tmp_path / "B", 4) == folds
    assert run(*flags_of(source), "--target", tmp_path / "C", *flags, "4") == 0
    assert fold_splits(tmp_path / "C", 4) != folds


def test_folds_of_a_dataset_pool_train_and_val_and_keep_test(source, tmp_path, capsys):
    """train and val of the dataset have images of the same names."""
    dataset = tmp_path / "D"
    assert run(*flags_of(source), "--target", dataset) == 0
    for number, pair in enumerate(list_pairs(dataset, "val")):
        other = list_pairs(dataset, "train")[number]
        pair.image.rename(pair.image.with_name(other.image.name))
        pair.label.rename(pair.label.with_name(other.label.name))
    capsys.readouterr()
    assert run("--dataset", dataset, "--folds", "3", "--mode", "link", "--target", dataset) == 0
    out = capsys.readouterr().out
    assert "begin with train_ and val_" in out and "17 images are in val" in out and "3 test unchanged" in out
    in_val = []
    for number in (1, 2, 3):
        folder = tmp_path / f"D_fold{number}"
        pairs = {split: list_pairs(folder, split) for split in ("train", "val", "test")}
        assert len(pairs["train"]) + len(pairs["val"]) == 17
        in_val += [pair.name for pair in pairs["val"]]
        assert [pair.name for pair in pairs["test"]] == [pair.name for pair in list_pairs(dataset, "test")]
        for pair in pairs["train"] + pairs["val"]:
            split, name = pair.image.name.split("_", 1)
            assert pair.image.samefile(dataset / split / name)
            assert pair.label.samefile(dataset / f"{split}_labels" / pair.label.name.split("_", 1)[1])
    assert len(set(in_val)) == len(in_val) == 17
    assert run("--dataset", dataset, "--folds", "2", "--target", dataset) == 2
    assert "D_fold1 exists already" in capsys.readouterr().err and not (tmp_path / "D_fold4").exists()


def test_dry_run_of_folds(source, tmp_path, capsys):
    assert run(*flags_of(source), "--dry_run", "--folds", "2") == 0
    out = capsys.readouterr().out
    assert "nothing is written: 10, 10 of 20 images" in out and "fold2: images" in out
    assert run(*flags_of(source), "--dry_run", "--folds", "11", "--group", r"scene\d+") == 2
    assert "10 groups by --group" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


def test_masks_that_can_be_read_in_two_ways(source, tmp_path, capsys):
    for path in (source / "labels").iterdir():
        Image.fromarray(np.array([[0, 255]], np.uint8).repeat([6, 2], 1).repeat(8, 0)).save(path)
    (source / "class_dict.csv").write_text("name,r,g,b\nroad,0,0,0\ncar,255,0,0\n")
    flags = (*flags_of(source), "--target", tmp_path / "out", "--stratify")
    assert run(*flags) == 2
    assert "choose with --label_format indices or --label_format binary" in capsys.readouterr().err
    assert run(*flags_of(source), "--dry_run", "--label_format", "binary") == 0
    assert capsys.readouterr().out.count("25.00 %") == 3
    assert run(*flags, "--label_format", "binary") == 0


def test_folds_of_a_converted_dataset_are_read_like_it(source, tmp_path):
    """conversion.json says that labels are class indices."""
    dataset = tmp_path / "D"
    assert run(*flags_of(source), "--target", dataset) == 0
    (dataset / "conversion.json").write_text("{}")
    assert run("--dataset", dataset, "--folds", "2", "--target", dataset) == 0
    assert (tmp_path / "D_fold2" / "conversion.json").read_text() == "{}"
    assert read_classes(tmp_path / "D_fold2").label_format == "indices" == read_classes(dataset).label_format


@pytest.mark.parametrize("flags", [("--mode", "move"), ("--folds", "3")])
def test_an_interruption_leaves_nothing_and_moves_nothing(source, tmp_path, monkeypatch, flags):
    copy, copied = folders.copy_file, []

    def interrupt(*args, **kwargs):
        copied.append(args)
        if len(copied) > 9:
            raise KeyboardInterrupt
        copy(*args, **kwargs)

    monkeypatch.setattr(folders, "copy_file", interrupt)
    assert run(*flags_of(source), "--target", tmp_path / "out", *flags, "--workers", "1") == 130
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
        (("--target", "x", "--dataset", ".", "--folds", "1"), "at least 2"),
        (("--target", "x", "--dataset", ".", "--folds", "2", "--fractions", "0.5,0.5"), "not both"),
        (("--target", "x", "--dataset", ".", "--folds", "2", "--mode", "move"), "--mode link"),
    ],
)
def test_bad_flags(capsys, flags, words):
    assert run(*flags) == 2
    assert words in capsys.readouterr().err
