"""Checkpoints in the middle of an epoch."""

import itertools

import keras
from tiny_checkpoint import batch

from utils.training.mid_epoch import CheckpointTimer, RunningSums, running_sums


def test_sums_continue_where_they_were():
    """Loss and metrics of an epoch in two parts are those of the whole epoch, bit for bit."""
    images, labels = batch()
    model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(3, 1)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    mean_iou = keras.metrics.MeanIoU(3, sparse_y_pred=False, name="mean_iou")
    model.compile(keras.optimizers.SGD(0.0), loss=loss, metrics=[mean_iou])
    options = {"batch_size": 1, "shuffle": False, "verbose": 0}
    whole = model.fit(images, labels, **options).history
    model.fit(images[:1], labels[:1], **options)
    sums = running_sums(model)
    model.reset_metrics()
    parts = model.fit(images[1:], labels[1:], callbacks=[RunningSums(sums)], **options).history
    assert model.metrics_variables and parts == whole
    alone = model.fit(images[1:], labels[1:], callbacks=[RunningSums(None)], **options).history
    assert alone != whole
    of_others = model.fit(images[1:], labels[1:], callbacks=[RunningSums([*sums, 0.5])], **options).history
    assert of_others == alone


def test_when_a_checkpoint_is_due():
    for seconds, expected in ((0, False), (3, True), (9, False)):
        clock = itertools.count(1)
        timer = CheckpointTimer(seconds, 0, lambda: next(clock))
        timer.set_model(keras.Sequential())
        timer.model.stop_training = False
        ended = []
        for step in range(4):
            timer.on_train_batch_end(step)
            ended.append(timer.model.stop_training)
        assert ended == [expected and step >= 2 for step in range(4)]
