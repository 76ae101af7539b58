import numpy as np
import pytest

from utils.data.augmentation import Augmentation, paste_box


def rng(seed=0):
    return np.random.default_rng(seed)


def noise(height, width, seed=0):
    image = rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return image, rng(seed + 1).integers(0, 12, (height, width)).astype(np.uint8)


def coordinates(height, width):
    """An image whose pixels are their coordinates (red: x, green: y), and a label of the same numbers."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, 0 * x], axis=-1).astype(np.uint8), (x + 7 * y).astype(np.uint8) % 250


def corner(image):
    """`(x, y)` of the upper left pixel of a crop of `coordinates`."""
    return int(image[0, 0, 0]), int(image[0, 0, 1])


@pytest.mark.parametrize("height, width", [(1, 1), (37, 53), (64, 96), (360, 480)])
def test_nothing_changes_nothing(height, width):
    image, label = noise(height, width)
    for seed in range(5):
        new_image, new_label = Augmentation(height, width)(image, label, rng(seed))
        assert new_image.dtype == new_label.dtype == np.uint8
        assert np.array_equal(new_image, image) and np.array_equal(new_label, label)


@pytest.mark.parametrize("h_flip, v_flip", [(True, False), (False, True), (True, True)])
@pytest.mark.parametrize("height, width", [(40, 60), (41, 61)])
def test_flips_are_exact_and_as_likely_as_no_flips(h_flip, v_flip, height, width):
    image, label = noise(height, width)
    augment = Augmentation(height, width, h_flip=h_flip, v_flip=v_flip)
    flips = {(x, y): 0 for x in (False, True)[: 1 + h_flip] for y in (False, True)[: 1 + v_flip]}
    for seed in range(200):
        new_image, new_label = augment(image, label, rng(seed))
        same = [
            (x, y) for x, y in flips
            if np.array_equal(new_image, image[:: -1 if y else 1, :: -1 if x else 1])
            and np.array_equal(new_label, label[:: -1 if y else 1, :: -1 if x else 1])
        ]  # fmt: skip
        assert len(same) == 1
        flips[same[0]] += 1
    expected = 200 / len(flips)
    assert all(abs(count - expected) < 5 * expected**0.5 for count in flips.values())


def test_crop_is_a_window_at_the_same_place_of_image_and_label():
    image, label = coordinates(50, 70)
    for seed in range(50):
        new_image, new_label = Augmentation(20, 30)(image, label, rng(seed))
        x, y = corner(new_image)
        assert np.array_equal(new_image, image[y : y + 20, x : x + 30])
        assert np.array_equal(new_label, label[y : y + 20, x : x + 30])


@pytest.mark.parametrize("h_flip", [False, True])
def test_every_crop_is_reached_including_the_last(h_flip):
    image, label = coordinates(12, 15)
    augment, generator = Augmentation(10, 11, h_flip=h_flip), rng()
    counts = {}
    for _ in range(3000):
        new_image, _ = augment(image, label, generator)
        place = new_image[..., 0].min(), new_image[..., 1].min()
        counts[place] = counts.get(place, 0) + 1
    assert set(counts) == {(x, y) for x in range(5) for y in range(3)}
    assert min(counts.values()) > 130 and max(counts.values()) < 280  # 200 each


def test_larger_crop_mirrors_the_image_and_ignores_the_label():
    image, label = noise(20, 30)
    places = set()
    for seed in range(300):
        new_image, new_label = Augmentation(26, 33)(image, label, rng(seed))
        inside = new_label != 255
        top, left = np.argwhere(inside)[0]
        places.add((int(left), int(top)))
        assert inside.sum() == 20 * 30 and np.array_equal(new_label[top : top + 20, left : left + 30], label)
        mirrored = np.pad(image, [(top, 6 - top), (left, 3 - left), (0, 0)], mode="reflect")
        assert np.array_equal(new_image, mirrored)
    assert places == {(x, y) for x in range(4) for y in range(7)}


def test_crop_larger_one_way_and_smaller_the_other():
    image, label = noise(20, 30)
    new_image, new_label = Augmentation(50, 10)(image, label, rng(3))
    assert new_image.shape == (50, 10, 3) and (new_label != 255).sum() == 20 * 10


def test_crop_many_times_the_image():
    image, label = noise(5, 4)
    new_image, new_label = Augmentation(40, 40)(image, label, rng(3))
    assert (new_label != 255).sum() == 20
    assert {tuple(p) for p in new_image.reshape(-1, 3)} == {tuple(p) for p in image.reshape(-1, 3)}


def blobs(height=120, width=160):
    """Disks of classes 1 to 4 on class 0, the image painted in the class's gray."""
    y, x = np.mgrid[:height, :width]
    label = np.zeros((height, width), np.uint8)
    for index, (cx, cy, radius) in enumerate([(40, 35, 20), (115, 40, 26), (60, 90, 22), (125, 95, 17)], start=1):
        label[(x - cx) ** 2 + (y - cy) ** 2 < radius**2] = index
    return np.repeat(50 * label[..., None], 3, axis=2), label


