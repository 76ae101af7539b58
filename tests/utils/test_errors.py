"""Exit codes, one-line errors and suggestions."""

import errno
import os

import pytest

from utils import errors
from utils.errors import RunError, UsageError, closest_name, did_you_mean, memory_errors, report_errors


@pytest.mark.parametrize("kind, base, code", [(UsageError, ValueError, 2), (RunError, RuntimeError, 1)])
def test_errors_become_a_line_and_an_exit_code(capsys, kind, base, code):
    @report_errors
    def main(argv=None):
        """Fails."""
        print("working", end="")
        raise kind("a.png is no image")

    assert issubclass(kind, base) and main.__doc__ == "Fails."
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == code and isinstance(end.value.__cause__, kind)
    out, err = capsys.readouterr()
    assert out == "working" and err == "error: a.png is no image\n"


def test_any_exception_may_have_an_exit_code(capsys):
    class UnknownError(KeyError):
        exit_code = 7

        def __str__(self):
            return "unknown"

    @report_errors
    def main(argv=None):
        raise UnknownError

    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 7 and capsys.readouterr().err == "error: unknown\n"


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, SystemExit])
def test_defects_keep_their_traceback(kind):
    @report_errors
    def main(argv=None):
        raise kind("defect")

    with pytest.raises(kind, match="defect") as error:
        main()
    assert error.value.args == ("defect",)


def test_arguments_and_result_pass_through():
    @report_errors
    def main(argv=None):
        return argv

    assert main(["--a"]) == ["--a"] and main() is None


def test_ctrl_c_ends_without_a_traceback(capsys):
    @report_errors
    def main(argv=None):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130
    assert capsys.readouterr().err.strip() == "Interrupted."


@pytest.mark.parametrize(
    "error, code, text",
    [(RunError("no memory"), 1, "error: no memory\n"), (KeyError("x"), 1, "Traceback"), (KeyboardInterrupt(), 130, "")],
)
def test_processes_of_a_job_do_not_wait_for_the_others(monkeypatch, capsys, error, code, text):
    left = []
    monkeypatch.setattr(errors, "leave_at_once", True)
    monkeypatch.setattr(os, "_exit", left.append)

    @report_errors
    def main(argv=None):
        raise error

    with pytest.raises((SystemExit, KeyError)):
        main()
    assert left == [code] and text in capsys.readouterr().err


@pytest.mark.parametrize(
    "word, name",
    [
        ("pspnet", "PSPNet"),
        ("FC_DenseNet56", "FC-DenseNet56"),
        ("mobile", "MobileUNet"),  # the only name that begins so
        ("DeepLab", "DeepLabV3"),  # two begin so: the most similar
        ("BiSeNt", "BiSeNet"),
        ("mob", None),
        ("qqq", None),
    ],
)
def test_suggestions(word, name):
    names = ["FC-DenseNet56", "DeepLabV3_plus", "DeepLabV3", "PSPNet", "BiSeNet", "MobileUNet"]
    assert closest_name(word, names) == name
    assert did_you_mean(word, names) == (f"; did you mean {name}?" if name else "")


def test_only_memory_errors_are_translated():
    with pytest.raises(RunError, match="lower --batch_size"), memory_errors():
        raise ValueError("RESOURCE_EXHAUSTED: failed to allocate")
    with pytest.raises(ValueError, match="shape"), memory_errors():
        raise ValueError("a wrong shape")


@pytest.mark.parametrize(
    "error, told",
    [
        (OSError(errno.EROFS, "Read-only file system", "/mnt/a\udce9"), "error: /mnt/a\\xe9: Read-only file system\n"),
        (UsageError("cannot read a\x1b.png"), "error: cannot read a\\x1b.png\n"),
    ],
)
def test_errors_of_disks_and_odd_names_are_one_line(error, told, capsys):
    @report_errors
    def main(argv=None):
        print("caf\udce9.png")
        raise error

    with pytest.raises(SystemExit) as end:
        main([])
    out, err = capsys.readouterr()
    assert (end.value.code, err) == (getattr(error, "exit_code", 1), told) and out == "caf\\udce9.png\n"
