"""Log of a training run: log.csv and its curves. Importing this module imports no Keras."""

import contextlib
import errno
import pathlib
import sys
from collections.abc import Iterator, Sequence

from utils.class_dict import ClassDict
from utils.errors import RunError, first_line
from utils.evaluation.class_plots import plot_class_iou
from utils.evaluation.plots import CURVES, plot_log
from utils.files import rows_text, write_rows
from utils.run_folder import RunFolder

CLASS_CURVES = "class_iou_vs_epochs.png"


@contextlib.contextmanager
def optional_write(path: pathlib.Path) -> Iterator[None]:
    """Context of a file that is worth less than the training: an error in writing it is a warning."""
    try:
        yield
    except (RunError, OSError, UnicodeError, MemoryError) as error:
        problem = getattr(error, "strerror", None) or first_line(error) or type(error).__name__
        text = problem if isinstance(error, RunError) else f"cannot write {path}: {problem}"
        # The standard error stream writes any name, the standard output does not.
        print(f"warning: {text}; the training continues without it; {_remedy(error)}", file=sys.stderr, flush=True)


def _remedy(error):
    """Returns what to do about a file that could not be written."""
    if isinstance(error, UnicodeError):
        return "rename files whose names are not UTF-8"
    cause = error if isinstance(error, OSError) else error.__cause__
    kind = errno.errorcode.get(getattr(cause, "errno", None), "ENOSPC")
    return "make room" if kind in ("ENOSPC", "EDQUOT") else "check the disk and its permissions"


def write_log(run: RunFolder, log: Sequence[dict], class_dict: ClassDict) -> None:
    """Writes log.csv and its curves.

    Args:
        run: where the files are.
        log: a dict per epoch, see `plot_log`.
        class_dict: `ClassDict`.
    """
    with optional_write(run.log):
        write_rows(run.log, log)
    with optional_write(run.folder / "loss_vs_epochs.png"):
        plot_log(run.folder, log)
    if any("val_mean_iou" in row for row in log):
        with optional_write(run.folder / CLASS_CURVES):
            plot_class_iou(run.folder / CLASS_CURVES, log, class_dict)


def refresh_log(run: RunFolder, log: Sequence[dict], class_dict: ClassDict) -> None:
    """Writes log.csv and its curves if a killed process left them behind the checkpoint, or ahead of it."""
    if log and not is_current(run, log):
        write_log(run, log, class_dict)


def is_current(run: RunFolder, log: Sequence[dict]) -> bool:
    """Returns whether log.csv has these rows and the curves were drawn after it."""
    curves = [*CURVES, CLASS_CURVES] if any("val_mean_iou" in row for row in log) else CURVES
    try:
        written = run.log.stat().st_mtime_ns
        is_drawn = all((run.folder / name).stat().st_mtime_ns >= written for name in curves)
        return is_drawn and run.log.read_text(encoding="utf-8") == rows_text(log)
    except (OSError, ValueError):
        return False
