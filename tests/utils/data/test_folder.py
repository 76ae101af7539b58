import pathlib
import sys

import numpy as np
import pytest
from PIL import Image

from utils.class_dict import ClassDict
from utils.data import folder as dataset_folder
from utils.data.folder import (
    Checked,
    Pair,
    check_pairs,
    dataset_of_run,
    find_dataset,
    list_pairs,
    median_frequency_weights,
    read_classes,
)  # fmt: skip
from utils.errors import UsageError

COLORS = [(0, 0, 0), (255, 0, 0), (0, 255, 0)]


@pytest.fixture
def classes():
    return ClassDict(["ground", "house", "tree"], COLORS)


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


def test_twins_are_told(touch):
    folder = touch(["a.png", "a.jpg", "b.png"], ["a.png", "b_L.png", "b_L.bmp", "c.png", "c_L.png"])
    with pytest.raises(UsageError) as error:
        list_pairs(folder, "train")
    lines = str(error.value).splitlines()
    assert any("a.jpg" in line and "a.png" in line and "same name" in line for line in lines)
    assert any("b_L.bmp" in line and "b_L.png" in line and "same name" in line for line in lines)
    assert any("c.png belongs to no image" in line for line in lines)
    assert any("c_L.png belongs to no image" in line for line in lines)


def test_two_labels_for_one_image_are_told(touch):
    with pytest.raises(UsageError, match="a_L.png belongs to no image"):
        list_pairs(touch(["a.png"], ["a.png", "a_L.png"]), "train")


def test_missing_folders_are_told_and_nothing_else(touch, tmp_path):
    touch(["a.png"], ["a.png", "b.png"])
    with pytest.raises(UsageError) as error:
        list_pairs(tmp_path, "val")
    assert all(str(tmp_path / name) in str(error.value) for name in ("val\n", "val_labels"))
    (tmp_path / "val_labels").mkdir()
    (tmp_path / "val_labels" / "a.png").touch()
    with pytest.raises(UsageError) as error:
        list_pairs(tmp_path, "val")
    assert str(error.value) == f"there is no folder {tmp_path / 'val'}"


def test_empty_split_is_told(touch):
    with pytest.raises(UsageError, match="has no images"):
        list_pairs(touch(["notes.txt"], []), "train")


def test_of_very_many_problems_some_are_shown_and_all_counted(touch):
    with pytest.raises(UsageError) as error:
        list_pairs(touch([f"{i:03}.png" for i in range(50)], []), "train")
    assert "50 problems" in str(error.value) and "and 30 more" in str(error.value)
    assert len(str(error.value).splitlines()) == 22


def make_pair(folder, name, label, image_size=None, damage=None):
    """Writes an image and a color label; `damage` names the half that is no image."""
    height, width = image_size or label.shape
    pair = Pair(name, folder / f"{name}.png", folder / f"{name}_L.png")
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(pair.image)
    Image.fromarray(np.array([*COLORS, (9, 9, 9)], np.uint8)[label]).save(pair.label)
    for half in (damage or "").split():
        getattr(pair, half).write_bytes(b"no image")
    return pair


@pytest.mark.parametrize("workers", [1, 3])
def test_check_counts_pixels_and_sizes(tmp_path, classes, workers):
    labels = [np.array([[0, 0, 1]]), np.array([[2], [2]]), np.array([[1, 1], [1, 3]])]
    pairs = [make_pair(tmp_path, f"p{i}", label) for i, label in enumerate(labels)]
    checked = check_pairs(pairs, classes, "ignore", workers)
    assert [one.size for one in checked] == [(1, 3), (2, 1), (2, 2)]
    assert [one.pixels.tolist() for one in checked] == [[2, 1, 0], [0, 0, 2], [0, 3, 0]]


def test_check_reports_everything_at_once(tmp_path, classes):
    good, unknown = np.array([[0, 1, 2]]), np.array([[0, 3, 3]])
    pairs = [
        make_pair(tmp_path, "good", good),
        make_pair(tmp_path, "size", good, image_size=(5, 6)),
        make_pair(tmp_path, "color", unknown),
        make_pair(tmp_path, "image", good, damage="image"),
        make_pair(tmp_path, "label", good, damage="label"),
        make_pair(tmp_path, "both", good, damage="image label"),
        make_pair(tmp_path, "mixed", unknown, damage="image"),
    ]
    pairs[0].image.rename(tmp_path / "gone.png")
    with pytest.raises(UsageError) as error:
        check_pairs(pairs, classes)
    first, *lines = str(error.value).splitlines()
    assert first == "9 problems:"
    for found, part in zip(
        lines,
        ["good.png: No such file", "size.png is 6x5 but its label", "color_L.png: 1 colors", "image.png: damaged",
         "label_L.png: damaged", "both.png: damaged", "both_L.png: damaged", "mixed.png: damaged",
         "mixed_L.png: 1 colors"],
        strict=True,
    ):  # fmt: skip
        assert part in found
    with pytest.raises(UsageError) as error:
        check_pairs(pairs[2:3], classes)
    assert "problems" not in str(error.value) and "(9, 9, 9) (2 px)" in str(error.value)
    assert check_pairs(pairs[2:3], classes, "ignore")[0].pixels.tolist() == [1, 0, 0]


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


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


