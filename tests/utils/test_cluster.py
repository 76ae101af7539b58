"""Environments of launchers, each as it sets the variables."""

import json
import os
import pathlib
import signal
import subprocess
import time

import pytest

from utils.cluster import Member, count_gpus, find_member, find_peers, idle_gpus
from utils.errors import UsageError
from utils.peers import ALONE

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
KERAS = {
    "KERAS_DISTRIBUTION_JOB_ADDRESSES": "10.0.0.1:1234,10.0.0.2:1234",
    "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
    "KERAS_DISTRIBUTION_PROCESS_ID": "1",
}
TORCHRUN = {"MASTER_ADDR": "node1", "MASTER_PORT": "29500", "WORLD_SIZE": "16", "RANK": "3", "LOCAL_RANK": "1"}
SLURM = {
    "SLURM_JOB_ID": "77",
    "SLURM_STEP_NODELIST": "n[1-2]",
    "SLURM_NTASKS": "8",
    "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1",
}
OPEN_MPI = {
    "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.96.0.1:34911",
    "OMPI_COMM_WORLD_SIZE": "4",
    "OMPI_COMM_WORLD_RANK": "2",
    "OMPI_COMM_WORLD_LOCAL_RANK": "0",
}


def tf_config(kind, index, **cluster):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


@pytest.mark.parametrize(
    "environment, expected",
    [
        (KERAS, Member(1, 2, "10.0.0.1:1234", None, "KERAS_DISTRIBUTION_*")),
        ({**TORCHRUN, **KERAS}, Member(1, 2, "10.0.0.1:1234", None, "KERAS_DISTRIBUTION_*")),
        (TORCHRUN, Member(3, 16, "node1:29501", 1, "torchrun")),
        (tf_config("worker", 1, worker=["a:1", "b:2"]), Member(1, 2, "a:1", None, "TF_CONFIG")),
        (tf_config("worker", 0, chief=["c:3"], worker=["a:1", "b:2"]), Member(1, 3, "c:3", None, "TF_CONFIG")),
        (tf_config("chief", 0, chief=["c:3"], worker=["a:1"]), Member(0, 2, "c:3", None, "TF_CONFIG")),
        (SLURM, Member(5, 8, None, 1, "Slurm")),
        (OPEN_MPI, Member(2, 4, None, 0, "Open MPI")),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, Member(None, None, None, None, "Kubernetes")),
        ({"TPU_WORKER_ID": "0"}, Member(None, None, None, None, "Cloud TPU")),
    ],
)
def test_members(environment, expected):
    assert find_member(environment) == expected


@pytest.mark.parametrize(
    "environment, culprit",
    [
        ({}, "torchrun"),
        ({"RANK": "0"}, "torchrun"),  # set by many programs
        ({**KERAS, "KERAS_DISTRIBUTION_JOB_ADDRESSES": "10.0.0.1"}, "host:port"),
        ({**KERAS, "KERAS_DISTRIBUTION_PROCESS_ID": "2"}, "process 2 of 2"),
        ({"KERAS_DISTRIBUTION_NUM_PROCESSES": "2"}, "KERAS_DISTRIBUTION_JOB_ADDRESSES"),
        ({"WORLD_SIZE": "2", "RANK": "0"}, "MASTER_ADDR, MASTER_PORT"),
        ({**TORCHRUN, "RANK": "-1"}, "RANK is '-1'"),
        ({**TORCHRUN, "MASTER_PORT": "65535"}, "65535"),
        ({"TF_CONFIG": "{"}, "TF_CONFIG"),
        ({"TF_CONFIG": "[]"}, "TF_CONFIG"),
        ({"TF_CONFIG": json.dumps({"cluster": {"worker": ["a:1"]}})}, "task"),
        (tf_config("worker", 1, worker=["a:1"]), "worker 1"),
        (tf_config("ps", 0, ps=["a:1"], worker=["b:1"]), "ps"),
        (tf_config("evaluator", 0, worker=["b:1"]), "evaluator"),
        ({"SLURM_JOB_ID": "77", "SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, "srun"),
        ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "0"}, "MASTER_ADDR"),
    ],
)
def test_errors_name_the_variable(environment, culprit):
    with pytest.raises(UsageError, match=culprit) as caught:
        find_member(environment)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 300


# With --gpus-per-task=1 a task sees one GPU, whatever its number; without a name, or with -1, none.
@pytest.mark.parametrize("visible, taken", [(None, "1"), ("4,5", "5"), ("7", "7"), ("", ""), ("-1", "-1")])
def test_each_process_takes_a_gpu(visible, taken):
    environment = {**SLURM, **({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})}
    peers = find_peers("cluster", environment)
    assert (peers.rank, peers.count) == (5, 8) and environment["CUDA_VISIBLE_DEVICES"] == taken


