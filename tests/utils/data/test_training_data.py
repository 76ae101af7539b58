import shutil

import numpy as np
import pytest
from PIL import Image

from utils.class_dict import ClassDict
from utils.data import verification
from utils.data.augmentation import Augmentation
from utils.data.folder import choose_validation_pairs, list_pairs, read_classes
from utils.data.label_counts import COUNTS
from utils.data.training_data import open_training_data
from utils.errors import UsageError

CROP = Augmentation(8, 8)


@pytest.fixture
def make(tmp_path):
    """Makes a dataset of 16x16 images, whose label has a row of pixels of each class and is class 0 elsewhere."""

    def make(name, classes, count=4, splits=("train", "val")):
        folder = tmp_path / name
        folder.mkdir()
        rows = [f"{class_name},{red},0,{index}" for index, (class_name, red) in enumerate(classes.items())]
        (folder / "class_dict.csv").write_text("\n".join(["name,r,g,b", *rows]))
        colors = np.array([(red, 0, index) for index, red in enumerate(classes.values())], np.uint8)
        label = np.zeros((16, 16), np.uint8)
        label[: len(classes)] = np.arange(len(classes))[:, None]
        for split in splits:
            for part, pixels in ((split, None), (f"{split}_labels", colors[label])):
                (folder / part).mkdir()
                for number in range(count):
                    image = np.random.default_rng([number, *split.encode()]).integers(0, 256, (16, 16, 3))
                    image = image.astype(np.uint8) if pixels is None else pixels
                    Image.fromarray(image).save(folder / part / f"{number}.png")
        return folder

    return make


def test_training_data(streets):
    classes, augmentation = read_classes(streets), Augmentation(32, 48)
    options = {"batch_size": 2, "cache": True, "steps_per_epoch": 3, "outputs": ("logits",)}
    data = open_training_data([streets], classes, augmentation, num_val_images=2, **options)
    assert data.validation_pairs == choose_validation_pairs(list_pairs(streets, "val"), 2)
    assert data.dataset.pairs == list_pairs(streets, "train") and len(data.dataset) == 3
    assert list(data.dataset[0][1]) == ["logits"] and data.class_weights.shape == (12,)
    without = open_training_data([streets], classes, augmentation, batch_size=2)
    assert without.validation_pairs == [] and np.array_equal(without.class_weights, data.class_weights)


def test_class_weights_of_a_sample_are_counted_over_all_labels(make, monkeypatch):
    folder = make("A", {"a": 1, "b": 2, "c": 3}, count=30)
    for number in (3, 11):  # not in the sample: the only labels without the last class
        path = folder / "train_labels" / f"{number}.png"
        pixels = np.array(Image.open(path))
        pixels[2] = pixels[0]
        Image.fromarray(pixels).save(path)
    options = {"num_val_images": 0, "batch_size": 1}
    exact = open_training_data([folder], read_classes(folder), CROP, verify="full", **options)
    assert not any(line.startswith("checked") for line in exact.report)
    monkeypatch.setattr(verification, "SAMPLE_PIXELS", 16 * 16 * 8)
    for balanced in (False, True):
        data = open_training_data([folder], read_classes(folder), CROP, balanced=balanced, **options)
        assert any("the headers of all 60 pairs, and 16 pairs completely" in line for line in data.report)
        assert np.array_equal(data.class_weights, exact.class_weights) == balanced
    assert (folder / COUNTS).is_file()


def test_validation_images_of_two_datasets_are_chosen_before_they_are_read(make):
    folders = make("A", {"a": 1, "b": 2}, count=6), make("B", {"a": 1, "b": 2}, count=6)
    for path in (folders[1] / "val").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(UsageError, match="damaged"):
        open_training_data(folders, read_classes(folders[0]), CROP, num_val_images=0, batch_size=1)
    with pytest.raises(UsageError, match="^3 problems"):  # of five, the others are of A
        open_training_data(folders, read_classes(folders[0]), CROP, num_val_images=5, batch_size=1)


