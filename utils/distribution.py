"""Data parallelism: the devices that train one network together.

The batch size is that of all devices together: a training has the same batches, steps and learning rate on any number
of them. Importing this file imports no Keras.
"""

import contextlib
import os
import pathlib
import secrets
import socket
import time
from collections.abc import Iterator

import numpy as np

from utils import errors
from utils.cluster import count_gpus, find_member, idle_gpus, take_gpu
from utils.errors import PEER_LOST, RunError, UsageError, first_line
from utils.files import make_folder
from utils.peers import ALONE, Peers
from utils.replicas import set_replicas

HEARTBEAT, START = 20, 120  # seconds after which a silent process counts as lost, and in which all have to start
SHARED = 30  # seconds in which a file has to appear on a shared disk
LOST_MARKS = ("Gloo", "gloo", "NCCL", "Connection", "UNAVAILABLE", "DEADLINE_EXCEEDED", "heartbeat", "coordination")


class PeerLostError(RuntimeError):
    """Another process of the job ended or stopped before its work was done."""

    exit_code = PEER_LOST


def join_cluster() -> Peers:
    """Connects this process with the others of its job; JAX only, and before any computation.

    From then on a command that fails ends at once: the end of a Python process waits for the others in JAX.

    Raises:
        UsageError: if no launcher started the process, or if the backend is another.
        RunError: if the others do not answer.
    """
    member = find_member()
    try:
        import keras
    except ModuleNotFoundError as error:
        raise UsageError(f"--distribute cluster needs Keras and JAX; {error.name} is not installed") from error
    if keras.config.backend() != "jax":
        raise UsageError("--distribute cluster needs the backend JAX: set KERAS_BACKEND=jax for all processes")
    import jax

    visible = count_gpus()
    take_gpu(member, os.environ)
    own_gpu = None if member.local_rank is None else [0]  # of those that it sees now
    options = {"heartbeat_timeout_seconds": HEARTBEAT, "initialization_timeout": START, "local_device_ids": own_gpu}
    errors.leave_at_once = True
    try:
        jax.distributed.initialize(member.coordinator, member.count, member.rank, **options)
    except (RuntimeError, ValueError) as error:
        place = member.coordinator or f"the address that {member.launcher} gives"
        raise RunError(f"process {member.rank} cannot join the others at {place}: {first_line(error)}") from error
    peers = Peers(jax.process_index(), jax.process_count(), exchange)
    used = sum(device.platform == "gpu" for device in jax.local_devices())
    warning = idle_gpus(peers.gather([socket.gethostname(), visible, used]))
    if warning and peers.is_chief:
        print(f"warning: {warning}")
    return peers


def exchange(data: bytes) -> list[bytes]:
    """Returns the bytes that all processes of the job call this with, by rank.

    Raises:
        PeerLostError: if one has ended.
    """
    from jax.experimental.multihost_utils import process_allgather

    try:
        sizes = np.asarray(process_allgather(np.int32(len(data))))
        padded = np.zeros(sizes.max(), np.uint8)
        padded[: len(data)] = np.frombuffer(data, np.uint8)
        parts = np.asarray(process_allgather(padded))
    except (RuntimeError, ValueError) as error:  # JAX raises either
        raise PeerLostError(
            f"another process of this job has ended; see its message, then start all again ({first_line(error)[:80]})"
        ) from error
    return [bytes(part[:size]) for part, size in zip(parts, sizes)]


def start_distribution(choice: str, batch_size: int, peers: Peers = ALONE) -> str | None:
    """Selects the devices of a training, before its network is built.

    On JAX, `keras.distribution.DataParallel` computes each step as one device would: batch norm, losses and metrics see
    the whole batch. On TensorFlow, networks that are then built in a `replica_scope` have a copy on each device.

    Args:
        choice: "local" for as many devices of this machine as divide the batch size, "none" for one, "cluster" for
            those of all processes. Processors count if the backend was told to divide them.
        batch_size: images of a training step, on all devices together.
        peers: of `join_cluster`.

    Returns:
        A line on the devices if there are several, else None.

    Raises:
        UsageError: if the devices of a cluster cannot share the batch equally.
    """
    import keras

    if keras.config.backend() not in ("jax", "tensorflow"):
        return None
    names = keras.distribution.list_devices() if choice != "none" else [None]
    count, distribution = largest_divisor(batch_size, len(names)), None
    if keras.config.backend() == "tensorflow":
        set_replicas(names[:count])
        return describe(count, len(names), batch_size)
    if choice == "cluster" and count < len(names):
        near = batch_size // len(names) * len(names)
        sizes = f"{near} or {near + len(names)}" if near else str(len(names))
        raise UsageError(f"--batch_size {batch_size} is for all {len(names)} devices together; give {sizes}")
    if count > 1 or choice == "cluster":
        distribution = keras.distribution.DataParallel(devices=names[:count], auto_shard_dataset=False)
    keras.distribution.set_distribution(distribution)
    return describe(count, len(names), batch_size)


@contextlib.contextmanager
def without_distribution():
    """Context in which this process makes variables of its own, as saving a model does.

    With a distribution over several processes, making a variable waits for all of them.
    """
    import keras

    if keras.config.backend() != "jax":
        yield
        return
    before = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(before)


def check_shared(folder: pathlib.Path, peers: Peers) -> None:
    """Checks that all processes see one folder; all have to call it.

    Raises:
        UsageError: if one does not see within half a minute what the first one writes.
    """
    token = None
    if peers.is_chief:
        token = make_folder(folder) / f".shared-{secrets.token_hex(8)}"
        token.touch()
    path, end = folder / peers.gather(token and token.name)[0], time.monotonic() + SHARED
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.2)
    blind = [rank for rank, sees in enumerate(peers.gather(path.exists())) if not sees]
    if token:
        token.unlink(missing_ok=True)
    if blind:
        raise UsageError(
            f"process {blind[0]} does not see the files of process 0 in {folder}; give a shared --output_dir"
        )


@contextlib.contextmanager
def peer_errors(remedy: str) -> Iterator[None]:
    """Raises the backend's errors about other processes as a one-line `PeerLostError`.

    Args:
        remedy: the end of the line.
    """
    try:
        yield
    except PeerLostError:
        raise PeerLostError(f"another process of this job has ended; {remedy}") from None
    except (RuntimeError, ValueError) as error:  # JAX raises either
        is_of_peers = not hasattr(error, "exit_code") and any(mark in str(error) for mark in LOST_MARKS)
        if not errors.leave_at_once or not is_of_peers:
            raise
        raise PeerLostError(f"another process of this job has ended; {remedy}") from error


def largest_divisor(batch_size: int, most: int) -> int:
    """Returns the greatest number up to `most` that divides the batch size."""
    return max(count for count in range(1, most + 1) if batch_size % count == 0)


def describe(count: int, available: int, batch_size: int) -> str | None:
    """Describes the devices of a training; None if there is one only."""
    if available == 1:
        return None
    images = batch_size // count
    used = f"Devices --> {count} of {available}, with {images} {'images' if images > 1 else 'image'} of each batch"
    if count == available:
        return used
    larger = -(-batch_size // available) * available
    return f"{used}; all are used if --batch_size is a multiple of {available}, such as {larger}"


def spread(images: np.ndarray):
    """Spreads a batch over the devices of the training, if there are several; the result may be predicted."""
    import keras

    distribution = keras.distribution.distribution()
    if distribution is None:
        return images
    import jax

    layout = distribution.get_data_layout(images.shape).backend_layout
    return jax.make_array_from_process_local_data(layout, images)
