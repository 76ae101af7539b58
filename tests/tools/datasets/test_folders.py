"""Atomic creation of dataset folders."""

import pytest

from tools.datasets.folders import make_split_folders, new_dataset, write_datasets
from utils.data.folder import Pair
from utils.errors import RunError


def test_a_dataset_appears_complete(tmp_path):
    with new_dataset(tmp_path / "a" / "Mine") as folder:
        make_split_folders(folder, ["train", "val"])
        assert not (tmp_path / "a" / "Mine").exists()
    names = sorted(path.name for path in (tmp_path / "a" / "Mine").iterdir())
    assert names == ["train", "train_labels", "val", "val_labels"] and len(list((tmp_path / "a").iterdir())) == 1


@pytest.mark.parametrize("error, raised", [(KeyboardInterrupt, KeyboardInterrupt), (OSError("full"), RunError)])
def test_an_error_leaves_nothing(tmp_path, error, raised):
    with pytest.raises(raised), new_dataset(tmp_path / "Mine") as folder:
        (folder / "file").write_text("text")
        raise error
    assert not list(tmp_path.iterdir())


def pair(folder, name):
    paths = folder / f"{name}.png", folder / f"{name}_L.png"
    for path in paths:
        path.write_bytes(name.encode())
    return Pair(name, *paths)


def test_datasets_are_written_with_prefixes(tmp_path):
    (tmp_path / "in").mkdir()
    first, second = pair(tmp_path / "in", "a"), pair(tmp_path / "in", "b")
    datasets = {tmp_path / "X": [("train", first, "")], tmp_path / "Y": [("val", first, "p_"), ("train", second, "")]}
    write_datasets(datasets, {"notes": first.label}, link=True)
    assert [(tmp_path / name / "notes").read_text() for name in "XY"] == ["a", "a"]
    files = {str(path.relative_to(tmp_path)): path for path in tmp_path.glob("[XY]/*/*")}
    assert sorted(files) == [
        *("X/train/a.png", "X/train_labels/a_L.png", "Y/train/b.png", "Y/train_labels/b_L.png"),
        *("Y/val/p_a.png", "Y/val_labels/p_a_L.png"),
    ]
    assert files["Y/val/p_a.png"].samefile(first.image) and files["Y/train_labels/b_L.png"].samefile(second.label)


def test_all_datasets_or_none(tmp_path):
    (tmp_path / "in").mkdir()
    first = pair(tmp_path / "in", "a")
    gone = first._replace(image=tmp_path / "gone.png")
    with pytest.raises(RunError):
        write_datasets({tmp_path / "X": [("train", first, "")], tmp_path / "Y": [("train", gone, "")]}, {})
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
