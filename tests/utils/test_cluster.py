"""Environments of launchers, each as it sets the variables."""

import json

import pytest

from utils.cluster import Member, find_member, find_peers
from utils.errors import UsageError
from utils.peers import ALONE

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


@pytest.mark.parametrize("visible, taken", [(None, "1"), ("4,5", "5"), ("7", "7")])
def test_each_process_takes_a_gpu(visible, taken):
    environment = {**SLURM, **({"CUDA_VISIBLE_DEVICES": visible} if visible else {})}
    peers = find_peers("cluster", environment)
    assert (peers.rank, peers.count) == (5, 8) and environment["CUDA_VISIBLE_DEVICES"] == taken


def test_work_is_dealt_out_on_request_only():
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    assert find_peers("none", SLURM) is ALONE
    with pytest.raises(UsageError, match="KERAS_DISTRIBUTION"):
        find_peers("cluster", environment)
