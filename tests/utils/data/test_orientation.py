import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.utils.data.tiff_files import samples_of, tiff_bytes
from utils.data.orientation import (
    apply_orientation,
    decide_orientation,
    drawn_orientation,
    exif_orientation,
    orientation_of,
    undo_orientation,
)
from utils.errors import UsageError

PIXELS = samples_of("u1", 3, 12, 20)


def encode(orientation, kind):
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(PIXELS).save(file, kind, exif=exif, **options)
    return file.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_apply_is_what_viewers_do_and_undo_reverts_it(orientation):
    with Image.open(io.BytesIO(encode(orientation, "PNG"))) as image:
        seen = np.asarray(ImageOps.exif_transpose(image))
    upright = apply_orientation(PIXELS, orientation)
    assert np.array_equal(upright, seen)
    assert np.array_equal(undo_orientation(upright, orientation), PIXELS)
    assert upright.flags.c_contiguous


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_every_kind(kind, orientation, tmp_path):
    data = encode(orientation, kind)
    assert orientation_of(data) == orientation
    (tmp_path / "a").write_bytes(data)
    assert exif_orientation(tmp_path / "a") == orientation


def test_no_orientation(tmp_path):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, "JPEG")
    assert orientation_of(file.getvalue()) == orientation_of(b"") == orientation_of(b"II*\0") == 1
    assert exif_orientation(tmp_path / "missing.jpg") == 1
    assert orientation_of(tiff_bytes(PIXELS, 2, tags=[(274, "H", [9])])) == 1  # there is no 9
    assert orientation_of(encode(6, "PNG")[:40] + b"eXIf") == 1


@pytest.mark.parametrize(
    "orientation, stored, label, drawn",
    [
        (1, (12, 20), (12, 20), "same"),
        (1, (12, 20), (20, 12), "different"),
        (6, (12, 20), (12, 20), "stored"),
        (6, (12, 20), (20, 12), "upright"),
        (5, (12, 20), (20, 12), "upright"),
        (8, (12, 12), (12, 12), "ambiguous"),
        (3, (12, 20), (12, 20), "ambiguous"),
        (2, (12, 20), (20, 12), "different"),
        (6, (12, 20), (12, 21), "different"),
    ],
)
def test_how_a_label_was_drawn(orientation, stored, label, drawn):
    assert drawn_orientation(orientation, stored, label) == drawn


def test_one_decision_for_all_labels_whose_size_does_not_tell():
    def decide(*drawn):
        return decide_orientation(drawn, [f"{number}.jpg" for number in range(len(drawn))])

    assert decide() == decide("same", "stored", "upright") == "auto"
    assert decide("same", "ambiguous", "upright", "upright") == "upright"
    assert decide("stored", "ambiguous") == "stored"
    with pytest.raises(UsageError, match="1.jpg and 1 more images have.*--image_orientation stored or upright"):
        decide("same", "ambiguous", "ambiguous")
    with pytest.raises(UsageError, match="1.jpg has an EXIF orientation"):
        decide("stored", "ambiguous", "upright")
