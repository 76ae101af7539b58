"""Processes of this machine: whether one runs, and since when."""

import os
import pathlib


def is_running(pid: int, started: str | None = None) -> bool:
    """Returns whether a process runs on this machine.

    Args:
        pid: its number.
        started: its `start_mark`, which tells it from a later process of the same number; None if unknown.

    Returns:
        False if it has ended, True if it runs or if the system does not say.
    """
    if os.name == "nt":
        return True  # there, signal 0 would be a Ctrl-C
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass  # of another user
    fields = _status(pid)
    if fields is None:
        return True
    return fields[0] not in ("Z", "X") and started in (None, fields[19])


def start_mark(pid: int) -> str | None:
    """Returns when a process started, in the system's own unit; None if the system does not say."""
    fields = _status(pid)
    return fields and fields[19]


def _status(pid):
    """Returns the fields of Linux's /proc/PID/stat after the name: the state, ..., the start time as number 19."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