class _Input:
    def __init__(self, terminal):
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.mark.parametrize("stdin", [_Input(False), None])
def test_missing_camvid_names_the_downloader(nowhere, monkeypatch, stdin):
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr("builtins.input", lambda prompt: pytest.fail("asked where nobody can answer"))
    with pytest.raises(UsageError, match="python tools/get_camvid.py"):
        find_dataset("CamVid")


@pytest.mark.parametrize("answer, fetched", [("y", True), ("YES", True), ("", False), ("n", False)])
def test_camvid_is_downloaded_only_after_a_yes(nowhere, monkeypatch, answer, fetched):
    from tools import get_camvid

    monkeypatch.setattr(sys, "stdin", _Input(True))
    monkeypatch.setattr("builtins.input", lambda prompt: answer)
    monkeypatch.setattr(get_camvid, "get_camvid", lambda root: root)
    if fetched:
        assert find_dataset("CamVid") == pathlib.Path("datasets") / "CamVid"
    else:
        with pytest.raises(UsageError, match="get_camvid.py"):
            find_dataset("CamVid")


def test_streets_are_made_on_first_use(nowhere, monkeypatch, capsys):
    from tools import make_streets

    made = []

    def fake(root, **options):
        made.append(root)
        root.mkdir(parents=True)
        return root

    monkeypatch.setattr(make_streets, "make_streets", fake)
    folders = [find_dataset("Streets") for _ in range(2)]
    assert folders == [pathlib.Path("datasets") / "Streets"] * 2 and made == folders[:1]
    assert "Streets" in capsys.readouterr().out


def test_dataset_of_run(nowhere):
    moved, trained = nowhere / "datasets" / "Own", nowhere / "elsewhere" / "Own"
    moved.mkdir(parents=True)
    settings = {"dataset_path": str(trained)}
    assert dataset_of_run(settings).resolve() == moved  # trained where that folder is no more
    trained.mkdir(parents=True)
    assert dataset_of_run(settings) == trained
    assert dataset_of_run(settings, "Own").resolve() == moved
    with pytest.raises(UsageError, match="'Other'"):
        dataset_of_run(settings, "Other")


def test_read_classes(tmp_path):
    with pytest.raises(UsageError, match="no class_dict.csv") as error:
        read_classes(tmp_path)
    assert str(tmp_path) in str(error.value)
    (tmp_path / "class_dict.csv").write_text("name,r,g,b\na,0,0,0\nb,1,1,1\nvoid,2,2,2\n")
    assert read_classes(tmp_path).class_names == ["a", "b", "void"]
    assert read_classes(tmp_path, ["void"]).class_names == ["a", "b"]
    with pytest.raises(UsageError, match="'viod'"):
        read_classes(tmp_path, ["viod"])


def test_median_frequency_weights_by_hand():
    checked = [
        Checked((10, 10), np.array([60, 40, 0, 0])),
        Checked((10, 10), np.array([80, 0, 10, 0])),  # 10 pixels ignored
    ]
    # Frequencies: 140 / 190, 40 / 100, 10 / 90; the median is the second; the last class never occurs.
    expected = [0.4 / (140 / 190), 1.0, 0.4 / (10 / 90), 0.0]
    weights = median_frequency_weights(checked)
    assert weights.dtype == np.float32 and np.allclose(weights, expected)
    # An even number of classes: the median lies between two.
    two = median_frequency_weights([Checked((1, 4), np.array([3, 1]))])
    assert np.allclose(two, [0.5 / 0.75, 0.5 / 0.25])


@pytest.mark.filterwarnings("error")
def test_median_frequency_weights_of_nothing_are_0():
    assert median_frequency_weights([Checked((1, 1), np.array([0, 0, 0]))]).tolist() == [0, 0, 0]


def test_generated_dataset_passes(streets):
    pairs, classes = list_pairs(streets, "train"), read_classes(streets)
    checked = check_pairs(pairs, classes)
    assert len(checked) == len(pairs) == 10
    assert all(one.size == (64, 96) and one.pixels.sum() == 64 * 96 for one in checked)
    assert dataset_folder.SPLITS == ("train", "val", "test")
