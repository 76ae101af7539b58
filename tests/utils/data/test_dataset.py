import keras
import numpy as np
import pytest
from PIL import Image

from utils.class_dict import ClassDict
from utils.data import dataset
from utils.data.augmentation import Augmentation
from utils.data.dataset import SegmentationDataset
from utils.data.folder import Pair, list_pairs, read_classes
from utils.errors import UsageError

COUNT = 7


COLORS = [(0, 0, 0), (255, 0, 0), (0, 255, 0)]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    """Seven pairs; the first red value of image i is i, and so is every fourth one of it."""
    folder, rng, pairs = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0), []
    for index in range(COUNT):
        pair = Pair(f"p{index}", folder / f"p{index}.png", folder / f"p{index}_L.png")
        image = rng.integers(0, 256, (20, 24, 3)).astype(np.uint8)
        image[..., 0] = index
        Image.fromarray(image).save(pair.image)
        Image.fromarray(np.array(COLORS, np.uint8)[rng.integers(0, 3, (20, 24))]).save(pair.label)
        pairs.append(pair)
    return pairs


@pytest.fixture
def make(pairs):
    """Makes a dataset with crops of 16x12 and flips."""

    def make(batch_size=3, count=COUNT, crop=(16, 12), brightness=None, unknown="error", cutmix=None, **options):
        classes = ClassDict(["a", "b", "c"], COLORS, unknown=unknown)
        augmentation = Augmentation(*crop, h_flip=True, v_flip=True, brightness=brightness, cutmix=cutmix)
        return SegmentationDataset(pairs[:count], classes, augmentation, batch_size, **options)

    return make


def batches(data):
    return [data[step] for step in range(len(data))]


def indices_of(data):
    """The numbers of the images in each batch."""
    return [images[:, 0, 0, 0].tolist() for images, _ in batches(data)]


