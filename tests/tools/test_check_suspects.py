"""Check of suspect scores on images whose network is right everywhere."""

import numpy as np
import pytest

from tools import check_suspects
from tools.suspects.planting import plant
from utils.report import find_regions


def test_errors_are_found_with_a_perfect_network():
    rng = np.random.default_rng(0)
    labels = [np.kron(rng.integers(0, 4, (6, 8)), np.ones((20, 20))).astype(np.uint8) for _ in range(40)]
    confidences = [np.full(label.shape, 0.99) for label in labels]
    regions = [find_regions(*image) for image in zip(labels, labels, confidences)]
    planted = plant(labels.__getitem__, 40, 10, rng, [0, 1, 2, 3])
    hits = check_suspects.found_among_first(labels, labels, confidences, regions, planted, 10)
    assert hits == set(planted)
    assert len(check_suspects.found_among_first(labels, labels, confidences, regions, planted, 3)) == 3


@pytest.mark.parametrize("words, part", [(["--errors", "999"], "999"), (["--objects", "Unicorn"], "Unicorn")])
def test_bad_use_is_one_line(streets, capsys, words, part):
    with pytest.raises(SystemExit) as end:
        check_suspects.main(["--dataset", str(streets), *words])
    error = capsys.readouterr().err
    assert end.value.code == 2 and (part in error or "--objects" in error) and len(error.strip().splitlines()) == 1
