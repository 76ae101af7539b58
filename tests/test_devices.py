"""Training on several devices of JAX against training on one. It counts its devices once: every case is a program."""

import csv
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import pytest

import train
from tools.soak.compare import differences
from utils.settings import read_checkpoint

JAX = {"KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "JAX_PLATFORMS": "cpu"}
# A program that one training has compiled, another one loads.
CACHE = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1"}
PROGRAMS = pathlib.Path(__file__).parent / "tiny"


def result_of(program, backend):
    """The JSON that a program of tests/tiny prints."""
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(PROGRAMS.parent.parent)}
    done = subprocess.run([sys.executable, PROGRAMS / program], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


needs_jax = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed")


@needs_jax
def test_two_devices_of_jax_train_as_one():
    found = result_of("tiny_devices.py", "jax")
    assert max(found["without batch norm"]) < 1e-6
    assert max(found["combined"]) < 1e-4  # batch norm amplifies rounding


@needs_jax
def test_two_processes_score_as_one(streets, tmp_path, blank_plots):
    flags = ["--model", "tiny", "--dataset", str(streets), "--num_epochs", "1", "--output_dir", str(tmp_path)]
    train.main([*flags, "--crop_height", "32", "--crop_width", "32", "--num_val_images", "1", "--no_report"])
    command = [sys.executable, PROGRAMS / "tiny_model.py", "test.py", "--checkpoint_path"]
    command += [tmp_path / "latest_model_tiny_Streets.keras", "--output_dir"]
    launcher = [sys.executable, "tools/launch_local.py", "--processes", "2"]
    environment = {**os.environ, **JAX}
    for words in ([*command, tmp_path / "one"], [*launcher, *command, tmp_path / "two", "--distribute", "cluster"]):
        done = subprocess.run(words, cwd=PROGRAMS.parents[1], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = tmp_path / "one", tmp_path / "two"
    assert sorted(path.name for path in one.iterdir()) == sorted(path.name for path in two.iterdir())
    for path in one.glob("*.csv"), one.glob("*_pred.png"):
        assert all((two / file.name).read_bytes() == file.read_bytes() for file in path)
    scores = [json.loads((folder / "scores.json").read_text()) for folder in (one, two)]
    for found in scores:
        del found["images_per_second"], found["settings"]
    assert scores[0] == scores[1]


def train_with_jax(streets, folder, *launcher, flags=(), **variables):
    """Runs train.py in processes of their own; returns the exit code, the standard error and the log's rows."""
    words = (
        "--model tiny --batch_size 4 --crop_height 32 --crop_width 32 --num_val_images 0 --ema 0.9 --no_report".split()
    )
    words += ["--optimizer", "sgd", "--num_epochs", "2", "--dataset", streets, "--output_dir", folder, *flags]
    command = [*launcher, sys.executable, PROGRAMS / "tiny_model.py", *words]
    cache = {**CACHE, "JAX_COMPILATION_CACHE_DIR": str(streets.parent / "compiled")}
    environment = {**os.environ, **JAX, **cache, **variables}
    done = subprocess.run(command, cwd=PROGRAMS.parents[1], env=environment, capture_output=True, text=True)
    with open(folder / "tiny_Streets" / "log.csv", newline="") as file:
        rows = [{name: row[name] for name in row if name != "seconds"} for row in csv.DictReader(file)]
    return done.returncode, done.stderr, rows


@pytest.fixture(scope="module")
def undisturbed(streets, tmp_path_factory):
    """Output folder of a training on one device of JAX."""
    folder = tmp_path_factory.mktemp("undisturbed")
    code, error, rows = train_with_jax(streets, folder)
    assert code == 0 and len(rows) == 2, error[-2000:]
    return folder


@needs_jax
@pytest.mark.parametrize("name, code, step", [("SIGKILL", -9, 0), ("SIGTERM", 130, 1)])
def test_a_training_on_jax_resumes_to_the_last_bit(streets, undisturbed, tmp_path, name, code, step):
    """Between two epochs and within one."""
    signal = f"{name},0,1,{tmp_path / 'stopped'}"
    assert train_with_jax(streets, tmp_path / "run", RANK="0", TINY_SIGNAL=signal)[0] == code
    state = read_checkpoint(tmp_path / "run" / "latest_model_tiny_Streets.keras")[1]
    assert (state["epoch"], state["step"]) == (1, step)
    code, error, _ = train_with_jax(streets, tmp_path / "run", flags=["--continue_training"])
    assert code == 0, error[-2000:]
    lines = differences(undisturbed, tmp_path / "run")
    # The checkpoint before the latest one is that of the stop.
    assert [line for line in lines if "output_dir" not in line and not line.startswith("previous_model")] == []


def launcher(processes, *flags):
    """The words that start several processes of a command."""
    return [sys.executable, "tools/launch_local.py", "--processes", str(processes), *flags]


PAIR = launcher(2, "--restarts", "1")
CLUSTER = ("--distribute", "cluster", "--continue_training")


def differing(folder, other):
    """What differs between two runs, but for the flags that say where and how they ran."""
    return [line for line in differences(folder, other) if "/output_dir: " not in line]


@needs_jax
def test_two_processes_of_which_one_is_killed_train_as_two_devices(streets, tmp_path):
    devices = train_with_jax(streets, tmp_path / "devices", JAX_NUM_CPU_DEVICES="2")
    signal = f"SIGKILL,1,1,{tmp_path / 'killed'}"
    processes = train_with_jax(streets, tmp_path / "processes", *PAIR, flags=CLUSTER, TINY_SIGNAL=signal)
    assert devices[0] == processes[0] == 0, devices[1][-2000:] + processes[1][-2000:]
    assert "another process of this job has ended; start all again with --continue_training" in processes[1]
    assert processes[2] == devices[2] and len(devices[2]) == 2
    assert differing(tmp_path / "devices", tmp_path / "processes") == []


@needs_jax
@pytest.mark.sweep
def test_four_processes_train_as_one_device():
    """Weights after 20 steps of SGD."""
    variables = {**os.environ, **JAX, "PYTHONPATH": str(PROGRAMS.parent.parent)}
    command = [*launcher(4), sys.executable, PROGRAMS / "tiny_drift.py", "1", "20"]
    done = subprocess.run(command, cwd=PROGRAMS.parents[1], env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])  # gloo prints before
    assert 0 < max(found["without batch norm"]) < 1e-6
    assert found["with batch norm"][0] < 1e-6 and found["with batch norm"][1] < 1e-4  # it amplifies rounding


@needs_jax
@pytest.mark.sweep
@pytest.mark.parametrize("processes, devices", [(4, 1), (2, 2)])
def test_processes_train_as_four_devices(streets, tmp_path, processes, devices):
    """Up to rounding: gloo adds four numbers in another order than one process does, of two there is only one."""
    one = train_with_jax(streets, tmp_path / "one", JAX_NUM_CPU_DEVICES="4")
    job = launcher(processes)
    many = train_with_jax(streets, tmp_path / "many", *job, flags=CLUSTER, JAX_NUM_CPU_DEVICES=str(devices))
    assert one[0] == many[0] == 0, one[1][-2000:] + many[1][-2000:]
    assert many[2] == one[2] and len(one[2]) == 2
    lines = [line for line in differing(tmp_path / "one", tmp_path / "many") if "/state/" not in line]  # its losses
    assert max((float(line.split(" differs by up to ")[1]) for line in lines), default=0.0) < 1e-6


@needs_jax
def test_a_signal_to_one_process_stops_all(streets, tmp_path):
    signal = f"SIGTERM,1,1,{tmp_path / 'stopped'}"
    code, error, rows = train_with_jax(streets, tmp_path, *PAIR, flags=["--distribute", "cluster"], TINY_SIGNAL=signal)
    assert code == 130 and len(rows) == 1, error[-2000:]
    state = read_checkpoint(tmp_path / "latest_model_tiny_Streets.keras")[1]
    assert state["epoch"] == 1 and 1 <= state["step"] <= 3
