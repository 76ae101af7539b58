"""Event files as TensorBoard reads them."""

import re

import keras
import numpy as np
import pytest

from utils.training.tensorboard import MAX_WEIGHTS, Writer, has_histograms, scalar_tag

pytest.importorskip("tensorboard")


def read(folder):
    """Reads event files with TensorBoard."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"images": 0, "histograms": 0, "scalars": 0})
    return events.Reload()


def points(events, tag):
    return [(event.step, pytest.approx(event.value)) for event in events.Scalars(tag)]


@pytest.fixture
def network():
    """A network with two branches, a part that is no layer, and a network inside."""
    inner = keras.Sequential([keras.Input((None, None, 4)), keras.layers.Conv2D(4, 1)], name="inner")
    inputs = keras.Input((None, None, 3), name="images")
    left = keras.layers.Conv2D(4, 3, padding="same", name="left")(inputs)
    right = keras.layers.Conv2D(4, 1, name="right")(inputs)
    return keras.Model(inputs, inner(keras.layers.Add(name="sum")([left, right * 2.0])))


def test_scalars_in_groups(tmp_path):
    writer = Writer(tmp_path)
    writer.scalars({"epoch": 3, "loss": 0.5, "val_mean_iou": 0.25, "val_iou_Traffic light": 0.75, "val_iou_Bus": None})
    writer.close()
    events = read(tmp_path)
    assert events.Tags()["scalars"] == ["train/loss", "val/mean_iou", "val_iou/Traffic light"]
    assert points(events, "val_iou/Traffic light") == [(3, 0.75)]


@pytest.mark.parametrize(
    "column, tag",
    [
        ("learning_rate", "train/learning_rate"),
        ("border_loss", "train/border_loss"),
        ("val_f1", "val/f1"),
        ("val_iou_val_x", "val_iou/val_x"),
        ("mean_iou", "train/mean_iou"),
    ],
)
def test_tags(column, tag):
    assert scalar_tag(column) == tag


def test_resuming_leaves_each_epoch_once(tmp_path):
    """The first process came to epoch 3, but its checkpoint only to the beginning of 2."""
    writer = Writer(tmp_path)
    for epoch in range(4):
        writer.scalars({"epoch": epoch, "loss": 1.0})
    writer.close()
    log = [{"epoch": epoch, "loss": 1.0} for epoch in range(2)]
    writer = Writer(tmp_path, 2, log)
    for epoch in (2, 3, 4):
        writer.scalars({"epoch": epoch, "loss": 2.0})
    writer.close()
    assert points(read(tmp_path), "train/loss") == [(0, 1), (1, 1), (2, 2), (3, 2), (4, 2)]


def test_a_run_that_began_without_gets_its_earlier_epochs(tmp_path):
    writer = Writer(tmp_path, 2, [{"epoch": 0, "loss": 4.0}, {"epoch": 1, "loss": 3.0, "val_mean_iou": 0.1}])
    writer.scalars({"epoch": 2, "loss": 2.0})
    writer.close()
    events = read(tmp_path)
    assert points(events, "train/loss") == [(0, 4), (1, 3), (2, 2)] and points(events, "val/mean_iou") == [(1, 0.1)]


def test_image(tmp_path):
    import cv2

    picture = np.full((20, 30, 3), (200, 100, 50), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    writer = Writer(tmp_path / "events")
    writer.image("samples", tmp_path / "a.png", 7)
    writer.close()
    (image,) = read(tmp_path / "events").Images("samples")
    decoded = cv2.imdecode(np.frombuffer(image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert (image.step, image.width, image.height) == (7, 30, 20)
    assert np.abs(decoded.astype(int) - picture).max() < 10


def test_histograms_of_small_and_large_variables(tmp_path):
    inputs = keras.Input((100,))
    model = keras.Model(inputs, keras.layers.Dense(2000, name="wide")(inputs))
    kernel = np.random.default_rng(0).normal(2.0, 3.0, (100, 2000)).astype(np.float32)
    model.layers[-1].set_weights([kernel, np.arange(2000.0)])
    writer = Writer(tmp_path)
    writer.histograms(model, 5)
    writer.close()
    events = read(tmp_path)
    bias = events.Histograms("weights/wide/bias")[0].histogram_value
    assert (bias.min, bias.max, bias.num, bias.sum) == (0, 1999, 2000, 1999 * 1000) and sum(bias.bucket) == 2000
    (event,) = events.Histograms("weights/wide/kernel")
    large = event.histogram_value
    assert event.step == 5 and large.num <= 2 * MAX_WEIGHTS < kernel.size
    assert large.sum / large.num == pytest.approx(2.0, abs=0.1)
    assert large.sum_squares / large.num == pytest.approx(4 + 9, rel=0.05)


def test_weights_that_are_no_numbers_do_not_end_the_run(tmp_path):
    inputs = keras.Input((1,))
    model = keras.Model(inputs, keras.layers.Dense(1, name="lost")(inputs))
    model.layers[-1].set_weights([np.array([[np.nan]]), np.array([0.0])])
    writer = Writer(tmp_path)
    writer.histograms(model, 0)
    writer.close()
    assert read(tmp_path).Histograms("weights/lost/kernel")[0].histogram_value.num == 0


def test_graph_is_the_network_s(tmp_path, network):
    writer = Writer(tmp_path)
    writer.graph(network)
    writer.close()
    nodes = {node.name: node for node in read(tmp_path).Graph().node}
    assert nodes["left"].op == "Conv2D" and list(nodes["left"].input) == ["images"]
    product = next(name for name in nodes if re.match("multiply", name))
    assert list(nodes["sum"].input) == ["left", product] and list(nodes[product].input) == ["right"]
    assert list(nodes["inner"].input) == ["sum"]
    sizes = [dim.size for dim in nodes["sum"].attr["_output_shapes"].list.shape[0].dim]
    assert sizes == [-1, -1, -1, 4]


@pytest.mark.parametrize("num_epochs, count", [(3, 3), (50, 50), (51, 26), (300, 50), (1000, 50)])
def test_histograms_at_most_fifty_times(num_epochs, count):
    epochs = [epoch for epoch in range(num_epochs) if has_histograms(epoch, num_epochs)]
    assert epochs[0] == 0 and len(epochs) == count
