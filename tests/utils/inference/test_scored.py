"""What is kept of scores, against values computed by hand."""

import numpy as np
import pytest

from utils.inference.scored import Scored, as_scored, confidence_bytes, resize_nearest, score_pixels

LOGITS = np.log(np.array([[[1, 1, 2], [8, 1, 1]], [[2, 1, 7], [1, 1, 98]]], np.float32))
PROBABILITIES = np.array([[[0.25, 0.25, 0.5], [0.8, 0.1, 0.1]], [[0.2, 0.1, 0.7], [0.01, 0.01, 0.98]]])


@pytest.mark.parametrize("scores, are_probabilities", [(LOGITS, False), (PROBABILITIES, True)])
def test_logits_and_probabilities_give_the_same(scores, are_probabilities):
    before = scores.copy()
    indices, confidence, probabilities = score_pixels(scores, "probabilities", are_probabilities)
    assert indices.dtype == np.uint8 and indices.tolist() == [[2, 0], [2, 2]]
    assert confidence.dtype == probabilities.dtype == np.float16
    np.testing.assert_allclose(confidence, [[0.5, 0.8], [0.7, 0.98]], atol=1e-3)
    np.testing.assert_allclose(probabilities, PROBABILITIES, atol=1e-3)
    assert np.array_equal(scores, before)
    assert score_pixels(scores, "confidence", are_probabilities).probabilities is None
    assert score_pixels(scores)[1:] == (None, None)


def test_unknown_pixels_and_bytes():
    scored = score_pixels(LOGITS, "confidence")
    assert scored.with_unknown(0.75).indices.tolist() == [[255, 0], [255, 2]]
    assert scored.with_unknown(0.75).indices.dtype == np.uint8
    assert scored.with_unknown(0.0) is scored
    np.testing.assert_allclose(confidence_bytes(scored.confidence).astype(int), [[128, 204], [179, 250]], atol=1)
    assert confidence_bytes(np.array([0, 1], np.float16)).tolist() == [0, 255]


def test_sizes():
    scored = score_pixels(LOGITS, "probabilities").resized((4, 6))
    assert [part.shape for part in scored] == [(4, 6), (4, 6), (4, 6, 3)]
    assert scored.indices.tolist() == [[2, 2, 2, 0, 0, 0]] * 2 + [[2] * 6] * 2
    array = np.arange(12).reshape(3, 4)
    assert resize_nearest(array, (3, 4)) is array
    assert as_scored(array).indices is array and as_scored(scored) is scored and isinstance(as_scored(array), Scored)
