"""Automatic choice of the compute dtype (`--mixed_precision auto`): bfloat16 where it is faster, else float32."""

import keras
import numpy as np

from utils.backend import set_precision
from utils.processor import AMX_FLAG, BFLOAT16_FLAGS, processor_flags
from utils.training.step_time import RepeatedBatch, StepTimes

LEAST_GAIN = 1.1  # below, float32 is kept
STEPS, ROUNDS = 4, 3  # of the measurement; rounds of both dtypes alternate, because other programs may be running


def choose_precision() -> tuple[str, str]:
    """Chooses between bfloat16 and float32 for this machine.

    GPUs are judged by their compute capability, processors with AMX and those without bfloat16 arithmetic by their
    flags. On others a small network trains for a few seconds with both. Weights are float32 either way.

    Returns:
        `(name, reason)`, the reason as in "1.6 times as fast as float32 on this processor".
    """
    capability = gpu_capability()
    if capability:
        number = f"the GPU's compute capability {capability[0]}.{capability[1]}"
        return ("bfloat16", f"{number} has bfloat16") if capability >= (8, 0) else ("float32", f"{number} is below 8.0")
    flags = processor_flags()
    if flags is not None and not flags & set(BFLOAT16_FLAGS):
        return "float32", "this processor has no bfloat16 arithmetic"
    if flags and AMX_FLAG in flags and keras.config.backend() == "tensorflow":
        return "bfloat16", "this processor has AMX for it"
    gain = measure_gain()
    if gain >= LEAST_GAIN:
        return "bfloat16", f"{gain:.1f} times as fast as float32 here"
    return "float32", f"bfloat16 is {gain:.1f} times as fast here"


def gpu_capability() -> tuple[int, int] | None:
    """Returns the lowest CUDA compute capability of TensorFlow's GPUs; None without GPU, or if it is not reported."""
    if keras.config.backend() != "tensorflow":
        return None
    import tensorflow as tf

    details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    capabilities = [found["compute_capability"] for found in details if "compute_capability" in found]
    return min(capabilities, default=None)


def measure_gain() -> float:
    """Measures how many times as fast bfloat16 trains a small network as float32."""
    before = keras.config.dtype_policy()
    networks, best = {}, {}
    try:
        for name in ("float32", "bfloat16"):
            set_precision(name)
            networks[name] = small_network()
        for _ in range(ROUNDS):
            for name, network in networks.items():
                best[name] = min(best.get(name, float("inf")), *step_seconds(network))
    finally:
        keras.config.set_dtype_policy(before)
    return best["float32"] / best["bfloat16"]


def small_network() -> keras.Model:
    """Builds a network of usual layers in the current precision: strided, depthwise, 1x1 and 3x3 convolutions."""
    # Every layer has a name, so that those of the network to train do not depend on this one.
    layers = keras.layers
    network = images = keras.Input((128, 128, 3), name="probe_images")
    network = layers.Rescaling(1 / 255, name="probe_scale")(network)
    for index, (channels, strides) in enumerate(((32, 2), (64, 1), (128, 2))):
        names = [f"probe_{what}{index}" for what in ("conv", "norm", "relu", "depth", "point")]
        network = layers.Conv2D(channels, 3, strides=strides, padding="same", name=names[0])(network)
        network = layers.BatchNormalization(name=names[1])(network)
        network = layers.ReLU(name=names[2])(network)
        network = layers.DepthwiseConv2D(3, padding="same", name=names[3])(network)
        network = layers.Conv2D(channels, 1, activation="relu", name=names[4])(network)
    network = layers.Conv2D(12, 1, dtype="float32", name="probe_logits")(network)
    network = keras.Model(images, network, name="probe")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, name="probe_loss")
    network.compile(keras.optimizers.SGD(1e-3, name="probe_sgd"), loss)
    return network


def step_seconds(network: keras.Model) -> list[float]:
    """Measures the seconds of a few steps of `small_network`."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 128, 128, 3), np.uint8)
    labels = rng.integers(0, 12, (4, 32, 32)).astype(np.uint8)
    times = StepTimes()
    network.fit(RepeatedBatch((images, labels), 1 + STEPS), shuffle=False, verbose=0, callbacks=[times])
    return times.seconds_per_step()
