"""Evaluation with a network whose predictions are known."""

import sys

import cv2
import numpy as np
import pytest
from tiny_peers import run_as_peers

from utils.data import labels
from utils.data.folder import list_pairs, read_classes
from utils.evaluation import evaluate, score
from utils.evaluation.evaluate import add_up
from utils.inference import Predictor
from utils.metrics import ConfusionMatrix, image_scores


class Brightest:
    """A backend whose class is the brightest channel."""

    size, compiles_each_shape = None, False

    def classes(self, images):
        return images.argmax(-1).astype(np.uint8)

    def logits(self, images):
        return images.astype(np.float32)


@pytest.fixture
def dataset(streets):
    """`(folder, class_dict, pairs)` of the test split, without the class Unlabelled."""
    return streets, read_classes(streets, ["Unlabelled"]), list_pairs(streets, "test")


def expected(pair, class_dict, crop=(None, None)):
    """Image, label and prediction of a pair."""
    image, label = labels.read_pair(pair.image, pair.label, class_dict)
    image, label = image[: crop[0], : crop[1]], label[: crop[0], : crop[1]]
    return image, label, image.argmax(-1).astype(np.uint8)


@pytest.mark.parametrize("crop", [None, (40, 50)])
def test_scores_and_files(dataset, tmp_path, crop):
    _, class_dict, pairs = dataset
    done = []
    confusion, scores, samples = evaluate(
        Predictor(Brightest(), 2), pairs, class_dict, crop, tmp_path, progress=done.append
    )
    total = ConfusionMatrix(class_dict.num_classes)
    for pair, scored in zip(pairs, scores):
        _, label, prediction = expected(pair, class_dict, crop or (None, None))
        assert scored == image_scores(total.update(label, prediction))
        for kind, indices in (("pred", prediction), ("gt", label)):
            written = cv2.imread(str(tmp_path / f"{pair.name}_{kind}.png"))[..., ::-1]
            np.testing.assert_array_equal(written, class_dict.decode(indices))
    np.testing.assert_array_equal(confusion.matrix, total.matrix)
    assert confusion.images == len(pairs) == len(scores) and not samples
    assert done == list(range(1, len(pairs) + 1))


def test_kept_samples_are_in_order_and_need_no_files(dataset):
    _, class_dict, pairs = dataset
    names = [pairs[3].name, pairs[1].name, "of no pair"]
    _, scores, samples = evaluate(Predictor(Brightest(), 2), pairs, class_dict, keep=names)
    assert [sample.name for sample in samples] == [pairs[1].name, pairs[3].name]
    for sample, index in zip(samples, (1, 3)):
        assert sample.scores == scores[index]
        for array, wanted in zip(sample[2:], expected(pairs[index], class_dict)):
            np.testing.assert_array_equal(array, wanted)


def test_each_file_is_read_once(dataset, tmp_path, monkeypatch):
    read = []
    module = sys.modules["utils.evaluation.evaluate"]  # whose name in the package is the function's
    monkeypatch.setattr(module, "read_pair", lambda *paths: read.append(paths[0]) or labels.read_pair(*paths))
    _, class_dict, pairs = dataset
    evaluate(Predictor(Brightest()), pairs, class_dict, folder=tmp_path, keep=[pair.name for pair in pairs])
    assert sorted(read) == sorted(pair.image for pair in pairs)


def test_score_of_a_dataset(dataset, tmp_path):
    folder, class_dict, pairs = dataset
    scores = score(Brightest(), folder, ignore_class=["Unlabelled"], batch_size=2, folder=tmp_path)
    confusion = evaluate(Predictor(Brightest()), pairs, class_dict).confusion
    assert scores == confusion.result(scores["images_per_second"])
    assert len(list(tmp_path.iterdir())) == 2 * len(pairs)
    assert score(Brightest(), folder, "val", flip=True)["images"] == 3


@pytest.mark.parametrize("count", [2, 8])  # of five images
def test_processes_share_the_images(dataset, tmp_path, count):
    _, class_dict, pairs = dataset
    names = [pairs[3].name, pairs[1].name]
    for name in ("alone", "together"):
        (tmp_path / name).mkdir()
    alone = evaluate(Predictor(Brightest(), 2), pairs, class_dict, folder=tmp_path / "alone", keep=names)
    seen = []

    def evaluate_part(peers):
        options = {"keep": names, "observe": lambda pair, *_: seen.append(pair.name), "peers": peers}
        return evaluate(Predictor(Brightest(), 2), pairs, class_dict, folder=tmp_path / "together", **options)

    for rank, result in enumerate(run_as_peers(count, evaluate_part)):
        np.testing.assert_array_equal(result.confusion.matrix, alone.confusion.matrix)
        assert result.confusion.images == len(pairs) and result.image_scores == alone.image_scores
        assert [sample.name for sample in result.samples] == ([] if rank else [pairs[1].name, pairs[3].name])
    assert sorted(seen) == sorted(pair.name for pair in pairs)
    for path in (tmp_path / "alone").iterdir():
        assert (tmp_path / "together" / path.name).read_bytes() == path.read_bytes()


def test_more_pixels_than_32_bits_count():
    def add(peers):
        confusion = ConfusionMatrix(2)
        confusion.matrix[:] = 2**31 + peers.rank
        confusion.images = 1000
        add_up(confusion, peers)
        return confusion.matrix.tolist(), confusion.images

    assert run_as_peers(2, add) == [([[2**32 + 1] * 2] * 2, 2000)] * 2
