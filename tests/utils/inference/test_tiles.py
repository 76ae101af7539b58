"""Tiles cover every pixel once, blend where they overlap, and give the whole image's result away from their borders."""

import numpy as np
import pytest

from utils.inference.tiles import predict_tiles, tile_spans

SIZES = [(64, 64, 0), (96, 64, 32), (320, 128, 64), (352, 128, 32), (512, 64, 0), (480, 160, 64)]


@pytest.mark.parametrize("length, tile, overlap", SIZES)
def test_spans(length, tile, overlap):
    spans = tile_spans(length, tile, overlap)
    assert spans[0] == (0, 0)
    assert all(start % 32 == 0 and start <= first for start, first in spans)
    assert spans[-1][0] + min(tile, length) == length
    for (start, _), (_, first) in zip(spans, spans[1:]):
        assert start + tile - first == overlap  # exactly two tiles, over exactly this strip


def color_scores(seen):
    """A "network" of three classes that sees only colors, so that tiles cannot matter; notes the batches' shapes."""

    def scores(images):
        seen.append(images.shape)
        return images.astype(np.float32)

    return scores


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize(
    "height, width, tile, overlap",
    [
        (64, 64, 64, 32),
        (128, 192, 64, 32),
        (160, 96, 64, 0),
        (64, 224, 128, 64),
        (224, 64, 96, 32),
        (256, 352, 96, 32),
    ],
)
def test_a_network_without_context_gives_the_same_in_tiles(height, width, tile, overlap, batch_size):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    seen = []
    found = predict_tiles(color_scores(seen), image, tile, overlap, batch_size).indices
    distinct = (np.sort(image, axis=-1)[..., 2] - np.sort(image, axis=-1)[..., 1].astype(int)) > 0
    np.testing.assert_array_equal(found[distinct], image.argmax(-1)[distinct])
    assert max(shape[0] for shape in seen) <= batch_size
    assert {shape[1:3] for shape in seen} == {(min(tile, height), min(tile, width))}


def test_scores_are_blended_linearly_in_the_overlap():
    """The left tile says class 0 with score 1, the right one class 1 with score 3: it wins from a quarter on."""
    answers = iter([(1.0, 0.0), (0.0, 3.0)])

    def scores(images):
        return np.broadcast_to(np.float32(next(answers)), (*images.shape[:3], 2))

    found = predict_tiles(scores, np.zeros((32, 96, 3), np.uint8), 64, 32).indices
    ramp = (np.arange(32) + 0.5) / 32
    expected = np.concatenate([np.zeros(32), 3 * ramp > 1 - ramp, np.ones(32)])
    np.testing.assert_array_equal(found, np.tile(expected.astype(np.uint8), (32, 1)))


def test_weights_of_all_tiles_sum_to_one():
    """Where each tile gives its own number, every pixel is a mean with weights of sum 1: never beyond the extremes."""

    def scores(images):
        return np.stack([np.ones(images.shape[:3]), np.full(images.shape[:3], 0.999)], axis=-1)

    assert not predict_tiles(scores, np.zeros((224, 288, 3), np.uint8), 96, 32).indices.any()

    def corner(images):  # the class is the tile's: only four tiles meet at a corner, and all of them count
        number[0] += 1
        return np.eye(16, dtype=np.float32)[np.full(images.shape[:3], number[0] - 1)]

    number = [0]
    found = predict_tiles(corner, np.zeros((96, 96, 3), np.uint8), 64, 32).indices
    assert number == [4]
    np.testing.assert_array_equal(found[:48, :48], 0)
    np.testing.assert_array_equal(found[:48, 48:], 1)
    np.testing.assert_array_equal(found[48:, :48], 2)
    np.testing.assert_array_equal(found[48:, 48:], 3)
