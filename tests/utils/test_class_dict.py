import json
import threading

import numpy as np
import pytest

from utils.class_dict import IGNORED, ClassDict
from utils.errors import UsageError

NAMES = ["Sky", "Road", "Car", "Void"]
COLORS = [(128, 128, 128), (128, 64, 128), (64, 0, 128), (0, 0, 0)]


@pytest.fixture
def classes():
    return ClassDict(NAMES, COLORS)


@pytest.fixture
def lenient():
    """The same classes; other colors and indices are ignored."""
    return ClassDict(NAMES, COLORS, unknown="ignore")


@pytest.mark.parametrize(
    "names, colors",
    [
        (["a", "a"], [(0, 0, 0), (1, 1, 1)]),
        (["a", "b"], [(1, 1, 1), (1, 1, 1)]),
        (["a"], [(0, 0, 0), (1, 1, 1)]),
        ([], []),
    ],
)
def test_constructor_refuses_what_is_no_mapping(names, colors):
    with pytest.raises(UsageError):
        ClassDict(names, colors)


def test_encode_and_decode_are_inverse():
    rng = np.random.default_rng(0)
    for num_classes in (1, 2, 32, 254):
        packed = rng.choice(1 << 24, num_classes, replace=False)
        colors = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1)
        classes = ClassDict(map(str, range(num_classes)), colors)
        indices = rng.integers(0, num_classes, (31, 17)).astype(np.uint8)
        rgb = classes.decode(indices)
        assert rgb.dtype == np.uint8 and rgb.shape == (31, 17, 3)
        assert np.array_equal(rgb, colors[indices])
        encoded = classes.encode(rgb)
        assert encoded.dtype == np.uint8 and np.array_equal(encoded, indices)


def test_every_channel_counts_in_the_lookup(classes):
    for index, color in enumerate(COLORS):
        assert classes.encode(np.full((1, 1, 3), color, np.uint8)) == index
        for channel in range(3):
            for step in (-1, 1):
                near = np.array(color, int)
                near[channel] = (near[channel] + step) % 256
                assert not classes.is_known(near[None, None].astype(np.uint8)).any()
                with pytest.raises(UsageError):
                    classes.encode(near[None, None].astype(np.uint8))
    # The channels interchanged are another color.
    assert not classes.is_known(np.array([[[128, 0, 64], [128, 128, 64]]], np.uint8)).any()


def test_views_and_other_memory_layouts_are_encoded(classes):
    indices = np.arange(12, dtype=np.uint8).reshape(3, 4) % 4
    rgb = classes.decode(indices)
    assert np.array_equal(classes.encode(rgb[:, ::-1]), indices[:, ::-1])
    assert np.array_equal(classes.encode(np.asfortranarray(rgb)), indices)
    assert np.array_equal(classes.encode(rgb[::2, 1:3]), indices[::2, 1:3])


def test_unknown_colors_are_named_with_their_numbers_of_pixels(classes, lenient):
    rgb = classes.decode(np.zeros((10, 10), np.uint8))
    rgb[0, :5], rgb[1, :3], rgb[2, :7], rgb[3, :1] = (1, 2, 3), (255, 0, 0), (0, 0, 255), (9, 9, 9)
    with pytest.raises(UsageError) as error:
        classes.encode(rgb, name="labels/a_L.png")
    message = str(error.value)
    assert message.startswith("labels/a_L.png: 4 colors")
    order = ["(0, 0, 255) (7 px)", "(1, 2, 3) (5 px)", "(255, 0, 0) (3 px)", ", ..."]
    positions = [message.index(part) for part in order]
    assert positions == sorted(positions)
    assert "(9, 9, 9)" not in message
    encoded = lenient.encode(rgb)
    assert (encoded == IGNORED).sum() == 16 and (encoded == 0).sum() == 84


def test_unknown_indices_are_named_with_their_numbers_of_pixels(classes, lenient):
    values = np.array([[0, 1, 4, 4], [3, 255, 254, 255]], np.uint8)
    with pytest.raises(UsageError) as error:
        classes.encode_indices(values, name="a.png")
    assert str(error.value).startswith("a.png: 2 values") and "4 (2 px), 254 (1 px)" in str(error.value)
    assert ", ..." not in str(error.value) and error.value.pixels == {"4": 2, "254": 1}
    assert lenient.encode_indices(values).tolist() == [[0, 1, 255, 255], [3, 255, 255, 255]]
    assert lenient.encode_indices(np.array([[300, 2]], np.uint16)).tolist() == [[255, 2]]


def test_input_is_left_as_it_was(lenient):
    rgb, values = np.full((2, 2, 3), 7, np.uint8), np.full((2, 2), 200, np.uint8)
    lenient.encode(rgb)
    lenient.encode_indices(values)
    assert (rgb == 7).all() and (values == 200).all()


