import keras
import numpy as np
import pytest
from keras import ops
from loss_reference import WEIGHTS, numerical_slopes, value, value_and_gradient

from models import MODELS, Head
from utils.losses import LOSSES, build_loss
from utils.losses.auxiliary import AtHeadResolution, Border, Presence, border_map, build_losses, nearest

HEADS = {"aux": Head("pixels", 0.4), "presence": Head("presence", 0.2), "border": Head("border", 0.1)}

# What the losses are called with: the shape of the logits, for labels (2, 9, 11) of 4 classes.
CASES = {
    "pixels": (lambda weights=None: AtHeadResolution(build_loss("cross_entropy", 4, weights)), (2, 3, 4, 4)),
    "pixels lovasz": (lambda weights=None: AtHeadResolution(build_loss("lovasz", 4, weights)), (2, 5, 6, 4)),
    "presence": (lambda weights=None: Presence(4, weights), (2, 4)),
    "border": (lambda weights=None: Border(3), (2, 5, 6, 3)),
}


def case(shape, seed=0, size=(2, 9, 11), ignored=0.2, scale=2.0):
    """Random labels (some ignored) of 4 classes in patches, and logits."""
    rng = np.random.default_rng(seed)
    labels = np.kron(rng.integers(0, 4, (size[0], 9, 9)), np.ones((1, 4, 4)))[:, : size[1], : size[2]].astype(np.uint8)
    labels[rng.random(labels.shape) < ignored] = 255
    return labels, (scale * rng.standard_normal(shape)).astype(np.float32)


# The same in NumPy, in float64, pixel by pixel, straight from the definitions.


def numpy_nearest(maps, height, width):
    rows = np.floor((np.arange(height) + 0.5) * maps.shape[1] / height).astype(int)
    columns = np.floor((np.arange(width) + 0.5) * maps.shape[2] / width).astype(int)
    return maps[:, rows][:, :, columns]


def numpy_border(labels, width):
    result = np.zeros(labels.shape, bool)
    _, height, length = labels.shape
    for b, y, x in np.ndindex(labels.shape):
        for other_y, other_x in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if 0 <= other_y < height and 0 <= other_x < length:
                pair = {int(labels[b, y, x]), int(labels[b, other_y, other_x])}
                if len(pair) == 2 and 255 not in pair:
                    reach = width // 2
                    result[b, max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1] = True
    return result


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


def numpy_presence(labels, logits, weights):
    total = divisor = 0.0
    for image, row in zip(labels, logits):
        if (image != 255).any():
            for c, p in enumerate(sigmoid(row)):
                total -= weights[c] * np.log(p if (image == c).any() else 1 - p)
                divisor += weights[c]
    return total / divisor if divisor else 0.0


def numpy_focal_border(labels, logits, width=7, gamma=2.0, alpha=0.25):
    size = logits.shape[1:3]
    border, valid = numpy_nearest(numpy_border(labels, width), *size), numpy_nearest(labels, *size) != 255
    total = 0.0
    for channel in range(logits.shape[-1]):
        p = sigmoid(logits[..., channel])
        losses = np.where(border, -alpha * (1 - p) ** gamma * np.log(p), (alpha - 1) * p**gamma * np.log(1 - p))
        total += losses[valid].mean() if valid.any() else 0.0
    return total


@pytest.mark.parametrize(
    "size, new",
    [((97, 131), (13, 17)), ((97, 131), (97, 131)), ((8, 8), (4, 2)), ((5, 7), (1, 1)), ((3, 4), (7, 9)),
     ((512, 1024), (64, 128)), ((65, 33), (9, 5))],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["uint8", "float32", "bool"])
def test_nearest(size, new, dtype):
    maps = np.random.default_rng(0).integers(0, 256, (2, *size)).astype(dtype)
    result = nearest(ops.convert_to_tensor(maps), *new)
    assert keras.backend.standardize_dtype(result.dtype) == dtype
    assert np.array_equal(ops.convert_to_numpy(result), numpy_nearest(maps, *new))


def test_nearest_by_hand():
    maps = np.arange(6 * 9).reshape(1, 6, 9)
    # Three times smaller: the middle of each 3 x 3. Two times smaller: the centers lie between, the later counts.
    assert ops.convert_to_numpy(nearest(maps, 2, 3)).tolist() == [[[10, 13, 16], [37, 40, 43]]]
    assert ops.convert_to_numpy(nearest(maps, 3, 9))[0, :, 0].tolist() == [9, 27, 45]


