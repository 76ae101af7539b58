"""Crop and batch size: shape of the images, memory, frontends. `test_plan.py` tests them on generated fingerprints."""

import dataclasses

from tiny_fingerprints import CAMVID, GIB, LAPTOP

from utils.auto.costs import COSTS
from utils.auto.crop import batch_sizes, choose_crop_and_batch, crop_size, smallest_side

COST = COSTS["custom", "MobileNet"]
FLAGS = {"model": "custom", "frontend": "MobileNet", "mixed_precision": "float32"}


def test_crops_have_the_shape_of_the_images():
    assert crop_size(224 * 320, CAMVID, 64) == (224, 320)
    tall = dataclasses.replace(CAMVID, height=480, width=360, smallest_height=480, smallest_width=360)
    assert crop_size(224 * 320, tall, 64) == (320, 224)
    panorama = dataclasses.replace(CAMVID, height=300, width=6000, smallest_height=300, smallest_width=6000)
    height, width = crop_size(224 * 320, panorama, 64)
    assert width <= 2 * height + 32
    small = dataclasses.replace(CAMVID, smallest_height=100, smallest_width=70)
    assert crop_size(224 * 320, small, 64) == (96, 64)


def test_smallest_sides_are_multiples_of_32():
    assert [smallest_side(size) for size in (1, 32, 71, 97)] == [64, 64, 96, 128]


def test_less_memory_gives_smaller_batches_first():
    results = []
    for memory in (16, 2.1, 1.6):
        flags, machine = dict(FLAGS), dataclasses.replace(LAPTOP, memory=int(memory * GIB))
        assert choose_crop_and_batch(flags, {}, CAMVID, machine, COST, is_long=False)
        results.append((flags["crop_height"] * flags["crop_width"], flags["batch_size"]))
    assert results[0] == (224 * 320, 4)
    assert results[1] == (224 * 320, results[1][1]) and 1 < results[1][1] < 4
    assert results[2][0] < 224 * 320 and results[2][1] > 1


def test_images_of_which_one_fits_are_predicted_one_at_a_time():
    """Validation predicts whole images in batches of the training's size."""
    machine = dataclasses.replace(LAPTOP, memory=8 * GIB)
    large = dataclasses.replace(CAMVID, height=3000, width=4000, smallest_height=3000, smallest_width=4000)
    flags = {**FLAGS, "crop_height": 224, "crop_width": 320}
    assert batch_sizes(flags, {}, large, machine, COST, 224 * 320, False) == [1]
    assert batch_sizes(flags, {}, CAMVID, machine, COST, 224 * 320, False) == [4, 3, 2]
    assert batch_sizes(flags, {"batch_size": 9}, large, machine, COST, 224 * 320, False) == [9]
