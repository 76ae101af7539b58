"""How a mistake or a failure reaches the user: one line on standard error and an exit code, never a traceback."""

import contextlib
import functools
import sys

INTERRUPTED = 130  # the exit code of a program that was told to stop: 128 + SIGINT


class UsageError(ValueError):
    """The user gave something wrong: a flag, a file, a label, a checkpoint. Exit code 2, as argparse's own."""

    exit_code = 2


class UnknownColorsError(UsageError):
    """A label has colors, or values, of no class.

    Attributes:
        pixels: dict from each of them, as text, to its number of pixels, the commonest first.
    """

    def __init__(self, message, pixels):
        super().__init__(message)
        self.pixels = pixels


class RunError(RuntimeError):
    """The request was right but the work could not be finished: no network, no memory, a loss of NaN. Exit code 1."""

    exit_code = 1


@contextlib.contextmanager
def memory_errors():
    """Turns the engines' complaints about memory into one line."""
    try:
        yield
    except Exception as error:
        words = f"{type(error).__name__} {error}"
        if not any(mark in words for mark in ("ResourceExhausted", "RESOURCE_EXHAUSTED", "OutOfMemory")):
            raise
        raise RunError("out of memory; lower --batch_size or the crop, or choose a smaller model") from error


def report_errors(main):
    """Decorates a verb's `main(argv=None)`: errors with an `exit_code` end the program with one clear line.

    Any exception class may take part by having an integer `exit_code`, so that packages which know nothing of `utils`
    can do so too. Everything else is a defect of the program and keeps its traceback.
    """

    @functools.wraps(main)
    def wrapper(argv=None):
        try:
            return main(argv)
        except KeyboardInterrupt:
            print("\nInterrupted.", file=sys.stderr)
            raise SystemExit(INTERRUPTED) from None
        except Exception as error:
            if not hasattr(error, "exit_code"):
                raise
            sys.stdout.flush()
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(error.exit_code) from error

    return wrapper
