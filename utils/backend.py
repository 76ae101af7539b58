"""Keras backend: quiet import, device, precision, XLA and versions."""

import contextlib
import gc
import os
import sys


def import_backend():
    """Imports Keras and its backend without the backend's start-up messages.

    TensorFlow writes them to standard error before it reads any setting, so that is turned off meanwhile; Python's own
    errors still appear.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    is_first = "keras" not in sys.modules
    with silence_stderr(), pause_gc():
        import keras

        keras.ops.zeros(())  # TensorFlow looks for devices at its first operation
    if is_first:
        gc.freeze()  # what was imported stays: no later search looks through it


def device():
    """Returns the backend and the device, such as "TensorFlow 2.21.0 on CPU"."""
    import keras

    backend = keras.config.backend()
    devices = keras.distribution.list_devices() if backend != "torch" else []
    accelerators = [name for name in devices if not name.lower().startswith("cpu")]
    where = ", ".join(accelerators) or ("CPU" if backend != "torch" else "PyTorch's default device")
    return f"Keras {keras.__version__} with {backend} {__import__(backend).__version__} on {where}"


@contextlib.contextmanager
def pause_gc():
    """Does not look for garbage meanwhile. Also a decorator.

    Imports and networks are very many objects, and stay: of the CPU time of importing Keras and TensorFlow a fifth went
    into looking through them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def silence_stderr():
    """Silences standard error, also for libraries that write to it past Python."""
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


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
    """Returns the versions of Python and the packages in use, a dict of str.

    Keras and its engine, or the runtime of an exported file, are among it if they were imported.
    """
    import platform

    import cv2
    import numpy

    found = {"python": platform.python_version(), "numpy": numpy.__version__, "opencv": cv2.__version__}
    for name in ("keras", "tensorflow", "jax", "torch", "onnxruntime", "openvino"):
        module = sys.modules.get(name)
        if hasattr(module, "__version__"):
            found[name] = module.__version__
    return found
