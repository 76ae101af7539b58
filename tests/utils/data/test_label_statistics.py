import json

import numpy as np

from utils.data.class_weights import median_frequency_weights, weights_from_sums
from utils.data.label_statistics import PairStatistics, SplitStatistics, merged, summarize

PAIRS = [
    PairStatistics((2, 5), np.array([7, 0, 3]), kind="gray"),
    PairStatistics((2, 5), np.array([0, 4, 1]), ignored=5, unknown=2),
    PairStatistics((3, 3), np.array([0, 0, 0]), ignored=9),
]


def test_sums():
    total = summarize(PAIRS, 3)
    assert total.pixels.tolist() == [7, 4, 4] and total.images.tolist() == [1, 1, 2]
    assert total.around.tolist() == [10, 5, 15]
    assert (total.read, total.pairs, total.area) == (3, 3, 29) and not total.is_sample
    assert (total.ignored, total.unknown, total.with_ignored, total.unlabeled) == (14, 2, 2, 1)
    assert total.kinds == {"gray": 1, "rgb": 2} and total.sizes == {(2, 5): 2, (3, 3): 1}
    assert total.mean_pixels() == 29 / 3


def test_parts_of_processes_are_the_whole():
    parts = [SplitStatistics.from_json(json.loads(json.dumps(summarize(PAIRS[n::2], 3).to_json()))) for n in (0, 1)]
    total, whole = merged(parts, 3), summarize(PAIRS, 3)
    assert total.to_json() == {**whole.to_json(), "sizes": total.to_json()["sizes"]} and total.sizes == whole.sizes


def test_weights_are_those_of_single_images():
    total = summarize(PAIRS, 3)
    single = median_frequency_weights(np.array([pair.pixels for pair in PAIRS]))
    assert np.array_equal(weights_from_sums(total.pixels, total.around), single)
