import numpy as np
import pytest
from PIL import Image

from tests.utils.data.tiff_files import tiff_bytes
from utils.class_dict import ClassDict
from utils.data.checks import check_pairs
from utils.data.folder import Pair, list_pairs, read_classes
from utils.data.labels import read_label, read_pair
from utils.data.orientation import undo_orientation
from utils.errors import UsageError

COLORS = [(0, 0, 0), (255, 0, 0), (0, 255, 0)]


@pytest.fixture
def classes():
    return ClassDict(["ground", "house", "tree"], COLORS)


@pytest.fixture
def lenient():
    """The same classes; other colors are ignored."""
    return ClassDict(["ground", "house", "tree"], COLORS, unknown="ignore")


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
def test_check_counts_pixels_and_sizes(tmp_path, lenient, workers):
    labels = [np.array([[0, 0, 1]]), np.array([[2], [2]]), np.array([[1, 1], [1, 3]])]
    pairs = [make_pair(tmp_path, f"p{i}", label) for i, label in enumerate(labels)]
    checked = check_pairs(pairs, lenient, workers)
    assert [one.size for one in checked] == [(1, 3), (2, 1), (2, 2)]
    assert [one.pixels.tolist() for one in checked] == [[2, 1, 0], [0, 0, 2], [0, 3, 0]]


def test_check_reports_everything_at_once(tmp_path, classes, lenient):
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
        ["good.png: No such file", "size.png is 6x5 but its label", "color_L.png: 1 color", "image.png: damaged",
         "label_L.png: damaged", "both.png: damaged", "both_L.png: damaged", "mixed.png: damaged",
         "mixed_L.png: 1 color", "add the classes"],
        strict=True,
    ):  # fmt: skip
        assert part in found
    with pytest.raises(UsageError) as error:
        check_pairs(pairs[2:3], classes)
    assert "problems" not in str(error.value) and "(9, 9, 9) (2 px)" in str(error.value)
    assert check_pairs(pairs[2:3], lenient)[0].pixels.tolist() == [1, 0, 0]


def test_generated_dataset_passes(streets):
    pairs, classes = list_pairs(streets, "train"), read_classes(streets)
    checked = check_pairs(pairs, classes)
    assert len(checked) == len(pairs) == 10
    assert all(one.size == (64, 96) and one.pixels.sum() == 64 * 96 for one in checked)


def save_mask(folder, name, mask):
    """Writes an image and a mask of one channel."""
    pair = Pair(name, folder / f"{name}.png", folder / f"{name}_L.png")
    Image.fromarray(np.zeros((*mask.shape, 3), np.uint8)).save(pair.image)
    Image.fromarray(mask).save(pair.label)
    return pair


EMPTY, HALF = np.zeros((2, 4), np.uint8), np.repeat(np.array([[0, 255]], np.uint8), 2, axis=1).repeat(2, axis=0)


def test_one_reading_for_empty_masks_and_others(tmp_path):
    """Class indices would make an empty mask all object: the first class is white."""
    classes = ClassDict(["object", "background"], [(255, 255, 255), (0, 0, 0)])
    pairs = [save_mask(tmp_path, name, mask) for name, mask in (("a", EMPTY), ("b", HALF))]
    checked = check_pairs(pairs, classes)
    assert [one.pixels.tolist() for one in checked] == [[0, 8], [4, 4]]
    assert classes.readings == {"gray": "colors"}
    assert read_label(pairs[0].label, classes).tolist() == [[1] * 4] * 2


def test_labels_of_other_splits_take_part_in_the_decision(tmp_path):
    classes = ClassDict(["object", "background"], [(255, 255, 255), (0, 0, 0)])
    empty, half = (save_mask(tmp_path, name, mask) for name, mask in (("a", EMPTY), ("b", HALF)))
    with pytest.raises(UsageError, match="two ways"):
        check_pairs([empty], classes)
    assert check_pairs([empty], classes, other_labels=[half.label])[0].pixels.tolist() == [0, 8]


def test_black_rgb_labels_do_not_decide_against_the_indices_of_other_splits(tmp_path):
    classes = ClassDict(["road", "tree", "ground"], [(255, 0, 0), (0, 255, 0), (0, 0, 0)])
    empty, indices = (
        save_mask(tmp_path, name, np.array([values], np.uint8)) for name, values in (("a", [0] * 3), ("b", [0, 1, 2]))
    )
    for pair in (empty, indices):
        Image.open(pair.label).convert("RGB").save(pair.label)
    assert check_pairs([empty], classes, other_labels=[indices.label])[0].pixels.tolist() == [3, 0, 0]
    assert classes.readings == {"rgb": "indices"}


def test_a_damaged_label_of_another_split_is_left_to_that_split(tmp_path, classes):
    pair = save_mask(tmp_path, "a", EMPTY)
    (tmp_path / "b.png").write_bytes(b"no image")
    assert check_pairs([pair], classes, other_labels=[tmp_path / "b.png"])[0].pixels.tolist() == [8, 0, 0]