@pytest.mark.parametrize(
    "options", [{"rotation": 30}, {"zoom": 0.5}, {"rotation": 180, "zoom": 0.3, "h_flip": True, "v_flip": True}]
)
def test_image_and_label_stay_together(options):
    image, label = blobs()
    seen = []
    for seed in range(20):
        new_image, new_label = Augmentation(100, 130, **options)(image, label, rng(seed))
        inside = new_label != 255
        error = np.abs(new_image[..., 0].astype(int) - 50 * new_label)[inside]
        # Only along the outlines, where the image is interpolated and the label is not, do they differ.
        assert (error > 30).mean() < 0.03 and np.median(error) == 0
        assert set(np.unique(new_label)) <= {0, 1, 2, 3, 4, 255}
        seen.append(new_label)
    assert len({labels.tobytes() for labels in seen}) == 20


def linear_part(augment, image, label, generator):
    """The 2x2 matrix of a crop of `ramps`, measured from its pixels' coordinates in the image."""
    new_image, new_label = augment(image, label, generator)
    inside = new_label == 1
    y, x = np.nonzero(inside)
    design = np.stack([x, y, np.ones_like(x)], axis=1)
    return np.linalg.lstsq(design, new_image[inside][:, :2].astype(float), rcond=None)[0][:2].T


def measured(options, count=200):
    """Angles in degrees and scales of so many augmentations."""
    image, label = coordinates(200, 200)
    augment, generator = Augmentation(90, 90, **options), rng()
    matrices = [linear_part(augment, image, np.ones_like(label), generator) for _ in range(count)]
    angles = np.array([np.rad2deg(np.arctan2(m[1, 0] - m[0, 1], m[0, 0] + m[1, 1])) for m in matrices])
    scales = np.array([1 / np.sqrt(np.linalg.det(m)) for m in matrices])
    return angles, scales


def test_angles_are_within_their_range_and_fill_it():
    angles, scales = measured({"rotation": 25})
    assert np.abs(angles).max() < 25.5 and angles.min() < -22 and angles.max() > 22
    assert np.abs(scales - 1).max() < 0.01


def test_scales_are_within_their_range_and_fill_it():
    angles, scales = measured({"zoom": 0.4})
    assert 0.59 < scales.min() < 0.65 and 1.35 < scales.max() < 1.41
    assert np.abs(angles).max() < 0.5


def test_rotation_is_about_the_center():
    image, label = coordinates(101, 101)
    for seed in range(10):
        new_image, _ = Augmentation(101, 101, rotation=180)(image, label, rng(seed))
        assert new_image[50, 50].tolist() == [50, 50, 0]