def test_without_takes_a_class_out(classes):
    fewer = classes.without(["Road"])
    assert fewer.class_names == ["Sky", "Car", "Void"] and fewer.num_classes == 3
    all_indices = np.array([[0, 1, 2, 3]], np.uint8)
    assert fewer.encode(classes.decode(all_indices)).tolist() == [[0, 255, 1, 2]]
    assert fewer.encode_indices(all_indices).tolist() == [[0, 255, 1, 2]]
    assert fewer.decode(np.array([[0, 255, 1, 2]])).tolist() == [[list(color) for color in COLORS]]
    assert fewer.is_known(classes.decode(all_indices)).all()
    assert classes.num_classes == 4 and classes.encode_indices(all_indices).tolist() == [[0, 1, 2, 3]]


def test_decode_of_ignored_pixels_is_black_without_an_ignored_class(classes):
    assert classes.decode(np.array([[255, 0]], np.uint8)).tolist() == [[[0, 0, 0], [128, 128, 128]]]


@pytest.mark.parametrize("steps", [[["Sky"], ["Car"]], [["Car"], ["Sky"]], [["Car", "Sky"]], [["Sky", "Car", "Sky"]]])
def test_without_twice_is_without_both(classes, steps):
    fewer = classes
    for names in steps:
        fewer = fewer.without(names)
    assert fewer.class_names == ["Road", "Void"]
    all_indices = np.array([[0, 1, 2, 3, 255]], np.uint8)
    assert fewer.encode_indices(all_indices).tolist() == [[255, 0, 255, 1, 255]]
    assert fewer.encode(classes.decode(all_indices[:, :4])).tolist() == [[255, 0, 255, 1]]


def test_without_refuses_unknown_names_and_too_few_classes(classes):
    with pytest.raises(UsageError, match="'Sea'.*Sky, Road, Car, Void"):
        classes.without(["Sea"])
    with pytest.raises(UsageError, match="leaves 1"):
        classes.without(["Sky", "Road", "Car"])
    with pytest.raises(UsageError, match="no class 'Sky'"):
        classes.without(["Sky"]).without(["Sky"])


def test_dict_round_trip_through_json(classes):
    fewer = classes.without(["Sky"]).without(["Car"])
    again = ClassDict.from_dict(json.loads(json.dumps(fewer.to_dict())))
    assert again.class_names == fewer.class_names and np.array_equal(again.label_values, fewer.label_values)
    assert again.to_dict() == fewer.to_dict()
    all_indices = np.array([[0, 1, 2, 3, 255]], np.uint8)
    assert np.array_equal(again.encode_indices(all_indices), fewer.encode_indices(all_indices))
    rgb = classes.decode(all_indices)
    assert np.array_equal(again.encode(rgb), fewer.encode(rgb))
    assert np.array_equal(again.decode(np.array([[0, 1, 255]])), fewer.decode(np.array([[0, 1, 255]])))


@pytest.mark.parametrize("unknown", ["error", "ignore"])
def test_the_treatment_of_unknown_colors_goes_with_the_classes(tmp_path, unknown):
    path = tmp_path / "class_dict.csv"
    path.write_text("name,r,g,b\nSky,1,2,3\nRoad,4,5,6\nVoid,0,0,0\n")
    classes = ClassDict.from_csv(path, unknown)
    settings = {"unknown_colours": "error", **classes.without(["Void"]).to_dict()}
    assert classes.unknown == classes.without(["Void"]).unknown == settings["unknown_colours"] == unknown
    assert ClassDict.from_dict(settings).unknown == ClassDict.from_dict(settings, None).unknown == unknown
    for override in ("error", "ignore"):
        assert ClassDict.from_dict(settings, override).unknown == override
    del settings["unknown_colours"]  # as written by an earlier version of `to_dict`
    assert ClassDict.from_dict(settings).unknown == "error"


class _Intruder(dict):
    """Ignored classes that let another thread encode while the first one is still building the table."""

    encode = result = None

    def values(self):
        if self.encode:
            encode, self.encode = self.encode, None
            thread = threading.Thread(target=lambda: setattr(self, "result", encode()))
            thread.start()
            thread.join()
        return super().values()


def test_threads_never_see_an_unfinished_table(lenient):
    rgb, indices = lenient.decode(np.array([[0, 1, 2, 3]])), np.array([[0, 1, 2, 3]], np.uint8)
    lenient.ignored = intruder = _Intruder()
    intruder.encode = lambda: lenient.encode(rgb).tolist()
    assert lenient.encode(rgb).tolist() == intruder.result == [[0, 1, 2, 3]]
    intruder.encode = lambda: lenient.encode_indices(indices).tolist()
    assert lenient.encode_indices(indices).tolist() == intruder.result == [[0, 1, 2, 3]]
