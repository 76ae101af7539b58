"""Step time: plausible, bounded, and without a trace in the training that follows."""

import time

import keras
import numpy as np
import pytest

from utils.cli.arguments import train_parser
from utils.data.dataset import SegmentationDataset
from utils.training.build import build_training_model, output_names
from utils.training.step_time import (
    RepeatedBatch,
    StepTimes,
    measure_step_time,
    random_batch,
    training_seconds,
    unchanged_variables,
)

SETTINGS = {"batch_size": 2, "crop_height": 64, "crop_width": 96, "num_classes": 12}


def settings(model, *more):
    flags = ["--model", model, "--learning_rate", "0.01", "--crop_height", "32", "--crop_width", "48", *more]
    return {**vars(train_parser().parse_args(flags)), "num_classes": 12, "batch_size": 2}


def dataset(streets, run_settings):
    data = SegmentationDataset.from_folder(streets, crop_height=32, crop_width=48, batch_size=2, h_flip=True)
    data.outputs = output_names(run_settings)
    return data


def test_batches():
    images, labels = random_batch(SETTINGS)
    assert images.shape == (2, 64, 96, 3) and images.dtype == labels.dtype == np.uint8
    assert labels.shape == (2, 64, 96) and labels.max() == 11
    assert random_batch(SETTINGS, ("logits", "auxiliary"))[1].keys() == {"logits", "auxiliary"}
    assert random_batch(SETTINGS, channels=5)[0].shape == (2, 64, 96, 5)


@pytest.mark.parametrize(
    "model, more",
    [
        ("tiny", ("--optimizer", "rmsprop")),
        ("tiny-heads", ("--optimizer", "adamw", "--ema", "0.9", "--schedule", "cosine", "--warm_up", "1")),
        ("tiny", ("--optimizer", "sgd", "--accumulate", "2", "--steps_per_execution", "2")),
    ],
)
def test_a_training_after_the_measurement_is_the_same_bit_for_bit(streets, model, more):
    """Weights, optimizer, dropout seeds, batch-norm statistics, and the losses of two epochs."""
    run_settings, results = settings(model, *more), []
    for is_measured in (False, True):
        data = dataset(streets, run_settings)
        network = build_training_model(run_settings, None, data.steps)
        if is_measured:
            assert measure_step_time(network, data, steps=3).seconds > 0
        losses = []
        for epoch in range(2):
            data.set_epoch(epoch)
            losses += network.fit(data, shuffle=False, verbose=0).history["loss"]
        variables = [*network.variables, *network.optimizer.variables]
        results.append((losses, [keras.ops.convert_to_numpy(variable) for variable in variables]))
    # On a busy machine the sums of auxiliary losses are not the same in any two trainings.
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if model == "tiny-heads" else {"rtol": 0, "atol": 0}
    np.testing.assert_allclose(results[1][0], results[0][0], **tolerance)
    for expected, found in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(found, expected, **tolerance)


@pytest.fixture(scope="module")
def slow():
    """A network whose step takes 50 ms more than its computation."""
    network = build_training_model(settings("tiny"))

    class Slow(RepeatedBatch):
        reads = 0

        def __getitem__(self, step):
            self.reads += 1
            time.sleep(0.05)
            return super().__getitem__(step)

    batch = random_batch(settings("tiny"))
    return network, Slow(batch, 200), batch


def test_the_time_to_read_a_batch_counts(slow):
    network, data, batch = slow
    found = measure_step_time(network, data)
    assert 0.04 < found.seconds < 0.5 and found.first_seconds > 0
    assert len(training_seconds(network, batch, 4)) == 3


def test_the_measurement_is_bounded(slow):
    network, data, _ = slow
    measure_step_time(network, data, steps=1)  # traces
    before = data.reads
    measure_step_time(network, data, seconds=0.2, steps=1000)
    assert 2 <= data.reads - before < 50  # of 200, those that were read ahead included
    assert data.steps == 200


def test_variables_come_back_after_an_error(slow):
    network, _, batch = slow
    before = network.get_weights()
    with pytest.raises(RuntimeError), unchanged_variables(network):
        network.train_on_batch(*batch)
        raise RuntimeError
    for weight, expected in zip(network.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_seconds_per_step_of_calls_of_several_steps():
    times = StepTimes()
    times.times, times.done = [1.0, 3.0, 7.0], [4, 8, 12]
    assert times.seconds_per_step() == [0.5, 1.0]