@pytest.mark.parametrize("zoom", [0.3, 0.6])
def test_zoomed_image_lies_whole_in_a_crop_that_is_large_enough(zoom):
    label = np.zeros((60, 80), np.uint8)
    label[0], label[-1], label[:, 0], label[:, -1] = 1, 2, 3, 4
    image = np.repeat(label[..., None], 3, axis=2)
    for seed in range(20):
        _, new_label = Augmentation(200, 200, zoom=zoom)(image, label, rng(seed))
        ys, xs = np.nonzero(new_label != 255)
        height, width = np.ptp(ys) + 1, np.ptp(xs) + 1
        assert abs(height / width - 60 / 80) < 0.04
        assert (1 - zoom) * 60 - 1 <= height <= (1 + zoom) * 60 + 1
        # The outline is there or, where the image shrank, lost evenly; nothing was cut off.
        if height >= 60:
            assert {1, 2, 3, 4} <= set(np.unique(new_label))


def test_brightness_saturates_and_stays_in_its_range():
    image = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    label = np.arange(256, dtype=np.uint8)[None] % 12
    factors = []
    for seed in range(100):
        new_image, new_label = Augmentation(1, 256, brightness=0.5)(image, label, rng(seed))
        assert np.array_equal(new_label, label)
        values = new_image[0, :, 0].astype(int)
        assert (np.diff(values) >= 0).all() and values[0] == 0  # no wrap-around
        factors.append(values[100] / 100)
        assert np.abs(values - np.minimum(np.arange(256) * factors[-1], 255)).max() < 2
    assert 0.49 < min(factors) < 0.56 and 1.44 < max(factors) < 1.51


