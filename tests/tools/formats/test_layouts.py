import re

import pytest

from tools.formats.layouts import find_pairs
from utils.errors import UsageError


@pytest.fixture
def find(tmp_path):
    """Makes empty files and finds their pairs as `split: image mask`, paths relative to the source."""

    def find(*files, **options):
        for file in files:
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).touch()
        problems = []
        pairs, _ = find_pairs(tmp_path, problems=problems, **options)
        shown = [
            (pair.split, pair.name, *(path.relative_to(tmp_path).as_posix() for path in (pair.image, pair.mask)))
            for pair in pairs
        ]
        return shown, [problem.replace(f"{tmp_path}/", "") for problem in problems]

    return find


@pytest.mark.parametrize(
    "image, mask, split, name",
    [
        ("images/a.jpg", "masks/a.png", None, "a"),
        ("Images/a.jpg", "Labels/a_label.png", None, "a"),
        ("img/a.jpg", "gt/a_gt.png", None, "a"),
        ("images/a.jpg", "masks/a_mask.gif", None, "a"),
        ("images/a.jpg", "masks/a.npy", None, "a"),
        ("images/a.jpg", "annotations/trimaps/a.png", None, "a"),
        ("images/top_2_10_RGB.tif", "labels/top_2_10_label.tif", None, "top_2_10"),
        ("images/train/a.jpg", "masks/train/a.png", "train", "a"),
        ("images/validation/a.jpg", "masks/valid/a.png", "val", "a"),
        ("images/city/a.jpg", "masks/city/a.png", None, "city_a"),
        ("train/images/a.jpg", "train/masks/a.png", "train", "a"),
        ("valid/image/a.jpg", "valid/label/a.png", "val", "a"),
        ("Testing/images/x/a.jpg", "Testing/masks/x/a.png", "test", "x_a"),
        ("train/a.png", "trainannot/a.png", "train", "a"),
        ("val/a.png", "val_labels/a_L.png", "val", "a"),
        ("train/a_sat.jpg", "train/a_mask.png", "train", "a"),
        ("valid/a.jpg", "valid/a_mask.png", "val", "a"),
        ("a_sat.jpg", "a_mask.png", None, "a"),
        ("a.jpg", "a-label.png", None, "a"),
    ],
)
def test_usual_layouts(find, image, mask, split, name):
    assert find(image, mask) == ([(split, name, image, mask)], [])


def test_every_split_is_found(find):
    files = [f"{split}/{kind}/{split}{number}.png" for split in ("train", "valid", "test")
             for kind in ("images", "masks") for number in range(2)]  # fmt: skip
    pairs, problems = find(*files)
    assert [pair[0] for pair in pairs] == ["train"] * 2 + ["val"] * 2 + ["test"] * 2 and not problems


def test_patterns_and_expression(find):
    files = ("a/photos/img_001.jpg", "a/truth/seg-001.png", "a/photos/img_002.jpg", "a/truth/seg-002.png")
    pairs, problems = find(*files, images="*/photos/*.jpg", masks="*/truth/*.png", match=re.compile(r"(\d+)$"))
    assert [pair[1:] for pair in pairs] == [("001", files[0], files[1]), ("002", files[2], files[3])] and not problems


def test_an_expression_for_usual_folders(find):
    pairs, _ = find("images/x7_before.jpg", "masks/truth_x7.png", match=re.compile(r"x\d"))
    assert pairs == [(None, "x7", "images/x7_before.jpg", "masks/truth_x7.png")]


def test_problems_are_collected(find):
    files = (
        "images/a.jpg",
        "images/b.jpg",
        "masks/b.png",
        "masks/c.png",
        "images/d.jpg",
        "images/d.png",
        "masks/d.png",
    )
    pairs, problems = find(*files)
    assert [pair[1] for pair in pairs] == ["b", "d"]
    assert [problem.split(" in ")[0] for problem in problems] == [
        "images/d.jpg, images/d.png are images of one name",
        "images/a.jpg has no mask of the name a",
        "masks/c.png belongs to no image",
    ]


def test_a_name_with_a_usual_ending_of_its_own(find):
    pairs, problems = find("images/my_photo.jpg", "masks/my_photo.png")
    assert pairs == [(None, "my_photo", "images/my_photo.jpg", "masks/my_photo.png")] and not problems


@pytest.mark.parametrize(
    "files, options, words",
    [
        (["pictures_of_me/a.jpg"], {}, "no usual layout"),
        (["images/a.jpg", "masks/a.png"], {"images": "images/*"}, "together"),
        (
            ["images/a.jpg", "masks/a.png"],
            {"images": "images/*.tif", "masks": "masks/*"},
            "matches no file",
        ),
        ([], {"images": "../photos/*", "masks": "masks/*"}, "--images '../photos/*' leads out of its folder by '..'"),
        ([], {"images": "/photos/*", "masks": "masks/*"}, "--images '/photos/*' is an absolute path; give a pattern"),
        (["images/a.jpg", "masks/a.png"], {"match": re.compile("z")}, "--match z matches nothing"),
    ],
)
def test_errors(find, files, options, words):
    with pytest.raises(UsageError) as error:
        find(*files, **options)
    assert words in str(error.value)
