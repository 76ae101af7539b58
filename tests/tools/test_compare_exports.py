"""The command compare_exports.py: files, scores, latencies, errors."""

import importlib.util
import json
import pathlib

import pytest

import export
from tools import compare_exports, flag_words
from tools.speed import timing
from utils.export import parity

TESTS = pathlib.Path(__file__).parents[1]
TEACHER = TESTS / "checkpoints" / "tiny_heads.keras"
spec = importlib.util.spec_from_file_location("suite_test", TESTS.parent / "test.py")
test_command = importlib.util.module_from_spec(spec)
spec.loader.exec_module(test_command)


@pytest.mark.usefixtures("blank_plots")
def test_files_are_scored_against_labels_and_timed(streets, tmp_path, monkeypatch, capsys):
    commands = {"export.py": export.main, "test.py": test_command.main}

    def run_command(command, flags, quiet):
        assert commands[command](flag_words(flags)) == 0

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(compare_exports, "run_command", run_command)  # this process knows the network
    monkeypatch.setattr(timing, "LEAST_SECONDS", 0.0)
    monkeypatch.setitem(parity.MIN_AGREEMENT, "int8", 0.0)  # a network of few steps has many near ties
    words = ["--checkpoints", str(TEACHER), "--dataset", str(streets), "--formats", "litert", "--rounds", "2"]
    assert compare_exports.main([*words, "--output", "result.json", "--figure", "plot.png"]) == 0
    result = json.loads(pathlib.Path("result.json").read_text())
    assert result["size"] == "96x64" and result["rounds"] == 2 and pathlib.Path("plot.png").stat().st_size > 1000
    whole, file, small = result["rows"]
    assert {row["network"] for row in result["rows"]} == {"tiny-heads"}
    assert file["mean_iou"] == pytest.approx(whole["mean_iou"], abs=1e-3) and 0 < small["mean_iou"] < 1
    assert small["megabytes"] <= file["megabytes"] and min(row["milliseconds"] for row in (whole, file, small)) > 0
    lines = capsys.readouterr().out.splitlines()[-6:]
    times = [float(line.split("|")[4].split()[0]) for line in lines[1:4]]
    assert times == sorted(times) and "96x64, medians of 2 rounds" in lines[-1]


def test_what_cannot_be_written_is_named(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    titles = [file.title for file in compare_exports.choose_files(None)]
    assert titles == ["Keras with TensorFlow", "LiteRT", "LiteRT, 8 bits"]
    assert "OpenVINO is left out: --format openvino needs openvino, scipy: pip install" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        compare_exports.main(["--formats", "web"])
    assert end.value.code == 2 and "--formats web: the compared formats are onnx, openvino" in capsys.readouterr().err


def test_two_checkpoints_of_one_network_are_refused(capsys):
    with pytest.raises(SystemExit) as end:
        compare_exports.main(["--checkpoints", str(TEACHER), str(TEACHER), "--formats", "litert"])
    assert end.value.code == 2 and "--checkpoints: two are of one network" in capsys.readouterr().err
