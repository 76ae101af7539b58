"""File operations of a process, observed by an audit hook, with an action before each of them."""

import errno
import fnmatch
import os
import pathlib
import re
import signal
import sys
from collections.abc import Callable

ONE_PATH = ("os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod", "os.utime")
WITH_FOLDER = ("os.remove", "os.mkdir", "os.rmdir")  # whose last argument may be the descriptor of a folder
TWO_PATHS = ("os.rename", "os.link", "os.symlink")  # os.replace is "os.rename" too
TEMPORARY = re.compile(r"\.tmp[0-9a-f_]*")  # of `utils.files.temporary_name`
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def observe(act: Callable[[str, str], None]) -> None:
    """Calls a function before every operation of this process that changes a file, until the process ends.

    Python code is observed, such as `open`, `os.replace`, `os.fsync`, `zipfile` and `shutil`; libraries that write in C
    are not. A write into an open file is no operation of its own.

    Args:
        act: function of the operation, such as "open", "rename" or "fsync", and the absolute path that it creates,
            changes or removes. An exception that it raises is that of the operation.
    """

    def hook(event, arguments):
        path = changed_path(event, arguments)
        if path is not None:
            act(event.removeprefix("os."), os.path.abspath(os.fsdecode(path)))

    def observed(name, flush):
        def flush_observed(descriptor):
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            act(name, os.readlink(f"/proc/self/fd/{number}"))
            flush(descriptor)

        return flush_observed

    sys.addaudithook(hook)
    for name in ("fsync", "fdatasync"):  # audit events do not include them
        setattr(os, name, observed(name, getattr(os, name)))


def changed_path(event: str, arguments: tuple) -> str | bytes | os.PathLike | None:
    """Returns the path that an audit event creates, changes or removes; None for any other event."""
    if event == "open":
        path, mode, flags = arguments
        is_writing = (flags or 0) & WRITING or set(mode or "") & set("wax+")
        return path if is_writing and not isinstance(path, int) else None
    if event in ONE_PATH or event in TWO_PATHS:
        path = arguments[1 if event in TWO_PATHS else 0]
        if event in WITH_FOLDER and arguments[-1] >= 0:  # shutil.rmtree names files within an open folder
            return os.path.join(os.readlink(f"/proc/self/fd/{arguments[-1]}"), os.fsdecode(path))
        return None if isinstance(path, int) else path
    return None


class Watch:
    """List of the file operations in a folder, and an action before one of them.

    Args:
        folder: operations outside it are not counted.
        at: number of the operation before which the action is done, from 1; None for none.
        action: function without arguments.
        pattern: as in `fnmatch`; only such operations are counted, written `"<operation> <path in the folder>"`.
            Temporary files are written `.<name>.tmp<extension>`.

    Attributes:
        seen: list of the operations that were counted.
        on_first: function that is called before the first operation in the folder.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        at: int | None = None,
        action: Callable[[], None] = lambda: None,
        pattern: str = "*",
    ):
        self.prefix, self.at, self.action, self.pattern = f"{os.path.abspath(folder)}/", at, action, pattern
        self.seen, self.on_first = [], None

    def __call__(self, operation: str, path: str) -> bool:
        """Counts an operation; returns whether it is of those that are counted."""
        if not path.startswith(self.prefix):
            return False
        if self.on_first:
            self.on_first, first = None, self.on_first
            first()
        name = f"{operation} {TEMPORARY.sub('.tmp', path.removeprefix(self.prefix))}"
        if not fnmatch.fnmatchcase(name, self.pattern):
            return False
        self.seen.append(name)
        if len(self.seen) == self.at:
            self.action()
        return True


def kill() -> None:
    """Kills this process with SIGKILL."""
    os.kill(os.getpid(), signal.SIGKILL)


class Refusal(Watch):
    """Watch from whose operation on every operation in the folder fails, as on a full or read-only file system.

    Args:
        folder, at, pattern: as of `Watch`.
        number: an `errno`, such as ENOSPC or EROFS.
        is_alone: whether only operations fail that are counted, as those of a single file.
    """

    def __init__(self, folder: pathlib.Path, at: int, number: int, pattern: str = "*", is_alone: bool = False):
        super().__init__(folder, at, self._begin, pattern)
        self.number, self.is_alone, self.is_on = number, is_alone, False

    def _begin(self):
        self.is_on = True

    def __call__(self, operation: str, path: str) -> bool:
        """Counts an operation, and raises OSError from the chosen one on; a full disk lets files be removed."""
        is_counted = super().__call__(operation, path)
        fails = is_counted if self.is_alone else path.startswith(self.prefix)
        if self.is_on and fails and (operation != "remove" or self.number != errno.ENOSPC):
            raise OSError(self.number, os.strerror(self.number), path)
        return is_counted


def fill(folder: pathlib.Path) -> None:
    """Fills the file system of a folder to its last byte, with a file `filler` in it."""
    with open(folder / "filler", "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


def fill_open_file(part: str) -> None:
    """Lets every later write into a file that this process has open fail, as on a full disk.

    Args:
        part: folder or name in the path of the file.
    """
    full = os.open("/dev/full", os.O_WRONLY)
    for name in os.listdir("/proc/self/fd"):
        path = pathlib.Path(f"/proc/self/fd/{name}")
        if os.path.lexists(path) and part in pathlib.Path(os.readlink(path)).parts:
            os.dup2(full, int(name))
    os.close(full)
