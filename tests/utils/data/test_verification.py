"""Start of a training on a large dataset: by the files that are opened and the bytes that are kept."""

import tracemalloc

import numpy as np
import pytest
from PIL import Image
from tiny_peers import run_as_peers

from utils.class_dict import ClassDict
from utils.data import checks, headers, label_histogram, verification
from utils.data.folder import Pair, list_pairs
from utils.data.verification import FEWEST_PAIRS, check_splits, describe_check
from utils.errors import UsageError

COLORS = [(0, 0, 0), (255, 0, 0), (0, 255, 0)]


@pytest.fixture
def classes():
    return ClassDict(["ground", "house", "tree"], COLORS)


@pytest.fixture
def make(tmp_path):
    """Writes a number of pairs of 4x6 pixels of all classes."""

    def make(count):
        for folder in ("train", "train_labels"):
            (tmp_path / folder).mkdir()
        image, label = tmp_path / "image.jpg", tmp_path / "label.png"
        Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(image)
        Image.fromarray(np.array(COLORS, np.uint8)[np.arange(24).reshape(4, 6) % 3]).save(label)
        for number in range(count):
            (tmp_path / "train" / f"{number:04d}.jpg").hardlink_to(image)
            (tmp_path / "train_labels" / f"{number:04d}.png").hardlink_to(label)
        return list_pairs(tmp_path, "train")

    return make


@pytest.fixture
def opened(monkeypatch):
    """Numbers of the headers and of the whole files that are read."""
    counts = {"headers": 0, "images": 0, "labels": 0}

    def counted(name, real):
        def call(*words):
            counts[name] += 1
            return real(*words)

        return call

    monkeypatch.setattr(headers, "read_header", counted("headers", headers.read_header))
    monkeypatch.setattr(checks, "read_image_of_label", counted("images", checks.read_image_of_label))
    monkeypatch.setattr(checks, "read_stored", counted("labels", checks.read_stored))
    return counts


def test_a_large_dataset_is_sampled(make, classes, opened, monkeypatch):
    monkeypatch.setattr(verification, "SAMPLE_PIXELS", 20 * 24)
    pairs = make(200)
    splits = check_splits({"train": pairs[:190], "val": pairs[190:]}, classes)
    assert opened == {"headers": 400, "images": 19 + FEWEST_PAIRS, "labels": 19 + FEWEST_PAIRS}
    assert splits["train"].read == 19 and splits["train"].pairs == 190 and splits["train"].sizes == {(4, 6): 190}
    assert splits["train"].pixels.tolist() == [8 * 19] * 3 and classes.readings == {"rgb": "colors"}
    assert describe_check(splits.values()) == (
        "checked: the headers of all 200 pairs, and 27 pairs completely, from which the shares of classes are "
        "estimated; --verify full reads all files"
    )
    monkeypatch.setattr(verification, "MOST_HEADERS", 50)
    line = describe_check(check_splits({"train": pairs}, classes).values())
    assert line.startswith("checked: the headers of 50 of 200 pairs, and 20 pairs completely")
    assert opened["headers"] == 500


@pytest.mark.parametrize("verify, headers_read", [("full", 0), ("sample", 80)])
def test_all_files_are_read(make, classes, opened, verify, headers_read):
    splits = check_splits({"train": make(40)}, classes, verify)
    assert opened == {"headers": headers_read, "images": 40, "labels": 40}
    assert not splits["train"].is_sample and describe_check(splits.values()) == ""


def damage(pairs):
    """Damages a header, the size of a label, and the end of another one."""
    for pair in pairs:  # hard links share their bytes
        for path in (pair.image, pair.label):
            data = path.read_bytes()
            path.unlink()
            path.write_bytes(data)
    pairs[3].image.write_bytes(b"no image")
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(pairs[5].label)
    pairs[9].label.write_bytes(pairs[9].label.read_bytes()[:-20])