def picture(rows):
    """An int array `(1, H, W)` of the digits in rows; x is ignored."""
    return np.array([[[255 if character == "x" else int(character) for character in row] for row in rows.split()]])


LABELS = picture("""
    00011
    00011
    00211
    0xxx1
    3x444
""")
BORDERS = {
    1: picture("""
        00110
        00110
        01110
        10001
        10001
    """),
    3: picture("""
        01111
        11111
        11111
        11111
        11011
    """),
}


@pytest.mark.parametrize("width", BORDERS)
def test_border_by_hand(width):
    assert ops.convert_to_numpy(border_map(LABELS, width)).astype(int).tolist() == BORDERS[width].tolist()


def test_border_of_a_straight_edge():
    labels = np.repeat([0, 1], 10)[None, None].repeat(4, axis=1)
    border = ops.convert_to_numpy(border_map(labels, 7))
    assert (border == (np.arange(20) >= 6) & (np.arange(20) < 14)).all()


@pytest.mark.parametrize("size", [(97, 131), (1, 1), (1, 9), (9, 1), (2, 3)])
@pytest.mark.parametrize("width", [1, 3, 7])
def test_border_is_what_numpy_says(size, width):
    labels, _ = case((1,), size=(2, *size), ignored=0.1)
    expected = numpy_border(np.repeat(np.repeat(labels, 3, axis=1), 3, axis=2), width)
    result = border_map(np.repeat(np.repeat(labels, 3, axis=1), 3, axis=2), width)
    assert np.array_equal(ops.convert_to_numpy(result), expected)


def test_border_loss_by_hand():
    # Two pixels of border with probability .75 and .5; two without, probability of border .25 and .5; one ignored.
    logits = np.log([3.0, 1.0, 1 / 3, 1.0, 99.0]).astype(np.float32).reshape(1, 1, 5, 1)
    labels = np.array([[[0, 1, 1, 1, 255]]])
    yes = 0.25 * (0.25**2 * np.log(4 / 3) + 0.5**2 * np.log(2))
    no = 0.75 * (0.25**2 * np.log(4 / 3) + 0.5**2 * np.log(2))
    assert value(Border(width=1), labels, logits) == pytest.approx((yes + no) / 4, rel=1e-6)
    # The sum over channels.
    twice = np.concatenate([logits, logits], axis=-1)
    assert value(Border(width=1), labels, twice) == pytest.approx((yes + no) / 2, rel=1e-6)


@pytest.mark.parametrize("arguments", [{}, {"width": 3}, {"gamma": 0.0}, {"gamma": 0.5}, {"alpha": 0.75}])
@pytest.mark.parametrize("size, shape", [((97, 131), (2, 13, 17, 4)), ((24, 30), (2, 24, 30, 1))])
def test_border_loss_is_what_numpy_says(arguments, size, shape):
    labels, logits = case(shape, size=(2, *size))
    expected = numpy_focal_border(labels, logits, **arguments)
    assert value(Border(**arguments), labels, logits) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 1.0, 2.0])
def test_border_loss_at_certainty(gamma):
    labels = np.array([[[0, 1, 1, 1]]])
    logits = np.array([300.0, -300.0, 300.0, -300.0], np.float32).reshape(1, 1, 4, 1)
    result, gradient = value_and_gradient(Border(1, gamma), labels, logits)
    assert result == pytest.approx((0.25 * 300 + 0.75 * 300) / 4) and np.isfinite(gradient).all()
    assert gradient.ravel() == pytest.approx([0, -0.25 / 4, 0.75 / 4, 0], abs=1e-7)


def test_presence_by_hand():
    labels = np.concatenate([LABELS, np.where(LABELS == 1, 255, LABELS), np.full_like(LABELS, 255)])
    p = np.array([[0.5, 0.75, 0.25, 0.5, 0.5, 0.25], [0.5, 0.75, 0.5, 0.5, 0.5, 0.5], [0.9] * 6])
    logits = np.log(p / (1 - p)).astype(np.float32)
    # The first image has all classes but 5; the second neither 1; in the third nothing counts.
    right = [0.5, 0.75, 0.25, 0.5, 0.5, 0.75, 0.5, 0.25, 0.5, 0.5, 0.5, 0.5]
    assert value(Presence(6), labels, logits) == pytest.approx(-np.mean(np.log(right)), rel=1e-6)
    weights = [0, 1, 3, 0, 0, 0]
    expected = -(np.log(0.75) + 3 * np.log(0.25) + np.log(0.25) + 3 * np.log(0.5)) / 8
    assert value(Presence(6, weights), labels, logits) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("weights", [None, WEIGHTS, [0.0] * 4])
