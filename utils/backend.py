"""Keras backend: quiet import, device, precision, XLA and versions."""

import contextlib
import gc
import os
import pathlib
import sys
from collections.abc import Iterator

from utils.errors import UsageError
from utils.processes import start_mark
from utils.processor import NEURAL_FLAGS, processor_flags
from utils.replicas import num_replicas

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"  # TensorFlow reads it when it is imported


def import_backend(precision: str | None = None) -> None:
    """Imports Keras and its backend without the backend's start-up messages.

    TensorFlow writes them to standard error before it reads any setting, so standard error is silenced during the
    import. Exceptions of the import are raised as usual.

    TensorFlow by itself uses oneDNN's operations only on processors with instructions for neural networks. On older
    ones they make training in float32 twice as fast, but bfloat16 many times as slow, and predictions of single images
    too if layers are fused. `TF_ENABLE_ONEDNN_OPTS` of the environment has precedence.

    Args:
        precision: `--mixed_precision` of all networks of this process; "float32" and "auto", which takes bfloat16 only
            where there is such arithmetic, ask for oneDNN on older processors. None leaves the choice to TensorFlow.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    is_first = "keras" not in sys.modules
    is_older = is_first and _ask_for_onednn(precision)
    with silence_stderr(), pause_gc():
        import keras

        keras.ops.zeros(())  # TensorFlow looks for devices at its first operation
        if is_older and keras.config.backend() == "tensorflow":
            import tensorflow as tf

            tf.config.optimizer.set_experimental_options({"remapping": False})  # which fuses layers
    if is_first:
        gc.freeze()  # imported objects stay in memory: later collections need not visit them


def _ask_for_onednn(precision):
    """Asks for oneDNN in float32 on an older processor, unless the user has decided; returns whether it did."""
    flags = processor_flags()
    if precision not in ("float32", "auto") or flags is None or flags & set(NEURAL_FLAGS):
        return False
    return os.environ.setdefault(ONEDNN, "1") == "1"


def device() -> str:
    """Describes backend and device, such as "Keras 3.15.1 with tensorflow 2.21.0 on CPU"."""
    import keras

    backend = keras.config.backend()
    return f"Keras {keras.__version__} with {backend} {__import__(backend).__version__} on {device_name()}"


def device_name() -> str:
    """Returns the accelerators that Keras uses, such as "gpu:0", or "CPU"."""
    import keras

    if keras.config.backend() == "torch":
        return "PyTorch's default device"
    devices = keras.distribution.list_devices()
    return ", ".join(name for name in devices if not name.lower().startswith("cpu")) or "CPU"


@contextlib.contextmanager
def pause_gc() -> Iterator[None]:
    """Disables garbage collection within the context. Also a decorator.

    Imports and networks create many objects that stay in memory. A fifth of the CPU time of importing Keras and
    TensorFlow is spent on collections that visit them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def silence_stderr() -> Iterator[None]:
    """Silences standard error within the context, also for libraries that write to file descriptor 2 directly."""
    saved, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nowhere)


def use_xla(choice: bool | None) -> bool:
    """Decides whether to compile with XLA.

    Args:
        choice: the user's choice. None selects by backend: JAX always compiles; TensorFlow compiles on GPUs only,
            because on CPUs XLA compiles for minutes and then trains these networks about half as fast.

    Raises:
        UsageError: if it is the choice for several replicas of TensorFlow.
    """
    import keras

    if num_replicas() > 1:
        if choice:
            raise UsageError(
                "--jit_compile compiles for one device on TensorFlow; leave it out, or give --distribute none"
            )
        return False

    if choice is not None:
        return choice
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_physical_devices("GPU"))
    return keras.config.backend() == "jax"


def set_precision(name: str) -> None:
    """Sets the compute dtype of all layers created afterwards (the global dtype policy of Keras).

    Args:
        name: "float32", "float16" or "bfloat16". Weights, logits and losses stay float32.
    """
    import keras

    keras.mixed_precision.set_global_policy(name if name == "float32" else f"mixed_{name}")


def process_age() -> float:
    """Returns the seconds since this process started; 0 if the system does not report it."""
    try:
        started = start_mark(os.getpid())
        uptime = float(pathlib.Path("/proc/uptime").read_text().split()[0])
        return max(0.0, uptime - float(started) / os.sysconf("SC_CLK_TCK")) if started else 0.0
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def versions() -> dict[str, str]:
    """Returns the versions of Python and of the packages in use.

    Returns:
        Dict with "python", "numpy", "opencv", and with Keras, its backend and runtimes of exported files if they were
        imported.
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
