"""Lock of a training run: one process at a time writes its files."""

import contextlib
import json
import os
import pathlib
import platform
import secrets
import threading
import time
from collections.abc import Iterator

from utils.errors import RunError
from utils.files import make_folder, temporary_name
from utils.processes import is_running, start_mark
from utils.run_folder import RunFolder

BEAT_SECONDS = 60.0  # from one sign of life to the next
SILENT_SECONDS = 600.0  # without one, after which the process of another machine counts as ended


@contextlib.contextmanager
def run_lock(run: RunFolder) -> Iterator[None]:
    """Context in which no other process trains the run, on this machine or on another with the same disk.

    The lock is a file, `RunFolder.lock`. One of a process that has ended is removed, which is printed.

    Args:
        run: the run's files.

    Raises:
        RunError: if another process trains it, or if the folder of all runs cannot be written.
    """
    is_new = not run.lock.parent.exists()
    make_folder(run.lock.parent)
    text, ended = _acquire(run.lock, run.folder.name), threading.Event()
    threading.Thread(target=_beat, args=(run.lock, ended), daemon=True).start()
    try:
        yield
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            if run.lock.read_text(encoding="utf-8") == text:
                run.lock.unlink()
        if is_new:  # after an error nothing is left but an empty folder
            with contextlib.suppress(OSError):
                run.lock.parent.rmdir()


def _acquire(path: pathlib.Path, label: str) -> str:
    """Creates the lock file; returns its text."""
    pid = os.getpid()
    holder = {"process": pid, "start": start_mark(pid), "host": platform.node(), "key": secrets.token_hex(8)}
    text = json.dumps({**holder, "since": time.strftime("%Y-%m-%d %H:%M")})
    while True:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            return text
        except FileExistsError:
            _remove_stale(path, label)
        except OSError as error:
            raise RunError(f"cannot write to {path.parent}: {error.strerror}") from error


def _remove_stale(path, label):
    """Removes the lock of a process that has ended.

    Raises:
        RunError: if it has not.
    """
    try:
        text, age = path.read_text(encoding="utf-8", errors="replace"), _age(path)
    except FileNotFoundError:
        return  # removed since
    holder = _parse(text)
    who = f"process {holder.get('process')} on host {holder.get('host')}, since {holder.get('since')}"
    reason = _reason_of_removal(holder, age)
    if not reason:
        raise RunError(f"run {label} is training, {who}; give --name for another run, or wait until it ends")
    aside = path.with_name(temporary_name(path))
    try:
        path.rename(aside)
        if aside.read_text(encoding="utf-8", errors="replace") != text:  # another process was faster
            with contextlib.suppress(OSError):
                os.link(aside, path)
            return
    except FileNotFoundError:
        return
    finally:
        aside.unlink(missing_ok=True)
    print(f"The lock of run {label} is removed: {who}, {reason}")


def _reason_of_removal(holder, age):
    """Returns why the process of a lock counts as ended; None if it does not.

    Args:
        holder: content of the lock; {} if it is just being written.
        age: seconds since its last sign of life.
    """
    pid, start = holder.get("process"), holder.get("start")
    if holder.get("host") == platform.node() and isinstance(pid, int):
        if not is_running(pid, start):
            return "has ended"
        if start is not None:
            return None
    return f"has given no sign of life for {age / 60:.0f} minutes" if age > SILENT_SECONDS else None


def _parse(text):
    with contextlib.suppress(ValueError):
        holder = json.loads(text)
        return holder if isinstance(holder, dict) else {}
    return {}


def _age(path):
    """Returns the seconds since a file was written, by the clock of its disk."""
    probe = path.with_name(temporary_name(path))
    try:
        probe.touch()
        return probe.stat().st_mtime - path.stat().st_mtime
    except PermissionError:
        return time.time() - path.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _beat(path, ended):
    """Gives signs of life until the run ends."""
    while not ended.wait(BEAT_SECONDS):
        with contextlib.suppress(OSError):
            os.utime(path)
