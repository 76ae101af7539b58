"""Fingerprint of a machine: cores, memory, accelerator, precision, measured speed, pretrained weights."""

import importlib.util
import os
import pathlib
import re
import subprocess
import urllib.request
from collections.abc import Collection

from frontends import FRONTENDS
from utils.auto.fingerprints import MachineFingerprint
from utils.benchmark.timing import cpu_cores
from utils.data.memory import available_memory

REFERENCE_SPEED = 210e9  # float32 operations per second of matrix products on two cores of an AMD EPYC
UNKNOWN_MEMORY = 4 * 2**30  # bytes, where the system does not report it
REACH_SECONDS = 3
HOST = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/mobilenet_1_0_224_tf_no_top.h5"


def measure_machine(frontends: Collection[str]) -> MachineFingerprint:
    """Measures the fingerprint of this machine; takes a few seconds.

    Args:
        frontends: names of frontends whose ImageNet weights are looked for.
    """
    from utils.benchmark.measure import matmul_peak
    from utils.training.precision import choose_precision

    return MachineFingerprint(
        cores=cpu_cores(),
        memory=available_memory() or UNKNOWN_MEMORY,
        gpu_memory=free_gpu_memory(),
        precision=choose_precision()[0],
        speed=round(matmul_peak("float32") / REFERENCE_SPEED, 2),
        pretrained=obtainable_weights(frontends),
    )


def free_gpu_memory() -> int | None:
    """Returns the free memory in bytes of the GPU that Keras uses; None if it uses none."""
    from utils.backend import device_name

    if device_name() == "CPU":
        return None
    command = ["nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    try:
        lines = subprocess.run(command, capture_output=True, text=True, timeout=20).stdout.split()
        return int(lines[0]) * 2**20
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        return UNKNOWN_MEMORY


def obtainable_weights(frontends: Collection[str]) -> tuple[str, ...]:
    """Returns the frontends whose ImageNet weights are installed, cached by Keras, or can be downloaded by it now."""
    offered = [name for name in frontends if FRONTENDS[name].network not in ("InceptionV4",) and is_installed(name)]
    cached = tuple(name for name in offered if is_cached(name))
    return tuple(offered) if len(cached) < len(offered) and can_download() else cached


def is_installed(frontend: str) -> bool:
    """Returns whether the package of a frontend's ImageNet weights is installed, or Keras offers them without one."""
    package = FRONTENDS[frontend].package
    return package is None or importlib.util.find_spec(package.replace("-", "_")) is not None


def is_cached(frontend: str) -> bool:
    """Returns whether ImageNet weights of a frontend without a classifier are installed or in the cache of Keras."""
    if FRONTENDS[frontend].package:
        return is_installed(frontend)
    home = pathlib.Path(os.environ.get("KERAS_HOME") or pathlib.Path.home() / ".keras") / "models"
    names = [path.name.lower().replace("_", "").replace("-", "") for path in home.glob("*.h5")]
    network = FRONTENDS[frontend].network.lower()
    patterns = {
        "mobilenet": r"mobilenet10224tfnotop.*",
        "mobilenetv3small": r"weightsmobilenetv3small2241\.0floatnotop.*",
    }
    pattern = patterns.get(network, rf"{network}weights.*notop.*")
    return any(re.fullmatch(pattern, name) for name in names)


def can_download() -> bool:
    """Returns whether the server of the ImageNet weights answers within seconds."""
    try:
        with urllib.request.urlopen(urllib.request.Request(HOST, method="HEAD"), timeout=REACH_SECONDS) as answer:
            return answer.status == 200
    except (OSError, ValueError):
        return False
