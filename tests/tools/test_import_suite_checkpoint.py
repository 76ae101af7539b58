"""The original suite's weights: its graphs written again with raw operations, which must give our networks' logits."""

import functools
import importlib.util
import json
import pathlib

import keras
import numpy as np
import pytest

from models import build_model
from tools import import_suite_checkpoint as tool
from tools.original_suite import variables as suite_variables
from utils.checkpoints import load_for_inference
from utils.data.images import read_image

tf = pytest.importorskip("tensorflow")
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("suite_test", REPOSITORY / "test.py")  # `test` is a package of Python's
verb = importlib.util.module_from_spec(spec)
spec.loader.exec_module(verb)
SUITE_LAYERS = REPOSITORY.parent / "shared" / "reference" / "suite_layers"
NUM_CLASSES = 12  # of the dataset Streets too


class Slim:
    """The layers of TF-slim as the original suite called them: makes variables, named and counted as slim does.

    Args:
        scope: str, before every name.
        training: bool, whether batch norm uses the batch's statistics.
    """

    def __init__(self, scope="", training=False):
        self.scope, self.training = scope, training
        self.variables, self.counts, self.rng = [], {}, np.random.default_rng(3)

    def name(self, kind):
        self.counts[kind] = self.counts.get(kind, -1) + 1
        return f"{self.scope}{kind}{f'_{self.counts[kind]}' if self.counts[kind] else ''}"

    def make(self, name, shape, mean=0.0, deviation=0.1):
        value = self.rng.normal(mean, deviation, shape).astype(np.float32)
        self.variables.append((name, value))
        return value

    def conv(self, x, filters, size, strides=1, dilation=1, name=None):
        name, channels = f"{self.scope}{name}" if name else self.name("Conv"), x.shape[-1]
        shape = (size, size, channels, filters)
        kernel = self.make(f"{name}/weights", shape, deviation=(size * size * channels) ** -0.5)
        x = tf.nn.conv2d(x, kernel, strides, "SAME", dilations=dilation)
        return x + self.make(f"{name}/biases", (filters,))

    def transposed(self, x, filters):
        name, (batch, height, width, channels) = self.name("Conv2d_transpose"), x.shape
        kernel = self.make(f"{name}/weights", (3, 3, filters, channels), deviation=(9 / 4 * channels) ** -0.5)
        x = tf.nn.conv2d_transpose(x, kernel, (batch, 2 * height, 2 * width, filters), 2, "SAME")
        return x + self.make(f"{name}/biases", (filters,))

    def depthwise(self, x):
        name, channels = self.name("SeparableConv2d"), x.shape[-1]
        kernel = self.make(f"{name}/depthwise_weights", (3, 3, channels, 1), deviation=1 / 3)
        x = tf.nn.depthwise_conv2d(x, kernel, (1, 1, 1, 1), "SAME")
        return x + self.make(f"{name}/biases", (channels,))

    def norm(self, x, relu=True):
        name, channels = self.name("BatchNorm"), x.shape[-1]
        beta = self.make(f"{name}/beta", (channels,))
        # Of the images, so that features have the same wherever they are normalized, as after training; but no less
        # than 1, for small ones make rounding errors large.
        mean, variance = (value.numpy() for value in tf.nn.moments(x, (0, 1, 2)))
        mean, variance = 0.5 * mean + 0.1, 1.0 + variance
        self.variables += [(f"{name}/moving_mean", mean), (f"{name}/moving_variance", variance)]
        if self.training:  # by the fused operation, as TF-slim did
            x, *_ = tf.compat.v1.nn.fused_batch_norm(x, tf.ones(channels), beta, epsilon=0.001, is_training=True)
        else:
            x = (x - mean) / tf.sqrt(variance + 0.001) + beta
        return tf.nn.relu(x) if relu else x


def pool(x, size=2):
    return tf.nn.max_pool2d(x, size, size, "VALID")