@pytest.mark.parametrize("options", [{}, {"ignored": 0.97}, {"ignored": 1.0}, {"size": (5, 3, 4)}])
def test_presence_is_what_numpy_says(weights, options):
    labels, logits = case((options.get("size", (2,))[0], 4), **options)
    expected = numpy_presence(labels, logits, weights or [1.0] * 4)
    assert value(Presence(4, weights), labels, logits) == pytest.approx(expected, rel=1e-5)


def test_presence_at_certainty():
    labels, logits = np.array([[[0, 0]]]), np.array([[-500.0, 500.0]], np.float32)
    result, gradient = value_and_gradient(Presence(2), labels, logits)
    assert result == pytest.approx(500) and gradient.tolist() == [[-0.5, 0.5]]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size, shape", [((97, 131), (2, 13, 17, 4)), ((9, 11), (2, 9, 11, 4))])
def test_at_head_resolution(name, size, shape):
    labels, logits = case(shape, size=(2, *size))
    inner = build_loss(name, 4, WEIGHTS)
    expected = value(inner, numpy_nearest(labels, *shape[1:3]), logits)
    assert value(AtHeadResolution(inner), labels, logits) == pytest.approx(expected, rel=1e-6)


# Properties that all have.


@pytest.mark.parametrize("name", CASES)
def test_result_is_a_float32_scalar_for_any_labels_and_logits(name):
    make, shape = CASES[name]
    labels, logits = case(shape)
    expected = value(make(), labels, logits)
    for dtype in ("uint8", "int32", "float32"):
        result = make()(labels.astype(dtype), logits)
        assert tuple(result.shape) == () and keras.backend.standardize_dtype(result.dtype) == "float32"
        assert float(result) == pytest.approx(expected, rel=1e-6)
    for dtype, tolerance in (("float16", 2e-3), ("bfloat16", 2e-2)):
        result = make()(labels, ops.cast(logits, dtype))
        assert keras.backend.standardize_dtype(result.dtype) == "float32"
        assert float(result) == pytest.approx(expected, rel=tolerance)
        result, gradient = value_and_gradient(make(), labels, ops.cast(logits * 1e3, dtype))
        assert np.isfinite(result) and np.isfinite(gradient).all()


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_ignored_pixels_have_no_effect(name, weights):
    make, shape = CASES[name]
    labels, logits = case(shape, ignored=0.4)
    labels = np.concatenate([labels, np.full_like(labels, 255)])  # the second half of the images
    result, gradient = value_and_gradient(make(weights), labels, np.concatenate([logits, logits]))
    other, other_gradient = value_and_gradient(make(weights), labels, np.concatenate([logits, -9 * logits]))
    assert result == pytest.approx(value(make(weights), labels[:2], logits), rel=1e-6)
    assert other == pytest.approx(result, rel=1e-6) and np.allclose(gradient, other_gradient, atol=1e-8)
    assert (gradient[2:] == 0).all() and (gradient[:2] != 0).any()
    if logits.ndim == 4:
        ignored = numpy_nearest(labels, *shape[1:3]) == 255
        assert (gradient[ignored] == 0).all() and ignored[:2].any()


@pytest.mark.parametrize("name", CASES)
def test_nothing_to_learn_gives_0_and_no_gradient(name):
    make, shape = CASES[name]
    labels, logits = case(shape)
    result, gradient = value_and_gradient(make(), np.full_like(labels, 255), logits)
    assert result == 0 and (gradient == 0).all()


