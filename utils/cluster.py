"""Cluster membership: which of how many processes this one is, from the environment that a launcher sets.

Importing this file imports no Keras and no backend.
"""

import itertools
import json
import os
import pathlib
from collections.abc import Mapping, MutableMapping, Sequence
from typing import NamedTuple

from utils.errors import UsageError
from utils.peers import ALONE, Peers

LAUNCHERS = "tools/launch_local.py, torchrun, srun, mpirun, TF_CONFIG or KERAS_DISTRIBUTION_*"
PORTS = 65535
VISIBLE = "CUDA_VISIBLE_DEVICES"
DRIVER = pathlib.Path("/proc/driver/nvidia/gpus")  # a folder for each GPU of the machine


class Member(NamedTuple):
    """A process of a job of several.

    Attributes:
        rank, count: its number from 0, and the number of processes; None where only JAX can find them.
        coordinator: "host:port" of process 0; None where JAX finds it itself.
        local_rank: its number among the processes of its machine; None if unknown.
        launcher: which variables say so.
    """

    rank: int | None
    count: int | None
    coordinator: str | None
    local_rank: int | None
    launcher: str


def find_member(environment: Mapping[str, str] = os.environ) -> Member:
    """Finds the place of this process in its job.

    Args:
        environment: environment variables. Keras's own come first, then those of torchrun, `TF_CONFIG`, Slurm,
            Open MPI, Kubernetes and Cloud TPU.

    Raises:
        UsageError: if there are none, or if they contradict each other.
    """
    for find in (_from_keras, _from_torchrun, _from_tf_config, _from_slurm, _from_open_mpi, _left_to_jax):
        member = find(environment)
        if member is None:
            continue
        if member.count is not None and not 0 <= member.rank < member.count:
            raise UsageError(f"{member.launcher} says process {member.rank} of {member.count}; ranks begin at 0")
        return member
    raise UsageError(f"--distribute cluster needs several processes: start the command with {LAUNCHERS}")


def find_peers(choice: str, environment: MutableMapping[str, str] = os.environ) -> Peers:
    """Finds the processes among which work is dealt out, without communication.

    Of the GPUs that it sees, a process takes the one of its number on its machine. To be called before a backend is
    imported.

    Args:
        choice: "cluster", or "none" for this process alone.
        environment: environment variables; CUDA_VISIBLE_DEVICES changes.

    Raises:
        UsageError: as `find_member`, and if the launcher does not set rank and number.
    """
    if choice == "none":
        return ALONE
    member = find_member(environment)
    if member.count is None:
        raise UsageError(
            f"{member.launcher} sets no rank; set KERAS_DISTRIBUTION_JOB_ADDRESSES, _NUM_PROCESSES and _PROCESS_ID"
        )
    take_gpu(member, environment)
    return Peers(member.rank, member.count)


def take_gpu(member: Member, environment: MutableMapping[str, str]) -> None:
    """Lets a process see only the GPU of its number on its machine; all if that number is unknown, or if it sees one.

    Args:
        member: the process.
        environment: environment variables; CUDA_VISIBLE_DEVICES changes. Backends read it at their first operation.
    """
    names = _visible_names(environment)
    if member.local_rank is None or names is not None and member.local_rank >= len(names):
        return
    environment[VISIBLE] = str(member.local_rank) if names is None else names[member.local_rank]


def count_gpus(environment: Mapping[str, str] = os.environ, driver: pathlib.Path = DRIVER) -> int:
    """Counts the NVIDIA GPUs that a process may use: those of CUDA_VISIBLE_DEVICES, else all of the machine.

    Args:
        environment: environment variables.
        driver: folder in which the driver lists the GPUs.
    """
    names = _visible_names(environment)
    if names is not None:
        return len(names)
    return len(list(driver.iterdir())) if driver.is_dir() else 0


def idle_gpus(processes: Sequence[Sequence]) -> str | None:
    """Describes the GPUs of a machine that a job leaves idle, with the remedy; None if there are none.

    Args:
        processes: `(machine, visible, used)` of each process of the job: name of its machine, the number of GPUs of
            `count_gpus` before it took its own, and of those that it uses. With 0 the processors are meant.
    """
    for machine in dict.fromkeys(machine for machine, _, _ in processes):
        here = [numbers for name, *numbers in processes if name == machine]
        visible, used = max(visible for visible, _ in here), sum(used for _, used in here)
        if 0 < used < visible:
            return (
                f"{visible - used} of the {visible} GPUs of {machine} are idle; start a process for each: "
                f"srun --ntasks-per-node {visible}, torchrun --nproc-per-node {visible} or tools/launch_local.py "
                f"--processes {visible}"
            )
    return None