def equal(first, second):
    return len(first) == len(second) and all(
        np.array_equal(a, b) for one, other in zip(first, second) for a, b in zip(one, other)
    )


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 10, 20])
def test_every_epoch_has_every_image_in_batches_of_one_shape(make, batch_size):
    data = make(batch_size)
    assert len(data) == -(-COUNT // batch_size) == data.num_batches
    for epoch in range(3):
        data.set_epoch(epoch)
        for images, labels in batches(data):
            assert images.dtype == labels.dtype == np.uint8
            assert images.shape == (batch_size, 16, 12, 3) and labels.shape == (batch_size, 16, 12)
            assert set(np.unique(labels)) <= {0, 1, 2}
        seen = sum(indices_of(data), [])
        assert sorted(seen[:COUNT]) == list(range(COUNT))
        counts = np.bincount(seen, minlength=COUNT)
        assert counts.max() - counts.min() <= 1


def test_samples_are_crops_of_image_and_label_at_one_place(make, pairs):
    data = make(crop=(16, 12))
    image = np.asarray(Image.open(pairs[4].image))
    colors = np.asarray(Image.open(pairs[4].label))
    crop, label = data.sample(4)
    found = [
        (y, x, sy, sx) for y in range(5) for x in range(13) for sy in (1, -1) for sx in (1, -1)
        if np.array_equal(image[y : y + 16, x : x + 12][::sy, ::sx], crop)
    ]  # fmt: skip
    assert len(found) == 1
    y, x, sy, sx = found[0]
    assert np.array_equal(np.array(COLORS)[label], colors[y : y + 16, x : x + 12][::sy, ::sx])


@pytest.mark.parametrize("options", [{"workers": 4}, {"cache": True}, {"workers": 3, "cache": True}])
@pytest.mark.parametrize("cutmix", [None, 0.5])
def test_seed_and_epoch_determine_everything(make, options, cutmix):
    first, second = make(seed=5, cutmix=cutmix), make(seed=5, cutmix=cutmix, **options)
    for epoch in (0, 3, 0):
        first.set_epoch(epoch)
        second.set_epoch(epoch)
        assert equal(batches(first), batches(second))
        assert equal(batches(first), batches(first))
        backwards = [second[step] for step in reversed(range(len(second)))]
        assert equal(batches(first), backwards[::-1])


def test_sample_depends_on_seed_epoch_and_index_only(make):
    few, many = make(batch_size=2, seed=1), make(batch_size=5, seed=1, steps_per_epoch=9)
    assert equal([few.sample(3)], [many.sample(3)])


def test_epochs_and_seeds_differ(make):
    data, other_seed = make(seed=0), make(seed=1)
    orders, crops = [], []
    for epoch in range(6):
        data.set_epoch(epoch)
        orders.append(tuple(sum(indices_of(data), [])))
        crops.append(data.sample(0)[0].tobytes())
    assert len(set(orders)) == 6 and len(set(crops)) >= 5
    data.set_epoch(0)
    assert indices_of(data) != indices_of(other_seed)
    assert any(not equal([data.sample(i)], [other_seed.sample(i)]) for i in range(COUNT))


@pytest.mark.parametrize("steps", [1, 2, 10])
def test_steps_per_epoch(make, steps):
    data = make(batch_size=3, steps_per_epoch=steps)
    assert len(data) == steps == data.steps
    seen = sum(indices_of(data), [])
    assert len(seen) == 3 * steps
    counts = np.bincount(seen, minlength=COUNT)
    assert counts.max() - counts.min() <= 1
    for start in range(0, len(seen) - COUNT + 1, COUNT):
        assert sorted(seen[start : start + COUNT]) == list(range(COUNT))


def test_every_round_of_an_epoch_has_its_own_order(make):
    seen = sum(indices_of(make(batch_size=COUNT, steps_per_epoch=6)), [])
    assert len({tuple(seen[start : start + COUNT]) for start in range(0, 6 * COUNT, COUNT)}) == 6


def test_every_image_is_augmented_independently(make, pairs):
    data = make(brightness=0.5)
    data.pairs = [pairs[0]] * COUNT
    assert len({data.sample(index)[0].tobytes() for index in range(COUNT)}) == COUNT


def test_an_image_that_comes_again_in_an_epoch_is_augmented_anew(make):
    data = make(batch_size=1, count=1, steps_per_epoch=20, brightness=0.5)
    assert len({images.tobytes() for images, _ in batches(data)}) >= 18


def test_cutmix_pastes_a_box_of_another_image_into_its_share_of_the_crops(make):
    """The red value is the image's number."""
    data, alone = make(cutmix=0.4), make()
    mixed, others = 0, set()
    for epoch in range(40):
        for each in (data, alone):
            each.set_epoch(epoch)
        for index in range(COUNT):
            (image, label), (own_image, own_label) = data.sample(index), alone.sample(index)
            own = image[..., 0] == index
            assert np.array_equal(image[own], own_image[own]) and np.array_equal(label[own], own_label[own])
            pasted = set(image[~own][:, 0].tolist())
            assert len(pasted) <= 1
            mixed, others = mixed + len(pasted), others | pasted
    assert 0.3 < mixed / (40 * COUNT) < 0.45 and others == set(range(COUNT))


def test_resuming_in_the_middle_of_an_epoch(make):
    data = make(batch_size=2, steps_per_epoch=9)
    data.set_epoch(4)
    whole = batches(data)
    data.set_epoch(4, first_step=5)
    assert len(data) == 4 and data.steps == 9 and data.first_step == 5
    assert equal(batches(data), whole[5:])
    data.set_epoch(4)
    assert equal(batches(data), whole)


class Recorder(keras.Model):
    """Keeps the batches that `fit` gives it."""

    def __init__(self):
        super().__init__()
        self.layer = keras.layers.Conv2D(3, 1)
        self.seen = []

    def call(self, images):
        return self.layer(keras.ops.cast(images, "float32"))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        self.seen.append((keras.ops.convert_to_numpy(x), keras.ops.convert_to_numpy(y)))
        return keras.ops.mean(y_pred) * 0.0


@pytest.mark.parametrize("workers, cache", [(1, False), (2, False), (2, True)])
def test_fit_gets_the_batches_in_order(make, workers, cache):
    data, expected = make(batch_size=2, workers=workers, cache=cache), make(batch_size=2)
    model = Recorder()
    model.compile(optimizer="sgd", run_eagerly=True, jit_compile=False)
    for epoch, first_step in ((0, 0), (1, 2), (2, 0)):
        data.set_epoch(epoch, first_step)
        expected.set_epoch(epoch, first_step)
        model.seen.clear()
        model.fit(data, initial_epoch=epoch, epochs=epoch + 1, shuffle=False, verbose=0)
        assert all(images.dtype == labels.dtype == np.uint8 for images, labels in model.seen)
        assert equal(model.seen, batches(expected))


def test_cache_reads_each_file_once(make, monkeypatch):
    reads = []
    real = dataset.read_pair
    monkeypatch.setattr(dataset, "read_pair", lambda image, *rest: reads.append(image.name) or real(image, *rest))
    cached, plain = make(cache=True), make()
    for epoch in range(3):
        cached.set_epoch(epoch)
        batches(cached)
    assert sorted(reads) == [f"p{i}.png" for i in range(COUNT)]
    reads.clear()
    batches(plain)
    batches(plain)
    assert len(reads) == 18


def test_unknown_colors_are_an_error_or_ignored(make, pairs, tmp_path):
    odd = Pair("odd", pairs[0].image, tmp_path / "odd_L.png")
    Image.fromarray(np.full((20, 24, 3), 77, np.uint8)).save(odd.label)
    strict, lenient = make(), make(unknown="ignore")
    strict.pairs = lenient.pairs = [odd] * COUNT
    with pytest.raises(UsageError, match="odd_L.png"):
        strict[0]
    assert (lenient[0][1] == 255).all()


def test_batches_are_those_of_the_epoch(make):
    data = make(batch_size=2, workers=3)
    data.set_epoch(1, first_step=2)
    assert equal(list(data.batches()), batches(data))


def test_from_folder_opens_a_split(streets):
    data = SegmentationDataset.from_folder(
        streets, "val", 32, 48, batch_size=2, ignore_class=["Sky"], seed=3, h_flip=True
    )
    assert data.num_classes == 11 and len(data) == 2
    expected = Augmentation(32, 48, h_flip=True)
    classes = read_classes(streets, ["Sky"])
    assert equal(batches(data), batches(SegmentationDataset(list_pairs(streets, "val"), classes, expected, 2, seed=3)))


@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("first_step", [0, 1])
@pytest.mark.parametrize("cutmix", [None, 0.5])
def test_parts_of_all_ranks_are_the_batch(make, count, first_step, cutmix):
    """Of 7 images: the second batch of 4 is filled up with repeats, as are all of 8."""
    for batch_size in (4, 8):
        whole, *parts = (
            make(batch_size, steps_per_epoch=3, part=part, cutmix=cutmix)
            for part in [(0, 1), *((r, count) for r in range(count))]
        )
        for data in (whole, *parts):
            data.set_epoch(5, first_step)
        for step in range(len(whole)):
            of_parts = [np.concatenate(arrays) for arrays in zip(*(part[step] for part in parts))]
            assert equal([whole[step]], [of_parts])


def test_parts_are_of_one_size(make):
    with pytest.raises(ValueError, match="3 equal parts"):
        make(4, part=(0, 3))
