"""Planted label errors: what each kind changes, and that seeds repeat."""

import numpy as np
import pytest

from tools.suspects.planting import KINDS, LEAST_AREA, LEAST_CHANGE, SHIFT, plant

SHAPE = 120, 160


def scene(index):
    """A label with sky 0 above road 1, a tree 2 and a car 3; 255 = ignored."""
    label = np.zeros(SHAPE, np.uint8)
    label[60:] = 1
    label[20:60, 10:60] = 2
    label[70:90, 30 + index : 70 + index] = 3
    label[:, -3:] = 255
    return label


def planted_of(kind, seed=0):
    label = scene(5)
    return label, KINDS[kind](label, lambda: scene(40), np.random.default_rng(seed), [3], LEAST_AREA)


def test_missing_object_becomes_its_surroundings():
    label, changed = planted_of("missing object")
    np.testing.assert_array_equal(changed, np.where(label == 3, 1, label))


def test_wrong_class_keeps_the_outline():
    label, changed = planted_of("wrong class")
    (other,) = set(changed[label == 3].tolist())
    assert other in (0, 1, 2) and (changed == label)[label != 3].all()


def test_swapped_classes_are_swapped_within_a_rectangle():
    label, changed = planted_of("swapped classes", 3)
    first, second = sorted(set(label[changed != label].tolist()))
    assert set(changed[changed != label].tolist()) == {first, second}
    rows, columns = np.where(changed != label)
    window = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    inside = np.isin(label[window], (first, second))
    assert (changed[window] != label[window])[inside].all()


@pytest.mark.parametrize("seed", range(4))
def test_shift_is_of_a_stated_distance(seed):
    _, changed = planted_of("shifted label", seed)
    centers = [np.argwhere(image == 3).mean(axis=0) for image in (scene(5), changed)]
    distance = np.linalg.norm(np.subtract(*centers))
    assert SHIFT[0] * SHAPE[1] - 1 <= distance <= SHIFT[1] * SHAPE[1] + 1


def test_label_of_another_image():
    np.testing.assert_array_equal(planted_of("label of another image")[1], scene(40))


def test_small_objects_are_left_alone():
    label = scene(5)
    small = np.where(label == 3, 1, label)
    small[70:72, 30:32] = 3
    assert LEAST_AREA * label.size > 4
    assert KINDS["missing object"](small, None, np.random.default_rng(0), [3], LEAST_AREA) is None


def test_all_kinds_in_turn_and_equal_for_equal_seeds():
    plans = [plant(scene, 40, 10, np.random.default_rng(seed), [3]) for seed in (1, 1, 2)]
    assert sorted(kind for kind, _ in plans[0].values()) == sorted([*KINDS] * 2)
    assert plans[0].keys() == plans[1].keys() != plans[2].keys()
    for index, (_, label) in plans[0].items():
        np.testing.assert_array_equal(label, plans[1][index][1])
        assert (label != scene(index)).mean() >= LEAST_CHANGE


def test_too_few_images():
    with pytest.raises(ValueError, match="too few"):
        plant(lambda _: np.zeros(SHAPE, np.uint8), 5, 5, np.random.default_rng(0), [3])
