"""Figures of the dataset report."""

import cv2
import numpy as np
import pytest

from tools.analysis.figures import highlight


@pytest.mark.parametrize("size, place", [((300, 400), (290, 395)), ((40, 30), (0, 0)), ((500, 80), (250, 40))])
def test_highlight_shows_the_place(size, place):
    image, mask = np.full((*size, 3), 100, np.uint8), np.zeros(size, bool)
    mask[place[0] : place[0] + 5, place[1] : place[1] + 4] = True
    image[mask] = (0, 0, 255)
    figure = cv2.imdecode(np.frombuffer(highlight(image, mask), np.uint8), 1)[..., ::-1]
    plain, dimmed = figure[:, : figure.shape[1] // 2 - 3], figure[:, figure.shape[1] // 2 + 3 :]
    assert plain.shape == dimmed.shape and max(plain.shape) == 300
    blue = (dimmed[..., 2] > 200) & (dimmed[..., 0] < 50)
    assert blue.any() and (plain[blue][:, 2] > 150).mean() > 0.9
    assert np.median(dimmed) < 60 < np.median(plain)