@pytest.mark.parametrize("name, reference", [("presence", numpy_presence), ("border", numpy_focal_border)])
def test_gradients_are_the_slopes(name, reference):
    """Against differences of the NumPy loss in float64."""
    make, shape = CASES[name]
    labels, logits = case(shape)
    _, gradient = value_and_gradient(make(), labels, logits)
    option = {"presence": [1.0] * 4, "border": 3}[name]
    for position, slope in numerical_slopes(reference, labels, logits, option):
        assert gradient[position] == pytest.approx(slope, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_for_any_size(name, jit_compile):
    """In a graph that knows neither the number nor the size of the images."""
    make, shape = CASES[name]
    loss, engine = make(), keras.backend.backend()
    if engine == "tensorflow":
        import tensorflow as tf

        unknown = [None] * (len(shape) - 1) + [shape[-1]]
        signature = [tf.TensorSpec([None] * 3, "uint8"), tf.TensorSpec(unknown, "float32")]
        compiled = tf.function(lambda *inputs: loss(*inputs), signature, jit_compile=jit_compile)
    elif engine == "jax":
        import jax

        compiled = jax.jit(lambda labels, logits: loss(labels, logits))
    else:
        pytest.skip("compiles with TensorFlow or JAX")
    for size in ((2, 9, 11), (2, 8, 13)):
        labels, logits = case(shape, size=size)
        assert float(compiled(labels, logits)) == pytest.approx(value(loss, labels, logits), rel=1e-5)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_config_round_trip(name, weights):
    make, shape = CASES[name]
    labels, logits = case(shape)
    loss = make(weights)
    again = type(loss).from_config(loss.get_config())
    restored = keras.losses.deserialize(keras.losses.serialize(loss))
    for copy in (again, restored):
        assert type(copy) is type(loss) and copy.get_config() == loss.get_config()
        assert value(copy, labels, logits) == value(loss, labels, logits)


def test_options_are_kept():
    loss = keras.losses.deserialize(keras.losses.serialize(Border(width=3, gamma=1.0, alpha=0.5)))
    assert (loss.width, loss.gamma, loss.alpha) == (3, 1.0, 0.5)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_heads(name):
    losses, weights = build_losses(HEADS, name, 4, WEIGHTS)
    assert list(losses) == list(weights) == ["logits", "aux", "presence", "border"]
    assert weights == {"logits": 1.0, "aux": 0.4, "presence": 0.2, "border": 0.1}
    assert [type(loss) for loss in losses.values()] == [type(build_loss(name, 4)), AtHeadResolution, Presence, Border]
    assert losses["logits"].get_config() == losses["aux"].loss.get_config() == build_loss(name, 4, WEIGHTS).get_config()
    assert losses["presence"].class_weights == WEIGHTS


@pytest.mark.parametrize("model", MODELS)
def test_every_network_has_losses(model):
    losses, weights = build_losses(MODELS[model].heads, "cross_entropy", 4)
    assert list(losses) == list(weights) == ["logits", *MODELS[model].heads]


def test_unknown_kind():
    with pytest.raises(ValueError, match="'depth' is of unknown kind 'meters'"):
        build_losses({"depth": Head("meters", 1.0)}, "dice", 4)


def tiny_network():
    inputs = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    small = keras.layers.AveragePooling2D(4, padding="same")(x)
    return keras.Model(inputs, {
        "logits": keras.layers.Conv2D(4, 1, name="logits")(x),
        "aux": keras.layers.Conv2D(4, 1, name="aux")(small),
        "presence": keras.layers.Dense(4, name="presence")(keras.layers.GlobalAveragePooling2D()(x)),
        "border": keras.layers.Conv2D(2, 1, name="border")(small),
    })  # fmt: skip


@pytest.fixture
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("name, policy", [("cross_entropy", "float32"), ("ohem", "mixed_float16")], indirect=["policy"])
def test_training(name, policy):
    keras.utils.set_random_seed(0)
    labels, _ = case((1,), size=(4, 17, 22), ignored=0.1)
    images = np.random.default_rng(0).random((4, 17, 22, 3)).astype(np.float32)
    model, (losses, weights) = tiny_network(), build_losses(HEADS, name, 4, WEIGHTS)
    model.compile(optimizer=keras.optimizers.SGD(0.2), loss=losses, loss_weights=weights, jit_compile=False)
    y = dict.fromkeys(losses, labels)
    before = model.evaluate(images, y, batch_size=4, verbose=0, return_dict=True)
    outputs = {output: np.asarray(x, np.float32) for output, x in model.predict(images, verbose=0).items()}
    expected = {output: value(losses[output], labels, outputs[output]) for output in losses}
    assert set(before) == {"loss", *(f"{output}_loss" for output in losses)}
    for output in losses:
        assert before[f"{output}_loss"] == pytest.approx(expected[output], rel=1e-2 if "mixed" in policy else 1e-5)
    total = sum(weights[output] * before[f"{output}_loss"] for output in losses)
    assert before["loss"] == pytest.approx(total, rel=1e-5)
    history = model.fit(images, y, batch_size=4, epochs=10, verbose=0, shuffle=False).history
    assert np.isfinite(history["loss"]).all() and history["loss"][-1] < history["loss"][0]
    assert history["loss"][0] == pytest.approx(sum(weights[o] * history[f"{o}_loss"][0] for o in losses), rel=1e-5)
