"""benchmark.py as a user runs it; the networks of the tests, which only they know, in fresh processes too."""

import contextlib
import io
import json
import math
import pathlib
import subprocess
import sys

import cv2
import pytest

import benchmark
from models import MODELS
from utils.benchmark import process
from utils.errors import RunError

ROOT = pathlib.Path(__file__).resolve().parent.parent
CODE = f"import sys; sys.path.insert(0, {str(ROOT / 'tests' / 'tiny')!r}); import tiny_model; {benchmark.PROGRAM[-1]}"
SMALL = ["--crop_height", "64", "--crop_width", "64", "--rounds", "2", "--steps", "2"]
KEYS = {
    "model",
    "frontend",
    "output_stride",
    "crop_height",
    "crop_width",
    "batch_size",
    "num_classes",
    "mixed_precision",
    "remat",
    "jit_compile",
    "rounds",
    "device",
    "cpu_cores",
    "versions",
    "parameters",
    "gflops_per_image",
    "cold_start_seconds",
    "import_seconds",
    "build_seconds",
    "first_step_seconds",
    "training_steps",
    "inference_steps",
    "training_images_per_second",
    "inference_images_per_second",
    "latency_ms_median",
    "latency_ms_p95",
    "matmul_peak_gflops_per_second",
    "training_gflops_per_second",
    "training_share_of_peak",
    "inference_gflops_per_second",
    "inference_share_of_peak",
    "peak_memory_mib",
    "device_memory_mib",
    "scoring_ms_per_image",
}
INPUT_KEYS = {"workers", "input_images_per_second", "input_cached_images_per_second"}


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    """Only the two tiny networks, known to the fresh process too."""
    monkeypatch.setattr(benchmark, "PROGRAM", (*benchmark.PROGRAM[:-1], CODE))
    monkeypatch.setattr(benchmark, "MODELS", {name: MODELS[name] for name in ("tiny", "tiny-heads")})


def check(result, keys):
    assert result.keys() == keys
    numbers = {key: value for key, value in result.items() if type(value) in (int, float)}
    assert all(math.isfinite(value) and value > 0 for value in numbers.values()), numbers
    missing = {key for key, value in result.items() if value is None}
    assert missing <= {"frontend", "output_stride", "device_memory_mib"}
    assert result["latency_ms_p95"] >= result["latency_ms_median"]
    stages = ("import_seconds", "build_seconds", "first_step_seconds")
    assert result["cold_start_seconds"] == pytest.approx(sum(result[key] for key in stages))
    training = 3 * result["gflops_per_image"] * result["training_images_per_second"]
    assert result["training_gflops_per_second"] == pytest.approx(training)
    assert result["training_share_of_peak"] == pytest.approx(training / result["matmul_peak_gflops_per_second"])


def test_one_network_with_a_dataset(streets, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    arguments = [*SMALL, "--model", "tiny-heads", "--batch_size", "2", "--dataset", str(streets), "--json", "-"]
    assert benchmark.main(arguments) == 0
    out, text = capsys.readouterr()
    result = json.loads(out)  # nothing but JSON
    check(result, KEYS | INPUT_KEYS)
    assert result["model"] == "tiny-heads" and result["batch_size"] == 2 and result["frontend"] is None
    for word in ("machine", "Keras", "cold start", "images/s", "ms median", "with --cache"):
        assert word in text


def test_every_network_as_table_and_figure(tmp_path, monkeypatch, capsys):
    """Measured in this process, which has imported Keras; the test above starts one."""

    def measure_here(program, settings):
        monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(settings)))
        with contextlib.redirect_stdout(io.StringIO()) as output:
            process.measure_from_stdin()
        return json.loads(output.getvalue().splitlines()[-1])

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(benchmark, "run_in_process", measure_here)
    assert benchmark.main([*SMALL, "--all", "--output_dir", "speed", "--json", "speed.json"]) == 0
    results = json.loads(pathlib.Path("speed.json").read_text())
    assert [result["model"] for result in results] == ["tiny", "tiny-heads"]
    for result in results:
        check(result, KEYS)
    table = pathlib.Path("speed/speed.md").read_text()
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len(rows) == 4 and len({line.count("|") for line in rows}) == 1
    assert table in capsys.readouterr().out
    assert cv2.imread("speed/speed.png").shape[0] > 500


def test_a_network_that_fails_does_not_stop_the_rest(tmp_path, monkeypatch, capsys):
    def measured(program, settings):
        if settings["model"] == "tiny":
            raise RunError("out of memory")
        shown = {key: settings[key] for key in ("model", "crop_height", "crop_width", "batch_size", "mixed_precision")}
        return {**dict.fromkeys(KEYS, 1.0), **shown, "frontend": None}

    monkeypatch.setattr(benchmark, "run_in_process", measured)
    with pytest.raises(SystemExit) as end:
        benchmark.main(["--all", "--json", str(tmp_path / "speed.json"), "--output_dir", str(tmp_path)])
    out, error = capsys.readouterr()
    assert end.value.code == 1 and "1 of 2 networks" in error and "tiny: out of memory" in error
    assert "| `tiny-heads` |" in out and (tmp_path / "speed.png").exists()
    failed, done = json.loads((tmp_path / "speed.json").read_text())
    assert failed == {"model": "tiny", "frontend": None, "error": "out of memory"} and done["model"] == "tiny-heads"


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["--model", "PSPNett"], "did you mean PSPNet?"),
        (["--steps", "0"], "--steps"),
        (["--all", "--model", "tiny"], "leave out --model"),
        (["--output_dir", "speed"], "--all"),
        (["--num_classes", "255"], "254"),
        (["--dataset", "nowhere"], "nowhere"),
        (["--dataset", "."], "class_dict.csv"),
        (["--model", "tiny", "--output_stride", "8"], "--output_stride 8"),
    ],
)
def test_mistakes_are_one_line(tmp_path, monkeypatch, capsys, arguments, word):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        benchmark.main(arguments)
    error = capsys.readouterr().err.strip()
    assert end.value.code == 2 and word in error and len(error.splitlines()) == 1


def test_help_imports_no_keras():
    code = (
        "import sys, benchmark\ntry:\n    benchmark.main(['--help'])\nfinally:\n"
        "    assert not {'keras', 'tensorflow', 'numpy', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "--rounds" in done.stdout, done.stderr
