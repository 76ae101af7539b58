"""How Keras runs: the engine, the device, the arithmetic."""

import os


def quiet_engine():
    """Keeps TensorFlow's start-up messages off the console. To be called before Keras is imported."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def use_xla(choice):
    """Whether to compile with XLA.

    Args:
        choice: bool, or None to decide: on the TensorFlow engine XLA trains these networks about half as fast on a CPU
            and compiles for minutes, so there it is used on accelerators only. JAX always compiles.

    Returns:
        bool.
    """
    import keras

    if choice is not None:
        return choice
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    return keras.config.backend() == "jax"


def set_precision(name):
    """Sets the arithmetic of all layers made from now on.

    Args:
        name: "float32", "float16" or "bfloat16". Weights, logits and losses stay float32.
    """
    import keras

    keras.mixed_precision.set_global_policy(name if name == "float32" else f"mixed_{name}")


def versions():
    """Versions of what took part, for the record of a run."""
    import platform

    import cv2
    import keras
    import numpy

    engine = __import__(keras.config.backend())
    return {
        "python": platform.python_version(), "keras": keras.__version__, "numpy": numpy.__version__,
        "opencv": cv2.__version__, keras.config.backend(): engine.__version__,
    }
