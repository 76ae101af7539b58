"""The launcher with small programs."""

import os
import signal
import sys
import threading

import pytest

from tools.launch_local import Job, free_port, main, split_command
from utils.errors import INTERRUPTED, PEER_LOST

WRITE = "import os; print(os.environ['RANK'], file=open(os.environ['RANK'] + '.txt', 'w'))"


def program(text):
    return [sys.executable, "-S", "-c", text]


@pytest.mark.parametrize("flags", [["--processes", "2", "--restarts=3"], ["--processes=2", "--restarts", "3"]])
def test_flags_of_the_command_are_its_own(flags):
    command = ["python", "train.py", "--batch_size", "4", "--help"]
    assert split_command([*flags, *command]) == (flags, command)


def test_each_process_has_a_rank(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["--processes", "3", *program(WRITE)]) == 0
    assert sorted(os.listdir()) == ["0.txt", "1.txt", "2.txt"]


def test_the_first_failure_counts_and_ends_the_others():
    text = "import os, sys, time; sys.exit(3) if os.environ['RANK'] == '1' else time.sleep(60)"
    assert Job(program(text), 2, patience=0.1).run() == 3


def test_lost_processes_are_started_again(tmp_path, monkeypatch, capsys):
    """The first time process 1 kills itself."""
    monkeypatch.chdir(tmp_path)
    text = (
        WRITE
        + "\nif os.environ['RANK'] == '1' and not os.path.exists('again'): open('again', 'w'); os.kill(os.getpid(), 9)"
    )
    assert main(["--processes", "2", *program(text)]) == PEER_LOST
    os.remove("again")
    assert main(["--processes", "2", "--restarts", "1", *program(text)]) == 0
    assert "start again" in capsys.readouterr().err


def test_a_killed_process_counts_more_than_the_errors_of_the_others():
    text = "import os, sys; sys.exit(1) if os.environ['RANK'] == '0' else os.kill(os.getpid(), 9)"
    assert Job(program(text), 2).run() == PEER_LOST


def test_a_signal_is_passed_on_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (
        "import os, signal, sys, time\n"
        "def stop(*_): print(1, file=open(os.environ['RANK'] + '.stopped', 'a')); sys.exit(130)\n"
        "signal.signal(signal.SIGTERM, stop); open(os.environ['RANK'] + '.ready', 'w'); time.sleep(60)"
    )

    def terminate():
        while len([name for name in os.listdir() if name.endswith(".ready")]) < 2:
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=terminate).start()
    assert main(["--processes", "2", "--restarts", "5", *program(text)]) == INTERRUPTED
    assert [(tmp_path / f"{rank}.stopped").read_text() for rank in (0, 1)] == ["1\n", "1\n"]


@pytest.mark.parametrize("words", [["--processes", "2"], ["--processes", "2", "no-such-program"]])
def test_no_such_command(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2 and "error: " in capsys.readouterr().err


def test_free_port():
    assert 1024 < free_port() < 65536