def fc_densenet(slim, x, growth_rate, blocks):
    def dense_block(x, count):
        new = []
        for _ in range(count):
            new.append(slim.conv(slim.norm(x), growth_rate, 3))
            x = tf.concat([x, new[-1]], -1)
        return x, tf.concat(new, -1)

    x, skips = slim.conv(x, 48, 3, name="first_conv"), []
    for count in blocks[:5]:
        x, _ = dense_block(x, count)
        skips.append(x)
        x = pool(slim.conv(slim.norm(x), x.shape[-1], 1))
    _, new = dense_block(x, blocks[5])
    for skip, count in zip(reversed(skips), blocks[6:]):
        x = tf.concat([slim.transposed(new, new.shape[-1]), skip], -1)
        x, new = dense_block(x, count)
    return x


def encoder_decoder(slim, x, separable, skip):
    def block(x, filters):
        if separable:
            return slim.norm(slim.conv(slim.norm(slim.depthwise(x)), filters, 1))
        return slim.norm(slim.conv(x, filters, 3))

    x, skips = slim.norm(slim.conv(x, 64, 1 if separable else 3)), []
    for stage in ([64], [128] * 2, [256] * 3, [512] * 3, [512] * 3):
        for filters in stage:
            x = block(x, filters)
        x = pool(x)
        skips.append(x)
    stages = [512, 512, 512, 512], [512, 512, 512, 256], [256, 256, 256, 128], [128, 128, 64], [64, 64, 64]
    for (up, *stage), encoded in zip(stages, [*skips[3::-1], None]):
        x = slim.norm(slim.transposed(x, up))
        for filters in stage:
            x = block(x, filters)
        x = x + encoded if skip and encoded is not None else x
    return x


def frrn(slim, x, deep):
    """With the identities that the original had lost."""

    def residual(x):
        y = slim.norm(slim.conv(slim.norm(slim.conv(x, 48, 3)), 48, 3), relu=False)
        return x + y if x.shape[-1] == 48 else y

    x = slim.norm(slim.conv(x, 48, 5))
    for _ in range(3):
        x = residual(x)
    z, p = slim.conv(x, 32, 1), pool(x)
    down = [(96, 2, 3), (192, 4, 4), (384, 8, 2), (384, 16, 2), (384, 32, 2)][: 5 if deep else 4]
    up = [(192, 16, 2), (192, 8, 2), (192, 4, 2), (96, 2, 2)][0 if deep else 1 :]
    for filters, scale, count in down + up:
        size = x.shape[1] // scale, x.shape[2] // scale
        if scale != 2 or filters == 96 and p.shape[-1] != 48:
            p = pool(p) if p.shape[1] > size[0] else tf.image.resize(p, size)
        for _ in range(count):
            p = tf.concat([p, pool(z, scale)], -1)
            for _ in range(2):
                p = slim.norm(slim.conv(p, filters, 3))
            z = z + tf.repeat(tf.repeat(slim.conv(p, 32, 1), scale, 1), scale, 2)
    x = tf.concat([tf.image.resize(p, x.shape[1:3]), z], -1)
    for _ in range(3):
        x = residual(x)
    return x