def test_two_readings_are_shown_with_their_pixels(tmp_path):
    classes = ClassDict(["ground", "crack"], [(0, 0, 0), (255, 0, 0)])
    pairs = [save_mask(tmp_path, name, mask) for name, mask in (("a", EMPTY), ("b", HALF))]
    with pytest.raises(UsageError) as error:
        check_pairs(pairs, classes)
    for part in ("ground 12 px, crack 0 px, 4 ignored", "ground 12 px, crack 4 px", "--label_format indices",
                 "--label_format binary"):  # fmt: skip
        assert part in str(error.value)
    for label_format, expected in (("indices", [4, 0]), ("binary", [4, 4])):
        classes = ClassDict(["ground", "crack"], [(0, 0, 0), (255, 0, 0)], label_format=label_format)
        assert check_pairs(pairs, classes)[1].pixels.tolist() == expected


def test_nearest_colors_are_counted(tmp_path):
    classes = ClassDict(["ground", "crack"], [(0, 0, 0), (255, 255, 255)], unknown="nearest")
    pair = save_mask(tmp_path, "a", np.array([[0, 9, 127, 128, 250, 255]], np.uint8))
    (checked,) = check_pairs([pair], classes)
    assert checked.pixels.tolist() == [3, 3] and checked.unknown == 4 and checked.ignored == 0
    assert read_label(pair.label, classes).tolist() == [[0, 0, 0, 1, 1, 1]]


def test_remedy_is_said_once(tmp_path, classes):
    pairs = [make_pair(tmp_path, f"p{i}", np.array([[0, 3, 3]])) for i in range(3)]
    with pytest.raises(UsageError) as error:
        check_pairs(pairs, classes)
    assert str(error.value).count("add the classes") == 1


def turned_pair(folder, name, orientation, drawn, size=(8, 12)):
    """Writes a photo with an EXIF orientation, and its label drawn "stored" or "upright"; red is where the house is."""
    label = np.zeros(size, np.uint8)
    label[:3, :5] = 1
    seen = label  # the photo as viewers show it
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = undo_orientation(seen, orientation)
    pair = Pair(name, folder / f"{name}.png", folder / f"{name}_L.png")
    Image.fromarray(np.array(COLORS, np.uint8)[stored]).save(pair.image, exif=exif)
    Image.fromarray(np.array(COLORS, np.uint8)[seen if drawn == "upright" else stored]).save(pair.label)
    return pair


def fits(pair, classes):
    """Whether the image lies under its label."""
    image, label = read_pair(pair.image, pair.label, classes)
    return np.array_equal(image, np.array(COLORS, np.uint8)[label])


@pytest.mark.parametrize("drawn", ["stored", "upright"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_labels_of_turned_photos_are_drawn_as_all_others(tmp_path, classes, drawn, orientation):
    pairs = [turned_pair(tmp_path, "a", 6, drawn), turned_pair(tmp_path, "b", orientation, drawn)]
    check_pairs(pairs, classes)
    assert all(fits(pair, classes) for pair in pairs)
    assert classes.orientation == ("auto" if orientation >= 5 else drawn)


@pytest.mark.parametrize("drawn", ["stored", "upright"])
def test_labels_of_half_turned_photos_alone_need_a_flag(tmp_path, classes, drawn):
    pairs = [turned_pair(tmp_path, "a", 3, drawn), turned_pair(tmp_path, "b", 1, drawn)]
    with pytest.raises(UsageError, match="a.png has an EXIF orientation.*--image_orientation stored or upright"):
        check_pairs(pairs, classes)
    with pytest.raises(UsageError, match="--image_orientation"):
        read_pair(pairs[0].image, pairs[0].label, classes)
    classes.orientation = drawn
    check_pairs(pairs, classes)
    assert all(fits(pair, classes) for pair in pairs)


def test_labels_drawn_either_way_are_refused_where_the_size_does_not_tell(tmp_path, classes):
    pairs = [turned_pair(tmp_path, "a", 6, "stored"), turned_pair(tmp_path, "b", 8, "upright")]
    check_pairs(pairs, classes)
    assert all(fits(pair, classes) for pair in pairs)
    square = turned_pair(tmp_path, "c", 6, "stored", size=(9, 9))
    with pytest.raises(UsageError, match="c.png has an EXIF orientation"):
        check_pairs([*pairs, square], classes)


def test_converted_labels_are_drawn_as_stored(tmp_path):
    (tmp_path / "class_dict.csv").write_text("name,r,g,b\nground,0,0,0\nhouse,255,0,0\n")
    assert read_classes(tmp_path).orientation == "auto"
    (tmp_path / "conversion.json").write_text("{}")
    assert read_classes(tmp_path).orientation == "stored"


def test_images_that_are_only_copied_may_have_any_bands(tmp_path, classes):
    pairs = [turned_pair(tmp_path, "a", 3, "stored"), make_pair(tmp_path, "b", np.array([[0, 1, 2]]))]
    pairs[1].image.write_bytes(tiff_bytes(np.ones((1, 3, 2), np.uint8), 1, (2,), pages=2))
    pairs[1].image.with_name("c.png").write_bytes(b"no image")
    assert [one.size for one in check_pairs(pairs, classes, image_format=None)] == [(8, 12), (1, 3)]
    assert classes.orientation == "auto"
    pairs[1] = pairs[1]._replace(image=pairs[1].image.with_name("c.png"))
    with pytest.raises(UsageError, match="cannot read .*c.png"):
        check_pairs(pairs, classes, image_format=None)
