"""Report of a test or a run: header, file, and problems that are warnings."""

import pytest
from tiny_report import evaluated

from utils.errors import RunError
from utils.report import writing


def test_command_line_can_be_pasted():
    words = ["--dataset", "My data", "--report"]
    assert writing.command_line("test.py", words) == "python test.py --dataset 'My data' --report"


def test_network_name():
    assert writing.network_name("custom", "MobileNet") == "custom on MobileNet"
    assert writing.network_name("UNet", None) == writing.network_name("FC-DenseNet56", "ResNet101").replace(
        "FC-DenseNet56", "UNet"
    )


def test_header_names_what_was_tested():
    record = {"checkpoint": {"epoch": 17}, "checkpoint_path": "a.keras", "dataset": "data/CamVid", "split": "test"}
    record["versions"] = {"python": "3.11", "keras": "3.15"}
    about = writing.describe_test(record, "custom on MobileNet", 233, "python test.py")
    assert about["checkpoint"] == "a.keras, after epoch 17" and about["dataset"] == "data/CamVid, 233 test images"
    assert about["versions"] == "python 3.11, keras 3.15" and about["command"] == "python test.py"
    record["checkpoint"]["epoch"] = None
    assert writing.describe_test(record, "custom", 1, "")["checkpoint"] == "a.keras"


@pytest.fixture(scope="module")
def case(streets):
    class_dict, _, evaluation, collector = evaluated(streets)
    return evaluation, evaluation.confusion.result(), class_dict, collector


def test_page_is_written(case, tmp_path, capsys):
    assert writing.write_page(tmp_path, "title", {}, *case)
    assert (tmp_path / writing.REPORT).stat().st_size > 20_000 and not capsys.readouterr().err


def test_a_problem_is_one_line(case, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise RunError("cannot write report.html: No space left on device")

    monkeypatch.setattr(writing, "write_report", full)
    assert not writing.write_page(tmp_path, "title", {}, *case)
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "No space left" in error and "other results are complete" in error
    monkeypatch.setattr(case[-1], "problem", "ValueError: x")
    assert not writing.write_page(tmp_path, "title", {}, *case) and "ValueError: x" in capsys.readouterr().err
