"""The command convert_dataset.py: interruption and resuming, refused input, training on the result."""

import os

import numpy as np
import pytest
import tiny_sources
from PIL import Image

from tools import convert_dataset
from tools.formats import FORMATS


@pytest.fixture
def source(tmp_path):
    """Ten images of five scenes with masks of two classes."""
    folder = tmp_path / "in"
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True)
    generator = np.random.default_rng(0)
    for scene in range(5):
        for frame in range(2):
            pixels = generator.integers(0, 255, (48, 64, 3), np.uint8)
            Image.fromarray(pixels).save(folder / "images" / f"scene{scene}_{frame}.jpg")
            Image.fromarray(pixels[..., 0] // 128).save(folder / "masks" / f"scene{scene}_{frame}.png")
    return folder


def run(source, target, *flags, format="folder"):
    """Runs the command line and returns its exit code."""
    try:
        flags = ["--format", format, "--source", str(source), "--target", str(target), *flags]
        return convert_dataset.main(flags)
    except SystemExit as end:
        return end.code


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_interrupted_conversion_is_resumed(source, tmp_path, monkeypatch):
    target, whole = tmp_path / "out", tmp_path / "whole"
    assert run(source, whole) == 0
    write, written = convert_dataset.write_label, []

    def interrupt(path, label):
        if len(written) == 4:
            raise KeyboardInterrupt
        written.append(path)
        write(path, label)

    monkeypatch.setattr(convert_dataset, "write_label", interrupt)
    assert run(source, target, "--workers", "1") == 130
    assert not (target / "class_dict.csv").exists()
    before = {path: path.stat().st_mtime_ns for path in target.rglob("*.[pj][np]g")}
    assert len(before) == 8
    monkeypatch.setattr(convert_dataset, "write_label", write)
    assert run(source, target) == 0
    assert files(target) == files(whole)
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_scenes_stay_together_and_the_seed_decides(source, tmp_path):
    flags = ("--fractions", "0.6,0.2,0.2", "--group", "^(scene.)_")
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1"), ("d", "2")):
        assert run(source, tmp_path / name, *flags, "--seed", seed) == 0
    splits = [(tmp_path / "a" / split).iterdir() for split in ("train", "val", "test")]
    scenes = [{path.name[:6] for path in paths} for paths in splits]
    assert [len(one) for one in scenes] == [3, 1, 1] and len(set.union(*scenes)) == 5
    first, same, *others = (set(files(tmp_path / name)) for name in "abcd")
    assert first == same and any(first != other for other in others)


@pytest.mark.parametrize("link", [False, True])
def test_images_are_copied_or_linked_unchanged(source, tmp_path, link):
    assert run(source, tmp_path / "out", *["--link"] * link) == 0
    for path in source.glob("images/*"):
        copy = next((tmp_path / "out").rglob(path.name))
        assert copy.read_bytes() == path.read_bytes() and os.path.samefile(copy, path) == link


def test_other_flags_or_other_files_are_no_continuation(source, tmp_path, capsys):
    target = tmp_path / "out"
    assert run(source, target) == 0
    assert run(source, target, "--seed", "5") == 2
    assert "another images_sha256; remove it" in capsys.readouterr().err
    (target / "conversion.json").unlink()
    assert run(source, target) == 2
    assert f"{target} exists already" in capsys.readouterr().err


def test_all_misfits_are_reported_and_nothing_is_ready(source, tmp_path, capsys):
    Image.new("L", (5, 5)).save(source / "masks" / "scene0_0.png")
    (source / "images" / "scene3_1.jpg").write_bytes(b"no image")
    assert run(source, tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "scene0_0.jpg is 64x48 but its label is 5x5" in error and "scene3_1.jpg: damaged" in error
    assert not (tmp_path / "out" / "class_dict.csv").exists()


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_what_it_expects(tmp_path, capsys, name):
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", tmp_path / "out", format=name) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: --source {tmp_path / 'empty'} has no ") and error.count("\n") == 1
    assert "expected " in error and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--format", "cityscape"], "did you mean cityscapes?"),
        (["--fractions", "0.5,0.6"], "is not two or three shares"),
        (
            ["--format", "coco", "--unknown_colours", "ignore"],
            "--unknown_colours is for voc, camvid, roboflow_masks, folder",
        ),
        (["--format", "voc", "--label_format", "colors"], "--label_format is for --format folder"),
        (["--fractions", "1"], "'1' is 1 share; give those of train, val and test"),
        (["--background", "soil"], "--background is for coco, labelme, cvat, yolo; masks of folder say it themselves"),
        (["--format", "camvid", "--classes", "a.txt"], "--classes: the classes of camvid are those of the dataset"),
        (["--group", "("], "is not a regular expression"),
        (["--group", "street"], "matches nothing in the name scene0_0"),
        (["--format", "cityscapes", "--classes", "20"], "this format has 19 or 34"),
        (["--source", "nowhere"], "nowhere is no folder"),
    ],
)
def test_bad_flags(source, tmp_path, capsys, flags, words):
    assert run(source, tmp_path / "out", *flags) == 2
    error = capsys.readouterr().err
    assert words in error and error.count("\n") == 1