def test_problems_of_both_splits_are_reported_together(tmp_path):
    for folder in ("train", "train_labels", "val"):
        (tmp_path / folder).mkdir()
    for name in ("train/a.png", "train_labels/a.png", "train/b.png"):
        (tmp_path / name).write_bytes(b"no image")
    classes = ClassDict(["a", "b"], [(0, 0, 0), (255, 0, 0)])
    with pytest.raises(UsageError) as error:
        open_training_data([tmp_path], classes, Augmentation(8, 8), num_val_images=0, batch_size=1)
    parts = ["4 problems", "b.png has no label", "no folder", "a.png: damaged", "a.png: damaged"]
    assert all(part in line for part, line in zip(parts, str(error.value).splitlines(), strict=True))
    with pytest.raises(UsageError, match="^3 problems"):
        open_training_data([tmp_path], classes, Augmentation(8, 8), batch_size=1)


def test_validation_on_a_share_of_the_training_images(make):
    folder = make("A", {"a": 1, "b": 2}, count=10, splits=("train",))
    classes = read_classes(folder)
    with pytest.raises(UsageError, match="--val_fraction"):
        open_training_data([folder], classes, CROP, num_val_images=0, batch_size=1)
    first, again = (
        open_training_data([folder], classes, CROP, num_val_images=0, val_fraction=0.2, batch_size=1) for _ in range(2)
    )
    assert len(first.validation_pairs) == 2 and first.validation_pairs == again.validation_pairs
    names = {pair.name for pair in first.dataset.pairs} | {pair.name for pair in first.validation_pairs}
    assert len(first.dataset.pairs) == 8 and len(names) == 10
    assert any("2 training images, drawn at random" in line for line in first.report) and not first.warnings


def test_a_single_image_is_in_both_splits_and_said_to_be(make):
    folder = make("A", {"a": 1, "b": 2}, count=1, splits=("train",))
    data = open_training_data([folder], read_classes(folder), CROP, num_val_images=0, val_fraction=0.1, batch_size=1)
    assert data.dataset.pairs == data.validation_pairs and len(data.dataset) == 1
    assert data.warnings[0].startswith("1 of 1 validation images are training images too")


def test_a_dataset_with_a_val_split_needs_no_fraction(make):
    folder = make("A", {"a": 1, "b": 2})
    with pytest.raises(UsageError, match="has a split val"):
        open_training_data([folder], read_classes(folder), CROP, num_val_images=0, val_fraction=0.5, batch_size=1)


def test_two_datasets_agree_by_name(make):
    first, second = make("A", {"sky": 1, "road": 2, "car": 3}), make("B", {"Car": 9, "tree": 8, "sky": 7}, count=2)
    classes = read_classes(first)
    data = open_training_data([first, second], classes, CROP, num_val_images=0, batch_size=1)
    assert len(data.dataset.pairs) == 6 and len(data.validation_pairs) == 6
    of_second = [pair for pair in data.dataset.pairs if pair.label.is_relative_to(second)]
    from utils.data.labels import read_pair

    for pair in of_second:
        label = read_pair(pair.image, pair.label, pair.class_dict or classes)[1]
        # Its car is class 2 here, its tree is ignored, its sky is class 0; other pixels are its first class.
        assert [row[0] for row in label.tolist()] == [2, 255, 0] + [2] * 13
    line = next(line for line in data.report if line.startswith("B: 2"))
    assert line == "B: 2 of 3 classes agree by name; without tree, 6.2 % of its pixels are ignored"
    labels = np.concatenate([data.dataset.sample(index)[1].ravel() for index in range(6)])
    assert set(np.unique(labels)) <= {0, 1, 2, 255}
    table = data.report[-1]
    assert "(ignored)" in table and table.index("sky") < table.index("road") < table.index("car")


def test_datasets_without_a_common_class_are_refused(make):
    folders = make("A", {"a": 1, "b": 2}), make("B", {"c": 1, "d": 2})
    with pytest.raises(UsageError, match="no class of the first dataset: a, b"):
        open_training_data(folders, read_classes(folders[0]), CROP, num_val_images=0, batch_size=1)


def test_the_same_images_in_both_splits_are_told(make):
    folder = make("A", {"a": 1, "b": 2})
    shutil.copy(folder / "train" / "2.png", folder / "val" / "1.png")
    data = open_training_data([folder], read_classes(folder), CROP, num_val_images=0, batch_size=1)
    assert data.warnings[0].startswith("1 of 4 validation images are training images too, such as 1.png")
