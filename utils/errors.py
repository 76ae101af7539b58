"""Exceptions with an exit code, one-line error reports, and "did you mean" suggestions."""

import contextlib
import difflib
import errno
import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator

from utils.text import printable

# Failures of a file system, not of the program, in any system call.
FILE_SYSTEM = {
    getattr(errno, name, None)
    for name in ("EROFS", "EACCES", "EPERM", "ENOSPC", "EDQUOT", "EIO", "ESTALE", "ENAMETOOLONG")
}
INTERRUPTED = 130  # exit code after Ctrl-C: 128 + SIGINT
leave_at_once = False  # set in jobs of several processes, whose Python would wait at its end for the others
PEER_LOST = 75  # exit code after the loss of another process of the job; EX_TEMPFAIL: worth another try


class UsageError(ValueError):
    """Wrong input from the user: a flag, a file, a label or a checkpoint. Exit code 2, as argparse's own."""

    exit_code = 2


class UnknownColorsError(UsageError):
    """Label colors, or label values, that belong to no class.

    Attributes:
        pixels: dict from each such color, as text, to its number of pixels, the most frequent first.
    """

    def __init__(self, message, pixels):
        super().__init__(message)
        self.pixels = pixels


class UnreadableError(Exception):
    """File of an unsupported kind, or damaged; the message has the kind and the remedy, not the file's name."""


class RunError(RuntimeError):
    """A valid request that cannot be completed: no connection, no memory, a NaN loss. Exit code 1."""

    exit_code = 1


class DivergedError(RunError):
    """A training whose numbers are no longer finite, or whose loss is far above that of knowing nothing."""


@contextlib.contextmanager
def memory_errors() -> Iterator[None]:
    """Raises the backends' out-of-memory exceptions as a one-line `RunError`."""
    try:
        yield
    except Exception as error:
        text = f"{type(error).__name__} {error}"
        if not any(mark in text for mark in ("ResourceExhausted", "RESOURCE_EXHAUSTED", "OutOfMemory")):
            raise
        raise RunError("out of memory; lower --batch_size or the crop, or choose a smaller model") from error


def report_errors(main: Callable) -> Callable:
    """Decorates a command's `main(argv=None)`: an exception with an `exit_code` becomes one line on standard error.

    Any exception class can take part by having an integer `exit_code`, without importing `utils`. So do failures of the
    file system, such as a read-only disk, with code 1. Every other exception is a defect of the program and keeps its
    traceback. File names that are not UTF-8 are printed escaped.
    """

    @functools.wraps(main)
    def wrapper(argv=None):
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        try:
            return main(argv)
        except KeyboardInterrupt:
            print("\nInterrupted.", file=sys.stderr)
            _leave(INTERRUPTED)
            raise SystemExit(INTERRUPTED) from None
        except Exception as error:
            message, code = str(error), getattr(error, "exit_code", None)
            if isinstance(error, OSError) and error.errno in FILE_SYSTEM - {None} and error.filename is not None:
                message, code = f"{os.fsdecode(error.filename)}: {error.strerror}", RunError.exit_code
            if code is None:
                if leave_at_once:
                    traceback.print_exc()
                    _leave(1)
                raise
            sys.stdout.flush()
            lines = [printable(line) for line in message.split("\n")]
            print("error: " + "\n".join(lines), file=sys.stderr)
            _leave(code)
            raise SystemExit(code) from error

    return wrapper


def _leave(code):
    """Ends a process that belongs to a job of several, see `leave_at_once`."""
    if leave_at_once:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def first_line(error: Exception) -> str:
    """Returns the first line of an exception's message; "" if it has none."""
    return str(error).strip().split("\n")[0]


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """Suggests the closest name as "; did you mean NAME", or "" if none is close."""
    name = closest_name(word, names)
    return f"; did you mean {name}?" if name else ""


def closest_name(word: str, names: Iterable[str]) -> str | None:
    """Finds the name closest to a misspelled word.

    A name that differs only in case, or by `-` for `_`, comes first; then the only name that begins with a word of
    four or more letters; then the most similar name.

    Args:
        word: the misspelled name.
        names: the valid names.

    Returns:
        The closest name, or None if none is close.
    """
    by_plain_name = {}
    for name in names:
        by_plain_name.setdefault(_plain(name), name)
    wanted = _plain(word)
    if wanted in by_plain_name:
        return by_plain_name[wanted]
    completions = [name for name in by_plain_name if len(wanted) > 3 and name.startswith(wanted)]
    close = completions if len(completions) == 1 else difflib.get_close_matches(wanted, by_plain_name, 1, 0.5)
    return by_plain_name[close[0]] if close else None


def _plain(name):
    return name.casefold().replace("-", "_")
