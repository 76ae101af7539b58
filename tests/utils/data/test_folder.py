import pathlib

import pytest

from utils import notices
from utils.data.folder import (
    Pair,
    choose_validation_pairs,
    dataset_of_run,
    find_dataset,
    list_pairs,
    read_classes,
    walk_once,
)  # fmt: skip
from utils.errors import UsageError


@pytest.fixture
def touch(tmp_path):
    """Makes empty files in `train` and `train_labels` and returns the dataset's folder."""

    def touch(images, labels):
        for folder, names in (("train", images), ("train_labels", labels)):
            (tmp_path / folder).mkdir()
            for name in names:
                (tmp_path / folder / name).touch()
        return tmp_path

    return touch


def paired(folder):
    return {pair.image.name: pair.label.name for pair in list_pairs(folder, "train")}


@pytest.mark.parametrize("suffix", ["", "_L", "_label", "_labels", "_gt", "_mask", "_l", "_GT"])
def test_labels_are_found_by_name_and_suffix(touch, suffix):
    folder = touch(["b.png", "a.jpg", "c.v2.png"], [f"{name}{suffix}.png" for name in ("a", "c.v2", "b")])
    pairs = list_pairs(folder, "train")
    assert [pair.name for pair in pairs] == ["a", "b", "c.v2"]
    assert pairs[0] == Pair("a", folder / "train" / "a.jpg", folder / "train_labels" / f"a{suffix}.png")
    assert paired(folder) == {f"{n}": f"{pathlib.Path(n).stem}{suffix}.png" for n in ("a.jpg", "b.png", "c.v2.png")}


def test_position_never_counts(touch):
    with pytest.raises(UsageError) as error:
        list_pairs(touch(["a.png", "b.png", "c.png"], ["b.png", "c.png", "d.png"]), "train")
    message = str(error.value)
    assert "2 problems" in message
    assert "a.png has no label" in message and "d.png belongs to no image of train" in message
    assert "b.png" not in message and "c.png" not in message


@pytest.mark.parametrize(
    "pairs",
    [
        {"street_L.png": "street_L.png"},
        {"street_L.png": "street_L_L.png"},
        {"street.png": "street.png", "street_L.png": "street_L.png"},
        {"street.png": "street_L.png", "street_L.png": "street_L_L.png"},
        {"street.png": "street_gt.png", "street_L.png": "street_L.png"},
        {"street.png": "street_gt.png", "street_L.png": "street_L_gt.png", "street_R.png": "street_R_gt.png"},
        {"a_mask.png": "a_mask_mask.png", "a.png": "a_mask.png", "a_mask_mask.png": "a_mask_mask_mask.png"},
        {"L.png": "L_L.png", "_L.png": "_L_L.png"},
    ],
)
def test_images_whose_own_names_end_in_a_suffix(touch, pairs):
    assert paired(touch(pairs, pairs.values())) == pairs


def test_suffix_is_no_part_of_a_longer_word(touch):
    with pytest.raises(UsageError, match="2 problems"):
        list_pairs(touch(["car.png"], ["carL.png"]), "train")


def test_hidden_and_other_files_are_no_images(touch):
    folder = touch(
        ["a.png", "._a.png", ".a.jpg", "Thumbs.db", "list.txt", "a.png.tmp"],
        ["a_L.png", ".DS_Store", "._a_L.png", "a.json"],
    )
    assert paired(folder) == {"a.png": "a_L.png"}


def test_equal_names_are_reported(touch):
    folder = touch(["a.png", "a.jpg", "b.png"], ["a.png", "b_L.png", "b_L.bmp", "c.png", "c_L.png"])
    with pytest.raises(UsageError) as error:
        list_pairs(folder, "train")
    lines = str(error.value).splitlines()
    assert any("a.jpg" in line and "a.png" in line and "same name" in line for line in lines)
    assert any("b_L.bmp" in line and "b_L.png" in line and "same name" in line for line in lines)
    assert any("c.png belongs to no image" in line for line in lines)
    assert any("c_L.png belongs to no image" in line for line in lines)


def test_two_labels_of_one_image_are_reported(touch):
    with pytest.raises(UsageError, match="a_L.png belongs to no image"):
        list_pairs(touch(["a.png"], ["a.png", "a_L.png"]), "train")


def test_missing_folders_are_reported_and_nothing_else(touch, tmp_path):
    touch(["a.png"], ["a.png", "b.png"])
    with pytest.raises(UsageError) as error:
        list_pairs(tmp_path, "val")
    assert all(str(tmp_path / name) in str(error.value) for name in ("val\n", "val_labels"))
    (tmp_path / "val_labels").mkdir()
    (tmp_path / "val_labels" / "a.png").touch()
    with pytest.raises(UsageError) as error:
        list_pairs(tmp_path, "val")
    assert str(error.value) == f"there is no folder {tmp_path / 'val'}"