def test_a_source_without_val_is_divided_and_told(tmp_path, capsys):
    """Train and test of the source: train is divided; equal names of two splits stay apart."""
    tiny_sources.yolo(tmp_path / "in")
    yaml = tmp_path / "in" / "data.yaml"
    yaml.write_text(
        yaml.read_text().replace("val: images/val", "val:").replace("images/train", "[images/train, images/val]")
    )
    assert run(tmp_path / "in", tmp_path / "out", "--fractions", "0.5,0.5", format="yolo") == 0
    found = sorted(path.parent.name for path in (tmp_path / "out").glob("*/*.jpg"))
    assert found == ["test", "train", "val"] and (tmp_path / "out" / "test" / "c.jpg").is_file()
    note = "the source has no val split: all images but those of test were divided by --fractions"
    assert note in capsys.readouterr().out


def test_splits_of_the_source_are_not_divided(tmp_path, capsys):
    tiny_sources.yolo(tmp_path / "in")
    assert run(tmp_path / "in", tmp_path / "out", "--fractions", "0.5,0.5", format="yolo") == 2
    assert "this source has splits of its own; see tools/split_dataset.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name, format, place, words",
    [
        ("coco", "yolo", "in", "try --format coco"),
        ("yolo", "coco", "in", "try --format yolo"),
        ("cvat", "voc", "in", "try --format cvat"),
        ("cvat_masks", "cvat", "in", "try --format voc"),
        ("roboflow_masks", "folder", "in", "try --format roboflow_masks"),
        ("coco_panoptic", "coco", "in", "try --format coco_panoptic"),
        ("cvat", "cvat", ".", "try --source {}/in, which has the files of cvat"),
        ("cvat", "cvat", "in/annotations.xml", "annotations.xml is no folder; try {}/in"),
        ("cvat", "cvat", "in/export.zip", "export.zip is no folder; unpack it"),
    ],
)
def test_the_wrong_format_or_folder_is_recognized(tmp_path, capsys, name, format, place, words):
    tiny_sources.WRITERS[name][1](tmp_path / "in")
    (tmp_path / "in" / "export.zip").write_bytes(b"")
    assert run(tmp_path / place, tmp_path / "out", format=format) == 2
    error = capsys.readouterr().err
    assert words.format(tmp_path) in error and error.count("\n") == 1


@pytest.mark.usefixtures("blank_plots")
def test_training_on_a_converted_dataset(source, tmp_path, monkeypatch):
    import train

    assert run(source, tmp_path / "Made", "--fractions", "0.8,0.2") == 0  # no test split, as many sources
    monkeypatch.chdir(tmp_path)
    train.main(["--dataset", "Made", "--model", "tiny", "--num_epochs", "1", "--steps_per_epoch", "2",
                "--crop_height", "32", "--crop_width", "32", "--num_val_images", "1"])  # fmt: skip
    assert (tmp_path / "checkpoints" / "tiny_Made").is_dir()
