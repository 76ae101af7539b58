"""Whether a process runs."""

import os
import pathlib
import subprocess
import sys

import pytest

from utils.processes import is_running, start_mark

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no signal 0")


def test_processes_that_run_have_ended_or_wait_to_be_collected():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = start_mark(process.pid)
    assert is_running(process.pid) and is_running(process.pid, mark) and is_running(os.getpid())
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, but its number is not free yet
    if pathlib.Path("/proc/self/stat").exists():
        assert mark and not is_running(process.pid, mark)
    process.communicate()
    assert not is_running(process.pid) and not is_running(2**70)


@pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="only Linux tells the start of a process")
def test_a_later_process_of_the_same_number_is_another():
    assert not is_running(os.getpid(), "1") and is_running(os.getpid(), start_mark(os.getpid()))
    assert start_mark(2**22 + 1) is None