def test_same_state_gives_the_same_and_another_state_something_else():
    image, label = noise(50, 60)
    augment = Augmentation(32, 32, True, True, 0.3, 20, 0.3)
    first, again, other = (augment(image, label, rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not np.array_equal(first[0], other[0])


def test_settings_do_not_change_the_random_numbers_of_others():
    image, label = coordinates(60, 60)
    base = {"h_flip": True, "brightness": 0.2}
    for seed in range(20):
        narrow, _ = Augmentation(40, 40)(image, label, rng(seed))
        flipped, _ = Augmentation(40, 40, h_flip=True)(image, label, rng(seed))
        assert narrow[..., 1].min() == flipped[..., 1].min()
        # The brightness is drawn alike whether there is a choice of crops or not.
        flat = np.full_like(image, 100)
        brightness = {int(Augmentation(size, size, **base)(flat, label, rng(seed))[0].max()) for size in (60, 40, 80)}
        assert len(brightness) == 1


def test_input_is_left_as_it_was():
    image, label = noise(30, 30)
    kept = image.copy(), label.copy()
    for size in (30, 20, 50):
        outputs = Augmentation(size, size, True, True, 0.5, 20, 0.2)(image, label, rng())
        for output in outputs:
            output[:] = 0
    assert np.array_equal(image, kept[0]) and np.array_equal(label, kept[1])


def test_scale_range_goes_from_one_end_to_the_other_and_halves_are_as_likely_as_doubles():
    """The red value is x: its slope in the crop is the inverse of the scale."""
    image, label = coordinates(200, 200)
    scales = []
    for seed in range(300):
        new_image, _ = Augmentation(60, 60, scale_range=(0.5, 2.0))(image, label, rng(seed))
        scales.append(40 / (float(new_image[30, 50, 0]) - float(new_image[30, 10, 0])))
    assert 0.49 < min(scales) < 0.56 and 1.8 < max(scales) < 2.1
    assert 0.42 < np.mean(np.array(scales) < 1) < 0.58


def test_a_scale_range_changes_nothing_else():
    """The same flips, and the same colors."""
    image, label = np.full((40, 60, 3), 100, np.uint8), np.zeros((40, 60), np.uint8)
    options = {"h_flip": True, "brightness": 0.5}
    for seed in range(20):
        alone, _ = Augmentation(30, 30, **options)(image, label, rng(seed))
        scaled, _ = Augmentation(30, 30, **options, scale_range=(1.5, 2.0))(image, label, rng(seed))
        assert np.array_equal(alone, scaled)


def test_color_jitter_keeps_the_middle_gray_and_the_grays_gray_and_the_label():
    image = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    label = np.zeros((1, 256), np.uint8)
    slopes = []
    for seed in range(100):
        colors, new_label = Augmentation(1, 256, color_jitter=0.4)(image, label, rng(seed))
        colors = colors.astype(int)
        assert np.ptp(colors, axis=-1).max() <= 1 and abs(colors[0, 127, 0] - 127) <= 1
        assert np.array_equal(label, new_label)
        slopes.append((colors[0, 147, 0] - colors[0, 107, 0]) / 40)
    assert 0.58 < min(slopes) < 0.7 and 1.3 < max(slopes) < 1.42


def test_color_jitter_rotates_the_hue_a_little_and_keeps_the_luma():
    image = np.full((1, 1, 3), (140, 120, 110), np.uint8)
    luma = np.array([0.299, 0.587, 0.114])
    jitter = Augmentation(1, 1, color_jitter=0.5)
    rotated = jitter._color_matrix(0.0, 0.0, 1.0) @ np.array([*image[0, 0], 1.0])
    assert rotated @ luma == pytest.approx(image[0, 0] @ luma, abs=0.1)
    assert np.abs(rotated - image[0, 0]).max() > 3
    np.testing.assert_allclose(jitter._color_matrix(0.0, 0.0, 0.0), np.eye(3, 4), atol=1e-9)


@pytest.mark.parametrize("channels", [1, 2, 4, 8])
def test_bands_stay_together_and_only_their_contrast_changes(channels):
    image, label = blobs()
    gray = np.repeat(image[..., :1], channels, axis=2)
    options = {"h_flip": True, "rotation": 20, "scale_range": (0.5, 2.0), "brightness": 0.2}
    expected, expected_label = Augmentation(64, 96, **options)(np.repeat(gray[..., :1], 3, axis=2), label, rng(3))
    bands, new_label = Augmentation(64, 96, **options)(gray, label, rng(3))
    assert bands.shape == (64, 96, channels) and np.array_equal(new_label, expected_label)
    # For other numbers of channels than 1, 3 and 4 OpenCV interpolates in steps of 1/32 pixel.
    assert np.abs(bands.astype(int) - expected[..., :1]).max() <= 10 and np.array_equal(bands[..., 0], bands[..., -1])
    values = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(channels, axis=2)
    for seed in range(10):
        jittered, _ = Augmentation(16, 16, color_jitter=0.5)(values, label[:16, :16], rng(seed))
        assert np.array_equal(jittered, jittered[..., :1].repeat(channels, axis=2))
        contrast = (int(jittered[9, 0, 0]) - int(jittered[7, 0, 0])) / 32
        assert 0.45 <= contrast <= 1.55 and abs(int(jittered[7, 15, 0]) - 127) <= 1


def test_a_box_is_pasted_into_image_label_and_soft_label_alike_and_covers_any_share():
    """Ones are pasted into zeros."""
    shapes, shares, boxes = [(40, 60, 3), (40, 60), (40, 60, 5)], [], set()
    zeros, ones = ([np.full(shape, value, np.uint8) for shape in shapes] for value in (0, 1))
    for seed in range(400):
        image, label, soft = paste_box(zeros, ones, rng(seed))
        assert (image == label[..., None]).all() and (soft == label[..., None]).all()
        rows, columns = label.any(axis=1), label.any(axis=0)
        assert np.array_equal(label, np.outer(rows, columns))
        assert (np.diff(rows.astype(int)) != 0).sum() <= 2 and (np.diff(columns.astype(int)) != 0).sum() <= 2
        shares.append(label.mean())
        boxes.add(label.tobytes())
    assert not any(array.any() for array in zeros) and len(boxes) > 300
    assert min(shares) < 0.02 and max(shares) > 0.7
    # half of the crop, less what lies outside of it: along one side of length s, E[inside] = s - s^2 / 4
    side = np.sqrt(np.linspace(0, 1, 10001))
    assert np.mean(shares) == pytest.approx(np.mean((side - side**2 / 4) ** 2), abs=0.03)
