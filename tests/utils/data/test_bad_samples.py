"""Samples that fail while a training reads them: retried, replaced or told."""

import threading

import numpy as np
import pytest

from utils.class_dict import ClassDict
from utils.data import bad_samples
from utils.data.augmentation import Augmentation
from utils.data.bad_samples import BadSamples, raise_failures, read_in_time
from utils.data.dataset import SegmentationDataset
from utils.data.folder import Pair
from utils.data.images import write_image
from utils.data.labels import write_label
from utils.errors import RunError, UsageError


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(bad_samples, "PAUSES", (0, 0))


UNREADABLE = UsageError("cannot read a.png")


def reader(bad, error=UNREADABLE, good_after=None):
    """A function of a number that fails for those in `bad`, for the first `good_after` calls; `calls` are its calls."""

    def read(index):
        read.calls.append(index)
        if index in bad and (good_after is None or read.calls.count(index) <= good_after):
            raise error
        return index * 10

    read.calls = []
    return read


def samples_of(read, policy="skip", count=6):
    return BadSamples(read, lambda index: f"{index}.png", count, policy)


def test_reading_is_tried_three_times():
    read = reader({1}, good_after=2)
    assert samples_of(read, "stop").get(1, "a") == 10 and read.calls == [1, 1, 1]
    samples = samples_of(reader({1}), "stop")
    with pytest.raises(UsageError, match="cannot read a.png"):
        samples.get(1, "a")
    assert isinstance(samples.failure, UsageError) and samples.describe() == ""


def test_next_sample_takes_the_place(capsys):
    samples = samples_of(reader({4, 5}))
    assert [samples.get(4, "a"), samples.get(4, "b"), samples.get(5, "c"), samples.get(1, "d")] == [0, 0, 0, 10]
    assert samples.describe() == "3 samples could not be read and were replaced by others"
    told = capsys.readouterr().err.splitlines()
    assert told == ["note: cannot read a.png: skipped, another image takes its place"] * 2  # once for each file


def test_many_in_a_row_are_an_error():
    with pytest.raises(RunError, match="6 samples in a row cannot be read, the last because: cannot read a.png"):
        samples_of(reader(range(6))).get(2, "a")


@pytest.mark.parametrize("error", [ValueError("odd"), MemoryError(), OSError(5, "Input/output error")])
def test_any_exception_names_the_image(error):
    with pytest.raises(RunError, match=f"2.png or its label cannot be read: {type(error).__name__}"):
        samples_of(reader({2}, error), "stop").get(2, "a")


def test_reading_that_hangs_is_told_and_given_up(monkeypatch, capsys):
    monkeypatch.setattr(bad_samples, "SLOW", 0.01)
    monkeypatch.setattr(bad_samples, "LOST", 0.02)
    never = threading.Event()
    with pytest.raises(TimeoutError, match="hangs.png could not be read within 0.02 s"):
        read_in_time(never.wait, "hangs.png")
    assert "note: hangs.png has not been read for 0.01 s" in capsys.readouterr().err
    samples = samples_of(lambda index: never.wait() if index == 1 else index)
    assert samples.get(1, "a") == 2 and len(samples.skipped) == 1
    with pytest.raises(RunError, match="does not answer"):
        samples_of(never.wait, "stop").get(1, "a")
    never.set()


def test_threads_of_readings_are_kept_unless_one_hangs(monkeypatch):
    monkeypatch.setattr(bad_samples, "_idle", [])
    names = {read_in_time(threading.get_ident, "a.png") for _ in range(5)}
    with pytest.raises(UsageError):
        read_in_time(lambda: reader({1})(1), "b.png")
    assert names == {read_in_time(threading.get_ident, "a.png")} and len(bad_samples._idle) == 1
    monkeypatch.setattr(bad_samples, "SLOW", 0.01)
    monkeypatch.setattr(bad_samples, "LOST", 0.02)
    never = threading.Event()
    with pytest.raises(TimeoutError):
        read_in_time(never.wait, "hangs.png")
    assert not bad_samples._idle and read_in_time(threading.get_ident, "a.png") not in names
    never.set()


def test_failure_of_a_thread_replaces_the_exception_of_the_backend():
    class Data:
        samples = samples_of(reader({1}), "stop")

    def fit():
        try:
            Data.samples.get(1, "a")
        except UsageError as error:
            raise RuntimeError("2 kB of a graph") from error

    with pytest.raises(UsageError, match="cannot read a.png"), raise_failures(Data):
        fit()
    for data in (Data, object()):
        with pytest.raises(RuntimeError, match="no thread"), raise_failures(data):
            raise RuntimeError("no thread")


@pytest.mark.parametrize("policy", ["stop", "skip"])
def test_image_that_vanishes_during_fit(policy, tmp_path, capsys):
    import keras

    pairs = []
    for name in "abc":
        pair = Pair(name, tmp_path / f"{name}.png", tmp_path / f"{name}_L.png")
        write_image(pair.image, np.zeros((8, 8, 3), np.uint8))
        write_label(pair.label, np.zeros((8, 8), np.uint8))
        pairs.append(pair)
    classes = ClassDict(["a", "b"], [(0, 0, 0), (1, 1, 1)], label_format="indices")
    data = SegmentationDataset(pairs, classes, Augmentation(8, 8), 1, workers=2, on_bad_sample=policy)
    model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 1)])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    pairs[1].image.unlink()
    if policy == "skip":
        with raise_failures(data):
            model.fit(data, shuffle=False, verbose=0)
        assert "b.png: No such file or directory: skipped" in capsys.readouterr().err
        assert data.samples.describe().startswith("1 sample could not be read and was replaced")
        data.set_epoch(1)
        assert not data.samples.describe()
    else:
        with pytest.raises(UsageError, match=r"^cannot read .*b.png: No such file or directory$"), raise_failures(data):
            model.fit(data, shuffle=False, verbose=0)