def adapnet(slim, x, middle):
    """With our resizing, which samples at pixel centers."""

    def c(x, filters, size, strides=1, dilation=1):
        return slim.conv(slim.norm(x), filters, size, strides, dilation)

    def residual(x, a, b, strides=1, project=False):
        y = c(c(c(x, a, 1, strides), a, 3), b, 1)
        return y + (c(x, b, 1, strides) if project else x)

    def multiscale(x, a, b, m, p, d, project=False):
        y = c(x, a, 1)
        y = c(tf.concat([c(y, m // 2, 3, 1, p), c(y, m // 2, 3, 1, d)], -1), b, 1)
        return y + (c(x, b, 1) if project else x)

    full = x.shape[1:3]
    x = pool(c(c(x, 64, 3), 64, 7, 2))
    x = residual(residual(residual(x, 64, 256, 1, True), 64, 256), 64, 256)
    x = residual(residual(residual(x, 128, 512, 2, True), 128, 512), 128, 512)
    skip = c(x, middle, 1)
    x = multiscale(x, 128, 512, 64, 1, 2)
    x = residual(residual(x, 256, 1024, 2, True), 256, 1024)
    for dilation in (2, 4, 8, 16):
        x = multiscale(x, 256, 1024, 64, 1, dilation)
    x = multiscale(x, 512, 2048, 512, 2, 4, True)
    for dilation in (8, 16):
        x = multiscale(x, 512, 2048, 512, 2, dilation)
    return tf.image.resize(tf.image.resize(c(x, middle, 1), skip.shape[1:3]) + skip, full)


GRAPHS = {
    "FC-DenseNet56": (fc_densenet, 12, [4] * 11),
    "FC-DenseNet67": (fc_densenet, 16, [5] * 11),
    "FC-DenseNet103": (fc_densenet, 16, [4, 5, 7, 10, 12, 15, 12, 10, 7, 5, 4]),
    "Encoder-Decoder": (encoder_decoder, False, False),
    "Encoder-Decoder-Skip": (encoder_decoder, False, True),
    "MobileUNet": (encoder_decoder, True, False),
    "MobileUNet-Skip": (encoder_decoder, True, True),
    "FRRN-A": (frrn, False),
    "FRRN-B": (frrn, True),
    "AdapNet": (adapnet, 12),
}


def suite_graph(name, images, num_classes=NUM_CLASSES, training=False):
    """Runs the original's graph.

    Returns:
        `(logits, variables)`; variables is the list of `(name, array)` in the order of their making.
    """
    slim = Slim(f"{name}/" if name.startswith("FC") else "", training)
    graph, *options = GRAPHS[name]
    x = graph(slim, tf.constant(images.astype(np.float32) / 255), *options)
    return slim.conv(x, num_classes, 1, name="logits").numpy(), slim.variables


def picture(height=64, width=64):
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 256, (1, height // 8, width // 8, 3))
    return np.clip(np.kron(coarse, np.ones((1, 8, 8, 1))) + rng.normal(0, 20, (1, height, width, 3)), 0, 255)


def our_logits(model, images, training=False):
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    return keras.ops.convert_to_numpy(model(images, training=training))


def assert_close(ours, theirs, tolerance):
    assert np.std(theirs) > 0.01
    assert np.abs(ours - theirs).max() < tolerance * np.abs(theirs).max()


@functools.cache
def imported(name):
    """`(model, images, logits, variables)`: the network with the weights of the original's graph."""
    images = picture()
    logits, variables = suite_graph(name, images)
    model = build_model(name, NUM_CLASSES)
    tool.import_variables(model, variables)
    return model, images, logits, variables


COMPARED = ("FC-DenseNet56", "Encoder-Decoder-Skip", "MobileUNet-Skip", "FRRN-A", "AdapNet")


@pytest.mark.parametrize("name", COMPARED)
def test_logits_equal_those_of_the_original(name):
    model, images, theirs, _ = imported(name)
    assert_close(our_logits(model, images), theirs, 2e-5)


@pytest.mark.parametrize("name", COMPARED[:3])
def test_logits_equal_those_of_the_original_with_statistics_of_the_batch(name):
    """Less exactly: rounding errors grow where a channel of the few pixels at stride 32 hardly varies."""
    model, images, _, variables = imported(name)
    theirs, _ = suite_graph(name, images, training=True)
    ours = our_logits(model, images, training=True)
    tool.import_variables(model, variables)  # the moving statistics have moved
    assert_close(ours, theirs, 5e-3)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_lists_of_the_original_itself(name):
    """Its trainable variables, in order: those of the graphs here, or they find their places in our network."""
    path = SUITE_LAYERS / f"{name}__none.txt"
    if not path.exists():
        pytest.skip(f"{path} is not here")
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    expected = [(variable, tuple(json.loads(shape))) for variable, shape in rows]
    expected = [(v, (*shape[:-1], NUM_CLASSES) if "logits" in v else shape) for v, shape in expected]
    if name in COMPARED:
        *_, variables = imported(name)
        assert [(v, value.shape) for v, value in variables if not suite_variables.is_statistic(v)] == expected
    else:
        zeros = [(f"{v}:0", np.zeros(shape, np.float32)) for v, shape in expected]
        tool.import_variables(build_model(name, NUM_CLASSES), zeros)


def test_optimizers_are_ignored_and_alphabetical_order_is_no_matter():
    model, *_, variables = imported("MobileUNet-Skip")
    before = model.get_weights()
    slots = [(f"{name}/RMSProp{suffix}", value + 1) for name, value in variables for suffix in ("", "_1")]
    zeros = [(name, np.zeros_like(value)) for name, value in variables]
    tool.import_variables(model, zeros)
    assert not any(weight.any() for weight in model.get_weights())
    tool.import_variables(model, sorted([*variables, *slots, ("global_step", np.int64(7))], key=lambda one: one[0]))
    assert all(map(np.array_equal, model.get_weights(), before))


def test_statistics_stay_if_there_are_none():
    model, images, logits, variables = imported("MobileUNet-Skip")
    trainable = [(name, value) for name, value in variables if not suite_variables.is_statistic(name)]
    tool.import_variables(model, [(name, np.zeros_like(value)) for name, value in trainable])
    tool.import_variables(model, trainable)
    assert_close(our_logits(model, images), logits, 2e-5)


def changed(variables, name, value):
    return [(one, value if one == name else old) for one, old in variables if one != name or value is not None]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda v: changed(v, "logits/biases", None), ["bias", "(12,)", "layer logits"]),
        (lambda v: changed(v, "Conv_3/weights", np.zeros((1, 1, 128, 64))), ["Conv_3/weights", "(1, 1, 128, 64)"]),
        (lambda v: changed(v, "BatchNorm_55/moving_mean", None), ["moving_mean", "(64,)", "batch_normalization"]),
        (lambda v: [*v, ("Conv_26/weights", np.zeros((1, 1, 64, 64)))], ["Conv_26/weights", "no layer"]),
        (lambda v: [*v, ("BatchNorm/gamma", np.ones(64))], ["BatchNorm/gamma", "no layer"]),
        (lambda v: [*v, ("first_conv/weights", np.ones(64))], ["first_conv/weights", "no layer"]),
        (lambda v: [], ["no variable", "conv2d"]),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_assigned(change, words):
    model, *_, variables = imported("MobileUNet-Skip")
    before = model.get_weights()
    with pytest.raises(ValueError) as error:
        tool.import_variables(model, change([(name, 2 * value) for name, value in variables]))
    assert all(word in str(error.value) for word in words) and "\n" not in str(error.value), error.value
    assert all(map(np.array_equal, model.get_weights(), before))


def test_features_that_are_normalized_once_have_one_statistic():
    model, *_, variables = imported("FC-DenseNet56")
    before, (name, value) = model.get_weights(), next(one for one in variables if "BatchNorm_2/moving_mean" in one[0])
    with pytest.raises(ValueError, match="BatchNorm/moving_mean and .*BatchNorm_2/moving_mean"):
        tool.import_variables(model, changed(variables, name, value + 0.1))
    assert all(map(np.array_equal, model.get_weights(), before))


def test_a_network_of_other_layers_is_refused():
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    with pytest.raises(ValueError, match="dense"):
        tool.import_variables(model, [])


def write_checkpoint(path, variables):
    """As the original's train.py did: a Saver over all variables, those of RMSProp included (here, of a few)."""
    v1 = tf.compat.v1
    slots = [(f"{name}/RMSProp{suffix}", value + 1) for name, value in variables[:5] for suffix in ("", "_1")]
    with tf.Graph().as_default(), v1.Session() as session:
        for name, value in variables + slots:
            v1.get_variable(name, initializer=value, use_resource=False)
        session.run(v1.global_variables_initializer())
        v1.train.Saver(max_to_keep=1000).save(session, str(path))


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """A folder with `own.ckpt` and, its statistics never updated, `suite.ckpt`, of FC-DenseNet56."""
    folder, variables = tmp_path_factory.mktemp("suite"), imported("FC-DenseNet56")[-1]
    write_checkpoint(folder / "own.ckpt", variables)
    untouched = {"moving_mean": 0, "moving_variance": 1}
    values = [(name, np.full_like(value, untouched.get(name.split("/")[-1], value))) for name, value in variables]
    write_checkpoint(folder / "suite.ckpt", values)
    return folder


def run(checkpoints, streets, output, *flags, checkpoint="suite.ckpt"):
    return tool.main(
        [
            "--checkpoint",
            str(checkpoints / checkpoint),
            "--model",
            "FC-DenseNet56",
            "--dataset",
            str(streets),
            "--output",
            str(output),
            *flags,
        ]
    )


def test_own_statistics_are_kept(checkpoints, streets, tmp_path, capsys):
    assert run(checkpoints, streets, tmp_path / "new" / "m.keras", checkpoint="own.ckpt") == 0
    assert "own batch-norm statistics" in capsys.readouterr().out
    model, settings = load_for_inference(tmp_path / "new" / "m.keras")
    ours, images, theirs, _ = imported("FC-DenseNet56")
    assert_close(our_logits(model, images), theirs, 2e-5)
    assert all(map(np.array_equal, model.get_weights(), ours.get_weights()))
    assert settings["model"] == "FC-DenseNet56" and settings["dataset_path"] == str(streets.resolve())


def test_statistics_are_estimated_and_the_result_can_be_tested(checkpoints, streets, tmp_path, capsys):
    assert run(checkpoints, streets, tmp_path / "m.keras", checkpoint="suite.ckpt.index") == 0
    assert "estimating" in capsys.readouterr().out
    model, settings = load_for_inference(tmp_path / "m.keras")
    ours, *_, variables = imported("FC-DenseNet56")
    assert all(map(np.array_equal, model.get_weights()[:2], ours.get_weights()[:2]))
    # The first batch norm's statistics, over all the training images rather than eight of them.
    first, values = next(one for one in model.layers if hasattr(one, "moving_mean")), dict(variables)
    images = np.stack([read_image(path) for path in sorted((streets / "train").iterdir())]) / np.float32(255)
    x = tf.nn.conv2d(images, values["FC-DenseNet56/first_conv/weights"], 1, "SAME")
    mean, variance = tf.nn.moments(x + values["FC-DenseNet56/first_conv/biases"], (0, 1, 2))
    assert np.abs(first.moving_mean - mean).max() < 0.2 * np.sqrt(variance).mean()
    np.testing.assert_allclose(first.moving_variance, variance, rtol=0.5)
    arguments = ["--checkpoint_path", str(tmp_path / "m.keras"), "--output_dir", str(tmp_path / "Test")]
    assert verb.main(arguments) == 0
    assert (tmp_path / "Test" / "scores.json").exists()
    assert settings["num_classes"] == NUM_CLASSES


def test_without_statistics(checkpoints, streets, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(tool, "prepare_model", lambda *_: keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
    monkeypatch.delattr(tool, "estimate_statistics")
    assert run(checkpoints, streets, tmp_path / "m.keras", "--no_statistics") == 0
    assert "needs training" in capsys.readouterr().out


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"--model": "DeepLabV3_plus"}, ["DeepLabV3_plus", "frontend"]),
        ({"--model": "UNet"}, ["UNet"]),
        ({"--checkpoint": "nowhere.ckpt"}, ["nowhere.ckpt", "nowhere.ckpt.index"]),
        ({"--checkpoint": "text.ckpt"}, ["text.ckpt", "cannot be read"]),
        ({"--output": "m.h5"}, ["m.h5", ".keras"]),
        ({"--output": "taken.keras"}, ["taken.keras", "exists"]),
        ({"--dataset": "two"}, ["12", "two", "2"]),
        ({"--model": "Encoder-Decoder"}, ["Encoder-Decoder", "BatchNorm/beta"]),
    ],
)
def test_bad_use_is_one_line(checkpoints, streets, tmp_path, monkeypatch, capsys, changes, words):
    monkeypatch.chdir(tmp_path)
    for name in ("text.ckpt.index", "taken.keras"):
        pathlib.Path(name).write_text("text")
    pathlib.Path("two").mkdir()
    pathlib.Path("two/class_dict.csv").write_text("name,r,g,b\na,0,0,0\nb,1,1,1\n")
    flags = {
        "--checkpoint": str(checkpoints / "suite.ckpt"),
        "--model": "FC-DenseNet56",
        "--dataset": str(streets),
        "--output": "m.keras",
        **changes,
    }
    with pytest.raises(SystemExit) as end:
        tool.main([text for flag in flags.items() for text in flag])
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2
    assert all(word in error for word in words) and len(error.splitlines()) == 1, error
    assert not pathlib.Path("m.keras").exists()
