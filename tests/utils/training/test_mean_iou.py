"""The Keras metric, against the confusion matrix."""

import keras
import numpy as np
import pytest

from utils.metrics import ConfusionMatrix
from utils.training.mean_iou import RunningMeanIoU


def random_case(num_classes=5, shape=(3, 9, 8), seed=0, ignored=0.2):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, num_classes, shape).astype(np.uint8)
    labels[rng.random(shape) < ignored] = 255
    return labels, rng.integers(0, num_classes, shape).astype(np.uint8)


def logits_of(predictions, num_classes=5, seed=0):
    """Random logits whose greatest is at the prediction."""
    noise = np.random.default_rng(seed).random((*predictions.shape, num_classes)).astype(np.float32)
    return noise + 2 * (predictions[..., None] == np.arange(num_classes)).astype(np.float32)


def test_running_mean_iou_is_the_confusion_matrixs():
    metric, confusion = RunningMeanIoU(5), ConfusionMatrix(5)
    assert float(metric.result()) == 0.0
    for seed in range(4):
        labels, predictions = random_case(seed=seed)
        predictions = np.where(np.random.default_rng(seed).random(labels.shape) < 0.6, labels, predictions) % 5
        labels[labels == 4] = 255  # class 4 occurs in the predictions at most
        metric.update_state(labels, logits_of(predictions))
        confusion.update(labels, predictions)
        assert float(metric.result()) == pytest.approx(confusion.result()["mean_iou"], rel=1e-5)
    metric.reset_state()
    assert float(metric.result()) == 0.0
    metric.update_state(np.array([[[0, 1]]]), logits_of(np.array([[[0, 1]]])))
    assert float(metric.result()) == pytest.approx(1.0)  # absent classes are out of the mean


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("label_dtype", ["uint8", "int32", "float32"])
def test_running_mean_iou_takes_any_precision(dtype, label_dtype):
    labels, predictions = random_case()
    metric, confusion = RunningMeanIoU(5), ConfusionMatrix(5)
    metric.update_state(labels.astype(label_dtype), keras.ops.cast(logits_of(predictions), dtype))
    confusion.update(labels, predictions)
    assert float(metric.result()) == pytest.approx(confusion.result()["mean_iou"], rel=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_running_mean_iou_in_a_compiled_model(jit_compile):
    labels, predictions = random_case(shape=(6, 4, 4))
    inputs = keras.Input((4, 4, 5))
    model = keras.Model(inputs, keras.layers.Activation("linear")(inputs))
    model.compile(loss=lambda y, x: keras.ops.mean(x), metrics=[RunningMeanIoU(5)], jit_compile=jit_compile)
    confusion = ConfusionMatrix(5)
    confusion.update(labels, predictions)
    for _ in range(2):  # evaluate resets
        logs = model.evaluate(logits_of(predictions), labels, batch_size=2, verbose=0, return_dict=True)
        assert logs["mean_iou"] == pytest.approx(confusion.result()["mean_iou"], rel=1e-5)


def test_running_mean_iou_stays_float32_in_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        metric = RunningMeanIoU(2)
        labels = np.zeros((1, 300, 300), np.uint8)  # more pixels than float16 can count
        metric.update_state(labels, logits_of(labels, 2))
        assert keras.backend.standardize_dtype(metric.matrix.dtype) == "float32"
        assert np.asarray(metric.matrix).max() == 90_000 and float(metric.result()) == 1.0
    finally:
        keras.config.set_dtype_policy(before)


def test_running_mean_iou_config_round_trip():
    metric = keras.metrics.deserialize(keras.metrics.serialize(RunningMeanIoU(7, name="iou")))
    assert type(metric) is RunningMeanIoU and metric.num_classes == 7 and metric.name == "iou"