def test_damages_are_found_by_headers_or_by_reading_all(make, classes, monkeypatch):
    monkeypatch.setattr(verification, "SAMPLE_PIXELS", 8 * 24)
    pairs = make(60)
    damage(pairs)
    with pytest.raises(UsageError) as error:
        check_splits({"train": pairs}, classes)
    first, *lines = str(error.value).splitlines()
    assert first == "2 problems:" and "0003.jpg" in lines[0] and "0005.jpg is 6x4 but its label" in lines[1]
    with pytest.raises(UsageError, match="(?s)^3 problems.*0003.jpg.*0005.jpg.*0009.png: damaged"):
        check_splits({"train": pairs}, classes, "full")


@pytest.mark.parametrize("verify", ["sample", "full"])
def test_processes_share_the_files_out(make, opened, verify, monkeypatch):
    monkeypatch.setattr(verification, "SAMPLE_PIXELS", 20 * 24)
    pairs, alone = make(60), ClassDict(["ground", "house", "tree"], COLORS)
    expected = check_splits({"train": pairs}, alone, verify)["train"].to_json()
    before = dict(opened)

    def check(peers):
        classes = ClassDict(["ground", "house", "tree"], COLORS)
        found = check_splits({"train": pairs}, classes, verify, 1, [], [], None, peers=peers)["train"].to_json()
        return found, classes.readings

    assert run_as_peers(3, check) == [(expected, {"rgb": "colors"})] * 3
    assert opened == {name: 2 * count for name, count in before.items()}


@pytest.mark.parametrize("verify, count", [("sample", 3), ("full", 4)])
def test_all_processes_end_with_the_same_error(make, verify, count, monkeypatch):
    monkeypatch.setattr(verification, "SAMPLE_PIXELS", 8 * 24)
    pairs = make(60)
    damage(pairs)

    def check(peers):
        classes = ClassDict(["ground", "house", "tree"], COLORS)
        with pytest.raises(UsageError) as error:
            check_splits({"train": pairs}, classes, verify, 1, ["b.png has no label"], peers=peers)
        return str(error.value)

    first, *others = run_as_peers(3, check)
    assert others == [first] * 2 and first.startswith(f"{count} problems") and first.count("has no label") == 1


def test_labels_that_fit_several_readings_need_more_files(tmp_path, monkeypatch):
    """All but one label is empty, which says nothing about the value of the object."""
    monkeypatch.setattr(verification, "SAMPLE_PIXELS", 8 * 6)
    pairs = [Pair(str(n), tmp_path / f"{n}.png", tmp_path / f"{n}_L.png") for n in range(20)]
    for number, pair in enumerate(pairs):
        Image.fromarray(np.zeros((2, 3, 3), np.uint8)).save(pair.image)
        Image.fromarray(np.full((2, 3), number == 3, np.uint8)).save(pair.label)  # not in the sample
    classes = ClassDict(["ground", "crack"], [(0, 0, 0), (255, 0, 0)])
    assert check_splits({"train": pairs}, classes)["train"].read == 8
    assert classes.readings == {"gray": "indices"}


def bytes_of(pairs, verify):
    """The bytes that a check keeps at most: the least of three, to which threads that meet by chance add kilobytes."""
    classes = ClassDict(["ground", "house", "tree"], COLORS)
    classes.look_up(np.zeros((1, 1, 3), np.uint8))  # makes its table
    return min(traced_peak(lambda: check_splits({"train": pairs}, classes, verify)) for _ in range(3))


def traced_peak(function):
    """Calls a function; returns the most bytes that were allocated at a time."""
    tracemalloc.start()
    try:
        function()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_of_a_check(make, monkeypatch):
    monkeypatch.setattr(verification, "SAMPLE_PIXELS", 20 * 24)
    monkeypatch.setattr(headers, "CHUNK", 4)
    monkeypatch.setattr(label_histogram, "MERGED_AT_ONCE", 16)
    pairs = make(50) * 4
    check_splits({"train": pairs[:50]}, ClassDict(["ground", "house", "tree"], COLORS))  # imports what it needs
    few, many = bytes_of(pairs[:50], "sample"), bytes_of(pairs, "sample")
    assert many - few < 150 * 40  # places in lists
    few, many = bytes_of(pairs[:50], "full"), bytes_of(pairs, "full")
    assert many - few < 150 * 900  # a histogram of each, until all have been read