def test_empty_split_is_reported(touch):
    with pytest.raises(UsageError, match="has no images"):
        list_pairs(touch(["notes.txt"], []), "train")


def test_of_very_many_problems_some_are_shown_and_all_counted(touch):
    with pytest.raises(UsageError) as error:
        list_pairs(touch([f"{i:03}.png" for i in range(50)], []), "train")
    assert "50 problems" in str(error.value) and "and 30 more" in str(error.value)
    assert len(str(error.value).splitlines()) == 22


def test_find_dataset_looks_here_and_in_datasets(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    in_datasets = pathlib.Path("datasets") / "Own"
    in_datasets.mkdir(parents=True)
    assert find_dataset("Own") == in_datasets
    pathlib.Path("Own").mkdir()
    assert find_dataset("Own") == pathlib.Path("Own")
    assert find_dataset(str(tmp_path / "datasets" / "Own")) == tmp_path / "datasets" / "Own"
    pathlib.Path("file").touch()
    for name in ("Other", "file", "CamVid2"):
        with pytest.raises(UsageError) as error:
            find_dataset(name)
        assert f"'{name}'" in str(error.value) and str(tmp_path) in str(error.value) and "--dataset" in str(error.value)


@pytest.mark.parametrize("name, script", [("CamVid", "tools/get_camvid.py"), ("Streets", "tools/make_streets.py")])
def test_missing_builtin_datasets_are_an_error_with_a_remedy(tmp_path, monkeypatch, name, script):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"python {script}"):
        find_dataset(name)
    assert list(tmp_path.iterdir()) == []


def test_dataset_of_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    moved, trained = tmp_path / "datasets" / "Own", tmp_path / "elsewhere" / "Own"
    moved.mkdir(parents=True)
    assert dataset_of_run(str(trained)) == "Own"  # the folder of the training is gone
    for path in ("C:\\data\\Own", "C:\\data\\Own\\", "\\\\server\\share\\data\\Own", "/data/Own", "D:/data/Own", "Own"):
        assert dataset_of_run(path) == "Own"
    trained.mkdir(parents=True)
    assert dataset_of_run(str(trained)) == str(trained)
    assert dataset_of_run(str(trained), "Other") == "Other"


@pytest.mark.parametrize("count, expected", [(0, 9), (4, 4), (9, 9), (20, 9)])
def test_validation_pairs_are_the_same_in_every_run(count, expected):
    pairs = list(range(9))
    subset = choose_validation_pairs(pairs, count)
    assert subset == choose_validation_pairs(pairs, count) and len(set(subset)) == len(subset) == expected
    assert choose_validation_pairs(pairs, 4) == [5, 7, 3, 2]  # of Python's generator with the original suite's seed


def test_read_classes(tmp_path):
    with pytest.raises(UsageError, match="no class_dict.csv") as error:
        read_classes(tmp_path)
    assert str(tmp_path) in str(error.value)
    (tmp_path / "class_dict.csv").write_text("name,r,g,b\na,0,0,0\nb,1,1,1\nvoid,2,2,2\n")
    assert read_classes(tmp_path).class_names == ["a", "b", "void"]
    assert read_classes(tmp_path, ["void"]).class_names == ["a", "b"]
    assert read_classes(tmp_path, ["void"], "ignore").unknown == "ignore"
    with pytest.raises(UsageError, match="'viod'"):
        read_classes(tmp_path, ["viod"])


def test_files_that_are_not_read_are_told_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(notices, "_told", set())
    for name in ("train/a.png", "train/b.heic", "train/c.heic", "train/notes.txt", "train/Thumbs.db", "train/.hidden.x",
                 "train/more/d.png", "train_labels/a.npy"):  # fmt: skip
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for _ in range(2):
        assert [pair.label.name for pair in list_pairs(tmp_path, "train")] == ["a.npy"]
    told = capsys.readouterr().err.splitlines()
    assert told == [f"note: {tmp_path / 'train'}: skipped 2 .heic, 1 .txt; 1 folder inside is not read"]


def test_a_folder_of_another_layout_is_pointed_to_the_converter(tmp_path):
    with pytest.raises(UsageError, match="convert_dataset.py --format folder"):
        list_pairs(tmp_path, "train")


def test_folders_are_walked_once(tmp_path):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "x.png").touch()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "y.png").touch()
    for number in range(2):
        (inner / f"self{number}").symlink_to(inner)
        (tmp_path / "a" / f"up{number}").symlink_to(tmp_path)
    (tmp_path / "0_link").symlink_to(tmp_path / "a")
    assert walk_once(tmp_path) == [inner / "x.png"]
    assert walk_once(tmp_path / "0_link") == [tmp_path / "0_link" / "b" / "x.png"]