def test_work_is_dealt_out_on_request_only():
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert find_peers("none", SLURM) is ALONE
    with pytest.raises(UsageError, match="KERAS_DISTRIBUTION"):
        find_peers("cluster", environment)


def test_gpus_that_a_process_may_use(tmp_path):
    for number in range(8):
        (tmp_path / f"0000:{number}a:00.0").mkdir()
    assert count_gpus({}, tmp_path) == 8 and count_gpus({}, tmp_path / "none") == 0
    counts = {"0,1,2": 3, "GPU-8932f937": 1, "": 0, "-1": 0, "0,-1,2": 1}
    assert {names: count_gpus({"CUDA_VISIBLE_DEVICES": names}, tmp_path) for names in counts} == counts


@pytest.mark.parametrize(
    "processes, idle",
    [
        ([("a", 8, 1)], "7 of the 8 GPUs of a "),
        ([("a", 8, 1)] * 8 + [("b", 8, 1)] * 7, "1 of the 8 GPUs of b "),
        ([("a", 8, 1)] * 16, None),
        ([("a", 1, 1)] * 8, None),  # --gpus-per-task=1
        ([("a", 8, 8), ("b", 8, 8)], None),
        ([("a", 8, 0)], None),  # on processors
        ([("a", 0, 0)], None),
    ],
)
def test_idle_gpus_are_told_with_the_remedy(processes, idle):
    line = idle_gpus(processes)
    assert line is None if idle is None else line.startswith(idle) and "--ntasks-per-node 8" in line


def test_variables_of_the_kubernetes_example():
    yaml = pytest.importorskip("yaml")
    service, job = yaml.safe_load_all((DOCS / "kubernetes.yaml").read_text())
    name, pods = job["metadata"]["name"], job["spec"]["template"]["spec"]
    assert job["spec"]["completionMode"] == "Indexed" and job["spec"]["completions"] == job["spec"]["parallelism"]
    assert service["spec"]["clusterIP"] == "None" and service["spec"]["selector"] == {"job-name": name}
    (container,) = pods["containers"]
    index = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
    fields = {"valueFrom": {"fieldRef": {"fieldPath": index}}}
    variables = {item.pop("name"): item for item in container["env"]}
    assert variables.pop("KERAS_DISTRIBUTION_PROCESS_ID") == fields
    for rank in range(job["spec"]["completions"]):
        environment = {variable: item["value"] for variable, item in variables.items()}
        environment |= {"KERAS_DISTRIBUTION_PROCESS_ID": str(rank), "KUBERNETES_SERVICE_HOST": "10.0.0.1"}
        member = find_member(environment)
        assert (member.rank, member.count) == (rank, job["spec"]["completions"])
        assert member.coordinator.startswith(f"{name}-0.{pods['subdomain']}:")
        assert pods["subdomain"] == service["metadata"]["name"]
        assert member.local_rank is None  # a process takes all GPUs of its pod


SLURM_COMMANDS = {
    "srun": 'trap "exit 130" TERM; echo "$*" > srun.txt; echo $$ > pid\n'
    'if [ -n "$CODE" ]; then exit $CODE; fi\nwhile :; do sleep 0.02; done',
    "scancel": 'echo "$*" > scancel.txt; kill -TERM $(cat pid)',
    "scontrol": 'echo "$*" > scontrol.txt',
}


@pytest.mark.parametrize(
    "code, restarts, expected, is_requeued",
    [
        ("", 0, 0, True),  # USR1, before the end of the allotted time
        ("", 20, 0, True),
        ("75", 19, 0, True),
        ("137", 0, 0, True),
        ("75", 20, 75, False),
        ("130", 0, 130, False),  # stopped by a user
        ("2", 0, 2, False),
        ("0", 0, 0, False),
    ],
)
def test_batch_script_of_slurm(tmp_path, code, restarts, expected, is_requeued):
    """With commands in place of Slurm's."""
    for name, text in SLURM_COMMANDS.items():
        (tmp_path / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "CODE": code, "SLURM_JOB_ID": "77"}
    environment["SLURM_RESTART_COUNT"] = str(restarts)
    script = subprocess.Popen(["bash", DOCS / "slurm.sh", "--model", "custom"], cwd=tmp_path, env=environment)
    while not code and not (tmp_path / "pid").is_file():
        time.sleep(0.01)
    if not code:
        script.send_signal(signal.SIGUSR1)
    assert script.wait(30) == expected
    words = "python train.py --distribute cluster --continue_training --model custom"
    assert (tmp_path / "srun.txt").read_text().split() == words.split()
    assert (tmp_path / "scontrol.txt").is_file() is is_requeued
    assert code or (tmp_path / "scancel.txt").read_text() == "--signal=TERM 77\n"
