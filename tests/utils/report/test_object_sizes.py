"""Recall of objects by size, against a flood fill."""

import numpy as np

from utils.report.object_sizes import EDGES, FOUND, ObjectSizes


def flood(mask):
    """The connected areas of a mask, as lists of pixels."""
    left, areas = set(map(tuple, np.argwhere(mask))), []
    while left:
        waiting, area = [left.pop()], []
        while waiting:
            y, x = waiting.pop()
            area.append((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            waiting += near
        areas.append(area)
    return areas


def test_random_images():
    rng, sizes = np.random.default_rng(0), ObjectSizes("abc")
    count, recall, found = (np.zeros((3, len(EDGES))) for _ in range(3))
    for _ in range(4):
        label = np.kron(rng.choice([0, 1, 2, 255], (9, 9)), np.ones((4, 4))).astype(np.uint8)
        prediction = np.where(rng.random(label.shape) < 0.4, rng.integers(0, 3, label.shape), label % 3).astype(
            np.uint8
        )
        sizes.update(label, prediction)
        for index in range(3):
            for area in flood(label == index):
                share = np.mean([prediction[place] == index for place in area])
                place = max(bin for bin, edge in enumerate(EDGES) if len(area) >= edge)
                count[index, place] += 1
                recall[index, place] += share
                found[index, place] += share >= FOUND
    result = sizes.result()
    for name, rows in [("all", slice(None)), ("a", [0]), ("b", [1]), ("c", [2])]:
        part = result["all"] if name == "all" else result["classes"][name]
        total = count[rows].sum(axis=0)
        assert part["count"] == total.tolist()
        for key, values in (("recall", recall), ("found", found)):
            for value, wanted, n in zip(part[key], values[rows].sum(axis=0), total):
                assert value is None if not n else np.isclose(value, wanted / n)
    assert result["edges"] == list(EDGES) and sum(result["all"]["count"]) > 20


def test_diagonal_neighbors_are_one_object():
    label = np.full((4, 4), 255, np.uint8)
    label[0, 0] = label[1, 1] = 0
    sizes = ObjectSizes("a")
    sizes.update(label, np.zeros_like(label))
    assert sizes.result()["all"]["count"][0] == 1 and sizes.result()["all"]["recall"][0] == 1