def _visible_names(environment):
    """Returns the GPUs of CUDA_VISIBLE_DEVICES, which end at the first invalid one; None if it is not set."""
    if VISIBLE not in environment:
        return None
    names = [name.strip() for name in environment[VISIBLE].split(",")]
    return list(itertools.takewhile(lambda name: name not in ("", "-1", "NoDevFiles"), names))


def _from_keras(environment):
    names = [f"KERAS_DISTRIBUTION_{name}" for name in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID")]
    if not any(name in environment for name in names):
        return None
    addresses, count, rank = _all_of(names, environment)
    coordinator = _address(addresses.split(",")[0], names[0])
    return Member(_number(names[2], rank), _number(names[1], count), coordinator, None, "KERAS_DISTRIBUTION_*")


def _from_torchrun(environment):
    names = ["MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK"]
    if not ("WORLD_SIZE" in environment and "RANK" in environment):
        return None
    host, port, count, rank = _all_of(names, environment)
    # torchrun itself listens at MASTER_PORT.
    coordinator = _address(f"{host}:{_number('MASTER_PORT', port) + 1}", "MASTER_ADDR and MASTER_PORT + 1")
    local_rank = environment.get("LOCAL_RANK")
    local_rank = None if local_rank is None else _number("LOCAL_RANK", local_rank)
    return Member(_number("RANK", rank), _number("WORLD_SIZE", count), coordinator, local_rank, "torchrun")


def _from_tf_config(environment):
    if "TF_CONFIG" not in environment:
        return None
    try:
        config = json.loads(environment["TF_CONFIG"])
        cluster, kind, index = config["cluster"], config["task"]["type"], int(config["task"]["index"])
        addresses = [*cluster.get("chief", []), *cluster.get("worker", [])]
        others = sorted({kind, *cluster} - {"chief", "worker"})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(
            'TF_CONFIG is not as {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}: '
            f"{type(error).__name__} {error}"
        ) from error
    if others:
        raise UsageError(f"TF_CONFIG has tasks of the kind {', '.join(others)}; training has chief and worker only")
    if not 0 <= index < len(cluster.get(kind, [])):
        raise UsageError(f"TF_CONFIG says {kind} {index}, but its cluster has {len(cluster.get(kind, []))} of them")
    rank = index if kind == "chief" else len(cluster.get("chief", [])) + index
    return Member(rank, len(addresses), _address(addresses[0], "TF_CONFIG"), None, "TF_CONFIG")


def _from_slurm(environment):
    if "SLURM_JOB_ID" not in environment:
        return None
    if "SLURM_STEP_NODELIST" not in environment:
        raise UsageError("a Slurm job starts its processes with srun: write `srun python ...` in the batch script")
    rank, count, local_rank = _all_of(["SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"], environment)
    numbers = _number("SLURM_PROCID", rank), _number("SLURM_NTASKS", count)
    return Member(*numbers, None, _number("SLURM_LOCALID", local_rank), "Slurm")


def _from_open_mpi(environment):
    names = [f"OMPI_COMM_WORLD_{name}" for name in ("RANK", "SIZE", "LOCAL_RANK")]
    if not all(name in environment for name in names[:2]):
        return None
    if "OMPI_MCA_orte_hnp_uri" not in environment:  # of version 4, from which JAX has the address
        raise UsageError(
            "this Open MPI does not say where process 0 is; set MASTER_ADDR, MASTER_PORT, WORLD_SIZE and RANK instead"
        )
    rank, count, local_rank = map(_number, names, _all_of(names, environment))
    return Member(rank, count, None, local_rank, "Open MPI")


def _left_to_jax(environment):
    places = {
        "KUBERNETES_SERVICE_HOST": "Kubernetes",
        "TPU_WORKER_ID": "Cloud TPU",
        "TPU_PROCESS_ADDRESSES": "Cloud TPU",
        "MEGASCALE_COORDINATOR_ADDRESS": "Cloud TPU",
    }
    found = [launcher for name, launcher in places.items() if name in environment]
    return Member(None, None, None, None, found[0]) if found else None


def _all_of(names, environment):
    """Returns the values of variables that belong together."""
    missing = [name for name in names if name not in environment]
    if missing:
        raise UsageError(
            f"{', '.join(missing)} must be set together with {', '.join(sorted(set(names) - set(missing)))}"
        )
    return [environment[name] for name in names]


def _number(name, text):
    """Returns the number in a variable, 0 or more."""
    if not text.strip().isdecimal():
        raise UsageError(f"{name} is '{text}', not a number from 0 on")
    return int(text)


def _address(text, name):
    """Returns an address "host:port", checked."""
    host, _, port = text.strip().rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= PORTS:
        raise UsageError(f"{name} has the address '{text}'; it must be host:port, with a port up to {PORTS}")
    return text.strip()
